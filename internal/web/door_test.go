package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/web"
)

func trustLoopback(c *web.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func (h *house) key(t *testing.T) (string, ident.KeyID) {
	t.Helper()
	k, err := h.keys.Create(h.As(t.Context()), apikey.CreateApiKeyInput{Description: "test", OrganizationID: &h.Org})
	if err != nil {
		t.Fatal(err)
	}
	return k.Secret.Reveal(), k.ApiKey.ID
}

func TestBearer_ThatDoesNotCountIsRefusedBeforeParsing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	key, _ := h.key(t)
	b := h.browser(t)
	for name, given := range map[string]string{
		"Unknown": key[:len(key)-4] + "AAAA", "Cut": "npk_", "Garbage": "abc", "Empty": "", "NotUTF8": "\xff\xfe", "Long": strings.Repeat("a", 20_000), "Nul": "npk_abcdefghijkl_x",
	} {
		t.Run(name, func(t *testing.T) {
			for accept, kind := range map[string]string{"": "application/json; charset=utf-8", "application/graphql-response+json": "application/graphql-response+json; charset=utf-8"} {
				r := h.do(t, "POST", "/graphql", "{ not json", "Authorization", "Bearer "+given, "Accept", accept)
				if _, data := r.json["data"]; r.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(r.code(), "UNAUTHENTICATED ") || data || r.Header.Get("Content-Type") != kind ||
					r.Header.Get("WWW-Authenticate") != "Bearer" || r.Header.Get("Cache-Control") != "no-store" {
					t.Fatalf("%d %v %s", r.StatusCode, r.Header, r.text)
				}
			}
			if r := b.send(t, "POST", "/graphql", "{}", "Authorization", "bearer "+given); r.StatusCode != http.StatusUnauthorized {
				t.Errorf("a cookie beside it counted: %s", r.text)
			}
		})
	}
	if r := h.do(t, "POST", "/graphql", "{}", "Authorization", "Bearer "+key); r.json["kind"] != "API_KEY" || r.json["org"] != h.Org.String() {
		t.Errorf("the right key: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "POST", "/graphql", "{}", "Authorization", "Basic dXNlcjpwYXNz"); r.json["kind"] != "PUBLIC" {
		t.Errorf("the password of a proxy in front: %d %s", r.StatusCode, r.text)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", h.base+"/graphql", strings.NewReader("{}"))
	req.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + key}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("two credentials: %d", res.StatusCode)
	}
}

func TestBearer_IgnoresCookies(t *testing.T) {
	t.Parallel()
	h := setup(t)
	key, id := h.key(t)
	b := h.browser(t)
	r := h.do(t, "POST", "/graphql", "{}", "Authorization", "Bearer "+key, "Cookie", "__Host-np_s="+b.cookie)
	if r.json["kind"] != "API_KEY" || r.json["key"] != id.String() || r.json["session"] != "" {
		t.Fatalf("%d %s", r.StatusCode, r.text)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	var wrong error
	var mu sync.Mutex
	ready := func(err error) { mu.Lock(); wrong = err; mu.Unlock() }
	h := setup(t, func(c *web.Config) {
		c.Ready = func(context.Context) map[string]error {
			mu.Lock()
			defer mu.Unlock()
			return map[string]error{"database": wrong, "redis": nil}
		}
		c.Routes = []part.Route{{Pattern: "GET /hooks/test", Handler: page("part")}}
	})
	for path, want := range map[string]string{
		"/": "console /", "/acme/domains": "console /acme/domains", "/acme/explorer": "explorer /acme/explorer", "/acme/explorer/x": "console /acme/explorer/x", "/explorer": "console /explorer",
		"/assets/explorer/app.js": "console /assets/explorer/app.js", "/widget/v1/connect.js": "widget /widget/v1/connect.js", "/hooks/test": "part /hooks/test",
	} {
		if r := h.do(t, "GET", path, ""); r.text != want || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("X-Request-Id") == "" || r.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %d %q %v", path, r.StatusCode, r.text, r.Header)
		}
	}
	for _, path := range []string{"/auth/unknown", "/auth/", "/graphql/x", "/widget/x", "/internal/ask", "/v1/connections", "/.well-known/x", "/metrics", "/debug/pprof/heap"} {
		if r := h.do(t, "GET", path, ""); r.StatusCode != http.StatusNotFound || r.code() != "NOT_FOUND" || r.Header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.text)
		}
	}
	for path, method := range map[string]string{"/auth/sign-in": "GET", "/auth/session": "POST", "/auth/step-up": "PUT", "/auth/sign-out": "GET"} {
		if r := h.do(t, method, path, ""); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %d %s", method, path, r.StatusCode, r.text)
		}
	}
	if r := h.do(t, "GET", "/.well-known/nameplate-keys.json", ""); r.text != `{"keys":[]}` || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("keys: %v %s", r.Header, r.text)
	}
	if r := h.do(t, "GET", "/readyz", ""); r.StatusCode != http.StatusOK {
		t.Errorf("ready: %s", r.text)
	}
	ready(errors.New("dial postgres://user:hidden@db: refused"))
	if r := h.do(t, "GET", "/readyz", ""); r.StatusCode != http.StatusServiceUnavailable || strings.Contains(r.text, "hidden") || r.json["checks"].(map[string]any)["database"] != "failed" {
		t.Errorf("not ready: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "GET", "/healthz", ""); r.StatusCode != http.StatusOK {
		t.Errorf("alive: %s", r.text)
	}
}

