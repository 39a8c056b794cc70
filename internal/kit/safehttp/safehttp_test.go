package safehttp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func serve(t *testing.T, h http.HandlerFunc) (base string, o Options) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	w := &world{names: map[string][]string{"example.com": {"127.0.0.1"}, "other.net": {"127.0.0.1"}}}
	o = Options{AllowLoopbackHTTP: true, Resolver: w, Roots: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	return "https://example.com:" + port, o
}

func client(t *testing.T, o Options) *http.Client {
	c := NewClient(o)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestClient_ReachesTheCheckedAddressWithOneQuestion(t *testing.T) {
	t.Parallel()
	base, o := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	res, err := client(t, o).Get(base)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !strings.HasPrefix(string(body), "example.com:") {
		t.Errorf("body %q, %v", body, err)
	}
	if n := o.Resolver.(*world).asked.Load(); n != 1 {
		t.Errorf("the name was resolved %d times, want once", n)
	}
}

func TestClient_HandsRedirectsBack(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	base, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, "/next", http.StatusFound)
	})
	res, err := client(t, o).Get(base)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	var e *Error
	if res.StatusCode != http.StatusFound || hits.Load() != 1 || !errors.As(RedirectError(res), &e) || e.Reason != Redirect {
		t.Errorf("status %d after %d requests, %v", res.StatusCode, hits.Load(), RedirectError(res))
	}
}

func TestClient_VerifiesTheCertificate(t *testing.T) {
	t.Parallel()
	base, o := serve(t, func(http.ResponseWriter, *http.Request) {})
	unknownRoot := o
	unknownRoot.Roots = nil
	for situation, try := range map[string]struct {
		o   Options
		url string
	}{
		"unknown root": {unknownRoot, base},
		"other name":   {o, strings.Replace(base, "example.com", "other.net", 1)},
	} {
		res, err := client(t, try.o).Get(try.url)
		if err == nil {
			res.Body.Close()
		}
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			t.Errorf("%s: %v, want a certificate error", situation, err)
		}
	}
}

func TestClient_CutsLongBodiesWithAnError(t *testing.T) {
	t.Parallel()
	base, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", map[string]int{"/fits": 100, "/long": 101}[r.URL.Path]))
	})
	o.MaxResponse = 100
	for path, want := range map[string]error{"/fits": nil, "/long": ErrTooLarge} {
		res, err := client(t, o).Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if !errors.Is(err, want) || len(body) != 100 {
			t.Errorf("%s: %d octets, %v, want 100 and %v", path, len(body), err, want)
		}
	}
}

func TestClient_IgnoresProxiesOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	base, o := serve(t, func(http.ResponseWriter, *http.Request) {})
	res, err := client(t, o).Get(base)
	if err != nil {
		t.Fatalf("the proxy was asked: %v", err)
	}
	res.Body.Close()
}

func TestCheck_AResolverOutOfOrderIsNotTheAddressesFault(t *testing.T) {
	t.Parallel()
	o := Options{Resolver: hostileWorld()}
	if err := Check(t.Context(), "https://broken.hostile.net/", o); err != nil {
		t.Errorf("Check: %v", err)
	}
	if res, err := client(t, o).Get("https://broken.hostile.net/"); err == nil {
		res.Body.Close()
		t.Error("the call itself went through")
	}
}

func TestClient_PlainHTTPToLoopbackInTheLab(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer s.Close()
	res, err := client(t, Options{AllowLoopbackHTTP: true}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusTeapot {
		t.Errorf("status %d", res.StatusCode)
	}
}
