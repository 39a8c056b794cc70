package membership_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

type house struct {
	*spinetest.Bundle
	members  *membership.Service
	accounts *account.Service
	keys     *apikey.Service
}

func build(t *testing.T) *house {
	t.Helper()
	b := spinetest.New(t)
	h := &house{Bundle: b, accounts: &account.Service{DB: b.DB, Door: b.Door}, keys: &apikey.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}}
	h.members = &membership.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}
	h.members.Left = func(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
		if err := h.accounts.LeaveTx(ctx, e, user, org); err != nil {
			return err
		}
		return h.keys.EndOfMemberTx(ctx, e, user, org)
	}
	b.Join(h.members.Part(), h.keys.Part())
	return h
}

func (h *house) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := h.DB.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// person makes somebody with a personal organization and lets them join.
func (h *house) person(t *testing.T, name string, roles ...string) ident.UserID {
	t.Helper()
	own, user := h.Organization(t, name)
	h.exec(t, "update organization set ownership = 'PERSONAL' where id = $1", own.UUID())
	h.exec(t, "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, now())", ident.V7(time.Now()), h.Org.UUID(), user.UUID(), roles)
	h.exec(t, "update app_user set default_org_id = $2 where id = $1", user.UUID(), h.Org.UUID())
	return user
}

func (h *house) roles(t *testing.T, user ident.UserID) (roles []string) {
	t.Helper()
	rows, err := h.DB.Query(t.Context(), "select unnest(roles) from membership where org_id = $1 and user_id = $2 order by 1", h.Org.UUID(), user.UUID())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r string
		if err := rows.Scan(&r); err != nil {
			t.Fatal(err)
		}
		roles = append(roles, r)
	}
	return roles
}

func why(err error) string {
	if f := fault.All(err); len(f) > 0 {
		return f[0].Reason
	}
	return ""
}

func (h *house) ref(user ident.UserID) membership.Ref {
	return membership.Ref{OrganizationID: h.Org, UserID: user}
}

