package domaincheck_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// engine answers what a test wants, after telling its steps.
type engine struct {
	steps  []analysis.Step
	answer func(q analysis.Question, a *analysis.Answer)
	asked  []analysis.Question
}

func (e *engine) Analyze(_ context.Context, q analysis.Question) (analysis.Answer, error) {
	e.asked = append(e.asked, q)
	for _, s := range e.steps {
		if q.Progress != nil {
			q.Progress(s)
		}
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	a := analysis.Answer{Hostname: q.Hostname, Verdict: analysis.Absent, Registered: true, Questions: 17, StartedAt: now, FinishedAt: now.Add(40 * time.Millisecond),
		Zone: &analysis.ZoneView{Apex: q.Registrable, Chain: []string{".", q.Registrable}}}
	for _, x := range q.Expected {
		f := finding.New(finding.RecordAbsent, map[string]any{"name": x.FQDN, "type": x.Type})
		a.Records = append(a.Records, analysis.RecordResult{Key: x.Key, Status: "PENDING", Finding: &f})
		a.Findings = append(a.Findings, f)
	}
	if e.answer != nil {
		e.answer(q, &a)
	}
	return a, nil
}

type bundle struct {
	*spinetest.Bundle
	S      *domaincheck.Service
	Apps   *application.Service
	Engine *engine
	App    *application.Application
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t), Engine: &engine{}}
	recipes := &recipe.Service{DB: b.DB, Authz: b.Authz}
	b.Apps = &application.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Hub: b.Hub, Seeds: recipes, Lab: true}
	b.S = &domaincheck.Service{Authz: b.Authz, Limit: limit.New(nil), Applications: b.Apps, Recipes: recipes, Engine: b.Engine, Settings: domaincheck.Settings{
		EdgeZone: "edge.lab", EdgeV4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Hostnames: hostname.Policy{Lab: true, OwnZones: []string{"edge.lab"}},
	}}
	b.Join(b.Apps.Part(), recipes.Part(), part.Part{Grants: []authz.Grant{{Permission: "connection.check", Roles: []authz.Role{authz.Member}, Widget: []string{"CHECK"}}}})
	p, err := b.Apps.Create(b.As(t.Context()), application.CreateApplicationInput{OrganizationID: b.Org, Name: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	b.App = p.Application
	return b
}

func (b *bundle) widget(ctx context.Context, hostname string, scopes ...string) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.WIDGET, OrgID: b.Org, ApplicationID: b.App.ID, Locale: "en",
		Widget: &authz.WidgetClaims{TokenID: ident.New[ident.WidgetTokenID](time.Now()), ApplicationID: b.App.ID, Hostname: hostname, EndUserRef: "u1", Scopes: scopes}})
}

func (b *bundle) check(t *testing.T, name string) *domaincheck.DomainCheck {
	t.Helper()
	d, err := b.S.Check(b.As(t.Context()), b.App.ID, name, false)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, stranger := b.Organization(t, "other")
	unknown := ident.New[ident.ApplicationID](time.Now())
	_, want := b.S.Check(b.As(t.Context()), unknown, "shop.acme.lab", false)
	other := b.widget(t.Context(), "", "CHECK")
	authz.From(other).Widget.ApplicationID = unknown
	for name, c := range map[string]struct {
		ctx  context.Context
		app  ident.ApplicationID
		code fault.Code
	}{
		"Owner":         {b.As(t.Context()), b.App.ID, ""},
		"Nobody":        {t.Context(), b.App.ID, fault.Unauthenticated},
		"Stranger":      {spinetest.As(t.Context(), stranger), b.App.ID, fault.NotFoundCode},
		"Widget":        {b.widget(t.Context(), "", "CHECK"), b.App.ID, ""},
		"WidgetNoScope": {b.widget(t.Context(), "", "VIEW"), b.App.ID, fault.ForbiddenCode},
		"WidgetOfOther": {other, b.App.ID, fault.NotFoundCode},
		"WidgetBound":   {b.widget(t.Context(), "shop.acme.lab", "CHECK"), b.App.ID, ""},
		"WidgetForeign": {b.widget(t.Context(), "www.acme.lab", "CHECK"), b.App.ID, fault.InvalidCode},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.S.Check(c.ctx, c.app, "shop.acme.lab", false)
			if c.code == "" && err != nil || c.code != "" && !fault.Is(err, c.code) {
				t.Fatalf("got %v", err)
			}
			if c.code == fault.NotFoundCode && err.Error() != want.Error() {
				t.Fatalf("a stranger's answer %q differs from an unknown one %q", err, want)
			}
			rows, err := b.S.Progress(c.ctx, c.app, "shop.acme.lab", nil)
			if (c.code == "") != (err == nil) {
				t.Fatalf("the stream says %v", err)
			}
			if err == nil {
				for range livetest.Channel(c.ctx, b.Hub, rows) {
				}
			}
		})
	}
}

