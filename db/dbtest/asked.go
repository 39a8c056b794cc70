package dbtest

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/db"
)

// Asked keeps the statements of a pool, begin and commit included.
type Asked struct {
	mu  sync.Mutex
	sql []string
}

// Counted is a second pool on d's database, and what is asked through it. It ends with the test.
func Counted(t testing.TB, d *db.DB, opts ...db.Option) (*db.DB, *Asked) {
	t.Helper()
	a := &Asked{}
	on, err := db.Open(t.Context(), d.Pool().Config().ConnString(), append(opts, func(c *pgxpool.Config) { c.ConnConfig.Tracer = a })...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)
	return on, a
}

func (a *Asked) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sql = append(a.sql, q.SQL)
	return ctx
}

func (*Asked) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Take is what was asked since the Take before.
func (a *Asked) Take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.sql
	a.sql = nil
	return out
}

// Len is how many statements there were since the last Take.
func (a *Asked) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sql)
}
