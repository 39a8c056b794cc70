package certificate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// tenant orders as fast as it may, each time for a new name.
type tenant struct {
	b     *bench
	org   ident.OrgID
	got   int
	first time.Time // when it got the first
}

func (b *bench) tenant() *tenant { return &tenant{b: b, org: ident.New[ident.OrgID](b.now)} }

// try asks for one order, and waits in line where there is none; for so many tries at the most.
func (a *tenant) try(most int) {
	a.b.t.Helper()
	for range most {
		host := fmt.Sprintf("h%d.%s.lab", a.got, a.org)
		err := a.b.DB.InTx(a.b.t.Context(), func(ctx context.Context, tx *db.Tx) error {
			t := &turn{org: a.org, row: &certificateq.TurnRow{Hostname: host, RegistrableDomain: a.org.String()}, names: []string{host}}
			return a.b.spend(ctx, tx, t, "main")
		})
		e, waits := errors.AsType[*exhausted](err)
		switch {
		case err == nil:
			if a.got++; a.got == 1 {
				a.first = a.b.now
			}
		case !waits || e.bucket != orders || e.ca != "main" || !e.until.After(a.b.now):
			a.b.t.Fatalf("%+v %v", e, err)
		default:
			if err := a.b.DB.InTx(a.b.t.Context(), func(ctx context.Context, tx *db.Tx) error { return a.b.queueUp(ctx, tx, "main", a.org, e.until) }); err != nil {
				a.b.t.Fatal(err)
			}
			return
		}
	}
}

// 13.4 and RU-31: orders that are short are handed out fairly. Who has thousands of names waits as long for the next order as who has one, and who comes last is not last.
func TestShare_OrganizationsTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Budgets = DefaultBudgets
	b.Budgets.Orders, b.Budgets.Domain = Limit{100, 100, 100 * time.Minute}, Limit{10_000, 10_000, time.Hour}
	many, few, late := b.tenant(), b.tenant(), b.tenant()
	many.try(1000)
	if many.got != 80 {
		t.Fatalf("alone it got %d of the 80 that are not kept for renewals", many.got)
	}
	alone := many.got
	for range 20 { // a minute each, in which one order becomes free
		b.now = b.now.Add(time.Minute)
		many.try(1000)
	}
	if many.got != alone+20 {
		t.Errorf("alone it got %d of 20 that became free", many.got-alone)
	}
	came := b.now
	few.try(1)
	for range 3 {
		b.now = b.now.Add(time.Minute)
		many.try(10) // always first
		few.try(1)
	}
	if few.got == 0 || few.first.Sub(came) > 2*time.Minute {
		t.Errorf("a newcomer got %d orders, the first after %s", few.got, few.first.Sub(came))
	}
	before := [2]int{many.got, few.got}
	for range 60 {
		b.now = b.now.Add(time.Minute)
		many.try(10)
		few.try(1)
	}
	if n := few.got - before[1]; n < 40 { // until it has had as much as what the other took has faded to
		t.Errorf("of 60 orders %d went to who has taken less, %d to the other", n, many.got-before[0])
	}
	late.try(1)
	before = [2]int{many.got, late.got}
	for range 200 {
		b.now = b.now.Add(time.Minute)
		many.try(10)
		few.try(10)
		late.try(1)
	}
	shares := []float64{}
	for _, one := range []*tenant{many, few, late} {
		row, err := b.q.LockBudget(t.Context(), b.DB, certificateq.LockBudgetParams{Ca: "main", Bucket: share, Key: one.org.String()})
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, b.Budgets.Orders.faded(row.Tokens, b.now.Sub(row.UpdatedAt)))
	}
	if shares[0]-shares[2] > 3 || shares[1]-shares[2] > 3 || shares[2]-shares[1] > 3 {
		t.Errorf("after a while the shares are %.1f", shares)
	}
	if got := many.got + few.got + late.got; got < alone+20+3+60+200-3 {
		t.Errorf("orders are left lying: %d", got)
	}
}
