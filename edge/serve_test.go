package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

func TestServe_WhatIsAnsweredByTheEdge(t *testing.T) {
	t.Parallel()
	w := newWorld()
	app := origin(t, nil)
	w.live("shop.acme.lab", app)
	w.live("bare.acme.lab", "")
	w.live("odd.acme.lab", "ftp://example.com")
	w.live("paused.acme.lab", app, func(e *edgeentry.Entry) { e.Mode, e.Serve = edgeentry.Suspended, false })
	w.live("early.acme.lab", app, func(e *edgeentry.Entry) { e.Serve = false })
	w.put(edgeentry.Entry{Hostname: "soon.acme.lab", Serve: true, CertAllowed: true})
	n := start(t, w, func(e *Edge) { e.PublicHTTPS = 20443 })
	for name, c := range map[string]struct {
		url      string
		status   int
		code     string
		location string
	}{
		"ToHTTPS":          {"http://shop.acme.lab/a%2Fb?c=%20d&e;f", 308, "", "https://shop.acme.lab:20443/a%2Fb?c=%20d&e;f"},
		"ToHTTPSTwoSlash":  {"http://shop.acme.lab//evil.example/x", 308, "", "https://shop.acme.lab:20443//evil.example/x"},
		"UnknownHTTP":      {"http://other.acme.lab/", 421, "misdirected", ""},
		"PausedHTTP":       {"http://paused.acme.lab/", 421, "suspended", ""},
		"PausedHTTPS":      {"https://paused.acme.lab/", 421, "suspended", ""},
		"NotServedYet":     {"https://early.acme.lab/", 421, "misdirected", ""},
		"CertificateComes": {"http://soon.acme.lab/", 503, "securing", ""},
		"NoUpstream":       {"https://bare.acme.lab/", 503, "upstream_missing", ""},
		"UpstreamUnusable": {"https://odd.acme.lab/", 503, "upstream_missing", ""},
		"NonceHTTP":        {"http://shop.acme.lab/.well-known/nameplate/nonce-of-shop.acme.lab", 200, "", ""},
		"NonceUnknownHost": {"http://any.acme.lab/.well-known/nameplate/nonce-of-any.acme.lab", 200, "", ""},
		"NoncePaused":      {"https://paused.acme.lab/.well-known/nameplate/nonce-of-paused.acme.lab", 200, "", ""},
		"NonceOfOther":     {"https://shop.acme.lab/.well-known/nameplate/nonce-of-other.acme.lab", 404, "", ""},
		"NonceTooLong":     {"http://shop.acme.lab/.well-known/nameplate/" + strings.Repeat("n", 1000), 404, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := n.get(c.url, "Accept", "application/json")
			if res.StatusCode != c.status || res.Header.Get("Location") != c.location {
				t.Errorf("%d to %q: %s", res.StatusCode, res.Header.Get("Location"), body)
			}
			if c.code != "" {
				var got struct {
					Error struct{ Code, Title, Message, RequestID string }
				}
				if err := json.Unmarshal([]byte(body), &got); err != nil || got.Error.Code != c.code || got.Error.Title == "" || got.Error.Message == "" || got.Error.RequestID == "" {
					t.Errorf("%v %s", err, body)
				}
			}
			if c.status == 200 && (!strings.HasPrefix(body, "nonce-of-") || !strings.Contains(body, " test/") || res.Header.Get("Nameplate-Arrived") != c.url[:strings.Index(c.url, ":")]) {
				t.Errorf("nonce: %q %v", body, res.Header)
			}
		})
	}
}

