// Package dbtest gives tests a real PostgreSQL. Tx is the default: one transaction per test, rolled back, about a millisecond. New is a database of the
// test's own, about 40 ms, for what needs several connections: true concurrency, subscriptions, River, commits that others see.
package dbtest

import (
	"context"
	"sync"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
)

// server is started once per test process and ends with it.
var server = sync.OnceValues(func() (*devdb.Server, error) {
	ctx := context.Background() // the server outlives the test that asked first
	s, err := devdb.Connect(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.Template(ctx)
	return s, err
})

// shared is the database in which every Tx of this process runs. Nothing is ever committed to it.
var shared = sync.OnceValues(func() (*devdb.Database, error) {
	s, err := server()
	if err != nil {
		return nil, err
	}
	return s.Fresh(context.Background(), db.MaxConns(32), db.Name("dbtest"))
})

// Ready starts the server and builds the template. A test calls it before it enters a synctest bubble, and New inside.
func Ready(t testing.TB) {
	t.Helper()
	if _, err := server(); err != nil {
		t.Fatal(err)
	}
}

// New is a migrated database of the test's own, dropped at its end.
func New(t testing.TB) *db.DB {
	t.Helper()
	d, _ := NewDSN(t)
	return d
}

// NewDSN is New with the database's address, for a test that starts other processes or pools of its own.
func NewDSN(t testing.TB) (*db.DB, string) {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Fresh(context.WithoutCancel(t.Context()), db.MaxConns(16), db.Name("dbtest"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d.DB, d.DSN
}

// Tx is a DB on one transaction that is rolled back at the end of the test. InTx nests in it as a savepoint and runs AfterCommit functions as if it had
// committed. It serves one goroutine, and its Pool is nil, which an insert-only River client takes.
//
// Two tests that insert the same unique value wait for each other here: give such rows random names, or take New.
func Tx(t testing.TB) *db.DB {
	t.Helper()
	d, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	tx, err := d.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(ctx); err != nil {
			t.Errorf("roll the test's transaction back: %v", err)
		}
	})
	return db.Bind(tx, d.Walled())
}
