package usage_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

type bundle struct {
	*spinetest.Bundle
	counter *usage.Counter
}

func setup(t *testing.T, l usage.Limit) *bundle {
	t.Helper()
	return &bundle{spinetest.New(t), &usage.Counter{LimitOf: func(_ context.Context, _ ident.OrgID, metric string) (usage.Limit, bool) {
		return l, metric == "connections"
	}}}
}

func (b *bundle) take(t *testing.T, org ident.OrgID, metric string, n int64) (notice *door.QuotaNotice, err error) {
	t.Helper()
	err = b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		notice, err = b.counter.Take(ctx, tx, org, metric, n)
		return err
	})
	return notice, err
}

func (b *bundle) give(t *testing.T, n int64) {
	t.Helper()
	if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.counter.Give(ctx, tx, b.Org, "connections", n) }); err != nil {
		t.Fatal(err)
	}
}

func TestTake_OfManyAtTheLastPlaceOneWins(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(3, true))
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			switch _, err := b.take(t, b.Org, "connections", 1); {
			case err == nil:
				won.Add(1)
			case fault.Is(err, fault.QuotaCode):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 3 || lost.Load() != 9 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	_, err := b.take(t, b.Org, "connections", 1)
	f := fault.All(err)
	if len(f) != 1 || f[0].Reason != "plan_limit" || f[0].Meta["metric"] != "connections" || f[0].Meta["used"] != int64(3) || f[0].Meta["limit"] != int64(3) {
		t.Fatalf("%+v", err)
	}
	b.give(t, 1)
	if _, err := b.take(t, b.Org, "connections", 1); err != nil {
		t.Errorf("a place that was given back: %v", err)
	}
}

func TestTake_PastASoftLimitIsAcceptedWithANotice(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(10, false))
	for n := range int64(10) {
		if notice, err := b.take(t, b.Org, "connections", 1); notice != nil || err != nil {
			t.Fatalf("%d: %v, %v", n+1, notice, err)
		}
	}
	for n := int64(11); n <= 15; n++ {
		notice, err := b.take(t, b.Org, "connections", 1)
		if err != nil || notice == nil || *notice != (door.QuotaNotice{Metric: "connections", Used: n, Limit: 10, HardLimit: 15}) {
			t.Fatalf("%d: %+v, %v", n, notice, err)
		}
	}
	if _, err := b.take(t, b.Org, "connections", 1); !fault.Is(err, fault.QuotaCode) {
		t.Errorf("the sixteenth: %v", err)
	}
}

func TestTake_SeveralAtOnceAllOrNone(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(3, true))
	if _, err := b.take(t, b.Org, "connections", 4); !fault.Is(err, fault.QuotaCode) {
		t.Errorf("four of three: %v", err)
	}
	if _, err := b.take(t, b.Org, "connections", 3); err != nil {
		t.Errorf("three of three: %v", err)
	}
}

func TestTake_OthersAndOtherThingsDoNotCount(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(1, true))
	other, _ := b.Organization(t, "globex")
	for _, c := range []struct {
		org    ident.OrgID
		metric string
		n      int64
	}{{b.Org, "connections", 1}, {other, "connections", 1}, {b.Org, "unlimited", 1_000_000}} {
		if notice, err := b.take(t, c.org, c.metric, c.n); notice != nil || err != nil {
			t.Errorf("%+v: %v, %v", c, notice, err)
		}
	}
}

func TestTake_ARefusedChangeCountsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(1, true))
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := b.counter.Take(ctx, tx, b.Org, "connections", 1); err != nil {
			return err
		}
		return door.ErrNothing
	})
	if err != door.ErrNothing {
		t.Fatal(err)
	}
	if _, err := b.take(t, b.Org, "connections", 1); err != nil {
		t.Error(err)
	}
}

func TestGive_NeverGoesBelowZero(t *testing.T) {
	t.Parallel()
	b := setup(t, usage.FromPlan(1, true))
	b.give(t, 5)
	if _, err := b.take(t, b.Org, "connections", 1); err != nil {
		t.Error(err)
	}
	if _, err := b.take(t, b.Org, "connections", 1); !fault.Is(err, fault.QuotaCode) {
		t.Errorf("what was never taken was given back: %v", err)
	}
}

func TestFromPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int64
		hard  bool
		want  int64
	}{{0, true, 0}, {10, true, 10}, {0, false, 5}, {10, false, 15}, {50, false, 55}, {51, false, 56}, {100, false, 110}, {100_000, false, 110_000}} {
		if got := usage.FromPlan(c.limit, c.hard); got.Included != c.limit || got.Hard != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
