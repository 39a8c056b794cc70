// Package spinetest sets up the spine for tests of the packages above it: a real database of the test's own, an organization with its owner, and the
// mechanisms joined as the assembly joins them.
package spinetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// Bundle is a spine with one organization in it.
type Bundle struct {
	DB     *db.DB
	Authz  *authz.Authorizer
	Door   *door.Door
	Ledger *event.Ledger
	Vault  *vault.Vault
	Hub    *live.Hub
	Work   *work.Runner

	Org  ident.OrgID
	User ident.UserID // holds all three roles in Org
}

// New makes a bundle on a database of its own. Parts are joined as the assembly joins them.
func New(t testing.TB, parts ...part.Part) *Bundle {
	t.Helper()
	return on(t, dbtest.New(t), parts)
}

// NewDSN is New with the database's address, for a test that starts other processes.
func NewDSN(t testing.TB, parts ...part.Part) (*Bundle, string) {
	t.Helper()
	d, dsn := dbtest.NewDSN(t)
	return on(t, d, parts), dsn
}

func on(t testing.TB, d *db.DB, parts []part.Part) *Bundle {
	door.Register()
	b := &Bundle{DB: d, Hub: live.NewHub(nil), Vault: vault.New(d, vault.GenerateKEK("test")), Work: &work.Runner{DB: d}}
	b.Authz = authz.New(d)
	b.Ledger = &event.Ledger{DB: d, Hub: b.Hub, Work: b.Work}
	b.Door = &door.Door{DB: d, Authz: b.Authz, Ledger: b.Ledger, Vault: b.Vault, Hub: b.Hub}
	b.Work.Queues = []work.Queue{b.Ledger.Queue(), b.Ledger.Sweep()}
	b.Join(parts...)
	b.Org, b.User = b.Organization(t, "acme")
	return b
}

// Join adds parts that need the bundle to be built.
func (b *Bundle) Join(parts ...part.Part) {
	for _, p := range parts {
		b.Authz.Add(p.Grants...)
		b.Ledger.Readers = append(b.Ledger.Readers, p.Readers...)
		b.Work.Queues = append(b.Work.Queues, p.Queues...)
	}
}

// Organization makes another tenant with an owner of its own.
func (b *Bundle) Organization(t testing.TB, slug string) (ident.OrgID, ident.UserID) {
	t.Helper()
	now := b.DB.Now()
	org, user := ident.New[ident.OrgID](now), ident.New[ident.UserID](now)
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2)", []any{user.UUID(), now}},
		{"insert into user_profile (user_id, first_name, display_name, email) values ($1, $2, $2, $3)", []any{user.UUID(), slug, slug + "@example.com"}},
		{"insert into organization (id, slug, name, ownership, created_by, created_at) values ($1, $2, $3, 'SHARED', $4, $5)", []any{org.UUID(), slug, slug, user.UUID(), now}},
		{"insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,OWNER,BILLING_ADMIN}', $4)", []any{ident.V7(now), org.UUID(), user.UUID(), now}},
	} {
		if _, err := b.DB.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatalf("make the organization %s: %v", slug, err)
		}
	}
	return org, user
}

// Roles sets what a person may do in an organization, behind the back of everything that remembers it; without roles the person is no member any more.
// Somebody else owns the organization from then on: the database keeps it from losing its last owner.
func (b *Bundle) Roles(t testing.TB, org ident.OrgID, user ident.UserID, roles ...string) {
	t.Helper()
	now := b.DB.Now()
	heir := ident.New[ident.UserID](now)
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{"insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2)", []any{heir.UUID(), now}},
			{"insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{OWNER}', $4)", []any{ident.V7(now), org.UUID(), heir.UUID(), now}},
			{"delete from membership where org_id = $1 and user_id = $2", []any{org.UUID(), user.UUID()}},
		} {
			if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
				return err
			}
		}
		if len(roles) == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, $5)", ident.V7(now), org.UUID(), user.UUID(), roles, now)
		return err
	})
	if err != nil {
		t.Fatalf("set the roles: %v", err)
	}
}

// As is a request of the bundle's owner, signed in just now.
func (b *Bundle) As(ctx context.Context) context.Context { return As(ctx, b.User) }

// As is a request of a person who signed in just now.
func As(ctx context.Context, user ident.UserID) context.Context {
	ctx = authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: user, SessionID: ident.New[ident.SessionID](time.Now()), AuthTime: time.Now(), AAL: 1, RequestID: "test", Locale: "en"})
	if !devdb.Walled() {
		return ctx
	}
	sight, _ := sights.LoadOrStore(user, &db.Sight{})
	return context.WithValue(ctx, db.SightKey{}, sight)
}

// sights: a test asks in many contexts what one request asks in one, and what a person was authorised for in one of them counts in the next.
var sights sync.Map

// Actions lists what stands in the ledger, oldest first.
func (b *Bundle) Actions(t testing.TB) []string {
	t.Helper()
	rows, err := b.DB.Query(t.Context(), "select action from event order by xid, id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var a string
		if err := rows.Scan(&a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// Ended is a channel that is closed when one of the subjects loses its rights.
func Ended(r *authz.Revocations, subjects ...string) (<-chan struct{}, func()) {
	c := make(chan struct{})
	return c, r.Await(func() { close(c) }, subjects...)
}
