package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// Tx is one transaction with one instant: every time that its rows take is Now. It serves one goroutine.
type Tx struct {
	pgx.Tx
	Now   time.Time // UTC, truncated to microseconds
	after []func()
}

// AfterCommit runs fn after the outermost commit, in the order of the calls, in the goroutine that committed; never on a rollback.
// What it does may be lost with the process (a poke), so nothing that must happen belongs here: that is a row or a job in the transaction.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// InTx runs fn in a savepoint: an error or a panic of fn undoes what fn did and leaves the transaction usable. Now stays.
func (t *Tx) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	inner, err := once(ctx, t.Tx, t.Now, fn)
	if err != nil {
		return err
	}
	t.after = append(t.after, inner.after...)
	return nil
}

// attempts is how often InTx runs its function in all when PostgreSQL asks for a retry.
const attempts = 4

// InTx runs fn in one transaction and commits when it answers nil. An error or a panic rolls back; the error comes back as it is.
// After a serialization failure or a deadlock it runs fn again with a new instant, up to three times, so fn must not keep anything from a former run.
func (d *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	for n := 1; ; n++ {
		tx, err := once(ctx, d.executor(), d.Now(), fn)
		if err == nil {
			for _, after := range tx.after {
				after()
			}
			return nil
		}
		// Inside an outer transaction PostgreSQL has already given up on all of it: only the outermost can try again.
		if n == attempts || d.outer != nil || !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(n) * (5*time.Millisecond + rand.N(10*time.Millisecond))):
		}
	}
}

// once begins on the executor (a savepoint when it is a transaction), runs fn and commits.
func once(ctx context.Context, on interface {
	Begin(context.Context) (pgx.Tx, error)
}, now time.Time, fn func(context.Context, *Tx) error) (*Tx, error) {
	begun, err := on.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	tx, committed := &Tx{Tx: begun, Now: now}, false
	defer func() {
		if committed {
			return
		}
		// Also on a panic and after the caller's context ended: the connection goes back clean or not at all.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = begun.Rollback(ctx)
	}()
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := begun.Commit(ctx); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	committed = true
	return tx, nil
}
