package certificate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	l := Limit{Burst: 4, Refill: 2, Per: time.Hour}
	for _, c := range []struct {
		tokens float64
		since  time.Duration
		level  float64
	}{{0, 0, 0}, {0, 30 * time.Minute, 1}, {1, time.Hour, 3}, {3, 5 * time.Hour, 4}, {-1, 0, 0}, {2, -time.Hour, 2}, {9, 0, 4}} {
		if got := l.level(c.tokens, c.since); got != c.level {
			t.Errorf("%v after %s: %v, want %v", c.tokens, c.since, got, c.level)
		}
	}
	for _, c := range []struct {
		tokens, need float64
		wait         time.Duration
	}{{1, 1, 0}, {0, 1, 30 * time.Minute}, {0.5, 1, 15 * time.Minute}, {0, 2, time.Hour}} {
		if got := l.wait(c.tokens, c.need); got != c.wait {
			t.Errorf("%v for %v: %s, want %s", c.tokens, c.need, got, c.wait)
		}
	}
}

// What the defaults allow in the worst hour, day and week stays below what Let's Encrypt allows.
func TestDefaultBudgets_StayBelowTheCAs(t *testing.T) {
	t.Parallel()
	b := DefaultBudgets
	if in := b.Failures.Burst + b.Failures.Refill; in > 4 {
		t.Errorf("%v failures in an hour", in)
	}
	if b.Orders.Burst > 300 || b.Domain.Burst > 50 || b.Names.Burst > 5 || b.Consecutive >= 1152 {
		t.Error(b)
	}
}

// bench is a ledger of budgets whose clock the test moves.
type bench struct {
	*Service
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{Service: &Service{DB: dbtest.New(t)}, t: t, now: time.Now().UTC().Truncate(time.Second)}
	b.DB.SetClock(func() time.Time { return b.now })
	return b
}

func (b *bench) order(host string, renewal bool) (string, time.Time) {
	b.t.Helper()
	err := b.DB.InTx(b.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		t := &turn{row: &certificateq.TurnRow{Hostname: host, RegistrableDomain: "acme.lab"}, names: []string{host}, renewal: renewal}
		return b.spend(ctx, tx, t, "main")
	})
	if e, is := errors.AsType[*exhausted](err); is {
		return e.bucket, e.until
	} else if err != nil {
		b.t.Fatal(err)
	}
	return "", time.Time{}
}

func (b *bench) fail(host string) {
	b.t.Helper()
	if err := b.DB.InTx(b.t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.blame(ctx, tx, "main", host) }); err != nil {
		b.t.Fatal(err)
	}
}

func TestSpend_TheSameNameAndTheSameDomain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n := range 4 {
		if bucket, _ := b.order("shop.acme.lab", false); bucket != "" {
			t.Fatalf("order %d waits for %s", n, bucket)
		}
	}
	bucket, until := b.order("shop.acme.lab", false)
	if bucket != perNames || until.Sub(b.now) < 41*time.Hour || until.Sub(b.now) > 43*time.Hour {
		t.Errorf("%s until %s", bucket, until.Sub(b.now))
	}
	for n := range 41 {
		if bucket, _ := b.order(fmt.Sprintf("h%d.acme.lab", n), false); bucket != "" {
			t.Fatalf("name %d waits for %s", n, bucket)
		}
	}
	if bucket, _ := b.order("last.acme.lab", false); bucket != perDomain {
		t.Errorf("the 46th of a domain waits for %q", bucket)
	}
	if bucket, _ := b.order("last.acme.lab", true); bucket != "" {
		t.Errorf("a renewal waits for %q", bucket)
	}
	b.now = b.now.Add(4 * time.Hour) // 1/45 of a week
	if bucket, _ := b.order("last.acme.lab", false); bucket != "" {
		t.Errorf("after a while it still waits for %q", bucket)
	}
}

