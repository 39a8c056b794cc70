package connection_test

import (
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// policy makes a monitor policy and lets the bundle's application take it.
func (b *bundle) policy(t *testing.T, enabled bool, interval, threshold, grace int, end connection.GraceEnd) {
	t.Helper()
	id := ident.New[ident.MonitorPolicyID](b.DB.Now())
	_, err := b.DB.Exec(t.Context(), `insert into monitor_policy (id, org_id, name, enabled, interval_seconds, failure_threshold, grace_hours, heal, on_grace_end, version, created_at, updated_at)
		values ($1, $2, 'own', $3, $4, $5, $6, 'NOTIFY', $7, 1, $8, $8)`, id.UUID(), b.Org.UUID(), enabled, interval, threshold, grace, end, b.DB.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, MonitorPolicyID: &id})
	if err != nil {
		t.Fatal(err)
	}
	b.App = p.Application
	b.after(t, 0)
}

// TestMonitorPolicy_IsObeyed: the interval, whether anybody looks, the threshold, and the length of the grace are those of the application's policy, for names that
// were live before it too.
func TestMonitorPolicy_IsObeyed(t *testing.T) {
	t.Parallel()
	t.Run("Interval", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		c := b.live(t, "shop.acme.lab")
		if c.CheckedAt == nil || c.FreshUntil == nil || c.FreshUntil.Sub(*c.CheckedAt) != 30*time.Minute {
			t.Fatalf("without a policy it was looked at %v, which counts until %v", c.CheckedAt, c.FreshUntil)
		}
		b.policy(t, true, 60, 3, 72, connection.SuspendAtEnd)
		asked := len(b.World.questions())
		for range 60 { // in steps that are shorter than what an interval may vary by
			b.after(t, 20*time.Second)
		}
		if n := len(b.World.questions()) - asked; n < 15 || n > 26 {
			t.Errorf("%d checks in twenty minutes of one a minute", n)
		}
		if c = b.want(t, c.ID, connection.Live); c.FreshUntil.Sub(*c.CheckedAt) != 2*time.Minute {
			t.Errorf("looked at %v, which counts until %v", c.CheckedAt, c.FreshUntil)
		}
	})
	t.Run("OffAndOnAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		c := b.live(t, "shop.acme.lab")
		b.policy(t, false, 900, 3, 72, connection.SuspendAtEnd)
		b.after(t, time.Hour)
		asked := len(b.World.questions())
		b.World.set(func(w *world) { w.standing["routing"] = 0 })
		b.stay(t, 48*time.Hour)
		if n := len(b.World.questions()); n != asked {
			t.Errorf("%d checks of a name that nobody looks after", n-asked)
		}
		if c = b.want(t, c.ID, connection.Live); c.FreshUntil != nil || c.CheckedAt == nil || c.NextCheckAt != nil {
			t.Errorf("looked at %v, which counts until %v; next at %v", c.CheckedAt, c.FreshUntil, c.NextCheckAt)
		}
		p, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, ClearMonitorPolicy: new(true)})
		if err != nil || p.Application.MonitorPolicyID != nil {
			t.Fatal(p, err)
		}
		b.stay(t, 40*time.Minute)
		b.want(t, c.ID, connection.Degraded)
	})
	t.Run("ThresholdAndGrace", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.policy(t, true, 900, 6, 2, connection.SuspendAtEnd)
		c := b.live(t, "shop.acme.lab")
		b.World.set(func(w *world) { w.standing["routing"] = 0 })
		for range 5 {
			b.after(t, 20*time.Minute)
		}
		b.want(t, c.ID, connection.Live)
		b.after(t, 20*time.Minute)
		if c = b.want(t, c.ID, connection.Degraded); c.GraceUntil.Sub(b.Clock.Now()) != 2*time.Hour {
			t.Errorf("the grace ends at %v", c.GraceUntil)
		}
	})
}