func TestNamesThatCannotBeConnected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, SubdomainRule: new(application.SubdomainRequired), DefaultSubdomain: new("shop")}); err != nil {
		t.Fatal(err)
	}
	for typed, reason := range map[string]string{
		"": "hostname_empty", "com": "hostname_single_label", "1.2.3.4": "hostname_ip_address", "a..b": "label_empty", "_x.acme.lab": "hostname_underscore",
		"x.edge.lab": "hostname_own_zone", "acme.lab": "host_class_not_allowed", "*.acme.lab": "wildcard_not_allowed", strings.Repeat("a", 64) + ".lab": "label_too_long",
		"shop.acme.lab\x00": "hostname_characters", "‮shop.acme.lab": "hostname_idna", strings.Repeat("a.", 5000) + "lab": "hostname_too_long",
	} {
		_, err := b.S.Check(b.As(t.Context()), b.App.ID, typed, false)
		all := fault.All(err)
		if len(all) != 1 || all[0].Code != fault.InvalidCode || all[0].Field != "hostname" || all[0].Message == all[0].Reason {
			t.Errorf("%.30q: %v", typed, err)
			continue
		}
		if all[0].Reason != reason {
			t.Errorf("%.30q: reason %s, want %s", typed, all[0].Reason, reason)
		}
	}
	if len(b.Engine.asked) > 0 {
		t.Error("the engine was asked for a name that cannot be connected")
	}
	_, err := b.S.Check(b.As(t.Context()), b.App.ID, "acme.lab", false)
	if fault.All(err)[0].Meta["suggestion"] != "shop.acme.lab" {
		t.Errorf("no suggestion: %v", fault.All(err)[0].Meta)
	}
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version + 1, Wildcards: new(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.Check(b.As(t.Context()), b.App.ID, "*.acme.lab", false); err != nil {
		t.Errorf("a wildcard, where the application allows them: %v", err)
	}
}

