package app

import (
	"fmt"
	"net/netip"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
)

// DNSCheck is how the DNS engine has to behave by the settings. The error is of a file that cannot be read.
func (s *Settings) DNSCheck() (dnscheck.Settings, error) {
	e := dnscheck.Settings{
		Port: s.DNS.Port, AllowPrivate: s.DNS.AllowPrivate, ProbeHTTPPort: s.Probe.HTTP, ProbeHTTPSPort: s.Probe.HTTPS,
		PerServerQPS: s.DNS.PerServerQPS, Burst: s.DNS.PerServerQPS * 5 / 2, PerZoneQPS: s.DNS.PerServerQPS * 5, ZoneBurst: s.DNS.PerServerQPS * 15,
		EdgeV4: s.Edge.V4, EdgeV6: s.Edge.V6, EdgeZone: s.Edge.Zone,
	}
	for _, r := range s.DNS.RootHints {
		e.RootHints = append(e.RootHints, dnscheck.Hint{Name: r.Name, Addresses: []netip.Addr{r.Address}})
	}
	for _, text := range s.DNS.TrustAnchors {
		a, err := dnscheck.TrustAnchor(text)
		if err != nil {
			return e, fmt.Errorf("read dns.trust_anchors: %w", err)
		}
		e.TrustAnchors = append(e.TrustAnchors, a)
	}
	for _, r := range s.DNS.Resolvers {
		e.Resolvers = append(e.Resolvers, dnscheck.Resolver{Name: r.Name, Address: r.Address, Region: r.Region})
	}
	var err error
	if e.ProbeRoots, err = pool(s.Probe.Roots); err != nil {
		return e, fmt.Errorf("read probe.roots: %w", err)
	}
	return e, nil
}
