package lab_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab"
)

// ask puts one question to one server as a client of the wire would.
func ask(t *testing.T, at netip.AddrPort, name, typ string, change ...func(*dns.Msg, *dns.Client)) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), dns.StringToType[typ])
	c := &dns.Client{Timeout: 3 * time.Second}
	for _, f := range change {
		f(m, c)
	}
	got, _, err := c.ExchangeContext(t.Context(), m, at.String())
	if err != nil {
		t.Fatalf("ask %s for %s %s: %v", at, name, typ, err)
	}
	return got
}

func tcp(_ *dns.Msg, c *dns.Client)         { c.Net = "tcp" }
func dnssec(m *dns.Msg, _ *dns.Client)      { m.SetEdns0(1232, true) }
func noRecursion(m *dns.Msg, _ *dns.Client) { m.RecursionDesired = false }

// server finds the address of a name server by its name.
func server(w *lab.World, provider, name string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(w.Provider(provider).Server(name).Addr), uint16(w.Addresses.DNSPort))
}

// short prints a section without TTLs, sorted.
func short(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		if t := rr.Header().Rrtype; t == dns.TypeOPT || t == dns.TypeRRSIG {
			continue
		}
		out = append(out, rr.Header().Name+" "+dns.Type(rr.Header().Rrtype).String()+" "+strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(out)
	return strings.Join(out, " | ")
}

func TestAuthoritativeAnswers(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Zone("acme.lab").Set("shop", "CNAME", "tok.edge.lab").Set("a.deep.tree", "TXT", "leaf").
		Set("one", "CNAME", "two.acme.lab.").Set("two", "CNAME", "mail.acme.lab").
		Set("loop1", "CNAME", "loop2.acme.lab").Set("loop2", "CNAME", "loop1.acme.lab").
		Set("dangling", "CNAME", "nothing.acme.lab").
		Set("sub", "NS", "ns1.sub.acme.lab", "ns.elsewhere.lab").Set("ns1.sub", "A", "127.0.0.9").
		Set("big", "TXT", strings.Repeat("x", 1000), strings.Repeat("y", 1000)).
		Set("quote", "TXT", `a "b" \c ü`).Set("both", "CNAME", "x.lab").Set("both", "A", "127.0.0.7")
	w.Zone("wild.lab").Set("real", "TXT", "here").Set("x.under", "TXT", "here")
	plain := server(w, "plain", "ns1")

	for name, c := range map[string]struct {
		at         netip.AddrPort
		ask        string
		rcode      int
		aa         bool
		answer, ns string
		extra      string
	}{
		"Root refers to the TLD":               {w.Addresses.Root, "shop.acme.lab A", 0, false, "", "lab. NS ns1.nic.lab.", "ns1.nic.lab. A " + w.Addresses.TLD.Addr().String()},
		"TLD refers with glue":                 {w.Addresses.TLD, "shop.acme.lab A", 0, false, "", "acme.lab. NS ns1.plain-dns.lab. | acme.lab. NS ns2.plain-dns.lab.", "ns1.plain-dns.lab. A " + server(w, "plain", "ns1").Addr().String() + " | ns2.plain-dns.lab. A " + server(w, "plain", "ns2").Addr().String()},
		"Unregistered":                         {w.Addresses.TLD, "gone.lab A", dns.RcodeNameError, true, "", "lab. SOA", ""},
		"Two-label suffix":                     {w.Addresses.TLD, "x.shop.co.lab A", 0, false, "", "shop.co.lab. NS ns1.plain-dns.lab. | shop.co.lab. NS ns2.plain-dns.lab.", "*"},
		"CNAME out of the zone":                {plain, "shop.acme.lab A", 0, true, "shop.acme.lab. CNAME tok.edge.lab.", "", ""},
		"Case of the question":                 {plain, "ShOp.aCmE.lab A", 0, true, "ShOp.aCmE.lab. CNAME tok.edge.lab.", "", ""},
		"Chain inside the zone":                {plain, "one.acme.lab A", 0, true, "mail.acme.lab. A 127.0.0.201 | one.acme.lab. CNAME two.acme.lab. | two.acme.lab. CNAME mail.acme.lab.", "", ""},
		"Chain in a circle":                    {plain, "loop1.acme.lab A", 0, true, "loop1.acme.lab. CNAME loop2.acme.lab. | loop2.acme.lab. CNAME loop1.acme.lab.", "", ""},
		"Chain to nothing":                     {plain, "dangling.acme.lab A", dns.RcodeNameError, true, "dangling.acme.lab. CNAME nothing.acme.lab.", "acme.lab. SOA", ""},
		"NODATA":                               {plain, "acme.lab AAAA", 0, true, "", "acme.lab. SOA", ""},
		"NXDOMAIN":                             {plain, "nothing.acme.lab A", dns.RcodeNameError, true, "", "acme.lab. SOA", ""},
		"Empty non-terminal":                   {plain, "tree.acme.lab A", 0, true, "", "acme.lab. SOA", ""},
		"Referral below the zone":              {plain, "x.sub.acme.lab A", 0, false, "", "sub.acme.lab. NS ns.elsewhere.lab. | sub.acme.lab. NS ns1.sub.acme.lab.", "ns1.sub.acme.lab. A 127.0.0.9"},
		"Address beats CNAME beside it":        {plain, "both.acme.lab A", 0, true, "both.acme.lab. A 127.0.0.7", "", ""},
		"Foreign zone":                         {plain, "flat.lab A", dns.RcodeRefused, false, "", "", ""},
		"Text with quotes":                     {plain, "quote.acme.lab TXT", 0, true, `quote.acme.lab. TXT "a \"b\" \\c \195\188"`, "", ""},
		"Wildcard":                             {plain, "any.thing.wild.lab A", 0, true, "any.thing.wild.lab. A 127.0.0.200", "", ""},
		"Wildcard without the type":            {plain, "any.wild.lab TXT", 0, true, "", "wild.lab. SOA", ""},
		"Wildcard hidden by a name":            {plain, "real.wild.lab A", 0, true, "", "wild.lab. SOA", ""},
		"Wildcard hidden by empty nonterminal": {plain, "y.under.wild.lab A", dns.RcodeNameError, true, "", "wild.lab. SOA", ""},
		"Lame":                                 {plain, "broken.lab SOA", 0, false, "broken.lab. SOA", "", ""},
		"Mixed at the first provider":          {plain, "mixed.lab NS", 0, true, "mixed.lab. NS ns1.flat-dns.lab. | mixed.lab. NS ns1.plain-dns.lab.", "", ""},
		"Mixed at the second":                  {server(w, "flat", "ns1"), "mixed.lab NS", 0, true, "mixed.lab. NS ns1.flat-dns.lab. | mixed.lab. NS ns1.plain-dns.lab.", "", ""},
		"CAA of another CA":                    {plain, "caa.lab CAA", 0, true, `caa.lab. CAA 0 issue "other-ca.example"`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, typ, _ := strings.Cut(c.ask, " ")
			m := ask(t, c.at, host, typ, noRecursion)
			if m.Rcode != c.rcode || m.Authoritative != c.aa {
				t.Errorf("rcode %s aa %v, want %s %v", dns.RcodeToString[m.Rcode], m.Authoritative, dns.RcodeToString[c.rcode], c.aa)
			}
			// A SOA is compared by its owner: its serial is not the point here.
			for _, s := range []struct {
				what, got, want string
			}{{"answer", short(m.Answer), c.answer}, {"authority", short(m.Ns), c.ns}, {"additional", short(m.Extra), c.extra}} {
				if strings.HasSuffix(s.want, " SOA") && strings.HasPrefix(s.got, s.want) || s.want == "*" {
					continue
				}
				if s.got != s.want {
					t.Errorf("%s %q, want %q", s.what, s.got, s.want)
				}
			}
			if m.Question[0].Name != dns.Fqdn(host) {
				t.Errorf("question %q came back as %q", host, m.Question[0].Name)
			}
		})
	}
}

