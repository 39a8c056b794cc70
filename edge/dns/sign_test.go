package edgedns

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

func newKeys(t *testing.T, n int) (out []*Key) {
	t.Helper()
	for range n {
		plain, err := NewKey("edge.lab", out...)
		if err != nil {
			t.Fatal(err)
		}
		k, err := ReadKey("Edge.lab.", plain)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

// signedBy is a server whose zone some keys sign.
func signedBy(keys ...*Key) func(*Server) {
	return func(s *Server) { s.Keys = func(context.Context) ([]*Key, error) { return keys, nil } }
}

// verify holds every set of a section to its signatures, one by each key.
func verify(t *testing.T, m *dns.Msg, keys ...*Key) {
	t.Helper()
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		bySet := map[string][]dns.RR{}
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeRRSIG && h.Rrtype != dns.TypeOPT {
				bySet[h.Name+dns.Type(h.Rrtype).String()] = append(bySet[h.Name+dns.Type(h.Rrtype).String()], rr)
			}
		}
		for name, set := range bySet {
			for _, k := range keys {
				good := slices.ContainsFunc(section, func(rr dns.RR) bool {
					sig, is := rr.(*dns.RRSIG)
					return is && sig.KeyTag == k.Tag() && sig.Hdr.Name == set[0].Header().Name && sig.TypeCovered == set[0].Header().Rrtype && sig.SignerName == "edge.lab." && sig.ValidityPeriod(time.Now()) && sig.Verify(k.record, set) == nil
				})
				if !good {
					t.Errorf("%s has no good signature by %d in %s", name, k.Tag(), m)
				}
			}
		}
	}
}

