// Package work runs what happens later. There are two kinds, and no third.
//
// A due row is something that comes again: a row with due_at and a lease (owner, epoch, lease_until) in the table of the package that owns it.
// A runner takes due rows in batches with SKIP LOCKED, renews their leases while it works, and sleeps until the earliest due_at it knows, at most a
// second; a transaction that makes a row due pokes it at the commit. A killed process costs one lease. Who writes a result names the epoch that
// it took, so a worker that comes back from the dead changes nothing.
//
// A job (River) is something that happens once because of a change: it is inserted in the change's transaction.
package work

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/nameplate-dev/nameplate/db"
)

const (
	lease = 10 * time.Second
	renew = 3 * time.Second
	nap   = time.Second
)

// Executor is what queries run on: a pool or a transaction.
type Executor interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
}

// Claim is one due row that this process holds for now.
type Claim struct {
	ID    string // the row's key, as its queue writes it
	Epoch int64  // to be named when the result is written
	Data  any    // whatever Take read along
}

// Queue is one kind of due row. The functions are SQL of the package that owns the table.
type Queue struct {
	Name        string
	Batch       int32         // rows taken in one statement
	Concurrency int           // rows worked on at the same time in this process
	Timeout     time.Duration // of one Run

	// Take locks due rows with SKIP LOCKED and sets owner, lease_until = until and epoch + 1.
	Take func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]Claim, error)
	// Extend renews one lease where the epoch still is the claim's; false says that it was lost.
	Extend func(ctx context.Context, on Executor, until time.Time, c Claim) (bool, error)
	// Next is the earliest instant at which a row can be taken; far in the future when there is none.
	Next func(ctx context.Context, on Executor) (time.Time, error)
	// Run does the work and writes its result guarded by the epoch. After an error the lease runs out, and somebody tries again.
	Run func(ctx context.Context, c Claim) error
}

// Runner works on queues. Several processes may run the same queues.
type Runner struct {
	DB     *db.DB
	Queues []Queue
	// Tell carries a poke to the other processes; nil in tests of one process.
	Tell func(subject string)
	// Observe, when set, is told of every finished run.
	Observe func(queue string, took time.Duration, err error)

	once  sync.Once
	mu    sync.Mutex
	wake  map[string]chan struct{}
	owner string
}

func (r *Runner) setUp() {
	r.once.Do(func() { r.wake, r.owner = map[string]chan struct{}{}, rand.Text() })
}

func (r *Runner) bell(queue string) chan struct{} {
	r.setUp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wake[queue] == nil {
		r.wake[queue] = make(chan struct{}, 1)
	}
	return r.wake[queue]
}

// Subject is what other processes hear when a queue is poked.
func Subject(queue string) string { return "work:" + queue }

// Poke says that a queue has a due row, here and in every other process. Call it after the commit.
func (r *Runner) Poke(queue string) {
	r.Ring(queue)
	if r.Tell != nil {
		r.Tell(Subject(queue))
	}
}

// Ring wakes this process alone.
func (r *Runner) Ring(queue string) {
	select {
	case r.bell(queue) <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then waits for what is running, which ctx also ends.
func (r *Runner) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, q := range r.Queues {
		wg.Go(func() { r.serve(ctx, q) })
	}
	wg.Wait()
	return nil
}

// Drain works on everything that is due now, until nothing is; for tests.
func (r *Runner) Drain(ctx context.Context) error {
	r.setUp()
	for {
		n := 0
		for _, q := range r.Queues {
			claims, err := r.take(ctx, q, q.Batch)
			if err != nil {
				return err
			}
			for _, c := range claims {
				n++
				if err := r.run(ctx, q, c); err != nil {
					return fmt.Errorf("%s %s: %w", q.Name, c.ID, err)
				}
			}
		}
		if n == 0 {
			return nil
		}
	}
}

func (r *Runner) serve(ctx context.Context, q Queue) {
	bell, free := r.bell(q.Name), make(chan struct{}, q.Concurrency)
	var running sync.WaitGroup
	defer running.Wait()
	failing := false
	for ctx.Err() == nil {
		claims, err := r.take(ctx, q, min(q.Batch, int32(q.Concurrency-len(free))))
		if err != nil && ctx.Err() == nil && !failing {
			slog.WarnContext(ctx, "due rows cannot be taken", "queue", q.Name, "err", err)
		}
		failing = err != nil
		for _, c := range claims {
			free <- struct{}{}
			running.Go(func() {
				if err := r.run(ctx, q, c); err != nil && ctx.Err() == nil {
					slog.ErrorContext(ctx, "work failed", "queue", q.Name, "row", c.ID, "err", err)
				}
				<-free
				r.Ring(q.Name)
			})
		}
		if len(claims) > 0 && len(free) < q.Concurrency {
			continue
		}
		r.sleep(ctx, q, bell, len(free) == q.Concurrency || failing)
	}
}

// sleep waits for a poke, for a free place, or until the next row is due, at most a second.
func (r *Runner) sleep(ctx context.Context, q Queue, bell <-chan struct{}, busy bool) {
	wait := nap
	if !busy {
		if next, err := q.Next(ctx, r.DB); err == nil {
			wait = min(nap, max(next.Sub(r.DB.Now()), 2*time.Millisecond))
		}
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-bell:
	case <-t.C:
	}
}

func (r *Runner) take(ctx context.Context, q Queue, n int32) (claims []Claim, err error) {
	if n <= 0 {
		return nil, nil
	}
	err = r.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		claims, err = q.Take(ctx, tx, r.owner, tx.Now.Add(lease), n)
		return err
	})
	return claims, err
}

// run does one row, renewing its lease meanwhile; a lost lease ends the work.
func (r *Runner) run(ctx context.Context, q Queue, c Claim) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.Timeout, fmt.Errorf("%s took longer than %s", q.Name, q.Timeout))
	stopped := make(chan struct{})
	var beat sync.WaitGroup
	beat.Go(func() { r.hold(ctx, q, c, stopped, cancel) })
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", q.Name, p, debug.Stack())
		}
		close(stopped)
		cancel()
		beat.Wait()
		if r.Observe != nil {
			r.Observe(q.Name, time.Since(began), err)
		}
	}()
	return q.Run(ctx, c)
}

func (r *Runner) hold(ctx context.Context, q Queue, c Claim, stopped <-chan struct{}, lost context.CancelFunc) {
	t := time.NewTicker(renew)
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-ctx.Done():
			return
		case <-t.C:
		}
		ours, err := q.Extend(ctx, r.DB, r.DB.Now().Add(lease), c)
		if err == nil && !ours {
			lost()
			return
		}
	}
}

// ErrLost says that another worker holds the row by now: the result was not written, and nothing is wrong.
var ErrLost = errors.New("the lease was lost")