func TestTruncationAndTransports(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Zone("acme.lab").Set("big", "TXT", strings.Repeat("x", 1000), strings.Repeat("y", 1000))
	at := server(w, "plain", "ns1")
	if m := ask(t, at, "big.acme.lab", "TXT"); !m.Truncated || m.Len() > 512 {
		t.Errorf("without EDNS: truncated %v, %d octets", m.Truncated, m.Len())
	}
	if m := ask(t, at, "big.acme.lab", "TXT", dnssec); !m.Truncated || m.IsEdns0() == nil {
		t.Error("with EDNS 1232: not truncated, or no OPT in the answer")
	}
	if m := ask(t, at, "big.acme.lab", "TXT", tcp); m.Truncated || len(m.Answer) != 2 {
		t.Errorf("over TCP: truncated %v, %d records", m.Truncated, len(m.Answer))
	}
	if m := ask(t, at, "acme.lab", "SOA", func(m *dns.Msg, _ *dns.Client) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }); m.Rcode != dns.RcodeBadVers {
		t.Errorf("EDNS version 1: %s", dns.RcodeToString[m.Rcode])
	}
	if m := ask(t, at, "acme.lab", "SOA", func(m *dns.Msg, _ *dns.Client) { m.Opcode = dns.OpcodeStatus }); m.Rcode != dns.RcodeNotImplemented {
		t.Errorf("unknown opcode: %s", dns.RcodeToString[m.Rcode])
	}
	if m := ask(t, at, "acme.lab", "AXFR", tcp); m.Rcode != dns.RcodeRefused {
		t.Errorf("transfer: %s", dns.RcodeToString[m.Rcode])
	}
}

