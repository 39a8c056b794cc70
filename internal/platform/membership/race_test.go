package membership_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// TestOrgs9_b_TheBuyerStays: who pays keeps the role that goes with it, and is not removed.
func TestOrgs9_b_TheBuyerStays(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.pays(t, h.User)
	mo := h.person(t, "mo", "MEMBER", "OWNER", "BILLING_ADMIN")
	for name, try := range map[string]func() error{
		"Unassign": func() error {
			_, err := h.members.UnassignRoles(h.As(t.Context()), membership.RolesInput{Ref: h.ref(h.User), Roles: []authz.Role{authz.BillingAdmin}})
			return err
		},
		"Leave":  func() error { return h.members.Leave(h.As(t.Context()), h.Org) },
		"Remove": func() error { return h.members.Remove(spinetest.As(t.Context(), mo), h.ref(h.User)) },
	} {
		if err := try(); !fault.Is(err, fault.PreconditionCode) || why(err) != "buyer_must_stay" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(h.roles(t, h.User)); got != "[BILLING_ADMIN MEMBER OWNER]" {
		t.Errorf("%s", got)
	}
}

func (h *house) pays(t *testing.T, user ident.UserID) {
	t.Helper()
	h.exec(t, `insert into billing_subscription (id, org_id, buyer_user_id, plan_id, ever_entitled, created_at) values ($1, $2, $3, 'BASIC', true, now())
		on conflict (org_id) do update set buyer_user_id = excluded.buyer_user_id`, ident.V7(h.DB.Now()), h.Org.UUID(), user.UUID())
}

// TestOrgs9_Races: whatever members do to one another at the same moment, each in a transaction of its own, an owner stays, and who pays stays with the role for
// it. Nobody gets anything but a success, or a fault that says what is in the way.
func TestOrgs9_Races(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.pays(t, h.User)
	zoe := h.person(t, "zoe", "MEMBER", "OWNER", "BILLING_ADMIN")
	eve := h.person(t, "eve", "MEMBER", "OWNER", "BILLING_ADMIN")
	people := []ident.UserID{h.User, zoe, eve}
	owner, admin := []authz.Role{authz.Owner}, []authz.Role{authz.BillingAdmin}
	removes := func(by, whom ident.UserID) error {
		return h.members.Remove(spinetest.As(t.Context(), by), h.ref(whom))
	}
	leaves := func(who ident.UserID) error { return h.members.Leave(spinetest.As(t.Context(), who), h.Org) }
	strips := func(by, whom ident.UserID, roles []authz.Role) error {
		_, err := h.members.UnassignRoles(spinetest.As(t.Context(), by), membership.RolesInput{Ref: h.ref(whom), Roles: roles})
		return err
	}
	for name, at := range map[string][]func() error{
		"AllLeave":           {func() error { return leaves(h.User) }, func() error { return leaves(zoe) }, func() error { return leaves(eve) }},
		"ACircle":            {func() error { return removes(h.User, zoe) }, func() error { return removes(zoe, eve) }, func() error { return removes(eve, h.User) }},
		"AllGiveItUp":        {func() error { return strips(h.User, h.User, owner) }, func() error { return strips(zoe, zoe, owner) }, func() error { return strips(eve, eve, owner) }},
		"StripAndLeave":      {func() error { return strips(zoe, h.User, owner) }, func() error { return leaves(zoe) }, func() error { return strips(zoe, eve, owner) }},
		"TheBuyerFromThree":  {func() error { return strips(h.User, h.User, admin) }, func() error { return removes(zoe, h.User) }, func() error { return strips(eve, h.User, admin) }},
		"ThePaymentHandedOn": {func() error { return h.handOn(t.Context(), zoe) }, func() error { return leaves(zoe) }, func() error { return strips(eve, zoe, admin) }},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 6 {
				h.again(t, people)
				var wg sync.WaitGroup
				errs := make([]error, len(at))
				for n, do := range at {
					wg.Go(func() { errs[n] = do() })
				}
				wg.Wait()
				for n, err := range errs {
					if err != nil && !fault.Is(err, fault.PreconditionCode) && !fault.Is(err, fault.NotFoundCode) && !fault.Is(err, fault.ForbiddenCode) && !membershipGone(err) {
						t.Errorf("round %d, %d: %v", round, n, err)
					}
				}
				var owners, payers int
				if err := h.DB.QueryRow(t.Context(), `select count(*) filter (where 'OWNER' = any (m.roles)), count(*) filter (where 'BILLING_ADMIN' = any (m.roles) and b.buyer_user_id = m.user_id)
					from membership m join billing_subscription b on b.org_id = m.org_id where m.org_id = $1`, h.Org.UUID()).Scan(&owners, &payers); err != nil || owners < 1 || payers != 1 {
					t.Fatalf("round %d: %d owners, %d who pay, %v; %v", round, owners, payers, err, errs)
				}
			}
		})
	}
}

// handOn makes somebody else the buyer, as a transfer will: it waits at the organization's row, as keep_owner does, and then looks whether they are there with the
// role for it.
func (h *house) handOn(ctx context.Context, to ident.UserID) error {
	return h.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "select 1 from organization where id = $1 for update", h.Org.UUID()); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update billing_subscription b set buyer_user_id = $2 where b.org_id = $1
			and exists (select 1 from membership m where m.org_id = b.org_id and m.user_id = $2 and 'BILLING_ADMIN' = any (m.roles))`, h.Org.UUID(), to.UUID())
		if err == nil && tag.RowsAffected() == 0 {
			return fault.Precondition("gone", "Who should pay is not there.")
		}
		return err
	})
}

func membershipGone(err error) bool { return why(err) == "last_owner" || why(err) == "buyer_must_stay" }

// again lets everybody be an owner who could pay, as at the beginning.
func (h *house) again(t *testing.T, people []ident.UserID) {
	t.Helper()
	for _, u := range people {
		h.exec(t, `insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,OWNER,BILLING_ADMIN}', now())
			on conflict (org_id, user_id) do update set roles = excluded.roles`, ident.V7(h.DB.Now()), h.Org.UUID(), u.UUID())
		if err := h.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return h.Authz.Revoke(ctx, tx, authz.Memberships(u), "test")
		}); err != nil {
			t.Fatal(err)
		}
	}
	h.pays(t, people[0])
}
