package edgeentry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

type pokes struct {
	mu  sync.Mutex
	got []int64
}

func (p *pokes) Poke(subject string, version int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if subject == Subject {
		p.got = append(p.got, version)
	}
}

type bundle struct {
	*Service
	pokes *pokes
}

func setup(d *db.DB) bundle {
	p := &pokes{}
	return bundle{&Service{DB: d, Hub: p, Zone: "edge.lab"}, p}
}

func (b bundle) in(t *testing.T, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := b.DB.InTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func entry(hostname string) Entry {
	now := time.Now()
	con := ident.New[ident.ConnectionID](now)
	return Entry{Hostname: hostname, ConnectionID: con, OrgID: ident.New[ident.OrgID](now), Serve: true, CertAllowed: true, Mode: Proxy,
		Route: Route{Application: "Acme", ConnectionID: con, CustomerRef: "c-1", Upstream: &Upstream{OriginURL: "https://origin.example", HostHeader: "CUSTOMER", TLSVerify: true}}}
}

func TestPut_EveryChangeIsANewGenerationAndARepeatIsNone(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	e := entry("shop.acme.lab")
	put := func() { b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, e) }) }
	put()
	first, err := b.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put()
	if again, _ := b.Generation(t.Context()); again != first {
		t.Errorf("the same entry took generation %d after %d", again, first)
	}
	e.Route.CustomerRef = "c-2"
	put()
	got, err := b.Get(t.Context(), "shop.acme.lab")
	if err != nil || got.Generation != first+1 || got.Route.CustomerRef != "c-2" || got.Route.Upstream.OriginURL != "https://origin.example" || got.Mode != Proxy || !got.Serve {
		t.Errorf("%+v %v", got, err)
	}
	if want := []int64{first, first + 1}; !slices.Equal(b.pokes.got, want) {
		t.Errorf("pokes %v, want %v", b.pokes.got, want)
	}
}

func TestPresent_StaysWhenTheEntryIsPutAgain(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	e, certificate := entry("cert.acme.lab"), ident.New[ident.CertificateID](time.Now())
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		if err := b.PresentTx(ctx, tx, e.Hostname, e.ConnectionID, certificate); err != nil {
			return err
		}
		if _, err := b.q.LockEntry(ctx, tx, edgeentryq.LockEntryParams{Hostname: e.Hostname}); !db.NotFound(err) {
			t.Error("a certificate made an entry")
		}
		return errors.Join(b.PutTx(ctx, tx, e), b.PresentTx(ctx, tx, e.Hostname, e.ConnectionID, certificate))
	})
	e.Serve = false
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, e) })
	if got, err := b.Get(t.Context(), e.Hostname); err != nil || got.CertificateID == nil || *got.CertificateID != certificate || got.Serve {
		t.Errorf("%+v %v", got, err)
	}
}

func TestWithdraw_IsInTheDeltaAndFreesTheName(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	mine, theirs := entry("moved.acme.lab"), entry("moved.acme.lab")
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, mine) })
	before, _ := b.Generation(t.Context())
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, theirs) })
	if !errors.Is(err, ErrHeld) {
		t.Errorf("another connection took the name: %v", err)
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return b.WithdrawTx(ctx, tx, mine.Hostname, theirs.ConnectionID)
	})
	if got, _ := b.Get(t.Context(), mine.Hostname); got.Mode != Proxy {
		t.Error("another connection withdrew the name")
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return b.WithdrawTx(ctx, tx, mine.Hostname, mine.ConnectionID)
	})
	delta, err := b.Delta(t.Context(), before)
	if err != nil || len(delta.Entries) != 1 || delta.Entries[0].Mode != Gone || delta.Entries[0].Serve || delta.Entries[0].CertAllowed || delta.Entries[0].CertificateID != nil {
		t.Errorf("%+v %v", delta, err)
	}
	if all, err := b.Load(t.Context()); err != nil || slices.ContainsFunc(all.Entries, func(e Entry) bool { return e.Hostname == mine.Hostname }) {
		t.Errorf("%v, or a full load has what is gone", err)
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, theirs) })
	if got, _ := b.Get(t.Context(), mine.Hostname); got.ConnectionID != theirs.ConnectionID {
		t.Error("the name did not become free")
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return b.WithdrawTx(ctx, tx, "never.acme.lab", mine.ConnectionID)
	})
}

