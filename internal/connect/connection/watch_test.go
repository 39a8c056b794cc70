package connection_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
)

// noteWatchers runs what notes who looks, as every process does.
func (b *bundle) noteWatchers(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.S.Part().Runs[0].Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// noted is how many statements said who looks.
func noted(asked *dbtest.Asked) (n int) {
	for _, sql := range asked.Take() {
		n += min(1, strings.Count(sql, "connection_watch"))
	}
	return n
}

func (b *bundle) watched(t *testing.T) (n int) {
	t.Helper()
	if err := b.DB.QueryRow(t.Context(), "select count(*) from connection_watch").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWatch_AHerdIsNotedInFewStatements(t *testing.T) {
	t.Parallel()
	const herd = 500
	for name, many := range map[string]int{"OneConnection": 1, "ManyConnections": 50} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ids := make([]ident.ConnectionID, many)
			for n := range ids {
				ids[n] = b.start(t, fmt.Sprintf("shop%d.acme.lab", n)).ID
			}
			d, asked := dbtest.Counted(t, b.DB)
			b.S.DB = d
			ctx, leave := context.WithCancel(b.As(t.Context()))
			for n := range herd {
				if _, err := b.S.Watch(ctx, ids[n%many]); err != nil {
					t.Fatal(err)
				}
			}
			b.noteWatchers(t)
			eventually(t, "all are noted", func() bool { return b.watched(t) == many })
			if n := noted(asked); n != 1 {
				t.Errorf("%d statements noted %d watchers of %d connections", n, herd, many)
			}
			for range herd { // whom somebody here looks at already is no news
				if _, err := b.S.Watch(ctx, ids[0]); err != nil {
					t.Fatal(err)
				}
			}
			one := b.start(t, "last.acme.lab")
			if _, err := b.S.Watch(ctx, one.ID); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the last one is noted", func() bool { return b.watched(t) == many+1 })
			if n := noted(asked); n > 2 { // one for the last, and at most one of those every five seconds
				t.Errorf("%d statements", n)
			}
			leave()
		})
	}
}

func TestWatch_KeysDrawNoAttention(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	person := b.start(t, "person.acme.lab")
	key := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org, KeyID: ident.New[ident.KeyID](time.Now()), Scopes: []authz.Permission{"connection.read"}})
	if _, err := b.S.Watch(key, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.Watch(b.As(t.Context()), person.ID); err != nil {
		t.Fatal(err)
	}
	b.noteWatchers(t)
	eventually(t, "the person is noted", func() bool { return b.watched(t) > 0 })
	if n := b.watched(t); n != 1 {
		t.Errorf("%d connections are watched", n)
	}
}

func TestChanges_PositionFirstThenWhatMoves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t, "a.acme.lab")
	ctx, cancel := context.WithCancel(b.As(t.Context()))
	defer cancel()
	feed, err := b.S.Changes(ctx, b.Org, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := livetest.Channel(ctx, b.Hub, feed)
	first := <-changes
	if first.Err != nil || first.Value.Connection != nil || len(first.Value.Counts) != 1 {
		t.Fatalf("%+v", first)
	}
	b.Clock.add(time.Second)
	two := b.start(t, "b.acme.lab")
	moved := <-changes
	if moved.Err != nil || moved.Value.Connection.ID != two.ID || moved.Value.Position == first.Value.Position {
		t.Fatalf("%+v", moved)
	}
}

// Who waits for its turn is sent in its newest state, once.
func TestChanges_TheNewestStateOfEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := b.As(t.Context())
	feed, err := b.S.Changes(ctx, b.Org, nil)
	if err != nil {
		t.Fatal(err)
	}
	if feed.Gap != 250*time.Millisecond {
		t.Errorf("the feed rests for %s", feed.Gap)
	}
	step := func(more bool) *connection.ConnectionsChange {
		t.Helper()
		news, is, err := feed.Next(ctx)
		if err != nil || len(news) != 1 || is != more {
			t.Fatalf("%d messages, more %t, %v", len(news), is, err)
		}
		return news[0]
	}
	step(false)
	b.Clock.add(time.Second)
	one := b.start(t, "a.acme.lab")
	b.Clock.add(time.Second)
	two := b.start(t, "b.acme.lab")
	if c := step(true); c.Connection.ID != one.ID {
		t.Fatalf("first %s", c.Connection.Hostname)
	}
	b.Clock.add(time.Second)
	if _, err := b.S.Archive(ctx, two.ID, nil); err != nil {
		t.Fatal(err)
	}
	if c := step(false); c.Connection.ID != two.ID || c.Connection.State != connection.Archived {
		t.Fatalf("second %s is %s", c.Connection.Hostname, c.Connection.State)
	}
	if news, more, err := feed.Next(ctx); len(news) > 0 || more || err != nil {
		t.Fatalf("the same again: %+v %v", news, err)
	}
	b.Roles(t, b.Org, b.User)
	eventually(t, "the right ends", func() bool { _, _, err := feed.Next(ctx); return fault.Is(err, fault.NotFoundCode) })
}

// TestUrgentChecksDoNotStandInLine: whoever looks is served before a backlog of routine, by a queue that has none.
func TestUrgentChecksDoNotStandInLine(t *testing.T) {
	t.Parallel()
	const backlog = 60 // more than a queue takes at once
	b := setup(t)
	ids := make([]ident.ConnectionID, backlog)
	for n := range ids {
		ids[n] = b.start(t, fmt.Sprintf("shop%d.acme.lab", n)).ID
	}
	if _, err := b.DB.Exec(t.Context(), "update connection_due set urgent = false, due_at = $1 where kind = 'CHECK'", b.DB.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	last := ids[backlog-1]
	if _, err := b.DB.Exec(t.Context(), "update connection_due set due_at = $1 where kind = 'CHECK' and connection_id = $2", b.DB.Now().Add(time.Hour), last.UUID()); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(b.As(t.Context()))
	defer leave()
	if _, err := b.S.Watch(ctx, last); err != nil {
		t.Fatal(err)
	}
	b.noteWatchers(t)
	eventually(t, "somebody looks", func() bool { return b.watched(t) == 1 })
	queues := map[string][]string{}
	for _, q := range b.S.Part().Queues {
		eventually(t, "the first watcher hurries the check", func() bool {
			err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				claims, err := q.Take(ctx, tx, "test", tx.Now.Add(time.Minute), q.Batch)
				for _, c := range claims {
					queues[q.Name] = append(queues[q.Name], c.ID)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return q.Name != "check" || len(queues[q.Name]) > 0
		})
	}
	if got := queues["check"]; len(got) != 1 || got[0] != last.String() {
		t.Errorf("the urgent ones are %v", got)
	}
	if got := queues["routine_check"]; len(got) != 50 || slices.Contains(got, last.String()) {
		t.Errorf("%d of routine", len(got))
	}
}
