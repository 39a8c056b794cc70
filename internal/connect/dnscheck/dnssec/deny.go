package dnssec

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// maxIterations of NSEC3 beyond which a zone counts as unsigned (RFC 9276 section 3.2).
const maxIterations = 100

// Denial is what a negative answer, or one made from a wildcard, brought as proof.
type Denial struct {
	nsec  []*dns.NSEC
	nsec3 []*dns.NSEC3
	proof Proof
}

// Read verifies the NSEC and NSEC3 records of an answer. Those without a valid signature prove nothing; why is the error when none is left.
func Read(zone string, keys []*dns.DNSKEY, authority []dns.RR, sigs []*dns.RRSIG, now time.Time) (Denial, error) {
	var d Denial
	reason := ErrDenial
	for _, rr := range authority {
		if !dns.IsSubDomain(zone, rr.Header().Name) || len(d.nsec)+len(d.nsec3) >= tries {
			continue
		}
		switch rr.(type) {
		case *dns.NSEC, *dns.NSEC3:
		default:
			continue
		}
		proof, err := Verify(zone, keys, []dns.RR{rr}, sigs, now)
		if err != nil {
			reason, d.proof = err, proof
			continue
		}
		if d.proof.Until.IsZero() || proof.Until.Before(d.proof.Until) {
			d.proof = proof
		}
		switch rr := rr.(type) {
		case *dns.NSEC:
			d.nsec = append(d.nsec, rr)
		case *dns.NSEC3:
			d.nsec3 = append(d.nsec3, rr)
		}
	}
	if len(d.nsec)+len(d.nsec3) == 0 {
		return d, reason
	}
	return d, nil
}

// Proof is that of the signature that ends first.
func (d Denial) Proof() Proof { return d.proof }

// NoData says that the proof shows that a name has no records of a type: the name itself, nothing at all, or the wildcard above it.
func (d Denial) NoData(zone, name string, qtype uint16) bool {
	for _, n := range d.nsec {
		switch owner := dns.CanonicalName(n.Hdr.Name); {
		case owner == name:
			return lacks(n.TypeBitMap, qtype)
		case covers(n, name):
			if dns.IsSubDomain(name, dns.CanonicalName(n.NextDomain)) {
				return true // an empty non-terminal
			}
			return d.wildcard("*."+strings.TrimPrefix(encloser(n, name), "."), qtype)
		}
	}
	return d.hashed(zone, name, qtype)
}

// Absent says that the proof shows that no such name exists, so that a wildcard may answer for it.
func (d Denial) Absent(zone, name string) bool {
	if slices.ContainsFunc(d.nsec, func(n *dns.NSEC) bool {
		return covers(n, name) && !dns.IsSubDomain(name, dns.CanonicalName(n.NextDomain))
	}) {
		return true
	}
	_, next, _ := d.closest(zone, name)
	return next != ""
}

// wildcard says that the wildcard does not exist, or has no records of the type.
func (d Denial) wildcard(name string, qtype uint16) bool {
	return slices.ContainsFunc(d.nsec, func(n *dns.NSEC) bool {
		return dns.CanonicalName(n.Hdr.Name) == name && lacks(n.TypeBitMap, qtype) || covers(n, name)
	})
}

func lacks(types []uint16, qtype uint16) bool {
	if qtype == dns.TypeDS && slices.Contains(types, dns.TypeSOA) {
		return false // the record of the zone itself, not of its parent
	}
	return !slices.Contains(types, qtype) && !slices.Contains(types, dns.TypeCNAME)
}

// covers says that a name would stand between an NSEC and the next (RFC 4034 section 6.1).
func covers(n *dns.NSEC, name string) bool {
	owner, next := dns.CanonicalName(n.Hdr.Name), dns.CanonicalName(n.NextDomain)
	if compare(owner, name) >= 0 || cut(n.TypeBitMap) && dns.IsSubDomain(owner, name) {
		return false // an ancestor's delegation says nothing of the names below it (RFC 6840 section 4.1)
	}
	return compare(name, next) < 0 || compare(next, owner) <= 0
}

// cut says that names below are not the zone's: a delegation, or a DNAME.
func cut(types []uint16) bool {
	return slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA) || slices.Contains(types, dns.TypeDNAME)
}

// passes says that an NSEC3 leaves a name out. miekg/dns counts its own name among those.
func passes(n *dns.NSEC3, name string) bool { return n.Cover(name) && !n.Match(name) }

func compare(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.CompareFunc(x, y, strings.Compare)
}

// encloser is the closest name above that an NSEC shows to exist.
func encloser(n *dns.NSEC, name string) string {
	labels := max(dns.CompareDomainName(n.Hdr.Name, name), dns.CompareDomainName(n.NextDomain, name))
	all := dns.SplitDomainName(name)
	return dns.Fqdn(strings.Join(all[len(all)-labels:], "."))
}

// hashed is NoData by NSEC3 (RFC 5155 section 8).
func (d Denial) hashed(zone, name string, qtype uint16) bool {
	if slices.ContainsFunc(d.nsec3, func(n *dns.NSEC3) bool { return n.Iterations > maxIterations }) {
		return true
	}
	for _, n := range d.nsec3 {
		if n.Match(name) {
			return lacks(n.TypeBitMap, qtype)
		}
	}
	above, next, optOut := d.closest(zone, name)
	if next == "" {
		return false
	}
	star := "*." + strings.TrimPrefix(above, ".")
	return optOut || slices.ContainsFunc(d.nsec3, func(n *dns.NSEC3) bool { return n.Match(star) && lacks(n.TypeBitMap, qtype) || passes(n, star) })
}

// closest finds the closest encloser that is proven, and the name below it that is proven to be absent; "" when there is no proof.
func (d Denial) closest(zone, name string) (encloser, next string, optOut bool) {
	if len(d.nsec3) == 0 || slices.ContainsFunc(d.nsec3, func(n *dns.NSEC3) bool { return n.Iterations > maxIterations }) {
		return "", "", false
	}
	below := name
	for n := parent(name); dns.IsSubDomain(zone, n); n = parent(n) {
		i := slices.IndexFunc(d.nsec3, func(r *dns.NSEC3) bool { return r.Match(n) })
		if i < 0 {
			if n == "." {
				break
			}
			below = n
			continue
		}
		if cut(d.nsec3[i].TypeBitMap) {
			return "", "", false // what stands below a delegation is not for this zone to deny (RFC 5155 section 8.3)
		}
		for _, r := range d.nsec3 {
			if passes(r, below) {
				return n, below, r.Flags&1 == 1
			}
		}
		return "", "", false
	}
	return "", "", false
}

func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}
