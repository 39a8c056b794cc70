package safehttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// spellings are more ways to write this machine, private networks and control planes of clouds: what inet_aton, browsers, WHATWG's URL parser, IDNA and
// resolvers of other languages read as an address. Each is refused as what it is, or as no host name at all.
var spellings = map[string]string{
	PrivateAddress: `
	0x7f.0.1 0x7F.0x1 0X7f.0.0.1 0x0000007f.1 0x7f000001. 0x7f.1. 0177.0.1 0177.0.0.01 0177.0000.0000.0001 00000000177.1 127.0.0.0x1 127.0x0.1 127.00.0.1 127.0.00.01 127.000.000.1
	127.1. 127.0.1. 2130706432 2130706434 2147483647 0000002130706433 02130706433 017700000001. 0x07f000001 0x000000007f000001 127.16777215 127.255.65535
	10.1 10.0.1 10.65793 0xa.1 0x0a.0.0.1 0x0a000001 012.1 012.0.0.01 00012.0.0.1 0xa000001 167772162 10.0.0.001 10.000.0.1 010.0.0.1 10.0.0.1.
	172.16.1 172.1048577 0xac.0x10.0.1 0xac100001. 0254.020.0.1 2886729729 172.31.65535 172.016.0.1 172.16.0.1.
	192.168.1 192.168.257 192.11010049 0xc0.0xa8.0.1 0xc0a80001 0xC0A80101 0300.0250.1 0300.0250.0000.0001 3232235777 030052000001 192.168.0.01 192.168.0.1. 192.0250.0.1
	169.254.43518 169.16689662 0xa9.0xfe.0xa9.0xfe 0xA9FEA9FE 0xa9.254.169.254 0251.0376.0251.0376. 0251.254.169.254 025177524776 2852039166. 169.254.169.254. 169.254.170.2 169.254.169.123
	100.100.100.200. 100.6619300 0x64.0x64.0x64.0xc8 1684300232 100.64.1 0144.0100.0.1 168.63.129.16. 0xa83f8110 2822733072 168.4161808 0250.077.0201.020
	0.1 0.0 0.0.0 000 00000000 0x00000000 0x0.0x0.0x0.0x0 0.0.0.0. 0.0.0.1 4294967295 0xffffffff 037777777777 255.255.255.255. 224.0.0.251 0xe00000fb 239.1.2.3 240.1.2.3 248.0.0.1
	192.0.0.8 192.0.0.170 192.0.0.171 198.18.1 198.19.1.1 0xc6120001 198.51.100.255 203.0.113.255 192.0.2.255 192.88.99.2
	１2７.0.0.1 127.0.0.１ ⓪.0.0.0 ①⓪.0.0.1 １０．０．０．１ １９２。１６８。０。１ 𝟣𝟢.𝟢.𝟢.𝟣 𝟷𝟸𝟽.𝟶.𝟶.𝟷 𝟭𝟮𝟳.𝟬.𝟬.𝟭 １６９.２５４.１６９.２５４ ①⑥⑨.②⑤④.①⑥⑨.②⑤④ 127｡0｡0｡1 ０ｘ7f000001 ⁱ27.0x1 ₁₂₇.₀.₀.₁ ¹²⁷.⁰.⁰.¹ ²¹³⁰⁷⁰⁶⁴³³
	LocalHost LOCALHOST. localHost.localhost a.b.c.localhost ｌｏｃａｌｈｏｓｔ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ 𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭 localhoſt local\u00adhost\u200b.
	[::1] [::0001] [0::1] [0:0::1] [::0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::] [0::0] [::2] [::ffff] [::127.0.0.2] [::10.0.0.1] [::a9fe:a9fe] [::ffff:0.0.0.0]
	[::ffff:127.0.0.2] [::FFFF:127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [0:0:0:0:0:FFFF:7F00:1] [::ffff:a00:1] [::ffff:c0a8:1] [::ffff:a9fe:a9fe] [::ffff:169.254.169.254] [::ffff:1.1.1.1] [::ffff:0:7f00:1] [::ffff:0:0:7f00:1]
	[64:ff9b::] [64:ff9b::10.0.0.1] [64:ff9b::192.168.0.1] [64:FF9B::A9FE:A9FE] [0064:ff9b:0000:0000:0000:0000:7f00:0001] [64:ff9b::1.1.1.1] [64:ff9b:1::1] [64:ff9b:1:ffff::1.1.1.1] [64:ff9b:2::1]
	[2002::] [2002:7f00:0001::1] [2002:0a00:0001::] [2002:c0a8:0001::] [2002:a9fe:a9fe::1] [2002:808:808::1] [2002:6440:1::] [2001:0000::1] [2001:0:7f00:1::] [2001::7f00:1] [2001:1::1] [2001:3::1] [2001:4:112::1] [2001:30::1] [2001:1ff::1]
	[2001:db8::] [2001:DB8:ffff::1] [3fff:fff::1] [100::] [100:0:0:1::1] [5f00::] [4000::1] [8000::1] [a000::1] [e000::1] [200::1] [400::1] [800::1] [1000::1] [1fff::1]
	[fc00::] [fdff:ffff::1] [FD00::1] [fd00:ec2::23] [fe80::] [FE80::1] [fe80:0:0:0:0:0:0:1] [fe90::1] [fea0::1] [fec0::] [feff::1] [ff00::1] [ff01::1] [ff05::1:3] [ff0e::101] [ffff::1]
	[fe80::1%251] [fe80::1%25en0] [2606:4700::1111%25lo] [2001:4860:4860::8888%250] [ff02::1%25eth0] [2606:4700::5efe:a9fe:a9fe] [2606:4700::200:5efe:c0a8:1] [2606:4700:0:0:0:5efe:127.0.0.1]`,
	Invalid: `
	127.0.0.1.. 127..0.0.1 .127.0.0.1 127.0.0.1%00 127.0.0.1%20 127.0.0.1%2e %6c%6f%63%61%6c%68%6f%73%74 127.0.0.1%25lo loc%61lhost 127.0.0.1; 127.0.0.1,1.1.1.1 127.0.0.1|x 127.0.0.1^x (127.0.0.1) <127.0.0.1>
	[127.0.0.1] [127.1] [0x7f000001] [2130706433] [localhost] [::1. [:::1] [::1::] [1::2::3] [::g] [::12345] [1:2:3:4:5:6:7] [1:2:3:4:5:6:7:8:9] [::ffff:127.0.0.01] [::ffff:127.1] [::ffff:0x7f.1] [::ffff:256.0.0.1] [::%25] [[::1]] [::1]] [v1.1] [v7f.::1]
	xn--localhost-\u200d a..localhost localhost.. a\u3002\u3002b \u2028localhost`,
}

