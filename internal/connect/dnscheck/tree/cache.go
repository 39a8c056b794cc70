package tree

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// cache holds delegations and addresses of name servers between analyses; never an Answer for a customer's name. A delegation is only
// learned from the zone above it, so one customer's servers cannot say anything about another's zone.
type cache struct {
	mu    sync.Mutex
	cuts  map[string]Cut
	addrs map[string]addrs
}

type addrs struct {
	list    []netip.Addr
	expires time.Time
}

const (
	maxCached = 20_000
	// Below the top level a delegation is kept shorter than its TTL, which is often two days: people who move to another provider in
	// the middle of a set-up want to see that we noticed.
	maxKeep = 5 * time.Minute
)

func compareNames(a, b string) int { return strings.Compare(a, b) }

// closest gives the deepest delegation known at or above name, the root at least. fresh wants nothing below the top level.
func (e *Tree) closest(name string, fresh bool) Cut {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	now := e.Now()
	for n := name; n != "."; n = Parent(n) {
		if fresh && dns.CountLabel(n) > 1 {
			continue
		}
		if c, ok := e.cache.cuts[n]; ok && now.Before(c.expires) {
			return c
		}
	}
	return e.Root()
}

// Root is where every walk begins.
func (e *Tree) Root() Cut {
	c := Cut{Apex: ".", Chain: []string{"."}}
	for _, h := range e.hints() {
		c.Servers = append(c.Servers, NameServer{Name: Full(h.Name), Addrs: h.Addresses})
	}
	return c
}

func (e *Tree) remember(c Cut) Cut {
	if dns.CountLabel(c.Apex) > 1 {
		if latest := e.Now().Add(maxKeep); c.expires.After(latest) {
			c.expires = latest
		}
	}
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if e.cache.cuts == nil || len(e.cache.cuts) >= maxCached {
		e.cache.cuts = map[string]Cut{}
	}
	e.cache.cuts[c.Apex] = c
	return c
}

func (e *Tree) addressesOf(name string) []netip.Addr {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if a, ok := e.cache.addrs[name]; ok && e.Now().Before(a.expires) {
		return a.list
	}
	return nil
}

func (e *Tree) rememberAddresses(name string, list []netip.Addr, ttl time.Duration) {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if e.cache.addrs == nil || len(e.cache.addrs) >= maxCached {
		e.cache.addrs = map[string]addrs{}
	}
	e.cache.addrs[name] = addrs{list, e.Now().Add(min(max(ttl, 10*time.Second), maxKeep))}
}

// Closest gives the deepest delegation that is remembered at or above a name.
func (r *Session) Closest(name string) Cut { return r.tree.closest(name, false) }

// Root is where a walk begins.
func (r *Session) Root() Cut { return r.tree.Root() }
