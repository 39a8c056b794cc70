package monitor_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// tower is a spine with monitoring, and a name that was live. Its connection is a row that tests move, with the events that the product would write.
type tower struct {
	*spinetest.Bundle
	t   *testing.T
	S   *monitor.Service
	app ident.ApplicationID
	con ident.ConnectionID
	mu  sync.Mutex
	now time.Time
}

func newTower(t *testing.T) *tower {
	t.Helper()
	w := &tower{Bundle: spinetest.New(t), t: t, now: time.Now().Truncate(time.Microsecond)}
	w.DB.SetClock(func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now })
	w.S = &monitor.Service{DB: w.DB, Door: w.Door, Authz: w.Authz}
	all := []authz.Role{authz.Member, authz.Owner}
	w.Join(w.S.Part(), part.Part{Grants: []authz.Grant{{Permission: "connection.read", Roles: all, Widget: []string{"VIEW"}}}})
	w.app, w.con = w.connection(w.Org, "shop.example.com")
	return w
}

func (w *tower) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.DB.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%.60s: %v", sql, err)
	}
}

func (w *tower) connection(org ident.OrgID, host string) (ident.ApplicationID, ident.ConnectionID) {
	w.t.Helper()
	app, con, recipe := ident.New[ident.ApplicationID](w.now), ident.New[ident.ConnectionID](w.now), ident.V7(w.now)
	w.exec("insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Shop', 'LIVE', $3, $4, $4)", app.UUID(), org.UUID(), strings.ToLower(rand.Text()), w.now)
	w.exec("insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'r', 'PUBLISHED', '{APEX}', $4)", recipe, org.UUID(), app.UUID(), w.now)
	w.exec(`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, labels, recipe_id, state, state_since, facets,
		setup_origin, target_token, verification_token, created_by, created_at, updated_at)
		values ($1, $2, $3, $4, $4, 'x', 'example.com', 'com', false, '{}', $5, 'LIVE', $6, '{}', 'API', $7, $7, 'system:test', $6, $6)`,
		con.UUID(), org.UUID(), app.UUID(), host, recipe, w.now, strings.ToLower(rand.Text()))
	return app, con
}

// well are the facets of a live name.
func well() map[string]connection.FacetState {
	return map[string]connection.FacetState{"ownership": {Value: connection.Verified}, "dns": {Value: connection.Correct}, "tls": {Value: connection.Issued}, "edge": {Value: connection.Serving}}
}

// becomes moves the name to a state, with the facets that are not well, and lets the readers hear of it.
func (w *tower) becomes(state connection.State, action string, broken map[string]connection.FacetState) {
	w.t.Helper()
	facets := well()
	maps.Copy(facets, broken)
	raw, _ := json.Marshal(facets)
	var until *time.Time
	if state == connection.Degraded || state == connection.Contested {
		until = new(w.now.Add(72 * time.Hour))
	}
	var archived *time.Time
	if state == connection.Archived {
		archived = &w.now
	}
	w.exec("update connection set state = $2, facets = $3, grace_until = $4, archived_at = $5 where id = $1", w.con.UUID(), state, raw, until, archived)
	err := w.Door.System(w.t.Context(), "test", w.Org, func(_ context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: w.Org, Action: action, Subject: w.con.String(), Version: 1, Payload: map[string]any{"v": 1}})
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass(0)
}

