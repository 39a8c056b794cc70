package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

func TestHandshake_WhoIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	w.live("*.wild.lab", origin(t, nil))
	w.put(edgeentry.Entry{Hostname: "soon.acme.lab", Serve: true, CertAllowed: true})
	w.put(edgeentry.Entry{Hostname: "gone.acme.lab", Mode: edgeentry.Gone})
	n := start(t, w)
	const unrecognized, internal, version, protocol = 112, 80, 70, 120
	for name, c := range map[string]struct {
		config *tls.Config
		alert  uint8 // 0: the handshake succeeds
	}{
		"Known":           {&tls.Config{ServerName: "shop.acme.lab"}, 0},
		"KnownInCapitals": {&tls.Config{ServerName: "SHOP.Acme.Lab"}, 0},
		"TLS12":           {&tls.Config{ServerName: "shop.acme.lab", MaxVersion: tls.VersionTLS12}, 0},
		"Wildcard":        {&tls.Config{ServerName: "any.wild.lab"}, 0},
		"WildcardTooDeep": {&tls.Config{ServerName: "a.b.wild.lab"}, unrecognized},
		"Unknown":         {&tls.Config{ServerName: "other.acme.lab"}, unrecognized},
		"UnknownTLS12":    {&tls.Config{ServerName: "other.acme.lab", MaxVersion: tls.VersionTLS12}, unrecognized},
		"NoName":          {&tls.Config{InsecureSkipVerify: true}, unrecognized},
		"Address":         {&tls.Config{ServerName: "127.0.0.1"}, unrecognized}, // Go's client sends no name then; raw hellos below do
		"Gone":            {&tls.Config{ServerName: "gone.acme.lab"}, unrecognized},
		"NoCertificate":   {&tls.Config{ServerName: "soon.acme.lab"}, internal},
		"TLS11":           {&tls.Config{ServerName: "shop.acme.lab", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, version},
		"NoOrder":         {&tls.Config{ServerName: "shop.acme.lab", NextProtos: []string{acmeALPN}}, unrecognized},
		"OddProtocol":     {&tls.Config{ServerName: "shop.acme.lab", NextProtos: []string{"imap"}}, protocol},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := c.config.Clone()
			config.RootCAs = testCA().pool
			conn, err := tls.Dial("tcp", n.https, config)
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != (c.alert == 0) || c.alert != 0 && !alertText(err, c.alert) {
				t.Errorf("%v, want alert %d", err, c.alert)
			}
		})
	}
}

// alertText finds a peer's alert where the client wraps its text alone.
func alertText(err error, alert uint8) bool {
	return err != nil && strings.Contains(err.Error(), tls.AlertError(alert).Error()[len("tls: "):])
}

