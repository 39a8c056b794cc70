package dnscheck

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/dnssec"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// trust is how far the chain of signatures holds, from the root's anchor down to the zone (RFC 4035 section 5).
type trust struct {
	state   analysis.DnssecState
	keys    []*dns.DNSKEY // of the zone, verified; nil when it is not signed or the chain is broken
	proof   dnssec.Proof  // of the signature over them
	ids     []ident.ObservationID
	finding *finding.Finding
}

// errOther is a fault in a zone that is not the customer's: it says nothing about the customer's.
var errOther = errors.New("the chain is broken above the customer's zone")

// link is what was answered about one zone of the chain, or what is known of it.
type link struct {
	known        *ring
	here, above  tree.Cut
	ds, keys     tree.Answer
	noDS, noKeys error
}

// links asks for all of the chain at once; only the keys of the zone itself wait until it is known that they are vouched for.
func (r *run) links(ctx context.Context, z tree.Cut) []link {
	out := make([]link, len(z.Chain))
	var wg sync.WaitGroup
	for i, apex := range z.Chain {
		l := &out[i]
		if known, ok := r.e.ring.get(apex, r.e.now()); ok {
			l.known = &known
			continue
		}
		if i > 0 {
			wg.Go(func() {
				if l.above, l.noDS = r.ZoneOf(ctx, z.Chain[i-1]); l.noDS == nil {
					l.ds, l.noDS = r.AskZone(ctx, tree.Walking, l.above, apex, dns.TypeDS)
				}
			})
		}
		if l.here = z; i < len(z.Chain)-1 {
			wg.Go(func() {
				if l.here, l.noKeys = r.ZoneOf(ctx, apex); l.noKeys == nil {
					l.keys, l.noKeys = r.AskZone(ctx, tree.Walking, l.here, apex, dns.TypeDNSKEY)
				}
			})
		}
	}
	wg.Wait()
	return out
}

// follow goes down the chain of delegations to the zone, and verifies each step.
func (r *run) follow(ctx context.Context, z tree.Cut) trust {
	t, links := trust{state: analysis.DnssecUnknown}, r.links(ctx, z)
	for i, apex := range z.Chain {
		if known := links[i].known; known != nil {
			if t = (trust{state: analysis.DnssecSignedOK, keys: known.keys}); known.keys == nil {
				return trust{state: analysis.DnssecUnsigned}
			}
			continue
		}
		next, err := r.descend(ctx, z, i, links[i], t)
		switch {
		case err != nil:
			return trust{state: analysis.DnssecUnknown}
		case next.keys == nil && r.registry(apex) && next.finding != nil:
			return trust{state: analysis.DnssecUnknown}
		}
		if r.registry(apex) {
			r.e.ring.put(apex, ring{next.keys, r.e.now().Add(ringLife)})
		}
		if t = next; t.keys == nil {
			return t
		}
	}
	return t
}

// descend verifies the keys of one zone of the chain by those of the zone above, which are in t.
func (r *run) descend(ctx context.Context, z tree.Cut, i int, l link, t trust) (trust, error) {
	apex, anchors := z.Chain[i], r.e.Settings.anchors()
	var ids []ident.ObservationID
	if i > 0 {
		if l.noDS != nil {
			return t, l.noDS
		}
		ids = append(ids, l.ds.ID)
		if proof, err := r.checks(l.ds, tree.Key{Name: apex, Type: dns.TypeDS}, l.above.Apex, t.keys); err != nil {
			if r.registry(l.above.Apex) {
				return t, errOther
			}
			return r.broken(l.above.Apex, apex, proof, err, ids), nil
		}
		if anchors = delegationSigners(l.ds.At(apex, dns.TypeDS)); len(anchors) == 0 {
			return trust{state: analysis.DnssecUnsigned, ids: ids}, nil
		}
	}
	a, err := l.keys, l.noKeys
	if i == len(z.Chain)-1 {
		a, err = r.AskZone(ctx, tree.Walking, l.here, apex, dns.TypeDNSKEY)
	}
	if err != nil {
		return t, err
	}
	ids = append(ids, a.ID)
	set := a.At(apex, dns.TypeDNSKEY)
	keys := dnssec.ZoneKeys(set)
	vouched := keys
	if i > 0 || anchors != nil {
		if vouched, err = dnssec.Anchored(anchors, keys); errors.Is(err, dnssec.ErrStrange) {
			return trust{state: analysis.DnssecUnsupported, ids: ids, finding: new(finding.New(finding.DNSSECAlgorithm, params{"zone": tree.Plain(apex)}, ids...))}, nil
		}
	}
	if len(set) == 0 || err != nil {
		state := analysis.DnssecDSMismatch
		if len(set) == 0 {
			state = analysis.DnssecDSWithoutDNSKEY
		}
		return trust{state: state, ids: ids, finding: new(finding.New(finding.DNSSECBogus, params{"zone": tree.Plain(apex)}, ids...))}, nil
	}
	proof, err := dnssec.Verify(apex, vouched, set, a.Signatures, r.e.now())
	if err != nil {
		return r.broken(apex, apex, proof, err, ids), nil
	}
	return trust{state: analysis.DnssecSignedOK, keys: keys, proof: proof, ids: ids}, nil
}

