package edge_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
)

var burst = flag.Int("burst", 100, "how many names come at once in TestBurst_ManyNewNames")

// A burst of new names is bounded by the CA's budget alone: a hundred at once are all issued, by one order each, and nothing fails. How fast is told and not
// asserted.
func TestBurst_ManyNewNames(t *testing.T) {
	t.Parallel()
	names := *burst
	i := install(t, func(s *certificate.Service) {
		s.Budgets = certificate.DefaultBudgets
		s.Budgets.Orders.Burst, s.Budgets.Domain.Burst = float64(10*names), float64(10*names)
	})
	for n := range names {
		i.connect(fmt.Sprintf("burst%d.acme.lab", n), certificate.HTTP01, true)
	}
	i.publishRows()
	i.until("the edge knows all names", func() bool {
		generation, err := i.entries.Generation(t.Context())
		return err == nil && i.edge.Generation() == generation
	})
	began := time.Now()
	i.run(i.Work.Run)
	count := func(where string) (n int) {
		t.Helper()
		if err := i.DB.QueryRow(t.Context(), "select count(*) from certificate where "+where).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	deadline, tick := time.After(4*time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for count("status = 'ISSUED'") < names {
		select {
		case <-deadline:
			t.Fatalf("%d of %d after %s", count("status = 'ISSUED'"), names, time.Since(began))
		case <-tick.C:
		}
	}
	took := time.Since(began)
	t.Logf("%d names in %s: %.1f a second", names, took.Round(time.Millisecond), float64(names)/took.Seconds())
	if failed, orders := count("failures > 0 or last_error is not null"), len(i.main.Orders())+len(i.second.Orders()); failed != 0 || orders != names {
		t.Errorf("%d failures, %d orders", failed, orders)
	}
	for n := range names {
		if _, _, err := i.visit(fmt.Sprintf("burst%d.acme.lab", n)); err != nil {
			t.Fatal(err)
		}
	}
}