func (w *tower) pass(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	if err := w.Work.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func drifted() map[string]connection.FacetState {
	return map[string]connection.FacetState{"dns": {Value: connection.Drifted, Reason: new(finding.RecordAbsent)}}
}

func (w *tower) list(in monitor.Standing) []*monitor.Incident {
	w.t.Helper()
	p, err := w.S.Incidents(w.As(w.t.Context()), w.Org, in, page.Args{First: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Nodes
}

func (w *tower) kinds(in monitor.Standing) []string {
	w.t.Helper()
	out := []string{}
	for _, i := range w.list(in) {
		out = append(out, string(i.Kind))
	}
	slices.Sort(out)
	return out
}

// events of the name's stream that are about incidents.
func (w *tower) events() []string {
	w.t.Helper()
	rows, err := w.Ledger.Stream(w.t.Context(), w.DB, w.con.String(), 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	out := []string{}
	for _, r := range rows {
		if kind, is := strings.CutPrefix(r.Action, "incident."); is {
			out = append(out, kind)
		}
	}
	return out
}

// TestMO1_OneIncidentForEachKind: each facet that breaks opens its own, once, with its clock; what stands again ends it, and so does the end of the connection.
func TestMO1_OneIncidentForEachKind(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	for kind, broken := range map[string]map[string]connection.FacetState{
		"DRIFT":           drifted(),
		"RENEWAL_AT_RISK": {"tls": {Value: connection.AtRisk, Reason: new(finding.CAAForbidden)}},
		"UNREACHABLE":     {"edge": {Value: connection.Staged, Reason: new(finding.HTTPSUnreachable)}},
	} {
		w.becomes(connection.Degraded, "connection.degraded", broken)
		w.becomes(connection.Degraded, "connection.checked", broken)
		open := w.list(monitor.Open)
		if len(open) != 1 || string(open[0].Kind) != kind || open[0].GraceUntil == nil || open[0].GraceUntil.Sub(w.now) != 72*time.Hour || open[0].ConnectionID != w.con {
			t.Fatalf("%s: %+v", kind, open)
		}
		w.becomes(connection.Live, "connection.recovered", nil)
		if open := w.kinds(monitor.Open); len(open) != 0 {
			t.Errorf("%s is not over: %v", kind, open)
		}
	}
	w.becomes(connection.Contested, "connection.contested", map[string]connection.FacetState{"ownership": {Value: connection.ContestedBy, Reason: new(finding.ClaimContested)}})
	if open := w.kinds(monitor.Open); !slices.Equal(open, []string{"OWNERSHIP"}) {
		t.Errorf("contested: %v", open)
	}
	w.becomes(connection.Live, "connection.checked", nil)

	// Visitors who do not get through because the records lead elsewhere are no incident of their own; where they did not before, both are.
	w.becomes(connection.Degraded, "connection.degraded", map[string]connection.FacetState{"dns": {Value: connection.Drifted}, "edge": {Value: connection.Staged}})
	if open := w.kinds(monitor.Open); !slices.Equal(open, []string{"DRIFT"}) {
		t.Errorf("drifted and unreachable: %v", open)
	}
	w.becomes(connection.Suspended, "connection.suspended", drifted())
	w.becomes(connection.Verifying, "connection.verifying", map[string]connection.FacetState{"dns": {Value: connection.Absent}})
	if open := w.kinds(monitor.Open); !slices.Equal(open, []string{"DRIFT"}) {
		t.Errorf("suspended: %v", open)
	}
	w.becomes(connection.Archived, "connection.archived", nil)
	if open, over := w.kinds(monitor.Open), w.kinds(monitor.Over); len(open) != 0 || len(over) != 5 {
		t.Errorf("archived: open %v, over %v", open, over)
	}
	if got := w.events(); strings.Count(strings.Join(got, " "), "opened") != 5 || strings.Count(strings.Join(got, " "), "resolved") != 5 {
		t.Errorf("%v", got)
	}
}

// TestMO1_NothingBeforeLive: what is not finished is no incident.
func TestMO1_NothingBeforeLive(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	w.becomes(connection.ActionRequired, "connection.checked", map[string]connection.FacetState{"dns": {Value: connection.Conflicting}, "edge": {Value: connection.Staged}, "tls": {Value: connection.BlockedTLS}})
	w.becomes(connection.Failed, "connection.failed", map[string]connection.FacetState{"dns": {Value: connection.Absent}})
	if all := w.kinds(monitor.Both); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

// TestMO4_Acknowledged: once, by name and with a note, audited; the clock goes on.
func TestMO4_Acknowledged(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	w.Door.Name = func(_ context.Context, org ident.OrgID, actor string) (string, error) {
		if org != w.Org || actor != "user:"+w.User.String() {
			return "", fmt.Errorf("who is %s of %s", actor, org)
		}
		return "Mia", nil
	}
	w.becomes(connection.Degraded, "connection.degraded", drifted())
	i := w.list(monitor.Open)[0]
	if _, err := w.S.Acknowledge(w.As(t.Context()), i.ID, new(strings.Repeat("ä", 501))); !fault.Is(err, fault.InvalidCode) {
		t.Errorf("a long note: %v", err)
	}
	got, err := w.S.Acknowledge(w.As(t.Context()), i.ID, new(" I call them. "))
	if err != nil || got.AcknowledgedAt == nil || got.Note == nil || *got.Note != "I call them." || !got.GraceUntil.Equal(*i.GraceUntil) || got.ResolvedAt != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if name, err := w.S.AcknowledgedBy(t.Context(), got); err != nil || name == nil || *name != "Mia" {
		t.Errorf("by %v, %v", name, err)
	}
	if again, err := w.S.Acknowledge(w.As(t.Context()), i.ID, new("me too")); err != nil || *again.Note != "I call them." {
		t.Errorf("%+v, %v", again, err)
	}
	if got := w.events(); !slices.Equal(got, []string{"opened", "acknowledged"}) {
		t.Errorf("%v", got)
	}
	rows, _ := w.Ledger.Stream(t.Context(), w.DB, w.con.String(), 0, 100)
	if last := rows[len(rows)-1]; !last.Audited || last.Subject != i.ID.String() {
		t.Errorf("%+v", last)
	}
	w.becomes(connection.Live, "connection.recovered", nil)
	if over := w.list(monitor.Over); len(over) != 1 || over[0].GraceUntil != nil || over[0].AcknowledgedAt == nil {
		t.Errorf("%+v", over)
	}
}

// TestMO5_Flapping: the third recovery within a day does not end the incident; turns after it are told to nobody, and it ends after a day without one.
func TestMO5_Flapping(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	turn := func() {
		t.Helper()
		w.becomes(connection.Degraded, "connection.degraded", drifted())
		w.pass(time.Hour)
		w.becomes(connection.Live, "connection.recovered", nil)
		w.pass(time.Hour)
	}
	turn()
	turn()
	if got := w.events(); !slices.Equal(got, []string{"opened", "resolved", "opened", "resolved"}) {
		t.Fatalf("%v", got)
	}
	turn()
	open := w.list(monitor.Open)
	if len(open) != 1 || !open[0].Flapping {
		t.Fatalf("after the third turn: %+v", open)
	}
	sweep := func() {
		t.Helper()
		if err := w.S.Part().Periodics[0].Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(20 * time.Hour)
	sweep()
	turn() // within the day: it begins anew
	w.pass(22 * time.Hour)
	sweep()
	if open := w.list(monitor.Open); len(open) != 1 {
		t.Fatalf("a day was not quiet: %+v", open)
	}
	w.becomes(connection.Degraded, "connection.degraded", drifted())
	w.pass(30 * time.Hour)
	sweep()
	if open := w.list(monitor.Open); len(open) != 1 {
		t.Fatalf("it is broken: %+v", open)
	}
	w.becomes(connection.Live, "connection.recovered", nil)
	w.pass(24*time.Hour - time.Minute)
	sweep()
	if open := w.list(monitor.Open); len(open) == 1 && !open[0].Flapping {
		t.Errorf("%+v", open)
	}
	w.pass(time.Minute)
	sweep()
	if open := w.list(monitor.Open); len(open) != 0 {
		t.Errorf("after a quiet day: %+v", open)
	}
	if got := w.events(); !slices.Equal(got, []string{"opened", "resolved", "opened", "resolved", "opened", "resolved"}) {
		t.Errorf("%v", got)
	}
	w.becomes(connection.Degraded, "connection.degraded", drifted())
	w.becomes(connection.Archived, "connection.archived", nil)
	if open := w.list(monitor.Open); len(open) != 0 {
		t.Errorf("archived: %+v", open)
	}
}

// TestPolicies: saved under a version, refused with a fault for each member, listed by name.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	ctx := w.As(t.Context())
	_, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: " ", IntervalSeconds: new(int32(59)), FailureThreshold: new(int32(0)), GraceHours: new(int32(721))})
	fields := []string{}
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	if !slices.Equal(fields, []string{"name", "intervalSeconds", "failureThreshold", "graceHours"}) {
		t.Errorf("%v: %v", fields, err)
	}
	p, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: "Careful", GraceHours: new(int32(240))})
	if err != nil || *p.Policy != (monitor.MonitorPolicy{ID: p.Policy.ID, OrgID: w.Org, Name: "Careful", Enabled: true, IntervalSeconds: 900, FailureThreshold: 3, GraceHours: 240, Heal: monitor.HealNotify, OnGraceEnd: connection.SuspendAtEnd, Version: 1}) {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: "Careful"}); !fault.Is(err, fault.ConflictCode) {
		t.Errorf("the same name: %v", err)
	}
	change := monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, ID: &p.Policy.ID, Version: new(int32(1)), Name: "Careful", GraceHours: new(int32(240)), Enabled: new(false)}
	if p, err = w.S.Save(ctx, change); err != nil || p.Policy.Enabled || p.Policy.Version != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := w.S.Save(ctx, change); !fault.Is(err, fault.VersionConflictCode) {
		t.Errorf("an old version: %v", err)
	}
	change.Version = new(int32(2))
	if same, err := w.S.Save(ctx, change); err != nil || same.Policy.Version != 2 {
		t.Errorf("nothing new: %+v, %v", same, err)
	}
	if _, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: "bold"}); err != nil {
		t.Fatal(err)
	}
	all, err := w.S.Policies(ctx, w.Org)
	if err != nil || len(all) != 2 || all[0].Name != "bold" || all[1].Name != "Careful" {
		t.Errorf("%+v, %v", all, err)
	}
	if n := len(slices.DeleteFunc(w.Actions(t), func(a string) bool { return a != "monitor_policy.saved" })); n != 3 {
		t.Errorf("%d changes in the ledger", n)
	}
	for range 48 {
		if _, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: rand.Text()}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.S.Save(ctx, monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: "one too many"}); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("one too many: %v", err)
	}
}

