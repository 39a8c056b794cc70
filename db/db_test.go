package db_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
)

func TestNowIsWhatPostgresKeeps(t *testing.T) {
	t.Parallel()
	d := dbtest.Tx(t)
	d.SetClock(func() time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("elsewhere", 7200))
	})
	err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		var back time.Time
		var list []time.Time
		if err := tx.QueryRow(ctx, "SELECT $1::timestamptz, ARRAY[$1::timestamptz]", tx.Now).Scan(&back, &list); err != nil {
			return err
		}
		if back != tx.Now || len(list) != 1 || list[0] != tx.Now {
			t.Errorf("wrote %v, read %v and %v", tx.Now, back, list)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNowIsHeldWhileTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	d := dbtest.Tx(t)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var ahead time.Duration
	d.SetClock(func() time.Time { return start.Add(ahead) })
	for _, step := range []struct{ clock, now time.Duration }{
		{0, 0}, {-time.Second / 2, 0}, {-time.Second, 0}, {time.Millisecond, time.Millisecond}, {-time.Hour, -time.Hour}, {0, 0},
	} {
		ahead = step.clock
		if got := d.Now(); got != start.Add(step.now) {
			t.Errorf("at %v: %v", step.clock, got)
		}
	}
	d.SetClock(func() time.Time { return start.Add(-time.Millisecond) })
	if got := d.Now(); got != start.Add(-time.Millisecond) {
		t.Errorf("a new clock: %v", got)
	}
}

// both runs a test on a database of its own and inside a test's transaction: InTx must not be told apart.
func both(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *db.DB{"Database": dbtest.New, "Transaction": dbtest.Tx} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			if _, err := d.Exec(t.Context(), "CREATE TABLE thing (id int CONSTRAINT thing_pk PRIMARY KEY)"); err != nil {
				t.Fatal(err)
			}
			test(t, d)
		})
	}
}

func insert(ctx context.Context, tx *db.Tx, id int) error {
	_, err := tx.Exec(ctx, "INSERT INTO thing VALUES ($1)", id)
	return err
}

func things(t *testing.T, d *db.DB) (ids []int) {
	t.Helper()
	if err := d.QueryRow(t.Context(), "SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM thing").Scan(&ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

var errRefused = errors.New("refused")

func TestInTx(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *db.DB) {
		var heard []string
		hear := func(word string) func() { return func() { heard = append(heard, word) } }
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			tx.AfterCommit(hear("first"))
			if err := tx.InTx(ctx, func(ctx context.Context, in *db.Tx) error {
				in.AfterCommit(hear("second"))
				if in.Now != tx.Now {
					t.Error("a savepoint has another instant than its transaction")
				}
				return insert(ctx, in, 1)
			}); err != nil {
				return err
			}
			if err := tx.InTx(ctx, func(ctx context.Context, in *db.Tx) error {
				in.AfterCommit(hear("never"))
				return errors.Join(insert(ctx, in, 2), errRefused)
			}); !errors.Is(err, errRefused) {
				t.Errorf("savepoint: got %v", err)
			}
			if len(heard) != 0 {
				t.Errorf("heard %v before the commit", heard)
			}
			tx.AfterCommit(hear("third"))
			return insert(ctx, tx, 3)
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"first", "second", "third"}; !slices.Equal(heard, want) {
			t.Errorf("after the commit: heard %v, want %v", heard, want)
		}
		if got := things(t, d); !slices.Equal(got, []int{1, 3}) {
			t.Errorf("stored %v", got)
		}
	})
}

func TestInTx_NothingOnFailure(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, d *db.DB) {
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			tx.AfterCommit(func() { t.Error("a hook ran after a rollback") })
			return errors.Join(insert(ctx, tx, 1), errRefused)
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("got %v, want the function's own error", err)
		}
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic did not reach the caller")
				}
			}()
			_ = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := insert(ctx, tx, 2); err != nil {
					t.Error(err)
				}
				panic("boom")
			})
		}()
		// A statement that failed must not spoil what comes after it.
		err = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return errors.Join(insert(ctx, tx, 4), insert(ctx, tx, 4)) })
		if !db.Violates(err, "thing_pk") || db.Violates(err, "thing_other") || db.Violates(err, "") {
			t.Errorf("got %v, want a violation of thing_pk", err)
		}
		if got := things(t, d); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
		if err := d.QueryRow(t.Context(), "SELECT id FROM thing WHERE id = 9").Scan(new(int)); !db.NotFound(err) || db.Violates(err, "thing_pk") {
			t.Errorf("got %v, want not found", err)
		}
	})
}

func TestInTx_CallerGaveUp(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TABLE half ()"); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	var there bool
	if err := d.QueryRow(t.Context(), "SELECT to_regclass('half') IS NOT NULL").Scan(&there); err != nil || there {
		t.Fatalf("the table is there: %v, %v", there, err)
	}
}

// Two transactions each hold what the other wants next. PostgreSQL ends one of them; InTx runs it again.
func TestInTx_DeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	if _, err := d.Exec(t.Context(), "CREATE TABLE thing (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO thing VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	var met sync.WaitGroup
	met.Add(2)
	var wg sync.WaitGroup
	runs := make([]int, 2)
	for i, order := range [][]int{{1, 2}, {2, 1}} {
		wg.Go(func() {
			err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				runs[i]++
				for step, id := range order {
					if _, err := tx.Exec(ctx, "UPDATE thing SET n = n + 1 WHERE id = $1", id); err != nil {
						return err
					}
					if step == 0 && runs[i] == 1 {
						met.Done()
						met.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs[0]+runs[1] != 3 {
		t.Errorf("runs %v, want one function run twice", runs)
	}
	var n []int
	if err := d.QueryRow(t.Context(), "SELECT array_agg(n) FROM thing").Scan(&n); err != nil || !slices.Equal(n, []int{2, 2}) {
		t.Errorf("got %v, %v", n, err)
	}
}

func TestMigrate_Again(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t) // migrated already
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := db.Migrate(t.Context(), d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var jobs bool
	if err := d.QueryRow(t.Context(), "SELECT to_regclass('river_job') IS NOT NULL").Scan(&jobs); err != nil || !jobs {
		t.Errorf("river_job is there: %v, %v", jobs, err)
	}
	if err := db.Migrate(t.Context(), dbtest.Tx(t)); err == nil {
		t.Error("migrated inside a transaction")
	}
}

func TestOpen_WrongAddress(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://nobody:hunter2@127.0.0.1:1/none?connect_timeout=1", "postgres://a:hunter2@[::1:bad", "host=hunter2 port=99999999"} {
		d, err := db.Open(t.Context(), dsn)
		if err == nil {
			d.Close()
			t.Errorf("%s: opened", dsn)
		}
	}
}

// TestGone: a connection that ended is told apart from what PostgreSQL refused and from a caller who went away.
func TestGone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, refused := d.Exec(t.Context(), "select 1/0")
	left, leave := context.WithCancel(t.Context())
	leave()
	_, gave := d.Exec(left, "select 1")
	cut := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, _ = tx.Exec(ctx, "set role none") // behind the wall it is one that may end nobody
		_, err := tx.Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
		return err
	})
	nobody, err := db.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if err == nil {
		_, err = nobody.Exec(t.Context(), "select 1")
		nobody.Close()
	}
	for _, c := range []struct {
		err  error
		gone bool
	}{{nil, false}, {refused, false}, {gave, false}, {cut, true}, {err, true}} {
		if db.Gone(c.err) != c.gone {
			t.Errorf("%v: %v", c.err, !c.gone)
		}
	}
}
