package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// world answers names from a table and counts the questions.
type world struct {
	names map[string][]string
	asked atomic.Int64
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.asked.Add(1)
	values, ok := w.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if values == nil {
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	}
	var out []netip.Addr
	for _, v := range values {
		out = append(out, netip.MustParseAddr(v))
	}
	return out, nil
}

// refusedHosts are spellings of this machine, of private networks and of cloud control planes.
var refusedHosts = strings.Fields(`
	127.0.0.1 127.0.0.2 127.53.1.1 127.255.255.255 127.1 127.0.1 0 0.0.0.0 0.1.2.3 00.0.0.0
	2130706433 017700000001 0x7f000001 0X7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0177.0.0.1 0177.1 00000177.0.0.1
	127.0.0.01 127.000.000.001 0x7f.0.0.0x1 127.0x1 0x0 0x 127.0.0.1. 2130706433. localhost LOCALHOST localhost. app.localhost
	１２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 ⑫⑦.0.0.1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 ２１３０７０６４３３ ０x7f000001
	10.0.0.1 10.255.255.255 012.0.0.1 0xa.0.0.1 167772161 172.16.0.1 172.31.255.255 0xac100001 192.168.0.1 192.168.255.255 3232235521 0300.0250.0.1
	100.64.0.1 100.127.255.255 100.100.100.200 169.254.169.254 169.254.0.1 2852039166 0xa9fea9fe 0251.0376.0251.0376 168.63.129.16 192.0.0.192
	192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
	[::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:8.8.8.8] [::127.0.0.1] [::7f00:1]
	[::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b::808:808] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:a00:1::1] [2002:c0a8:1::1]
	[2001::1] [2001:0:53aa:64c:0:fbff:80ff:fffe] [2001:db8::1] [2001:2::1] [2001:10::1] [2001:20::1] [3fff::1] [100::1] [5f00::1]
	[fc00::1] [fd00::1] [fd00:ec2::254] [fe80::1] [fe80::1%25eth0] [fe80::1%25lo] [::1%25lo] [2606:4700::1%25eth0] [febf::1] [fec0::1] [ff02::1] [ff0e::1] [2606:4700::5efe:7f00:1] [2606:4700::200:5efe:a00:1]
	private.hostile.net loopback.hostile.net loopback6.hostile.net metadata.hostile.net mapped.hostile.net nat64.hostile.net sixtofour.hostile.net teredo.hostile.net
	mixed.hostile.net mixed6.hostile.net cgnat.hostile.net multicast.hostile.net zero.hostile.net ula.hostile.net linklocal.hostile.net wire.hostile.net LOOPBACK.hostile.net loopback.hostile.net. ｌoopback.hostile.net
`)