func TestHostileSpellings_NeverReachTheCanary(t *testing.T) {
	t.Parallel()
	var touched atomic.Int64
	canary := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { touched.Add(1) }))
	canary.Config.ConnState = func(net.Conn, http.ConnState) { touched.Add(1) }
	canary.StartTLS()
	defer canary.Close()
	_, port, _ := net.SplitHostPort(canary.Listener.Addr().String())
	o := Options{Resolver: &believing{}, Roots: canary.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	client := NewClient(o)
	defer client.CloseIdleConnections()
	tries := 0
	for reason, hosts := range spellings {
		for _, host := range strings.Fields(hosts) {
			tries++
			raw := "https://" + strings.NewReplacer(`\u00ad`, "\u00ad", `\u200b`, "\u200b", `\u200d`, "\u200d", `\u3002`, "\u3002", `\u2028`, "\u2028").Replace(host) + ":" + port + "/"
			var atSave, atDial *Error
			if err := Check(t.Context(), raw, o); !errors.As(err, &atSave) || atSave.Reason != reason || atSave.Detail == "" {
				t.Errorf("at save %q: %v, want %s", host, err, reason)
			}
			if err := Check(t.Context(), raw, Options{Resolver: &world{names: map[string][]string{}}}); !errors.As(err, &atSave) || atSave.Reason != reason {
				t.Errorf("at save %q was asked of the resolver: %v, want %s", host, err, reason)
			}
			res, err := client.Get(raw)
			if err == nil {
				res.Body.Close()
				t.Errorf("at dial %q went through", host)
			} else if errors.As(err, &atDial) && atDial.Reason != reason {
				t.Errorf("at dial %q: %v, want %s", host, err, reason)
			}
		}
	}
	if n := touched.Load(); n > 0 || tries+len(refusedHosts)+len(refusedURLs) < 400 {
		t.Errorf("the canary on loopback was touched %d times by %d addresses", n, tries)
	}
}

// believing answers this machine for every name, as a resolver does that reads strange spellings.
type believing struct{}

func (*believing) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// rebinding answers a public address first, and this machine from then on.
type rebinding struct{ asked atomic.Int64 }

func (r *rebinding) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.asked.Add(1) == 1 {
		return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestANameThatRebindsIsRefusedAtDial(t *testing.T) {
	t.Parallel()
	var touched atomic.Int64
	canary := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	canary.Config.ConnState = func(net.Conn, http.ConnState) { touched.Add(1) }
	canary.StartTLS()
	defer canary.Close()
	_, port, _ := net.SplitHostPort(canary.Listener.Addr().String())
	o := Options{Resolver: &rebinding{}, Roots: canary.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	raw := "https://example.com:" + port + "/"
	if err := Check(t.Context(), raw, o); err != nil {
		t.Fatalf("at save the name is public: %v", err)
	}
	client := NewClient(o)
	defer client.CloseIdleConnections()
	res, err := client.Get(raw)
	if err == nil {
		res.Body.Close()
	}
	var e *Error
	if !errors.As(err, &e) || e.Reason != PrivateAddress || touched.Load() > 0 {
		t.Fatalf("%v, the canary was touched %d times", err, touched.Load())
	}
}
