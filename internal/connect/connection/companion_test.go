package connection_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// startPair starts a name with its companion and answers both.
func (b *bundle) startPair(t *testing.T, host string, mode application.CompanionMode) (main, companion *connection.Connection) {
	t.Helper()
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: host, Companion: &mode})
	if err != nil {
		t.Fatal(err)
	}
	one := b.companion(t, p.Connection)
	if one == nil || one.Connection == nil {
		t.Fatalf("no companion of %s: %+v", host, one)
	}
	return p.Connection, one.Connection
}

func (b *bundle) companion(t *testing.T, c *connection.Connection) *connection.Companion {
	t.Helper()
	all, err := b.S.CompanionsOf(b.As(t.Context()), []*connection.Connection{b.get(t, c.ID)})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// secure lets a connection's DNS be right and its certificate be there.
func (b *bundle) secure(t *testing.T, c *connection.Connection, keys ...string) {
	t.Helper()
	standing := map[string]int{}
	for _, k := range keys {
		standing[k] = 2
	}
	b.World.set(func(w *world) { w.at[c.Target] = standing })
	if _, err := b.S.Check(b.As(t.Context()), c.ID); err != nil {
		t.Fatal(err)
	}
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: ident.New[ident.CertificateID](b.DB.Now())})
	b.after(t, 0)
}

var apexKeys = []string{"apex-alias", "apex-a", "apex-aaaa", "ownership"}

func TestCompanion_IsProvenOnItsOwnAndLeads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	if www.Hostname != "www.acme.lab" || *www.CompanionOf != main.ID || *www.RedirectsTo() != "acme.lab" || www.Target == main.Target || main.RedirectsTo() != nil {
		t.Fatalf("%+v", www)
	}
	b.secure(t, www, "routing")
	if e := b.entry(t, "www.acme.lab"); e.Route.Companion == nil || *e.Route.Companion != (edgeentry.Companion{To: "acme.lab", Of: main.ID, Status: 308}) || e.Route.Upstream != nil {
		t.Fatalf("%+v", e)
	}
	if c := b.want(t, www.ID, connection.Live); c.Facets.Edge.Value != connection.Redirecting {
		t.Errorf("edge %s", c.Facets.Edge.Value)
	}
	if one := b.companion(t, main); one.Redirecting || one.RedirectTo != "acme.lab" || one.Mode != application.EndAtApex {
		t.Errorf("before the main name is proven: %+v", one)
	}
	b.secure(t, main, apexKeys...)
	b.want(t, main.ID, connection.Live)
	if one := b.companion(t, main); !one.Redirecting {
		t.Errorf("both are proven: %+v", one)
	}
	if e := b.entry(t, "acme.lab"); !e.Serve || e.Route.Companion != nil {
		t.Errorf("%+v", e)
	}

	// It drifts, and the main name does not notice.
	b.World.set(func(w *world) { w.at[www.Target] = map[string]int{} })
	for range 4 {
		if _, err := b.S.Check(b.As(t.Context()), www.ID); err != nil {
			t.Fatal(err)
		}
		b.after(t, 6*time.Minute)
	}
	b.want(t, www.ID, connection.Degraded)
	b.want(t, main.ID, connection.Live)

	// The status is a setting, in force for companions that are there.
	app, err := b.Apps.Get(b.As(t.Context()), b.App.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: app.ID, Version: app.Version, CompanionStatus: new(int32(301))}); err != nil {
		t.Fatal(err)
	}
	b.after(t, 0)
	if e := b.entry(t, "www.acme.lab"); e.Route.Companion.Status != 301 {
		t.Errorf("%+v", e.Route.Companion)
	}
	app, _ = b.Apps.Get(b.As(t.Context()), b.App.ID)
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: app.ID, Version: app.Version, CompanionStatus: new(int32(302))}); fault.All(err)[0].Field != "companionStatus" {
		t.Errorf("302: %v", err)
	}
}

// tally counts what is taken and given back.
type tally struct{ n atomic.Int64 }

func (q *tally) Take(_ context.Context, _ *db.Tx, _ ident.OrgID, _ string, n int64) (*door.QuotaNotice, error) {
	q.n.Add(n)
	return nil, nil
}

func (q *tally) Give(_ context.Context, _ *db.Tx, _ ident.OrgID, _ string, n int64) error {
	q.n.Add(-n)
	return nil
}

