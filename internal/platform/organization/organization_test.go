package organization_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func setup(t *testing.T) (*spinetest.Bundle, *organization.Service) {
	t.Helper()
	b := spinetest.New(t)
	members := &membership.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}
	accounts := &account.Service{DB: b.DB, Door: b.Door}
	members.Left = func(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
		return accounts.LeaveTx(ctx, e, user, org)
	}
	s := &organization.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Members: members, Billing: &billing.Subscriptions{Plan: billing.BuiltIn}, SetDefault: accounts.SetDefaultTx}
	b.Join(s.Part(), members.Part())
	return b, s
}

func create(t *testing.T, b *spinetest.Bundle, s *organization.Service, name, slug string) (ident.OrgID, error) {
	t.Helper()
	id := ident.New[ident.OrgID](time.Now())
	return id, b.Door.System(t.Context(), "test", id, func(ctx context.Context, e *door.Effect) error { return s.CreateTx(ctx, e, id, name, slug, b.User) })
}

func TestCreate_TheFirstMemberHoldsAllThreeRoles(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	id, err := create(t, b, s, "  Cafe\u0301 & Söhne ", "cafe-soehne")
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Get(b.As(t.Context()), &id, nil)
	if err != nil || o.Name != "Café & Söhne" || o.Slug != "cafe-soehne" || o.Ownership != organization.Shared || o.Version != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, p := range []authz.Grant{{Permission: "a.member", Roles: []authz.Role{authz.Member}}, {Permission: "a.owner", Roles: []authz.Role{authz.Owner}}, {Permission: "a.billing", Roles: []authz.Role{authz.BillingAdmin}}} {
		b.Authz.Add(p)
		if _, err := b.Authz.Authorize(b.As(t.Context()), p.Permission, id); err != nil {
			t.Errorf("%s: %v", p.Permission, err)
		}
	}
	if got := b.Actions(t); !slices.Contains(got, "organization.created") || !slices.Contains(got, "member.joined") {
		t.Errorf("the ledger says %v", got)
	}
}

func TestCreate_Slugs(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	for slug, reason := range map[string]string{
		"ab": "", "a1": "", "0x": "", "a-b-c": "", strings.Repeat("a", 39): "", "xn--a": "slug", "": "slug", "a": "slug", "-a": "slug", "a-": "slug", "a--b": "slug", "A1": "slug", "a_b": "slug", "a.b": "slug", "a b": "slug",
		"äb": "slug", strings.Repeat("a", 40): "slug", "a" + strings.Repeat("-a", 38): "slug", "ab\n": "slug", "a\x00b": "slug", "../x": "slug",
		"login": "slug_reserved", "graphql": "slug_reserved", "auth": "slug_reserved", "widget": "slug_reserved", "v1": "slug_reserved", "assets": "slug_reserved", "metrics": "slug_reserved", "api": "slug_reserved", "hooks": "slug_reserved",
		"acme": "slug_taken",
	} {
		_, err := create(t, b, s, "Some name", slug)
		got := ""
		if f := fault.All(err); len(f) > 0 {
			got = f[0].Reason
			if f[0].Field != "slug" {
				t.Errorf("%q: the fault is at %q", slug, f[0].Field)
			}
		} else if err != nil {
			got = err.Error()
		}
		if got != reason {
			t.Errorf("%q: %q", slug, got)
		}
	}
}

func TestCreate_SaysAllMistakesTogetherAndStoresNothing(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	for _, name := range []string{"", " \t ", strings.Repeat("é", 101), "a\nb", "a\x00b", "a\xff"} {
		_, err := create(t, b, s, name, "A")
		if f := fault.All(err); len(f) != 2 || f[0].Field != "name" || f[1].Field != "slug" {
			t.Errorf("%q: %v", name, err)
		}
	}
	var n int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from organization").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d organizations, %v", n, err)
	}
}

func TestGet_StrangersLearnNothing(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	other, them := b.Organization(t, "globex")
	unknown := ident.New[ident.OrgID](time.Now())
	var faults []string
	for name, call := range map[string]func(ctx context.Context) error{
		"ForeignId":   func(ctx context.Context) error { _, err := s.Get(ctx, &other, nil); return err },
		"ForeignSlug": func(ctx context.Context) error { _, err := s.Get(ctx, nil, new("globex")); return err },
		"UnknownId":   func(ctx context.Context) error { _, err := s.Get(ctx, &unknown, nil); return err },
		"UnknownSlug": func(ctx context.Context) error { _, err := s.Get(ctx, nil, new("nobody")); return err },
		"Nul":         func(ctx context.Context) error { _, err := s.Get(ctx, nil, new("a\x00")); return err },
		"NotUTF8":     func(ctx context.Context) error { _, err := s.Get(ctx, nil, new("\xff")); return err },
		"Empty":       func(ctx context.Context) error { _, err := s.Get(ctx, nil, new("")); return err },
	} {
		err := call(b.As(t.Context()))
		if !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		faults = append(faults, fault.All(err)[0].Error())
	}
	if len(slices.Compact(faults)) != 1 {
		t.Errorf("they can be told apart: %v", faults)
	}
	for _, slug := range []string{"globex", "GLOBEX"} {
		if o, err := s.Get(spinetest.As(t.Context(), them), nil, &slug); err != nil || o.ID != other {
			t.Errorf("its own member: %v, %v", o, err)
		}
	}
	for name, call := range map[string]func() error{
		"Both":    func() error { _, err := s.Get(b.As(t.Context()), &other, new("globex")); return err },
		"Neither": func() error { _, err := s.Get(b.As(t.Context()), nil, nil); return err },
	} {
		if err := call(); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Get(t.Context(), &other, nil); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}

func TestGet_DeletedIsGone(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	if _, err := b.DB.Exec(t.Context(), "update organization set deleted_at = now() where id = $1", b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(b.As(t.Context()), &b.Org, nil); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("%v", err)
	}
	if _, err := s.Get(b.As(t.Context()), nil, new("acme")); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("%v", err)
	}
}
