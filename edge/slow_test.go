package edge

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// hasty is an edge that waits a fiftieth of the usual.
func hasty(e *Edge) {
	const part = 50
	e.patience = patience{head: usual.head / part, give: usual.give / part, piece: usual.piece / part, take: usual.take / part, ping: usual.ping / part, pong: usual.pong / part}
}

func TestSlow_TheUsualPatienceEndsWithin20Seconds(t *testing.T) {
	t.Parallel()
	const most = 20 * time.Second
	if usual.head > most || usual.give > most || usual.take+usual.take/3 > most || usual.ping+usual.pong > most || handshakeTime > most {
		t.Errorf("%+v", usual)
	}
}

// cutOff waits until the edge hangs up, and answers what it said before.
func cutOff(t *testing.T, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
	b, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the edge waits for ever")
	}
	return string(b)
}

func TestSlow_HeadsAndBodiesOverHTTP1(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	n := start(t, w, hasty)
	for name, c := range map[string]struct {
		secure bool
		first  string // sent at once
		drip   string // sent octet by octet, until the edge has enough
		want   string // how the answer begins
	}{
		"NothingAfterHandshake":  {true, "", "", ""},
		"NothingWithoutTLS":      {false, "", "", ""},
		"HalfAHead":              {true, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\n", "", ""},
		"HeadOctetByOctet":       {true, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX: ", "y", ""},
		"HeadDrippedWithoutTLS":  {false, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX: ", "y", ""},
		"NoBody":                 {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 100000\r\n\r\n", "", "HTTP/1.1 408 "},
		"HalfABody":              {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 100000\r\n\r\nhalf", "", "HTTP/1.1 408 "},
		"BodyOctetByOctet":       {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 100000\r\n\r\n", "y", "HTTP/1.1 408 "},
		"ChunksOctetByOctet":     {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", "y", "HTTP/1.1 408 "},
		"AChunkSizeWithoutAnEnd": {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\nf", "", "HTTP/1.1 408 "},
		"ExpectAndThenNothing":   {true, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", "", "HTTP/1.1 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := n.dial(c.secure, "shop.acme.lab")
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, c.first)
			over := make(chan struct{})
			defer close(over)
			if c.drip != "" {
				go func() {
					tick := time.NewTicker(20 * time.Millisecond)
					defer tick.Stop()
					for {
						select {
						case <-over:
							return
						case <-tick.C:
							if _, err := io.WriteString(conn, c.drip); err != nil {
								return
							}
						}
					}
				}()
			}
			if got := cutOff(t, conn); !strings.HasPrefix(got, c.want) {
				t.Errorf("%.100q", got)
			}
		})
	}
}

// A client that takes nothing of a long answer holds neither its connection nor the request to the origin.
func TestSlow_ReadersOverHTTP1(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{true, false} {
		t.Run(fmt.Sprint(secure), func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			ended := make(chan struct{})
			w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
				piece := make([]byte, 1<<20)
				for range 1000 {
					if _, err := w.Write(piece); err != nil {
						close(ended)
						return
					}
				}
			}), behindAProxy)
			n := start(t, w, hasty, knowsTheProxy)
			c := n.dial(secure, "shop.acme.lab")
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX-Forwarded-Proto: https\r\n\r\n")
			select {
			case <-ended:
			case <-time.After(15 * time.Second):
				t.Error("the edge waits for ever")
			}
			n.until("nothing is under way", func() bool { return n.table.find("shop.acme.lab").active.Load() == 0 })
		})
	}
}

// Pauses between pieces are a conversation's right once the answer has begun, and an answer may take its time.
func TestSlow_OriginsAndConversationsAreNotCut(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		pause := time.NewTimer(2 * usual.take / 50)
		defer pause.Stop()
		_, _ = io.WriteString(w, "begins")
		_ = c.Flush()
		<-pause.C
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	n := start(t, w, hasty)
	for _, protocol := range []string{"h2", "http/1.1"} {
		client := n.client(protocol)
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
		up, feed := io.Pipe()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.acme.lab/", up)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, len("begins"))); err != nil {
			t.Fatal(err)
		}
		pause := time.NewTimer(usual.give / 50 * 3 / 2)
		<-pause.C
		_, _ = io.WriteString(feed, "late")
		_ = feed.Close()
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(b) != "late" || err != nil {
			t.Errorf("%s: %q %v", protocol, b, err)
		}
	}
}

// behindAProxy and knowsTheProxy let requests through on the port without TLS.
func behindAProxy(e *edgeentry.Entry) { e.Route.ProxiedBy = "proxy" }
func knowsTheProxy(e *Edge)           { e.ProxyRanges = func(string) []netip.Prefix { return loopback() } }

// frames speaks HTTP/2 by hand.
type frames struct {
	*http2.Framer
	net.Conn
	t     *testing.T
	block strings.Builder
	enc   *hpack.Encoder
}

func (n *node) frames(sni string, settings ...http2.Setting) *frames {
	n.t.Helper()
	c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: sni, RootCAs: testCA().pool, NextProtos: []string{"h2"}})
	if err != nil {
		n.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	f := &frames{Framer: http2.NewFramer(c, bufio.NewReader(c)), Conn: c, t: n.t}
	f.enc = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(c, http2.ClientPreface)
	_ = f.WriteSettings(settings...)
	n.t.Cleanup(func() { _ = c.Close() })
	return f
}

