package edge

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

const (
	failuresMost = 10 // one after the other, without an answer between them
	pauseFirst   = time.Second
	pauseMost    = 30 * time.Second
	circuitsMost = 10_000

	// visitsMost is how often one request may come through us. An application of one customer may be another customer's origin; a circle is none.
	visitsMost = 4
	loopToken  = "nameplate" // in CDN-Loop (RFC 8586)
)

// visits is how often a request came through an edge of ours already.
func visits(r *http.Request) int {
	n := 0
	for _, line := range r.Header["Cdn-Loop"] {
		for id := range strings.SplitSeq(line, ",") {
			id, _, _ = strings.Cut(id, ";")
			if strings.TrimSpace(id) == loopToken {
				n++
			}
		}
	}
	return n
}

// circuits keep requests away from origins that answer nobody, so that visitors learn it at once and the origin can come back in peace. There is one
// for each origin of each organization: what one tenant's requests meet says nothing about another's.
type circuits struct {
	mu    sync.Mutex
	known map[destination]*circuit
}

type destination struct {
	org    ident.OrgID
	server string // scheme, host and port
	verify bool
}

// of is the circuit to a name's origin. It is kept with the name and looked up once.
func (c *circuits) of(n *name) *circuit {
	if known := n.circuit.Load(); known != nil {
		return known
	}
	key := destination{n.OrgID, n.origin.Scheme + "://" + n.origin.Host, n.Route.Upstream.TLSVerify}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.known[key]
	if found == nil {
		if c.known == nil || len(c.known) >= circuitsMost { // what fails is found out again
			c.known = map[destination]*circuit{}
		}
		found = &circuit{}
		c.known[key] = found
	}
	n.circuit.Store(found)
	return found
}

// circuit is closed while an origin answers. After failuresMost failures in a row it opens for a second; then one request tries, and each further
// failure doubles the pause.
type circuit struct {
	failures atomic.Int64
	mu       sync.Mutex
	until    time.Time
	pause    time.Duration
}

// open says how long nobody is let through, 0 for whoever may go, and whether that one tries for all.
func (c *circuit) open(now time.Time) (wait time.Duration, trial bool) {
	if c.failures.Load() < failuresMost {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := c.until.Sub(now); wait > 0 {
		return wait, false
	}
	c.until = now.Add(max(c.pause, pauseFirst))
	return 0, true
}

func (c *circuit) failed(now time.Time, trial bool) {
	if c.failures.Add(1) < failuresMost {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pause > 0 && !trial {
		return // it left before the circuit opened
	}
	c.pause = min(max(2*c.pause, pauseFirst), pauseMost)
	c.until = now.Add(c.pause)
}

// answered closes it.
func (c *circuit) answered() {
	if c.failures.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.Store(0)
	c.until, c.pause = time.Time{}, 0
}
