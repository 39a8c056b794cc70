package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

const (
	killedNames = 12
	killedLeast = 20 // kills while names are on their way
	// Each kill costs an order at most (TestKilled_AtEveryRequest); however many kills there are, the budget for one name has the last word.
	killedOrders = 4
)

// TestCN48_KilledInTheMiddle: while names go from nothing to LIVE, two workers, the edge and Redis are killed in turn, a kill at any moment. Each name gets there,
// no due row lies untouched for longer than a lease, and nothing is done twice: one event for each step, in order, one certificate in force, and never more orders than a name's budget.
func TestCN48_KilledInTheMiddle(t *testing.T) {
	t.Parallel()
	g := harness.StartGroupInWorld(t, build(t, "nameplate"))
	kinds := []*harness.Process{g.Run("work"), g.Run("edge"), g.Run("work")}
	tenant := g.Tenant("kills")
	as := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: tenant.User, OrgID: tenant.Org, AuthTime: time.Now(), AAL: 1, RequestID: "kills", Locale: "en"})
	zone := g.Lab.Register("kills.lab", "plain")
	seen, stop := idleRows(t, g)
	defer stop()
	kills, live, started := 0, 0, 0
	random := rand.New(rand.NewPCG(48, 48))
	g.Until("every name is live, and enough was killed", 4*time.Minute, func() (bool, string) {
		if started < killedNames && kills >= started { // one after the other, so that a kill finds names at every step
			host := fmt.Sprintf("n%d.kills.lab", started)
			made, err := g.App.Connections.Start(as, connection.StartConnectionInput{ApplicationID: tenant.Application, Hostname: host})
			if err != nil {
				t.Fatal(err)
			}
			zone.Set(strings.TrimSuffix(host, ".kills.lab"), "CNAME", made.Connection.Target)
			started++
		}
		if err := g.App.DB.QueryRow(t.Context(), "select count(*) from connection where state = 'LIVE'").Scan(&live); err != nil {
			return false, err.Error()
		}
		if kills < killedLeast || live < killedNames && kills < 2*killedLeast {
			if n := kills % 4; n < 3 {
				kinds[n].Kill()
				kinds[n].Start()
			} else {
				g.Redis.Restart()
			}
			kills++
			select {
			case <-t.Context().Done():
			case <-time.After(time.Duration(100+random.IntN(1200)) * time.Millisecond):
			}
		}
		return kills >= killedLeast && live == killedNames, fmt.Sprintf("%d of %d are live after %d kills", live, started, kills)
	})
	stop()
	t.Logf("%d kills; the longest that a due row lay untouched: %s", kills, seen().Round(100*time.Millisecond))
	// A lease of 10 s, the moment until somebody looks, and what the machine is busy with.
	if idle := seen(); idle > 15*time.Second {
		t.Errorf("a due row lay untouched for %s", idle)
	}
	onceEach(t, g)
	for n := range killedNames {
		host := fmt.Sprintf("n%d.kills.lab", n)
		if orders := len(g.Lab.CA("main").OrdersFor(host)) + len(g.Lab.CA("second").OrdersFor(host)); orders < 1 || orders > killedOrders {
			t.Errorf("%d orders for %s", orders, host)
		}
	}
}

// idleRows watches every table of due rows, those that some program will write next year too: the longest for which a row that was due stayed as it was. Who works
// on a row has leased it, which writes it.
func idleRows(t *testing.T, g *harness.Group) (longest func() time.Duration, stop func()) {
	t.Helper()
	rows, err := g.App.DB.Query(t.Context(), "select table_name from information_schema.columns where table_schema = 'public' and column_name in ('due_at', 'lease_until') group by 1 having count(*) = 2 order by 1")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 6 {
		t.Fatal(tables, err)
	}
	var parts []string
	for _, table := range tables {
		parts = append(parts, fmt.Sprintf("select '%s ' || ctid::text || ' ' || xmin::text, due_at from %[1]s where due_at <= now()", table))
	}
	sql := strings.Join(parts, " union all ")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var most time.Duration
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		first := map[string]time.Time{}
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				rows, err := g.App.DB.Query(ctx, sql)
				if err != nil {
					continue
				}
				still := map[string]time.Time{}
				var row string
				var due time.Time
				_, _ = pgx.ForEachRow(rows, []any{&row, &due}, func() error {
					still[row] = now
					if at, known := first[row]; known {
						still[row] = at
					}
					if idle := now.Sub(still[row]); idle > most {
						if most = idle; idle > 12*time.Second {
							t.Logf("untouched for %s: %s, due at %s", idle, row, due)
						}
					}
					return nil
				})
				first = still
			}
		}
	}()
	return func() time.Duration { <-ended; return most }, func() { cancel(); <-ended }
}

// onceEach holds the ledger to one event for each step of a connection, with numbers in a row.
func onceEach(t *testing.T, g *harness.Group) {
	t.Helper()
	for what, sql := range map[string]string{
		"steps that were told twice":           "select count(*) from (select stream, action from event where action in ('connection.created', 'connection.ownership_verified', 'connection.live', 'certificate.issued') group by 1, 2 having count(*) > 1) twice",
		"numbers that are missing or doubled":  "select count(*) from (select stream from event group by stream having count(*) <> max(sequence) - min(sequence) + 1 or count(distinct sequence) <> count(*)) torn",
		"names with two certificates in force": "select count(*) from (select connection_id from certificate where status = 'ISSUED' and replaced_by is null group by 1 having count(*) > 1) two",
		"keys without a chain":                 "select count(*) from certificate where (chain_pem is null) <> (sealed_key is null)",
	} {
		var n int
		if err := g.App.DB.QueryRow(t.Context(), sql).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	var lives, steps int
	if err := g.App.DB.QueryRow(t.Context(), "select count(*) filter (where action = 'connection.live'), count(*) from event where action like 'connection.%'").Scan(&lives, &steps); err != nil || lives != killedNames || steps < 3*killedNames {
		t.Errorf("%d went live in %d events, %v", lives, steps, err)
	}
}
