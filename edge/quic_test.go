package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// quicClient visits names over real QUIC, whatever DNS says.
func (n *node) quicClient() *http.Client {
	t := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: testCA().pool},
		Dial: func(ctx context.Context, _ string, config *tls.Config, c *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, n.https, config, c)
		},
	}
	n.t.Cleanup(func() { _ = t.Close() })
	return &http.Client{Transport: t, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// HTTP/3 is another way in to the same handler: everything that is answered over TCP is answered over QUIC, and only where the setting asks for it browsers hear of it.
func TestHTTP3_TheSameAnswersOverQUIC(t *testing.T) {
	t.Parallel()
	w := newWorld()
	app := origin(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Alt-Svc", `h3=":9"`)
		w.Header().Set("Trailer", "Sum")
		_, _ = io.WriteString(w, r.Proto+" "+r.Host+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("Nameplate-Customer")+" "+string(body))
		w.Header().Set("Sum", "7")
	})
	main := w.live("shop.acme.lab", app)
	w.live("www.acme.lab", "", func(e *edgeentry.Entry) {
		e.Route.Companion = &edgeentry.Companion{To: "shop.acme.lab", Of: main.ConnectionID, Status: 308}
	})
	w.live("paused.acme.lab", app, func(e *edgeentry.Entry) { e.Mode, e.Serve = edgeentry.Suspended, false })
	w.live("bare.acme.lab", "")
	n := start(t, w, func(e *Edge) { e.HTTP3, e.PublicHTTPS = true, 20443 })
	n.caughtUp()
	client := n.quicClient()
	res, err := client.Post("https://shop.acme.lab/cart?a=%20b", "text/plain", strings.NewReader("forty-two"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.ProtoMajor != 3 || string(body) != "HTTP/1.1 shop.acme.lab https cus-7 forty-two" || res.Trailer.Get("Sum") != "7" || res.Header.Get("Alt-Svc") != "" {
		t.Errorf("%v %s %q %v %v", err, res.Proto, body, res.Trailer, res.Header)
	}
	for url, want := range map[string]struct {
		status   int
		location string
	}{
		"https://www.acme.lab/a?b": {308, "https://shop.acme.lab:20443/a?b"},
		"https://paused.acme.lab/": {421, ""},
		"https://bare.acme.lab/":   {503, ""},
		"https://shop.acme.lab/.well-known/nameplate/nonce-of-shop.acme.lab": {200, ""},
	} {
		res, err := client.Get(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != want.status || res.Header.Get("Location") != want.location {
			t.Errorf("%s: %d to %q", url, res.StatusCode, res.Header.Get("Location"))
		}
	}
	for _, protocol := range []string{"h2", "http/1.1"} {
		if res, _ := n.ask(protocol, "https://shop.acme.lab/"); len(res.Header["Alt-Svc"]) != 1 || res.Header.Get("Alt-Svc") != `h3=":20443"; ma=3600` {
			t.Errorf("%s: Alt-Svc %q", protocol, res.Header["Alt-Svc"])
		}
	}
	if res, _ := n.get("http://shop.acme.lab/"); res.Header.Get("Alt-Svc") != "" {
		t.Error("said over http")
	}
}

func TestHTTP3_IsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	n.caughtUp()
	if res, _ := n.get("https://shop.acme.lab/"); res.Header.Get("Alt-Svc") != "" {
		t.Errorf("Alt-Svc %q", res.Header.Get("Alt-Svc"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if c, err := quic.DialAddr(ctx, n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, NextProtos: []string{"h3"}}, nil); err == nil {
		_ = c.CloseWithError(0, "")
		t.Error("somebody answers")
	}
}

// Whom TCP refuses, QUIC refuses, with the same alert; and nobody resumes past a withdrawal.
func TestHTTP3_WhoIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	entry := w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w, func(e *Edge) { e.HTTP3 = true })
	n.caughtUp()
	sessions := tls.NewLRUClientSessionCache(8)
	dial := func(name string) (*quic.Conn, error) {
		return quic.DialAddr(t.Context(), n.https, &tls.Config{ServerName: name, RootCAs: testCA().pool, NextProtos: []string{"h3"}, ClientSessionCache: sessions}, nil)
	}
	refused := func(name string) {
		t.Helper()
		c, err := dial(name)
		if err == nil {
			_ = c.CloseWithError(0, "")
		}
		if alert, ok := errors.AsType[*quic.TransportError](err); !ok || alert.ErrorCode != 0x100+112 {
			t.Errorf("%q: %v", name, err)
		}
	}
	refused("other.acme.lab")
	refused("127.0.0.1")
	c, err := dial("shop.acme.lab")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWithError(0, "")
	entry.Mode = edgeentry.Gone
	w.put(entry)
	n.caughtUp()
	refused("shop.acme.lab")
}

// A stop lets what is under way finish and tells clients to come elsewhere.
func TestHTTP3_StopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld()
	arrived, goOn := make(chan struct{}), make(chan struct{})
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-goOn
		_, _ = io.WriteString(w, "done")
	}))
	n := start(t, w, func(e *Edge) { e.HTTP3 = true })
	n.caughtUp()
	answer := make(chan string, 1)
	client := n.quicClient()
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.acme.lab/", nil)
		res, err := client.Do(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			b = []byte(err.Error())
		}
		answer <- string(b)
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop() }()
	n.until("the edge drains", n.draining.Load)
	close(goOn)
	if got := <-answer; got != "done" {
		t.Error(got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Who opens a request and never ends its head, or asks for much and takes nothing, is cut off like over TCP; the connection goes on.
func TestHTTP3_SlowClients(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ended := make(chan struct{}, 1)
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(piece); err != nil {
				ended <- struct{}{}
				return
			}
		}
	}))
	n := start(t, w, hasty, func(e *Edge) { e.HTTP3 = true })
	n.caughtUp()
	c, err := quic.DialAddr(t.Context(), n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, NextProtos: []string{"h3"}}, &quic.Config{KeepAlivePeriod: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseWithError(0, "") }()
	str, err := c.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := str.Write([]byte{1, 40, 0}); err != nil { // a HEADERS frame of 40 octets, of which one comes
		t.Fatal(err)
	}
	_ = str.SetReadDeadline(time.Now().Add(15 * time.Second))
	if _, err := str.Read(make([]byte, 1)); !errors.Is(err, &quic.StreamError{StreamID: str.StreamID(), ErrorCode: quic.StreamErrorCode(http3.ErrCodeRequestIncomplete), Remote: true}) {
		t.Errorf("half a head: %v", err)
	}
	if c.Context().Err() != nil {
		t.Error("the connection ended with one request")
	}
	res, err := n.quicClient().Get("https://shop.acme.lab/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Error("the edge waits for ever for a client that takes nothing")
	}
	n.until("nothing is under way", func() bool { return n.table.find("shop.acme.lab").active.Load() == 0 })
}
