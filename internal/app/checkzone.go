package app

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
)

// CheckZone asks the DNS, from the root down, whether the edge zone is delegated as Delegation says, whether its servers answer, and whether the
// parent's DS fits. Each line is one thing that is not so, and what to do about it; none means that all is well.
func CheckZone(ctx context.Context, e *dnscheck.Engine, s Settings) ([]string, error) {
	zone := s.Edge.Zone
	a, err := e.Analyze(ctx, analysis.Question{Hostname: zone, Registrable: zone, Expected: []analysis.Expected{{Key: "servers", Type: "TXT", FQDN: zone, Purpose: "ROUTING", Requirement: "OPTIONAL"}}})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", zone, err)
	}
	if a.Zone == nil {
		return []string{"nobody could be asked about " + zone + ": is there a way to the root servers?"}, nil
	}
	if a.Zone.Apex != zone {
		return []string{fmt.Sprintf("%s is not delegated: %s answers for it. Set the records above there.", zone, a.Zone.Apex)}, nil
	}
	var out []string
	seen, want := map[string][]netip.Addr{}, nameServers(s)
	for _, n := range a.Zone.NameServers {
		name := strings.ToLower(strings.TrimSuffix(n.Name, "."))
		at, _ := netip.ParseAddr(n.Address)
		seen[name] = append(seen[name], at)
		if n.Verdict != analysis.ServerOK && n.Verdict != analysis.ServerSlow {
			out = append(out, fmt.Sprintf("%s at %s does not answer for the zone (%s): is an edge with edge.dns running there, and port 53 open for UDP and TCP?", name, n.Address, n.Verdict))
		}
	}
	for _, w := range want {
		name := w.Label + "." + zone
		there, known := seen[name]
		delete(seen, name)
		if !known {
			out = append(out, fmt.Sprintf("the parent does not name %s: add the NS record, and its addresses.", name))
			continue
		}
		for _, at := range w.Addresses {
			if !slices.Contains(there, at) {
				out = append(out, fmt.Sprintf("the parent has no address %s for %s: add it.", at, name))
			}
		}
	}
	for name := range seen {
		out = append(out, fmt.Sprintf("the parent names %s, which edge.name_servers does not: take it away there, or add it here.", name))
	}
	switch {
	case s.Edge.DNSSEC && a.Zone.Dnssec == analysis.DnssecUnsigned:
		out = append(out, "the zone is signed and the parent has no DS record for it: set the one that is printed.")
	case a.Zone.Dnssec != analysis.DnssecUnsigned && a.Zone.Dnssec != analysis.DnssecSignedOK && a.Zone.Dnssec != analysis.DnssecExpiring:
		out = append(out, fmt.Sprintf("the parent's DS record and the zone do not fit (%s), so resolvers that validate find nothing in it: set the DS that is printed, or take it away.", a.Zone.Dnssec))
	}
	slices.Sort(out)
	return out, nil
}