func TestSign_EveryAnswer(t *testing.T) {
	t.Parallel()
	keys := newKeys(t, 2)
	_, addr := start(t, delegated, signedBy(keys...))
	for name, c := range map[string]struct {
		name  string
		qtype uint16
		co    bool
		rcode int
		types string // of the NSEC
	}{
		"Target":          {token + ".edge.lab.", dns.TypeA, false, 0, ""},
		"TargetCase":      {strings.ToUpper(token) + ".eDge.lab.", dns.TypeCAA, false, 0, ""},
		"TargetANY":       {token + ".edge.lab.", dns.TypeANY, false, 0, ""},
		"TargetNothing":   {token + ".edge.lab.", dns.TypeTXT, false, 0, "A AAAA RRSIG NSEC CAA"},
		"TargetNSEC":      {token + ".edge.lab.", dns.TypeNSEC, false, 0, ""},
		"TargetDS":        {token + ".edge.lab.", dns.TypeDS, false, 0, "A AAAA RRSIG NSEC CAA"},
		"Absent":          {"nobody.edge.lab.", dns.TypeA, false, 0, "RRSIG NSEC NXNAME"},
		"AbsentCO":        {"nobody.edge.lab.", dns.TypeA, true, dns.RcodeNameError, "RRSIG NSEC NXNAME"},
		"AbsentBelow":     {"a.b." + token + ".edge.lab.", dns.TypeA, false, 0, "RRSIG NSEC NXNAME"},
		"Empty":           {"acme.edge.lab.", dns.TypeA, false, 0, "RRSIG NSEC"},
		"Challenge":       {"order.acme.edge.lab.", dns.TypeTXT, false, 0, ""},
		"ChallengeNo":     {"never.acme.edge.lab.", dns.TypeTXT, false, 0, "RRSIG NSEC NXNAME"},
		"Apex":            {"edge.lab.", dns.TypeSOA, false, 0, ""},
		"ApexNS":          {"edge.lab.", dns.TypeNS, false, 0, ""},
		"ApexNothing":     {"edge.lab.", dns.TypeMX, false, 0, "NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY"},
		"ApexDS":          {"edge.lab.", dns.TypeDS, false, 0, "NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY"},
		"Keys":            {"edge.lab.", dns.TypeDNSKEY, false, 0, ""},
		"ForTheParent":    {"edge.lab.", dns.TypeCDS, false, 0, ""},
		"ForTheParentKey": {"edge.lab.", dns.TypeCDNSKEY, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := question(c.name, c.qtype).SetEdns0(maxUDP, true)
			q.IsEdns0().SetCo(c.co)
			m := ask(t, "udp", addr, q)
			if m.Truncated {
				m = ask(t, "tcp", addr, q)
			}
			verify(t, m, keys...)
			types := ""
			for _, rr := range m.Ns {
				nsec, is := rr.(*dns.NSEC)
				if !is {
					continue
				}
				for _, n := range nsec.TypeBitMap {
					types = strings.TrimSpace(types + " " + dns.Type(n).String())
				}
				if nsec.NextDomain != `\000.`+strings.ToLower(c.name) || !strings.EqualFold(nsec.Hdr.Name, c.name) {
					t.Errorf("it says more than was asked: %s", nsec)
				}
			}
			if m.Rcode != c.rcode || types != c.types || m.IsEdns0().Co() != c.co || (types == "") != (len(m.Answer) > 0) {
				t.Errorf("types %q: %s", types, m)
			}
		})
	}
	t.Run("NotAskedFor", func(t *testing.T) {
		t.Parallel()
		for name, code := range map[string]int{token: 0, "nobody": dns.RcodeNameError} {
			m := ask(t, "udp", addr, question(name+".edge.lab.", dns.TypeA).SetEdns0(maxUDP, false))
			if m.Rcode != code || strings.Contains(m.String(), "RRSIG") || strings.Contains(m.String(), "NSEC") {
				t.Error(m)
			}
		}
	})
	t.Run("SubzonesAreNot", func(t *testing.T) {
		t.Parallel()
		if m := ask(t, "udp", addr, question("x.apps.acme.lab.", dns.TypeA).SetEdns0(maxUDP, true)); len(m.Answer) != 2 || strings.Contains(m.String(), "RRSIG") {
			t.Error(m)
		}
	})
	t.Run("TheParentIsToNameTheNewest", func(t *testing.T) {
		t.Parallel()
		m := ask(t, "udp", addr, question("edge.lab.", dns.TypeCDS))
		if len(m.Answer) != 1 || m.Answer[0].(*dns.CDS).KeyTag != keys[1].Tag() {
			t.Error(m)
		}
		if m := ask(t, "udp", addr, question("edge.lab.", dns.TypeDNSKEY)); len(m.Answer) != 2 {
			t.Error(m)
		}
	})
	t.Run("NXNAMEIsNoQuestion", func(t *testing.T) {
		t.Parallel()
		m := ask(t, "udp", addr, question("nobody.edge.lab.", dns.TypeNXNAME).SetEdns0(maxUDP, true))
		if m.Rcode != dns.RcodeFormatError || len(m.IsEdns0().Option) != 1 || m.IsEdns0().Option[0].(*dns.EDNS0_EDE).InfoCode != dns.ExtendedErrorCodeInvalidQueryType {
			t.Error(m)
		}
	})
}