// TestWhoSeesIncidents: not another tenant, not a widget, and a key that is narrowed to an application sees that application's alone; all of them hear what they
// hear of an id that nobody has.
func TestWhoSeesIncidents(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	w.becomes(connection.Degraded, "connection.degraded", drifted())
	i := w.list(monitor.Open)[0]
	policy, err := w.S.Save(w.As(t.Context()), monitor.SaveMonitorPolicyInput{OrganizationID: w.Org, Name: "Careful"})
	if err != nil {
		t.Fatal(err)
	}
	other, stranger := w.Organization(t, "other")
	elsewhere, _ := w.connection(w.Org, "other.example.com")
	key := func(app ident.ApplicationID) context.Context {
		return authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: w.User, KeyID: ident.New[ident.KeyID](w.now), OrgID: w.Org, ApplicationID: app, Scopes: []authz.Permission{"connection.read", "monitor.write"}})
	}
	for name, ctx := range map[string]context.Context{
		"Stranger":  spinetest.As(t.Context(), stranger),
		"Elsewhere": key(elsewhere),
		"Widget":    authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, OrgID: w.Org, ApplicationID: w.app, Widget: &authz.WidgetClaims{ApplicationID: w.app, ConnectionIDs: []ident.ConnectionID{w.con}, Scopes: []string{"VIEW"}}}),
	} {
		nobody := ident.New[ident.IncidentID](w.now)
		for what, ask := range map[string]func(ident.IncidentID) error{
			"read":        func(id ident.IncidentID) error { _, err := w.S.Incident(ctx, id); return err },
			"acknowledge": func(id ident.IncidentID) error { _, err := w.S.Acknowledge(ctx, id, nil); return err },
		} {
			if a, b := ask(i.ID), ask(nobody); !fault.Is(a, fault.NotFoundCode) || a.Error() != b.Error() {
				t.Errorf("%s may %s: %v, of nothing: %v", name, what, a, b)
			}
		}
		if _, err := w.S.Policy(ctx, policy.Policy.ID); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%s sees a policy: %v", name, err)
		}
		if p, err := w.S.Incidents(ctx, w.Org, monitor.Both, page.Args{First: 50}); err == nil && len(p.Nodes) > 0 {
			t.Errorf("%s lists %+v", name, p.Nodes)
		}
	}
	if _, err := w.S.Save(spinetest.As(t.Context(), stranger), monitor.SaveMonitorPolicyInput{OrganizationID: other, ID: &policy.Policy.ID, Version: new(int32(1)), Name: "mine"}); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a stranger changes a policy: %v", err)
	}
	own := key(w.app)
	if got, err := w.S.Incident(own, i.ID); err != nil || got.ID != i.ID {
		t.Errorf("its own key: %+v, %v", got, err)
	}
	if p, err := w.S.Incidents(own, w.Org, monitor.Open, page.Args{First: 50}); err != nil || len(p.Nodes) != 1 {
		t.Errorf("its own key lists %+v, %v", p, err)
	}
}

