package work_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/riverqueue/river"
)

// table is a queue over a table of the test's own, in the shape that every owner of due rows writes.
func table(t *testing.T, d *db.DB, run func(context.Context, work.Claim) error) work.Queue {
	t.Helper()
	if _, err := d.Exec(t.Context(), "create table if not exists due (id text primary key, due_at timestamptz, owner text, epoch bigint not null default 0, lease_until timestamptz, done int not null default 0)"); err != nil {
		t.Fatal(err)
	}
	return work.Queue{
		Name: "test", Batch: 10, Concurrency: 4, Timeout: 5 * time.Second, Run: run,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := tx.Query(ctx, `update due set owner = $1, lease_until = $2, epoch = epoch + 1 where id in
				(select id from due where due_at <= $3 and (lease_until is null or lease_until < $3) order by due_at limit $4 for update skip locked) returning id, epoch`, owner, until, tx.Now, n)
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			var out []work.Claim
			for rows.Next() {
				var c work.Claim
				if err := rows.Scan(&c.ID, &c.Epoch); err != nil {
					return nil, err
				}
				out = append(out, c)
			}
			return out, rows.Err()
		},
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			tag, err := on.Exec(ctx, "update due set lease_until = $1 where id = $2 and epoch = $3", until, c.ID, c.Epoch)
			return tag.RowsAffected() == 1, err
		},
		Next: func(ctx context.Context, on work.Executor) (at time.Time, err error) {
			err = on.QueryRow(ctx, "select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01') from due where due_at is not null").Scan(&at)
			return at, err
		},
	}
}

func finish(ctx context.Context, d *db.DB, c work.Claim) (bool, error) {
	tag, err := d.Exec(ctx, "update due set due_at = null, done = done + 1 where id = $1 and epoch = $2", c.ID, c.Epoch)
	return tag.RowsAffected() == 1, err
}

func TestRowsAreTakenOnceByManyRunners(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	var runs atomic.Int64
	all := make(chan struct{})
	q := table(t, d, func(ctx context.Context, c work.Claim) error {
		if _, err := finish(ctx, d, c); err != nil {
			return err
		}
		if runs.Add(1) == 200 {
			close(all)
		}
		return nil
	})
	if _, err := d.Exec(t.Context(), "insert into due (id, due_at) select n::text, now() from generate_series(1, 200) n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{}, 3)
	for range 3 {
		r := &work.Runner{DB: d, Queues: []work.Queue{q}}
		go func() { _ = r.Run(ctx); stopped <- struct{}{} }()
	}
	select {
	case <-all:
	case <-time.After(20 * time.Second):
		t.Fatalf("%d of 200 rows were done", runs.Load())
	}
	cancel()
	for range 3 {
		<-stopped
	}
	var done, rows int
	if err := d.QueryRow(t.Context(), "select sum(done), count(*) filter (where done = 1) from due").Scan(&done, &rows); err != nil || done != 200 || rows != 200 {
		t.Fatalf("%d rows done, %d in all: %v", rows, done, err)
	}
}

func TestALateWriterChangesNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	now := time.Now()
	d.SetClock(func() time.Time { return now })
	var claims []work.Claim
	q := table(t, d, func(_ context.Context, c work.Claim) error { claims = append(claims, c); return nil }) // a frozen worker: it takes and writes nothing
	if _, err := d.Exec(t.Context(), "insert into due (id, due_at) values ('a', $1)", now); err != nil {
		t.Fatal(err)
	}
	r := &work.Runner{DB: d, Queues: []work.Queue{q}}
	for range 2 {
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(11 * time.Second) // one lease
	}
	if len(claims) != 2 || claims[1].Epoch <= claims[0].Epoch {
		t.Fatalf("the row was not taken over: %v", claims)
	}
	if ok, err := finish(t.Context(), d, claims[0]); ok || err != nil {
		t.Fatalf("the late writer changed the row: %v", err)
	}
	if ok, err := finish(t.Context(), d, claims[1]); !ok || err != nil {
		t.Fatalf("the present holder could not finish: %v", err)
	}
}

func TestAPokeWakesTheRunnerAtOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ran := make(chan struct{}, 1)
	q := table(t, d, func(ctx context.Context, c work.Claim) error {
		_, err := finish(ctx, d, c)
		ran <- struct{}{}
		return err
	})
	r := &work.Runner{DB: d, Queues: []work.Queue{q}}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = r.Run(ctx) }()
	err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		tx.AfterCommit(func() { r.Poke("test") })
		_, err := tx.Exec(ctx, "insert into due (id, due_at) values ('a', $1)", tx.Now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ran:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody woke up")
	}
	cancel()
	<-stopped
}

func TestAPanicIsAnErrorOfItsRow(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	q := table(t, d, func(context.Context, work.Claim) error { panic("oops") })
	if _, err := d.Exec(t.Context(), "insert into due (id, due_at) values ('a', now() - interval '1 minute')"); err != nil {
		t.Fatal(err)
	}
	r := &work.Runner{DB: d, Queues: []work.Queue{q}}
	if err := r.Drain(t.Context()); err == nil {
		t.Fatal("the panic was swallowed")
	}
}

type ping struct{ N int }

func (ping) Kind() string { return "test.ping" }

type pinged struct {
	river.WorkerDefaults[ping]
	got chan int
}

func (p *pinged) Work(_ context.Context, j *river.Job[ping]) error { p.got <- j.Args.N; return nil }

func TestAJobExistsIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	p := &pinged{got: make(chan int, 2)}
	jobs, err := work.NewJobs(d, func(w *river.Workers) { river.AddWorker(w, p) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = jobs.Run(ctx) }()
	for n, commit := range []bool{false, true} {
		_ = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := jobs.InsertTx(ctx, tx, ping{n}, 0); err != nil {
				t.Fatal(err)
			}
			if !commit {
				return context.Canceled
			}
			return nil
		})
	}
	select {
	case n := <-p.got:
		if n != 1 {
			t.Fatalf("a job of a rolled-back transaction ran")
		}
	case <-time.After(15 * time.Second):
		t.Fatal("the job did not run")
	}
	cancel()
	<-stopped
}

func TestASchedulesRunsAgainAfterItsPeriod(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	now := time.Now()
	d.SetClock(func() time.Time { return now })
	n := 0
	r := &work.Runner{DB: d, Queues: []work.Queue{work.Periodics(d, []work.Periodic{{Kind: "test", Every: time.Hour, Do: func(context.Context) error { n++; return nil }}})}}
	for range 3 {
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(31 * time.Minute)
	}
	if n != 2 {
		t.Fatalf("it ran %d times in 62 minutes", n)
	}
}
