package notice_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// TestGraceIsTold: owners hear of a break at once, its customer after an hour, after a day and twelve hours before the grace ends; both hear of the suspension, and
// of a contest with its clock. Who came back in time hears nothing that was planned.
func TestGraceIsTold(t *testing.T) {
	t.Parallel()
	f := finding.New(finding.RecordAbsent, map[string]any{"name": "shop.example.com", "type": "CNAME"})
	degrade := func(h *house) {
		h.happen(h.con, "connection.degraded", map[string]any{"state": "DEGRADED", "reason": finding.RecordAbsent, "finding": f, "graceUntil": h.now.Add(72 * time.Hour)}, 0)
	}
	const broken, still, suspended = "shop.example.com does not work any more", "shop.example.com still does not work", "shop.example.com is suspended"
	hear := func(t *testing.T, h *house, when, to string, want ...string) {
		t.Helper()
		if got := h.subjects(to); !slices.Equal(got, want) {
			t.Errorf("%s %s heard %q, want %q", when, to, got, want)
		}
	}
	t.Run("ToTheEnd", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		degrade(h)
		hear(t, h, "at once", owner, broken)
		hear(t, h, "at once", customer)
		h.pass(time.Hour)
		hear(t, h, "after an hour", customer, broken)
		h.pass(23 * time.Hour)
		hear(t, h, "after a day", customer, broken, still)
		h.pass(35*time.Hour + 59*time.Minute)
		hear(t, h, "before the last call", customer, broken, still)
		h.pass(time.Minute)
		hear(t, h, "twelve hours before the end", customer, broken, still, still)
		h.pass(12 * time.Hour)
		h.happen(h.con, "connection.suspended", map[string]any{"state": "SUSPENDED", "reason": finding.RecordAbsent, "finding": f}, 0)
		hear(t, h, "at the end", customer, broken, still, still, suspended)
		hear(t, h, "at the end", owner, broken, suspended)
	})
	t.Run("BackInTime", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		degrade(h)
		h.pass(2 * time.Hour)
		h.happen(h.con, "connection.recovered", nil, 80*time.Hour)
		hear(t, h, "in the end", customer, broken, "shop.example.com works again")
	})
	t.Run("BackWithinTheHour", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		degrade(h)
		h.happen(h.con, "connection.recovered", nil, 80*time.Hour)
		hear(t, h, "in the end", customer)
	})
	t.Run("ItsOrganizationWasDeleted", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.happen(h.con, "connection.suspended", map[string]any{"state": "SUSPENDED", "reason": "organization_deleted"}, time.Hour)
		hear(t, h, "in the end", customer)
		hear(t, h, "in the end", owner)
	})
	t.Run("Contested", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		at := h.now.Add(24 * time.Hour)
		h.happen(h.con, "connection.contested", map[string]any{"state": "VERIFYING", "transferAt": at}, 0) // the challenger's side
		hear(t, h, "as challenger", customer)
		h.happen(h.con, "connection.contested", map[string]any{"state": "CONTESTED", "reason": finding.ClaimContested, "transferAt": at}, 0)
		h.happen(h.con, "connection.transferred", map[string]any{"direction": "in"}, 0)
		h.happen(h.con, "connection.transferred", map[string]any{"direction": "out"}, 0)
		for _, to := range []string{owner, customer} {
			hear(t, h, "in the end", to, "Somebody else proved control of shop.example.com", "shop.example.com has moved")
		}
	})
}
