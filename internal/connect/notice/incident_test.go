package notice_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

func (h *house) hears(when, to string, want ...string) {
	h.t.Helper()
	if got := h.subjects(to); !slices.Equal(got, want) {
		h.t.Errorf("%s %s heard %q, want %q", when, to, got, want)
	}
}

// breaks moves a connection to DEGRADED and tells of it.
func (h *house) breaks(con ident.ConnectionID, reason string) {
	h.t.Helper()
	h.exec("update connection set state = 'DEGRADED', state_reason = $2, state_since = $3 where id = $1", con.UUID(), reason, h.now)
	h.happen(con, "connection.degraded", map[string]any{"state": "DEGRADED", "reason": reason, "finding": finding.New(reason, map[string]any{"name": "shop.example.com"}), "graceUntil": h.now.Add(72 * time.Hour)}, 0)
}

func (h *house) heals(con ident.ConnectionID) {
	h.t.Helper()
	h.exec("update connection set state = 'LIVE', state_reason = null, state_since = $2 where id = $1", con.UUID(), h.now)
	h.happen(con, "connection.recovered", nil, 0)
}

// TestMO2_OneMailForManyOfOneCause: the first of thirty domains has a mail of its own at once, the others one mail at the end of the quarter of an hour, with those
// that are still broken; another cause and another organization have theirs. Customers each hear of their own.
func TestMO2_OneMailForManyOfOneCause(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pass(h.now.Truncate(15 * time.Minute).Add(15 * time.Minute).Sub(h.now)) // a window begins
	h.breaks(h.con, finding.RecordAbsent)
	h.pass(time.Minute)
	var more []ident.ConnectionID
	for range 29 {
		con := h.connection("c"+strings.ToLower(ident.New[ident.ConnectionID](h.now).String()[10:])+".example.com", "")
		h.breaks(con, finding.RecordAbsent)
		more = append(more, con)
	}
	other := h.connection("caa.example.com", "")
	h.breaks(other, finding.Drifted)
	first := []string{"shop.example.com does not work any more", "caa.example.com does not work any more"}
	h.hears("at once", owner, first...)
	h.heals(more[0])
	told := h.subjects(owner)
	if len(told) != 3 || !strings.HasSuffix(told[2], " works again") {
		t.Fatalf("%q", told)
	}
	h.pass(14 * time.Minute)
	h.hears("at the end of the window", owner, append(told, "28 more domains have the same problem")...)
	all := h.sink.Messages(owner)
	if text := strings.Join(strings.Fields(all[len(all)-1].Text), " "); strings.Count(text, ".example.com") < 10 || !strings.Contains(text, "…") || !strings.Contains(text, "https://console.example.com/acme/incidents") {
		t.Errorf("the owner reads\n%s", text)
	}
	h.pass(time.Hour)
	if got := h.subjects(customer); !slices.Equal(got, first[:1]) {
		t.Errorf("the customer reads %q", got)
	}
	late := h.connection("late.example.com", "")
	h.breaks(late, finding.RecordAbsent)
	if got := h.subjects(owner); got[len(got)-1] != "late.example.com does not work any more" {
		t.Errorf("in another window the owner reads %q", got)
	}
}

// TestMO4_AcknowledgedEndsReminders, and more time moves the last of them.
func TestMO4_AcknowledgedEndsReminders(t *testing.T) {
	t.Parallel()
	const broken, still = "shop.example.com does not work any more", "shop.example.com still does not work"
	tell := func(h *house, action, subject string, payload map[string]any) {
		h.t.Helper()
		err := h.Door.System(h.t.Context(), "test", h.Org, func(_ context.Context, e *door.Effect) error {
			e.Record(event.Change{OrgID: h.Org, Action: action, Subject: subject, Version: 1, Stream: h.con.String(), Payload: payload})
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
		h.pass(0)
	}
	t.Run("Acknowledged", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.breaks(h.con, finding.RecordAbsent)
		h.pass(2 * time.Hour)
		tell(h, "incident.acknowledged", ident.New[ident.IncidentID](h.now).String(), map[string]any{"v": 1, "kind": "DRIFT"})
		h.pass(72 * time.Hour)
		h.hears("in the end", customer, broken)
	})
	t.Run("MoreTime", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.breaks(h.con, finding.RecordAbsent)
		h.pass(25 * time.Hour)
		h.hears("after a day", customer, broken, still)
		tell(h, "connection.updated", h.con.String(), map[string]any{"v": 1, "fields": []string{"graceUntil"}, "graceUntil": h.now.Add(100 * time.Hour), "reason": "holiday"})
		h.pass(87 * time.Hour)
		h.hears("before the last call", customer, broken, still)
		h.pass(time.Hour)
		h.hears("at the last call", customer, broken, still, still)
	})
	t.Run("OtherDetails", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.breaks(h.con, finding.RecordAbsent)
		tell(h, "connection.updated", h.con.String(), map[string]any{"v": 1, "fields": []string{"labels"}})
		h.pass(25 * time.Hour)
		h.hears("after a day", customer, broken, still)
	})
}

