package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// registry is what the end of an account touches, joined as the assembly joins it.
type registry struct {
	*spinetest.Bundle
	accounts      *account.Service
	organizations *organization.Service
	sessions      *session.Service
}

func openRegistry(t *testing.T) *registry {
	t.Helper()
	b := spinetest.New(t)
	r := &registry{Bundle: b, accounts: &account.Service{DB: b.DB, Door: b.Door, Terms: "2"}, sessions: &session.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: b.Vault}}
	profiles, keys := &profile.Service{DB: b.DB, Door: b.Door}, &apikey.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}
	members := &membership.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Left: func(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
		return r.accounts.LeaveTx(ctx, e, user, org)
	}}
	r.organizations = &organization.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Members: members, Billing: &billing.Subscriptions{Plan: billing.BuiltIn}, SetDefault: r.accounts.SetDefaultTx}
	r.accounts.Erasure = account.Erasure{Refused: membership.Kept,
		Email: func(ctx context.Context, user ident.UserID) (string, error) {
			p, err := profiles.Of(ctx, user)
			if err != nil || p.Email == nil {
				return "", err
			}
			return *p.Email, nil
		},
		Steps: []func(context.Context, *door.Effect, ident.UserID) error{members.LeaveAllTx, r.organizations.ErasePersonalTx,
			func(ctx context.Context, e *door.Effect, user ident.UserID) error {
				return keys.EndAllTx(ctx, e, user, "erased")
			},
			func(ctx context.Context, e *door.Effect, user ident.UserID) error {
				return r.sessions.EndAllTx(ctx, e, user, nil, "erased")
			},
			profiles.EraseTx}}
	return r
}

