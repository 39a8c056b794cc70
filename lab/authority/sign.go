package authority

import (
	"crypto"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Signer holds a zone's two ECDSA P-256 keys, made at start and kept nowhere (RFC 6605).
type Signer struct {
	From, Until time.Duration // when signatures begin and end to be valid, from now; an hour ago and 90 days when both are 0

	ksk, zsk         *dns.DNSKEY
	kskPriv, zskPriv crypto.Signer
}

type sigKey struct {
	name string
	typ  uint16
}

const keyTTL = 3600

// NewSigner makes the keys of a zone.
func NewSigner(apex string) *Signer {
	s := &Signer{}
	apex = dns.CanonicalName(apex)
	make1 := func(flags uint16) (*dns.DNSKEY, crypto.Signer) {
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: apex, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: keyTTL},
			Flags: flags, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
		}
		for {
			priv, err := k.Generate(256)
			if err != nil {
				panic("lab: make a DNSSEC key: " + err.Error())
			}
			if k.KeyTag() != 0 { // which miekg/dns takes for none
				return k, priv.(crypto.Signer)
			}
		}
	}
	s.ksk, s.kskPriv = make1(257)
	s.zsk, s.zskPriv = make1(256)
	return s
}

// DS is the delegation signer record for the zone's parent.
func (s *Signer) DS() *dns.DS { return s.ksk.ToDS(dns.SHA256) }

func (s *Signer) keys() []dns.RR { return []dns.RR{s.ksk, s.zsk} }

// rrsig signs one RRset. Signatures count from the world's clock, and when that one was moved they are valid by the real time too, which
// other validators read.
func (s *Signer) rrsig(apex string, now time.Time, set []dns.RR) *dns.RRSIG {
	from, until := now.Add(s.From), now.Add(s.Until)
	if s.From == 0 && s.Until == 0 {
		from, until = now.Add(-time.Hour), now.Add(90*24*time.Hour)
		if t := time.Now(); t.Before(now) {
			from = t.Add(-time.Hour)
		}
	}
	key, priv := s.zsk, s.zskPriv
	if set[0].Header().Rrtype == dns.TypeDNSKEY {
		key, priv = s.ksk, s.kskPriv
	}
	sig := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: set[0].Header().Ttl},
		KeyTag:     key.KeyTag(),
		SignerName: apex,
		Algorithm:  key.Algorithm,
		Inception:  uint32(from.Unix()),
		Expiration: uint32(until.Unix()),
	}
	if err := sig.Sign(priv, set); err != nil {
		panic("lab: sign " + set[0].Header().Name + ": " + err.Error())
	}
	return sig
}

// signature is rrsig, remembered for a day for sets that are stored in the zone.
func (d *data) signature(set []dns.RR) *dns.RRSIG {
	h, now := set[0].Header(), d.zone.now()
	k := sigKey{h.Name, h.Rrtype}
	if v, ok := d.sigs.Load(k); ok && now.Sub(v.(signed).at).Abs() < 24*time.Hour {
		return v.(signed).sig
	}
	sig := d.zone.sign.rrsig(d.zone.apex, now, set)
	d.sigs.Store(k, signed{sig, now})
	return sig
}

type signed struct {
	sig *dns.RRSIG
	at  time.Time
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

// Records are all of the zone's, as a zone file holds them; with the NSEC chain and all signatures when the zone is signed.
func (z *Zone) Records() []dns.RR {
	z.mu.Lock()
	d := z.last()
	z.mu.Unlock()
	var out []dns.RR
	for name, n := range d.nodes {
		for t, set := range n.sets {
			out = append(out, set...)
			if cut := d.cut(name); z.sign != nil && (cut == "" || cut == name && t == dns.TypeDS) {
				out = append(out, d.signature(set))
			}
		}
	}
	if z.sign != nil {
		for i := range d.nsecChain() {
			n := d.nsec(i)
			out = append(out, n, d.signature([]dns.RR{n}))
		}
	}
	return out
}
