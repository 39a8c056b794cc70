// Package dnssec verifies signatures and proofs of absence with the keys of a zone (RFC 4034, RFC 4035, RFC 5155),
// and follows the chain of both from the root's anchor down to a zone and the answers that decide.
package dnssec

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Why a set or an absence is not proven.
var (
	ErrUnsigned = errors.New("no signature")                      // none by the zone that could be checked
	ErrBroken   = errors.New("no signature fits")                 // each one that was tried is wrong
	ErrExpired  = errors.New("the signatures are expired")        // right, but of the past
	ErrEarly    = errors.New("the signatures are not valid yet")  // right, but of the future
	ErrDenial   = errors.New("the absence is not proven")         // NSEC or NSEC3 are missing or do not say it
	ErrStrange  = errors.New("only algorithms that nobody knows") // validators take the zone as unsigned (RFC 4035 section 5.2)
)

// Proof is when a verified signature ends, or would have been valid.
type Proof struct {
	From, Until time.Time // of the signature that fits, also when now lies outside
	Wildcard    string    // the name it was made for, when the answer was made from a wildcard; "" else
}

// Ending says that less than two days are left of a signature.
func (p Proof) Ending(now time.Time) bool {
	return !p.Until.IsZero() && p.Until.Sub(now) < 48*time.Hour
}

// Short says that the signature never had a long life, and that a quarter of it or more is left. Providers that sign as they answer give
// every signature a day or two: it ends soon, and there is nothing to worry about.
func (p Proof) Short(now time.Time) bool {
	return 4*p.Until.Sub(now) >= p.Until.Sub(p.From)
}

// tries bounds the signatures that are computed for one set: keys and signatures of equal tags would multiply (CVE-2023-50387).
const tries = 8

// Verify checks the signatures over a set, all of one owner and type, by the keys of a zone.
func Verify(zone string, keys []*dns.DNSKEY, set []dns.RR, sigs []*dns.RRSIG, now time.Time) (Proof, error) {
	h := set[0].Header()
	reason, tried, off := ErrUnsigned, 0, Proof{}
	for _, sig := range sigs {
		if sig.Hdr.Name != h.Name || sig.TypeCovered != h.Rrtype || dns.CanonicalName(sig.SignerName) != zone || int(sig.Labels) > dns.CountLabel(h.Name) {
			continue
		}
		for _, key := range keys {
			if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if tried++; tried > tries {
				return Proof{}, ErrBroken
			}
			if sig.Verify(key, set) != nil {
				reason = graver(reason, ErrBroken)
				continue
			}
			from, until := span(sig, now)
			switch {
			case now.Before(from):
				reason, off = graver(reason, ErrEarly), Proof{From: from, Until: until}
			case now.After(until):
				reason, off = graver(reason, ErrExpired), Proof{From: from, Until: until}
			default:
				return Proof{from, until, source(h.Name, sig)}, nil
			}
		}
	}
	return off, reason
}

// graver keeps the reason that says most.
func graver(a, b error) error {
	rank := []error{ErrUnsigned, ErrBroken, ErrExpired, ErrEarly}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}

// span reads the 32-bit times of a signature as the instants nearest to now (RFC 4034 section 3.1.5).
func span(sig *dns.RRSIG, now time.Time) (from, until time.Time) {
	near := func(t uint32) time.Time { return now.Add(time.Duration(int32(t-uint32(now.Unix()))) * time.Second) }
	return near(sig.Inception), near(sig.Expiration)
}

// source is the wildcard that an answer was made from (RFC 4035 section 5.3.2), or "".
func source(owner string, sig *dns.RRSIG) string {
	labels := dns.SplitDomainName(owner)
	if len(labels) > 0 && labels[0] == "*" {
		labels = labels[1:]
	}
	if int(sig.Labels) >= len(labels) {
		return ""
	}
	return "*." + dns.Fqdn(strings.Join(labels[len(labels)-int(sig.Labels):], "."))
}

// known algorithms and digests: those that validators in use check (RFC 8624).
func knownAlgorithm(a uint8) bool {
	switch a {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

func knownDigest(d uint8) bool { return d == dns.SHA1 || d == dns.SHA256 || d == dns.SHA384 }

// Anchored gives the keys that a DS set vouches for. ErrStrange says that none of the set can be checked, ErrBroken that no key fits.
func Anchored(set []*dns.DS, keys []*dns.DNSKEY) ([]*dns.DNSKEY, error) {
	reason := ErrStrange
	var out []*dns.DNSKEY
	for _, ds := range set {
		if !knownAlgorithm(ds.Algorithm) || !knownDigest(ds.DigestType) {
			continue
		}
		reason = ErrBroken
		for _, k := range keys {
			if k.Algorithm != ds.Algorithm || k.KeyTag() != ds.KeyTag || slices.Contains(out, k) {
				continue
			}
			if made := k.ToDS(ds.DigestType); made != nil && strings.EqualFold(made.Digest, ds.Digest) {
				out = append(out, k)
			}
		}
	}
	if len(out) == 0 {
		return nil, reason
	}
	return out, nil
}

// ZoneKeys are the keys of a set that sign zones: with the zone bit, of protocol 3, not revoked (RFC 4034 section 2.1, RFC 5011).
func ZoneKeys(rrs []dns.RR) []*dns.DNSKEY {
	var out []*dns.DNSKEY
	for _, rr := range rrs {
		if k, ok := rr.(*dns.DNSKEY); ok && k.Flags&dns.ZONE != 0 && k.Flags&dns.REVOKE == 0 && k.Protocol == 3 {
			out = append(out, k)
		}
	}
	return out
}