func TestCompanion_CountsOnceAndEndsWithItsMainName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	taken := &tally{}
	b.Door.Quota = taken
	used := func() int64 { return taken.n.Load() }
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	if n := used(); n != 1 {
		t.Errorf("a pair counts as %d", n)
	}
	b.secure(t, www, "routing")
	if _, err := b.S.Archive(b.As(t.Context()), main.ID, new("acme.lab")); err != nil {
		t.Fatal(err)
	}
	b.want(t, www.ID, connection.Archived)
	if e := b.entry(t, "www.acme.lab"); e.Mode != edgeentry.Gone {
		t.Errorf("%+v", e)
	}
	if n := used(); n != 0 {
		t.Errorf("%d are counted after its end", n)
	}

	// Alone it ends without the main name, and can be taken along again: with a new target.
	main, www = b.startPair(t, "acme.lab", application.EndAtApex)
	update := func(mode application.CompanionMode) *connection.Connection {
		t.Helper()
		p, err := b.S.Update(b.As(t.Context()), connection.UpdateConnectionInput{ID: main.ID, Version: b.get(t, main.ID).Version, Companion: &mode})
		if err != nil {
			t.Fatal(err)
		}
		return p.Connection
	}
	update(application.NoCompanion)
	b.want(t, www.ID, connection.Archived)
	if c := b.get(t, main.ID); !c.Open() {
		t.Error("the main name ended too")
	}
	if one := b.companion(t, main); one == nil || one.Connection != nil {
		t.Errorf("it is offered again: %+v", one)
	}
	before := b.get(t, main.ID).Version
	if c := update(application.NoCompanion); c.Version != before {
		t.Error("nothing changed, and the version did")
	}
	update(application.EndAtApex)
	if one := b.companion(t, main); one.Connection == nil || one.Connection.Target == www.Target {
		t.Errorf("%+v", one)
	}
}

func TestCompanion_IsRefusedWhereItLeadsBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	single := b.start(t, "www.single.lab")
	plain := b.start(t, "shop.acme.lab")
	b.start(t, "single.lab")
	looping := b.start(t, "loop.lab")
	if _, err := b.DB.Exec(t.Context(), `update connection set upstream = '{"originUrl": "http://www.loop.lab:8080", "hostHeader": "CUSTOMER"}' where id = $1`, looping.ID.UUID()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id     ident.ConnectionID
		mode   application.CompanionMode
		code   fault.Code
		reason string
	}{
		"BackFromTheCompanion": {www.ID, application.EndAtWWW, fault.ConflictCode, "redirect_loop"},
		"ThroughTheUpstream":   {looping.ID, application.EndAtApex, fault.ConflictCode, "redirect_loop"},
		"AnotherConnections":   {single.ID, application.EndAtWWW, fault.ConflictCode, finding.HeldElsewhere},
		"Direction":            {main.ID, application.EndAtWWW, fault.InvalidCode, "companion_direction"},
		"NotOfAPair":           {plain.ID, application.EndAtWWW, fault.InvalidCode, "companion_impossible"},
		"Ask":                  {main.ID, application.AskCompanion, fault.InvalidCode, "companion_mode"},
	} {
		_, err := b.S.Update(b.As(t.Context()), connection.UpdateConnectionInput{ID: c.id, Version: b.get(t, c.id).Version, Companion: &c.mode})
		if all := fault.All(err); err == nil || all[0].Code != c.code || all[0].Reason != c.reason || all[0].Field != "companion" {
			t.Errorf("%s: %+v", name, err)
		}
	}
	// The same words as for any name that somebody has.
	_, err := b.S.Update(b.As(t.Context()), connection.UpdateConnectionInput{ID: single.ID, Version: b.get(t, single.ID).Version, Companion: new(application.EndAtWWW)})
	if want := finding.Sentence(finding.HeldElsewhere, "en", map[string]any{"name": "single.lab"}); fault.All(err)[0].Message != want {
		t.Errorf("%q, want %q", fault.All(err)[0].Message, want)
	}
	// Starting the companion's name answers what is there, and makes no second one.
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "www.acme.lab"})
	if err != nil || p.Created || p.Connection.ID != www.ID {
		t.Errorf("%+v %v", p, err)
	}
	_, err = b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "www.acme.lab", Companion: new(application.EndAtWWW)})
	if err == nil || fault.All(err)[0].Reason != "redirect_loop" {
		t.Errorf("a start that leads back: %v", err)
	}
}

