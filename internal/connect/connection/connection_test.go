package connection_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// world is the DNS as a test wants it to be: which records stand on how many of two name servers, what is in the way, and whether probes pass.
type world struct {
	mu       sync.Mutex
	standing map[string]int            // record key → servers that have it
	at       map[string]map[string]int // the same for the connection with a target, in standing's place
	answer   func(a *analysis.Answer)
	deaf     bool // we cannot ask
	probe    analysis.ProbeOutcome
	asked    []analysis.Question
	before   func(q analysis.Question) // called outside of the lock, while the questions are out
}

func (w *world) set(fn func(w *world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn(w)
}

func (w *world) questions() []analysis.Question {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *world) Analyze(_ context.Context, q analysis.Question) (analysis.Answer, error) {
	w.mu.Lock()
	w.asked = append(w.asked, q)
	before := w.before
	w.mu.Unlock()
	if before != nil {
		before(q)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a := analysis.Answer{Hostname: q.Hostname, Verdict: analysis.Absent, Registered: true, Questions: 12, Dnssec: analysis.DnssecUnsigned,
		Zone: &analysis.ZoneView{Apex: q.Registrable, Chain: []string{".", "lab", q.Registrable}, Dnssec: analysis.DnssecUnsigned}}
	if w.deaf {
		a.Verdict = analysis.CouldNotAsk
		return a, nil
	}
	standing := w.standing
	if of, own := w.at[q.Target]; own {
		standing = of
	}
	all, some := true, false
	for _, x := range q.Expected {
		have := int32(standing[x.Key])
		r := analysis.RecordResult{Key: x.Key, Status: "PENDING", Have: have, Of: 2, Seen: []string{}}
		switch {
		case have == 2:
			r.Status, r.Seen = "OK", []string{x.Value}
		case have == 1:
			r.Status, r.Seen = "PARTIAL", []string{x.Value}
		default:
			r.Finding = new(finding.New(finding.RecordAbsent, map[string]any{"name": x.FQDN, "type": x.Type}))
		}
		all, some = all && have == 2, some || have > 0
		switch {
		case x.Purpose == "OWNERSHIP" && x.Value == q.Verification && have == 2:
			a.Ownership.TXT = true
		case x.Type == "CNAME" && have == 2:
			a.Ownership.Target = true
		}
		if r.Finding != nil {
			a.Findings = append(a.Findings, *r.Finding)
		}
		a.Records = append(a.Records, r)
	}
	switch {
	case all:
		a.Verdict = analysis.Correct
	case some:
		a.Verdict = analysis.Partial
	}
	if q.Probe.HTTP || q.Probe.HTTPS {
		a.Probes = append(a.Probes, analysis.ProbeResult{Address: "127.0.0.1", Family: 4, Port: 80, Result: w.probe}, analysis.ProbeResult{Address: "::1", Family: 6, Port: 80, Result: w.probe})
	}
	if w.answer != nil {
		w.answer(&a)
	}
	return a, nil
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type bundle struct {
	*spinetest.Bundle
	S     *connection.Service
	Apps  *application.Service
	Edge  *edgeentry.Service
	World *world
	Clock *clock
	App   *application.Application
}

// setup joins the real services of the district on a real database; only the DNS is scripted, and the clock stands still.
func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t), World: &world{standing: map[string]int{}, at: map[string]map[string]int{}, probe: analysis.ProbeOK}, Clock: &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}}
	b.DB.SetClock(b.Clock.Now)
	recipes := &recipe.Service{DB: b.DB, Authz: b.Authz}
	b.Edge = &edgeentry.Service{DB: b.DB, Hub: b.Hub, Zone: "edge.lab", Vault: b.Vault}
	b.Apps = &application.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Hub: b.Hub, Seeds: recipes, Edge: b.Edge, Lab: true, Outside: safehttp.Options{AllowLoopbackHTTP: true}}
	catalogue, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	b.S = &connection.Service{
		DB: b.DB, Door: b.Door, Authz: b.Authz, Ledger: b.Ledger, Hub: b.Hub, Work: b.Work, Applications: b.Apps, Recipes: recipes, Edge: b.Edge, Analyzer: b.World, Catalogue: catalogue,
		Records: &record.Store{}, Claims: &claim.Claims{}, Checks: &check.Store{Providers: catalogue},
		Settings: connection.Settings{EdgeZone: "edge.lab", Hostnames: hostname.Policy{Lab: true, OwnZones: []string{"edge.lab"}}},
	}
	b.Apps.Connections = b.S
	b.S.Measure(metric.New())
	b.Join(b.Apps.Part(), recipes.Part(), b.S.Part(), part.Part{})
	b.App = b.application(t, b.As(t.Context()), b.Org, "Shop")
	return b
}

