// Package account is the person behind everything: registered, able to sign in, with a default organization.
//
// Beside what people may do in their organizations stand roles of the platform. Everybody is STANDARD. Who holds OPERATIONS and signs in with two factors is
// an operator; the first two are made from the command line, and each later one needs the word of a second operator. One always stays. An operator may
// suspend somebody, which ends that person's sessions and keys everywhere within a second.
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

// Account is what the product needs to know of a person at every turn.
type Account struct {
	ID           ident.UserID
	Suspended    bool
	DefaultOrgID *ident.OrgID
	DefaultSlug  string // "" without a default organization
	Roles        []PlatformRole
	CreatedAt    time.Time
	Version      int32
}

// Viewer is whoever is asking; its details are read by the packages that own them.
type Viewer struct {
	IsAuthenticated       bool
	UserID                *ident.UserID
	DefaultOrganizationID *ident.OrgID
	Landing               string // where this person's console begins
	PlatformRoles         []PlatformRole
	OperatorPermissions   []authz.Permission // what this session may do as an operator
	TermsToAccept         *string            // the version of the terms that the person has not accepted yet; nil: none
}

// Service reads and makes accounts. Its fields are set by the assembly.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Authz   *authz.Authorizer
	Factors Factors // nil: nobody has second factors
	// EndRights ends somebody's sessions and keys.
	EndRights func(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error
	// Told mails somebody which roles of the platform they hold now.
	Told    func(ctx context.Context, e *door.Effect, user ident.UserID, roles []PlatformRole) error
	Terms   string // the version of the terms that hold now; "": there are none
	Erasure Erasure

	q accountq.Queries
}

// Querier is what a look-up runs on: the pool, or the transaction that asks.
type Querier = accountq.DBTX

// Factors are the second factors of people, as far as accounts need them.
type Factors interface {
	// Methods lists the kinds of factors that a person has confirmed, without recovery codes: TOTP, WEBAUTHN.
	Methods(ctx context.Context, on Querier, user ident.UserID) ([]string, error)
	// ResetTx takes all factors of a person away and mails them how to go on.
	ResetTx(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error
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
				return s.viewer(ctx, u), nil
			}
			if err := s.SetDefaultTx(ctx, e, u.ID, org); err != nil {
				return nil, err
			}
			e.Record(event.Change{Action: "account.default_organization_changed", Subject: u.ID.String(), Version: u.Version + 1, Payload: map[string]any{"v": 1, "organization": org.String()}})
			u, err = s.byID(ctx, e.Tx, u.ID)
			return s.viewer(ctx, u), err
		},
	}, org)
}

// Get reads one account; NOT_FOUND for an unknown id.
func (s *Service) Get(ctx context.Context, id ident.UserID) (*Account, error) {
	return s.byID(ctx, s.DB, id)
}

func (s *Service) byID(ctx context.Context, on accountq.DBTX, id ident.UserID) (*Account, error) {
	r, err := s.q.UserByID(ctx, on, accountq.UserByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("user")
	} else if err != nil {
		return nil, fmt.Errorf("read the account %s: %w", id, err)
	}
	return &Account{ID: id, Suspended: r.Access == "SUSPENDED", DefaultOrgID: ident.FromPtr[ident.OrgID](r.DefaultOrgID), DefaultSlug: r.DefaultSlug, Roles: withStandard(r.Roles), CreatedAt: r.CreatedAt, Version: r.Version}, nil
}

// Viewer says who is asking; nobody is an answer too.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	caller := authz.From(ctx)
	if caller.UserID.IsZero() {
		return &Viewer{IsAuthenticated: caller.Kind != authz.PUBLIC, Landing: "/login", PlatformRoles: []PlatformRole{}, OperatorPermissions: []authz.Permission{}}, nil
	}
	u, err := s.Get(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	v := s.viewer(ctx, u)
	v.TermsToAccept, err = s.pending(ctx, u.ID)
	return v, err
}

func (s *Service) viewer(ctx context.Context, u *Account) *Viewer {
	if u == nil {
		return nil
	}
	v := &Viewer{IsAuthenticated: true, UserID: &u.ID, DefaultOrganizationID: u.DefaultOrgID, Landing: "/login", PlatformRoles: u.Roles, OperatorPermissions: []authz.Permission{}}
	if u.DefaultSlug != "" {
		v.Landing = "/" + u.DefaultSlug
	}
	if s.Authz != nil {
		v.OperatorPermissions = s.Authz.Operations(ctx)
	}
	if len(v.OperatorPermissions) > 0 {
		v.Landing = operatorsHome
	}
	return v
}