func TestRequest_TellsWhatIsKnownOfACaller(t *testing.T) {
	t.Parallel()
	h := setup(t, trustLoopback)
	r := h.do(t, "POST", "/graphql", "{}", "X-Forwarded-For", "198.51.100.1, 2001:db8:1:2:3:4:5:6", "Accept-Language", "it;q=0.9, de-AT;q=0.8", "User-Agent", "Mozilla \xff\xfe "+strings.Repeat("é", 1000), "X-Request-Id", "mine")
	if r.json["ip"] != "2001:db8:1:2:3:4:5:6" || r.json["network"] != "2001:db8:1:2::/64" || r.json["locale"] != "de" {
		t.Errorf("%s", r.text)
	}
	if agent := r.json["agent"].(string); strings.Contains(agent, "\uFFFD") || len([]rune(agent)) > 400 {
		t.Errorf("user agent of %d characters: %q", len([]rune(agent)), agent[:20])
	}
	if id := r.json["requestId"]; id != r.Header.Get("X-Request-Id") || id == "mine" || id == "" {
		t.Errorf("request id %v, header %s", id, r.Header.Get("X-Request-Id"))
	}
	if r := h.do(t, "POST", "/graphql", strings.Repeat("a", 1<<20+1)); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 1 MiB: %d", r.StatusCode)
	}
	if r := h.do(t, "POST", "/graphql", "{}", "X-Panic", "1"); r.StatusCode != http.StatusInternalServerError || r.code() != "INTERNAL" || strings.Contains(r.text, "resolver") {
		t.Errorf("a panic: %d %s", r.StatusCode, r.text)
	}
}

func TestIdempotencyKey_ARepeatedRequestAnswersTheSame(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	create := func(key string) reply {
		return b.send(t, "POST", "/graphql", "{}", "X-Create", "1", "Idempotency-Key", key)
	}
	first, again, other := create("k-1"), create("k-1"), create("k-2")
	if first.json["created"] == nil || first.json["created"] != again.json["created"] || first.json["created"] == other.json["created"] {
		t.Errorf("%s, again %s, under another key %s", first.text, again.text, other.text)
	}
	for name, key := range map[string]string{"Long": strings.Repeat("k", 300), "NotUTF8": "\xff\xfe"} {
		if r := create(key); r.StatusCode != http.StatusUnprocessableEntity || !strings.HasPrefix(r.code(), "INVALID") {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.text)
		}
	}
	h.ahead(11 * time.Minute)
	if r := create("k-3"); r.code() != "STEP_UP_REQUIRED" {
		t.Fatalf("eleven minutes after signing in: %d %s", r.StatusCode, r.text)
	}
	r := b.send(t, "POST", "/auth/step-up", `{"password":"`+password+`"}`)
	b.cookie = r.cookie().Value
	if r := create("k-3"); r.json["created"] == nil {
		t.Errorf("the same call after the proof: %d %s", r.StatusCode, r.text)
	}
}

