package dnscheck

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// cache holds delegations and addresses of name servers between analyses; never an answer for a customer's name. A delegation is only
// learned from the zone above it, so one customer's servers cannot say anything about another's zone.
type cache struct {
	mu    sync.Mutex
	cuts  map[string]cut
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
func (e *Engine) closest(name string, fresh bool) cut {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	now := e.now()
	for n := name; n != "."; n = parent(n) {
		if fresh && dns.CountLabel(n) > 1 {
			continue
		}
		if c, ok := e.cache.cuts[n]; ok && now.Before(c.expires) {
			return c
		}
	}
	return e.root()
}

// root is where every walk begins.
func (e *Engine) root() cut {
	c := cut{apex: ".", chain: []string{"."}}
	for _, h := range e.Settings.hints() {
		c.servers = append(c.servers, nameServer{name: full(h.Name), addrs: h.Addresses})
	}
	return c
}

func (e *Engine) remember(c cut) cut {
	if dns.CountLabel(c.apex) > 1 {
		if latest := e.now().Add(maxKeep); c.expires.After(latest) {
			c.expires = latest
		}
	}
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if e.cache.cuts == nil || len(e.cache.cuts) >= maxCached {
		e.cache.cuts = map[string]cut{}
	}
	e.cache.cuts[c.apex] = c
	return c
}

func (e *Engine) addressesOf(name string) []netip.Addr {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if a, ok := e.cache.addrs[name]; ok && e.now().Before(a.expires) {
		return a.list
	}
	return nil
}

func (e *Engine) rememberAddresses(name string, list []netip.Addr, ttl time.Duration) {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	if e.cache.addrs == nil || len(e.cache.addrs) >= maxCached {
		e.cache.addrs = map[string]addrs{}
	}
	e.cache.addrs[name] = addrs{list, e.now().Add(min(max(ttl, 10*time.Second), maxKeep))}
}
