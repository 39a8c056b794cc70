package db

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/queries"
)

// The second wall, row-level security, is optional and stands in the database: `nameplate migrate --db.row_level_security=on` raises it, and Open finds it.
// With it PostgreSQL itself shows a statement the rows of those organizations alone for which the context's caller was authorised, whatever its WHERE says.
// What comes before it is known for whom (queries.Names) and work of the product say so by name instead, and see all.

// Sight is what the caller of a context was authorised for so far. The zero value is a caller who was authorised for nothing. A context without a Sight is the
// product's own.
type Sight struct {
	mu     sync.Mutex
	system string
	orgs   []uuid.UUID
}

// SightKey finds a *Sight in a context's values.
type SightKey struct{}

// See lets the caller see the rows of an organization from now on.
func See(ctx context.Context, org uuid.UUID) {
	if s, ok := ctx.Value(SightKey{}).(*Sight); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Contains(s.orgs, org) {
			s.orgs = append(s.orgs, org)
		}
	}
}

// SeeAll lets the caller see the rows of all organizations from now on: an operator, or work that is no single organization's. name says which.
func SeeAll(ctx context.Context, name string) {
	if s, ok := ctx.Value(SightKey{}).(*Sight); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.system = name
	}
}

// System is a Sight of work of the product.
func System(name string) Sight { return Sight{system: name} }

// OnBehalf is ctx for statements that must see all organizations to find out for which the caller may be authorised.
func OnBehalf(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, SightKey{}, &Sight{system: name})
}

// look is what PostgreSQL is told before a statement.
type look struct{ system, orgs string }

const tell = "select set_config('app.system', $1, true), set_config('app.orgs', $2, true)"

var (
	named   = regexp.MustCompile(`^-- name: (\w+) `)
	unclean = regexp.MustCompile(`[^\w.: -]`)
)

// lookOf says what a statement may see.
func lookOf(ctx context.Context, sql string) look {
	free, _ := queries.Names()
	if m := named.FindStringSubmatch(sql); m != nil && free[m[1]] {
		return look{system: m[1]}
	}
	s, ok := ctx.Value(SightKey{}).(*Sight)
	if !ok {
		return look{system: "product"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.system != "" {
		return look{system: unclean.ReplaceAllString(s.system, "")}
	}
	orgs := make([]string, len(s.orgs))
	for n, o := range s.orgs {
		orgs[n] = o.String()
	}
	return look{orgs: strings.Join(orgs, ",")}
}

// Walled says whether the wall stood when the database was opened.
func (d *DB) Walled() bool { return d != nil && d.walled }

// findWall looks whether the wall stands. Who signs in to a walled database as a role that goes past it has no wall: Guarded says so.
func (d *DB) findWall(ctx context.Context) error {
	err := d.pool.QueryRow(ctx, "select coalesce((select relrowsecurity from pg_class where oid = to_regclass('public.membership')), false)").Scan(&d.walled)
	if err != nil {
		return fmt.Errorf("look for row-level security: %w", err)
	}
	return nil
}

// RaiseWall raises the wall (or takes it down) in a migrated database, for whoever owns its tables. Again it changes nothing but what came since.
func RaiseWall(ctx context.Context, d *DB, up bool) error {
	if _, err := d.pool.Exec(ctx, "select row_wall($1)", up); err != nil {
		return fmt.Errorf("set row-level security: %w", err)
	}
	d.walled = up
	return nil
}

// Guarded fails when the wall does not hold: a table without it, or a role that goes past it.
func (d *DB) Guarded(ctx context.Context) error {
	var role string
	var past bool
	if err := d.pool.QueryRow(ctx, "select rolname, rolsuper or rolbypassrls from pg_roles where rolname = current_user").Scan(&role, &past); err != nil {
		return fmt.Errorf("read the database's role: %w", err)
	}
	if past {
		return fmt.Errorf("db.row_level_security is on, but the role %s goes past it: sign in as one that is neither a superuser nor has BYPASSRLS", role)
	}
	rows, _ := d.pool.Query(ctx, "select * from row_wall_gaps() order by 1")
	gaps, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return fmt.Errorf("look for tables without row-level security: %w", err)
	case len(gaps) > 0:
		return fmt.Errorf("db.row_level_security is on, but not for %s: run nameplate migrate with it", strings.Join(gaps, ", "))
	}
	return nil
}

// wall is an executor whose statements each tell what they may see, in the round trip of the statement.
type wall struct {
	*pgxpool.Pool
	tracer pgx.QueryTracer // nil: nobody counts statements
}

// send sends a statement behind what it may see. Its tracer sees it as it would without the wall.
func (w wall) send(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	b, l := &pgx.Batch{}, lookOf(ctx, sql)
	if w.tracer != nil {
		ctx = w.tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: sql, Args: args})
		defer w.tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	}
	b.Queue(tell, l.system, l.orgs) // a batch is one transaction, so what is told ends with it
	b.Queue(sql, args...)
	r := w.Pool.SendBatch(ctx, b)
	if _, err := r.Exec(); err != nil {
		return nil, errors.Join(err, ignore(r.Close()))
	}
	return r, nil
}

