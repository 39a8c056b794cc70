package recursor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// cache holds RRsets, negative answers (RFC 2308) and delegations until their time is over.
type cache struct {
	now func() time.Time

	mu    sync.Mutex
	sets  map[key]entry
	zones map[string]delegation
}

type key struct {
	name string
	typ  uint16 // 0: the name does not exist, whatever the type
}

type entry struct {
	rrs     []dns.RR // the set, or nothing for a negative entry
	soa     dns.RR   // negative: what to show
	expires time.Time
}

type delegation struct {
	apex    string
	servers []nameServer
	expires time.Time
}

type nameServer struct {
	name  string
	addrs []string
}

// full bounds the memory; a full cache forgets everything, which a cache may do at any time.
const full = 20000

func newCache(now func() time.Time) *cache {
	c := &cache{now: now}
	c.flush()
	return c
}

func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sets, c.zones = map[key]entry{}, map[string]delegation{}
}

func (c *cache) get(k key) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.sets[k]
	return e, ok && e.expires.After(c.now())
}

func (c *cache) put(k key, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sets) >= full {
		clear(c.sets)
	}
	c.sets[k] = e
}

func (c *cache) delegation(apex string) (delegation, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.zones[apex]
	return d, ok && d.expires.After(c.now())
}

func (c *cache) delegate(d delegation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.zones) >= full {
		clear(c.zones)
	}
	c.zones[d.apex] = d
}

// Memory is one thing that a resolver remembers about a name.
type Memory struct {
	Type   string        `json:"type"`   // empty when the name is known not to exist
	Values []string      `json:"values"` // empty for a remembered absence
	Left   time.Duration `json:"left"`
}

func (c *cache) memories(name string) []Memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Memory
	for k, e := range c.sets {
		if k.name != name || !e.expires.After(c.now()) {
			continue
		}
		m := Memory{Left: e.expires.Sub(c.now())}
		if k.typ != 0 {
			m.Type = dns.Type(k.typ).String()
		}
		for _, rr := range e.rrs {
			m.Values = append(m.Values, rr.String()[len(rr.Header().String()):])
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Memory) int { return cmp.Compare(a.Type, b.Type) })
	return out
}
