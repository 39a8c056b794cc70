package domainconnect

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

const rows = `[{
  "slug": "listed", "name": "Listed", "apex": ["ADDRESS"],
  "detect": {"nsSuffixes": ["ns.listed.example"], "domainConnectHosts": ["connect.listed.example", "localhost"]},
  "form": {"apexName": "@", "relativeNames": true, "appendsZone": true, "trailingDot": "ALLOWED"},
  "domainConnect": {"sync": true, "signatureRequired": true}
}]`

func catalogue(t *testing.T) *provider.Catalogue {
	t.Helper()
	c, err := provider.Load([]byte(rows))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// canary is a web server of this machine that counts who connects.
func canary(t *testing.T, answer http.HandlerFunc) (at string, visits *atomic.Int32) {
	t.Helper()
	visits = &atomic.Int32{}
	s := httptest.NewUnstartedServer(answer)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			visits.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), visits
}

// rebound answers every name with an address of this machine, and remembers who asked.
type rebound struct{ asked []string }

func (r *rebound) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.asked = append(r.asked, host)
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestCN4_OnlyListedPublicHostsAreContacted(t *testing.T) {
	at, visits := canary(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"providerId":"x","urlAPI":"https://x.example","urlSyncUX":"https://x.example"}`)
	})
	port := at[strings.LastIndex(at, ":"):]
	names := &rebound{}
	c := New(catalogue(t), safehttp.Options{Resolver: names})
	for _, service := range []string{
		at, "localhost", "localhost" + port, "127.0.0.1", "127.0.0.1" + port, "[::1]" + port, "evil.example", "connect.listed.example.evil.example", "evil.example/connect.listed.example",
		"connect.listed.example@" + at, "connect.listed.example" + port, "connect.listed.example#@" + at, "connect.listed.example?x=" + at, "https://connect.listed.example", "//" + at,
		"connect.listed.example/../..", "connect.listed.example/%2e%2e", "CONNECT.LISTED.EXAMPLE", "connect.listed.example\\@" + at, "connect.listed.example\n" + at, "", ".", "/", strings.Repeat("a", 300),
		"connect.listed.example/" + strings.Repeat("a/", 200), "169.254.169.254/latest", "2130706433", "0x7f.1",
	} {
		if o := c.Offer(t.Context(), "acme.example", service); o != nil {
			t.Errorf("%q offers %+v", service, o)
		}
	}
	for _, host := range names.asked {
		if host != "localhost" { // listed above, and private
			t.Errorf("%s was resolved", host)
		}
	}
	names.asked = nil
	if o := c.Offer(t.Context(), "acme.example", "connect.listed.example"); o != nil || len(names.asked) != 1 {
		t.Errorf("a listed host at a private address offers %+v; resolved %v", o, names.asked)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}

func TestCN3_OnlyAWholeDocumentIsAnOffer(t *testing.T) {
	var say http.HandlerFunc
	at, _ := canary(t, func(w http.ResponseWriter, r *http.Request) { say(w, r) })
	at = "localhost" + at[strings.LastIndex(at, ":"):]
	c := New(catalogue(t), safehttp.Options{AllowLoopbackHTTP: true})
	c.HTTP.Timeout = time.Second
	elsewhere, visits := canary(t, func(http.ResponseWriter, *http.Request) {})
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	whole := `{"providerId":"listed","urlAPI":"https://api.listed.example","urlSyncUX":"https://listed.example/sync"}`
	for what, bad := range map[string]http.HandlerFunc{
		"not found":    text(http.StatusNotFound, whole),
		"server fault": text(http.StatusBadGateway, whole),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+elsewhere+"/", http.StatusFound)
		},
		"no JSON":        text(http.StatusOK, "<html>"),
		"empty":          text(http.StatusOK, ""),
		"a list":         text(http.StatusOK, "[]"),
		"no provider":    text(http.StatusOK, `{"urlAPI":"https://api.listed.example"}`),
		"no API":         text(http.StatusOK, `{"providerId":"listed","urlSyncUX":"https://listed.example"}`),
		"plain API":      text(http.StatusOK, `{"providerId":"listed","urlAPI":"http://api.listed.example"}`),
		"script as API":  text(http.StatusOK, `{"providerId":"listed","urlAPI":"javascript:alert(1)"}`),
		"too large":      text(http.StatusOK, `{"x":"`+strings.Repeat("x", 70<<10)+`",`+whole[1:]),
		"hangs":          func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"numbers for it": text(http.StatusOK, `{"providerId":7,"urlAPI":7}`),
	} {
		say = bad
		if o := c.Offer(t.Context(), "acme.example", at); o != nil {
			t.Errorf("%s: %+v", what, o)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
	var path string
	say = func(w http.ResponseWriter, r *http.Request) { path = r.URL.Path; fmt.Fprint(w, whole) }
	o := c.Offer(t.Context(), "acme.example", at+"/client/v4")
	if o == nil || o.Provider.Slug != "listed" || !o.Support.Sync || o.Support.Async || !o.Support.SignatureRequired || path != "/client/v4/v2/acme.example/settings" {
		t.Errorf("%+v, asked at %s", o, path)
	}
}

func FuzzOffer(f *testing.F) {
	for _, s := range []string{"connect.listed.example", "a.b/c", "x:1/", "//", "a@b", "xn--x"} {
		f.Add(s)
	}
	c, err := provider.Load([]byte(rows))
	if err != nil {
		f.Fatal(err)
	}
	client := New(c, safehttp.Options{})
	client.HTTP = &http.Client{Transport: refuse(func(r *http.Request) { f.Logf("%s", r.URL) })}
	f.Fuzz(func(t *testing.T, service string) {
		client.HTTP.Transport = refuse(func(r *http.Request) {
			if r.URL.Scheme != "https" || r.URL.Host != "connect.listed.example" && r.URL.Host != "localhost" || r.URL.User != nil || r.URL.RawQuery != "" {
				t.Errorf("%q asks %s", service, r.URL)
			}
		})
		client.Offer(t.Context(), "acme.example", service)
	})
}

type refuse func(*http.Request)

func (f refuse) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, net.ErrClosed
}