// ignore: the first error of a batch is also the last.
func ignore(error) error { return nil }

func (w wall) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if len(args) == 0 { // may be several statements, which only a transaction takes
		err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
			tag, err = tx.Exec(ctx, sql)
			return err
		})
		return tag, err
	}
	r, err := w.send(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err = r.Exec()
	if closed := r.Close(); err == nil {
		err = closed
	}
	return tag, err
}

func (w wall) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := w.send(ctx, sql, args)
	if err != nil {
		return failed{err: err}, err
	}
	rows, err := r.Query()
	if err != nil {
		_ = r.Close()
		return rows, err
	}
	return &walledRows{Rows: rows, batch: r}, nil
}

func (w wall) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := w.send(ctx, sql, args)
	return walledRow{r, err}
}

func (w wall) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	told, l := &pgx.Batch{}, lookOf(ctx, "")
	told.Queue(tell, l.system, l.orgs)
	told.QueuedQueries = append(told.QueuedQueries, b.QueuedQueries...)
	r := w.Pool.SendBatch(ctx, told)
	_, _ = r.Exec() // its error is every later statement's, too
	return r
}

func (w wall) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (n int64, err error) {
	err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		n, err = tx.CopyFrom(ctx, table, columns, rows)
		return err
	})
	return n, err
}

func (w wall) Begin(ctx context.Context) (pgx.Tx, error) {
	l := lookOf(ctx, "")
	tx, err := w.Pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: fmt.Sprintf("begin; select set_config('app.system', '%s', true), set_config('app.orgs', '%s', true)", l.system, l.orgs)})
	if err != nil {
		return nil, err
	}
	return &walledTx{Tx: tx, told: &l}, nil
}

// walledRows end their batch when they end, and with it the transaction.
type walledRows struct {
	pgx.Rows
	batch  pgx.BatchResults
	closed bool
	err    error
}

func (r *walledRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *walledRows) Close() {
	if !r.closed {
		r.closed = true
		r.Rows.Close()
		r.err = r.batch.Close()
	}
}

func (r *walledRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type walledRow struct {
	batch pgx.BatchResults
	err   error
}

func (r walledRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.batch.QueryRow().Scan(into...)
	if closed := r.batch.Close(); err == nil {
		err = closed
	}
	return err
}

// failed are the rows of a statement that was never sent.
type failed struct {
	pgx.Rows
	err error
}

func (failed) Close()       {}
func (f failed) Err() error { return f.err }
func (failed) Next() bool   { return false }

// walledTx tells PostgreSQL what its next statement may see when that is something else than before.
type walledTx struct {
	pgx.Tx
	outer *walledTx
	told  *look // nil: unknown, a savepoint was rolled back
}

func (t *walledTx) tell(ctx context.Context, sql string) error {
	l := lookOf(ctx, sql)
	if t.told != nil && *t.told == l {
		return nil
	}
	if _, err := t.Tx.Exec(ctx, tell, l.system, l.orgs); err != nil {
		return err
	}
	t.told = &l
	return nil
}

func (t *walledTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.tell(ctx, sql); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.Tx.Exec(ctx, sql, args...)
}

func (t *walledTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.tell(ctx, sql); err != nil {
		return failed{err: err}, err
	}
	return t.Tx.Query(ctx, sql, args...)
}

func (t *walledTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := t.tell(ctx, sql); err != nil {
		return walledRow{err: err}
	}
	return t.Tx.QueryRow(ctx, sql, args...)
}

// CopyFrom inserts the rows one by one, in one round trip: PostgreSQL does not copy into a table with row-level security.
func (t *walledTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (n int64, err error) {
	if err := t.tell(ctx, ""); err != nil {
		return 0, err
	}
	names, places := make([]string, len(columns)), make([]string, len(columns))
	for n, c := range columns {
		names[n], places[n] = pgx.Identifier{c}.Sanitize(), fmt.Sprintf("$%d", n+1)
	}
	insert := fmt.Sprintf("insert into %s (%s) values (%s)", table.Sanitize(), strings.Join(names, ", "), strings.Join(places, ", "))
	b := &pgx.Batch{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return 0, err
		}
		b.Queue(insert, values...)
	}
	if err := rows.Err(); err != nil || b.Len() == 0 {
		return 0, err
	}
	return int64(b.Len()), t.Tx.SendBatch(ctx, b).Close()
}

func (t *walledTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	_ = t.tell(ctx, "") // after an error the transaction refuses the batch, too
	return t.Tx.SendBatch(ctx, b)
}

func (t *walledTx) Begin(ctx context.Context) (pgx.Tx, error) {
	inner, err := t.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &walledTx{Tx: inner, outer: t, told: t.told}, nil
}

func (t *walledTx) Commit(ctx context.Context) error {
	if t.outer != nil {
		t.outer.told = t.told
	}
	return t.Tx.Commit(ctx)
}

func (t *walledTx) Rollback(ctx context.Context) error {
	if t.outer != nil {
		t.outer.told = nil
	}
	return t.Tx.Rollback(ctx)
}
