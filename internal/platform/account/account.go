// Package account is the person behind everything: registered, able to sign in, with a default organization.
package account

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// User is a person.
type User struct {
	ID           ident.UserID
	Suspended    bool
	DefaultOrgID *ident.OrgID
	DefaultSlug  string // "" without a default organization
	CreatedAt    time.Time
	Version      int32
}

// Viewer is whoever is asking; its details are read by the packages that own them.
type Viewer struct {
	IsAuthenticated       bool
	UserID                *ident.UserID
	DefaultOrganizationID *ident.OrgID
	Landing               string // where this person's console begins
}

// Service reads and makes accounts.
type Service struct {
	DB *db.DB
	q  accountq.Queries
}

// RegisterTx makes a registered person in the effect's transaction.
func (s *Service) RegisterTx(ctx context.Context, e *door.Effect) (ident.UserID, error) {
	id := ident.New[ident.UserID](e.Tx.Now)
	if err := s.q.AddUser(ctx, e.Tx, accountq.AddUserParams{ID: id.UUID(), CreatedAt: e.Tx.Now}); err != nil {
		return id, fmt.Errorf("add the account: %w", err)
	}
	e.Record(event.Change{Action: "account.registered", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1}, Audited: true})
	return id, nil
}

// SetDefaultTx says where the person's console begins.
func (s *Service) SetDefaultTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	if err := s.q.SetDefaultOrg(ctx, e.Tx, accountq.SetDefaultOrgParams{ID: user.UUID(), DefaultOrgID: new(org.UUID())}); err != nil {
		return fmt.Errorf("set the default organization: %w", err)
	}
	return nil
}

// Get reads one account; NOT_FOUND for an unknown id.
func (s *Service) Get(ctx context.Context, id ident.UserID) (*User, error) {
	r, err := s.q.UserByID(ctx, s.DB, accountq.UserByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("user")
	} else if err != nil {
		return nil, fmt.Errorf("read the account %s: %w", id, err)
	}
	return &User{ID: id, Suspended: r.Access == "SUSPENDED", DefaultOrgID: ident.FromPtr[ident.OrgID](r.DefaultOrgID), DefaultSlug: r.DefaultSlug, CreatedAt: r.CreatedAt, Version: r.Version}, nil
}

// Viewer says who is asking; nobody is an answer too.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	caller := authz.From(ctx)
	if caller.UserID.IsZero() {
		return &Viewer{IsAuthenticated: caller.Kind != authz.PUBLIC, Landing: "/login"}, nil
	}
	u, err := s.Get(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	v := &Viewer{IsAuthenticated: true, UserID: &u.ID, DefaultOrganizationID: u.DefaultOrgID, Landing: "/login"}
	if u.DefaultSlug != "" {
		v.Landing = "/" + u.DefaultSlug
	}
	return v, nil
}