// broken puts into words why validators refuse what a zone says about a name.
func (r *run) broken(zone, name string, proof dnssec.Proof, why error, ids []ident.ObservationID) trust {
	t := trust{ids: ids}
	p := params{"zone": tree.Plain(zone)}
	switch {
	case errors.Is(why, dnssec.ErrExpired), errors.Is(why, dnssec.ErrEarly):
		at := proof.Until
		if errors.Is(why, dnssec.ErrEarly) {
			at = proof.From
		}
		p["at"] = at.UTC().Format(time.RFC3339)
		t.state, t.finding = analysis.DnssecExpired, new(finding.New(finding.DNSSECExpired, p, ids...))
	case errors.Is(why, dnssec.ErrDenial):
		p["name"] = tree.Plain(name)
		t.state, t.finding = analysis.DnssecMissingNSEC, new(finding.New(finding.DNSSECDenialMissing, p, ids...))
	default:
		t.state, t.finding = analysis.DnssecDSMismatch, new(finding.New(finding.DNSSECBogus, p, ids...))
	}
	return t
}

// checks verifies what one answer says about a question, the absence of it too.
func (r *run) checks(a tree.Answer, k tree.Key, zone string, keys []*dns.DNSKEY) (dnssec.Proof, error) {
	now := r.e.now()
	set := a.At(k.Name, k.Type)
	if len(set) == 0 {
		set = a.At(k.Name, dns.TypeCNAME)
	}
	if len(set) > 0 && set[0].Header().Rrtype == dns.TypeCNAME && slices.ContainsFunc(a.Signatures, func(s *dns.RRSIG) bool {
		return s.TypeCovered == dns.TypeDNAME && tree.Below(s.Hdr.Name, k.Name)
	}) {
		return dnssec.Proof{}, nil // made of a DNAME, and never signed itself (RFC 6672 section 5.3.1)
	}
	var proof dnssec.Proof
	var err error
	if len(set) > 0 {
		if proof, err = dnssec.Verify(zone, keys, set, a.Signatures, now); err != nil || proof.Wildcard == "" || proof.Wildcard == k.Name {
			return proof, err
		}
	}
	denial, err := dnssec.Read(zone, keys, a.Authority, a.Signatures, now)
	switch {
	case err != nil:
		return denial.Proof(), err
	case len(set) > 0 && !denial.Absent(zone, k.Name), len(set) == 0 && !denial.NoData(zone, k.Name, k.Type):
		return denial.Proof(), dnssec.ErrDenial
	}
	return denial.Proof(), nil
}

// verify checks what every server answered to the questions that decide, once the zone's keys are known.
func (r *run) verify(m *tree.Matrix) {
	t := &r.trust
	defer func() { r.ans.Dnssec = cmp.Or(t.state, analysis.DnssecUnknown) }()
	if t.keys == nil || t.state != analysis.DnssecSignedOK {
		return
	}
	rank := []error{dnssec.ErrDenial, dnssec.ErrUnsigned, dnssec.ErrBroken, dnssec.ErrEarly, dnssec.ErrExpired}
	ending, ids := t.proof, t.ids
	var worst error
	var found trust
	for _, c := range m.Columns {
		for k, a := range c.Got {
			if !a.Authoritative || !tree.Within(m.Zone, k.Name) {
				continue
			}
			proof, err := r.checks(a, k, m.Zone, t.keys)
			switch {
			case err != nil && (worst == nil || slices.Index(rank, err) > slices.Index(rank, worst)):
				worst, found = err, r.broken(m.Zone, k.Name, proof, err, append(slices.Clone(t.ids), a.ID))
			case err == nil && !proof.Until.IsZero() && proof.Until.Before(ending.Until):
				ending, ids = proof, append(slices.Clone(t.ids), a.ID)
			}
		}
	}
	switch {
	case worst != nil:
		t.state, t.finding = found.state, found.finding
	case ending.Ending(r.e.now()):
		t.state = analysis.DnssecExpiring
		t.finding = new(finding.New(finding.DNSSECExpiring, params{"zone": tree.Plain(m.Zone), "at": ending.Until.UTC().Format(time.RFC3339)}, ids...))
	}
}
