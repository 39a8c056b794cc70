package dnscheck

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// dnssec compares the DS set of the parent with the keys of the zone (RFC 4035 section 5.2). It does not verify signatures: what it finds
// is the usual accident, a DS that was left behind when the domain moved to other name servers.
func (r *run) dnssec(ctx context.Context, z tree.Cut) (analysis.DnssecState, *finding.Finding) {
	if len(z.Chain) < 2 {
		return analysis.DnssecUnknown, nil
	}
	above, err := r.ZoneOf(ctx, z.Chain[len(z.Chain)-2])
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	a, err := r.AskZone(ctx, tree.Walking, above, z.Apex, dns.TypeDS)
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	set := a.At(z.Apex, dns.TypeDS)
	if len(set) == 0 {
		return analysis.DnssecUnsigned, nil
	}
	b, err := r.AskZone(ctx, tree.Walking, z, z.Apex, dns.TypeDNSKEY)
	if err != nil {
		return analysis.DnssecUnknown, nil
	}
	state, judged := analysis.DnssecDSMismatch, false
	keys := b.At(z.Apex, dns.TypeDNSKEY)
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
	return state, new(finding.New(finding.DNSSECBogus, params{"zone": tree.Plain(z.Apex)}, a.ID, b.ID))
}
