package edge_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/edge"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

// 14.1: a change that was committed is served by every node within a second, those that hear no poke too, and so is a removal. Each is done several times and the
// middle one counts, because the machine may be busy. Every node acknowledges, and the list of nodes says that none is behind.
func TestNodes_AllServeAChangeWithinASecond(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	i.until("the certificate is presented", func() bool { _, _, err := i.visit("shop.acme.lab"); return err == nil })
	nodes := []*edge.Edge{i.edge}
	for _, name := range []string{"without pokes", "without pokes either"} { // as without Redis
		e := &edge.Edge{HTTP: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, Name: name, Projection: i.entries, Keys: i.certs, Challenges: i.certs, Metrics: metric.New(), Grace: time.Second}
		if err := e.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		i.run(e.Run)
		nodes = append(nodes, e)
	}
	change := func(mode edgeentry.Mode) time.Time {
		t.Helper()
		err := i.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			now, err := i.entries.Get(ctx, "shop.acme.lab")
			if err != nil {
				return err
			}
			now.Mode, now.Serve = mode, mode == edgeentry.Proxy
			return i.entries.PutTx(ctx, tx, now)
		})
		if err != nil {
			t.Fatal(err)
		}
		return time.Now()
	}
	took := map[string][]time.Duration{}
	for range 5 {
		for _, step := range []struct {
			what   string
			mode   edgeentry.Mode
			status int
		}{{"a change", edgeentry.Suspended, http.StatusMisdirectedRequest}, {"another", edgeentry.Proxy, http.StatusServiceUnavailable}} {
			began := change(step.mode)
			for _, n := range nodes {
				i.until(step.what+" is in force at "+n.Name, func() bool {
					_, status, err := i.visitAt(n, "shop.acme.lab")
					return err == nil && status == step.status
				})
			}
			took[step.what] = append(took[step.what], time.Since(began))
		}
	}
	i.until("every node has acknowledged", func() bool {
		generation, err := i.entries.Generation(t.Context())
		if err != nil {
			return false
		}
		all, err := i.entries.Acked(t.Context(), generation)
		list, _ := i.entries.Nodes(t.Context())
		return err == nil && all && len(list) == len(nodes)
	})
	began := change(edgeentry.Gone)
	for _, n := range nodes {
		i.until("the name is gone at "+n.Name, func() bool { _, _, err := i.visitAt(n, "shop.acme.lab"); return err != nil })
	}
	took["the removal"] = []time.Duration{time.Since(began)}
	for what, times := range took {
		slices.Sort(times)
		if middle := times[len(times)/2]; middle > time.Second {
			t.Errorf("%s was in force at all nodes after %s: %s", what, middle, times)
		}
	}
	t.Log(took)
}
