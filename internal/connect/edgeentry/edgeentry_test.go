package edgeentry

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
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

// Nodes report how far behind they are: an operator sees which one lacks a change, which is going away and which was not heard of, and nobody else does.
func TestEdgeNodes_SayHowFarBehindTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.New(t))
	b.Authz = authz.New(b.DB, b.Part().Grants...)
	operator, now := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, AAL: 2}), time.Now()
	b.DB.SetClock(func() time.Time { return now })
	for _, host := range []string{"one.acme.lab", "two.acme.lab", "three.acme.lab"} {
		b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, entry(host)) })
	}
	newest, err := b.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	beat := func(name string, acked int64, draining bool) {
		t.Helper()
		n := Node{ID: ident.New[ident.EdgeNodeID](now), Name: name, Version: "v1", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, StartedAt: now, Acked: acked, Draining: draining}
		if err := b.Heartbeat(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	beat("gone", newest-1, false)
	now = now.Add(Alive)
	beat("behind", newest-2, false)
	beat("current", newest, false)
	beat("leaving", newest, true)
	nodes, err := b.EdgeNodes(operator)
	if err != nil || len(nodes) != 4 {
		t.Fatal(nodes, err)
	}
	for k, want := range []EdgeNode{{Name: "behind", State: Behind, Lag: 2}, {Name: "current", State: Current}, {Name: "gone", State: Silent, Lag: 1}, {Name: "leaving", State: Draining}} {
		got := nodes[k]
		if got.Name != want.Name || got.State != want.State || got.Lag != want.Lag || got.AckedGeneration != newest-want.Lag || got.Addresses[0] != "192.0.2.7" {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for who, p := range map[string]authz.Principal{"Person": {Kind: authz.USER, AAL: 2}, "Key": {Kind: authz.API_KEY, Scopes: []authz.Permission{mayReadRoutes}}, "Nobody": {Kind: authz.PUBLIC}} {
		if nodes, err := b.EdgeNodes(authz.With(t.Context(), p)); !fault.Is(err, fault.ForbiddenCode) && !fault.Is(err, fault.Unauthenticated) || nodes != nil {
			t.Errorf("%s: %v %v", who, nodes, err)
		}
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

// TestMove_WithinAnOrganization: the certificate comes along, so that nothing waits for a CA; who revokes it takes it from the new holder too.
func TestMove_WithinAnOrganization(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	at := b.DB.Now()
	b.DB.SetClock(func() time.Time { return at })
	former, next := entry("shop.acme.lab"), entry("shop.acme.lab")
	certificate := ident.New[ident.CertificateID](at)
	former.CertificateID, next.OrgID = &certificate, former.OrgID
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		return errors.Join(b.PutTx(ctx, tx, former), b.MoveTx(ctx, tx, former.ConnectionID, next))
	})
	got, err := b.Get(t.Context(), "shop.acme.lab")
	if err != nil || got.ConnectionID != next.ConnectionID || got.CertificateID == nil || *got.CertificateID != certificate || got.Route.Former == nil || got.Route.Former.Until.Sub(at) != Switch {
		t.Fatalf("%+v %v", got, err)
	}
	withhold := func(id ident.CertificateID) bool {
		t.Helper()
		b.in(t, func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(b.WithholdTx(ctx, tx, "shop.acme.lab", id), b.WithholdTx(ctx, tx, "nobody.acme.lab", id))
		})
		got, err := b.Get(t.Context(), "shop.acme.lab")
		if err != nil {
			t.Fatal(err)
		}
		return got.CertificateID == nil
	}
	if withhold(ident.New[ident.CertificateID](at)) {
		t.Error("another certificate was taken away")
	}
	if !withhold(certificate) {
		t.Error("a revoked certificate is presented")
	}
}

// TestMove_WaitsForACertificate: a name whose visitors have a certificate is switched when the new holder has one too, and two minutes later at the latest; one
// without is switched at once. What the new holder writes meanwhile changes nothing.
func TestMove_WaitsForACertificate(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	at := b.DB.Now()
	b.DB.SetClock(func() time.Time { return at })
	move := func(host string, secured bool) Entry {
		former, next := entry(host), entry(host)
		b.in(t, func(ctx context.Context, tx *db.Tx) error {
			if secured {
				former.CertificateID = new(ident.New[ident.CertificateID](at))
			}
			return errors.Join(b.PutTx(ctx, tx, former), b.MoveTx(ctx, tx, former.ConnectionID, next))
		})
		return next
	}
	until := func(host string) time.Duration {
		t.Helper()
		got, err := b.Get(t.Context(), host)
		if err != nil || got.Route.Former == nil {
			t.Fatalf("%s: %+v %v", host, got, err)
		}
		return got.Route.Former.Until.Sub(at)
	}
	move("plain.acme.lab", false)
	if got := until("plain.acme.lab"); got != Switch {
		t.Errorf("a name without a certificate waits %s", got)
	}
	next := move("shop.acme.lab", true)
	if got := until("shop.acme.lab"); got != SwitchLatest {
		t.Errorf("a name with one waits %s", got)
	}
	next.CertAllowed = false
	b.in(t, func(ctx context.Context, tx *db.Tx) error { return b.PutTx(ctx, tx, next) })
	if got := until("shop.acme.lab"); got != SwitchLatest {
		t.Errorf("after another entry it waits %s", got)
	}
	present := func() {
		b.in(t, func(ctx context.Context, tx *db.Tx) error {
			return b.PresentTx(ctx, tx, "shop.acme.lab", next.ConnectionID, ident.New[ident.CertificateID](at))
		})
	}
	at = at.Add(5 * time.Second)
	present()
	if got := until("shop.acme.lab"); got != Switch {
		t.Errorf("with its certificate it waits %s", got)
	}
	at = at.Add(time.Second)
	present()
	if got := until("shop.acme.lab"); got != Switch-time.Second {
		t.Errorf("another certificate puts it off to %s", got)
	}
}
