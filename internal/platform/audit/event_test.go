package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// taker is a reader that notes what it was given, and cannot read what is named poison.
type taker struct {
	mu      sync.Mutex
	got     []string
	healthy bool
}

func (r *taker) reader() event.Reader {
	return event.Reader{Name: "taker", Wants: func(action string) bool { return action == "thing.changed" }, Apply: func(_ context.Context, tx *db.Tx, row event.Row) error {
		if !r.healthy && row.Subject == "poison" {
			return errors.New("this cannot be read")
		}
		tx.AfterCommit(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.got = append(r.got, fmt.Sprint(row.Stream, "/", row.Sequence))
		})
		return nil
	}}
}

func TestEvents1_Handle(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	r := &taker{}
	b.Bundle.Ledger.Readers = append(b.Bundle.Ledger.Readers, r.reader())
	handle := func(reader, body string) error {
		_, err := door.Do(authz.With(t.Context(), authz.Principal{Kind: authz.SYSTEM, Name: "bus"}), b.Bundle.Door, door.Change[string, struct{}]{
			Action: door.Action{Name: "service_message.receive", Public: true},
			Do: func(ctx context.Context, e *door.Effect, body string) (struct{}, error) {
				return struct{}{}, b.HandleTx(ctx, e, reader, []byte(body))
			},
		}, body)
		return err
	}
	body := func(subject string) string {
		return fmt.Sprintf(`{"id":"%s","at":"2027-01-01T00:00:00Z","action":"thing.changed","subject":%q,"stream":"outside","sequence":7,"version":1,"payload":{"v":1}}`, ident.New[ident.EventID](time.Now()), subject)
	}
	if err := handle("taker", body("thing")); err != nil || !slices.Equal(r.got, []string{"outside/7"}) {
		t.Errorf("%v, %v", r.got, err)
	}
	if err := handle("taker", body("poison")); err == nil || len(r.got) != 1 {
		t.Errorf("what the reader could not read was taken: %v", err)
	}
	for name, bad := range map[string][2]string{"Reader": {"nobody", body("x")}, "NoJSON": {"taker", "x"}, "NoID": {"taker", `{"action":"thing.changed","subject":"x","stream":"s","sequence":1}`}, "Unknown": {"taker", `{"evil":1}`}} {
		if err := handle(bad[0], bad[1]); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("b_OrderPerStreamWithFourWorkers", func(t *testing.T) {
		r.got = nil
		for n := range 40 {
			c := b.change("thing.changed", "thing", nil)
			c.Stream = fmt.Sprint("s", n%4)
			b.happen(t, b.me(), c)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := b.Bundle.Ledger.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		next := map[string]int{}
		for _, one := range r.got {
			var stream string
			var n int
			if _, err := fmt.Sscanf(one[:2]+" "+one[3:], "%s %d", &stream, &n); err != nil || n != next[stream]+1 {
				t.Fatalf("%v: %v", r.got, err)
			}
			next[stream] = n
		}
		if len(r.got) != 40 {
			t.Errorf("%d of 40", len(r.got))
		}
	})
}

func TestEvents2_FindAndRedeliver(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	r := &taker{}
	b.Bundle.Ledger.Readers = append(b.Bundle.Ledger.Readers, r.reader())
	ops := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: b.User, AuthTime: time.Now(), AAL: 2})
	now := time.Now()
	b.DBOf().SetClock(func() time.Time { return now })
	poison, good := b.change("thing.changed", "poison", nil), b.change("thing.changed", "thing", nil)
	poison.Stream, good.Stream = "bad", "good"
	b.happen(t, b.me(), poison, good)
	for range 9 { // eight tries, each later
		if _, err := b.Bundle.Ledger.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	parked := audit.Parked
	p, err := b.Events(ops, audit.LedgerEventFilter{State: &parked}, page.Args{First: 10})
	if err != nil || len(p.Nodes) != 1 || p.Nodes[0].Subject != "poison" {
		t.Fatalf("%+v, %v", p, err)
	}
	d := p.Nodes[0].Deliveries
	if len(d) != 1 || d[0].State != audit.Parked || d[0].Attempts != 8 || d[0].LastError == nil {
		t.Fatalf("%+v", d[0])
	}
	if !slices.Equal(r.got, []string{"good/1"}) {
		t.Errorf("others did not go on: %v", r.got)
	}
	id := p.Nodes[0].ID
	if _, err := b.Redeliver(ops, id, "nobody"); !fault.Is(err, fault.InvalidCode) {
		t.Errorf("an unknown reader: %v", err)
	}
	if _, err := b.Redeliver(ops, ident.New[ident.EventID](now), "taker"); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("an unknown event: %v", err)
	}
	r.healthy = true
	e, err := b.Redeliver(ops, id, "taker")
	if err != nil || e.Deliveries[0].State != audit.Pending || e.Deliveries[0].Attempts != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if n, err := b.Bundle.Ledger.Drain(t.Context()); err != nil || n != 1 || !slices.Contains(r.got, "bad/1") {
		t.Errorf("%d streams, %v, %v", n, r.got, err)
	}
	if _, err := b.Redeliver(ops, id, "taker"); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("a reader that stands nowhere: %v", err)
	}
	if !slices.Contains(b.Actions(t), "event.redelivered") {
		t.Error("it left nothing")
	}
	all, err := b.Events(ops, audit.LedgerEventFilter{Action: []string{"thing.changed"}}, page.Args{First: 10})
	if err != nil || len(all.Nodes) != 2 || all.Nodes[0].Deliveries[0].State != audit.Delivered {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestEvents3_Drain(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	r := &taker{}
	b.Bundle.Ledger.Readers = append(b.Bundle.Ledger.Readers, r.reader())
	for n := range 30 {
		b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("thing", n), nil))
	}
	if n, err := b.Bundle.Ledger.Drain(t.Context()); err != nil || n != 30 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := b.Bundle.Ledger.Drain(t.Context()); err != nil || n != 0 {
		t.Errorf("the second time %d, %v", n, err)
	}
}
