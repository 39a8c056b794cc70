package dnssec

import (
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// zone signs records with a key of its own.
type zone struct {
	key    *dns.DNSKEY
	signer crypto.Signer
}

func newZone(t testing.TB, apex string, algorithm uint8) zone {
	t.Helper()
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 257, Protocol: 3, Algorithm: algorithm}
	bits := map[uint8]int{dns.RSASHA256: 2048, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}[algorithm]
	p, err := k.Generate(bits)
	if err != nil {
		t.Fatal(err)
	}
	return zone{k, p.(crypto.Signer)}
}

func (z zone) sign(t testing.TB, from, until time.Time, set ...dns.RR) *dns.RRSIG {
	t.Helper()
	sig := &dns.RRSIG{Hdr: dns.RR_Header{Ttl: 60}, KeyTag: z.key.KeyTag(), SignerName: z.key.Hdr.Name, Algorithm: z.key.Algorithm, Inception: uint32(from.Unix()), Expiration: uint32(until.Unix())}
	if err := sig.Sign(z.signer, set); err != nil {
		t.Fatal(err)
	}
	return sig
}

func rr(t testing.TB, line string) dns.RR {
	t.Helper()
	out, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestVerify(t *testing.T) {
	t.Parallel()
	z := newZone(t, "acme.lab.", dns.ECDSAP256SHA256)
	other := newZone(t, "acme.lab.", dns.ECDSAP256SHA256)
	a := rr(t, "shop.acme.lab. 60 IN A 192.0.2.1")
	day := 24 * time.Hour
	good := z.sign(t, now.Add(-day), now.Add(30*day), a)
	changed := dns.Copy(good).(*dns.RRSIG)
	changed.OrigTtl = 61
	foreign := dns.Copy(good).(*dns.RRSIG)
	foreign.SignerName = "lab."
	keys := []*dns.DNSKEY{z.key}
	many := make([]*dns.RRSIG, 1000)
	for i := range many {
		many[i] = changed
	}
	for name, c := range map[string]struct {
		sigs []*dns.RRSIG
		keys []*dns.DNSKEY
		want error
	}{
		"Good":             {[]*dns.RRSIG{good}, keys, nil},
		"None":             {nil, keys, ErrUnsigned},
		"OfAnotherKey":     {[]*dns.RRSIG{other.sign(t, now.Add(-day), now.Add(day), a)}, keys, ErrUnsigned},
		"Changed":          {[]*dns.RRSIG{changed}, keys, ErrBroken},
		"OfTheParent":      {[]*dns.RRSIG{foreign}, keys, ErrUnsigned},
		"Expired":          {[]*dns.RRSIG{z.sign(t, now.Add(-3*day), now.Add(-day), a)}, keys, ErrExpired},
		"Early":            {[]*dns.RRSIG{z.sign(t, now.Add(day), now.Add(3*day), a)}, keys, ErrEarly},
		"ExpiredAndGood":   {[]*dns.RRSIG{z.sign(t, now.Add(-3*day), now.Add(-day), a), good}, keys, nil},
		"NoKeys":           {[]*dns.RRSIG{good}, nil, ErrUnsigned},
		"KeyTrap":          {append(many, good), keys, ErrBroken},
		"SetOfAnotherName": {[]*dns.RRSIG{z.sign(t, now.Add(-day), now.Add(day), rr(t, "www.acme.lab. 60 IN A 192.0.2.1"))}, keys, ErrUnsigned},
	} {
		proof, err := Verify("acme.lab.", c.keys, []dns.RR{a}, c.sigs, now)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil && (!proof.Until.Equal(now.Add(30*day)) || proof.Wildcard != "") {
			t.Errorf("%s: %+v", name, proof)
		}
	}
	for _, algorithm := range []uint8{dns.RSASHA256, dns.ECDSAP384SHA384, dns.ED25519} {
		z := newZone(t, "acme.lab.", algorithm)
		if _, err := Verify("acme.lab.", []*dns.DNSKEY{z.key}, []dns.RR{a}, []*dns.RRSIG{z.sign(t, now.Add(-day), now.Add(day), a)}, now); err != nil {
			t.Errorf("algorithm %d: %v", algorithm, err)
		}
	}
}

func TestWildcardProof(t *testing.T) {
	t.Parallel()
	z := newZone(t, "acme.lab.", dns.ECDSAP256SHA256)
	sig := z.sign(t, now.Add(-time.Hour), now.Add(time.Hour), rr(t, "*.acme.lab. 60 IN A 192.0.2.1"))
	sig.Hdr.Name = "shop.acme.lab."
	p, err := Verify("acme.lab.", []*dns.DNSKEY{z.key}, []dns.RR{rr(t, "shop.acme.lab. 60 IN A 192.0.2.1")}, []*dns.RRSIG{sig}, now)
	if err != nil || p.Wildcard != "*.acme.lab." {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestEnding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, left time.Duration
		want         bool
	}{
		{20 * 24 * time.Hour, 24 * time.Hour, true}, {20 * 24 * time.Hour, 72 * time.Hour, false}, {24 * time.Hour, 24 * time.Hour, true}, {47 * time.Hour, time.Hour, true},
	} {
		if got := (Proof{From: now.Add(-c.before), Until: now.Add(c.left)}).Ending(now); got != c.want {
			t.Errorf("%s of %s are left: %v", c.left, c.before+c.left, got)
		}
	}
	day := Proof{From: now.Add(-24 * time.Hour), Until: now.Add(24 * time.Hour)}
	if !day.Short(now) || day.Short(now.Add(20*time.Hour)) {
		t.Error("a signature of two days is short until its last quarter")
	}
	if (Proof{}).Ending(now) {
		t.Error("no signature ends")
	}
}

func TestAnchored(t *testing.T) {
	t.Parallel()
	z, other := newZone(t, "acme.lab.", dns.ECDSAP256SHA256), newZone(t, "acme.lab.", dns.ECDSAP256SHA256)
	good, alien, strange := z.key.ToDS(dns.SHA256), other.key.ToDS(dns.SHA256), z.key.ToDS(dns.SHA256)
	strange.Algorithm = 99
	for name, c := range map[string]struct {
		set  []*dns.DS
		want error
	}{
		"Good":     {[]*dns.DS{good}, nil},
		"SHA384":   {[]*dns.DS{z.key.ToDS(dns.SHA384)}, nil},
		"OneOfTwo": {[]*dns.DS{alien, good}, nil},
		"Alien":    {[]*dns.DS{alien}, ErrBroken},
		"Strange":  {[]*dns.DS{strange}, ErrStrange},
		"Mixed":    {[]*dns.DS{strange, alien}, ErrBroken},
	} {
		keys, err := Anchored(c.set, ZoneKeys([]dns.RR{z.key}))
		if !errors.Is(err, c.want) || (len(keys) == 1) != (c.want == nil) {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
	revoked := dns.Copy(z.key).(*dns.DNSKEY)
	revoked.Flags |= dns.REVOKE
	if len(ZoneKeys([]dns.RR{revoked})) != 0 {
		t.Error("a revoked key signs nothing")
	}
}

// TestDenial shows which proofs prove what, for NSEC and for the same zone with NSEC3.
func TestDenial(t *testing.T) {
	t.Parallel()
	z := newZone(t, "acme.lab.", dns.ECDSAP256SHA256)
	names := []string{"acme.lab.", "a.b.acme.lab.", "sub.acme.lab.", "*.wild.acme.lab.", "www.acme.lab."}
	types := map[string][]uint16{
		"acme.lab.": {dns.TypeNS, dns.TypeSOA, dns.TypeRRSIG, dns.TypeDNSKEY}, "a.b.acme.lab.": {dns.TypeA}, "*.wild.acme.lab.": {dns.TypeA}, "sub.acme.lab.": {dns.TypeNS}, "www.acme.lab.": {dns.TypeCNAME},
	}
	nsec := func(i int) dns.RR {
		return &dns.NSEC{Hdr: dns.RR_Header{Name: names[i], Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 60}, NextDomain: names[(i+1)%len(names)], TypeBitMap: types[names[i]]}
	}
	var all []dns.RR
	for i := range names {
		all = append(all, nsec(i))
	}
	hashed := hash(append(slices.Clone(names), "b.acme.lab.", "wild.acme.lab."), types)
	for name, c := range map[string]struct {
		name   string
		qtype  uint16
		noData bool
		absent bool
	}{
		"NoSuchName":          {"shop.acme.lab.", dns.TypeCNAME, true, true},
		"NoSuchType":          {"a.b.acme.lab.", dns.TypeTXT, true, false},
		"Exists":              {"a.b.acme.lab.", dns.TypeA, false, false},
		"AliasInstead":        {"www.acme.lab.", dns.TypeA, false, false},
		"EmptyNonTerminal":    {"b.acme.lab.", dns.TypeA, true, false},
		"WildcardAnswers":     {"x.wild.acme.lab.", dns.TypeA, false, true},
		"WildcardWithoutType": {"x.wild.acme.lab.", dns.TypeTXT, true, true},
		"InsecureDelegation":  {"sub.acme.lab.", dns.TypeDS, true, false},
		"BelowADelegation":    {"x.sub.acme.lab.", dns.TypeA, false, false},
		"DSOfTheZoneItself":   {"acme.lab.", dns.TypeDS, false, false},
	} {
		for kind, set := range map[string][]dns.RR{"NSEC": all, "NSEC3": hashed} {
			var sigs []*dns.RRSIG
			for _, n := range set {
				sigs = append(sigs, z.sign(t, now.Add(-time.Hour), now.Add(time.Hour), n))
			}
			d, err := Read("acme.lab.", []*dns.DNSKEY{z.key}, set, sigs, now)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.NoData("acme.lab.", c.name, c.qtype); got != c.noData {
				t.Errorf("%s, %s: proves that %s has no %s: %v", kind, name, c.name, dns.TypeToString[c.qtype], got)
			}
			if got := d.Absent("acme.lab.", c.name); got != c.absent {
				t.Errorf("%s, %s: proves that %s does not exist: %v", kind, name, c.name, got)
			}
			if len(sigs) > 0 {
				if _, err := Read("acme.lab.", []*dns.DNSKEY{z.key}, set, nil, now); !errors.Is(err, ErrUnsigned) {
					t.Errorf("%s, %s without signatures: %v", kind, name, err)
				}
			}
		}
	}
	if _, err := Read("acme.lab.", []*dns.DNSKEY{z.key}, nil, nil, now); !errors.Is(err, ErrDenial) {
		t.Errorf("nothing proves nothing: %v", err)
	}
}

// hash makes the NSEC3 chain of names.
func hash(names []string, types map[string][]uint16) []dns.RR {
	by := map[string]string{}
	var hashes []string
	for _, n := range names {
		h := dns.HashName(n, dns.SHA1, 0, "")
		by[h], hashes = n, append(hashes, h)
	}
	slices.Sort(hashes)
	var out []dns.RR
	for i, h := range hashes {
		out = append(out, &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: strings.ToLower(h) + ".acme.lab.", Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 60},
			Hash: dns.SHA1, HashLength: 20, NextDomain: hashes[(i+1)%len(hashes)], TypeBitMap: types[by[h]],
		})
	}
	return out
}

// FuzzProof shows a message of anybody's making to everything that reads proofs.
func FuzzProof(f *testing.F) {
	z := newZone(f, "acme.lab.", dns.ECDSAP256SHA256)
	for _, set := range [][]dns.RR{{rr(f, "shop.acme.lab. 60 IN A 192.0.2.1")}, {rr(f, "a.acme.lab. 60 IN NSEC z.acme.lab. A RRSIG")}, hash([]string{"acme.lab."}, nil)} {
		m := new(dns.Msg)
		m.SetQuestion("shop.acme.lab.", dns.TypeA)
		m.Answer, m.Ns = set, []dns.RR{z.sign(f, now.Add(-time.Hour), now.Add(time.Hour), set...), z.key, z.key.ToDS(dns.SHA256)}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		m := new(dns.Msg)
		if m.Unpack(packet) != nil {
			return
		}
		var sigs []*dns.RRSIG
		var set []*dns.DS
		all := slices.DeleteFunc(slices.Concat(m.Answer, m.Ns), func(rr dns.RR) bool { return rr == nil })
		for _, rr := range all {
			rr.Header().Name = dns.CanonicalName(rr.Header().Name)
			switch rr := rr.(type) {
			case *dns.RRSIG:
				sigs = append(sigs, rr)
			case *dns.DS:
				set = append(set, rr)
			}
		}
		keys := ZoneKeys(all)
		_, _ = Anchored(set, keys)
		own := []*dns.DNSKEY{z.key}
		if len(m.Answer) > 0 {
			_, _ = Verify("acme.lab.", append(keys, own...), m.Answer, sigs, now)
		}
		d, _ := Read("acme.lab.", own, all, sigs, now)
		for _, rr := range all {
			switch rr := rr.(type) {
			case *dns.NSEC:
				d.nsec = append(d.nsec, rr)
			case *dns.NSEC3:
				d.nsec3 = append(d.nsec3, rr)
			}
		}
		for _, name := range []string{"shop.acme.lab.", "acme.lab.", "a.b.c.acme.lab."} {
			_, _ = d.NoData("acme.lab.", name, dns.TypeA), d.Absent("acme.lab.", name)
		}
	})
}
