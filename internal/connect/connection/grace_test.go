package connection_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// leave takes the records of a live name away and lets the grace begin: three failing passes over ten minutes. reached says whether visitors still arrive.
func (b *bundle) leave(t *testing.T, c *connection.Connection, reached bool) *connection.Connection {
	t.Helper()
	b.World.set(func(w *world) {
		w.standing["routing"] = 0
		if !reached {
			w.answer = func(a *analysis.Answer) { a.Probes = nil } // a name without addresses
		}
	})
	for _, later := range []time.Duration{20 * time.Minute, 6 * time.Minute} {
		b.after(t, later)
		b.want(t, c.ID, connection.Live)
	}
	b.after(t, 6*time.Minute)
	return b.want(t, c.ID, connection.Degraded)
}

// stay lets time pass in steps that miss no check.
func (b *bundle) stay(t *testing.T, d time.Duration) {
	t.Helper()
	for end := b.Clock.Now().Add(d); b.Clock.Now().Before(end); {
		b.after(t, min(10*time.Minute, end.Sub(b.Clock.Now())))
	}
}

// TestT14_WhoLeftIsSuspendedWhenTheGraceIsOver: degraded within three failing checks, served for the whole grace, then 421; nothing is ordered at any time; and
// after 30 days the name is free.
func TestT14_WhoLeftIsSuspendedWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.leave(t, b.live(t, "shop.acme.lab"), false)
	if c.GraceUntil == nil || c.GraceUntil.Sub(b.Clock.Now()) != 72*time.Hour {
		t.Fatalf("the grace ends at %v", c.GraceUntil)
	}
	ordered := func(when string) {
		t.Helper()
		if p, err := b.S.Ready(t.Context(), c.ID, true); err != nil || p.OK {
			t.Errorf("%s: a renewal may be ordered: %+v, %v", when, p, err)
		}
		if e := b.entry(t, c.Hostname); e.CertAllowed {
			t.Errorf("%s: a certificate may be ordered: %+v", when, e)
		}
	}
	ordered("in the grace")
	b.stay(t, 71*time.Hour)
	b.want(t, c.ID, connection.Degraded)
	if e := b.entry(t, c.Hostname); !e.Serve || e.Mode != edgeentry.Proxy {
		t.Errorf("before the end of the grace the edges serve %+v", e)
	}
	b.after(t, c.GraceUntil.Sub(b.Clock.Now())) // a check is made at that very moment
	c = b.want(t, c.ID, connection.Suspended)
	if deref(c.StateReason) != finding.RecordAbsent || c.LiveAt != nil || c.GraceUntil != nil || c.Facets.Edge.Value != connection.SuspendedEdge {
		t.Errorf("%s: %+v", deref(c.StateReason), c.Life)
	}
	if e := b.entry(t, c.Hostname); e.Mode != edgeentry.Suspended || e.Serve {
		t.Errorf("the edges serve %+v", e)
	}
	ordered("suspended")
	b.lawful(t, "the suspension")
	if all := b.actions(t, c.ID); all[len(all)-1] != "connection.suspended" {
		t.Errorf("%v", all)
	}

	asked := len(b.World.questions())
	for range 48 {
		b.after(t, time.Hour)
	}
	if n := len(b.World.questions()) - asked; n < 40 || n > 50 {
		t.Errorf("%d checks in the first two days of a suspended name", n)
	}
	version := b.want(t, c.ID, connection.Suspended).Version
	if version != c.Version {
		t.Errorf("checks that see nothing wrote %d events", version-c.Version)
	}
	b.after(t, 28*24*time.Hour+time.Minute)
	c = b.want(t, c.ID, connection.Archived)
	if e := b.entry(t, c.Hostname); e.Mode != edgeentry.Gone {
		t.Errorf("the edges serve %+v", e)
	}
	var ended connection.Ended
	payload(t, b, c, "connection.archived", &ended)
	if ended.Reason != connection.CustomerLeft {
		t.Errorf("%+v", ended)
	}
	b.lawful(t, "the end")
	if next := b.start(t, "shop.acme.lab"); next.Target == c.Target {
		t.Error("who comes back has the target of who left")
	}
}

// TestT14_NotWhileVisitorsArrive: what still works is never taken away: a name whose records lead elsewhere but whose visitors arrive, one whose records are
// right, and one that could not be asked.
func TestT14_NotWhileVisitorsArrive(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(b *bundle, c *connection.Connection) *connection.Connection{
		"VisitorsArrive": func(b *bundle, c *connection.Connection) *connection.Connection { return b.leave(t, c, true) },
		"RecordsAreRight": func(b *bundle, c *connection.Connection) *connection.Connection {
			b.World.set(func(w *world) { w.probe = analysis.ProbeTimeout })
			b.stay(t, 40*time.Minute)
			return b.want(t, c.ID, connection.Degraded)
		},
		"WeCouldNotAsk": func(b *bundle, c *connection.Connection) *connection.Connection {
			c = b.leave(t, c, false)
			b.World.set(func(w *world) { w.deaf = true })
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c := broken(b, b.live(t, "shop.acme.lab"))
			b.after(t, 72*time.Hour)
			b.stay(t, 3*time.Hour)
			if c = b.want(t, c.ID, connection.Degraded); c.GraceUntil == nil || !c.GraceUntil.Before(b.Clock.Now()) {
				t.Errorf("the clock says %v", c.GraceUntil)
			}
			if e := b.entry(t, c.Hostname); !e.Serve || e.Mode != edgeentry.Proxy {
				t.Errorf("the edges serve %+v", e)
			}
			b.lawful(t, name)
		})
	}
}

