package db_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/queries"
)

// walled is a database with the wall up, and two organizations with a member each: seen by a role of its own that owns nothing.
func walled(t *testing.T) (app *db.DB, orgs [2]uuid.UUID, users [2]uuid.UUID) {
	t.Helper()
	_, dsn := dbtest.NewDSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("role") // whoever makes databases also makes roles
	u.RawQuery = q.Encode()
	owner, err := db.Open(t.Context(), u.String(), db.MaxConns(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	if err := db.RaiseWall(t.Context(), owner, true); err != nil {
		t.Fatal(err)
	}
	role := "wall_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("create role " + role)
	t.Cleanup(func() {
		for _, sql := range []string{"drop owned by " + role, "drop role " + role} {
			if _, err := owner.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
				t.Error(err)
			}
		}
	})
	exec("grant select, insert, update, delete on all tables in schema public to " + role)
	for n := range orgs {
		orgs[n], users[n] = uuid.New(), uuid.New()
		exec("insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', now())", users[n])
		exec("insert into organization (id, slug, name, ownership, created_by, created_at) values ($1, $2::text, $2::text, 'SHARED', $3, now())", orgs[n], fmt.Sprintf("org-%d", n), users[n])
		exec("insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,OWNER}', now())", uuid.New(), orgs[n], users[n])
	}
	q.Set("role", role)
	u.RawQuery = q.Encode()
	if app, err = db.Open(t.Context(), u.String(), db.MaxConns(1)); err != nil { // one connection: what one caller told it, the next must not inherit
		t.Fatal(err)
	}
	t.Cleanup(app.Close)
	if !app.Walled() {
		t.Fatal("the wall is not seen")
	}
	return app, orgs, users
}

// as is a caller who was authorised for some organizations.
func as(ctx context.Context, orgs ...uuid.UUID) context.Context {
	ctx = context.WithValue(ctx, db.SightKey{}, &db.Sight{})
	for _, o := range orgs {
		db.See(ctx, o)
	}
	return ctx
}

func members(t *testing.T, ctx context.Context, on interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, name string) (n int) {
	t.Helper()
	if err := on.QueryRow(ctx, name+"select count(*) from membership").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRLS_AQueryWithoutItsOrganizationFindsNothing: whatever its WHERE says, a statement finds the rows of organizations that its caller was authorised for.
func TestRLS_AQueryWithoutItsOrganizationFindsNothing(t *testing.T) {
	t.Parallel()
	app, orgs, users := walled(t)
	ctx := t.Context()
	for _, c := range []struct {
		name string
		ctx  context.Context
		sql  string
		want int
	}{
		{"Nobody", as(ctx), "", 0},
		{"OneTenant", as(ctx, orgs[0]), "", 1},
		{"NobodyAfterATenant", as(ctx), "", 0},
		{"BothTenants", as(ctx, orgs[0], orgs[1]), "", 2},
		{"ALookUpByItsName", as(ctx), "-- name: OrgOfSlug :one\n", 2},
		{"TheProduct", ctx, "", 2},
		{"ABoundQueryByItsName", as(ctx, orgs[1]), "-- name: ListMembers :many\n", 1},
	} {
		if got := members(t, c.ctx, app, c.sql); got != c.want {
			t.Errorf("%s sees %d members, want %d", c.name, got, c.want)
		}
		err := app.InTx(c.ctx, func(ctx context.Context, tx *db.Tx) error {
			if got := members(t, ctx, tx, c.sql); got != c.want {
				t.Errorf("%s sees %d members in a transaction, want %d", c.name, got, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := app.Query(as(ctx, orgs[1]), "select user_id from membership")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for rows.Next() {
		var u uuid.UUID
		if err := rows.Scan(&u); err != nil || u != users[1] {
			t.Errorf("%s, %v", u, err)
		}
		found++
	}
	if err := rows.Err(); err != nil || found != 1 {
		t.Errorf("%d rows, %v", found, err)
	}
	if tag, err := app.Exec(as(ctx, orgs[0]), "update membership set version = version + 1"); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("%s, %v", tag, err)
	}
	_, err = app.Exec(as(ctx, orgs[0]), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER}', now())", uuid.New(), orgs[1], users[0])
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "42501" {
		t.Errorf("a row for somebody else's organization: %v", err)
	}
	if got := members(t, as(ctx, orgs[0]), app, ""); got != 1 {
		t.Errorf("after a refusal: %d", got)
	}
}

// TestRLS_WhatIsToldFollowsTheStatement: also after a look-up, a savepoint that was rolled back, and an authorisation in the middle of a transaction.
func TestRLS_WhatIsToldFollowsTheStatement(t *testing.T) {
	t.Parallel()
	app, orgs, _ := walled(t)
	const lookUp = "-- name: OrgOfSlug :one\n"
	err := app.InTx(as(t.Context(), orgs[0]), func(ctx context.Context, tx *db.Tx) error {
		steps := []int{members(t, ctx, tx, lookUp), members(t, ctx, tx, "")}
		crash := errors.New("crash")
		err := tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			steps = append(steps, members(t, ctx, tx, lookUp))
			return crash
		})
		if !errors.Is(err, crash) {
			t.Error(err)
		}
		steps = append(steps, members(t, ctx, tx, ""))
		if err := tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			steps = append(steps, members(t, ctx, tx, lookUp))
			return nil
		}); err != nil {
			t.Error(err)
		}
		steps = append(steps, members(t, ctx, tx, ""))
		db.See(ctx, orgs[1])
		steps = append(steps, members(t, ctx, tx, ""))
		if got := fmt.Sprint(steps); got != "[2 1 2 1 2 1 2]" {
			t.Errorf("seen: %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRLS_ManyRowsAtOnce: PostgreSQL refuses COPY into a walled table, and the policy holds for each row that is inserted instead.
func TestRLS_ManyRowsAtOnce(t *testing.T) {
	t.Parallel()
	app, orgs, users := walled(t)
	put := func(org uuid.UUID) (int64, error) {
		var rows [][]any
		for n := range 3 {
			rows = append(rows, []any{org, fmt.Sprintf("metric%d", n), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), int64(n)})
		}
		return app.CopyFrom(as(t.Context(), orgs[0]), pgx.Identifier{"usage_counter"}, []string{"org_id", "metric", "period_start", "used"}, pgx.CopyFromRows(rows))
	}
	if n, err := put(orgs[0]); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	if n, err := put(orgs[1]); err == nil {
		t.Errorf("%d rows of somebody else (%s)", n, users[1])
	}
	var n int
	if err := app.QueryRow(t.Context(), "select count(*) from usage_counter").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestRLS_TheLastOwnerIsKept by a trigger that sees all members, whoever changes them.
func TestRLS_TheLastOwnerIsKept(t *testing.T) {
	t.Parallel()
	app, orgs, _ := walled(t)
	_, err := app.Exec(as(t.Context(), orgs[0]), "update membership set roles = '{MEMBER}'")
	if !db.Violates(err, "keep_owner_last") {
		t.Errorf("%v", err)
	}
	err = app.InTx(as(t.Context(), orgs[0]), func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "delete from membership"); err != nil {
			return err
		}
		return tx.QueryRow(as(ctx), "select count(*) from membership").Scan(new(int)) // the commit comes when nobody sees anything
	})
	if !db.Violates(err, "keep_owner_last") {
		t.Errorf("%v", err)
	}
}

// TestRLS_EveryTableOfTenantsIsWalled, and one that came later is named until the wall is raised again.
func TestRLS_EveryTableOfTenantsIsWalled(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	gaps := func() (n int) {
		t.Helper()
		if err := d.QueryRow(t.Context(), "select count(*) from row_wall_gaps()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	raise := func(up bool) {
		t.Helper()
		if err := db.RaiseWall(t.Context(), d, up); err != nil {
			t.Fatal(err)
		}
	}
	raise(false)
	all := gaps()
	var tables int
	if err := d.QueryRow(t.Context(), `select count(*) from information_schema.columns join information_schema.tables using (table_schema, table_name)
		where table_schema = 'public' and column_name = 'org_id' and table_type = 'BASE TABLE'`).Scan(&tables); err != nil || tables != all || tables < 30 {
		t.Fatalf("%d tables of tenants, %d of them without the wall, %v", tables, all, err)
	}
	raise(true)
	if n := gaps(); n != 0 {
		t.Errorf("%d tables without it", n)
	}
	for _, sql := range []string{"create table later (org_id uuid)", "create table event_2090_01 partition of event for values from ('2090-01-01') to ('2090-02-01')"} {
		if _, err := d.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if n := gaps(); n != 2 {
		t.Errorf("%d new tables without it are known", n)
	}
	if err := d.Guarded(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	raise(true)
	if n := gaps(); n != 0 {
		t.Errorf("%d tables without it", n)
	}
	raise(false)
	if n := gaps(); n != all+2 {
		t.Errorf("%d tables after it was taken down", n)
	}
}

// TestRLS_NobodyGoesPastIt without being told so.
func TestRLS_NobodyGoesPastIt(t *testing.T) {
	t.Parallel()
	app, _, _ := walled(t)
	if err := app.Guarded(t.Context()); err != nil {
		t.Errorf("a role that the wall holds: %v", err)
	}
}

// TestRLS_ANameSaysWhatAQueryMaySee: no query that is bound to an organization has the name of one that is not.
func TestRLS_ANameSaysWhatAQueryMaySee(t *testing.T) {
	t.Parallel()
	free, bound := queries.Names()
	if len(free) < 50 || len(bound) < 200 || !free["OrgOfConnection"] || !bound["ConnectionByID"] || !free["AddEvent"] {
		t.Fatalf("%d free, %d bound", len(free), len(bound))
	}
	for name := range free {
		if bound[name] {
			t.Errorf("%s is the name of two queries, and one may see all organizations: give it another", name)
		}
	}
}
