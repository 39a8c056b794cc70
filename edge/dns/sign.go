package edgedns

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Key signs the whole zone, its own record included: a combined signing key (RFC 9499) of ECDSA P-256 with SHA-256 (RFC 6605). Where there are
// several, each signs everything, so that the parent may name any of them while one follows another.
type Key struct {
	record  *dns.DNSKEY
	private crypto.Signer
	tag     uint16
}

// NewKey makes a key and gives it as PKCS #8. Its tag is none of those taken.
func NewKey(zone string, taken ...*Key) ([]byte, error) {
	for {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		plain, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, err
		}
		k, err := ReadKey(zone, plain)
		if err != nil {
			return nil, err
		}
		same := func(o *Key) bool { return o.Tag() == k.Tag() }
		if k.Tag() != 0 && !slices.ContainsFunc(taken, same) { // miekg/dns takes 0 for no key
			return plain, nil
		}
	}
}

// ReadKey reads what NewKey made, for the zone that it signs.
func ReadKey(zone string, plain []byte) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("read a key of %s: %w", zone, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("read a key of %s: %w", zone, errors.New("it is not one of ECDSA P-256"))
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("read a key of %s: %w", zone, err)
	}
	k := &Key{private: private, record: &dns.DNSKEY{
		Hdr:   header(strings.TrimSuffix(strings.ToLower(zone), ".")+".", dns.TypeDNSKEY, ttlStable),
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256, PublicKey: base64.StdEncoding.EncodeToString(point[1:]), // without the 4 of an uncompressed point
	}}
	k.tag = k.record.KeyTag()
	return k, nil
}

// Tag is the key's short name (RFC 4034 appendix B).
func (k *Key) Tag() uint16 { return k.tag }

// PKCS8 is the key with its secret, for ReadKey.
func (k *Key) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }

// DS is the record that the operator sets beside the delegation, in the form of a zone file.
func (k *Key) DS() string {
	ds := k.record.ToDS(dns.SHA256)
	return fmt.Sprintf("%s DS %d %d %d %s", k.record.Hdr.Name, ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(ds.Digest))
}

// How long a signature holds, how long before that it is made anew, and what a clock may be behind ours.
const (
	signatureLife = 7 * 24 * time.Hour
	signatureRest = 4 * 24 * time.Hour
	clockSkew     = time.Hour
)

// signing is what the zone is signed with; without keys it is not signed.
type signing struct {
	keys atomic.Pointer[[]*Key]
	news chan struct{}
	done signatures
}

// look makes Run read the keys again.
func (s *signing) look() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *signing) all() []*Key {
	if keys := s.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

// records are the keys themselves, and what tells the parent to name the newest (RFC 7344).
func (s *signing) records(name string, qtype uint16) (out []dns.RR) {
	keys := s.all()
	for n, k := range keys {
		key := *k.record
		key.Hdr = header(name, qtype, ttlStable)
		switch {
		case qtype == dns.TypeDNSKEY:
			out = append(out, &key)
		case n < len(keys)-1:
		case qtype == dns.TypeCDNSKEY:
			out = append(out, &dns.CDNSKEY{DNSKEY: key})
		case qtype == dns.TypeCDS:
			out = append(out, &dns.CDS{DS: *k.record.ToDS(dns.SHA256)})
			out[len(out)-1].Header().Name, out[len(out)-1].Header().Rrtype, out[len(out)-1].Header().Ttl = name, qtype, ttlStable
		}
	}
	return out
}

// readKeys takes the zone's keys over. Before the first time nothing is answered, because an answer without a signature is as bad as none to
// whoever knows that there must be one.
func (s *Server) readKeys(ctx context.Context) error {
	if s.Keys == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	keys, err := s.Keys(ctx)
	if err == nil && len(keys) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return fmt.Errorf("read the keys of %s: %w", s.Zone, err)
	}
	s.signing.keys.Store(&keys)
	s.signing.done.forget()
	s.ready.forget()
	return nil
}

const (
	keysTime  = 5 * time.Second
	keysEvery = time.Minute // a key that was added is known at once by the projection; this is for one that could not be read then
)

// sign adds the signatures to an answer of the edge zone, and the proof to an absence.
//
// Names that do not exist are proven absent by a record made for the question (compact denial, RFC 9824): it says that the very name has no type
// but NXNAME. So nobody can walk through the zone, and no answer names a target that was not asked for. The rcode is then NOERROR, except for
// clients that say they know (the flag CO).
func (s *Server) sign(m *dns.Msg, q dns.Question, n node, exists bool, opt *dns.OPT) {
	keys := s.signing.all()
	if q.Qtype == dns.TypeRRSIG && len(m.Answer) > 0 {
		return
	}
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, s.nsec(n, q.Name, exists))
		if !exists && !opt.Co() {
			m.Rcode = dns.RcodeSuccess
		}
	}
	now := s.now()
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		var out []dns.RR
		for set := range sets(*section) {
			out = append(out, set...)
			for _, k := range keys {
				if sig := s.signing.done.of(k, s.zoneName()+".", set, now); sig != nil {
					out = append(out, sig)
				}
			}
		}
		*section = out
	}
}

