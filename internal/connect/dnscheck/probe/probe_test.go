package probe

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func port(l net.Listener) int { return int(netip.MustParseAddrPort(l.Addr().String()).Port()) }

func TestAsk(t *testing.T) {
	t.Parallel()
	elsewhere := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		edge   []netip.Addr
		secure bool
		want   analysis.ProbeOutcome
		detail string
	}{
		"OurEdge":        {func(w http.ResponseWriter) { fmt.Fprint(w, "now edge-1\n") }, nil, false, analysis.ProbeOK, ""},
		"OurEdgeOverTLS": {func(w http.ResponseWriter) { fmt.Fprint(w, "now edge-1") }, []netip.Addr{loopback}, true, analysis.ProbeOK, ""},
		"WindowBefore":   {func(w http.ResponseWriter) { fmt.Fprint(w, "before edge-1") }, nil, false, analysis.ProbeOK, ""},
		"OldNonce":       {func(w http.ResponseWriter) { fmt.Fprint(w, "ancient edge-1") }, nil, false, analysis.ProbeOtherServer, "answers 200"},
		"Empty":          {func(w http.ResponseWriter) {}, nil, false, analysis.ProbeOtherServer, "answers 200"},
		"Page": {func(w http.ResponseWriter) {
			w.Header().Set("Server", "nginx")
			w.WriteHeader(404)
			fmt.Fprint(w, "now")
		}, nil, false, analysis.ProbeOtherServer, "answers 404 as nginx"},
		"Huge": {func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) }, nil, false, analysis.ProbeOtherServer, "answers 200"},
		"Redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://parking.example/x?q=1")
			w.WriteHeader(301)
		}, nil, false, analysis.ProbeRedirect, "https://parking.example/x"},
		"RedirectToItself": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://SHOP.acme.lab/")
			w.WriteHeader(308)
		}, nil, false, analysis.ProbeOtherServer, "answers 308 to https://SHOP.acme.lab/"},
		"ProxyHeader":   {func(w http.ResponseWriter) { w.Header().Set("CF-Ray", "1"); fmt.Fprint(w, "now edge-1") }, nil, false, analysis.ProbeViaProxy, "Cf-Ray"},
		"ProxyAddress":  {func(w http.ResponseWriter) { fmt.Fprint(w, "now edge-1") }, elsewhere, false, analysis.ProbeViaProxy, "the address is not our edge's"},
		"FlexibleProxy": {func(w http.ResponseWriter) { w.Header().Set(ArrivedHeader, "http"); fmt.Fprint(w, "now edge-1") }, nil, true, analysis.ProbeLoopRisk, ""},
		"ArrivedByHTTP": {func(w http.ResponseWriter) { w.Header().Set(ArrivedHeader, "http"); fmt.Fprint(w, "now edge-1") }, nil, false, analysis.ProbeOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "example.com" && r.Host != "shop.acme.lab" || r.URL.Path != Path+"now" {
					t.Errorf("asked for %s%s", r.Host, r.URL.Path)
				}
				c.answer(w)
			}))
			host := "shop.acme.lab"
			p := &Prober{AllowPrivate: true, Edge: c.edge}
			if c.secure {
				s.StartTLS() // its certificate is for example.com
				host, p.HTTPSPort, p.Roots = "example.com", port(s.Listener), x509.NewCertPool()
				p.Roots.AddCert(s.Certificate())
			} else {
				s.Start()
				p.HTTPPort = port(s.Listener)
			}
			defer s.Close()
			got := p.Ask(t.Context(), host, loopback, c.secure, []string{"now", "before"})
			detail := ""
			if got.Detail != nil {
				detail = *got.Detail
			}
			if got.Result != c.want || detail != c.detail || got.Family != 4 || got.Port == 0 {
				t.Errorf("%+v (%s), want %s (%s)", got, detail, c.want, c.detail)
			}
		})
	}
}

func TestAsk_NobodyAnswers(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	ask := func(p *Prober, addr string, secure bool) analysis.ProbeOutcome {
		p.Timeout = 100 * time.Millisecond
		return p.Ask(t.Context(), "shop.acme.lab", netip.MustParseAddr(addr), secure, []string{"now"}).Result
	}
	if got := ask(&Prober{AllowPrivate: true, HTTPPort: port(mute)}, "127.0.0.1", false); got != analysis.ProbeTimeout {
		t.Error(got)
	}
	if got := ask(&Prober{AllowPrivate: true, HTTPSPort: port(mute)}, "127.0.0.1", true); got != analysis.ProbeTimeout {
		t.Error(got)
	}
	if got := ask(&Prober{AllowPrivate: true, HTTPPort: 1}, "127.0.0.1", false); got != analysis.ProbeRefused {
		t.Error(got)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	if got := ask(&Prober{AllowPrivate: true, HTTPSPort: port(s.Listener)}, "127.0.0.1", true); got != analysis.ProbeTLSError {
		t.Error(got)
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = nil
	tls.StartTLS()
	t.Cleanup(tls.Close)
	if got := ask(&Prober{AllowPrivate: true, HTTPSPort: port(tls.Listener), Roots: x509.NewCertPool()}, "127.0.0.1", true); got != analysis.ProbeTLSError {
		t.Error(got)
	}
	for _, private := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"} {
		if got := ask(&Prober{HTTPPort: port(s.Listener)}, private, false); got != analysis.ProbeRefused {
			t.Errorf("%s: %s", private, got)
		}
	}
}

// FuzzClassify shows the probe an answer of anybody's making.
func FuzzClassify(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\n\r\nnow edge-1")
	f.Add("HTTP/1.1 301 Moved\r\nLocation: //other.lab/%zz\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\r\nServer: \xff\xfe\r\nVia: x\r\n\r\nnow")
	f.Fuzz(func(t *testing.T, text string) {
		req, err := http.NewRequest(http.MethodGet, "http://shop.acme.lab"+Path+"now", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), req)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxBody))
		p := Prober{}
		outcome, detail := p.classify("shop.acme.lab", netip.MustParseAddr("192.0.2.1"), false, res, string(body), []string{"now"})
		if !utf8.ValidString(detail) || len(detail) > 1000 {
			t.Fatalf("%s %q", outcome, detail)
		}
		if outcome == analysis.ProbeOK && !strings.HasPrefix(strings.TrimSpace(string(body)), "now") {
			t.Fatalf("%q is no answer of ours", body)
		}
	})
}
