package organization_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func count(t *testing.T, b *spinetest.Bundle, sql string, args ...any) (n int) {
	t.Helper()
	if err := b.DB.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// join makes a new person a member.
func join(t *testing.T, b *spinetest.Bundle, org ident.OrgID, name string, roles ...string) ident.UserID {
	t.Helper()
	own, user := b.Organization(t, name)
	if _, err := b.DB.Exec(t.Context(), "update organization set ownership = 'PERSONAL' where id = $1", own.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DB.Exec(t.Context(), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, now())", ident.V7(time.Now()), org.UUID(), user.UUID(), roles); err != nil {
		t.Fatal(err)
	}
	return user
}

func reason(err error) string {
	if f := fault.All(err); len(f) > 0 {
		return f[0].Reason
	}
	return ""
}

func TestOrgs1_CreateSharedOrganization(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	me := b.As(t.Context())
	o, err := s.Create(me, organization.CreateOrganizationInput{Name: "Café Münch & Co", ClientMutationID: new("once")})
	if err != nil || o.Slug != "cafe-munch-co" || o.BuyerID == nil || *o.BuyerID != b.User || o.CreatedByID != b.User || !o.MfaPolicy.OobAllowed {
		t.Fatalf("%+v, %v", o, err)
	}
	again, err := s.Create(me, organization.CreateOrganizationInput{Name: "Café Münch & Co", ClientMutationID: new("once")})
	if err != nil || again.ID != o.ID {
		t.Errorf("a double click: %+v, %v", again, err)
	}
	if n := count(t, b, "select count(*) from app_user where id = $1 and default_org_id = $2", b.User.UUID(), o.ID.UUID()); n != 1 {
		t.Error("it is not the default")
	}
	t.Run("a_NothingStaysOfHalf", func(t *testing.T) {
		broken := errors.New("crash")
		keep := s.SetDefault
		s.SetDefault = func(context.Context, *door.Effect, ident.UserID, ident.OrgID) error { return broken }
		defer func() { s.SetDefault = keep }()
		before := count(t, b, "select (select count(*) from organization) + (select count(*) from membership) + (select count(*) from billing_subscription) + (select count(*) from event)")
		if _, err := s.Create(me, organization.CreateOrganizationInput{Name: "Half"}); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		if after := count(t, b, "select (select count(*) from organization) + (select count(*) from membership) + (select count(*) from billing_subscription) + (select count(*) from event)"); after != before {
			t.Errorf("%d rows stayed", after-before)
		}
	})
	t.Run("b_Machines", func(t *testing.T) {
		for _, kind := range []authz.Kind{authz.MACHINE, authz.API_KEY, authz.WIDGET} {
			ctx := authz.With(t.Context(), authz.Principal{Kind: kind, UserID: b.User, OrgID: b.Org, Scopes: []authz.Permission{authz.SelfWrite}})
			if _, err := s.Create(ctx, organization.CreateOrganizationInput{Name: "No"}); !fault.Is(err, fault.ForbiddenCode) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
	t.Run("c_ReservedSlug", func(t *testing.T) {
		for _, slug := range []string{"login", "people", "rbac", "git-repos"} {
			if _, err := s.Create(me, organization.CreateOrganizationInput{Name: "No", Slug: &slug}); reason(err) != "slug_reserved" {
				t.Errorf("%s: %v", slug, err)
			}
		}
		if o, err := s.Create(me, organization.CreateOrganizationInput{Name: "Login"}); err != nil || o.Slug != "team" {
			t.Errorf("made of a reserved word: %v, %v", o, err)
		}
	})
	t.Run("SlugsOfTheirOwn", func(t *testing.T) {
		for name, want := range map[string]string{"Acme": "acme-2", "日本": "team-2", strings.Repeat("Long name ", 9): "long-name-long-name-long-name-long-name"} {
			if o, err := s.Create(me, organization.CreateOrganizationInput{Name: name}); err != nil || o.Slug != want {
				t.Errorf("%s: %v, %v", name, o, err)
			}
		}
	})
}

func TestOrgs3_ChangeDetails(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	me := b.As(t.Context())
	o, err := s.Update(me, b.Org, organization.UpdateOrganizationInput{Name: new(" Acme\u0301 "), Slug: new("acme-gmbh"), EmailDomains: []string{"@Müller.de", "example.com", "example.com"}, HideMemberEmails: new(true), Version: new(int32(1))})
	if err != nil || o.Name != "Acmé" || o.Slug != "acme-gmbh" || strings.Join(o.EmailDomains, " ") != "xn--mller-kva.de example.com" || !o.HideMemberEmails || o.Version != 2 {
		t.Fatalf("%+v, %v", o, err)
	}
	t.Run("a_StaleVersion", func(t *testing.T) {
		if _, err := s.Update(me, b.Org, organization.UpdateOrganizationInput{Name: new("x"), Version: new(int32(1))}); !fault.Is(err, fault.VersionConflictCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("b_SlugTaken", func(t *testing.T) {
		b.Organization(t, "globex")
		_, err := s.Update(me, b.Org, organization.UpdateOrganizationInput{Slug: new("globex")})
		if f := fault.All(err); len(f) != 1 || f[0].Reason != "slug_taken" || f[0].Meta["free"] != "globex-2" {
			t.Errorf("%v", err)
		}
	})
	t.Run("AllMistakesTogether", func(t *testing.T) {
		_, err := s.Update(me, b.Org, organization.UpdateOrganizationInput{Name: new(""), Slug: new("A"), EmailDomains: []string{"com"}})
		if f := fault.All(err); len(f) != 3 {
			t.Errorf("%v", err)
		}
	})
	t.Run("WhoMayNot", func(t *testing.T) {
		member := join(t, b, b.Org, "mo", "MEMBER")
		if _, err := s.Update(spinetest.As(t.Context(), member), b.Org, organization.UpdateOrganizationInput{Name: new("x")}); !fault.Is(err, fault.ForbiddenCode) {
			t.Errorf("a member: %v", err)
		}
		_, stranger := b.Organization(t, "stranger")
		if _, err := s.Update(spinetest.As(t.Context(), stranger), b.Org, organization.UpdateOrganizationInput{Name: new("x")}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("a stranger: %v", err)
		}
	})
}

func TestOrgs11_Delete(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	me := b.As(t.Context())
	o, err := s.Create(me, organization.CreateOrganizationInput{Name: "Gone soon"})
	if err != nil {
		t.Fatal(err)
	}
	mo := join(t, b, o.ID, "mo", "OWNER")
	t.Run("a_OtherMembers", func(t *testing.T) {
		_, err := s.Delete(me, organization.DeleteInput{ID: o.ID, ConfirmName: "Gone soon"})
		if reason(err) != "members_left" || !strings.Contains(err.Error(), "mo") {
			t.Errorf("%v", err)
		}
	})
	t.Run("NotTheBuyer", func(t *testing.T) {
		if _, err := s.Delete(spinetest.As(t.Context(), mo), organization.DeleteInput{ID: o.ID, ConfirmName: "Gone soon"}); reason(err) != "buyer_only" {
			t.Errorf("%v", err)
		}
	})
	if _, err := b.DB.Exec(t.Context(), "delete from membership where org_id = $1 and user_id = $2", o.ID.UUID(), mo.UUID()); err != nil {
		t.Fatal(err)
	}
	t.Run("b_WrongName", func(t *testing.T) {
		if _, err := s.Delete(me, organization.DeleteInput{ID: o.ID, ConfirmName: "gone soon"}); reason(err) != "confirm_name" {
			t.Errorf("%v", err)
		}
	})
	done, err := s.Delete(me, organization.DeleteInput{ID: o.ID, ConfirmName: "Gone soon"})
	if err != nil || !done.Done {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := s.Get(me, &o.ID, nil); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("it is still there: %v", err)
	}
	if n := count(t, b, "select count(*) from app_user where id = $1 and default_org_id = $2", b.User.UUID(), b.Org.UUID()); n != 1 {
		t.Error("the console begins in an organization that is gone")
	}
}

func TestPersonalOrganization(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	if err := b.Door.System(t.Context(), "test", b.Org, func(ctx context.Context, e *door.Effect) error {
		for _, want := range []string{"jo-doe", "jo-doe-2"} {
			_, user := b.Organization(t, "u"+want)
			id, err := s.CreatePersonalTx(ctx, e, "Jo Doe", user)
			if err != nil {
				return err
			}
			if o, err := s.ByID(ctx, id); err == nil {
				t.Errorf("seen before the commit: %v", o)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	row, err := s.Get(b.As(t.Context()), &b.Org, nil)
	if err != nil || row.Ownership != organization.Shared {
		t.Fatal(err)
	}
	if n := count(t, b, "select count(*) from organization where ownership = 'PERSONAL' and slug in ('jo-doe', 'jo-doe-2')"); n != 2 {
		t.Errorf("%d personal organizations", n)
	}
	if _, err := b.DB.Exec(t.Context(), "update organization set ownership = 'PERSONAL' where id = $1", b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(b.As(t.Context()), organization.DeleteInput{ID: b.Org, ConfirmName: "acme"}); reason(err) != "personal_organization" {
		t.Errorf("deleted: %v", err)
	}
	if err := s.Members.Leave(b.As(t.Context()), b.Org); reason(err) != "personal_organization" {
		t.Errorf("left: %v", err)
	}
}

func TestOrgs11_RestoreAndPurge(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	now := time.Now().Truncate(time.Microsecond)
	b.DB.SetClock(func() time.Time { return now })
	s.Destroy = func(ctx context.Context, e *door.Effect, org ident.OrgID) error {
		return b.Vault.Destroy(ctx, e.Tx, org)
	}
	as := func(kind authz.Kind) context.Context {
		return authz.With(t.Context(), authz.Principal{Kind: kind, UserID: b.User, SessionID: ident.New[ident.SessionID](now), AuthTime: now, AAL: 2, RequestID: "test"})
	}
	me, operator := as(authz.USER), as(authz.OPERATOR)
	gone := func(name string) ident.OrgID {
		t.Helper()
		o, err := s.Create(me, organization.CreateOrganizationInput{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(me, organization.DeleteInput{ID: o.ID, ConfirmName: name}); err != nil {
			t.Fatal(err)
		}
		return o.ID
	}
	bakery := gone("Bakery")
	t.Run("c_Restored", func(t *testing.T) {
		if _, err := s.Restore(me, organization.RestoreInput{ID: bakery, Reason: "asked for it"}); err == nil {
			t.Error("by a person who is no operator")
		}
		if _, err := s.Restore(operator, organization.RestoreInput{ID: bakery, Reason: " "}); reason(err) != "reason" {
			t.Errorf("without a reason: %v", err)
		}
		now = now.Add(30*24*time.Hour - time.Second)
		o, err := s.Restore(as(authz.OPERATOR), organization.RestoreInput{ID: bakery, Reason: "asked for it"})
		if err != nil || o.Name != "Bakery" || o.DeletedAt != nil {
			t.Fatalf("%+v, %v", o, err)
		}
		if _, err := s.Get(as(authz.USER), &bakery, nil); err != nil {
			t.Errorf("its owner: %v", err)
		}
		if _, err := s.Restore(as(authz.OPERATOR), organization.RestoreInput{ID: bakery, Reason: "again"}); reason(err) != "not_deleted" {
			t.Errorf("again: %v", err)
		}
		me = as(authz.USER)
		if _, err := s.Restore(as(authz.OPERATOR), organization.RestoreInput{ID: ident.New[ident.OrgID](now), Reason: "unknown"}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("unknown: %v", err)
		}
	})
	late := gone("Late")
	sealed, err := b.Vault.Seal(t.Context(), b.DB, late, "test.sealed", "row", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil || count(t, b, "select count(*) from organization where purged_at is not null") != 0 {
		t.Fatalf("purged before its time: %v", err)
	}
	t.Run("d_TheKeyIsDestroyed", func(t *testing.T) {
		now = now.Add(30 * 24 * time.Hour)
		for range 2 {
			if err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, b, "select count(*) from organization where id = $1 and purged_at is not null and name = 'Deleted organization' and slug <> 'late'", late.UUID()); n != 1 {
			t.Error("it still has its name")
		}
		if n := count(t, b, "select count(*) from membership where org_id = $1", late.UUID()); n != 0 {
			t.Errorf("%d members stayed", n)
		}
		if n := count(t, b, "select count(*) from data_key where owner_id = $1 and (state <> 'DESTROYED' or octet_length(wrapped) > 0)", late.UUID()); n != 0 {
			t.Error("its key is there")
		}
		if _, err := b.Vault.Open(t.Context(), b.DB, late, "test.sealed", "row", sealed); err == nil {
			t.Error("what was sealed can be opened")
		}
		if n := count(t, b, "select count(*) from event where action = 'organization.purged' and audited and org_id = $1", late.UUID()); n != 1 {
			t.Errorf("%d rows in the ledger", n)
		}
		if _, err := s.Restore(as(authz.OPERATOR), organization.RestoreInput{ID: late, Reason: "too late"}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("restored: %v", err)
		}
	})
}

func TestOrgs2_Inspect(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	member := spinetest.As(t.Context(), join(t, b, b.Org, "mo", "MEMBER"))
	for name, get := range map[string]func(context.Context) (*organization.Organization, error){
		"ID":   func(ctx context.Context) (*organization.Organization, error) { return s.Get(ctx, &b.Org, nil) },
		"Slug": func(ctx context.Context) (*organization.Organization, error) { return s.Get(ctx, nil, new("ACME")) },
	} {
		if o, err := get(member); err != nil || o.ID != b.Org || o.Name != "acme" || o.Ownership != organization.Shared {
			t.Errorf("%s, a member: %+v, %v", name, o, err)
		}
		_, stranger := b.Organization(t, "stranger-"+strings.ToLower(name))
		_, err := get(spinetest.As(t.Context(), stranger))
		_, unknown := s.Get(spinetest.As(t.Context(), stranger), nil, new("nobody-has-this"))
		if !fault.Is(err, fault.NotFoundCode) || err.Error() != unknown.Error() {
			t.Errorf("a, %s, a stranger: %v; of one that does not exist: %v", name, err, unknown)
		}
		if _, err := get(t.Context()); err == nil {
			t.Errorf("%s, nobody sees it", name)
		}
	}
	for name, err := range map[string]error{"Neither": second(s.Get(member, nil, nil)), "Both": second(s.Get(member, &b.Org, new("acme")))} {
		if !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestOrgs1_EveryAddressOfTheConsoleIsReserved: of the console's routes, and of the addresses that use cases name, nobody's short name can take one.
func TestOrgs1_EveryAddressOfTheConsoleIsReserved(t *testing.T) {
	t.Parallel()
	b, s := setup(t)
	words := map[string]string{}
	routes, err := filepath.Glob("../../../frontend/src/routes/*.tsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range routes {
		first, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".tsx"), ".")
		words[strings.TrimSuffix(first, "_")] = file
	}
	text, err := os.ReadFile("../../../docs/use-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(?:(?:GET|POST|PUT) )?/([a-z0-9-]+)").FindAllStringSubmatch(string(text), -1) {
		words[m[1]] = "docs/use-cases.md"
	}
	tried := 0
	for word, where := range words {
		if word == "index" || strings.HasPrefix(word, "$") || strings.HasPrefix(word, "__") {
			continue
		}
		tried++
		if _, err := s.Create(b.As(t.Context()), organization.CreateOrganizationInput{Name: "No", Slug: &word}); reason(err) != "slug_reserved" {
			t.Errorf("%s of %s: %v", word, where, err)
		}
	}
	if tried < 30 {
		t.Errorf("only %d words were tried", tried)
	}
}