// record is one TLS record.
func record(kind byte, payload []byte) []byte {
	return append([]byte{kind, 3, 1, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

// hello is a ClientHello with the given extensions, each with its type.
func hello(extensions ...[]byte) []byte {
	body := append([]byte{3, 3}, bytes.Repeat([]byte{7}, 32)...) // version, random
	body = append(body, 0)                                       // no session
	body = append(body, 0, 2, 0xc0, 0x2b, 1, 0)                  // one suite, no compression
	all := slices.Concat(extensions...)
	body = append(body, byte(len(all)>>8), byte(len(all)))
	body = append(body, all...)
	return record(22, append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...))
}

func extension(kind uint16, payload []byte) []byte {
	return append([]byte{byte(kind >> 8), byte(kind), byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

func sni(name string) []byte {
	entry := append([]byte{0, byte(len(name) >> 8), byte(len(name))}, name...)
	return extension(0, append([]byte{byte(len(entry) >> 8), byte(len(entry))}, entry...))
}

var (
	groups     = extension(10, []byte{0, 2, 0, 23})
	signatures = extension(13, []byte{0, 2, 4, 3})
)

func TestHandshake_HostileHellos(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	for name, c := range map[string]struct {
		octets []byte
		alert  byte // 0: any, or just hung up
	}{
		"Nothing":       {nil, 0},
		"HTTP":          {[]byte("GET / HTTP/1.1\r\nHost: shop.acme.lab\r\n\r\n"), 0},
		"Zeros":         {make([]byte, 4096), 0},
		"HugeRecord":    {[]byte{22, 3, 1, 0xff, 0xff}, 0},
		"CutShort":      {hello(sni("shop.acme.lab"), groups, signatures)[:40], 0},
		"LengthLies":    {append(record(22, []byte{1, 0xff, 0xff, 0xff}), make([]byte, 100)...), 0},
		"AddressAsName": {hello(sni("192.0.2.1"), groups, signatures), 112},
		"Address6":      {hello(sni("[2001:db8::1]"), groups, signatures), 112},
		"EmptyName":     {hello(sni(""), groups, signatures), 0},
		"TrailingDot":   {hello(sni("shop.acme.lab."), groups, signatures), 0},
		"ZeroOctet":     {hello(sni("shop.acme.lab\x00.evil"), groups, signatures), 112},
		"LongName":      {hello(sni(strings.Repeat("a", 5000)), groups, signatures), 112},
		"NotUTF8":       {hello(sni("\xff\xfe\xfd"), groups, signatures), 112},
		"TwoNames":      {hello(sni("shop.acme.lab"), sni("other.acme.lab"), groups, signatures), 0},
		"Path":          {hello(sni("../../etc/passwd"), groups, signatures), 112},
		"UnknownName":   {hello(sni("other.acme.lab"), groups, signatures), 112},
		"NoName":        {hello(groups, signatures), 112},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", n.https)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Write(c.octets)
			_ = conn.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(conn)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the edge holds on to it")
			}
			if c.alert != 0 && (len(got) != 7 || got[0] != 21 || got[6] != c.alert) {
				t.Errorf("%x, want the alert %d", got, c.alert)
			}
		})
	}
	t.Cleanup(func() {
		conn, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool})
		if err != nil {
			t.Error("the edge did not survive", err)
			return
		}
		_ = conn.Close()
	})
}

func TestHandshake_CountsAndOpensEachKeyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.slowKeys = 50 * time.Millisecond
	e := w.live("shop.acme.lab", origin(t, nil))
	set := metric.New()
	n := start(t, w, func(e *Edge) { e.Metrics = set })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool})
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	if w.loads != 1 {
		t.Errorf("one key was opened %d times", w.loads)
	}
	n.until("20 handshakes are counted", func() bool { return strings.Contains(scrape(set), `nameplate_edge_handshakes_total{result="ok"} 20`) })
	best := time.Hour // of a few: the machine may be busy
	for range 10 {
		began := time.Now()
		c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool})
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
		_ = c.Close()
	}
	if best > 50*time.Millisecond {
		t.Errorf("a cached handshake takes %s", best)
	}
	// A renewed certificate is opened before anybody asks for it.
	w.set(func() { w.slowKeys = 0 })
	next := ident.New[ident.CertificateID](time.Now())
	w.set(func() { w.keys[next] = testCA().issue("shop.acme.lab", time.Now().Add(time.Hour)) })
	e.CertificateID = &next
	w.put(e)
	n.caughtUp()
	n.until("the new key is open", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.loads == 2 })
	c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool})
	if err != nil || c.ConnectionState().PeerCertificates[0].SerialNumber.Cmp(w.keys[next].Leaf.SerialNumber) != 0 {
		t.Errorf("the old certificate is presented: %v", err)
	}
}

func scrape(s *metric.Set) string {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestHandshake_AnExpiredCertificateIsBetterThanNone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := w.live("shop.acme.lab", origin(t, nil))
	w.keys[*e.CertificateID] = testCA().issue("shop.acme.lab", time.Now().Add(-time.Minute))
	wanted := make(chan ident.ConnectionID, 10)
	n := start(t, w, func(e *Edge) { e.Missing = func(id ident.ConnectionID) { wanted <- id } })
	c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if got := <-wanted; got != e.ConnectionID {
		t.Error(got)
	}
}

