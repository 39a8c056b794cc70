// Package webhooks measures how fast deliveries leave: how long a backlog takes to burn down, beside River and graphile-worker with the same receiver and
// the same rows to write, and how long an event takes from its commit to the receiver. `make bench/webhooks` runs it; the figures stand in docs/benchmarks.md.
package webhooks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

const endpoints = 100

var perEndpoint = flag.Int("each", 1000, "deliveries that wait for each endpoint")

// rig is the product's engine in this process, with endpoints at the receiver.
type rig struct {
	*spinetest.Bundle
	s    *webhook.Service
	orgs []tenant
}

type tenant struct {
	org ident.OrgID
	as  ident.UserID
	con []ident.ConnectionID
}

func newRig(b *testing.B, r *receiver, orgs, connections int, ordered bool) *rig {
	b.Helper()
	g := &rig{Bundle: spinetest.New(b)}
	g.s = &webhook.Service{DB: g.DB, Door: g.Door, Authz: g.Authz, Vault: g.Vault, Hub: g.Hub, Work: g.Work, Outside: safehttp.Options{AllowLoopbackHTTP: true}}
	g.Join(g.s.Part())
	for n := range orgs {
		t := tenant{}
		t.org, t.as = g.Organization(b, fmt.Sprintf("bench%d", n))
		app, recipe, now := ident.New[ident.ApplicationID](g.DB.Now()), ident.V7(g.DB.Now()), g.DB.Now()
		g.exec(b, "insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Shop', 'LIVE', $3, $4, $4)", app.UUID(), t.org.UUID(), app.String()[4:], now)
		g.exec(b, "insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'r', 'PUBLISHED', '{APEX}', $4)", recipe, t.org.UUID(), app.UUID(), now)
		for c := range connections {
			id := ident.New[ident.ConnectionID](now)
			g.exec(b, `insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, external_ref, labels, recipe_id, state, state_since, facets,
				setup_origin, target_token, verification_token, created_by, created_at, updated_at)
				values ($1, $2, $3, $4, $4, 'x', 'example.com', 'com', false, 'cust_42', '{eu}', $5, 'VERIFYING', $6, '{}', 'API', $7, $7, 'system:bench', $6, $6)`,
				id.UUID(), t.org.UUID(), app.UUID(), fmt.Sprintf("c%d-%d.example.com", n, c), recipe, now, strings.ToLower(rand.Text()))
			t.con = append(t.con, id)
		}
		for e := range endpoints / orgs {
			if _, err := g.s.Create(spinetest.As(b.Context(), t.as), webhook.CreateWebhookEndpointInput{OrganizationID: t.org, URL: r.urls[n*(endpoints/orgs)+e] + "/hook", Topics: []string{"*"}, Ordered: &ordered}); err != nil {
				b.Fatal(err)
			}
		}
		g.orgs = append(g.orgs, t)
	}
	return g
}

func (g *rig) exec(b *testing.B, sql string, args ...any) {
	b.Helper()
	if _, err := g.DB.Exec(b.Context(), sql, args...); err != nil {
		b.Fatalf("%s: %v", sql[:min(60, len(sql))], err)
	}
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// happen writes an event, and tells when its transaction had committed.
func (g *rig) happen(ctx context.Context, t tenant, con ident.ConnectionID, number int) (at time.Time, err error) {
	err = g.Door.System(ctx, "bench", t.org, func(_ context.Context, e *door.Effect) error {
		e.After(func() { at = time.Now() })
		e.Record(event.Change{OrgID: t.org, Action: "connection.live", Subject: con.String(), Version: 1, Payload: raw(fmt.Sprintf(`{"v":1,"hostname":"n%d.example.com","state":"LIVE","from":"SECURING","secondsSinceStart":93}`, number))})
		return nil
	})
	return at, err
}

// run works until the returned function is called.
func (g *rig) run(b *testing.B) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Work.Run(ctx) })
	return func() { cancel(); wg.Wait() }
}

// BenchmarkBacklog: deliveries a second while 100,000 that wait are sent to 100 endpoints, each attempt written with what was sent and answered.
func BenchmarkBacklog(b *testing.B) {
	for _, ordered := range []bool{true, false} {
		b.Run(map[bool]string{true: "ordered", false: "free"}[ordered], func(b *testing.B) { backlog(b, ordered) })
	}
}

