package dnssec

import (
	"slices"
	"strings"
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

// IANA are the root's keys (https://data.iana.org/root-anchors/root-anchors.xml): of 2017, and its successor of 2024.
var IANA = []*dns.DS{
	anchor(20326, "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"),
	anchor(38696, "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"),
}

func anchor(tag uint16, digest string) *dns.DS {
	return &dns.DS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeDS, Class: dns.ClassINET}, KeyTag: tag, Algorithm: dns.RSASHA256, DigestType: dns.SHA256, Digest: strings.ToLower(digest)}
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
