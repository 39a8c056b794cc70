package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func change(b *spinetest.Bundle, stream string, n int) event.Change {
	return event.Change{OrgID: b.Org, Action: "thing.changed", Subject: "app_" + stream, Stream: stream, Version: int32(n), Payload: map[string]any{"v": 1, "b": n, "a": "ä"}, Audited: true}
}

func appendOne(t *testing.T, b *spinetest.Bundle, changes ...event.Change) {
	t.Helper()
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := b.Ledger.Append(ctx, tx, event.Meta{Actor: "system:test", RequestID: "r"}, changes...)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSequencesAreGaplessAndChainsHoldUnderContention(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	var wg sync.WaitGroup
	for n := range 24 {
		wg.Go(func() { appendOne(t, b, change(b, "s2", n), change(b, fmt.Sprint("s", n%3), n)) })
	}
	wg.Wait()
	for stream, want := range map[string]int64{"s0": 8, "s1": 8, "s2": 32} {
		rows, err := b.Ledger.Stream(t.Context(), b.DB, stream, 0, 1000)
		if err != nil || int64(len(rows)) != want {
			t.Fatalf("%s has %d rows, want %d: %v", stream, len(rows), want, err)
		}
		for n, r := range rows {
			if r.Sequence != int64(n+1) {
				t.Fatalf("%s: row %d has sequence %d", stream, n, r.Sequence)
			}
		}
	}
	if n, err := b.Ledger.Verify(t.Context(), b.DB, nil); err != nil || n != 48 {
		t.Fatalf("verified %d rows: %v", n, err)
	}
}

func TestATamperedChainIsFound(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"Changed":    "update event set payload = '{\"v\":2}' where sequence = 2",
		"TakenOut":   "delete from event where sequence = 2",
		"CutOff":     "delete from event where sequence = 3",
		"OtherActor": "update event set actor = 'user:somebody' where sequence = 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := spinetest.New(t)
			for n := range 3 {
				appendOne(t, b, change(b, "s", n))
			}
			if _, err := b.DB.Exec(t.Context(), sql); err == nil {
				t.Fatal("the table is not append-only")
			}
			if _, err := b.DB.Exec(t.Context(), "alter table event disable trigger user; alter table event_default disable trigger user"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.DB.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Ledger.Verify(t.Context(), b.DB, nil); err == nil {
				t.Fatal("nothing was found")
			} else if _, ok := errors.AsType[*event.Broken](err); !ok {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestReadersFollowInOrderAndOnce(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	var got []int64
	fail := true
	b.Ledger.Readers = []event.Reader{{Name: "test", Wants: func(a string) bool { return a == "thing.changed" }, Apply: func(_ context.Context, _ *db.Tx, r event.Row) error {
		if r.Sequence == 2 && fail {
			fail = false
			return errors.New("not now")
		}
		got = append(got, r.Sequence)
		return nil
	}}}
	now := time.Now()
	b.DB.SetClock(func() time.Time { return now })
	for n := range 3 {
		appendOne(t, b, change(b, "s", n))
	}
	if err := b.Work.Drain(t.Context()); err == nil {
		t.Fatal("the failure was swallowed")
	}
	got = nil // rolled back with its transaction
	now = now.Add(time.Minute)
	for range 2 {
		if err := b.Work.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []int64{1, 2, 3}) {
		t.Fatalf("applied %v", got)
	}
}

func TestAReaderThatKeepsFailingParksItsStreamAlone(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	good := 0
	b.Ledger.Readers = []event.Reader{{Name: "test", Wants: func(string) bool { return true }, Apply: func(_ context.Context, _ *db.Tx, r event.Row) error {
		if r.Stream == "bad" {
			return errors.New("never")
		}
		good++
		return nil
	}}}
	now := time.Now()
	b.DB.SetClock(func() time.Time { return now })
	appendOne(t, b, change(b, "bad", 1))
	for range 10 {
		_ = b.Work.Drain(t.Context())
		now = now.Add(time.Hour)
	}
	appendOne(t, b, change(b, "good", 1), change(b, "bad", 2))
	if err := b.Work.Drain(t.Context()); err != nil || good != 1 {
		t.Fatalf("good applied %d times: %v", good, err)
	}
	var state string
	if err := b.DB.QueryRow(t.Context(), "select state from event_reader where stream = 'bad'").Scan(&state); err != nil || state != "PARKED" {
		t.Fatalf("the bad stream is %s: %v", state, err)
	}
}
