package app

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

func TestCheckZone_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	here, ours := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.53")
	var keys []*edgedns.Key
	for range 2 {
		plain, err := edgedns.NewKey("edge.lab", keys...)
		if err != nil {
			t.Fatal(err)
		}
		k, err := edgedns.ReadKey("edge.lab", plain)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	ds := func(k *edgedns.Key) string { return strings.Replace(k.DS(), " DS", " 300 DS", 1) }
	for name, c := range map[string]struct {
		parent []string // beside the root's own
		signed bool
		down   bool
		want   []string // parts of the lines, in order
	}{
		"Right":         {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab."}, false, false, nil},
		"RightSigned":   {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab.", ds(keys[0])}, true, false, nil},
		"NotDelegated":  {nil, false, false, []string{"edge.lab is not delegated"}},
		"OneServer":     {[]string{"edge.lab. 300 NS ns1.edge.lab."}, false, false, []string{"does not name ns2.edge.lab"}},
		"AnotherServer": {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab.", "edge.lab. 300 NS ns3.edge.lab.", "ns3.edge.lab. 300 A 192.0.2.53"}, false, false, []string{"names ns3.edge.lab"}},
		"Down":          {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab."}, false, true, []string{"ns1.edge.lab at 192.0.2.53 does not answer", "ns2.edge.lab at 192.0.2.53 does not answer"}},
		"NoDS":          {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab."}, true, false, []string{"has no DS record"}},
		"AnotherDS":     {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab.", ds(keys[1])}, true, false, []string{"do not fit"}},
		"DSUnsigned":    {[]string{"edge.lab. 300 NS ns1.edge.lab.", "edge.lab. 300 NS ns2.edge.lab.", ds(keys[0])}, false, false, []string{"do not fit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settings{Edge: EdgeSettings{Zone: "edge.lab", DNSSEC: c.signed, NameServers: []NameServer{{"ns1", []netip.Addr{ours}}, {"ns2", []netip.Addr{ours}}}}}
			server := &edgedns.Server{Zone: "edge.lab", Listeners: []string{"127.0.0.1:0"}, NameServers: nameServers(s)}
			if c.signed {
				server.Keys = func(context.Context) ([]*edgedns.Key, error) { return keys[:1], nil }
			}
			if err := server.Listen(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- server.Run(ctx) }()
			t.Cleanup(func() { stop(); <-done })
			signer := authority.NewSigner(".")
			var rrs []dns.RR
			for _, line := range append([]string{". 300 NS a.root.lab.", "a.root.lab. 300 A 192.0.2.99", "ns1.edge.lab. 300 A 192.0.2.53", "ns2.edge.lab. 300 A 192.0.2.53"}, c.parent...) {
				rr, err := dns.NewRR(line)
				if err != nil {
					t.Fatal(err)
				}
				rrs = append(rrs, rr)
			}
			root := authority.NewServer("a.root.lab.", time.Now)
			root.Host(authority.Load(authority.Options{Apex: ".", Now: time.Now, Signer: signer}, rrs))
			port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{here}, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(loopback.ServeDNS(sockets[here], root))
			at := server.Addrs()[0]
			if c.down {
				at = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.77"), at.Port()) // nobody
			}
			e := &dnscheck.Engine{Now: time.Now, Settings: dnscheck.Settings{
				RootHints: []dnscheck.Hint{{Name: "a.root.lab", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.99")}}}, TrustAnchors: []*dns.DS{signer.DS()}, AllowPrivate: true,
				AddressMap: map[netip.Addr]netip.AddrPort{netip.MustParseAddr("192.0.2.99"): netip.AddrPortFrom(here, uint16(port)), ours: at},
			}}
			wrong, err := CheckZone(t.Context(), e, s)
			if err != nil || len(wrong) != len(c.want) {
				t.Fatalf("%q, want %q: %v", wrong, c.want, err)
			}
			for n, part := range c.want {
				if !strings.Contains(wrong[n], part) {
					t.Errorf("%q, want %q", wrong[n], part)
				}
			}
		})
	}
}
