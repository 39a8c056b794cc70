package certificate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// The orders of an account are shared fairly (RU-31). Nobody is held back while there are enough of them. When they are short, the next one belongs to the
// organization that took the least of late, among those that wait; the others stand back. So a newcomer waits for one or two orders to become free, however many
// names of somebody else wait beside it, and organizations that all wait get equally many. All plans weigh the same: there is one.

// interval is how long it takes until one more order may be made.
func (l Limit) interval() time.Duration { return time.Duration(float64(l.Per) / l.Refill) }

// faded is what is left of an earlier use.
func (l Limit) faded(used float64, since time.Duration) float64 {
	return used * math.Exp(-max(0, since.Seconds())/l.Per.Seconds())
}

// takeShare counts an order of an organization, or *exhausted where the few that are left belong to others. spare is how many there would be left.
func (s *Service) takeShare(ctx context.Context, tx *db.Tx, t *turn, ca string, spare float64) error {
	l := s.budgets().Orders
	row, err := s.lockBudget(ctx, tx, ca, share, t.org.String(), 0)
	if err != nil {
		return err
	}
	used := l.faded(row.Tokens, tx.Now.Sub(row.UpdatedAt))
	before, err := s.q.WaitingWithLess(ctx, tx, certificateq.WaitingWithLessParams{Ca: ca, Own: t.org.String(), Now: tx.Now, Fades: l.Per.Seconds(), Used: used})
	if err != nil {
		return fmt.Errorf("ask who waits for orders at %s: %w", ca, err)
	}
	if spare < float64(before) {
		return &exhausted{ca: ca, bucket: orders, until: tx.Now.Add(l.interval())}
	}
	// It may go on waiting, with other names: that ends by itself, and costs the others nothing but the order of turns.
	save := certificateq.SaveBudgetParams{Ca: ca, Bucket: share, Key: t.org.String(), Tokens: used + 1, Now: tx.Now, BlockedUntil: row.BlockedUntil}
	if err := s.q.SaveBudget(ctx, tx, save); err != nil {
		return fmt.Errorf("count an order of %s: %w", t.org, err)
	}
	return nil
}

const (
	waits    = 3      // intervals for which an organization counts as waiting after it was seen to
	countAll = 10_000 // names of one organization that wait; more count as so many
)

// queueUp notes that an organization waits for an order at a CA, until a moment and somewhat longer.
func (s *Service) queueUp(ctx context.Context, tx *db.Tx, ca string, org ident.OrgID, until time.Time) error {
	l := s.budgets().Orders
	row, err := s.lockBudget(ctx, tx, ca, share, org.String(), 0)
	if err != nil {
		return err
	}
	save := certificateq.SaveBudgetParams{Ca: ca, Bucket: share, Key: org.String(), Tokens: l.faded(row.Tokens, tx.Now.Sub(row.UpdatedAt)), Now: tx.Now, BlockedUntil: new(until.Add(waits * l.interval()))}
	if err := s.q.SaveBudget(ctx, tx, save); err != nil {
		return fmt.Errorf("note that %s waits for an order: %w", org, err)
	}
	return nil
}

// spread moves the next try of one of many names that wait, so that about one of an organization comes for each order that becomes free, and not all for
// the first: each try costs a check.
func (s *Service) spread(ctx context.Context, t *turn, at time.Time) (time.Time, error) {
	n, err := s.q.Waiting(ctx, s.DB, certificateq.WaitingParams{OrgID: t.org.UUID(), Own: t.id.UUID(), Most: countAll})
	if err != nil {
		return at, fmt.Errorf("count the names of %s that wait: %w", t.org, err)
	}
	return at.Add(time.Duration(rand.Float64() * float64(n) * float64(s.budgets().Orders.interval()))), nil
}