// nsec says which types a name has, and that there is nothing between it and the next possible one.
func (s *Server) nsec(n node, name string, exists bool) dns.RR {
	types := []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}
	if exists {
		types = append(s.types(n, name), dns.TypeRRSIG, dns.TypeNSEC)
	}
	slices.Sort(types)
	return &dns.NSEC{Hdr: header(name, dns.TypeNSEC, n.negative), NextDomain: successor(name), TypeBitMap: types}
}

// proof answers those who ask for an NSEC or for signatures themselves. Of the signatures one set is enough (RFC 8482 section 4.1).
func (s *Server) proof(n node, q dns.Question) (out []dns.RR) {
	keys := s.signing.all()
	if len(keys) == 0 {
		return nil
	}
	set := []dns.RR{s.nsec(n, q.Name, true)}
	if q.Qtype == dns.TypeNSEC {
		return set
	}
	for _, k := range keys {
		if sig := s.signing.done.of(k, s.zoneName()+".", set, s.now()); sig != nil {
			out = append(out, sig)
		}
	}
	return out
}

// sets goes through the RRsets of a section, which stand together there.
func sets(section []dns.RR) func(yield func([]dns.RR) bool) {
	return func(yield func([]dns.RR) bool) {
		for len(section) > 0 {
			n, h := 1, section[0].Header()
			for n < len(section) && section[n].Header().Rrtype == h.Rrtype && section[n].Header().Name == h.Name {
				n++
			}
			if !yield(section[:n:n]) {
				return
			}
			section = section[n:]
		}
	}
}

// successor is the name right behind another in the zone's order (RFC 4471 section 3.1): the first below it, or, where that is too long for a
// name, the same name with the last octet of its first label raised. We have no names between them.
func successor(name string) string {
	wire := make([]byte, 256)
	end, err := dns.PackDomainName(strings.ToLower(name), wire, 0, nil, false)
	if err != nil || end+2 <= 255 {
		return `\000.` + strings.ToLower(name)
	}
	length := int(wire[0])
	for length > 1 && wire[length] == 0xff {
		copy(wire[length:], wire[length+1:end])
		length, end = length-1, end-1
	}
	wire[0] = byte(length)
	if wire[length]++; wire[length] == 'A' { // upper case sorts as lower
		wire[length] = 'Z' + 1
	}
	next, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return `\000.` + strings.ToLower(name)
	}
	return next
}

// signatures remembers what was signed. Its memory is bounded: of two halves the older is dropped when the newer is full, so a flood of names that
// do not exist costs the signatures of seldom names, which are then made again.
type signatures struct {
	mu            sync.Mutex
	young, former map[string]*dns.RRSIG
}

const signaturesMost = 20_000 // in one half; about 10 MB

func (c *signatures) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.former = nil, nil
}

// of is the signature of a set, spelled as its owner is.
func (c *signatures) of(k *Key, zone string, set []dns.RR, now time.Time) *dns.RRSIG {
	h := set[0].Header()
	name := identity(k, set)
	c.mu.Lock()
	sig := c.young[name]
	if sig == nil {
		if sig = c.former[name]; sig != nil {
			c.keep(name, sig)
		}
	}
	c.mu.Unlock()
	if sig == nil || now.Add(signatureRest).After(time.Unix(int64(sig.Expiration), 0)) || now.Before(time.Unix(int64(sig.Inception), 0)) {
		sig = &dns.RRSIG{
			Hdr: dns.RR_Header{Ttl: h.Ttl}, KeyTag: k.Tag(), SignerName: zone, Algorithm: k.record.Algorithm,
			Inception: uint32(now.Add(-clockSkew).Unix()), Expiration: uint32(now.Add(signatureLife).Unix()),
		}
		if err := sig.Sign(k.private, set); err != nil {
			return nil // the set cannot be packed, so it cannot be sent either
		}
		c.mu.Lock()
		c.keep(name, sig)
		c.mu.Unlock()
	}
	spelled := *sig
	spelled.Hdr.Name = h.Name
	return &spelled
}

func (c *signatures) keep(name string, sig *dns.RRSIG) {
	if len(c.young) >= signaturesMost {
		c.former, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = make(map[string]*dns.RRSIG, 64)
	}
	c.young[name] = sig
}

// identity is all that a signature depends on.
func identity(k *Key, set []dns.RR) string {
	buf := make([]byte, 512)
	owner, err := dns.PackDomainName(set[0].Header().Name, buf, 0, nil, false) // however it is spelled
	if err != nil {
		owner = 0
	}
	rows := make([]string, len(set))
	for i, rr := range set {
		if most := dns.Len(rr); most > len(buf) {
			buf = make([]byte, most)
		}
		if end, err := dns.PackRR(rr, buf, 0, nil, false); err == nil {
			rows[i] = string(buf[owner:end])
		}
	}
	slices.Sort(rows)
	return strings.ToLower(set[0].Header().Name) + string([]byte{0, byte(k.Tag() >> 8), byte(k.Tag())}) + strings.Join(rows, "")
}