// refusedURLs are refused for their form, or lead to nowhere.
var refusedURLs = []struct{ url, reason string }{
	{"http://public.hostile.net/", NotHTTPS}, {"HTTP://public.hostile.net/", NotHTTPS}, {"ftp://public.hostile.net/", NotHTTPS},
	{"file:///etc/passwd", NotHTTPS}, {"gopher://127.0.0.1:PORT/_x", NotHTTPS}, {"ws://public.hostile.net/", NotHTTPS}, {"unix:///run/x.sock", NotHTTPS},
	{"javascript:alert(1)", Invalid}, {"data:text/plain,x", Invalid}, {"https:public.hostile.net", Invalid}, {"//public.hostile.net/", Invalid}, {"public.hostile.net", Invalid},
	{"/path", Invalid}, {"", Invalid}, {"https://", Invalid}, {"https:///path", Invalid}, {"https://:443/", Invalid}, {"https://.", Invalid}, {"https://..", Invalid},
	{"https://a..b/", Invalid}, {" https://public.hostile.net/", Invalid}, {"https://public.hostile.net/ ", Invalid}, {"https://public.hostile.net\n/", Invalid},
	{"https://public.hostile.net\t/", Invalid}, {"https://pub lic.hostile.net/", Invalid}, {"https://[::1", Invalid}, {"https://[::1]x/", Invalid}, {"https://[127.0.0.1]/", Invalid},
	{"https://[public.hostile.net]/", Invalid}, {"https://::1/", Invalid}, {"https://[]/", Invalid}, {"https://%31%32%37.0.0.1/", Invalid}, {"https://127%2e0%2e0%2e1/", Invalid},
	{"https://public.hostile.net\\@127.0.0.1:PORT/", Invalid}, {"https://public.hostile.net%00.evil/", Invalid}, {"https://exa$mple.net/", Invalid}, {"https://a\x00b/", Invalid}, {"https://\u202epublic.hostile.net/", Invalid},
	{"https://" + strings.Repeat("a", 64) + ".net/", Invalid}, {"https://" + strings.Repeat("abc.", 64) + "net/", Invalid}, {"https://public.hostile.net/" + strings.Repeat("x", 3000), Invalid},
	{"https://user@public.hostile.net/", Credentials}, {"https://user:pass@public.hostile.net/", Credentials}, {"https://:@public.hostile.net/", Credentials},
	{"https://127.0.0.1:PORT@public.hostile.net/", Credentials}, {"https://public.hostile.net@127.0.0.1:PORT/", Credentials}, {"https://public.hostile.net:443@127.0.0.1:PORT/", Credentials},
	{"https://public.hostile.net:22/", Port}, {"https://public.hostile.net:25/", Port}, {"https://public.hostile.net:80/", Port}, {"https://public.hostile.net:0/", Port},
	{"https://public.hostile.net:1023/", Port}, {"https://public.hostile.net:65536/", Port}, {"https://public.hostile.net:99999999999999999999/", Port}, {"https://public.hostile.net:/", Port},
	{"https://public.hostile.net:-443/", Invalid}, {"https://public.hostile.net:443x/", Invalid}, {"https://public.hostile.net:4 43/", Invalid}, {"https://public.hostile.net:+443/", Invalid},
	{"https://nowhere.hostile.net/", Invalid}, {"https://empty.hostile.net/", Invalid}, {"https://crowd.hostile.net/", Invalid},
}

func hostileWorld() *world {
	w := &world{names: map[string][]string{
		"public.hostile.net": {"93.184.216.34"}, "broken.hostile.net": nil, "empty.hostile.net": {},
		"private.hostile.net": {"10.1.2.3"}, "loopback.hostile.net": {"127.0.0.1"}, "loopback6.hostile.net": {"::1"}, "metadata.hostile.net": {"169.254.169.254"},
		"mapped.hostile.net": {"::ffff:127.0.0.1"}, "nat64.hostile.net": {"64:ff9b::7f00:1"}, "sixtofour.hostile.net": {"2002:7f00:1::"}, "teredo.hostile.net": {"2001::1"},
		"mixed.hostile.net": {"93.184.216.34", "127.0.0.1"}, "mixed6.hostile.net": {"93.184.216.34", "::1"}, "cgnat.hostile.net": {"100.64.0.1"}, "multicast.hostile.net": {"224.0.0.1"},
		"zero.hostile.net": {"0.0.0.0"}, "ula.hostile.net": {"fd00::1"}, "linklocal.hostile.net": {"fe80::1%lo"}, "wire.hostile.net": {"168.63.129.16"},
	}}
	for i := range 40 {
		w.names["crowd.hostile.net"] = append(w.names["crowd.hostile.net"], fmt.Sprintf("93.184.216.%d", i))
	}
	return w
}