func TestHostilePacketsLeaveTheServerAlive(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	for _, at := range []netip.AddrPort{server(w, "plain", "ns1"), w.Addresses.Recursors[0]} {
		c, err := net.Dial("udp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, b := range []string{"", "\x00", strings.Repeat("\xff", 600), "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"} {
			_, _ = c.Write([]byte(b))
		}
		ask(t, at, "acme.lab", "SOA")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	p := w.Provider("plain")
	at := server(w, "plain", "ns1")
	p.Fail(lab.Refused("ns1"), lab.Timeout("ns2"))
	if m := ask(t, at, "acme.lab", "SOA"); m.Rcode != dns.RcodeRefused {
		t.Errorf("REFUSED: %s", dns.RcodeToString[m.Rcode])
	}
	m := new(dns.Msg)
	m.SetQuestion("acme.lab.", dns.TypeSOA)
	c := dns.Client{Timeout: 100 * time.Millisecond}
	if _, _, err := c.Exchange(m, server(w, "plain", "ns2").String()); err == nil {
		t.Error("ns2 answered although it is silent")
	}
	p.Heal()
	p.Fail(lab.ServfailCAA())
	if ask(t, at, "acme.lab", "CAA").Rcode != dns.RcodeServerFailure || ask(t, at, "acme.lab", "A").Rcode != dns.RcodeSuccess {
		t.Error("SERVFAIL must come for CAA and for nothing else")
	}
	p.Heal()
	p.Fail(lab.Truncate("ns1"))
	if !ask(t, at, "acme.lab", "A").Truncated || ask(t, at, "acme.lab", "A", tcp).Truncated {
		t.Error("truncation must be on UDP alone")
	}
	p.Heal()
	w.Zone("acme.lab").Fail(lab.Lame("ns1"))
	if ask(t, at, "acme.lab", "A").Authoritative || !ask(t, server(w, "plain", "ns2"), "acme.lab", "A").Authoritative {
		t.Error("only ns1 must be lame")
	}
	if !ask(t, at, "wild.lab", "SOA").Authoritative {
		t.Error("a fault of one zone hit another")
	}
	w.Zone("acme.lab").Heal()
	if !ask(t, at, "acme.lab", "A").Authoritative {
		t.Error("not healed")
	}
}

func TestServersThatDisagree(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	serial := func(at netip.AddrPort, zone string) uint32 {
		return ask(t, at, zone, "SOA").Answer[0].(*dns.SOA).Serial
	}
	answers := func(at netip.AddrPort, name string) bool { return len(ask(t, at, name, "CNAME").Answer) == 1 }

	z := w.Zone("acme.lab")
	z.On("ns1").Set("shop", "CNAME", "tok.edge.lab")
	one, two := server(w, "plain", "ns1"), server(w, "plain", "ns2")
	if !answers(one, "shop.acme.lab") || answers(two, "shop.acme.lab") || serial(one, "acme.lab") == serial(two, "acme.lab") {
		t.Error("the record must be on ns1 alone, with a serial of its own")
	}
	z.Set("shop", "CNAME", "tok.edge.lab")
	if !answers(two, "shop.acme.lab") || serial(one, "acme.lab") != serial(two, "acme.lab") {
		t.Error("an edit on all servers must end the difference")
	}

	w.Provider("lagging").Lag("ns3", time.Hour)
	c := w.Zone("corp.lab").Set("shop", "CNAME", "tok.edge.lab")
	late := server(w, "lagging", "ns3")
	if !answers(server(w, "lagging", "ns2"), "shop.corp.lab") || answers(late, "shop.corp.lab") {
		t.Error("ns3 must not have the record yet")
	}
	w.Clock.Advance(time.Hour + time.Second)
	if !answers(late, "shop.corp.lab") {
		t.Error("ns3 must have the record after an hour")
	}
	c.Delete("shop", "CNAME")
	w.Provider("lagging").Lag("ns3", 0)
	if answers(late, "shop.corp.lab") {
		t.Error("without lag ns3 must catch up at once")
	}
}

func TestFlattening(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Zone("acme.lab").Set("target", "A", "127.0.0.1", "127.0.0.2")
	w.Zone("flat.lab").Set("@", "CNAME", "target.acme.lab")
	if got := w.Zone("flat.lab").Get("@", "ALIAS"); len(got) != 1 {
		t.Fatalf("a CNAME at the apex became %v", w.Zone("flat.lab").All())
	}
	at := server(w, "flat", "ns1")
	m := ask(t, at, "flat.lab", "A")
	if short(m.Answer) != "flat.lab. A 127.0.0.1 | flat.lab. A 127.0.0.2" || !m.Authoritative {
		t.Errorf("answer %q", short(m.Answer))
	}
	if m := ask(t, at, "flat.lab", "AAAA"); len(m.Answer) != 0 || m.Rcode != 0 {
		t.Errorf("AAAA: %v", m)
	}
	if m := ask(t, at, "flat.lab", "CNAME"); len(m.Answer) != 0 {
		t.Errorf("the CNAME shows: %v", m.Answer)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	resolve := func(name string) int { return ask(t, w.Addresses.CAResolver, name, "SOA").Rcode }
	if resolve("new.lab") != dns.RcodeNameError {
		t.Fatal("new.lab exists already")
	}
	w.Register("new.lab", "lagging").Set("@", "A", "127.0.0.5")
	if m := ask(t, w.Addresses.CAResolver, "new.lab", "A"); short(m.Answer) != "new.lab. A 127.0.0.5" {
		t.Errorf("after registering: %v", m)
	}
	w.Expire("new.lab")
	if resolve("new.lab") != dns.RcodeNameError {
		t.Error("an expired domain must not exist")
	}
	w.DelegateEdge("else.lab", []netip.Addr{netip.MustParseAddr("127.0.0.9")})
	if got := short(ask(t, w.Addresses.TLD, "x.else.lab", "A", noRecursion).Extra); got != "ns1.else.lab. A 127.0.0.9" {
		t.Errorf("glue of another edge zone: %q", got)
	}
	if got := short(ask(t, w.Addresses.TLD, "tok.edge.lab", "A", noRecursion).Extra); got != "ns1.edge.lab. A "+w.Addresses.Edge[0].Addr().String()+" | ns2.edge.lab. A "+w.Addresses.Edge[1].Addr().String() {
		t.Errorf("glue of the edge zone: %q", got)
	}
}