func TestHandshake_NoOldSessionGetsPastAWithdrawal(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	config := &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, ClientSessionCache: tls.NewLRUClientSessionCache(4), NextProtos: []string{"http/1.1"}}
	visit := func() (*tls.Conn, error) {
		c, err := tls.Dial("tcp", n.https, config)
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nConnection: close\r\n\r\n")
		_, err = io.ReadAll(c)
		return c, err
	}
	if _, err := visit(); err != nil {
		t.Fatal(err)
	}
	if c, err := visit(); err != nil || !c.ConnectionState().DidResume {
		t.Fatalf("the session was not resumed: %v", err)
	}
	e.Mode = edgeentry.Gone
	w.put(e)
	n.caughtUp()
	if _, err := visit(); !alertText(err, 112) {
		t.Error(err)
	}
}

func TestHandshake_TicketsAreSharedBetweenNodes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	tickets := func(e *Edge) {
		e.Poked = nil
		e.Tickets = func(context.Context) ([][32]byte, error) { return [][32]byte{{1, 2, 3}}, nil }
	}
	one, two := start(t, w, tickets), start(t, w, tickets)
	cache := tls.NewLRUClientSessionCache(4)
	one.until("a session of one node resumes at the other", func() bool { resumes(t, one, cache, 0); return resumes(t, two, cache, 0) })
}

// resumes visits a node with what the cache has, in one version of TLS or (0) in any, and says whether the session was resumed.
func resumes(t *testing.T, n *node, cache tls.ClientSessionCache, version uint16) bool {
	t.Helper()
	c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, ClientSessionCache: cache, NextProtos: []string{"http/1.1"}, MinVersion: version, MaxVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nConnection: close\r\n\r\n")
	_, _ = io.ReadAll(c)
	return c.ConnectionState().DidResume
}

// firstTicket is a client that goes on showing the first ticket it ever got.
type firstTicket struct{ state *tls.ClientSessionState }

func (f *firstTicket) Get(string) (*tls.ClientSessionState, bool) { return f.state, f.state != nil }
func (f *firstTicket) Put(_ string, s *tls.ClientSessionState) {
	if f.state == nil {
		f.state = s
	}
}

// ED-3: crypto/tls tells clients that a ticket lasts seven days, and forgets it then. What bounds it is its key: the day's and the day's before are known, so that
// a ticket is worth nothing after 48 hours, in both versions of TLS.
func TestHandshake_TicketsEndWithTheirKeys(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := newWorld()
		w.live("shop.acme.lab", origin(t, nil))
		var day atomic.Uint32
		day.Store(1)
		n := start(t, w, func(e *Edge) {
			e.Poked = nil
			e.Tickets = func(context.Context) ([][32]byte, error) {
				today := byte(day.Load())
				return [][32]byte{{today}, {today - 1}}, nil
			}
		})
		ticket := &firstTicket{}
		n.takeTickets(t.Context())
		resumes(t, n, ticket, version)
		for later, want := range []bool{true, true, false} {
			if later > 0 {
				day.Add(1)
				n.takeTickets(t.Context())
			}
			if got := resumes(t, n, ticket, version); got != want {
				t.Errorf("TLS %x, %d days later: the ticket is taken: %t", version, later, got)
			}
		}
	}
}

func TestChallenge_TLSALPN(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(edgeentry.Entry{Hostname: "shop.acme.lab", CertAllowed: true})
	n := start(t, w)
	validate := func() (*x509.Certificate, error) {
		c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", NextProtos: []string{acmeALPN}, InsecureSkipVerify: true})
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.Close() }()
		if c.ConnectionState().NegotiatedProtocol != acmeALPN {
			t.Error("another protocol was negotiated")
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
			t.Errorf("after the handshake came %q %v", b, err)
		}
		return c.ConnectionState().PeerCertificates[0], nil
	}
	if _, err := validate(); err == nil {
		t.Error("a challenge was answered that nobody set")
	}
	// A stranger asks all the time; the CA comes right after the row.
	stop, strangers := make(chan struct{}), sync.WaitGroup{}
	for range 8 {
		strangers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = validate()
				}
			}
		})
	}
	defer strangers.Wait()
	defer close(stop)
	c := testCA().issue("shop.acme.lab", time.Now().Add(time.Minute))
	w.set(func() { w.alpn["shop.acme.lab"] = c })
	got, err := validate()
	if err != nil || !got.Equal(c.Leaf) {
		t.Errorf("the challenge's certificate is hidden by a miss: %v", err)
	}
}

