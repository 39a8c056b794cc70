package tree

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
)

func rrs(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rr)
	}
	return out
}

func TestReferral(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		apex, asked string
		authority   []string
		owner       string
		servers     int
	}{
		"Below":         {"lab.", "shop.acme.lab.", []string{"acme.lab. NS ns1.x.lab.", "acme.lab. NS ns2.x.lab."}, "acme.lab.", 2},
		"AtTheName":     {"acme.lab.", "shop.acme.lab.", []string{"shop.acme.lab. NS ns1.x.lab."}, "shop.acme.lab.", 1},
		"Upward":        {"acme.lab.", "shop.acme.lab.", []string{". NS a.root.lab."}, "", 0},
		"Itself":        {"acme.lab.", "shop.acme.lab.", []string{"acme.lab. NS ns1.x.lab."}, "", 0},
		"Sideways":      {"lab.", "shop.acme.lab.", []string{"other.lab. NS ns1.x.lab."}, "", 0},
		"BelowTheName":  {"lab.", "acme.lab.", []string{"shop.acme.lab. NS ns1.x.lab."}, "", 0},
		"OneOwnerAlone": {"lab.", "shop.acme.lab.", []string{"acme.lab. NS ns1.x.lab.", "shop.acme.lab. NS evil.lab."}, "acme.lab.", 1},
	} {
		a := Answer{Reply: wire.Reply{Authority: rrs(t, c.authority...)}}
		if ns, owner := referral(c.apex, c.asked, a); owner != c.owner || len(ns) != c.servers {
			t.Errorf("%s: %s %v", name, owner, ns)
		}
	}
}

// TestGlue: an address is taken from a referral only for a name inside the zone that answered.
func TestGlue(t *testing.T) {
	t.Parallel()
	tr := &Tree{Now: time.Now}
	s := tr.Begin("shop.acme.lab.", wire.First, time.Second)
	ns := rrs(t, "acme.lab. NS ns1.acme.lab.", "acme.lab. NS ns1.other.test.", "acme.lab. NS ns1.acme.lab.")
	a := Answer{Reply: wire.Reply{Additional: rrs(t, "ns1.acme.lab. A 192.0.2.1", "ns1.acme.lab. A 192.0.2.1", "ns1.other.test. A 192.0.2.2", "www.acme.lab. A 192.0.2.3")}}
	c := s.delegate(Cut{Apex: "lab.", Chain: []string{".", "lab."}}, "acme.lab.", ns, a)
	if len(c.Servers) != 2 || len(c.Servers[0].Addrs) != 1 || c.Servers[0].Addrs[0] != netip.MustParseAddr("192.0.2.1") || len(c.Servers[1].Addrs) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestDelegationsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tr := &Tree{Now: func() time.Time { return now }}
	two := 48 * time.Hour
	tr.remember(Cut{Apex: "lab.", expires: now.Add(two)})
	tr.remember(Cut{Apex: "acme.lab.", expires: now.Add(two)})
	is := func(want string, fresh bool) {
		t.Helper()
		if got := tr.closest("shop.acme.lab.", fresh).Apex; got != want {
			t.Errorf("after %s: %s, want %s", now, got, want)
		}
	}
	is("acme.lab.", false)
	is("lab.", true)
	now = now.Add(6 * time.Minute)
	is("lab.", false)
	now = now.Add(two)
	is(".", false)
	if r := tr.Root(); len(r.Servers) != 13 || len(r.Servers[0].Addrs) != 2 {
		t.Errorf("without hints the root is IANA's: %+v", r)
	}
}

// FuzzReferral shows a message of anybody's making to everything that reads delegations.
func FuzzReferral(f *testing.F) {
	for _, line := range []string{"acme.lab. 60 NS ns1.acme.lab.", "ns1.acme.lab. 60 A 192.0.2.1", "acme.lab. 60 SOA a. b. 1 2 3 4 5", "shop.acme.lab. 60 CNAME a.acme.lab."} {
		m := new(dns.Msg)
		m.SetQuestion("shop.acme.lab.", dns.TypeNS)
		rr, err := dns.NewRR(line)
		if err != nil {
			f.Fatal(err)
		}
		m.Ns, m.Extra = []dns.RR{rr}, []dns.RR{rr}
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
		var all []dns.RR
		for _, rr := range append(m.Ns, m.Extra...) {
			if rr != nil {
				rr.Header().Name = dns.CanonicalName(rr.Header().Name)
				all = append(all, rr)
			}
		}
		a := Answer{Reply: wire.Reply{Rcode: m.Rcode, Authoritative: m.Authoritative, Authority: all, Additional: all}}
		z := Cut{Apex: "lab.", Chain: []string{".", "lab."}}
		answers(z.Apex, a)
		ns, owner := referral(z.Apex, "shop.acme.lab.", a)
		if len(ns) == 0 {
			return
		}
		tr := &Tree{Now: time.Now}
		next := tr.remember(tr.Begin("shop.acme.lab.", wire.First, time.Second).delegate(z, owner, ns, a))
		if !Below("lab.", next.Apex) || !Within(next.Apex, "shop.acme.lab.") || len(next.Servers) > maxServers {
			t.Fatalf("%+v", next)
		}
		for _, s := range next.Servers {
			if len(s.Addrs) > maxAddrs || len(s.Addrs) > 0 && !Within("lab.", s.Name) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