func backlog(b *testing.B, ordered bool) {
	const orgs = 10
	events := *perEndpoint // of each organization, to each of its ten endpoints
	r := startReceiver(b, endpoints)
	g := newRig(b, r, orgs, 200, ordered)
	var wg sync.WaitGroup
	began := time.Now()
	for _, t := range g.orgs {
		wg.Go(func() {
			for n := range events {
				if _, err := g.happen(b.Context(), t, t.con[n%len(t.con)], n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(orgs*events)/time.Since(began).Seconds(), "commits/s")
	all := g.Work.Queues
	g.Work.Queues = []work.Queue{g.Ledger.Sweep()}
	began = time.Now()
	if err := g.Work.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(endpoints*events)/time.Since(began).Seconds(), "fanned-out/s")
	g.exec(b, "vacuum analyze webhook_delivery")
	g.Work.Queues = all
	began = time.Now()
	before := spent(b, g, r)
	stop := g.run(b)
	took := g.burnt(b, began)
	stop()
	after := spent(b, g, r)
	for n, who := range []string{"engine", "receiver", "postgres"} {
		b.ReportMetric((after[n]-before[n])/float64(endpoints*events)*1000, who+"-cpu-s/1000")
	}
	c := r.counted(b)
	var attempts int
	if err := g.DB.QueryRow(b.Context(), "select count(*) from webhook_attempt where status = 200").Scan(&attempts); err != nil || attempts != endpoints*events || c.Different != endpoints*events {
		b.Fatalf("%d attempts written, %d messages of %d arrived: %v", attempts, c.Different, c.All, err)
	}
	b.ReportMetric(float64(endpoints*events)/took.Seconds(), "deliveries/s")
	b.ReportMetric(float64(c.All-c.Different), "twice")
	b.ReportMetric(0, "ns/op")
}

// burnt waits until nothing waits any more.
func (g *rig) burnt(b *testing.B, began time.Time) time.Duration {
	b.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var left bool
		if err := g.DB.QueryRow(b.Context(), "select exists (select from webhook_delivery where finished_at is null)").Scan(&left); err != nil {
			b.Fatal(err)
		}
		if !left {
			return time.Since(began)
		}
	}
	b.Fatal("the backlog did not burn down")
	return 0
}

// BenchmarkCommitToReceiver: milliseconds from the commit of an event to the receiver, at 200 events a second of 100 organizations.
func BenchmarkCommitToReceiver(b *testing.B) {
	const rate, length = 200, 15 * time.Second
	r := startReceiver(b, endpoints)
	g := newRig(b, r, endpoints, 5, true)
	stop := g.run(b)
	defer stop()
	committed := map[string]time.Time{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	send := func(n int) {
		t := g.orgs[n%len(g.orgs)]
		at, err := g.happen(b.Context(), t, t.con[n/len(g.orgs)%len(t.con)], n)
		if err != nil {
			b.Error(err)
			return
		}
		mu.Lock()
		committed[fmt.Sprint(n)] = at
		mu.Unlock()
	}
	for n := range endpoints { // connections and plans are warm then
		send(n)
	}
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	n := endpoints
	for end := time.Now().Add(length); time.Now().Before(end); n++ {
		<-tick.C
		wg.Go(func() { send(n) })
	}
	wg.Wait()
	c := r.counted(b)
	for end := time.Now().Add(30 * time.Second); len(c.Arrivals) < len(committed) && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c = r.counted(b)
	}
	var all []float64
	for number, at := range committed {
		came, ok := c.Arrivals[number]
		if !ok {
			b.Fatalf("%s did not arrive", number)
		}
		var i int
		if json.Unmarshal([]byte(number), &i) == nil && i >= endpoints {
			all = append(all, float64(came-at.UnixNano())/1e6)
		}
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.95, 0.99, 1} {
		b.ReportMetric(all[max(0, int(math.Ceil(q*float64(len(all))))-1)], fmt.Sprintf("ms-p%g", q*100))
	}
	b.ReportMetric(float64(len(all)), "samples")
	b.ReportMetric(0, "ns/op")
}