func TestOrgs7_Uninvite(t *testing.T) {
	t.Parallel()
	h := build(t)
	me := h.As(t.Context())
	mo := h.person(t, "mo", "MEMBER")
	key, err := h.keys.Create(spinetest.As(t.Context(), mo), apikey.CreateApiKeyInput{Description: "theirs", OrganizationID: &h.Org, Scopes: []string{"member.read"}})
	if err != nil {
		t.Fatal(err)
	}
	caller := authz.Principal{Kind: authz.USER, UserID: mo}
	closed, stop := spinetest.Ended(h.Authz.Revoked(), caller.Holds()...)
	defer stop()
	t.Run("Oneself", func(t *testing.T) {
		if err := h.members.Remove(me, h.ref(h.User)); why(err) != "own_membership" {
			t.Errorf("%v", err)
		}
	})
	if err := h.members.Remove(me, h.ref(mo)); err != nil {
		t.Fatal(err)
	}
	t.Run("a_ConnectionsClose", func(t *testing.T) {
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Error("the member's connection stays open")
		}
		again, stop := spinetest.Ended(h.Authz.Revoked(), caller.Holds()...)
		defer stop()
		select {
		case <-again:
			t.Error("the next connection is closed too, although the person may sign in")
		default:
		}
	})
	t.Run("b_TheirKeysEnd", func(t *testing.T) {
		if _, err := h.keys.Authenticate(t.Context(), key.Secret, ""); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%v", err)
		}
	})
	t.Run("TheConsoleBeginsAtHome", func(t *testing.T) {
		u, err := h.accounts.Get(t.Context(), mo)
		if err != nil || u.DefaultOrgID == nil || u.DefaultSlug != "mo" {
			t.Errorf("%+v, %v", u, err)
		}
	})
	t.Run("Again", func(t *testing.T) {
		if err := h.members.Remove(me, h.ref(mo)); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("c_Buyer", func(t *testing.T) {
		buyer := h.person(t, "bo", "MEMBER", "BILLING_ADMIN")
		h.exec(t, "insert into billing_subscription (id, org_id, buyer_user_id, plan_id, created_at) values ($1, $2, $3, 'built-in', now())", ident.V7(time.Now()), h.Org.UUID(), buyer.UUID())
		if err := h.members.Remove(me, h.ref(buyer)); why(err) != "buyer_must_stay" {
			t.Errorf("removed: %v", err)
		}
		if err := h.members.Leave(spinetest.As(t.Context(), buyer), h.Org); why(err) != "buyer_must_stay" {
			t.Errorf("left: %v", err)
		}
		if _, err := h.members.UnassignRoles(me, membership.RolesInput{Ref: h.ref(buyer), Roles: []authz.Role{authz.BillingAdmin}}); why(err) != "buyer_must_stay" {
			t.Errorf("demoted: %v", err)
		}
	})
	t.Run("d_LastOwnerLeaves", func(t *testing.T) {
		if err := h.members.Leave(me, h.Org); why(err) != "last_owner" {
			t.Errorf("%v", err)
		}
	})
	if got := h.Actions(t); !slices.Contains(got, "member.removed") || !slices.Contains(got, "apikey.revoked") {
		t.Errorf("the ledger says %v", got)
	}
}

func TestOrgs8_AssignRoles(t *testing.T) {
	t.Parallel()
	h := build(t)
	me := h.As(t.Context())
	mo := h.person(t, "mo", "MEMBER")
	theirs := spinetest.As(t.Context(), mo)
	if _, err := h.Authz.Authorize(theirs, "member.remove", h.Org); !fault.Is(err, fault.ForbiddenCode) {
		t.Fatalf("before: %v", err)
	}
	m, err := h.members.AssignRoles(me, membership.RolesInput{Ref: h.ref(mo), Roles: []authz.Role{authz.Owner, authz.Member}})
	if err != nil || !m.IsOwner() || len(m.Roles) != 2 || m.Name != "mo" {
		t.Fatalf("%+v, %v", m, err)
	}
	t.Run("a_ActsInTheOpenSession", func(t *testing.T) {
		if _, err := h.Authz.Authorize(theirs, "member.remove", h.Org); err != nil {
			t.Errorf("%v", err)
		}
	})
	t.Run("AgainIsNoChange", func(t *testing.T) {
		before := len(h.Actions(t))
		if _, err := h.members.AssignRoles(me, membership.RolesInput{Ref: h.ref(mo), Roles: []authz.Role{authz.Owner}}); err != nil || len(h.Actions(t)) != before {
			t.Errorf("%v", err)
		}
	})
	t.Run("b_MachineAsOwner", func(t *testing.T) {
		robot := h.person(t, "robot", "MEMBER")
		h.exec(t, "update app_user set kind = 'MACHINE' where id = $1", robot.UUID())
		if _, err := h.members.AssignRoles(me, membership.RolesInput{Ref: h.ref(robot), Roles: []authz.Role{authz.Owner}}); why(err) != "machine_role" || !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("Nothing", func(t *testing.T) {
		if _, err := h.members.AssignRoles(me, membership.RolesInput{Ref: h.ref(mo)}); why(err) != "roles_number" {
			t.Errorf("%v", err)
		}
	})
	t.Run("Strangers", func(t *testing.T) {
		_, stranger := h.Organization(t, "globex")
		if _, err := h.members.AssignRoles(me, membership.RolesInput{Ref: h.ref(stranger), Roles: []authz.Role{authz.Owner}}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("who is no member: %v", err)
		}
		if _, err := h.members.AssignRoles(spinetest.As(t.Context(), stranger), membership.RolesInput{Ref: h.ref(mo), Roles: []authz.Role{authz.Owner}}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("by a stranger: %v", err)
		}
	})
}

func TestOrgs9_UnassignRoles(t *testing.T) {
	t.Parallel()
	h := build(t)
	me := h.As(t.Context())
	owner := []authz.Role{authz.Owner}
	t.Run("a_LastOwner", func(t *testing.T) {
		if _, err := h.members.UnassignRoles(me, membership.RolesInput{Ref: h.ref(h.User), Roles: owner}); why(err) != "last_owner" || !fault.Is(err, fault.PreconditionCode) {
			t.Errorf("%v", err)
		}
	})
	mo := h.person(t, "mo", "OWNER")
	t.Run("OneRoleStays", func(t *testing.T) {
		if _, err := h.members.UnassignRoles(me, membership.RolesInput{Ref: h.ref(mo), Roles: owner}); why(err) != "last_role" {
			t.Errorf("%v", err)
		}
	})
	t.Run("c_ASwap", func(t *testing.T) {
		if _, err := h.members.UnassignRoles(me, membership.RolesInput{Ref: h.ref(h.User), Roles: owner}); err != nil || !slices.Equal(h.roles(t, h.User), []string{"BILLING_ADMIN", "MEMBER"}) {
			t.Errorf("%v", err)
		}
		if _, err := h.members.AssignRoles(spinetest.As(t.Context(), mo), membership.RolesInput{Ref: h.ref(h.User), Roles: owner}); err != nil {
			t.Errorf("back: %v", err)
		}
	})
	t.Run("d_TwoOwnersRemoveEachOther", func(t *testing.T) {
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = h.members.Remove(me, h.ref(mo)) })
		wg.Go(func() { errs[1] = h.members.Remove(spinetest.As(t.Context(), mo), h.ref(h.User)) })
		wg.Wait()
		var owners int
		if err := h.DB.QueryRow(t.Context(), "select count(*) from membership where org_id = $1 and 'OWNER' = any (roles)", h.Org.UUID()).Scan(&owners); err != nil || owners != 1 || (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("%d owners; %v, %v", owners, errs[0], errs[1])
		}
	})
}

func TestOrgs10_ListMembers(t *testing.T) {
	t.Parallel()
	h := build(t)
	me := h.As(t.Context())
	mo := h.person(t, "mo", "MEMBER")
	h.person(t, "zoe", "MEMBER", "OWNER")
	list := func(ctx context.Context, search string, a page.Args) *membership.MemberPage {
		t.Helper()
		p, err := h.members.Members(ctx, h.Org, search, a)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all := page.Args{First: 50}
	t.Run("a_HiddenAddresses", func(t *testing.T) {
		h.exec(t, "update organization set hide_member_emails = true where id = $1", h.Org.UUID())
		defer h.exec(t, "update organization set hide_member_emails = false where id = $1", h.Org.UUID())
		for _, m := range list(spinetest.As(t.Context(), mo), "", all).Nodes {
			if m.Email != nil {
				t.Errorf("a plain member sees %s", *m.Email)
			}
		}
		for _, m := range list(me, "", all).Nodes {
			if m.Email == nil {
				t.Errorf("an owner does not see the address of %s", m.Name)
			}
		}
		if p := list(spinetest.As(t.Context(), mo), "zoe@example", all); *p.TotalCount != 0 {
			t.Error("searching tells a hidden address")
		}
		if p := list(me, "ZOE@example", all); *p.TotalCount != 1 {
			t.Error("an owner does not find by address")
		}
	})
	t.Run("b_Pages", func(t *testing.T) {
		var names []string
		a := page.Args{First: 2}
		for {
			p := list(me, "", a)
			for _, m := range p.Nodes {
				names = append(names, m.Name)
			}
			if *p.TotalCount != 3 {
				t.Errorf("%d in all", *p.TotalCount)
			}
			if !p.PageInfo.HasNextPage {
				break
			}
			c, err := page.ParseCursor(*p.PageInfo.EndCursor)
			if err != nil {
				t.Fatal(err)
			}
			a.After = &c
		}
		if !slices.Equal(names, []string{"acme", "mo", "zoe"}) {
			t.Errorf("%v", names)
		}
	})
	t.Run("Hostile", func(t *testing.T) {
		for _, search := range []string{"%", "_", `\`, "'; drop table membership; --", "a\x00b"} {
			p, err := h.members.Members(me, h.Org, search, all)
			if err == nil && *p.TotalCount != 0 {
				t.Errorf("%q finds %d", search, *p.TotalCount)
			} else if err != nil && !fault.Is(err, fault.InvalidCode) {
				t.Errorf("%q: %v", search, err)
			}
		}
		if _, err := h.members.Members(me, h.Org, string(make([]byte, 101)), all); why(err) != "search_length" {
			t.Errorf("%v", err)
		}
	})
	_, stranger := h.Organization(t, "globex")
	if _, err := h.members.Members(spinetest.As(t.Context(), stranger), h.Org, "", all); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestUsers6_ChangeDefaultOrganization(t *testing.T) {
	t.Parallel()
	h := build(t)
	mo := h.person(t, "mo", "MEMBER")
	theirs := spinetest.As(t.Context(), mo)
	own, err := h.members.Memberships(theirs, page.Args{First: 10})
	if err != nil || len(own.Nodes) != 2 || own.Nodes[0].IsDefault || !own.Nodes[1].IsDefault {
		t.Fatalf("%+v, %v", own, err)
	}
	v, err := h.accounts.ChangeDefault(theirs, own.Nodes[0].OrgID)
	if err != nil || v.Landing != "/mo" {
		t.Fatalf("a: %+v, %v", v, err)
	}
	other, _ := h.Organization(t, "globex")
	if _, err := h.accounts.ChangeDefault(theirs, other); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("b, not a member: %v", err)
	}
	if _, err := h.accounts.ChangeDefault(theirs, h.Org); err != nil {
		t.Fatal(err)
	}
	if err := h.members.Leave(theirs, h.Org); err != nil {
		t.Fatal(err)
	}
	if u, err := h.accounts.Get(t.Context(), mo); err != nil || u.DefaultSlug != "mo" {
		t.Errorf("c, after leaving: %+v, %v", u, err)
	}
}

func TestUsers7_ListMemberships(t *testing.T) {
	t.Parallel()
	h := build(t)
	mo := h.person(t, "mo", "MEMBER")
	names := func(ctx context.Context) int {
		t.Helper()
		p, err := h.members.Memberships(ctx, page.Args{First: 10})
		if err != nil || len(p.Nodes) != int(*p.TotalCount) {
			t.Fatalf("%+v, %v", p, err)
		}
		return len(p.Nodes)
	}
	theirs := spinetest.As(t.Context(), mo)
	key := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: mo, OrgID: h.Org, Scopes: []authz.Permission{authz.SelfRead}})
	if names(theirs) != 2 || names(key) != 1 {
		t.Error("a key sees what it is not bound to")
	}
	state, err := h.members.State(theirs, h.Org)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.members.Remove(h.As(t.Context()), h.ref(mo)); err != nil {
		t.Fatal(err)
	}
	if names(theirs) != 1 {
		t.Error("a removed membership is listed")
	}
	if now, err := h.members.State(h.As(t.Context()), h.Org); err != nil || now == state {
		t.Errorf("watchers do not see it: %v", err)
	}
	if _, err := h.members.Memberships(t.Context(), page.Args{First: 10}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}
