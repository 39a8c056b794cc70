// Package authz decides who may do what, and for which organization.
//
// A caller is a Principal in the context. Authorize answers a Scope, which is the only source of the organization id that tenant queries take:
// who has no Scope has no org_id to ask with. Strangers get NOT_FOUND, members without the permission FORBIDDEN.
//
// Rights end everywhere within a second, with Redis or without: whatever ends one writes a row into revocation, and every process reads the new
// rows twice a second. What this package remembers about rights lives at most one second.
package authz

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/authzq"
)

// Permission is <noun>.<verb>.
type Permission string

// Role is one of the sets of permissions that a membership holds; roles are sets, not a ladder.
type Role string

const (
	Member       Role = "MEMBER"
	Owner        Role = "OWNER"
	BillingAdmin Role = "BILLING_ADMIN"
)

// What concerns the caller alone (one's own keys, one's own profile) takes these two. Whoever belongs to an organization holds them, whatever the roles;
// a key only when they are among its scopes, so that a key without scopes can do nothing at all.
const (
	SelfRead  Permission = "self.read"
	SelfWrite Permission = "self.write"
)

// Grant says who holds a permission. Each subdomain contributes its own.
type Grant struct {
	Permission Permission
	Roles      []Role
	Widget     []string // scopes of a widget token, any one is enough; "ANY" for every token
	Operator   bool     // operators hold it, for what belongs to no organization or to any
	What       string   // for the table in docs/permissions.md
}

// Scope is the proof that a caller may do something in one organization.
type Scope struct {
	org         ident.OrgID
	application ident.ApplicationID
}

// Org is the organization that the caller was authorised for.
func (s Scope) Org() ident.OrgID { return s.org }

// OrgUUID is Org as tenant queries take it.
func (s Scope) OrgUUID() uuid.UUID { return s.org.UUID() }

// Covers says whether the scope reaches an application: keys and widget tokens may be narrowed to one, and others are NOT_FOUND to them.
func (s Scope) Covers(app ident.ApplicationID) bool {
	return s.application.IsZero() || s.application == app
}

// Application is the one application that the caller is narrowed to; zero when it is not.
func (s Scope) Application() ident.ApplicationID { return s.application }

// Authorizer decides. It is safe for concurrent use.
type Authorizer struct {
	db      *db.DB
	q       *authzq.Queries
	grants  map[Permission]Grant
	order   []Permission
	revoked *Revocations

	mu    sync.Mutex
	roles map[membership]remembered
}

type membership struct {
	org  ident.OrgID
	user ident.UserID
}

type remembered struct {
	roles []Role
	until time.Time
}

// New joins the grants of all subdomains; a permission that is granted twice is a mistake of the programmer.
func New(d *db.DB, grants ...Grant) *Authorizer {
	a := &Authorizer{db: d, q: authzq.New(), grants: map[Permission]Grant{}, roles: map[membership]remembered{}}
	a.revoked = newRevocations(d, a.forget)
	all := []Role{Member, Owner, BillingAdmin}
	a.Add(
		Grant{Permission: SelfRead, Roles: all, What: "read what is one's own"},
		Grant{Permission: SelfWrite, Roles: all, What: "change what is one's own"},
	)
	a.Add(grants...)
	return a
}

// Add is for the assembly, before anything runs.
func (a *Authorizer) Add(grants ...Grant) {
	for _, g := range grants {
		if _, twice := a.grants[g.Permission]; twice {
			panic("permission " + string(g.Permission) + " is granted twice")
		}
		a.grants[g.Permission] = g
		a.order = append(a.order, g.Permission)
	}
	slices.Sort(a.order)
}

// Grants lists the registry in order of name.
func (a *Authorizer) Grants() []Grant {
	out := make([]Grant, 0, len(a.order))
	for _, p := range a.order {
		out = append(out, a.grants[p])
	}
	return out
}

// Authorize answers the caller's scope in org. PUBLIC callers get UNAUTHENTICATED, strangers NOT_FOUND, members without the permission
// FORBIDDEN; work of the product itself may do everything.
func (a *Authorizer) Authorize(ctx context.Context, p Permission, org ident.OrgID) (Scope, error) {
	caller := From(ctx)
	if caller.Kind == PUBLIC {
		return Scope{}, fault.Unauthorized("", "Sign in, or send an API key.")
	}
	if org.IsZero() {
		return Scope{}, fault.NotFound("organization")
	}
	if caller.Kind == SYSTEM {
		return Scope{org: org}, nil
	}
	g, known := a.grants[p]
	if !known {
		return Scope{}, fmt.Errorf("authorize: nobody grants the permission %q", p)
	}
	held, err := a.held(ctx, caller, org)
	if err != nil {
		return Scope{}, err
	}
	if !held(g) {
		return Scope{}, fault.Forbidden(string(p))
	}
	if a.db.Walled() {
		db.See(ctx, org.UUID())
	}
	return Scope{org: org, application: caller.ApplicationID}, nil
}

