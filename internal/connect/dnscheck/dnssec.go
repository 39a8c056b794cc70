package dnscheck

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// dnssec compares the DS set of the parent with the keys of the zone (RFC 4035 section 5.2). It does not verify signatures: what it finds
// is the usual accident, a DS that was left behind when the domain moved to other name servers.
func (r *run) dnssec(ctx context.Context, z cut) (analysis.DnssecState, *finding.Finding) {
	if len(z.chain) < 2 {
		return analysis.DnssecUnknown, nil
	}
	above, err := r.zoneOf(ctx, z.chain[len(z.chain)-2])
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	a, err := r.askZone(ctx, walking, above, z.apex, dns.TypeDS, nil)
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	set := a.At(z.apex, dns.TypeDS)
	if len(set) == 0 {
		return analysis.DnssecUnsigned, nil
	}
	b, err := r.askZone(ctx, walking, z, z.apex, dns.TypeDNSKEY, nil)
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	state, judged := analysis.DnssecDSMismatch, false
	keys := b.At(z.apex, dns.TypeDNSKEY)
	for _, rr := range set {
		ds := rr.(*dns.DS)
		for _, k := range keys {
			key := k.(*dns.DNSKEY)
			made := key.ToDS(ds.DigestType)
			if made == nil {
				continue
			}
			judged = true
			if made.KeyTag == ds.KeyTag && made.Algorithm == ds.Algorithm && strings.EqualFold(made.Digest, ds.Digest) {
				return analysis.DnssecSignedOK, nil
			}
		}
	}
	switch {
	case len(keys) == 0:
		state = analysis.DnssecDSWithoutDNSKEY
	case !judged:
		return analysis.DnssecUnknown, nil // digests we do not know
	}
	return state, new(finding.New(finding.DNSSECBogus, params{"zone": plain(z.apex)}, a.id, b.id))
}
