package work

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/queries/workq"
)

// Periodic is a schedule: Do runs every so often, in one process at a time, and the next run is counted from the end of the last.
type Periodic struct {
	Kind  string
	Every time.Duration
	Do    func(ctx context.Context) error
}

// Periodics makes a queue of schedules. Their rows are made by Ensure.
func Periodics(d *db.DB, schedules []Periodic) Queue {
	q := workq.New()
	byKind, kinds := map[string]Periodic{}, []string{}
	for _, s := range schedules {
		byKind[s.Kind], kinds = s, append(kinds, s.Kind)
	}
	ensured := false
	return Queue{
		Name: "periodic", Batch: 4, Concurrency: 2, Timeout: 5 * time.Minute,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]Claim, error) {
			if !ensured {
				for _, kind := range kinds {
					if err := q.EnsurePeriodic(ctx, tx, workq.EnsurePeriodicParams{Kind: kind, DueAt: tx.Now}); err != nil {
						return nil, fmt.Errorf("make the schedule %s: %w", kind, err)
					}
				}
				ensured = true
			}
			rows, err := q.TakePeriodics(ctx, tx, workq.TakePeriodicsParams{Kinds: kinds, Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, err
			}
			claims := make([]Claim, len(rows))
			for n, r := range rows {
				claims[n] = Claim{ID: r.Kind, Epoch: r.Epoch}
			}
			return claims, nil
		},
		Extend: func(ctx context.Context, on Executor, until time.Time, c Claim) (bool, error) {
			n, err := q.ExtendPeriodic(ctx, on, workq.ExtendPeriodicParams{Kind: c.ID, Epoch: c.Epoch, Until: until})
			return n == 1, err
		},
		Next: func(ctx context.Context, on Executor) (time.Time, error) {
			return q.NextPeriodic(ctx, on, workq.NextPeriodicParams{Kinds: kinds})
		},
		Run: func(ctx context.Context, c Claim) error {
			s := byKind[c.ID]
			failed := s.Do(ctx)
			err := d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return q.FinishPeriodic(ctx, tx, workq.FinishPeriodicParams{Kind: c.ID, Epoch: c.Epoch, DueAt: tx.Now.Add(s.Every)})
			})
			if failed != nil {
				return failed
			}
			return err
		},
	}
}