// Enter answers the scope of a caller who changes what is the caller's own.
func (a *Authorizer) Enter(ctx context.Context, org ident.OrgID) (Scope, error) {
	return a.Authorize(ctx, SelfWrite, org)
}

// Operate says whether the caller may do what belongs to no organization or to any: operators alone, and work of the product itself.
func (a *Authorizer) Operate(ctx context.Context, p Permission) error {
	caller := From(ctx)
	g, known := a.grants[p]
	switch {
	case caller.Kind == SYSTEM:
		return nil
	case caller.Kind == PUBLIC:
		return fault.Unauthorized("", "Sign in, or send an API key.")
	case !known:
		return fmt.Errorf("authorize: nobody grants the permission %q", p)
	case caller.Kind != OPERATOR || !g.Operator:
		return fault.Forbidden(string(p))
	}
	if a.db.Walled() {
		db.SeeAll(ctx, string(p))
	}
	return nil
}

// Operations lists what the caller may do as an operator, for showing and hiding controls; never a grant. Nothing for everybody else.
func (a *Authorizer) Operations(ctx context.Context) []Permission {
	out := []Permission{}
	if From(ctx).AsOperator().Kind != OPERATOR {
		return out
	}
	for _, p := range a.order {
		if a.grants[p].Operator {
			out = append(out, p)
		}
	}
	return out
}

// Permissions lists what the caller may do in org, for showing and hiding controls; never a grant. Nothing for strangers.
func (a *Authorizer) Permissions(ctx context.Context, org ident.OrgID) ([]Permission, error) {
	caller := From(ctx)
	out := []Permission{}
	if caller.Kind == PUBLIC || org.IsZero() {
		return out, nil
	}
	held, err := a.held(ctx, caller, org)
	if fault.Is(err, fault.NotFoundCode) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	for _, p := range a.order {
		if held(a.grants[p]) {
			out = append(out, p)
		}
	}
	return out, nil
}

// held answers the test of a grant for this caller in org, or NOT_FOUND for a stranger.
func (a *Authorizer) held(ctx context.Context, caller Principal, org ident.OrgID) (func(Grant) bool, error) {
	person := caller.Kind == USER || caller.Kind == OPERATOR // who runs the installation may belong to an organization as well
	if !person && caller.OrgID != org {                      // every other credential is bound to one organization
		return nil, fault.NotFound("organization")
	}
	if !caller.Only.IsZero() && caller.Only != org { // a session of an organization's own provider (PF-SES-6)
		return nil, fault.NotFound("organization")
	}
	if caller.Kind == WIDGET {
		if caller.Widget == nil {
			return nil, fault.NotFound("organization")
		}
		return func(g Grant) bool {
			return slices.ContainsFunc(g.Widget, func(s string) bool { return s == "ANY" || slices.Contains(caller.Widget.Scopes, s) })
		}, nil
	}
	roles, err := a.rolesOf(ctx, membership{org, caller.UserID})
	if err != nil {
		return nil, err
	}
	if len(roles) == 0 {
		return nil, fault.NotFound("organization")
	}
	return func(g Grant) bool {
		if !person && !slices.Contains(caller.Scopes, g.Permission) {
			return false
		}
		return slices.ContainsFunc(g.Roles, func(r Role) bool { return slices.Contains(roles, r) })
	}, nil
}

func (a *Authorizer) rolesOf(ctx context.Context, m membership) ([]Role, error) {
	now := time.Now()
	a.mu.Lock()
	r, ok := a.roles[m]
	a.mu.Unlock()
	if ok && now.Before(r.until) {
		return r.roles, nil
	}
	rows, err := a.q.RolesOf(ctx, a.db, authzq.RolesOfParams{OrgID: m.org.UUID(), UserID: m.user.UUID()})
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("read the roles of %s in %s: %w", m.user, m.org, err)
	}
	roles := make([]Role, len(rows))
	for n, s := range rows {
		roles[n] = Role(s)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.roles) > 10_000 {
		clear(a.roles)
	}
	a.roles[m] = remembered{roles, now.Add(time.Second)}
	return roles, nil
}

// forget drops what is remembered when a right ended.
func (a *Authorizer) forget(string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.roles)
}
