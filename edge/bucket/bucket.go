// Package bucket meters the clients of a public server by the network they come from: a /24 of IPv4, a /56 of IPv6, since whoever has one
// address of such a network usually has them all.
package bucket

import (
	"net/netip"
	"sync"
	"time"
)

// DefaultMax is how many networks a Table remembers when Max is zero; about 10 MB.
const DefaultMax = 1 << 16

// Table is one token bucket per network. The memory it takes is bounded: when it is full a network is forgotten at random, which gives a flood
// from many forged sources a new start now and then, and honest clients nothing to fear. It is safe for concurrent use.
type Table struct {
	Rate  float64 // tokens per second; 0 or less: no limit
	Burst float64 // how many may be spent at once
	Max   int     // networks remembered; 0 means DefaultMax

	mu   sync.Mutex
	nets map[netip.Prefix]*level
}

type level struct {
	tokens float64
	at     time.Time
}

// Take spends cost tokens of the address's network, and says whether there were as many. A refusal spends nothing.
func (t *Table) Take(addr netip.Addr, cost float64) bool {
	if t.Rate <= 0 {
		return true
	}
	network, now := Network(addr), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.nets[network]
	if l == nil {
		l = t.add(network, now)
	}
	l.tokens = min(t.Burst, l.tokens+now.Sub(l.at).Seconds()*t.Rate)
	l.at = now
	if l.tokens < cost {
		return false
	}
	l.tokens -= cost
	return true
}

func (t *Table) add(network netip.Prefix, now time.Time) *level {
	if t.nets == nil {
		t.nets = map[netip.Prefix]*level{}
	}
	limit := t.Max
	if limit == 0 {
		limit = DefaultMax
	}
	if len(t.nets) >= limit {
		for forgotten := range t.nets { // map order is random
			delete(t.nets, forgotten)
			break
		}
	}
	l := &level{tokens: t.Burst, at: now}
	t.nets[network] = l
	return l
}

// Network is what a client is metered by.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 56
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil { // no address: all such clients are one
		return netip.Prefix{}
	}
	return p
}
