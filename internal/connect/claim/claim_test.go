package claim_test

import (
	"context"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// connections makes n bare rows that may hold a name.
func connections(t *testing.T, b *spinetest.Bundle, n int) []ident.ConnectionID {
	t.Helper()
	now, app, rcp := b.DB.Now(), ident.New[ident.ApplicationID](b.DB.Now()), ident.New[ident.RecipeID](b.DB.Now())
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := b.DB.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, 'shop', 'Shop', 'LIVE', 'np_pk_x', $3, $3)", app.UUID(), b.Org.UUID(), now)
	exec("insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'Default', 'PUBLISHED', '{SUBDOMAIN}', $4)", rcp.UUID(), b.Org.UUID(), app.UUID(), now)
	out := make([]ident.ConnectionID, n)
	for i := range out {
		out[i] = ident.New[ident.ConnectionID](now)
		host := string(rune('a'+i)) + ".acme.lab"
		exec(`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, recipe_id, state, state_since, facets, setup_origin,
			target_token, verification_token, created_by, created_at, updated_at)
			values ($1, $2, $3, $4, $4, 'a', 'acme.lab', 'lab', false, $5, 'DRAFT', $6, '{}', 'API', $7, $7, 'test', $6, $6)`,
			out[i].UUID(), b.Org.UUID(), app.UUID(), host, rcp.UUID(), now, "abcdefghijklmnopqrstuvwxy"+string(rune('a'+i)))
	}
	return out
}

func TestSettle(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	cons, claims := connections(t, b, 2), &claim.Claims{}
	settle := func(con ident.ConnectionID, proof claim.Proof) (s claim.Standing) {
		t.Helper()
		err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			s, err = claims.SettleTx(ctx, tx, "shop.acme.lab", b.Org, con, proof)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	release := func(con ident.ConnectionID) {
		t.Helper()
		if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return claims.ReleaseTx(ctx, tx, "shop.acme.lab", con) }); err != nil {
			t.Fatal(err)
		}
	}
	first := claim.Claim{Holder: cons[0], HolderOrg: b.Org}
	for _, step := range []struct {
		what string
		got  claim.Standing
		want claim.Standing
	}{
		{"nobody has proven anything", settle(cons[0], claim.None), claim.Standing{}},
		{"the first proof takes the name", settle(cons[0], claim.Target), claim.Standing{Holds: true, New: true, Claim: first}},
		{"the next one keeps it", settle(cons[0], claim.TXT), claim.Standing{Holds: true, Claim: first}},
		{"without a proof it stays", settle(cons[0], claim.None), claim.Standing{Holds: true, Claim: first}},
		{"another one sees it held", settle(cons[1], claim.None), claim.Standing{Held: true, Claim: first}},
		{"and its proof changes nothing", settle(cons[1], claim.TXT), claim.Standing{Held: true, Claim: first}},
	} {
		if step.got != step.want {
			t.Errorf("%s: %+v", step.what, step.got)
		}
	}
	release(cons[1])
	if holds, err := claims.Holds(t.Context(), b.DB, "shop.acme.lab", cons[0]); err != nil || !holds {
		t.Fatal("only the holder releases a name")
	}
	release(cons[0])
	if s := settle(cons[1], claim.Target); !s.New {
		t.Fatalf("a released name is free: %+v", s)
	}
}