func TestServe_Pages(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("bare.acme.lab", "")
	n := start(t, w)
	res, english := n.get("https://bare.acme.lab/", "Accept", "text/html,application/json;q=0.8")
	_, german := n.get("https://bare.acme.lab/", "Accept", "text/html", "Accept-Language", "de-AT,en;q=0.5")
	if !strings.Contains(english, "waiting for the application") || !strings.Contains(german, "die Anwendung fehlt noch") || !strings.Contains(german, `lang="de"`) {
		t.Error(english, german)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || res.Header.Get("Cache-Control") != "no-store" {
		t.Error(res.Header)
	}
	for _, outside := range []string{"http://", "https://", "Acme", "bare.acme.lab"} {
		if strings.Contains(english, outside) {
			t.Errorf("the page contains %q", outside)
		}
	}
	res, arabic := n.get("https://bare.acme.lab/", "Accept", "text/html", "Accept-Language", "it, ar;q=0.9")
	if !strings.Contains(arabic, `<html lang="ar" dir="rtl">`) || !strings.Contains(arabic, "في انتظار التطبيق") || res.Header.Get("Content-Language") != "ar" {
		t.Error(arabic)
	}
	localetest.Check(t, book)
}

func TestServe_HostIsNotTheNameOfTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld()
	app := origin(t, nil)
	w.live("shop.acme.lab", app)
	w.live("other.acme.lab", app)
	n := start(t, w)
	for host, want := range map[string]int{"shop.acme.lab": 200, "SHOP.acme.lab.:443": 200, "other.acme.lab": 421, "unknown.lab": 421, "127.0.0.1": 421, "[::1]:443": 421} {
		res := readResponse(t, n.raw(true, "shop.acme.lab", "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"))
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

func TestServe_HostileRequests(t *testing.T) {
	t.Parallel()
	w := newWorld()
	reached := make(chan string, 100)
	app := origin(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		reached <- r.Method + " " + r.URL.Path + " " + string(b)
	})
	w.live("shop.acme.lab", app)
	n := start(t, w)
	const host = "Host: shop.acme.lab\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"NoHost":            {"GET / HTTP/1.1\r\n\r\n", 400},
		"TwoHosts":          {"GET / HTTP/1.1\r\n" + host + "Host: other.lab\r\n\r\n", 400},
		"HostWithSpace":     {"GET / HTTP/1.1\r\nHost: shop .acme.lab\r\n\r\n", 400},
		"HostWithSlash":     {"GET / HTTP/1.1\r\nHost: shop.acme.lab/x\r\n\r\n", 400},
		"HostWithAt":        {"GET / HTTP/1.1\r\nHost: a@shop.acme.lab\r\n\r\n", 400},
		"HostWithOddPort":   {"GET / HTTP/1.1\r\nHost: shop.acme.lab:99999\r\n\r\n", 400},
		"HostNotASCII":      {"GET / HTTP/1.1\r\nHost: sh\xc3\xb6p.lab\r\n\r\n", 400},
		"Connect":           {"CONNECT shop.acme.lab:443 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", 405},
		"Trace":             {"TRACE / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", 405},
		"Asterisk":          {"OPTIONS * HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", 400},
		"AbsoluteElsewhere": {"GET http://other.lab/ HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", 421},
		"HugeHeader":        {"GET / HTTP/1.1\r\n" + host + "X-Big: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", 431},
		"NotHTTP":           {"\x16\x03\x01\x00\x00\r\n\r\n", 400},
		"BadHeaderName":     {"GET / HTTP/1.1\r\n" + host + "X Y: z\r\n\r\n", 400},
		"FoldedHeader":      {"GET / HTTP/1.1\r\n" + host + "Connection: close\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
		"TwoLengths":        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400},
		"NegativeLength":    {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
		"SignedLength":      {"POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\nabc", 400},
		"OddCoding":         {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"TwoCodings":        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"BareLFChunk":       {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nZ\r\nQ\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := readResponse(t, n.raw(true, "shop.acme.lab", c.text))
			if res.StatusCode != c.status {
				t.Errorf("%d, want %d", res.StatusCode, c.status)
			}
		})
	}
}

// What a sloppier server might take for two requests arrives as one, framed anew.
func TestServe_NothingIsSmuggled(t *testing.T) {
	t.Parallel()
	w := newWorld()
	reached := make(chan string, 100)
	app := origin(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		reached <- r.Method + " " + r.URL.Path + " " + string(b) + " " + fmt.Sprint(r.ContentLength, r.TransferEncoding)
	})
	w.live("shop.acme.lab", app)
	n := start(t, w)
	inner := "GET /secret HTTP/1.1\r\nHost: shop.acme.lab\r\n\r\n"
	for name, c := range map[string]struct{ text, want string }{
		"LengthAlone":   {fmt.Sprintf("POST /two HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(inner), inner), fmt.Sprintf("POST /two %s %d []", inner, len(inner))},
		"BodyOfGet":     {fmt.Sprintf("GET /three HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(inner), inner), fmt.Sprintf("GET /three %s %d []", inner, len(inner))},
		"UpgradeToH2C":  {"GET /four HTTP/1.1\r\nHost: shop.acme.lab\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "GET /four  0 []"},
		"EncodedTarget": {"GET /five%0d%0aX:%20y HTTP/1.1\r\nHost: shop.acme.lab\r\nConnection: close\r\n\r\n", "GET /five\r\nX: y  0 []"},
	} {
		n.raw(true, "shop.acme.lab", c.text)
		select {
		case got := <-reached:
			if got != c.want {
				t.Errorf("%s: the origin got %q, want %q", name, got, c.want)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: nothing arrived", name)
		}
	}
	if len(reached) > 0 {
		t.Errorf("the origin got one more: %q", <-reached)
	}
}

func TestServe_LoopGuardBelievesTheKnownProxyAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan http.Header, 10)
	app := origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	w.live("proxied.acme.lab", app, func(e *edgeentry.Entry) { e.Route.ProxiedBy = "cloudflare" })
	w.live("direct.acme.lab", app)
	n := start(t, w, func(e *Edge) {
		e.ProxyRanges = func(slug string) []netip.Prefix {
			if slug == "cloudflare" {
				return loopback()
			}
			return nil
		}
	})
	for _, c := range []struct {
		url    string
		header [2]string
		status int
	}{
		{"http://proxied.acme.lab/", [2]string{"X-Forwarded-Proto", "https"}, 200},
		{"http://proxied.acme.lab/", [2]string{"CF-Visitor", `{"scheme":"https"}`}, 200},
		{"http://proxied.acme.lab/", [2]string{"X-Forwarded-Proto", "http"}, 308},
		{"http://direct.acme.lab/", [2]string{"X-Forwarded-Proto", "https"}, 308},
	} {
		if res, _ := n.get(c.url, c.header[0], c.header[1]); res.StatusCode != c.status {
			t.Errorf("%s with %s: %d, want %d", c.url, c.header, res.StatusCode, c.status)
		}
	}
	for len(got) > 0 {
		if h := <-got; h.Get("X-Forwarded-Proto") != "http" || h.Get("Cf-Visitor") != "" {
			t.Errorf("the origin learned %v", h)
		}
	}
}

func TestServe_LimitsWhatOneNetworkAsks(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w, func(e *Edge) { e.RequestRate = 1; e.Upstreams.AllowLoopbackHTTP = false })
	limited := false
	for range 20 {
		res, _ := n.get("http://shop.acme.lab/")
		limited = limited || res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "1"
	}
	if !limited {
		t.Error("nobody was told to wait")
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", "")
	w.live("drifted.acme.lab", "", func(e *edgeentry.Entry) { e.CertAllowed = false })
	w.live("paused.acme.lab", "", func(e *edgeentry.Entry) { e.Mode = edgeentry.Suspended })
	n := start(t, w)
	base := "http://" + n.AskAddr().String() + "/internal/ask"
	for name, c := range map[string]struct {
		query  string
		bearer string
		status int
	}{
		"Allowed":        {"?domain=shop.acme.lab", "ask me", 200},
		"TokenInQuery":   {"?domain=shop.acme.lab&token=ask+me", "", 200},
		"Capitals":       {"?domain=SHOP.acme.lab.", "ask me", 200},
		"NotAllowed":     {"?domain=drifted.acme.lab", "ask me", 403},
		"Paused":         {"?domain=paused.acme.lab", "ask me", 403},
		"Unknown":        {"?domain=other.acme.lab", "ask me", 403},
		"NoDomain":       {"", "ask me", 400},
		"NotAName":       {"?domain=a%0ab", "ask me", 400},
		"NoToken":        {"?domain=shop.acme.lab", "", 401},
		"WrongToken":     {"?domain=shop.acme.lab", "ask you", 401},
		"WrongInTheBoth": {"?domain=shop.acme.lab&token=ask+me", "x", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+c.query, nil)
			if c.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+c.bearer)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.status {
				t.Errorf("%d, want %d", res.StatusCode, c.status)
			}
		})
	}
}

func TestAsk_StaysInside(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Edge){
		"WithoutToken": func(e *Edge) { e.AskToken = secret.String{} },
		"Open":         func(e *Edge) { e.Ask = "0.0.0.0:0" },
	} {
		e := &Edge{HTTP: []string{"127.0.0.1:0"}, Ask: "127.0.0.1:0", AskToken: secret.New("x"), Projection: newWorld()}
		change(e)
		if err := e.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "edge.ask") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// I1 at the edge: whatever happens in whatever order, ask says yes exactly for names whose newest row allows it, and no name of one connection is
// answered by another's row.
func TestAsk_PropertyOverRandomChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		w, e := newWorld(), &Edge{}
		hosts := []string{"a.lab", "b.lab", "x.a.lab", "*.a.lab"}
		at := int64(0)
		for step := range 40 {
			host := hosts[r.IntN(len(hosts))]
			mode := []edgeentry.Mode{edgeentry.Proxy, edgeentry.Proxy, edgeentry.Suspended, edgeentry.Gone}[r.IntN(4)]
			allowed := mode == edgeentry.Proxy && r.IntN(2) == 0
			w.put(edgeentry.Entry{Hostname: host, Mode: mode, Serve: r.IntN(2) == 0, CertAllowed: allowed})
			if r.IntN(3) == 0 {
				continue // several changes in one delta
			}
			after := at
			if r.IntN(8) == 0 {
				after = -1
			} else if r.IntN(8) == 0 {
				after = max(-1, at-3) // rows that came already come again
			}
			s, _ := w.snapshot(after)
			e.table.apply(s, after == -1)
			at = s.Generation
			for _, host := range hosts {
				exact, known := w.entries[host]
				want := known && exact.CertAllowed && exact.Mode == edgeentry.Proxy
				if !known || exact.Mode == edgeentry.Gone {
					want = false
					if above, ok := w.entries["*.a.lab"]; ok && host == "x.a.lab" {
						want = above.CertAllowed && above.Mode == edgeentry.Proxy
					}
				}
				if e.Allowed(host) != want {
					t.Fatalf("seed %d step %d: ask %s says %t", seed, step, host, !want)
				}
			}
		}
	}
}

func TestAsk_IsQuick(t *testing.T) {
	t.Parallel()
	e, w := &Edge{}, newWorld()
	for n := range 50_000 {
		w.put(edgeentry.Entry{Hostname: fmt.Sprintf("h%d.lab", n), CertAllowed: true})
	}
	s, _ := w.snapshot(-1)
	e.table.apply(s, true)
	began := time.Now()
	for n := range 2000 {
		if !e.Allowed(fmt.Sprintf("h%d.lab", n)) {
			t.Fatal("no")
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("2000 questions took %s", took)
	}
}

func FuzzCleanHost(f *testing.F) {
	for _, s := range []string{"shop.acme.lab", "Shop.:443", "[::1]:80", "a..b", ":80", "127.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := cleanHost(s)
		if err != nil {
			return
		}
		again, err := cleanHost(host)
		if err != nil || again != host && !strings.HasPrefix(host, "[") {
			t.Errorf("%q becomes %q, and then %q %v", s, host, again, err)
		}
		if strings.ContainsAny(host, "/\\@?# \r\n\x00") {
			t.Errorf("%q becomes %q", s, host)
		}
	})
}