// What only a started connection has is said in words, in the person's language, and never as a value that could be copied.
func TestWhatDoesNotExistYet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Engine.answer = func(q analysis.Question, a *analysis.Answer) {
		at := slices.IndexFunc(q.Expected, func(x analysis.Expected) bool { return x.Type == "CNAME" })
		if at < 0 {
			return
		}
		x := q.Expected[at]
		wrong := finding.New(finding.WrongValue, map[string]any{"name": x.FQDN, "type": "CNAME", "observed": "old.example", "desired": x.Value})
		a.Records[at].Status, a.Records[at].Finding = "WRONG_VALUE", &wrong
		a.Findings = append(a.Findings, wrong)
		a.Conflicts = append(a.Conflicts, analysis.ConflictSeen{Kind: finding.MultipleCNAME, Severity: finding.Blocking, Name: x.FQDN, Type: "CNAME", Existing: []string{"a", "b"}, Desired: &x.Value, Choices: []string{"REPLACE"}})
	}
	for _, name := range []string{"shop.acme.lab", "acme.lab"} {
		p := authz.From(b.As(t.Context()))
		p.Locale = "de-AT"
		d, err := b.S.Check(authz.With(t.Context(), p), b.App.ID, name, false)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(d)
		if strings.Contains(string(raw), "unborn") {
			t.Errorf("%s: the placeholder shows: %s", name, raw)
		}
		if !strings.Contains(string(raw), "legen wir an") {
			t.Errorf("%s: no words in its place", name)
		}
		if len(d.Records) == 0 || d.Records[0].ID.IsZero() {
			t.Errorf("%s: no records", name)
		}
		for _, f := range d.Findings {
			if f.Code == finding.RecordAbsent {
				t.Errorf("%s: blames the person for %v", name, f)
			}
		}
		for _, r := range d.Records {
			if r.Type == "A" && (r.Value != "192.0.2.1" || r.Display().BindLine == "") {
				t.Errorf("an address that is known is not shown: %+v", r)
			}
			if r.Value == "(legen wir an, wenn Sie fortfahren)" && r.Display().CopyAll+r.Display().BindLine != "" {
				t.Errorf("%s can be copied", r.Key)
			}
		}
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, DefaultSubdomain: new("shop")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"acme.lab":      {"WWW www.acme.lab", "SUBDOMAIN shop.acme.lab"},
		"www.acme.lab":  {"APEX acme.lab", "SUBDOMAIN shop.acme.lab"},
		"shop.acme.lab": nil,
		"shop.acme.con": {"TYPO shop.acme.com"},
	} {
		d := b.check(t, name)
		var got []string
		for _, s := range d.Suggestions {
			got = append(got, string(s.Kind)+" "+s.Hostname)
			if !strings.Contains(s.Text, s.Hostname) {
				t.Errorf("%s: %q does not name it", name, s.Text)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestStepsEndWithTheResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Engine.steps = []analysis.Step{
		{Key: "delegation", State: "RUNNING", Text: "walking", Params: map[string]any{"name": "shop.acme.lab"}}, {Key: "provider", State: "RUNNING", Text: "reading"},
		{Key: "delegation", State: "DONE", Text: "delegated", Params: map[string]any{"zone": "acme.lab", "servers": []string{"ns1.plain.lab"}}},
		{Key: "provider", State: "DONE", Text: "provider_unknown"}, {Key: "internal", State: "DONE", Text: "x"},
	}
	in, err := b.S.Progress(b.widget(t.Context(), "", "CHECK"), b.App.ID, "https://Shop.acme.lab/x", new("de"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var last *domaincheck.DomainCheckStep
	for m := range livetest.Channel(t.Context(), b.Hub, in) {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
		got, last = append(got, m.Value.Key+" "+m.Value.State), m.Value
		if m.Value.Text == "" {
			t.Errorf("%s says nothing", m.Value.Key)
		}
	}
	want := []string{"delegation RUNNING", "provider RUNNING", "delegation DONE", "provider DONE", "records WAITING", "certificate WAITING", "method DONE", "result DONE"}
	if !slices.Equal(got, want) {
		t.Fatalf("steps %v", got)
	}
	if last.Result == nil || last.Result.Hostname != "shop.acme.lab" || last.Result.Typed != "https://Shop.acme.lab/x" || last.Result.Best != "MANUAL" || last.Result.Queries != 17 || last.Result.DurationMs != 40 {
		t.Fatalf("result %+v", last.Result)
	}
	if !strings.HasPrefix(last.Text, "Sie ") {
		t.Errorf("not in German: %s", last.Text)
	}
}

func TestAReaderWhoGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(b.widget(t.Context(), "", "CHECK"))
	in, err := b.S.Progress(ctx, b.App.ID, "shop.acme.lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := livetest.Channel(ctx, b.Hub, in)
	cancel()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case _, open := <-rows:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the check does not end")
		}
	}
}

func TestOurOwnSideCannotAsk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Engine.answer = func(_ analysis.Question, a *analysis.Answer) {
		a.Verdict, a.Findings = analysis.CouldNotAsk, []finding.Finding{finding.New(finding.CouldNotAsk, nil)}
	}
	_, err := b.S.Check(b.As(t.Context()), b.App.ID, "shop.acme.lab", false)
	if all := fault.All(err); len(all) != 1 || all[0].Code != fault.UnavailableCode || all[0].Reason != "could_not_ask" {
		t.Fatalf("got %v", err)
	}
	in, err := b.S.Progress(b.As(t.Context()), b.App.ID, "shop.acme.lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := <-livetest.Channel(t.Context(), b.Hub, in); !fault.Is(m.Err, fault.UnavailableCode) {
		t.Fatalf("the stream says %+v", m)
	}
}

func TestApexSupport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	for slug, want := range map[string][]provider.ApexMethod{"": {provider.Address}, "plain": {provider.Address}, "flat": {provider.Alias, provider.FlattenedCNAME, provider.Address}} {
		b.Engine.answer = func(_ analysis.Question, a *analysis.Answer) { a.Provider.Provider = catalogue.BySlug(slug) }
		d := b.check(t, "acme.lab")
		for _, m := range d.Apex.How {
			if !slices.Contains(want, m) {
				t.Errorf("%q: offers %s", slug, m)
			}
		}
		if !d.Apex.Supported || d.Apex.Message != nil {
			t.Errorf("%q: %+v", slug, d.Apex)
		}
	}
	b.S.Settings.EdgeV4 = nil // no address to point at
	b.Engine.answer = nil
	if d := b.check(t, "acme.lab"); d.Apex.Supported || d.Apex.Message == nil || !slices.ContainsFunc(d.Findings, func(f finding.Finding) bool { return f.Code == finding.ApexUnsupported }) {
		t.Errorf("an apex without any way: %+v", d.Apex)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.widget(t.Context(), "", "CHECK")
	for n := range 10 {
		if _, err := b.S.Check(page, b.App.ID, "shop.acme.lab", false); err != nil {
			t.Fatalf("check %d: %v", n, err)
		}
	}
	if _, err := b.S.Check(page, b.App.ID, "shop.acme.lab", false); !fault.Is(err, fault.RateLimitedCode) {
		t.Fatalf("the eleventh check of a minute: %v", err)
	}
	if _, err := b.S.Check(b.widget(t.Context(), "", "CHECK"), b.App.ID, "shop.acme.lab", false); err != nil {
		t.Fatalf("another token: %v", err)
	}
}

func TestOwnConnectionOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine := ident.New[ident.ConnectionID](time.Now())
	b.S.Existing = func(_ context.Context, app *application.Application, hostname string) (*domaincheck.ExistingConnection, error) {
		if app.ID != b.App.ID || hostname != "shop.acme.lab" {
			return nil, nil
		}
		return &domaincheck.ExistingConnection{ConnectionID: mine, Resumable: true}, nil
	}
	if d := b.check(t, "shop.acme.lab"); d.Existing == nil || d.Existing.ConnectionID != mine {
		t.Fatal("the own connection is not named")
	}
	a, other := b.check(t, "held.acme.lab"), b.check(t, "free.acme.lab")
	if a.Existing != nil || len(a.Findings) != len(other.Findings) || !reflect.DeepEqual(a.Setup, other.Setup) {
		t.Fatal("a name of somebody else's looks different")
	}
}
