package edge

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// authority is a CA of the test's own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

var testCA = sync.OnceValue(func() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert, key, pool}
})

func (a *authority) issue(name string, notAfter time.Time) *tls.Certificate {
	return a.issueAll(notAfter, name)
}

func (a *authority) issueAll(notAfter time.Time, names ...string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, DNSNames: names, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// world is everything that an edge leans on, in memory.
type world struct {
	mu         sync.Mutex
	entries    map[string]edgeentry.Entry
	records    []edgeentry.ZoneRecord
	secrets    []edgeentry.Secret
	generation int64
	acked      int64
	left       bool
	down       error
	keys       map[ident.CertificateID]*tls.Certificate
	loads      int
	slowKeys   time.Duration
	http01     map[string]string
	alpn       map[string]*tls.Certificate
	lookups    int
	poke       chan struct{}
}

func newWorld() *world {
	return &world{entries: map[string]edgeentry.Entry{}, keys: map[ident.CertificateID]*tls.Certificate{}, http01: map[string]string{}, alpn: map[string]*tls.Certificate{}, poke: make(chan struct{}, 1)}
}

// put writes an entry, completes it where the test says nothing, and pokes.
func (w *world) put(e edgeentry.Entry) edgeentry.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Mode == "" {
		e.Mode = edgeentry.Proxy
	}
	if e.ConnectionID.IsZero() {
		e.ConnectionID = ident.New[ident.ConnectionID](time.Now())
	}
	w.generation++
	e.Generation = w.generation
	w.entries[e.Hostname] = e
	select {
	case w.poke <- struct{}{}:
	default:
	}
	return e
}

// live is a name that is proven and has a certificate; change may say otherwise.
func (w *world) live(host, origin string, change ...func(*edgeentry.Entry)) edgeentry.Entry {
	id := ident.New[ident.CertificateID](time.Now())
	w.mu.Lock()
	w.keys[id] = testCA().issue(host, time.Now().Add(30*time.Minute))
	w.mu.Unlock()
	e := edgeentry.Entry{Hostname: host, Serve: true, CertAllowed: true, CertificateID: &id, Route: edgeentry.Route{Application: "Acme", CustomerRef: "cus-7"}}
	if origin != "" {
		e.Route.Upstream = &edgeentry.Upstream{OriginURL: origin, HostHeader: "CUSTOMER", TLSVerify: true}
	}
	for _, c := range change {
		c(&e)
	}
	return w.put(e)
}

func (w *world) snapshot(after int64) (edgeentry.Snapshot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := edgeentry.Snapshot{Generation: w.generation}
	for _, e := range w.entries {
		if e.Generation > after {
			s.Entries = append(s.Entries, e)
		}
	}
	for _, r := range w.records {
		if r.Generation > after {
			s.Records = append(s.Records, r)
		}
	}
	for _, one := range w.secrets {
		if one.Generation > after {
			s.Secrets = append(s.Secrets, one)
		}
	}
	return s, w.down
}

func (w *world) Load(context.Context) (edgeentry.Snapshot, error) { return w.snapshot(-1) }
func (w *world) Delta(_ context.Context, after int64) (edgeentry.Snapshot, error) {
	return w.snapshot(after)
}
func (w *world) Generation(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.generation, w.down
}
func (w *world) Heartbeat(_ context.Context, n edgeentry.Node) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = n.Acked
	return w.down
}
func (w *world) Leave(context.Context, ident.EdgeNodeID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = true
	return w.down
}

type keys struct{ *world }

func (w keys) Load(ctx context.Context, id ident.CertificateID) (*tls.Certificate, error) {
	w.mu.Lock()
	w.loads++
	slow, c, down := w.slowKeys, w.keys[id], w.down
	w.mu.Unlock()
	if slow > 0 {
		t := time.NewTimer(slow)
		defer t.Stop()
		<-t.C
	}
	if down != nil {
		return nil, down
	}
	if c == nil {
		return nil, errors.New("no such certificate")
	}
	return c, nil
}

func (w *world) HTTP01(_ context.Context, host, token string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	return w.http01[host+" "+token], w.down
}

func (w *world) TLSALPN01(_ context.Context, host string) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	return w.alpn[host], w.down
}

// Valid knows one nonce for each host.
func (w *world) Valid(host, nonce string) bool { return nonce == "nonce-of-"+host }

func (w *world) Of(text string) []string { return []string{"nonce-of-" + text} }

func (w *world) set(fn func()) { w.mu.Lock(); defer w.mu.Unlock(); fn() }

// node is a running edge.
type node struct {
	*Edge
	*world
	t           *testing.T
	http, https string
	stop        func() error
}