// TestT12_BackInTime: records that come back within the grace end it, after two good passes.
func TestT12_BackInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.leave(t, b.live(t, "shop.acme.lab"), false)
	b.stay(t, 10*time.Hour)
	b.World.set(func(w *world) { w.standing["routing"], w.answer = 2, nil })
	b.after(t, 15*time.Minute)
	b.want(t, c.ID, connection.Degraded)
	b.after(t, 2*time.Second)
	if c = b.want(t, c.ID, connection.Live); c.GraceUntil != nil {
		t.Errorf("%+v", c.Life)
	}
	b.stay(t, 73*time.Hour)
	b.want(t, c.ID, connection.Live)
	if all := b.actions(t, c.ID); slices.Contains(all, "connection.suspended") || !slices.Contains(all, "connection.recovered") {
		t.Errorf("%v", all)
	}
}

// TestT15_BackAfterTheSuspension: as soon as one name server has the records again, or somebody asks, the name is verified anew, and its certificate is still there.
func TestT15_BackAfterTheSuspension(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(t *testing.T, b *bundle, c *connection.Connection){
		"TheRecordsAreBack": func(t *testing.T, b *bundle, c *connection.Connection) { b.after(t, time.Hour) },
		"SomebodyChecks": func(t *testing.T, b *bundle, c *connection.Connection) {
			if _, err := b.S.Check(b.As(t.Context()), c.ID); err != nil {
				t.Fatal(err)
			}
		},
		"SomebodyRetries": func(t *testing.T, b *bundle, c *connection.Connection) {
			if _, err := b.S.Retry(b.As(t.Context()), c.ID); err != nil {
				t.Fatal(err)
			}
		},
		"SomebodyAddedThem": func(t *testing.T, b *bundle, c *connection.Connection) {
			if _, err := b.S.MarkRecordsAdded(b.As(t.Context()), c.ID); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c := b.leave(t, b.live(t, "shop.acme.lab"), false)
			b.after(t, 72*time.Hour)
			b.want(t, c.ID, connection.Suspended)
			b.World.set(func(w *world) { w.standing["routing"], w.answer = 2, nil })
			back(t, b, c)
			got := b.want(t, c.ID, connection.Verifying)
			if got.SuspendedAt != nil || got.WindowEndsAt == nil || got.Facets.TLS.Value != connection.Issued {
				t.Errorf("%+v", got.Life)
			}
			b.lawful(t, name)
			b.after(t, 0)
			b.after(t, 2*time.Second)
			b.after(t, 2*time.Second)
			if got = b.want(t, c.ID, connection.Live); got.Target != c.Target {
				t.Error("another target")
			}
			if e := b.entry(t, c.Hostname); !e.Serve || e.Mode != edgeentry.Proxy {
				t.Errorf("the edges serve %+v", e)
			}
			all := b.actions(t, c.ID)
			at := slices.Index(all, "connection.suspended")
			if rest := all[at+1:]; len(rest) < 2 || rest[0] != "connection.verifying" || rest[len(rest)-1] != "connection.live" {
				t.Errorf("after the suspension: %v", rest)
			}
		})
	}
}

// TestT15_NotByAProofAlone: the TXT that stays behind at an apex brings nothing back: the routing has to.
func TestT15_NotByAProofAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["apex-alias"], w.standing["ownership"] = 2, 2 })
	c := b.start(t, "acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	b.tls(t, c, connection.TLS{Value: connection.Issued})
	b.after(t, 0)
	c = b.want(t, c.ID, connection.Live)
	b.World.set(func(w *world) { w.standing["apex-alias"] = 0 })
	c = b.leave(t, c, false)
	b.after(t, 72*time.Hour)
	b.want(t, c.ID, connection.Suspended)
	for range 10 {
		b.after(t, time.Hour)
		b.want(t, c.ID, connection.Suspended)
	}
}

// TestT14_ItsOrganizationGoesToo: who had left is suspended for the organization's sake from then on, and verified anew with the rest when it is restored.
func TestT14_ItsOrganizationGoesToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.leave(t, b.live(t, "shop.acme.lab"), false)
	b.after(t, 72*time.Hour)
	b.want(t, c.ID, connection.Suspended)
	b.organization(t, "organization.deleted")
	b.drainReaders(t)
	if got := b.behind(t, c.ID, connection.Suspended); deref(got.StateReason) != connection.OrganizationDeleted {
		t.Errorf("%+v", got.Life)
	}
	b.lawful(t, "the deletion")
	asked := len(b.World.questions())
	b.after(t, 48*time.Hour)
	if n := len(b.World.questions()); n != asked {
		t.Errorf("%d questions about a deleted organization's name", n-asked)
	}
	b.organization(t, "organization.restored")
	b.drainReaders(t)
	b.want(t, c.ID, connection.Verifying)
	b.lawful(t, "the return")
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// payload reads what the last event of a kind says of a connection.
func payload(t *testing.T, b *bundle, c *connection.Connection, action string, into any) {
	t.Helper()
	rows, err := b.Ledger.Stream(t.Context(), b.DB, c.ID.String(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(rows, func(r event.Row) bool { return r.Action == action })
	if at < 0 {
		t.Fatalf("no event %s", action)
	}
	if err := json.Unmarshal(rows[at].Payload, into); err != nil {
		t.Fatal(err)
	}
}