// Our own engine walks from a signed root to the edge zone and finds the chain in order, also where there is nothing.
func TestSign_OurOwnEngineFindsTheChainInOrder(t *testing.T) {
	t.Parallel()
	keys := newKeys(t, 1)
	ns1 := netip.MustParseAddr("192.0.2.53")
	_, addr := start(t, signedBy(keys...), func(s *Server) { s.NameServers = []NameServer{{"ns1", []netip.Addr{ns1}}, {"ns2", []netip.Addr{ns1}}} })
	signer := authority.NewSigner(".")
	var rrs []dns.RR
	for _, line := range []string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab.", "ns1.edge.lab. 300 A 192.0.2.53", "ns2.edge.lab. 300 A 192.0.2.53", "a.root.lab. 300 A 192.0.2.99", ". 300 NS a.root.lab.", strings.Replace(keys[0].DS(), " DS", " 300 DS", 1)} {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	root := authority.NewServer("a.root.lab.", time.Now)
	root.Host(authority.Load(authority.Options{Apex: ".", Now: time.Now, Signer: signer}, rrs))
	port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{loopbackAddr}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(loopback.ServeDNS(sockets[loopbackAddr], root))
	e := &dnscheck.Engine{Now: time.Now, Settings: dnscheck.Settings{
		RootHints: []dnscheck.Hint{{Name: "a.root.lab", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.99")}}}, TrustAnchors: []*dns.DS{signer.DS()}, AllowPrivate: true,
		AddressMap: map[netip.Addr]netip.AddrPort{netip.MustParseAddr("192.0.2.99"): netip.AddrPortFrom(loopbackAddr, uint16(port)), ns1: netip.MustParseAddrPort(addr)},
	}}
	for host, status := range map[string]string{token + ".edge.lab": "OK", "nobody.edge.lab": "PENDING"} {
		a, err := e.Analyze(t.Context(), analysis.Question{Hostname: host, Registrable: "edge.lab", Expected: []analysis.Expected{{Key: "a", Type: "AAAA", FQDN: host, Value: "2001:db8::1", Purpose: "ROUTING", Requirement: "REQUIRED"}}})
		if err != nil {
			t.Fatal(err)
		}
		if a.Dnssec != analysis.DnssecSignedOK || a.Zone == nil || a.Zone.Apex != "edge.lab" || a.Records[0].Status != status {
			t.Errorf("%s: %s, %+v, %+v", host, a.Dnssec, a.Zone, a.Records)
		}
	}
}

func TestSign_SignaturesAreMadeOnceAndForgottenInTime(t *testing.T) {
	t.Parallel()
	s, now := fixture(), time.Now()
	s.Now = func() time.Time { return now }
	keys := newKeys(t, 1)
	s.prepare()
	s.signing.keys.Store(&keys)
	sign := func(name string) *dns.RRSIG {
		t.Helper()
		m := s.reply(question(name, dns.TypeA).SetEdns0(maxUDP, true), loopbackAddr, true)
		for _, rr := range slices.Concat(m.Answer, m.Ns) {
			if sig, is := rr.(*dns.RRSIG); is && sig.TypeCovered != dns.TypeSOA {
				return sig
			}
		}
		t.Fatal(m)
		return nil
	}
	first := sign(token + ".edge.lab.")
	for range 20 { // addresses begin anywhere, and names are spelled as they were asked
		if sig := sign(strings.ToUpper(token) + ".edge.lab."); sig.Signature != first.Signature || sig.Hdr.Name != strings.ToUpper(token)+".edge.lab." {
			t.Fatal("the same set was signed again")
		}
	}
	now = now.Add(signatureLife - signatureRest + time.Minute)
	if sig := sign(token + ".edge.lab."); sig.Signature == first.Signature || time.Unix(int64(sig.Expiration), 0).Sub(now) < signatureLife-time.Minute {
		t.Error("a signature grows old")
	}
	c := &signatures{}
	for n := range 3 * signaturesMost {
		c.keep(dns.Fqdn(strings.Repeat("x", n%50))+string(rune(n)), &dns.RRSIG{})
	}
	if len(c.young)+len(c.former) > 2*signaturesMost {
		t.Errorf("%d signatures are remembered", len(c.young)+len(c.former))
	}
}

// Signing is what costs us, so a flood of names that do not exist is not signed for.
func TestSign_NotForAFlood(t *testing.T) {
	t.Parallel()
	s := fixture()
	s.RateLimit = 10
	keys := newKeys(t, 1)
	s.prepare()
	s.signing.keys.Store(&keys)
	flood := netip.MustParseAddr("198.51.100.7")
	for n := range 200 {
		m := s.reply(question("x"+strconv.Itoa(n)+".edge.lab.", dns.TypeA).SetEdns0(maxUDP, true), flood, true)
		if m != nil && m.Truncated && (len(m.Ns) > 0 || m.IsEdns0() == nil) {
			t.Fatal(m)
		}
	}
	if made := len(s.signing.done.young); made > 12 {
		t.Errorf("%d sets were signed", made)
	}
}

func TestSuccessor_IsBehindAndStaysInTheZone(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("a", 61)+".", 4)
	for name, want := range map[string]string{
		"x.edge.lab.": `\000.x.edge.lab.`, "X.edge.lab.": `\000.x.edge.lab.`, "edge.lab.": `\000.edge.lab.`,
		"a." + long[:245] + ".edge.": "b." + long[:245] + ".edge.", "@." + long[:245] + ".edge.": "[." + long[:245] + ".edge.", `a\255.` + long[:245] + ".edge.": "b." + long[:245] + ".edge.",
	} {
		if got := successor(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if _, ok := dns.IsDomainName(successor(name)); !ok {
			t.Errorf("%s is no name", successor(name))
		}
	}
}

// Without its keys a signed zone answers nobody: an answer without signatures is a forged one to whoever knows that it is signed.
func TestServer_WaitsForItsKeys(t *testing.T) {
	t.Parallel()
	keys, open := newKeys(t, 1), make(chan struct{})
	tried := make(chan struct{}, 1)
	s, addr := start(t, func(s *Server) {
		s.Keys = func(context.Context) ([]*Key, error) {
			select {
			case tried <- struct{}{}:
			default:
			}
			select {
			case <-open:
				return keys, nil
			default:
				return nil, errors.New("the database is away")
			}
		}
	})
	<-tried
	if got := raw(t, addr, mustPack(t, question(token+".edge.lab.", dns.TypeA))); got != nil {
		t.Errorf("answered with %x", got)
	}
	close(open)
	verify(t, ask(t, "udp", addr, question(token+".edge.lab.", dns.TypeA).SetEdns0(maxUDP, true)), keys...)
	// A row of the projection says that the keys are others now.
	more := append(slices.Clone(keys), newKeys(t, 1)...)
	keys = more
	s.Apply(edgeentry.Snapshot{Generation: 30, Records: []edgeentry.ZoneRecord{{FQDN: "edge.lab", Type: edgeentry.TypeKey, Value: "sealed"}}}, false)
	for range 500 {
		if len(s.signing.all()) == 2 {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("a new key is not taken over")
}

func mustPack(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var loopbackAddr = netip.MustParseAddr("127.0.0.1")

func TestTransfer_ForTheAllowedAlone(t *testing.T) {
	t.Parallel()
	all := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	_, open := start(t, delegated, func(s *Server) { s.Transfers = all })
	_, closed := start(t, delegated)
	_, signed := start(t, delegated, signedBy(newKeys(t, 1)...), func(s *Server) { s.Transfers = all })
	copied := func(addr, zone string) (out []dns.RR, err error) {
		messages, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr(zone), addr)
		if err != nil {
			return nil, err
		}
		for m := range messages {
			if err = errors.Join(err, m.Error); m.Error == nil {
				out = append(out, m.RR...)
			}
		}
		return out, err
	}
	rrs, err := copied(open, "edge.lab.")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(values(rrs), "\n")
	for _, want := range []string{token + ".edge.lab. 60 IN A 192.0.2.1", token + ".edge.lab. 60 IN AAAA 2001:db8::1", retired + `.edge.lab. 300 IN CAA 0 issue "own.example"`, "edge.lab. 300 IN NS ns2.edge.lab.", `order.acme.edge.lab. 1 IN TXT "digest-one"`, "ns1." + token + ".edge.lab. 60 IN A 192.0.2.53"} {
		if !strings.Contains(text, want) {
			t.Errorf("the copy has no %s", want)
		}
	}
	if strings.Contains(text, ended) || strings.Contains(text, "apps.acme.lab") || rrs[0].Header().Rrtype != dns.TypeSOA || rrs[len(rrs)-1].Header().Rrtype != dns.TypeSOA {
		t.Error(text)
	}
	for name, c := range map[string][2]string{"Stranger": {closed, "edge.lab."}, "Signed": {signed, "edge.lab."}, "Subzone": {open, "apps.acme.lab."}, "Target": {open, token + ".edge.lab."}} {
		if rrs, err := copied(c[0], c[1]); err == nil || len(rrs) > 0 {
			t.Errorf("%s: %v, %d records", name, err, len(rrs))
		}
	}
	if m := ask(t, "udp", open, question("edge.lab.", dns.TypeAXFR)); m.Rcode != dns.RcodeRefused {
		t.Error(m)
	}
}
