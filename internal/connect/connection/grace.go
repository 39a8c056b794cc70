package connection

import (
	"context"
	"time"
)

// What becomes of a name that was live and is not any more (connect 16.2, 16.4). For its grace it is DEGRADED and served as before. When the grace is over
// it is SUSPENDED (or archived, or kept, as its application's policy says), if its records lead elsewhere and no probe reaches us at it; as long as either holds it goes on being served, because a working page is
// never taken away for a rule. A suspended name is looked at every hour, later every six. As soon as one name server has its records again, or a person asks
// for it, it is verified anew (T15). After 30 days it is archived, and its name is free.

// CustomerLeft is why a name is archived that stayed suspended to the end.
const CustomerLeft = "customer_left"

const (
	leftSoon  = time.Hour
	leftLater = 6 * time.Hour
	leftFresh = 48 * time.Hour // since the suspension
)

// over says that nobody looks at the name any more.
func (l *Life) over() bool {
	return l.ArchivedAt != nil || l.FailedAt != nil || l.SuspendedAt != nil && !l.left()
}

// left says that the name is suspended because its customer went away, not because its organization did.
func (l *Life) left() bool {
	return l.ArchivedAt == nil && l.SuspendedAt != nil && deref(l.StateReason) != OrganizationDeleted
}

// lapsed says that a pass which was just folded ends the grace: its time is over, the records lead elsewhere, and no probe of the pass reached us (MO-3).
// What could not be asked ends nothing.
func (l *Life) lapsed(s Seen) bool {
	return s.Asked && l.LiveAt != nil && l.GraceUntil != nil && !s.Now.Before(*l.GraceUntil) && l.Facets.Ownership.Value == Verified &&
		l.Facets.DNS.Value == Drifted && s.DNS != Correct && !s.Reached
}

// leftInterval is how often a suspended name is looked at.
func (l *Life) leftInterval(now time.Time, watched bool) time.Duration {
	switch {
	case watched:
		return fullAtLeast
	case now.Sub(*l.SuspendedAt) < leftFresh:
		return leftSoon
	}
	return leftLater
}

// stillGone ends a pass over a suspended name that found nothing of it: the check is kept, nothing moves and nobody is told.
func (w *writing) stillGone(ctx context.Context, before *Connection) error {
	w.c.AnalyzedAt, w.c.Findings = &w.e.Tx.Now, before.Findings
	w.c.looked(w.e.Tx.Now, w.app.rules)
	return w.unmoved(ctx, before)
}
