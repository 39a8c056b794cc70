package authority

import (
	"crypto"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// signer holds a zone's two ECDSA P-256 keys, made at start and kept nowhere (RFC 6605).
type signer struct {
	ksk, zsk         *dns.DNSKEY
	kskPriv, zskPriv crypto.Signer
}

type sigKey struct {
	name string
	typ  uint16
}

const keyTTL = 3600

func newSigner(apex string) *signer {
	s := &signer{}
	make1 := func(flags uint16) (*dns.DNSKEY, crypto.Signer) {
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: apex, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: keyTTL},
			Flags: flags, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
		}
		priv, err := k.Generate(256)
		if err != nil {
			panic("lab: make a DNSSEC key: " + err.Error())
		}
		return k, priv.(crypto.Signer)
	}
	s.ksk, s.kskPriv = make1(257)
	s.zsk, s.zskPriv = make1(256)
	return s
}

func (s *signer) keys() []dns.RR { return []dns.RR{s.ksk, s.zsk} }

// rrsig signs one RRset. Signatures are valid from an hour ago for 90 days of the real time: validators
// read their own clock, not the world's.
func (s *signer) rrsig(apex string, set []dns.RR) *dns.RRSIG {
	now := time.Now()
	key, priv := s.zsk, s.zskPriv
	if set[0].Header().Rrtype == dns.TypeDNSKEY {
		key, priv = s.ksk, s.kskPriv
	}
	sig := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: set[0].Header().Ttl},
		KeyTag:     key.KeyTag(),
		SignerName: apex,
		Algorithm:  key.Algorithm,
		Inception:  uint32(now.Add(-time.Hour).Unix()),
		Expiration: uint32(now.Add(90 * 24 * time.Hour).Unix()),
	}
	if err := sig.Sign(priv, set); err != nil {
		panic("lab: sign " + set[0].Header().Name + ": " + err.Error())
	}
	return sig
}

// signature is rrsig, remembered for sets that are stored in the zone.
func (d *data) signature(set []dns.RR) *dns.RRSIG {
	h := set[0].Header()
	k := sigKey{h.Name, h.Rrtype}
	if v, ok := d.sigs.Load(k); ok {
		return v.(*dns.RRSIG)
	}
	sig := d.zone.sign.rrsig(d.zone.apex, set)
	d.sigs.Store(k, sig)
	return sig
}

// nsec makes the NSEC record of a name of the chain.
func (d *data) nsec(i int) dns.RR {
	chain := d.nsecChain()
	name := chain[i]
	types := []uint16{dns.TypeNSEC, dns.TypeRRSIG}
	n := d.nodes[name]
	for t := range n.sets {
		if d.cut(name) == name && t != dns.TypeNS && t != dns.TypeDS {
			continue
		}
		types = append(types, t)
	}
	if n.alias != nil {
		types = append(types, dns.TypeA, dns.TypeAAAA)
	}
	slices.Sort(types)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: d.zone.soa.Minttl},
		NextDomain: chain[(i+1)%len(chain)],
		TypeBitMap: slices.Compact(types),
	}
}

// covering is the NSEC at or before name: it matches the name or proves that it does not exist.
func (d *data) covering(name string) dns.RR {
	chain := d.nsecChain()
	i, found := slices.BinarySearchFunc(chain, name, canonicalCompare)
	if !found {
		i = (i - 1 + len(chain)) % len(chain)
	}
	return d.nsec(i)
}
