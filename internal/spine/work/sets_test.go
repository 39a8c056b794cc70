package work_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

func TestSets_WhatComesDuringAWriteIsWrittenTogether(t *testing.T) {
	t.Parallel()
	begun, release := make(chan int, 10), make(chan struct{})
	var sizes []int
	s := work.Sets[int]{Most: 40, Write: func(_ context.Context, all []int) error {
		begun <- len(all)
		<-release
		sizes = append(sizes, len(all)) // one set at a time
		return nil
	}}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Add(t.Context(), 0) })
	<-begun
	added := make(chan struct{}, 100)
	for n := range 100 {
		wg.Go(func() { added <- struct{}{}; _ = s.Add(t.Context(), n) })
	}
	for range 100 {
		<-added
	}
	close(release)
	wg.Wait()
	all := 0
	for _, n := range sizes {
		if all += n; n > 40 {
			t.Fatalf("a set of %d", n)
		}
	}
	if all != 101 || len(sizes) > 20 {
		t.Fatalf("%d written in %d sets", all, len(sizes))
	}
}

func TestSets_EachHearsOfItsOwnSet(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := work.Sets[bool]{Most: 1, Write: func(ctx context.Context, all []bool) error {
		if all[0] {
			return broken
		}
		return ctx.Err()
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if err := s.Add(gone, n%2 == 0); errors.Is(err, broken) != (n%2 == 0) || n%2 == 1 && err != nil {
				t.Errorf("%d heard %v", n, err)
			}
		})
	}
	wg.Wait()
}

func TestASweepTakesRowsOnceAndGivesThemBackWhenItFails(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	q := table(t, d, nil)
	q.Take, q.Extend = nil, nil
	fail := true
	q.Sweep = func(ctx context.Context, tx *db.Tx, most int32) (int, error) {
		tag, err := tx.Exec(ctx, "update due set due_at = null, done = done + 1 where id in (select id from due where due_at <= $1 order by due_at limit $2 for update skip locked)", tx.Now, most)
		if err == nil && fail {
			err = errors.New("broken")
		}
		return int(tag.RowsAffected()), err
	}
	if _, err := d.Exec(t.Context(), "insert into due (id, due_at) select n::text, now() - interval '1 minute' from generate_series(1, 25) n"); err != nil {
		t.Fatal(err)
	}
	r := &work.Runner{DB: d, Queues: []work.Queue{q}}
	if err := r.Drain(t.Context()); err == nil {
		t.Fatal("the failure was swallowed")
	}
	fail = false
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var once int
	if err := d.QueryRow(t.Context(), "select count(*) from due where done = 1 and due_at is null").Scan(&once); err != nil || once != 25 {
		t.Fatalf("%d of 25 rows were done once: %v", once, err)
	}
}