func (r *registry) number(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := r.DB.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (r *registry) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := r.DB.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestEraseAccount(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	own, user := r.Organization(t, "zoe")
	r.exec(t, "update organization set ownership = 'PERSONAL', name = 'Zoe Baker' where id = $1", own.UUID())
	r.exec(t, "update user_profile set phone = '+4930901820', line1 = 'Street 1', city = 'Berlin', country_code = 'DEU' where user_id = $1", user.UUID())
	r.exec(t, "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,OWNER}', now())", ident.V7(time.Now()), r.Org.UUID(), user.UUID())
	r.exec(t, "insert into api_key (id, lookup, last_four, secret_hash, user_id, org_id, description, created_at) values ($1, 'abc', 'wxyz', '\\x00', $2, $3, 'of Zoe', now())", ident.V7(time.Now()), user.UUID(), r.Org.UUID())
	me := spinetest.As(t.Context(), user)
	err := r.Door.System(t.Context(), "test", r.Org, func(ctx context.Context, e *door.Effect) error {
		_, _, err := r.sessions.StartTx(ctx, e, user, nil, "pwd")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	reason := func(err error) string {
		if f := fault.All(err); len(f) == 1 {
			return f[0].Reason
		}
		return ""
	}
	t.Run("TypedWrong", func(t *testing.T) {
		for _, typed := range []string{"", "acme@example.com", "zoe"} {
			if err := r.accounts.Erase(me, typed); reason(err) != "confirm_email" {
				t.Errorf("%q: %v", typed, err)
			}
		}
	})
	t.Run("Programs", func(t *testing.T) {
		key := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: user, OrgID: r.Org, Scopes: []authz.Permission{authz.SelfWrite}})
		if err := r.accounts.Erase(key, "zoe@example.com"); !fault.Is(err, fault.ForbiddenCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("LastOperator", func(t *testing.T) {
		r.exec(t, "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'test', now())", user.UUID())
		if err := r.accounts.Erase(me, "zoe@example.com"); reason(err) != "last_operator" {
			t.Errorf("%v", err)
		}
		r.exec(t, "delete from user_platform_role where user_id = $1", user.UUID())
	})
	t.Run("LastOwnerAndBuyer", func(t *testing.T) {
		made, err := r.organizations.Create(me, organization.CreateOrganizationInput{Name: "Bakery"})
		if err != nil {
			t.Fatal(err)
		}
		before := len(r.Actions(t))
		err = r.accounts.Erase(me, "zoe@example.com")
		if reason(err) != "last_owner" || !strings.Contains(err.Error(), "Bakery") || strings.Contains(err.Error(), "acme") || len(r.Actions(t)) != before {
			t.Fatalf("%v", err)
		}
		// Another owner is not enough while Zoe pays.
		r.exec(t, "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{OWNER,BILLING_ADMIN}', now())", ident.V7(time.Now()), made.ID.UUID(), r.User.UUID())
		if err := r.accounts.Erase(me, "zoe@example.com"); reason(err) != "last_owner" {
			t.Errorf("the buyer: %v", err)
		}
		r.exec(t, "update billing_subscription set buyer_user_id = $1 where org_id = $2", r.User.UUID(), made.ID.UUID())
	})
	if err := r.accounts.Erase(me, " ZOE@example.com "); err != nil {
		t.Fatal(err)
	}
	if n := r.number(t, `select count(*) from user_profile where user_id = $1 and first_name = 'Erased account' and display_name = 'Erased account' and num_nonnulls(last_name, email, email_verified_at, phone, line1, city, country_code) = 0`, user.UUID()); n != 1 {
		t.Error("the profile still says who it was")
	}
	for name, left := range map[string]int{
		"sessions": r.number(t, "select count(*) from session where user_id = $1 and revoked_at is null", user.UUID()), "keys": r.number(t, "select count(*) from api_key where user_id = $1 and revoked_at is null", user.UUID()),
		"memberships":    r.number(t, "select count(*) from membership m join organization o on o.id = m.org_id where m.user_id = $1 and o.deleted_at is null", user.UUID()),
		"a name":         r.number(t, "select count(*) from organization where name like '%Zoe%' or slug = 'zoe'"),
		"an address":     r.number(t, "select count(*) from event where payload::text like '%zoe@%'"),
		"not erased":     r.number(t, "select count(*) from app_user where id = $1 and status <> 'ERASED'", user.UUID()),
		"rows were lost": 1 - r.number(t, "select count(*) from app_user where id = $1", user.UUID()),
		"no own end":     1 - r.number(t, "select count(*) from event where action = 'account.erased' and audited and chain = $1", user.String()),
	} {
		if left != 0 {
			t.Errorf("%s: %d", name, left)
		}
	}
	if err := r.accounts.Erase(me, ""); reason(err) != "confirm_email" {
		t.Errorf("again: %v", err)
	}
}

func TestAcceptTerms(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	me := r.As(t.Context())
	pending := func() *string {
		t.Helper()
		v, err := r.accounts.Viewer(me)
		if err != nil {
			t.Fatal(err)
		}
		return v.TermsToAccept
	}
	r.exec(t, "insert into terms_acceptance (user_id, terms_version, accepted_at) values ($1, '1', now())", r.User.UUID())
	if p := pending(); p == nil || *p != "2" {
		t.Fatalf("%v", p)
	}
	if _, err := r.accounts.AcceptTerms(me, "1"); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("the former version: %v", err)
	}
	for range 2 {
		if v, err := r.accounts.AcceptTerms(me, "2"); err != nil || v.TermsToAccept != nil {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	if n := r.number(t, "select count(*) from event where action = 'account.terms_accepted' and audited"); n != 1 || pending() != nil {
		t.Errorf("%d rows in the ledger", n)
	}
	if n := r.number(t, "select count(*) from terms_acceptance"); n != 2 {
		t.Errorf("%d acceptances: what was accepted before stays", n)
	}
	if _, err := r.accounts.AcceptTerms(t.Context(), "2"); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("nobody: %v", err)
	}
	if v, err := r.accounts.Viewer(t.Context()); err != nil || v.TermsToAccept != nil {
		t.Errorf("nobody is asked: %+v, %v", v, err)
	}
}
