package lab_test

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab"
)

// verify checks every RRset of a section that the zone signs against its keys.
func verify(t *testing.T, keys []dns.RR, section []dns.RR, wantSigned bool) {
	t.Helper()
	sigs := 0
	for _, rr := range section {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		sigs++
		set := slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool {
			return rr.Header().Name != sig.Hdr.Name || rr.Header().Rrtype != sig.TypeCovered
		})
		good := slices.ContainsFunc(keys, func(k dns.RR) bool {
			key, ok := k.(*dns.DNSKEY)
			return ok && key.KeyTag() == sig.KeyTag && sig.Verify(key, set) == nil
		})
		if !good || !sig.ValidityPeriod(time.Now()) {
			t.Errorf("signature over %s %s does not verify", sig.Hdr.Name, dns.Type(sig.TypeCovered))
		}
	}
	if wantSigned && sigs == 0 {
		t.Errorf("no signature in %v", section)
	}
}

func TestDNSSEC(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Zone("signed.lab").Set("*.wild", "TXT", "x").Set("a.b.c", "A", "127.0.0.3")
	plain := server(w, "plain", "ns1")
	keysOf := func(zone string) []dns.RR {
		at := w.Addresses.TLD
		switch zone {
		case ".":
			at = w.Addresses.Root
		case "signed.lab":
			at = plain
		}
		m := ask(t, at, zone, "DNSKEY", dnssec, tcp)
		verify(t, m.Answer, m.Answer, true)
		return m.Answer
	}
	root, tld, signed := keysOf("."), keysOf("lab"), keysOf("signed.lab")

	// The chain of trust from the root: each DS matches a key of the zone below.
	for _, c := range []struct {
		at    func() *dns.Msg
		keys  []dns.RR
		below []dns.RR
	}{
		{func() *dns.Msg { return ask(t, w.Addresses.Root, "lab", "DS", dnssec) }, root, tld},
		{func() *dns.Msg { return ask(t, w.Addresses.TLD, "signed.lab", "DS", dnssec) }, tld, signed},
		{func() *dns.Msg { return ask(t, w.Addresses.TLD, "co.lab", "DS", dnssec) }, tld, keysOf("co.lab")},
	} {
		m := c.at()
		verify(t, c.keys, m.Answer, true)
		ds, ok := m.Answer[0].(*dns.DS)
		if !ok || !slices.ContainsFunc(c.below, func(k dns.RR) bool {
			key, ok := k.(*dns.DNSKEY)
			return ok && key.ToDS(dns.SHA256).Digest == ds.Digest
		}) {
			t.Errorf("DS %v matches no key", m.Answer)
		}
	}

	for name, c := range map[string]struct {
		ask, typ string
		denies   bool
	}{
		"Data":           {"signed.lab", "A", false},
		"NODATA":         {"signed.lab", "TXT", true},
		"NXDOMAIN":       {"zzz.signed.lab", "A", true},
		"Empty terminal": {"b.c.signed.lab", "A", true},
		"Wildcard":       {"q.wild.signed.lab", "TXT", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := ask(t, plain, c.ask, c.typ, dnssec, tcp)
			verify(t, signed, m.Answer, !c.denies)
			verify(t, signed, m.Ns, c.denies)
			if c.denies && !slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeNSEC }) {
				t.Error("no NSEC proves it")
			}
		})
	}

	m := ask(t, w.Addresses.TLD, "acme.lab", "A", dnssec, noRecursion, tcp)
	verify(t, tld, m.Ns, true)
	if !slices.ContainsFunc(m.Ns, func(rr dns.RR) bool {
		n, ok := rr.(*dns.NSEC)
		return ok && n.Hdr.Name == "acme.lab." && !slices.Contains(n.TypeBitMap, dns.TypeDS)
	}) {
		t.Errorf("no proof that acme.lab is unsigned: %v", m.Ns)
	}
	if m := ask(t, w.Addresses.TLD, "bogus.lab", "DS", dnssec); len(m.Answer) < 1 {
		t.Error("bogus.lab has no DS")
	}
	if m := ask(t, plain, "bogus.lab", "DNSKEY", dnssec); len(m.Answer) != 0 {
		t.Error("bogus.lab has a DNSKEY")
	}
}