// head is a block of fields, name and value in turn, behind those of a GET for the host.
func (f *frames) head(host string, fields ...string) []byte {
	f.block.Reset()
	for _, p := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", host}, {":path", "/"}} {
		if p[1] != "" {
			_ = f.enc.WriteField(hpack.HeaderField{Name: p[0], Value: p[1]})
		}
	}
	for k := 0; k+1 < len(fields); k += 2 {
		_ = f.enc.WriteField(hpack.HeaderField{Name: fields[k], Value: fields[k+1]})
	}
	return []byte(f.block.String())
}

// answer reads until stream 1 has an answer, is reset, or the connection ends; status 0 stands for the last two.
func (f *frames) answer() (status string, fields []hpack.HeaderField) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return "", nil
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status"), frame.Fields
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "", nil
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = f.WritePing(true, frame.Data)
			}
		}
	}
}

func TestSlow_OverHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ended := make(chan struct{}, 10)
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		piece := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(piece); err != nil {
				ended <- struct{}{}
				return
			}
		}
	}))
	n := start(t, w, hasty)
	idle := func() {
		n.until("nothing is under way", func() bool { return n.table.find("shop.acme.lab").active.Load() == 0 })
	}
	answering := func(f *frames) { // the peer is alive
		go func() {
			for {
				if _, fields := f.answer(); fields == nil {
					return
				}
			}
		}()
	}
	t.Run("GivesNoRoom", func(t *testing.T) { // a stream whose window never opens, on a connection that answers pings
		f := n.frames("shop.acme.lab", http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.head("shop.acme.lab"), EndHeaders: true, EndStream: true})
		answering(f)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			t.Error("the edge waits for ever")
		}
		idle()
	})
	t.Run("Body", func(t *testing.T) {
		f := n.frames("shop.acme.lab")
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.head("shop.acme.lab", "content-length", "100"), EndHeaders: true})
		_ = f.WriteData(1, false, []byte("x"))
		if status, _ := f.answer(); status != "408" && status != "" {
			t.Errorf("status %s", status)
		}
		idle()
	})
	t.Run("HalfAFrame", func(t *testing.T) {
		f := n.frames("shop.acme.lab")
		_, _ = f.Write([]byte{0, 1, 0, 1, 4, 0, 0, 0, 1, 0x82})
		_ = cutOff(t, f.Conn)
	})
	t.Run("HeadersWithoutEnd", func(t *testing.T) {
		f := n.frames("shop.acme.lab")
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.head("shop.acme.lab")})
		_ = cutOff(t, f.Conn)
	})
	t.Run("NoPreface", func(t *testing.T) {
		c, err := tls.Dial("tcp", n.https, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = cutOff(t, c)
	})
}