func TestCompanion_ByTheApplicationsSetting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	set := func(mode application.CompanionMode) {
		t.Helper()
		app, err := b.Apps.Get(b.As(t.Context()), b.App.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: app.ID, Version: app.Version, Companion: &mode}); err != nil {
			t.Fatal(err)
		}
	}
	is := func(c *connection.Connection, want string) {
		t.Helper()
		got := "none"
		if one := b.companion(t, c); one != nil && one.Connection == nil {
			got = "offered"
		} else if one != nil {
			got = one.Connection.Hostname
		}
		if got != want {
			t.Errorf("%s: %s, want %s", c.Hostname, got, want)
		}
	}
	is(b.start(t, "ask.lab"), "offered")
	is(b.start(t, "shop.ask.lab"), "none")
	set(application.EndAtWWW)
	is(b.start(t, "www.one.lab"), "one.lab")
	is(b.start(t, "two.lab"), "none")
	is(b.start(t, "www.two.lab"), "offered") // the domain is connected already, which keeps nobody from connecting its www
	set(application.NoCompanion)
	is(b.start(t, "three.lab"), "none")
	w := widget(t, b, authz.WidgetClaims{EndUserRef: "ann"})
	if _, err := b.S.Start(w, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "four.lab", Companion: new(application.EndAtApex)}); err == nil || fault.All(err)[0].Reason != "companion_not_offered" {
		t.Errorf("a page takes what is not offered: %v", err)
	}
	set(application.AskCompanion)
	start := func(mode *application.CompanionMode) *connection.StartConnectionPayload {
		t.Helper()
		p, err := b.S.Start(w, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "four.lab", Companion: mode})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := start(nil)
	second := start(new(application.EndAtApex))
	if second.Created || second.Connection.ID != first.Connection.ID || second.Connection.Version <= first.Connection.Version {
		t.Errorf("%+v after %+v", second.Connection.Version, first.Connection.Version)
	}
	is(first.Connection, "www.four.lab")
	if again := start(new(application.EndAtApex)); again.Connection.Version != second.Connection.Version {
		t.Error("a second time is a change")
	}
	own, err := b.S.Own(w)
	if err != nil || len(own) != 1 || own[0].ID != first.Connection.ID {
		t.Errorf("the page goes on with %v, %v", ids(own), err)
	}
	bound := widget(t, b, authz.WidgetClaims{EndUserRef: "ann", Hostname: "four.lab"})
	companion := b.companion(t, first.Connection).Connection
	for name, ctx := range map[string]context.Context{"Bound": bound, "Named": widget(t, b, authz.WidgetClaims{ConnectionIDs: []ident.ConnectionID{first.Connection.ID}})} {
		if _, err := b.S.Get(ctx, companion.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.S.Get(widget(t, b, authz.WidgetClaims{EndUserRef: "ann", Hostname: "ask.lab"}), companion.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("another name's page sees it: %v", err)
	}
}

// Both names of a pair are started at once, each with the other as its companion: one of them wins, and nobody waits for ever.
func TestCompanion_StartsFromBothSidesMakeOnePair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for n := range 8 {
		in := connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "acme.lab", Companion: new(application.EndAtApex)}
		if n%2 == 1 {
			in.Hostname, in.Companion = "www.acme.lab", new(application.EndAtWWW)
		}
		wg.Go(func() {
			if _, err := b.S.Start(b.As(t.Context()), in); err != nil && !fault.Is(err, fault.ConflictCode) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := b.S.List(b.As(t.Context()), b.Org, nil, nil, nil, nil)
	if err != nil || len(list.Nodes) != 2 {
		t.Fatalf("%d connections, %v", len(list.Nodes), err)
	}
	if !slices.ContainsFunc(list.Nodes, func(c *connection.Connection) bool { return c.CompanionOf == nil }) || !slices.ContainsFunc(list.Nodes, func(c *connection.Connection) bool { return c.CompanionOf != nil }) {
		t.Error("they are no pair")
	}
}

// A name that goes to somebody else takes nobody along: its companion ends with it, and its own name is free.
func TestCompanion_EndsWhenItsMainNameChangesHands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, apex := b.startPair(t, "www.acme.lab", application.EndAtWWW)
	b.secure(t, apex, apexKeys...)
	b.secure(t, main, "routing")
	b.want(t, main.ID, connection.Live)
	if one := b.companion(t, main); !one.Redirecting || b.holderOf(t, "acme.lab") != apex.ID {
		t.Fatalf("%+v", one)
	}
	rival := b.another(t, "rival", "www.acme.lab")
	b.after(t, 0)
	rival.stand(map[string]int{record.TransferKey: 2})
	b.after(t, 10*time.Second)
	b.after(t, 2*time.Second)
	at := *b.want(t, main.ID, connection.Contested).TransferAt()
	b.stay(t, 23*time.Hour)
	b.want(t, apex.ID, connection.Live)
	b.after(t, at.Sub(b.Clock.Now()))
	b.want(t, main.ID, connection.Archived)
	b.want(t, apex.ID, connection.Archived)
	if e := b.entry(t, "acme.lab"); e.Mode != edgeentry.Gone || !b.holderOf(t, "acme.lab").IsZero() {
		t.Errorf("the companion goes on: %+v", e)
	}
	if b.holderOf(t, "www.acme.lab") != rival.ID {
		t.Error("the name did not move")
	}
}