// TestGraceEnd_AsThePolicySays: KEEP goes on serving for ever, ARCHIVE disconnects; either way nothing happens while visitors arrive.
func TestGraceEnd_AsThePolicySays(t *testing.T) {
	t.Parallel()
	t.Run("Keep", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.policy(t, true, 900, 3, 2, connection.KeepAtEnd)
		c := b.leave(t, b.live(t, "shop.acme.lab"), false)
		b.stay(t, 24*time.Hour)
		b.want(t, c.ID, connection.Degraded)
		if e := b.entry(t, c.Hostname); !e.Serve || e.Mode != edgeentry.Proxy {
			t.Errorf("the edges serve %+v", e)
		}
		b.lawful(t, "a grace that is kept")
	})
	t.Run("Archive", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.policy(t, true, 900, 3, 2, connection.ArchiveAtEnd)
		c := b.leave(t, b.live(t, "shop.acme.lab"), false)
		b.stay(t, 3*time.Hour)
		b.want(t, c.ID, connection.Archived)
		if e := b.entry(t, c.Hostname); e.Mode != edgeentry.Gone {
			t.Errorf("the edges serve %+v", e)
		}
		var ended connection.Ended
		payload(t, b, c, "connection.archived", &ended)
		if ended.Reason != connection.GraceOver {
			t.Errorf("%+v", ended)
		}
		b.lawful(t, "the end")
		asked := len(b.World.questions())
		b.stay(t, 3*time.Hour)
		if n := len(b.World.questions()); n != asked {
			t.Errorf("%d questions about an archived name", n-asked)
		}
		if next := b.start(t, "shop.acme.lab"); next.Target == c.Target {
			t.Error("who comes back has the target of who left")
		}
	})
	t.Run("NotWhileVisitorsArrive", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.policy(t, true, 900, 3, 2, connection.ArchiveAtEnd)
		c := b.leave(t, b.live(t, "shop.acme.lab"), true)
		b.stay(t, 24*time.Hour)
		b.want(t, c.ID, connection.Degraded)
	})
}

// TestMO4_MoreTime: the end of a grace moves later, with a reason that stands in the ledger, and what happens at the end happens then.
func TestMO4_MoreTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	extend := func(until time.Time, reason *string) (*connection.Connection, error) {
		c := b.get(t, c.ID)
		p, err := b.S.Update(b.As(t.Context()), connection.UpdateConnectionInput{ID: c.ID, Version: c.Version, GraceUntil: &until, Reason: reason})
		if err != nil {
			return nil, err
		}
		return p.Connection, nil
	}
	why := new("the customer is on holiday")
	if _, err := extend(b.Clock.Now().Add(time.Hour), why); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("a live name gets more time: %v", err)
	}
	c = b.leave(t, c, false)
	end := *c.GraceUntil
	for name, wrong := range map[string]struct {
		until  time.Time
		reason *string
		field  string
	}{
		"Earlier":       {end.Add(-time.Hour), why, "graceUntil"},
		"TheSame":       {end, why, "graceUntil"},
		"TooFar":        {b.Clock.Now().Add(31 * 24 * time.Hour), why, "graceUntil"},
		"WithoutReason": {end.Add(time.Hour), nil, "reason"},
		"EmptyReason":   {end.Add(time.Hour), new("  "), "reason"},
	} {
		if _, err := extend(wrong.until, wrong.reason); !fault.Is(err, fault.InvalidCode) || fault.All(err)[0].Field != wrong.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := extend(end.Add(48*time.Hour), why)
	if err != nil || !got.GraceUntil.Equal(end.Add(48*time.Hour)) {
		t.Fatal(got, err)
	}
	var told connection.Changed
	payload(t, b, c, "connection.updated", &told)
	if told.Reason == nil || *told.Reason != *why || told.GraceUntil == nil || !told.GraceUntil.Equal(end.Add(48*time.Hour)) {
		t.Errorf("%+v", told)
	}
	b.stay(t, 72*time.Hour)
	b.want(t, c.ID, connection.Degraded)
	b.stay(t, 49*time.Hour)
	b.want(t, c.ID, connection.Suspended)
}
