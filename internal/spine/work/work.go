// Package work runs what happens later. There are two kinds, and no third.
//
// A due row is something that comes again: a row with due_at and a lease (owner, epoch, lease_until) in the table of the package that owns it.
// A runner takes due rows in batches with SKIP LOCKED, renews their leases while it works, and sleeps until the earliest due_at it knows, at most a
// second; a transaction that makes a row due pokes it at the commit. A killed process costs one lease. Who writes a result names the epoch that
// it took, so a worker that comes back from the dead changes nothing. Results of many rows are written in sets (Sets), and work without network is done
// in the transaction that takes it (Sweep).
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
	leaseTime = 10 * time.Second
	renew     = 3 * time.Second
	nap       = time.Second
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

	lease *lease
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
	// ExtendAll renews many leases in one statement and answers the ids of those that are still held. A queue whose process holds hundreds of rows sets it instead of Extend.
	ExtendAll func(ctx context.Context, on Executor, until time.Time, all []Claim) (held []string, err error)
	// Next is the earliest instant at which a row can be taken; far in the future when there is none.
	Next func(ctx context.Context, on Executor) (time.Time, error)
	// Run does the work and writes its result guarded by the epoch. After an error the lease runs out, and somebody tries again.
	Run func(ctx context.Context, c Claim) error

	// Sweep is set instead of Take, Extend and Run by work that needs no network: it takes rows with SKIP LOCKED, does them, and moves them on in one
	// transaction, most of them at the most, and answers how many. There is no lease: who dies gives the rows back at once. A row that cannot be done must not
	// fail the others: Sweep undoes it in a savepoint and puts it off.
	Sweep func(ctx context.Context, tx *db.Tx, most int32) (int, error)
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
		done := 0
		for _, q := range r.Queues {
			n, err := r.drain(ctx, q)
			if err != nil {
				return err
			}
			done += n
		}
		if done == 0 {
			return nil
		}
	}
}

func (r *Runner) drain(ctx context.Context, q Queue) (int, error) {
	if q.Sweep != nil {
		return r.sweep(ctx, q)
	}
	claims, err := r.take(ctx, q, q.Batch)
	if err != nil {
		return 0, err
	}
	h, end := r.leases(ctx, q)
	defer end()
	for _, c := range claims {
		if err := r.run(ctx, q, h, c); err != nil {
			return 0, fmt.Errorf("%s %s: %w", q.Name, c.ID, err)
		}
	}
	return len(claims), nil
}

// leases begins to keep the leases of a queue, until end.
func (r *Runner) leases(ctx context.Context, q Queue) (h *leases, end func()) {
	h = &leases{held: map[*lease]Claim{}}
	stopped := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { r.keep(context.WithoutCancel(ctx), q, h, stopped) })
	return h, func() { close(stopped); wg.Wait() }
}

func (r *Runner) serve(ctx context.Context, q Queue) {
	if q.Sweep != nil {
		r.sweeps(ctx, q)
		return
	}
	bell, free := r.bell(q.Name), make(chan struct{}, q.Concurrency)
	h, end := r.leases(ctx, q)
	defer end()
	var running sync.WaitGroup
	defer running.Wait()
	failing := false
	for ctx.Err() == nil {
		most := min(q.Batch, int32(q.Concurrency-len(free)))
		claims, err := r.take(ctx, q, most)
		failing = r.note(ctx, q, err, failing)
		for _, c := range claims {
			free <- struct{}{}
			running.Go(func() {
				if err := r.run(ctx, q, h, c); err != nil && ctx.Err() == nil {
					slog.ErrorContext(ctx, "work failed", "queue", q.Name, "row", c.ID, "err", err)
				}
				<-free
				r.Ring(q.Name)
			})
		}
		if len(claims) == int(most) && len(free) < q.Concurrency {
			continue // there is more
		}
		r.sleep(ctx, q, bell, len(free) == q.Concurrency || failing)
	}
}

// note logs the first failure of several.
func (r *Runner) note(ctx context.Context, q Queue, err error, before bool) (failing bool) {
	if err != nil && ctx.Err() == nil && !before {
		slog.WarnContext(ctx, "due rows cannot be taken", "queue", q.Name, "err", err)
	}
	return err != nil
}

// sweeps serves a queue that needs no leases.
func (r *Runner) sweeps(ctx context.Context, q Queue) {
	var wg sync.WaitGroup
	for range q.Concurrency {
		wg.Go(func() {
			failing := false
			for ctx.Err() == nil {
				n, err := r.sweep(ctx, q)
				failing = r.note(ctx, q, err, failing)
				if n >= int(q.Batch) {
					r.Ring(q.Name) // there is more, for another as well
					continue
				}
				r.sleep(ctx, q, r.bell(q.Name), failing)
			}
		})
	}
	wg.Wait()
}

func (r *Runner) sweep(ctx context.Context, q Queue) (n int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.Timeout, fmt.Errorf("%s took longer than %s", q.Name, q.Timeout))
	defer cancel()
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("panic in %s: %v\n%s", q.Name, p, debug.Stack())
		}
		if r.Observe != nil && (n > 0 || err != nil) {
			r.Observe(q.Name, time.Since(began), err)
		}
	}()
	err = r.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = q.Sweep(ctx, tx, q.Batch)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
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
	began := time.Now()
	err = r.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		claims, err = q.Take(ctx, tx, r.owner, tx.Now.Add(leaseTime), n)
		return err
	})
	if err != nil {
		return nil, err
	}
	for n := range claims {
		claims[n].lease = &lease{since: began}
	}
	return claims, nil
}

// run does one row, whose lease is renewed meanwhile; a lost lease ends the work.
func (r *Runner) run(ctx context.Context, q Queue, h *leases, c Claim) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.Timeout, fmt.Errorf("%s took longer than %s", q.Name, q.Timeout))
	defer cancel()
	ctx, c.lease.lost = context.WithCancelCause(ctx)
	h.add(c)
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", q.Name, p, debug.Stack())
		}
		h.end(c)
		c.lease.lost(nil)
		if r.Observe != nil {
			r.Observe(q.Name, time.Since(began), err)
		}
	}()
	return q.Run(ctx, c)
}

// ErrLost says that another worker holds the row by now: the result was not written, and nothing is wrong.
var ErrLost = errors.New("the lease was lost")
