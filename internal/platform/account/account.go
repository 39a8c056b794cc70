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
	DB   *db.DB
	Door *door.Door

	q accountq.Queries
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

// AcceptTermsTx notes that the person accepted a version of the terms.
func (s *Service) AcceptTermsTx(ctx context.Context, e *door.Effect, user ident.UserID, version string) error {
	if err := s.q.AcceptTerms(ctx, e.Tx, accountq.AcceptTermsParams{UserID: user.UUID(), TermsVersion: version, AcceptedAt: e.Tx.Now}); err != nil {
		return fmt.Errorf("note the terms: %w", err)
	}
	e.Record(event.Change{Action: "account.terms_accepted", Subject: user.String(), Version: 1, Stream: "terms:" + user.String(), Chain: user.String(), Payload: map[string]any{"v": 1, "terms": version}, Audited: true})
	return nil
}

// SetDefaultTx says where the person's console begins.
func (s *Service) SetDefaultTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	if err := s.q.SetDefaultOrg(ctx, e.Tx, accountq.SetDefaultOrgParams{ID: user.UUID(), DefaultOrgID: new(org.UUID())}); err != nil {
		return fmt.Errorf("set the default organization: %w", err)
	}
	return nil
}

// LeaveTx lets the person's console begin elsewhere when it began in org: in the person's own organization, else in the one joined first.
func (s *Service) LeaveTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	if err := s.q.LeaveDefaultOrg(ctx, e.Tx, accountq.LeaveDefaultOrgParams{UserID: user.UUID(), OrgID: org.UUID()}); err != nil {
		return fmt.Errorf("leave the default organization: %w", err)
	}
	return nil
}

// ChangeDefault says where the caller's console begins from the next sign-in on. What is open goes on where it is.
func (s *Service) ChangeDefault(ctx context.Context, org ident.OrgID) (*Viewer, error) {
	return door.Do(ctx, s.Door, door.Change[ident.OrgID, *Viewer]{
		Action: door.Action{Name: "account.change_default_organization", Self: true, Paid: true, Once: true},
		Org:    func(_ context.Context, org ident.OrgID) (ident.OrgID, error) { return org, nil },
		Do: func(ctx context.Context, e *door.Effect, org ident.OrgID) (*Viewer, error) {
			u, err := s.byID(ctx, e.Tx, e.Caller.UserID)
			if err != nil {
				return nil, err
			}
			if u.DefaultOrgID != nil && *u.DefaultOrgID == org {
				e.Quiet()
				return viewer(u), nil
			}
			if err := s.SetDefaultTx(ctx, e, u.ID, org); err != nil {
				return nil, err
			}
			e.Record(event.Change{Action: "account.default_organization_changed", Subject: u.ID.String(), Version: u.Version + 1, Payload: map[string]any{"v": 1, "organization": org.String()}})
			u, err = s.byID(ctx, e.Tx, u.ID)
			return viewer(u), err
		},
	}, org)
}

// Get reads one account; NOT_FOUND for an unknown id.
func (s *Service) Get(ctx context.Context, id ident.UserID) (*User, error) {
	return s.byID(ctx, s.DB, id)
}

func (s *Service) byID(ctx context.Context, on accountq.DBTX, id ident.UserID) (*User, error) {
	r, err := s.q.UserByID(ctx, on, accountq.UserByIDParams{ID: id.UUID()})
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
	if !caller.Only.IsZero() { // the console of this session is that of the one organization
		u.DefaultOrgID = &caller.Only
		if u.DefaultSlug, err = s.q.SlugOf(ctx, s.DB, accountq.SlugOfParams{ID: caller.Only.UUID()}); err != nil {
			return nil, fmt.Errorf("read the organization of the session: %w", err)
		}
	}
	return viewer(u), nil
}

func viewer(u *User) *Viewer {
	if u == nil {
		return nil
	}
	v := &Viewer{IsAuthenticated: true, UserID: &u.ID, DefaultOrganizationID: u.DefaultOrgID, Landing: "/login"}
	if u.DefaultSlug != "" {
		v.Landing = "/" + u.DefaultSlug
	}
	return v
}
