// Package usage counts what a plan limits. A counter's row is locked while a change counts, so that of two starts at the last free place one wins.
package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/usageq"
)

// Limit is a metric's place in the plan: what is included, and how many are accepted in the end.
type Limit struct {
	Included int64
	Hard     int64
}

// Counter is the door's quota.
type Counter struct {
	// LimitOf answers the plan's line for a metric; false when it is not limited.
	LimitOf func(ctx context.Context, org ident.OrgID, metric string) (Limit, bool)

	q usageq.Queries
}

// gauge is the period of what does not begin anew each month.
var gauge = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

// Take adds n, or answers QUOTA_EXCEEDED with metric, used and limit. A notice says that the included number was passed.
func (c *Counter) Take(ctx context.Context, tx *db.Tx, org ident.OrgID, metric string, n int64) (*door.QuotaNotice, error) {
	used, err := c.q.LockCounter(ctx, tx, usageq.LockCounterParams{OrgID: org.UUID(), Metric: metric, PeriodStart: gauge})
	if err != nil {
		return nil, fmt.Errorf("lock the counter of %s: %w", metric, err)
	}
	l, limited := c.LimitOf(ctx, org, metric)
	if limited && used+n > l.Hard {
		f := &fault.Fault{Code: fault.QuotaCode, Reason: "plan_limit", Message: "Your plan's limit is reached."}
		return nil, f.With("metric", metric).With("used", used).With("limit", l.Included)
	}
	if err := c.q.MoveCounter(ctx, tx, usageq.MoveCounterParams{OrgID: org.UUID(), Metric: metric, PeriodStart: gauge, By: n}); err != nil {
		return nil, fmt.Errorf("count %s: %w", metric, err)
	}
	if limited && used+n > l.Included {
		return &door.QuotaNotice{Metric: metric, Used: used + n, Limit: l.Included, HardLimit: l.Hard}, nil
	}
	return nil, nil
}

// Give takes n away again.
func (c *Counter) Give(ctx context.Context, tx *db.Tx, org ident.OrgID, metric string, n int64) error {
	_, err := c.q.LockCounter(ctx, tx, usageq.LockCounterParams{OrgID: org.UUID(), Metric: metric, PeriodStart: gauge})
	if err == nil {
		err = c.q.MoveCounter(ctx, tx, usageq.MoveCounterParams{OrgID: org.UUID(), Metric: metric, PeriodStart: gauge, By: -n})
	}
	if err != nil {
		return fmt.Errorf("count %s down: %w", metric, err)
	}
	return nil
}

// FromPlan makes a Limit of a plan's line: a soft one accepts a tenth more, at least five.
func FromPlan(limit int64, hard bool) Limit {
	if hard {
		return Limit{limit, limit}
	}
	return Limit{limit, limit + max(limit/10, 5)}
}
