package account

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

const (
	mayReadAny authz.Permission = "account.read_any"

	operatorsHome = "/people"
	changedHere   = "account"
	chain         = "platform"
	countedMost   = 10_000
	maxSearch     = 254
)

// User is a person or machine as operators see it.
type User struct {
	ID              ident.UserID
	Kind            string
	Status          UserStatus
	Access          UserAccess
	AccessReason    *string
	AccessChangedAt *time.Time
	PlatformRoles   []PlatformRole
	Name            string
	Email           *string
	EmailVerified   bool
	Locale          string
	LastSeenAt      *time.Time
	ApiKeys         int32
	CreatedAt       time.Time
	RightsVersion   int32
}

// UserStatus is how far an account is.
type UserStatus string

const (
	Unconfirmed UserStatus = "UNCONFIRMED"
	Registered  UserStatus = "REGISTERED"
	Erased      UserStatus = "ERASED"
)

// UserOrganization is where a person belongs to.
type UserOrganization struct {
	OrganizationID ident.OrgID
	Slug           string
	Name           string
	Roles          []authz.Role
	JoinedAt       time.Time
	DeletedAt      *time.Time
}

type (
	UserPage = page.Of[*User]
	UserEdge = page.Edge[*User]
)

// UserFilter narrows a list of people; what is nil does not.
type UserFilter struct {
	Text           *string // part of a name or an address, or an id
	OrganizationID *ident.OrgID
	Access         *UserAccess
	Role           *PlatformRole
}

// label is what people call somebody.
func (u *User) label() string { return cmp.Or(u.Name, deref(u.Email), u.ID.String()) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Inspect reads somebody for an operator, which is noted in the ledger.
func (s *Service) Inspect(ctx context.Context, id ident.UserID) (*User, error) {
	return door.Do(ctx, s.Door, door.Change[ident.UserID, *User]{
		Action: door.Action{Name: "account.read", Permission: mayReadAny, Operator: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.UserID) (*User, error) {
			u, err := s.user(ctx, e.Tx, id)
			if err != nil {
				return nil, err
			}
			e.Record(event.Change{Action: "account.read", Subject: id.String(), Version: u.RightsVersion, Stream: "read:" + id.String(), Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
			return u, nil
		},
	}, id)
}

// Watch is somebody as operators see them, now and after each change. Beginning to look is noted in the ledger.
func (s *Service) Watch(ctx context.Context, id ident.UserID) (live.Feed[*User], error) {
	if _, err := s.Inspect(ctx, id); err != nil {
		return live.Feed[*User]{}, err
	}
	var version int64
	var before string
	return live.Feed[*User]{Subjects: []string{id.String()}, Now: func(ctx context.Context) (*User, int64, error) {
		if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
			return nil, version, err
		}
		u, err := s.user(ctx, s.DB, id)
		if err != nil {
			return nil, version, err
		}
		if now := fmt.Sprint(u.RightsVersion, u.Access, u.PlatformRoles, u.Name, deref(u.Email), u.ApiKeys, u.Status); now != before {
			version, before = version+1, now
		}
		return u, version, nil
	}}, nil
}

func (s *Service) user(ctx context.Context, on accountq.DBTX, id ident.UserID) (*User, error) {
	r, err := s.q.UserForOperators(ctx, on, accountq.UserForOperatorsParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("user")
	} else if err != nil {
		return nil, fmt.Errorf("read the account %s: %w", id, err)
	}
	return fromRow(r), nil
}

func fromRow(r *accountq.UserForOperatorsRow) *User {
	u := &User{ID: ident.From[ident.UserID](r.ID), Kind: r.Kind, Status: UserStatus(r.Status), Access: UserAccess(r.Access), AccessReason: r.AccessReason, AccessChangedAt: r.AccessChangedAt,
		PlatformRoles: withStandard(r.Roles), Name: r.Name, EmailVerified: r.EmailVerifiedAt != nil, Locale: cmp.Or(r.Locale, "en"), LastSeenAt: since(r.LastSeenAt), ApiKeys: r.ApiKeys,
		CreatedAt: r.CreatedAt, RightsVersion: r.RightsVersion}
	if r.Email != "" {
		u.Email = &r.Email
	}
	return u
}

// List pages through people and machines over all organizations for an operator, the newest first.
func (s *Service) List(ctx context.Context, f UserFilter, a page.Args) (*UserPage, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	p, text := accountq.ListUsersParams{Before: uuid.Max, Most: int32(a.First) + 1}, strings.TrimSpace(deref(f.Text))
	if a.After != nil {
		p.Before = a.After.ID
	}
	if id, err := ident.Parse[ident.UserID](text); err == nil {
		p.Exact, text = new(id.UUID()), ""
	}
	if len(text) > maxSearch || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fault.Invalid("filter.text", "too_long", "Search for at most %d characters.", maxSearch)
	}
	if f.Access != nil {
		p.Access = string(*f.Access)
	}
	if f.Role != nil {
		p.Role = string(*f.Role)
	}
	if f.OrganizationID != nil {
		p.OrgID = new(f.OrganizationID.UUID())
	}
	all, n, err := s.find(ctx, p, text)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	var total *int32
	if n <= countedMost {
		total = new(int32(n))
	}
	return new(page.Make(a, all, total, func(u *User) page.Cursor { return page.Cursor{ID: u.ID.UUID()} })), nil
}

// find answers a page of people and how many there are, up to one more than is counted.
func (s *Service) find(ctx context.Context, p accountq.ListUsersParams, text string) (all []*User, n int64, err error) {
	if text != "" {
		like := page.Contains(text)
		rows, err := s.q.SearchUsers(ctx, s.DB, accountq.SearchUsersParams{Before: p.Before, Pattern: like, Access: p.Access, Role: p.Role, OrgID: p.OrgID, Most: p.Most})
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			all = append(all, fromRow((*accountq.UserForOperatorsRow)(r)))
		}
		n, err = s.q.CountFoundUsers(ctx, s.DB, accountq.CountFoundUsersParams{Pattern: like, Access: p.Access, Role: p.Role, OrgID: p.OrgID, Most: countedMost + 1})
		return all, n, err
	}
	rows, err := s.q.ListUsers(ctx, s.DB, p)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range rows {
		all = append(all, fromRow((*accountq.UserForOperatorsRow)(r)))
	}
	n, err = s.q.CountUsers(ctx, s.DB, accountq.CountUsersParams{Exact: p.Exact, Access: p.Access, Role: p.Role, OrgID: p.OrgID, Most: countedMost + 1})
	return all, n, err
}

