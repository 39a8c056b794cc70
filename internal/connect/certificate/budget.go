package certificate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// Limit is a token bucket: so many at once, and so many more in each time.
type Limit struct {
	Burst  float64
	Refill float64
	Per    time.Duration
}

// level is how many tokens there are after a time.
func (l Limit) level(tokens float64, since time.Duration) float64 {
	return max(0, min(l.Burst, tokens+max(0, since.Seconds())*l.Refill/l.Per.Seconds()))
}

// wait is how long it takes until there are as many as needed.
func (l Limit) wait(tokens, need float64) time.Duration {
	if tokens >= need {
		return 0
	}
	return time.Duration((need - tokens) / l.Refill * float64(l.Per))
}

// Budgets stand in front of each CA and stop before its own limits do, so that it never has a reason to stop us. What a hostile tenant can use up
// is the budget of its own names.
type Budgets struct {
	Orders      Limit   // of an account
	Domain      Limit   // certificates of a registrable domain; renewals are free
	Names       Limit   // certificates of one exact set of names
	Failures    Limit   // failed validations of a name
	Consecutive float64 // failed validations of a name in a row; then a person must look
	Renewals    float64 // share of Orders that new names leave to renewals
}

// DefaultBudgets mirror Let's Encrypt's limits with a margin. Failures allow four in any hour: two at once, and one each half hour.
var DefaultBudgets = Budgets{
	Orders:      Limit{270, 270, 3 * time.Hour},
	Domain:      Limit{45, 45, 7 * 24 * time.Hour},
	Names:       Limit{4, 4, 7 * 24 * time.Hour},
	Failures:    Limit{2, 2, time.Hour},
	Consecutive: 30,
	Renewals:    0.2,
}

func (s *Service) budgets() Budgets {
	if s.Budgets == (Budgets{}) {
		return DefaultBudgets
	}
	return s.Budgets
}

// Names of the buckets in acme_budget. A transaction locks them in this order.
const (
	consecutive = "consecutive" // its tokens count failures upwards
	perDomain   = "domain"
	failures    = "failures"
	perNames    = "names"
	orders      = "orders"
	share       = "share" // of an organization: what it took of orders, counted upwards, fading with the time that orders take to fill
)

// spending is what one order takes from one bucket.
type spending struct {
	bucket, key string
	limit       Limit
	need, take  float64
}

// spendings lists them in the order of the locks.
func (b Budgets) spendings(host, domain string, names []string, renewal bool) []spending {
	sorted := slices.Sorted(slices.Values(names))
	out := []spending{{failures, host, b.Failures, 1, 0}, {perNames, strings.Join(sorted, ","), b.Names, 1, 1}}
	need := 1 + b.Renewals*b.Orders.Burst
	if renewal {
		need = 1
	} else {
		out = append(out, spending{perDomain, domain, b.Domain, 1, 1})
	}
	out = append(out, spending{orders, "", b.Orders, need, 1})
	slices.SortFunc(out, func(a, b spending) int { return cmp.Compare(a.bucket, b.bucket) })
	return out
}

// exhausted says that an order has to wait, and for which bucket. Nothing was taken.
type exhausted struct {
	ca     string
	bucket string
	until  time.Time // zero: a person must look
	name   bool      // the name fails wherever it is ordered: another CA would only be bothered too
}

func (e *exhausted) Error() string { return "the budget " + e.bucket + " is used up" }

// charge takes for an order what was not taken because the CA was to count it as the renewal that it had asked for, and does not.
func (s *Service) charge(ctx context.Context, t *turn, ca CA) error {
	if !t.free {
		return nil
	}
	t.free = false
	return s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.spend(ctx, tx, t, ca.Name) })
}