func start(t *testing.T, w *world, change ...func(*Edge)) *node {
	t.Helper()
	e := &Edge{
		HTTP: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, Ask: "127.0.0.1:0", AskToken: secret.New("ask me"), Name: "test",
		Projection: w, Poked: w.poke, Keys: keys{w}, Challenges: w, Nonce: w, Upstreams: safehttp.Options{AllowLoopbackHTTP: true, Roots: testCA().pool}, Grace: 2 * time.Second,
	}
	for _, c := range change {
		c(e)
	}
	if err := e.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	n := &node{Edge: e, world: w, t: t, http: e.HTTPAddrs()[0].String(), https: e.HTTPSAddrs()[0].String()}
	n.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// caughtUp waits until the node has everything that was put.
func (n *node) caughtUp() {
	n.t.Helper()
	n.until("the edge caught up", func() bool { g, _ := n.world.snapshot(1 << 60); return n.Edge.Generation() == g.Generation })
}

func (n *node) until(what string, ok func() bool) {
	n.t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			n.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// client visits names through the edge, whatever DNS says.
func (n *node) client(protocols ...string) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := n.http
			if strings.HasSuffix(address, ":443") {
				to = n.https
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
		TLSClientConfig: &tls.Config{RootCAs: testCA().pool, NextProtos: protocols}, ForceAttemptHTTP2: len(protocols) == 0, DisableCompression: true,
	}
	n.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (n *node) get(url string, header ...string) (*http.Response, string) {
	n.t.Helper()
	return n.ask("h2", url, header...)
}

func (n *node) ask(protocol, url string, header ...string) (*http.Response, string) {
	n.t.Helper()
	client := n.client(protocol)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
	r, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res, string(b)
}

// raw speaks HTTP/1.1 by hand over one of the ports and reads until the edge hangs up.
func (n *node) raw(secure bool, sni, text string) string {
	n.t.Helper()
	c := n.dial(secure, sni)
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, text); err != nil {
		n.t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

func (n *node) dial(secure bool, sni string) net.Conn {
	n.t.Helper()
	var c net.Conn
	var err error
	if secure {
		c, err = tls.Dial("tcp", n.https, &tls.Config{ServerName: sni, RootCAs: testCA().pool, NextProtos: []string{"http/1.1"}})
	} else {
		c, err = net.Dial("tcp", n.http)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// origin is an application that says what it got.
func origin(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	if h == nil {
		h = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Origin", "yes")
			_, _ = io.WriteString(w, "hello from the origin")
		}
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func TestRun_ServesProxiesAndLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	for _, protocol := range []string{"h2", "http/1.1"} {
		client := n.client(protocol)
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
		res, err := client.Get("https://shop.acme.lab/a?b=c")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 200 || string(b) != "hello from the origin" || res.Header.Get("X-Origin") != "yes" || res.TLS.NegotiatedProtocol != protocol {
			t.Errorf("%s: %d %q %v", protocol, res.StatusCode, b, res.Header)
		}
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if !w.left {
		t.Error("the edge did not leave the list of nodes")
	}
	if _, err := net.Dial("tcp", n.https); err == nil {
		t.Error("the port is open after the end")
	}
}

func TestRun_WaitsForItsFirstProjection(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	w.down = errors.New("no database yet")
	n := start(t, w)
	type answer struct {
		res *http.Response
		err error
	}
	got := make(chan answer, 1)
	go func() {
		res, err := n.client().Get("https://shop.acme.lab/")
		got <- answer{res, err}
	}()
	select {
	case a := <-got:
		t.Errorf("answered without a projection: %+v", a)
	case <-time.After(150 * time.Millisecond):
	}
	w.set(func() { w.down = nil })
	if a := <-got; a.err != nil || a.res.StatusCode != 200 {
		t.Errorf("%+v", a)
	} else {
		_ = a.res.Body.Close()
	}
}

func TestFollow_ChangesAreInForceAtOnceAndAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld()
	n := start(t, w)
	e := w.live("shop.acme.lab", origin(t, nil))
	began := time.Now()
	n.caughtUp()
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	n.until("the generation is acknowledged", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.acked == w.generation })
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	kept := n.client()
	if res, err := kept.Get("https://shop.acme.lab/"); err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}

	e.Mode, e.Serve, e.CertAllowed = edgeentry.Suspended, false, false
	w.put(e)
	n.caughtUp()
	if res, body := n.get("https://shop.acme.lab/"); res.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "paused") {
		t.Errorf("suspended: %d %s", res.StatusCode, body)
	}
	e.Mode = edgeentry.Gone
	w.put(e)
	n.caughtUp()
	if res, err := kept.Get("https://shop.acme.lab/"); err != nil || res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("an open connection serves what is gone: %v %v", res, err)
	}
	if _, err := n.client().Get("https://shop.acme.lab/"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("gone: %v", err)
	}
}

func TestFollow_WithoutPokeAndAfterARestore(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("old.acme.lab", origin(t, nil))
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w, func(e *Edge) { e.Poked = nil })
	n.caughtUp()
	w.live("late.acme.lab", origin(t, nil))
	n.caughtUp()
	if res, _ := n.get("https://late.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	w.set(func() { // the database of yesterday
		delete(w.entries, "late.acme.lab")
		delete(w.entries, "shop.acme.lab")
		w.generation = 1
	})
	n.caughtUp()
	if _, err := n.client().Get("https://shop.acme.lab/"); err == nil {
		t.Error("a name that the restored database does not know is served")
	}
	if res, _ := n.get("https://old.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestDatabaseAway_GoesOnServing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	// The certificate is being replaced at that moment: the new one cannot be opened.
	e.CertificateID = new(ident.New[ident.CertificateID](time.Now()))
	w.put(e)
	n.caughtUp()
	w.set(func() { w.down = errors.New("away") })
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	if !n.Allowed("shop.acme.lab") {
		t.Error("ask needs the database")
	}
	w.set(func() { w.down = nil })
}

func readResponse(t *testing.T, text string) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return res
}