// OrganizationsOf lists where somebody belongs to, for an operator; at most 100.
func (s *Service) OrganizationsOf(ctx context.Context, user ident.UserID) ([]*UserOrganization, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	rows, err := s.q.OrganizationsOfUser(ctx, s.DB, accountq.OrganizationsOfUserParams{UserID: user.UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the organizations of %s: %w", user, err)
	}
	out := make([]*UserOrganization, len(rows))
	for n, r := range rows {
		o := &UserOrganization{OrganizationID: ident.From[ident.OrgID](r.ID), Slug: r.Slug, Name: r.Name, JoinedAt: r.JoinedAt, DeletedAt: r.DeletedAt, Roles: []authz.Role{}}
		for _, role := range r.Roles {
			o.Roles = append(o.Roles, authz.Role(role))
		}
		out[n] = o
	}
	return out, nil
}

// MethodsOf lists the kinds of second factors that somebody has confirmed, for an operator.
func (s *Service) MethodsOf(ctx context.Context, user ident.UserID) ([]string, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	return s.methods(ctx, s.DB, user)
}

func (s *Service) methods(ctx context.Context, on accountq.DBTX, user ident.UserID) ([]string, error) {
	if s.Factors == nil {
		return []string{}, nil
	}
	methods, err := s.Factors.Methods(ctx, on, user)
	return append([]string{}, methods...), err
}

// Part is what accounts contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "account", Grants: []authz.Grant{
		{Permission: mayReadAny, Operator: true, What: "see people of all organizations, which is noted"},
		{Permission: mayAssign, Operator: true, What: "make and unmake operators; making one waits for a second operator"},
		{Permission: maySuspend, Operator: true, What: "suspend people, and let them in again"},
		{Permission: mayReset, Operator: true, What: "take second factors away from who lost them; waits for a second operator"},
	}}
}