func (b *bundle) application(t *testing.T, ctx context.Context, org ident.OrgID, name string) *application.Application {
	t.Helper()
	p, err := b.Apps.Create(ctx, application.CreateApplicationInput{OrganizationID: org, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return p.Application
}

func (b *bundle) start(t *testing.T, host string) *connection.Connection {
	t.Helper()
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: host})
	if err != nil {
		t.Fatal(err)
	}
	return p.Connection
}

// after moves the clock and works on everything that is due then.
func (b *bundle) after(t *testing.T, d time.Duration) {
	t.Helper()
	b.Clock.add(d)
	if err := b.Work.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) get(t *testing.T, id ident.ConnectionID) *connection.Connection {
	t.Helper()
	c, err := b.S.Get(b.As(t.Context()), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *bundle) want(t *testing.T, id ident.ConnectionID, state connection.State) *connection.Connection {
	t.Helper()
	c := b.get(t, id)
	if c.State != state {
		why := ""
		if c.StateReason != nil {
			why = *c.StateReason
		}
		t.Fatalf("%s is %s (%s), want %s; facets %+v", c.Hostname, c.State, why, state, c.Facets)
	}
	return c
}

// actions of one connection's stream, oldest first.
func (b *bundle) actions(t *testing.T, id ident.ConnectionID) []string {
	t.Helper()
	rows, err := b.Ledger.Stream(t.Context(), b.DB, id.String(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, r := range rows {
		out = append(out, r.Action)
	}
	return out
}

func (b *bundle) tls(t *testing.T, c *connection.Connection, to connection.TLS) {
	t.Helper()
	err := b.Door.System(t.Context(), "certificate", c.OrgID, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		return b.S.SetTLSTx(ctx, e, c.ID, to)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// live brings a name all the way.
func (b *bundle) live(t *testing.T, host string) *connection.Connection {
	t.Helper()
	c := b.start(t, host)
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: ident.New[ident.CertificateID](b.DB.Now())})
	b.after(t, 0)
	return b.want(t, c.ID, connection.Live)
}

func TestStart_MakesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, " https://Shop.ACME.lab/cart ")
	if c.Hostname != "shop.acme.lab" || c.State != connection.Draft || c.SetupOrigin != connection.FromConsole || c.Target != c.TargetToken+".edge.lab" {
		t.Fatalf("%+v", c)
	}
	b.after(t, 0)
	c = b.want(t, c.ID, connection.ActionRequired)
	lines, err := b.S.RecordsOf(b.As(t.Context()), []*connection.Connection{c})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines[0]) != 1 || lines[0][0].Display().Name != "shop" || lines[0][0].Display().Value != c.Target || lines[0][0].Status != record.Pending {
		t.Fatalf("%+v", lines[0])
	}
	if got := b.actions(t, c.ID); !slices.Equal(got, []string{"connection.created", "connection.analyzed"}) {
		t.Fatal(got)
	}
	var payload connection.Created
	rows, _ := b.Ledger.Stream(t.Context(), b.DB, c.ID.String(), 0, 1)
	if err := json.Unmarshal(rows[0].Payload, &payload); err != nil || payload.V != 1 || payload.Hostname != "shop.acme.lab" || !rows[0].Audited {
		t.Fatalf("%s %v", rows[0].Payload, err)
	}
}

func TestStart_TwentyAtOnceMakeOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	ids, created := map[ident.ConnectionID]int{}, 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab"})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[p.Connection.ID]++
			if p.Created {
				created++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || created != 1 {
		t.Fatalf("%d connections, %d created", len(ids), created)
	}
}

func TestStart_UnderAKeyAnswersTheSameTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab", Metadata: json.RawMessage(`{"plan":"pro"}`), Labels: []string{"vip"}, ClientMutationID: new("k1")}
	one, err := b.S.Start(b.As(t.Context()), in)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.S.Start(b.As(t.Context()), in)
	if err != nil || two.Connection.ID != one.Connection.ID || !two.Created || string(two.Connection.Metadata) != `{"plan": "pro"}` {
		t.Fatalf("%+v %v", two, err)
	}
}

