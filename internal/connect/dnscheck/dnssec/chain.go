package dnssec

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Chain follows signatures down the tree with the questions of one session.
type Chain struct {
	*tree.Session
	Ring     *Ring
	Anchors  []*dns.DS              // of the root; nil: the root is trusted as it answers
	Registry func(apex string) bool // says that a zone is nobody's customer: what is broken there says nothing about those below
	Now      func() time.Time
}

type params = map[string]any

// Trust is how far the chain of signatures holds, from the root's anchor down to the zone (RFC 4035 section 5).
type Trust struct {
	State   analysis.DnssecState
	keys    []*dns.DNSKEY // of the zone, verified; nil when it is not signed or the chain is broken
	proof   Proof         // of the signature over them
	ids     []ident.ObservationID
	Finding *finding.Finding // why validators refuse the zone, or soon will; nil when they do not
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
func (c *Chain) links(ctx context.Context, z tree.Cut) []link {
	out := make([]link, len(z.Chain))
	var wg sync.WaitGroup
	for i, apex := range z.Chain {
		l := &out[i]
		if known, ok := c.Ring.get(apex, c.Now()); ok {
			l.known = &known
			continue
		}
		if i > 0 {
			wg.Go(func() {
				if l.above, l.noDS = c.ZoneOf(ctx, z.Chain[i-1]); l.noDS == nil {
					l.ds, l.noDS = c.AskZone(ctx, tree.Walking, l.above, apex, dns.TypeDS)
				}
			})
		}
		if l.here = z; i < len(z.Chain)-1 {
			wg.Go(func() {
				if l.here, l.noKeys = c.ZoneOf(ctx, apex); l.noKeys == nil {
					l.keys, l.noKeys = c.AskZone(ctx, tree.Walking, l.here, apex, dns.TypeDNSKEY)
				}
			})
		}
	}
	wg.Wait()
	return out
}

// Follow goes down the chain of delegations to the zone, and verifies each step.
func (c *Chain) Follow(ctx context.Context, z tree.Cut) Trust {
	t, links := Trust{State: analysis.DnssecUnknown}, c.links(ctx, z)
	for i, apex := range z.Chain {
		if known := links[i].known; known != nil {
			if t = (Trust{State: analysis.DnssecSignedOK, keys: known.keys}); known.keys == nil {
				return Trust{State: analysis.DnssecUnsigned}
			}
			continue
		}
		next, err := c.descend(ctx, z, i, links[i], t)
		switch {
		case err != nil:
			return Trust{State: analysis.DnssecUnknown}
		case next.keys == nil && c.Registry(apex) && next.Finding != nil:
			return Trust{State: analysis.DnssecUnknown}
		}
		if c.Registry(apex) {
			c.Ring.put(apex, ring{next.keys, c.Now().Add(ringLife)})
		}
		if t = next; t.keys == nil {
			return t
		}
	}
	return t
}

// descend verifies the keys of one zone of the chain by those of the zone above, which are in t.
func (c *Chain) descend(ctx context.Context, z tree.Cut, i int, l link, t Trust) (Trust, error) {
	apex, anchors := z.Chain[i], c.Anchors
	var ids []ident.ObservationID
	if i > 0 {
		if l.noDS != nil {
			return t, l.noDS
		}
		ids = append(ids, l.ds.ID)
		if proof, err := c.checks(l.ds, tree.Key{Name: apex, Type: dns.TypeDS}, l.above.Apex, t.keys); err != nil {
			if c.Registry(l.above.Apex) {
				return t, errOther
			}
			return c.broken(l.above.Apex, apex, proof, err, ids), nil
		}
		if anchors = delegationSigners(l.ds.At(apex, dns.TypeDS)); len(anchors) == 0 {
			return Trust{State: analysis.DnssecUnsigned, ids: ids}, nil
		}
	}
	a, err := l.keys, l.noKeys
	if i == len(z.Chain)-1 {
		a, err = c.AskZone(ctx, tree.Walking, l.here, apex, dns.TypeDNSKEY)
	}
	if err != nil {
		return t, err
	}
	ids = append(ids, a.ID)
	set := a.At(apex, dns.TypeDNSKEY)
	keys := ZoneKeys(set)
	vouched := keys
	if i > 0 || anchors != nil {
		if vouched, err = Anchored(anchors, keys); errors.Is(err, ErrStrange) {
			return Trust{State: analysis.DnssecUnsupported, ids: ids, Finding: new(finding.New(finding.DNSSECAlgorithm, params{"zone": tree.Plain(apex)}, ids...))}, nil
		}
	}
	if len(set) == 0 || err != nil {
		state := analysis.DnssecDSMismatch
		if len(set) == 0 {
			state = analysis.DnssecDSWithoutDNSKEY
		}
		return Trust{State: state, ids: ids, Finding: new(finding.New(finding.DNSSECBogus, params{"zone": tree.Plain(apex)}, ids...))}, nil
	}
	proof, err := Verify(apex, vouched, set, a.Signatures, c.Now())
	if err != nil {
		return c.broken(apex, apex, proof, err, ids), nil
	}
	return Trust{State: analysis.DnssecSignedOK, keys: keys, proof: proof, ids: ids}, nil
}

// broken puts into words why validators refuse what a zone says about a name.
func (c *Chain) broken(zone, name string, proof Proof, why error, ids []ident.ObservationID) Trust {
	t := Trust{ids: ids}
	p := params{"zone": tree.Plain(zone)}
	switch {
	case errors.Is(why, ErrExpired), errors.Is(why, ErrEarly):
		at := proof.Until
		if errors.Is(why, ErrEarly) {
			at = proof.From
		}
		p["at"] = at.UTC().Format(time.RFC3339)
		t.State, t.Finding = analysis.DnssecExpired, new(finding.New(finding.DNSSECExpired, p, ids...))
	case errors.Is(why, ErrDenial):
		p["name"] = tree.Plain(name)
		t.State, t.Finding = analysis.DnssecMissingNSEC, new(finding.New(finding.DNSSECDenialMissing, p, ids...))
	default:
		t.State, t.Finding = analysis.DnssecDSMismatch, new(finding.New(finding.DNSSECBogus, p, ids...))
	}
	return t
}

// checks verifies what one answer says about a question, the absence of it too.
func (c *Chain) checks(a tree.Answer, k tree.Key, zone string, keys []*dns.DNSKEY) (Proof, error) {
	now := c.Now()
	set := a.At(k.Name, k.Type)
	if len(set) == 0 {
		set = a.At(k.Name, dns.TypeCNAME)
	}
	if len(set) > 0 && set[0].Header().Rrtype == dns.TypeCNAME && slices.ContainsFunc(a.Signatures, func(s *dns.RRSIG) bool {
		return s.TypeCovered == dns.TypeDNAME && tree.Below(s.Hdr.Name, k.Name)
	}) {
		return Proof{}, nil // made of a DNAME, and never signed itself (RFC 6672 section 5.3.1)
	}
	var proof Proof
	var err error
	if len(set) > 0 {
		if proof, err = Verify(zone, keys, set, a.Signatures, now); err != nil || proof.Wildcard == "" || proof.Wildcard == k.Name {
			return proof, err
		}
	}
	denial, err := Read(zone, keys, a.Authority, a.Signatures, now)
	switch {
	case err != nil:
		return denial.Proof(), err
	case len(set) > 0 && !denial.Absent(zone, k.Name), len(set) == 0 && !denial.NoData(zone, k.Name, k.Type):
		return denial.Proof(), ErrDenial
	}
	return denial.Proof(), nil
}

// Verify checks what every server answered to the questions that decide, once the zone's keys are known.
func (c *Chain) Verify(t *Trust, m *tree.Matrix) {
	if t.keys == nil || t.State != analysis.DnssecSignedOK {
		return
	}
	rank := []error{ErrDenial, ErrUnsigned, ErrBroken, ErrEarly, ErrExpired}
	ending, ids := t.proof, t.ids
	var worst error
	var found Trust
	for _, column := range m.Columns {
		for k, a := range column.Got {
			if !a.Authoritative || !tree.Within(m.Zone, k.Name) {
				continue
			}
			proof, err := c.checks(a, k, m.Zone, t.keys)
			switch {
			case err != nil && (worst == nil || slices.Index(rank, err) > slices.Index(rank, worst)):
				worst, found = err, c.broken(m.Zone, k.Name, proof, err, append(slices.Clone(t.ids), a.ID))
			case err == nil && !proof.Until.IsZero() && proof.Until.Before(ending.Until):
				ending, ids = proof, append(slices.Clone(t.ids), a.ID)
			}
		}
	}
	switch {
	case worst != nil:
		t.State, t.Finding = found.State, found.Finding
	case ending.Ending(c.Now()):
		t.State = analysis.DnssecExpiring
		t.Finding = new(finding.New(finding.DNSSECExpiring, params{"zone": tree.Plain(m.Zone), "at": ending.Until.UTC().Format(time.RFC3339)}, ids...))
		if ending.Short(c.Now()) {
			t.Finding.Severity = finding.Info
		}
	}
}