// TestIncidentsChanged: who watches hears of each incident that is opened, moves and ends, in its newest state, and of none that was there before.
func TestIncidentsChanged(t *testing.T) {
	t.Parallel()
	w := newTower(t)
	w.becomes(connection.Degraded, "connection.degraded", map[string]connection.FacetState{"tls": {Value: connection.AtRisk}})
	feed, err := w.S.Changes(w.As(t.Context()), w.Org)
	if err != nil {
		t.Fatal(err)
	}
	step := func(want ...string) {
		t.Helper()
		var got []string
		for {
			news, more, err := feed.Next(w.As(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if len(news) > 1 {
				t.Errorf("%d messages in one step", len(news))
			}
			for _, i := range news {
				got = append(got, fmt.Sprintf("%s %t", i.Kind, i.ResolvedAt != nil))
			}
			if !more {
				break
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	step()
	w.pass(time.Second)
	w.becomes(connection.Degraded, "connection.checked", map[string]connection.FacetState{"tls": {Value: connection.AtRisk}, "dns": {Value: connection.Drifted}})
	step("DRIFT false")
	step()
	w.pass(time.Second)
	w.becomes(connection.Live, "connection.recovered", nil)
	step("DRIFT true", "RENEWAL_AT_RISK true")
	step()
	_, stranger := w.Organization(t, "other")
	if _, err := w.S.Changes(spinetest.As(t.Context(), stranger), w.Org); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a stranger watches: %v", err)
	}
	if _, _, err := feed.Next(spinetest.As(t.Context(), stranger)); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("who may not look any more hears %v", err)
	}
}
