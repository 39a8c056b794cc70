package edge

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

func TestCircuit_OpensTriesAndCloses(t *testing.T) {
	t.Parallel()
	var c circuit
	now := time.Now()
	may := func(after time.Duration, want, wantTrial bool) {
		t.Helper()
		now = now.Add(after)
		if wait, trial := c.open(now); (wait == 0) != want || trial != wantTrial {
			t.Errorf("wait %s, trial %t", wait, trial)
		}
	}
	for range failuresMost - 1 {
		c.failed(now, false)
	}
	may(0, true, false)
	c.answered()
	for range failuresMost {
		may(0, true, false)
		c.failed(now, false)
	}
	may(0, false, false)
	c.failed(now, false) // one that had left before: no longer pause for it
	may(pauseFirst, true, true)
	may(0, false, false) // one tries, not all
	c.failed(now, true)
	may(pauseFirst, false, false)
	may(pauseFirst, true, true)
	for range 20 { // however long it lasts
		c.failed(now, true)
		may(pauseMost, true, true)
	}
	c.answered()
	may(0, true, false)
	for range failuresMost {
		c.failed(now, false)
	}
	may(pauseFirst, true, true) // it begins with a short pause again
}

// An origin that answers nobody is left in peace; every other name of this edge, also one whose origin has the same address, goes on.
func TestCircuit_IsOfOneUpstreamAndOneOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var touched atomic.Int64
	var down atomic.Bool
	down.Store(true)
	app := origin(t, func(http.ResponseWriter, *http.Request) {
		touched.Add(1)
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	mine, theirs := ident.New[ident.OrgID](time.Now()), ident.New[ident.OrgID](time.Now())
	of := func(org ident.OrgID) func(*edgeentry.Entry) { return func(e *edgeentry.Entry) { e.OrgID = org } }
	w.live("shop.acme.lab", app, of(mine))
	w.live("blog.acme.lab", app+"/other/path", of(mine))
	w.live("shop.other.lab", app, of(theirs))
	w.live("well.acme.lab", origin(t, nil), of(mine))
	n := start(t, w)
	for range failuresMost {
		if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != http.StatusBadGateway {
			t.Fatal(res.Status)
		}
	}
	before := touched.Load()
	for _, host := range []string{"shop.acme.lab", "blog.acme.lab"} {
		if res, body := n.get("https://"+host+"/", "Accept", "application/json"); res.StatusCode != http.StatusBadGateway || res.Header.Get("Retry-After") != "1" || !strings.Contains(body, "upstream_unreachable") {
			t.Errorf("%s: %s %v", host, res.Status, res.Header)
		}
	}
	if touched.Load() != before {
		t.Error("the origin is not left in peace")
	}
	if n.get("https://shop.other.lab/"); touched.Load() != before+1 {
		t.Error("another organization's requests are kept away")
	}
	if res, _ := n.get("https://well.acme.lab/"); res.StatusCode != 200 {
		t.Error("another origin:", res.Status)
	}
	down.Store(false)
	n.until("it is well again", func() bool { res, _ := n.get("https://shop.acme.lab/"); return res.StatusCode == 200 })
	if res, _ := n.get("https://blog.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestCircuits_AreBounded(t *testing.T) {
	t.Parallel()
	var c circuits
	for range circuitsMost + 10 {
		n := newName(edgeentry.Entry{OrgID: ident.New[ident.OrgID](time.Now()), Route: edgeentry.Route{Upstream: &edgeentry.Upstream{OriginURL: "https://example.com"}}}, nil)
		if c.of(n) == nil || c.of(n) != c.of(n) {
			t.Fatal("no circuit")
		}
	}
	if len(c.known) > circuitsMost {
		t.Errorf("%d are kept", len(c.known))
	}
}

// A request that goes in circles over several names ends, and an application that is itself somebody's customer does not.
func TestLoop_OverSeveralNamesEnds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	n := start(t, w)
	var mu sync.Mutex
	trips := 0
	relay := origin(t, func(w http.ResponseWriter, r *http.Request) { // an origin that asks another name of the same edge
		mu.Lock()
		trips++
		mu.Unlock()
		next := map[string]string{"a.lab": "b.lab", "b.lab": "a.lab", "one.lab": "two.lab"}[r.Host]
		if next == "" {
			return
		}
		out, _ := http.NewRequest(http.MethodGet, "https://"+next+"/", nil)
		out.Header = r.Header.Clone()
		res, err := n.client("http/1.1").Do(out)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = res.Body.Close()
		w.WriteHeader(res.StatusCode)
	})
	for _, host := range []string{"a.lab", "b.lab", "one.lab", "two.lab"} {
		w.live(host, relay)
	}
	n.caughtUp()
	if res, _ := n.get("https://one.lab/", "CDN-Loop", "other.example; x=y, nameplated"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	mu.Lock()
	trips = 0
	mu.Unlock()
	if res, _ := n.get("https://a.lab/"); res.StatusCode != http.StatusLoopDetected || trips > visitsMost {
		t.Errorf("%s after %d trips", res.Status, trips)
	}
}