func TestHostileURLs_NeverReachTheCanary(t *testing.T) {
	t.Parallel()
	var touched atomic.Int64
	canary := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { touched.Add(1) }))
	canary.Config.ConnState = func(net.Conn, http.ConnState) { touched.Add(1) }
	canary.StartTLS()
	defer canary.Close()
	_, port, _ := net.SplitHostPort(canary.Listener.Addr().String())

	type try struct{ url, reason string }
	var tries []try
	for _, host := range refusedHosts {
		tries = append(tries, try{"https://" + host + ":" + port + "/", PrivateAddress})
	}
	for _, u := range refusedURLs {
		tries = append(tries, try{strings.ReplaceAll(u.url, "PORT", port), u.reason})
	}
	if len(tries) < 150 {
		t.Fatalf("only %d hostile addresses", len(tries))
	}
	o := Options{Resolver: hostileWorld(), Roots: canary.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	client := NewClient(o)
	defer client.CloseIdleConnections()
	for _, try := range tries {
		var e *Error
		if err := Check(t.Context(), try.url, o); !errors.As(err, &e) || e.Reason != try.reason {
			t.Errorf("Check(%.70q): %v, want %s", try.url, err, try.reason)
		}
		if e != nil && strings.Contains(e.Error(), "pass") && strings.Contains(e.Error(), "user:") {
			t.Errorf("Check(%.70q) repeats the password: %v", try.url, e)
		}
		if res, err := client.Get(try.url); err == nil {
			res.Body.Close()
			t.Errorf("Get(%.70q) went through", try.url)
		}
	}
	if n := touched.Load(); n > 0 {
		t.Errorf("the canary on loopback was touched %d times", n)
	}
}

func TestLabProfile_OpensLoopbackAndNothingElse(t *testing.T) {
	t.Parallel()
	o := Options{Resolver: hostileWorld(), AllowLoopbackHTTP: true}
	for _, good := range []string{"http://127.0.0.1:20027/hook", "http://[::1]:20027/", "http://localhost:20027/", "https://127.53.1.1:8443/", "http://loopback.hostile.net:20027/", "https://public.hostile.net/"} {
		if good == "http://localhost:20027/" {
			o.Resolver.(*world).names["localhost"] = []string{"127.0.0.1", "::1"}
		}
		if err := Check(t.Context(), good, o); err != nil {
			t.Errorf("Check(%q): %v", good, err)
		}
	}
	for bad, reason := range map[string]string{
		"http://public.hostile.net:8080/": NotHTTPS, "http://10.0.0.1:8080/": NotHTTPS, "https://10.0.0.1/": PrivateAddress, "http://127.0.0.1:22/": Port,
		"https://mixed.hostile.net/": "", "http://mixed.hostile.net:8080/": NotHTTPS, "https://metadata.hostile.net/": PrivateAddress, "http://2130706433:8080/": PrivateAddress,
		"http://[::ffff:127.0.0.1]:8080/": NotHTTPS, "ftp://127.0.0.1:8080/": NotHTTPS, "http://u:p@127.0.0.1:8080/": Credentials,
	} {
		err := Check(t.Context(), bad, o)
		var e *Error
		if reason == "" {
			if err != nil {
				t.Errorf("Check(%q): %v", bad, err)
			}
		} else if !errors.As(err, &e) || e.Reason != reason {
			t.Errorf("Check(%q): %v, want %s", bad, err, reason)
		}
	}
}

func TestPublicAddr(t *testing.T) {
	t.Parallel()
	for _, good := range strings.Fields("8.8.8.8 1.1.1.1 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.167.1.1 198.17.0.1 198.20.0.1 223.255.255.254 11.0.0.1 128.0.0.1 2606:4700::1111 2a00:1450::1 2001:200::1 2001:4860:4860::8888 2003::1 240e::1 3ffe::1") {
		if err := PublicAddr(netip.MustParseAddr(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	if PublicAddr(netip.Addr{}) == nil {
		t.Error("the zero address passed")
	}
}

func FuzzCheck(f *testing.F) {
	for _, u := range refusedURLs {
		f.Add(u.url)
	}
	for _, host := range refusedHosts {
		f.Add("https://" + host + "/")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		w := hostileWorld()
		var e *Error
		err := Check(t.Context(), raw, Options{Resolver: w})
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: untyped error %v", raw, err)
		}
		if err == nil && !strings.HasPrefix(strings.ToLower(raw), "https://") {
			t.Fatalf("%q passed", raw)
		}
	})
}