func TestSuspend_KeepsTheCertificateAndAllowsNone(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	e := entry("late.acme.lab")
	e.CertificateID = new(ident.New[ident.CertificateID](time.Now()))
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return errors.Join(b.PutTx(ctx, tx, e), b.SuspendTx(ctx, tx, e.Hostname, e.ConnectionID))
	})
	got, err := b.Get(t.Context(), e.Hostname)
	if err != nil || got.Mode != Suspended || got.Serve || got.CertAllowed || got.CertificateID == nil {
		t.Errorf("%+v %v", got, err)
	}
}

func TestTarget_AnswersUntilItIsRetired(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	con, until := ident.New[ident.ConnectionID](time.Now()), b.DB.Now().Add(time.Hour).Truncate(time.Microsecond)
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.TargetTx(ctx, tx, "abc", con) })
	before, _ := b.Generation(t.Context())
	find := func(s Snapshot) *ZoneRecord {
		n := slices.IndexFunc(s.Records, func(r ZoneRecord) bool { return r.FQDN == "abc.edge.lab" })
		if n < 0 {
			return nil
		}
		return &s.Records[n]
	}
	all, err := b.Load(t.Context())
	if r := find(all); err != nil || r == nil || r.Type != TypeTarget || r.Owner != con.String() || r.ExpiresAt != nil {
		t.Fatalf("%+v %v", r, err)
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.RetireTargetTx(ctx, tx, "abc", until) })
	delta, err := b.Delta(t.Context(), before)
	if r := find(delta); err != nil || r == nil || r.ExpiresAt == nil || !r.ExpiresAt.Equal(until) {
		t.Errorf("%+v %v", r, err)
	}
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return b.RetireTargetTx(ctx, tx, "abc", b.DB.Now().Add(-time.Second))
	})
	if all, _ := b.Load(t.Context()); find(all) != nil {
		t.Error("a full load has a target whose time is over")
	}
}

// Several writers at once: whoever reads a generation sees everything of it and of all before it. With a sequence some would be missed.
func TestGenerations_BecomeVisibleInOrder(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.New(t))
	var wg sync.WaitGroup
	const writers, each = 4, 25
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				e := entry(string(rune('a'+w)) + string(rune('a'+n)) + ".acme.lab")
				if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, e) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen, at := map[string]bool{}, int64(0)
	for deadline := time.Now().Add(20 * time.Second); at < writers*each && time.Now().Before(deadline); {
		delta, err := b.Delta(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range delta.Entries {
			seen[e.Hostname] = true
		}
		at = delta.Generation
		if int64(len(seen)) < at {
			t.Fatalf("generation %d was read with %d names", at, len(seen))
		}
	}
	wg.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d names, want %d", len(seen), writers*each)
	}
}

func TestAcked_CountsEveryLiveEdge(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.New(t))
	ctx, now := t.Context(), time.Now()
	a, c := Node{ID: ident.New[ident.EdgeNodeID](now), Name: "a", StartedAt: now}, Node{ID: ident.New[ident.EdgeNodeID](now), Name: "c", StartedAt: now}
	acked := func(want bool, why string) {
		t.Helper()
		if got, err := b.Acked(ctx, 5); err != nil || got != want {
			t.Errorf("%s: %t %v", why, got, err)
		}
	}
	beat := func(n Node, acked int64) {
		t.Helper()
		n.Acked = acked
		if err := b.Heartbeat(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	acked(false, "no edge is alive")
	beat(a, 5)
	acked(true, "the only edge has it")
	beat(c, 4)
	acked(false, "the second edge is behind")
	c.Draining = true
	beat(c, 4)
	acked(true, "the second edge goes away")
	c.Draining = false
	beat(c, 4)
	b.Measure(metric.New())
	if nodes, err := b.Nodes(ctx); err != nil || len(nodes) != 2 || nodes[1].Acked != 4 || nodes[1].Name != "c" {
		t.Errorf("%+v %v", nodes, err)
	}
	b.DB.SetClock(func() time.Time { return now.Add(11 * time.Second) })
	beat(a, 6)
	acked(true, "the second edge was silent for too long")
	if err := b.Leave(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	acked(false, "nobody is left")
	b.DB.SetClock(func() time.Time { return now.Add(2 * time.Hour) })
	if err := b.reap(ctx); err != nil {
		t.Fatal(err)
	}
	if nodes, _ := b.Nodes(ctx); len(nodes) != 0 {
		t.Errorf("%d edges are remembered after two silent hours", len(nodes))
	}
}

func TestRoute_SurvivesTheDatabase(t *testing.T) {
	t.Parallel()
	r := entry("a.lab").Route
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Route
	if err := json.Unmarshal(raw, &back); err != nil || back.ConnectionID != r.ConnectionID || *back.Upstream != *r.Upstream {
		t.Errorf("%+v %v", back, err)
	}
}