func TestChallenge_QuestionsAboutOneNameAreJoined(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var k challenges
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if c, err := k.alpn(t.Context(), w, "shop.acme.lab"); c != nil || err != nil {
				t.Error(c, err)
			}
		})
	}
	wg.Wait()
	if w.lookups > 5 {
		t.Errorf("%d questions to the database for 200 handshakes at once", w.lookups)
	}
}

func TestChallenge_HTTP01(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(edgeentry.Entry{Hostname: "shop.acme.lab", CertAllowed: true})
	n := start(t, w)
	w.set(func() { w.http01["shop.acme.lab tok-1"] = "tok-1.thumb" })
	if res, body := n.get("http://shop.acme.lab/.well-known/acme-challenge/tok-1"); res.StatusCode != 200 || body != "tok-1.thumb" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	if b := n.raw(false, "", "GET /.well-known/acme-challenge/tok-1 HTTP/1.1\r\nHost: Shop.acme.lab.:5002\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(b, "tok-1.thumb") {
		t.Errorf("with port and dot: %q", b)
	}
	before := w.lookups
	for range 20 {
		if res, _ := n.get("http://shop.acme.lab/.well-known/acme-challenge/miss"); res.StatusCode != 404 {
			t.Error(res.Status)
		}
	}
	if w.lookups != before+1 {
		t.Errorf("%d questions for one miss", w.lookups-before)
	}
	for _, path := range []string{"http://shop.acme.lab/.well-known/acme-challenge/", "http://shop.acme.lab/.well-known/acme-challenge/..%2f..%2fx", "http://other.lab/.well-known/acme-challenge/tok-1",
		"http://shop.acme.lab/.well-known/acme-challenge/" + strings.Repeat("a", 200)} {
		if res, _ := n.get(path); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if w.lookups != before+1 {
		t.Error("what is no token of a known name reached the database")
	}
	w.set(func() { w.down = errors.New("away") })
	if res, _ := n.get("http://shop.acme.lab/.well-known/acme-challenge/other"); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Error(res.Status)
	}
	w.set(func() { w.down = nil })
}

// ED-3: TLS 1.2 without CBC and without RSA key exchange, TLS 1.3 with all it has.
func TestHandshake_Suites(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	asked := 0
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			continue
		}
		asked++
		c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		if err == nil {
			_ = c.Close()
		}
		want := strings.HasPrefix(suite.Name, "TLS_ECDHE_ECDSA_") && (strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20"))
		if (err == nil) != want {
			t.Errorf("%s: %v", suite.Name, err)
		}
	}
	if asked < 15 {
		t.Errorf("%d suites were asked for", asked)
	}
}

// ED-2: whoever asks for names that nobody knows leaves nothing behind: no order, no question to the database, no entry in any table.
func TestHandshake_StrangersLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	set := metric.New()
	n := start(t, w, func(e *Edge) {
		e.Metrics, e.Missing = set, func(ident.ConnectionID) { t.Error("a certificate was ordered") }
	})
	n.caughtUp()
	const strangers = 300
	for k := range strangers {
		for _, protocols := range [][]string{{"h2"}, {acmeALPN}} {
			if _, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: fmt.Sprintf("x%d.nobody.lab", k), NextProtos: protocols, InsecureSkipVerify: true}); !alertText(err, 112) {
				t.Fatal(err)
			}
		}
	}
	n.until("all are counted", func() bool {
		return strings.Contains(scrape(set), fmt.Sprintf(`nameplate_edge_handshakes_total{result="unrecognized_name"} %d`, 2*strangers))
	})
	if strings.Contains(scrape(set), "nobody") {
		t.Error("a stranger's name is in the metrics")
	}
	w.set(func() {
		if w.lookups+w.loads > 0 {
			t.Errorf("%d questions to the database", w.lookups+w.loads)
		}
	})
	n.until("nobody is connected", func() bool { return n.bound.https[0].open.Load() == 0 })
	if len(n.certs.byID)+len(n.certs.opening)+len(n.known.waits)+len(n.known.misses)+len(n.circuits.known) > 0 || len(n.table.names) != 1 {
		t.Error("something is left")
	}
}