func TestLocale_TheBestThatWeSpeak(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for header, want := range map[string]string{
		"": "en", "de": "de", "DE-at": "de", "fr, es": "fr", "it, es": "en", "ar-EG, en;q=0.9": "ar", "en;q=0.5, de;q=0.9": "de", "de;q=0": "en", "de;q=x, en": "en", "*": "en", "it;q=1, de;q=0.1": "de", strings.Repeat("x,", 5000) + "de": "en", ";;;,=,": "en", "de;q=NaN": "en", "de;q=-1": "en",
	} {
		if r := h.do(t, "POST", "/graphql", "{}", "Accept-Language", header); r.json["locale"] != want {
			t.Errorf("%q: %v", header[:min(len(header), 40)], r.json["locale"])
		}
	}
}

func TestDatabaseAway_NothingIsBelieved(t *testing.T) {
	t.Parallel()
	h := setup(t)
	key, _ := h.key(t)
	b := h.browser(t)
	h.DB.Close()
	for name, headers := range map[string][]string{"Key": {"Authorization", "Bearer " + key}, "Cookie": {"Cookie", "__Host-np_s=" + b.cookie, "X-Nameplate-Csrf", b.csrf}} {
		eventually(t, name+": believed without looking", func() bool {
			r := h.do(t, "POST", "/graphql", "{}", headers...)
			return r.StatusCode == http.StatusInternalServerError && r.code() == "INTERNAL"
		})
	}
	if r := h.do(t, "GET", "/healthz", ""); r.StatusCode != http.StatusOK {
		t.Errorf("alive: %d", r.StatusCode)
	}
}

// pipes is a listener whose connections are in memory, so that waiting for a slow caller takes no time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestSlowCallersAreCut(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"Header": "POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"Body":   "POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"username\":",
		"Drip":   "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(r.Body); err != nil {
						w.WriteHeader(http.StatusBadRequest)
					}
				})
				go func() {
					ended <- (&httpx.Server{Listener: l, Handler: web.New(web.Config{Origin: console, GraphQL: read})}).Run(ctx)
				}()
				here, there := net.Pipe()
				l.conns <- there
				began := time.Now()
				var dripping sync.WaitGroup
				dripping.Go(func() {
					_, err := fmt.Fprint(here, sent)
					for name == "Drip" && err == nil {
						time.Sleep(time.Second)
						_, err = fmt.Fprint(here, "x")
					}
				})
				line, err := bufio.NewReader(here).ReadString('\n')
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("waited %s", took)
				}
				if name != "Header" && !strings.HasPrefix(line, "HTTP/1.1 4") {
					t.Errorf("answered %q, %v", line, err)
				}
				here.Close()
				dripping.Wait()
				cancel()
				<-ended
			})
		})
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"/", "//", "/acme/explorer", "/auth/../graphql", "/%2e%2e/x", "/auth/sign-in?app=%00", "/widget/v1/..//x", "*"} {
		f.Add(s, "https://x.example", "de", "Bearer x")
	}
	handler := web.New(web.Config{Origin: console, Console: page("console"), Explorer: page("explorer"), Widget: page("widget")})
	f.Fuzz(func(t *testing.T, path, origin, language, authorization string) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://localhost/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL, err = r.URL.Parse(path); err != nil {
			t.Skip("no address")
		}
		r.Header.Set("Origin", origin)
		r.Header.Set("Accept-Language", language)
		r.Header.Set("Authorization", authorization)
		w := &recorder{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if w.status >= 500 {
			t.Fatalf("%q answered %d", path, w.status)
		}
	})
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(s int)   { r.status = s }
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = 200
	}
	return len(b), nil
}
