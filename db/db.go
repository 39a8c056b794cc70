// Package db is the only way to PostgreSQL: a pool, transactions that carry one instant each, and the migrations.
//
// Reads may run straight on a *DB. Everything that changes rows runs inside InTx, in practice inside the door's one transaction, and takes its times from
// tx.Now. A *DB and a *Tx both satisfy the DBTX interface of every generated query package, so the executor that a query runs on is always the visible second argument.
package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections with a clock. It is safe for concurrent use, except one that Bind made.
type DB struct {
	pool   *pgxpool.Pool // nil when bound
	outer  pgx.Tx        // set when bound: InTx nests in it as a savepoint
	clock  atomic.Pointer[func() time.Time]
	latest atomic.Int64 // what Now answered last, in µs of Unix time

	walled bool            // row-level security is on: every statement says what it may see
	tracer pgx.QueryTracer // then told of single statements
}

// Option adjusts Open.
type Option func(*pgxpool.Config)

// MaxConns bounds the pool; without it a pool_max_conns in the DSN decides, then pgx's default of max(4, cores).
func MaxConns(n int32) Option { return func(c *pgxpool.Config) { c.MaxConns = n } }

// Name is what pg_stat_activity shows for the connections.
func Name(name string) Option {
	return func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["application_name"] = name }
}

// Open connects, and answers only after a first round trip, so that a wrong DSN fails here and not at the first request.
// No statement runs longer than 30 s and no transaction idles longer than 10 s (a process that is frozen lets go of its locks then), unless the DSN says otherwise.
func Open(ctx context.Context, dsn string, opts ...Option) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the database address is not understood: it is postgres://user:password@host:5432/database") // the error itself would repeat what was given
	}
	params := cfg.ConnConfig.RuntimeParams
	params["timezone"] = "UTC"
	params["application_name"] = cmp.Or(params["application_name"], "nameplate")
	params["statement_timeout"] = cmp.Or(params["statement_timeout"], "30s")
	params["idle_in_transaction_session_timeout"] = cmp.Or(params["idle_in_transaction_session_timeout"], "10s")
	for _, o := range opts {
		o(cfg)
	}
	cfg.AfterConnect = types
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	d := &DB{pool: pool}
	d.tracer, _ = cfg.ConnConfig.Tracer.(pgx.QueryTracer)
	d.SetClock(time.Now)
	if err := d.findWall(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return d, nil
}

// types makes a time that was read equal to the tx.Now that was written (pgx would answer in the machine's zone), and reads ids without detours.
func types(_ context.Context, c *pgx.Conn) error {
	for _, t := range []struct {
		name     string
		oid, all uint32
		codec    pgtype.Codec
	}{
		{"timestamptz", pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID, &pgtype.TimestamptzCodec{ScanLocation: time.UTC}},
		{"uuid", pgtype.UUIDOID, pgtype.UUIDArrayOID, uuids{}},
	} {
		one := &pgtype.Type{Name: t.name, OID: t.oid, Codec: t.codec}
		c.TypeMap().RegisterType(one)
		c.TypeMap().RegisterType(&pgtype.Type{Name: "_" + t.name, OID: t.all, Codec: &pgtype.ArrayCodec{ElementType: one}})
	}
	return nil
}

// Bind makes a DB on one open transaction: InTx nests in it as a savepoint, and nothing outlives its rollback. It serves one goroutine, as a pgx.Tx does.
// walled says that row-level security is on. Its Pool is nil, which an insert-only River client takes. Tests use it through dbtest.Tx.
func Bind(outer pgx.Tx, walled bool) *DB {
	d := &DB{outer: outer, walled: walled}
	if walled {
		d.outer = &walledTx{Tx: outer}
	}
	d.SetClock(time.Now)
	return d
}

// Close waits until every connection is back, then closes them.
func (d *DB) Close() {
	if d.pool != nil {
		d.pool.Close()
	}
}

// held is how far a clock may be set back without Now going back, which would turn the order of ids.
const held = time.Second

// Now is the injected clock in UTC, truncated to what PostgreSQL keeps, so that a time read back equals the one written. While the clock is
// set back by a second or less, Now stands still.
func (d *DB) Now() time.Time {
	for {
		now, latest := (*d.clock.Load())().UnixMicro(), d.latest.Load()
		if now <= latest && latest-now <= held.Microseconds() {
			return time.UnixMicro(latest).UTC()
		}
		if d.latest.CompareAndSwap(latest, now) {
			return time.UnixMicro(now).UTC()
		}
	}
}

// SetClock replaces the clock for tests and the lab.
func (d *DB) SetClock(now func() time.Time) {
	d.clock.Store(&now)
	d.latest.Store(0)
}

// Pool is for spine/work's River client alone; it is nil on a bound DB.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// executor is what a pool and a transaction share.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Begin(ctx context.Context) (pgx.Tx, error)
}

func (d *DB) executor() executor {
	switch {
	case d.outer != nil:
		return d.outer
	case d.walled:
		return wall{d.pool, d.tracer}
	}
	return d.pool
}

// Exec, Query, QueryRow, CopyFrom and SendBatch run in a transaction of their own.

func (d *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return d.executor().Exec(ctx, sql, args...)
}

func (d *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return d.executor().Query(ctx, sql, args...)
}

func (d *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return d.executor().QueryRow(ctx, sql, args...)
}

func (d *DB) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return d.executor().CopyFrom(ctx, table, columns, rows)
}

func (d *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return d.executor().SendBatch(ctx, b)
}