// spend takes what an order needs, or *exhausted; then the transaction must be rolled back. A renewal that the CA asked for needs nothing but a name
// that does not fail all the time.
func (s *Service) spend(ctx context.Context, tx *db.Tx, t *turn, ca string) error {
	b, host := s.budgets(), t.row.Hostname
	row, err := s.lockBudget(ctx, tx, ca, consecutive, host, 0)
	if err != nil {
		return err
	}
	if row.Tokens >= b.Consecutive {
		return &exhausted{ca: ca, bucket: consecutive, name: true}
	}
	for _, p := range b.spendings(host, t.row.RegistrableDomain, t.names, t.renewal) {
		if t.free && p.bucket != failures {
			continue
		}
		row, err := s.lockBudget(ctx, tx, ca, p.bucket, p.key, p.limit.Burst)
		if err != nil {
			return err
		}
		if row.BlockedUntil != nil && row.BlockedUntil.After(tx.Now) {
			return &exhausted{ca: ca, bucket: p.bucket, until: *row.BlockedUntil}
		}
		level := p.limit.level(row.Tokens, tx.Now.Sub(row.UpdatedAt))
		if wait := p.limit.wait(level, p.need); wait > 0 {
			return &exhausted{ca, p.bucket, tx.Now.Add(wait), p.bucket == failures}
		}
		if p.bucket == orders && !t.renewal {
			if err := s.takeShare(ctx, tx, t, ca, level-p.need); err != nil {
				return err
			}
		}
		save := certificateq.SaveBudgetParams{Ca: ca, Bucket: p.bucket, Key: p.key, Tokens: level - p.take, Now: tx.Now}
		if err := s.q.SaveBudget(ctx, tx, save); err != nil {
			return fmt.Errorf("take from the budget %s: %w", p.bucket, err)
		}
	}
	return nil
}

// blame notes a failed validation of a name.
func (s *Service) blame(ctx context.Context, tx *db.Tx, ca, host string) error {
	count, err := s.lockBudget(ctx, tx, ca, consecutive, host, 0)
	if err != nil {
		return err
	}
	if err := s.q.SaveBudget(ctx, tx, certificateq.SaveBudgetParams{Ca: ca, Bucket: consecutive, Key: host, Tokens: count.Tokens + 1, Now: tx.Now}); err != nil {
		return err
	}
	l := s.budgets().Failures
	row, err := s.lockBudget(ctx, tx, ca, failures, host, l.Burst)
	if err != nil {
		return err
	}
	level := l.level(row.Tokens, tx.Now.Sub(row.UpdatedAt)) - 1
	return s.q.SaveBudget(ctx, tx, certificateq.SaveBudgetParams{Ca: ca, Bucket: failures, Key: host, Tokens: level, Now: tx.Now, BlockedUntil: row.BlockedUntil, Reason: row.Reason})
}

// praise forgets the failures of a name in a row.
func (s *Service) praise(ctx context.Context, tx *db.Tx, ca, host string) error {
	if _, err := s.lockBudget(ctx, tx, ca, consecutive, host, 0); err != nil {
		return err
	}
	return s.q.SaveBudget(ctx, tx, certificateq.SaveBudgetParams{Ca: ca, Bucket: consecutive, Key: host, Tokens: 0, Now: tx.Now})
}

// block stops orders for a name at a CA that asked for it. Other names find out by themselves whether it means them too.
func (s *Service) block(ctx context.Context, tx *db.Tx, ca, host string, until time.Time, reason string) error {
	l := s.budgets().Failures
	row, err := s.lockBudget(ctx, tx, ca, failures, host, l.Burst)
	if err != nil {
		return err
	}
	return s.q.SaveBudget(ctx, tx, certificateq.SaveBudgetParams{Ca: ca, Bucket: failures, Key: host, Tokens: l.level(row.Tokens, tx.Now.Sub(row.UpdatedAt)), Now: tx.Now, BlockedUntil: &until, Reason: &reason})
}

func (s *Service) lockBudget(ctx context.Context, tx *db.Tx, ca, bucket, key string, full float64) (*certificateq.LockBudgetRow, error) {
	if err := s.q.EnsureBudget(ctx, tx, certificateq.EnsureBudgetParams{Ca: ca, Bucket: bucket, Key: key, Tokens: full, Now: tx.Now}); err != nil {
		return nil, fmt.Errorf("make the budget %s: %w", bucket, err)
	}
	row, err := s.q.LockBudget(ctx, tx, certificateq.LockBudgetParams{Ca: ca, Bucket: bucket, Key: key})
	if err != nil {
		return nil, fmt.Errorf("read the budget %s: %w", bucket, err)
	}
	return row, nil
}
