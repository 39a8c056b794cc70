package dnssec

import (
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Ring holds the verified keys of zones that are nobody's customer: the root and the registries. Without it every analysis would ask
// for them again.
type Ring struct {
	mu    sync.Mutex
	zones map[string]ring
}

type ring struct {
	keys    []*dns.DNSKEY // nil: the zone is not signed
	expires time.Time
}

const (
	maxRings = 10_000
	ringLife = time.Hour
)

func (k *Ring) get(apex string, now time.Time) (ring, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.zones[apex]
	return r, ok && now.Before(r.expires)
}

func (k *Ring) put(apex string, r ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.zones == nil || len(k.zones) >= maxRings {
		k.zones = map[string]ring{}
	}
	k.zones[apex] = r
}

// delegationSigners are the DS records of a set.
func delegationSigners(rrs []dns.RR) []*dns.DS {
	var out []*dns.DS
	for _, rr := range rrs {
		if ds, ok := rr.(*dns.DS); ok {
			out = append(out, ds)
		}
	}
	return slices.Clip(out)
}