// TestStart_WildcardsAreASetting: an application has to allow them; taking that back changes no connection, and both stand in the audit log.
func TestStart_WildcardsAreASetting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := func(name string) (*connection.StartConnectionPayload, error) {
		return b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: name})
	}
	b.allowWildcards(t, true)
	p, err := start("*.shop.acme.lab")
	if err != nil || !p.Connection.IsWildcard {
		t.Fatalf("%+v %v", p, err)
	}
	before := p.Connection
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version - 1, Wildcards: new(false)}); !fault.Is(err, fault.VersionConflictCode) {
		t.Errorf("over a newer version: %v", err)
	}
	b.allowWildcards(t, false)
	if _, err := start("*.other.acme.lab"); !fault.Is(err, fault.InvalidCode) || fault.All(err)[0].Reason != "wildcard_not_allowed" {
		t.Errorf("after it was taken back: %v", err)
	}
	after, err := b.S.Get(b.As(t.Context()), before.ID)
	if err != nil || after.Version != before.Version || after.State != before.State {
		t.Errorf("the connection that was there: %+v %v", after, err)
	}
	var audited int
	if err := b.DB.QueryRow(t.Context(), `select count(*) from event where org_id = $1 and action = 'application.updated' and audited and payload->'fields' = '["wildcards"]'`, b.App.OrgID.UUID()).Scan(&audited); err != nil || audited != 2 {
		t.Errorf("%d rows in the audit log, %v", audited, err)
	}
}

func (b *bundle) allowWildcards(t *testing.T, allow bool) {
	t.Helper()
	p, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, Wildcards: &allow})
	if err != nil {
		t.Fatal(err)
	}
	b.App = p.Application
}

func TestStart_RefusesWithFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wrong := connection.SetupType("NONSENSE")
	for name, c := range map[string]struct {
		in     connection.StartConnectionInput
		fields []string
		reason string
	}{
		"NoName":           {connection.StartConnectionInput{}, []string{"hostname"}, "hostname_empty"},
		"Address":          {connection.StartConnectionInput{Hostname: "1.2.3.4"}, []string{"hostname"}, "hostname_ip_address"},
		"OwnZone":          {connection.StartConnectionInput{Hostname: "x.edge.lab"}, []string{"hostname"}, "hostname_own_zone"},
		"WildcardFlag":     {connection.StartConnectionInput{Hostname: "acme.lab", Wildcard: new(true)}, []string{"hostname"}, "wildcard_not_allowed"},
		"WildcardTyped":    {connection.StartConnectionInput{Hostname: "*.acme.lab"}, []string{"hostname"}, "wildcard_not_allowed"},
		"WildcardTwice":    {connection.StartConnectionInput{Hostname: " *.shop.acme.lab", Wildcard: new(true)}, []string{"hostname"}, "wildcard_not_allowed"},
		"MetadataNoObject": {connection.StartConnectionInput{Hostname: "shop.acme.lab", Metadata: json.RawMessage(`[1]`)}, []string{"metadata"}, "metadata_object"},
		"MetadataLarge":    {connection.StartConnectionInput{Hostname: "shop.acme.lab", Metadata: json.RawMessage(`{"a":"` + string(make([]byte, 5000)) + `"}`)}, []string{"metadata"}, "metadata_too_large"},
		"AllTogether":      {connection.StartConnectionInput{Hostname: "", Labels: []string{""}, EndUserEmail: new("no"), PreferredMethod: &wrong}, []string{"labels", "endUserEmail", "hostname"}, "labels"},
		"ForeignRecipe":    {connection.StartConnectionInput{Hostname: "shop.acme.lab", RecipeID: new(ident.New[ident.RecipeID](time.Now()))}, []string{"recipeId"}, "recipe_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.ApplicationID = b.App.ID
			_, err := b.S.Start(b.As(t.Context()), c.in)
			var fields []string
			for _, f := range fault.All(err) {
				fields = append(fields, f.Field)
			}
			if !slices.Equal(fields, c.fields) || fault.All(err)[0].Reason != c.reason {
				t.Fatalf("%v", err)
			}
		})
	}
	if got := b.Actions(t); slices.Contains(got, "connection.created") {
		t.Fatal("something was stored")
	}
}

func TestStrangersFindNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	_, other := b.Organization(t, "rival")
	stranger := spinetest.As(t.Context(), other)
	unknown := ident.New[ident.ConnectionID](time.Now())
	calls := map[string]func(id ident.ConnectionID) error{
		"Get":     func(id ident.ConnectionID) error { _, err := b.S.Get(stranger, id); return err },
		"Watch":   func(id ident.ConnectionID) error { _, err := b.S.Watch(stranger, id); return err },
		"Events":  func(id ident.ConnectionID) error { _, err := b.S.Events(stranger, id, nil); return err },
		"Check":   func(id ident.ConnectionID) error { _, err := b.S.Check(stranger, id); return err },
		"Mark":    func(id ident.ConnectionID) error { _, err := b.S.MarkRecordsAdded(stranger, id); return err },
		"Retry":   func(id ident.ConnectionID) error { _, err := b.S.Retry(stranger, id); return err },
		"Archive": func(id ident.ConnectionID) error { _, err := b.S.Archive(stranger, id, nil); return err },
		"Update": func(id ident.ConnectionID) error {
			_, err := b.S.Update(stranger, connection.UpdateConnectionInput{ID: id, Version: 1})
			return err
		},
	}
	for name, call := range calls {
		foreign, missing := call(c.ID), call(unknown)
		if !fault.Is(foreign, fault.NotFoundCode) || foreign.Error() != missing.Error() {
			t.Errorf("%s tells them apart: %v / %v", name, foreign, missing)
		}
	}
	if _, err := b.S.Start(stranger, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "x.acme.lab"}); !fault.Is(err, fault.NotFoundCode) {
		t.Error(err)
	}
	last, err := b.S.LastChecksOf(b.As(t.Context()), []*connection.Connection{b.get(t, c.ID)})
	if err != nil || last[0] == nil {
		t.Fatal(err)
	}
	if _, err := b.S.GetCheck(stranger, last[0].ID); !fault.Is(err, fault.NotFoundCode) {
		t.Error(err)
	}
	if list, err := b.S.ByIDs(stranger, []ident.ConnectionID{c.ID, unknown}); err != nil || list[0] != nil || list[1] != nil {
		t.Error(list, err)
	}
	if _, err := b.S.Get(t.Context(), c.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Error(err)
	}
}

func widget(t *testing.T, b *bundle, claims authz.WidgetClaims) context.Context {
	claims.ApplicationID, claims.TokenID = b.App.ID, ident.New[ident.WidgetTokenID](time.Now())
	if claims.Scopes == nil {
		claims.Scopes = []string{"CHECK", "START", "SETUP", "VIEW"}
	}
	return authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, OrgID: b.Org, ApplicationID: b.App.ID, Widget: &claims, Locale: "de"})
}

func TestWidget_SeesItsOwnAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := widget(t, b, authz.WidgetClaims{EndUserRef: "ann", ExternalRef: "c-7", EndUserEmail: "ann@acme.lab", Metadata: json.RawMessage(`{"a":1}`)})
	p, err := b.S.Start(ann, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab"})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Connection; *c.EndUserRef != "ann" || *c.ExternalRef != "c-7" || c.SetupOrigin != connection.FromWidget {
		t.Fatalf("%+v", c)
	}
	if again, err := b.S.Start(ann, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab"}); err != nil || again.Created {
		t.Fatal(again, err)
	}
	bob := widget(t, b, authz.WidgetClaims{EndUserRef: "bob"})
	if _, err := b.S.Get(bob, p.Connection.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	_, err = b.S.Start(bob, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab"})
	if f := fault.All(err); len(f) != 1 || f[0].Code != fault.ConflictCode || f[0].Reason != "held_elsewhere" {
		t.Fatal(err)
	}
	named := widget(t, b, authz.WidgetClaims{ConnectionIDs: []ident.ConnectionID{p.Connection.ID}, Scopes: []string{"VIEW"}})
	if _, err := b.S.Get(named, p.Connection.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.Check(named, p.Connection.ID); !fault.Is(err, fault.ForbiddenCode) {
		t.Fatal(err)
	}
	_, err = b.S.Start(ann, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "a.acme.lab", Metadata: json.RawMessage(`{}`), ExternalRef: new("x")})
	if f := fault.All(err); len(f) != 2 || f[0].Field != "externalRef" || f[1].Field != "metadata" {
		t.Fatal(err)
	}
	bound := widget(t, b, authz.WidgetClaims{EndUserRef: "ann", Hostname: "shop.acme.lab"})
	if _, err := b.S.Start(bound, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "other.acme.lab"}); !fault.Is(err, fault.InvalidCode) {
		t.Fatal(err)
	}
	other := b.application(t, b.As(t.Context()), b.Org, "Other")
	if _, err := b.S.Start(ann, connection.StartConnectionInput{ApplicationID: other.ID, Hostname: "b.acme.lab"}); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
}