// TestMO5_WhatFlapsIsToldOfOnlyWhenItLasts: neither owner nor customer hears of each turn, and both hear of one that lasts for an hour.
func TestMO5_WhatFlapsIsToldOfOnlyWhenItLasts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(`insert into incident (id, org_id, connection_id, kind, severity, code, params, opened_at, cycles, quiet_since, version, updated_at) values ($1, $2, $3, 'DRIFT', 'BLOCKING', 'drifted', '{}', $4, 3, $4, 1, $4)`,
		ident.New[ident.IncidentID](h.now).UUID(), h.Org.UUID(), h.con.UUID(), h.now)
	for range 5 {
		h.breaks(h.con, finding.RecordAbsent)
		h.pass(20 * time.Minute)
		h.heals(h.con)
		h.pass(20 * time.Minute)
	}
	h.hears("of five turns", owner)
	h.hears("of five turns", customer)
	h.breaks(h.con, finding.RecordAbsent)
	h.pass(time.Hour)
	h.hears("after an hour", owner, "shop.example.com does not work any more")
	h.hears("after an hour", customer, "shop.example.com does not work any more")
	h.heals(h.con)
	h.hears("in the end", owner, "shop.example.com does not work any more", "shop.example.com works again")
}

// TestARenewalThatFailsIsNoBreak: the mail says that the domain works, and until when its certificate is valid; when it has ended, it says what visitors see.
func TestARenewalThatFailsIsNoBreak(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ends := h.now.Add(20 * 24 * time.Hour)
	h.exec("insert into certificate (id, org_id, connection_id, names, mode, ca, status, not_before, not_after, created_at) values ($1, $2, $3, '{shop.example.com}', 'HTTP_01', 'lab', 'ISSUED', $4, $5, $4)", ident.V7(h.now), h.Org.UUID(), h.con.UUID(), h.now, ends)
	h.breaks(h.con, finding.CAAForbidden)
	const renewal = "The certificate of shop.example.com could not be renewed yet"
	h.hears("at once", owner, renewal)
	text := strings.Join(strings.Fields(h.sink.Messages(owner)[0].Text), " ")
	if !strings.Contains(text, ends.UTC().Format("15:04 (UTC)")) || strings.Contains(text, "does not work") || strings.Contains(text, "suspended") {
		t.Errorf("the owner reads\n%s", text)
	}
	h.pass(time.Hour)
	h.hears("after an hour", customer, renewal)
	h.heals(h.con)
	h.pass(80 * time.Hour)
	h.hears("in the end", customer, renewal, "shop.example.com works again")
	h.breaks(h.con, finding.CertificateExpired)
	if got := h.subjects(owner); got[len(got)-1] != "shop.example.com does not work any more" {
		t.Errorf("of a certificate that ended the owner reads %q", got)
	}
}

// TestGraceIsToldAsThePolicySays: that nothing is taken away, or that it is disconnected.
func TestGraceIsToldAsThePolicySays(t *testing.T) {
	t.Parallel()
	for end, says := range map[string]string{"KEEP": "Nothing is taken away", "ARCHIVE": "it is disconnected on", "SUSPEND": "it is suspended on"} {
		h := newHouse(t)
		policy := ident.New[ident.MonitorPolicyID](h.now).UUID()
		h.exec(`insert into monitor_policy (id, org_id, name, enabled, interval_seconds, failure_threshold, grace_hours, heal, on_grace_end, version, created_at, updated_at) values ($1, $2, 'p', true, 900, 3, 72, 'NOTIFY', $3, 1, $4, $4)`, policy, h.Org.UUID(), end, h.now)
		h.exec("update application set monitor_policy_id = $1", policy)
		h.breaks(h.con, finding.RecordAbsent)
		if text := strings.Join(strings.Fields(h.sink.Messages(owner)[0].Text), " "); !strings.Contains(text, says) {
			t.Errorf("%s: the owner reads\n%s", end, text)
		}
	}
}
