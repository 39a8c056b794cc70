package connection

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// How a live name is looked after is a policy of its application (connect 16.1): how often it is looked at, how many failing passes take what was right back,
// how long its grace is and what happens then. An application without one has Defaults. Policies are the package monitor's; here they are obeyed.

// GraceEnd is what becomes of a name when its grace is over, its records lead elsewhere and no visitor reaches us any more.
type GraceEnd string

const (
	SuspendAtEnd GraceEnd = "SUSPEND"
	KeepAtEnd    GraceEnd = "KEEP"
	ArchiveAtEnd GraceEnd = "ARCHIVE"
)

// GraceOver is why a name is archived whose application keeps none for longer than the grace.
const GraceOver = "grace_over"

// MostGrace is how far ahead the end of a grace may lie.
const MostGrace = 30 * 24 * time.Hour

const (
	ordinarily = 15 * time.Minute // between two looks at a live name
	quietTimes = 4                // as long, for one at which nothing happened for 30 days …
	quietMost  = 24 * time.Hour   // … and no longer than this, or than the interval itself
)

// under are the timers as the application's policy wants them.
func (r Rules) under(p *connectionq.ApplicationOfRow) Rules {
	if p.IntervalSeconds == nil {
		return r
	}
	r.Unwatched, r.Interval = !*p.Watched, time.Duration(*p.IntervalSeconds)*time.Second
	r.Threshold, r.Grace, r.GraceEnd = *p.FailureThreshold, time.Duration(*p.GraceHours)*time.Hour, GraceEnd(*p.OnGraceEnd)
	return r
}

// every is how long a live name is left alone between two looks.
func (l *Life) every(now time.Time, r Rules) time.Duration {
	d := cmp.Or(r.Interval, ordinarily)
	if now.Sub(l.StateSince) > quietAfter {
		d = min(quietTimes*d, max(d, quietMost))
	}
	return d
}

// looked notes that the name was looked at, and until when that counts: for two intervals, while somebody looks after it at all.
func (c *Connection) looked(now time.Time, r Rules) {
	c.CheckedAt, c.FreshUntil = &now, nil
	if c.LiveAt != nil && !r.Unwatched {
		c.FreshUntil = new(now.Add(2 * c.every(now, r)))
	}
}

// obey makes the checks due that a policy wants sooner: it was saved, or its application took another.
func (s *Service) obey(ctx context.Context, tx *db.Tx, r event.Row) error {
	var of struct {
		Seconds int32    `json:"intervalSeconds"`
		Fields  []string `json:"fields"`
	}
	if err := json.Unmarshal(r.Payload, &of); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	p := connectionq.SpreadChecksParams{OrgID: r.OrgID.UUID(), Now: tx.Now, Until: tx.Now.Add(max(time.Duration(of.Seconds)*time.Second, time.Minute))}
	if r.Action == "application.updated" {
		app, err := ident.Parse[ident.ApplicationID](r.Subject)
		if err != nil || !slices.Contains(of.Fields, "monitorPolicy") {
			return nil
		}
		p.ApplicationID = app.UUID()
	} else {
		policy, err := ident.Parse[ident.MonitorPolicyID](r.Subject)
		if err != nil {
			return nil
		}
		p.PolicyID = policy.UUID()
	}
	if p.PolicyID == uuid.Nil && p.ApplicationID == uuid.Nil {
		return nil
	}
	if _, err := s.q.SpreadChecks(ctx, tx, p); err != nil {
		return fmt.Errorf("make the checks of %s due: %w", r.Subject, err)
	}
	return nil
}

// lapse is the end of a grace. It answers true when the connection is archived and nothing is left to do.
func (w *writing) lapse(ctx context.Context, r Rules) (ended bool, err error) {
	switch r.GraceEnd {
	case KeepAtEnd:
		return false, nil
	case ArchiveAtEnd:
		if err := w.store(ctx, w.c, true); err != nil {
			return false, err
		}
		if err := w.s.ArchiveTx(ctx, w.e, w.c, GraceOver); err != nil {
			return false, err
		}
		return true, w.finish(ctx, never)
	}
	w.c.suspend(w.c.Facets.broken(), w.e.Tx.Now)
	return false, nil
}

// extend moves the end of the grace (MO-4): later than it is, and no more than 30 days ahead.
func (in UpdateConnectionInput) extend(c *Connection, e *door.Effect) error {
	switch until := in.GraceUntil; {
	case until == nil:
		return nil
	case c.GraceUntil == nil || c.LiveAt == nil:
		return noFit(c)
	case !until.After(*c.GraceUntil) || !until.After(e.Tx.Now) || until.Sub(e.Tx.Now) > MostGrace:
		return fault.Invalid("graceUntil", "grace_range", "Choose a moment after the present end of the grace, at most 30 days from now.").With("present", c.GraceUntil.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkReason: who extends a clock says why.
func checkReason(in *UpdateConnectionInput) error {
	if in.GraceUntil == nil {
		return nil
	}
	if n := len(strings.TrimSpace(deref(in.Reason))); n < 3 {
		return fault.Invalid("reason", "reason_missing", "Say in a few words why the domain gets more time.")
	}
	return checkText("reason", in.Reason, 500)
}