func TestSpend_AFifthOfTheAccountIsForRenewals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Budgets = DefaultBudgets
	b.Budgets.Orders, b.Budgets.Domain = Limit{10, 10, 3 * time.Hour}, Limit{1000, 1000, time.Hour}
	for n := range 8 {
		if bucket, _ := b.order(fmt.Sprintf("h%d.acme.lab", n), false); bucket != "" {
			t.Fatalf("order %d waits for %s", n, bucket)
		}
	}
	if bucket, until := b.order("new.acme.lab", false); bucket != orders || until.Sub(b.now) != 18*time.Minute {
		t.Errorf("%s until %s", bucket, until.Sub(b.now))
	}
	for n := range 2 {
		if bucket, _ := b.order(fmt.Sprintf("h%d.acme.lab", n), true); bucket != "" {
			t.Errorf("renewal %d waits for %s", n, bucket)
		}
	}
	if bucket, _ := b.order("h3.acme.lab", true); bucket != orders {
		t.Errorf("an empty account gives to a renewal: %q", bucket)
	}
}

func TestSpend_FailuresOfAName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fail("bad.acme.lab")
	b.fail("bad.acme.lab")
	if bucket, until := b.order("bad.acme.lab", true); bucket != failures || until.Sub(b.now) != 30*time.Minute {
		t.Errorf("%s until %s", bucket, until.Sub(b.now))
	}
	if bucket, _ := b.order("good.acme.lab", false); bucket != "" {
		t.Errorf("another name waits for %s", bucket)
	}
	for range 28 {
		b.now = b.now.Add(time.Hour)
		b.fail("bad.acme.lab")
	}
	b.now = b.now.Add(24 * time.Hour)
	if bucket, until := b.order("bad.acme.lab", false); bucket != consecutive || !until.IsZero() {
		t.Errorf("after 30 failures in a row: %s until %s", bucket, until)
	}
	if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.praise(ctx, tx, "main", "bad.acme.lab") }); err != nil {
		t.Fatal(err)
	}
	if bucket, _ := b.order("bad.acme.lab", false); bucket != "" {
		t.Errorf("after a success it waits for %s", bucket)
	}
}

func TestSpend_ARefusalTakesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 4 {
		b.order("shop.acme.lab", false)
	}
	for range 50 {
		b.order("shop.acme.lab", false)
	}
	var tokens float64
	if err := b.DB.QueryRow(t.Context(), "select tokens from acme_budget where bucket = 'domain'").Scan(&tokens); err != nil || tokens != 41 {
		t.Errorf("%v of the domain are left, %v", tokens, err)
	}
}

// Whatever is asked for and fails in whatever order, no name fails more than four times in any hour and no account orders more than its budget.
func TestSpend_PropertyOverRandomOrders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := rand.New(rand.NewPCG(7, 7))
	var ordered []time.Time
	failed := map[string][]time.Time{}
	within := func(all []time.Time, d time.Duration) (n int) {
		for _, at := range all {
			if b.now.Sub(at) < d {
				n++
			}
		}
		return n
	}
	b.Budgets = DefaultBudgets
	b.Budgets.Orders = Limit{20, 20, 3 * time.Hour}
	b.Budgets.Names, b.Budgets.Domain = Limit{1000, 1000, time.Hour}, Limit{1000, 1000, time.Hour}
	for range 600 {
		b.now = b.now.Add(time.Duration(r.IntN(int(4 * time.Minute))))
		host := fmt.Sprintf("h%d.lab", r.IntN(3))
		if bucket, _ := b.order(host, r.IntN(2) == 0); bucket != "" {
			continue
		}
		ordered = append(ordered, b.now)
		if r.IntN(2) == 0 {
			b.fail(host)
			failed[host] = append(failed[host], b.now)
		}
		if n := within(failed[host], time.Hour); n > 4 {
			t.Fatalf("%d failures of %s in an hour", n, host)
		}
		if n := within(ordered, 3*time.Hour); n > 40 {
			t.Fatalf("%d orders in three hours", n)
		}
	}
}
