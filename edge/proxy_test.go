package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

func TestProxy_WhatTheOriginLearns(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan *http.Request, 1)
	app := origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	upstream := strings.TrimPrefix(app, "http://")
	mode := func(m string, custom *string) func(*edgeentry.Entry) {
		return func(e *edgeentry.Entry) { e.Route.Upstream.HostHeader, e.Route.Upstream.CustomHost = m, custom }
	}
	con := w.live("shop.acme.lab", app+"/base/").ConnectionID.String()
	w.live("up.acme.lab", app, mode("UPSTREAM", nil))
	w.live("custom.acme.lab", app, mode("CUSTOM", new("inside.example")))
	w.live("empty.acme.lab", app, mode("CUSTOM", nil), func(e *edgeentry.Entry) { e.Route.CustomerRef = "a\r\nX-Evil: 1" })
	n := start(t, w)

	n.ask("http/1.1", "https://shop.acme.lab/x%2Fy/?q=1;2&%zz", "X-Forwarded-For", "203.0.113.66", "X-Forwarded-Host", "evil", "Forwarded", "for=evil", "X-Real-Ip", "203.0.113.66", "Cf-Visitor", "x",
		"Nameplate-Connection", "con_evil", "Nameplate_customer", "evil", "X_Forwarded_Proto", "evil", "X-Forwarded-Port", "1", "Connection", "Nameplate-Host, X-Secret", "X-Secret", "s",
		"Proxy-Authorization", "p", "Proxy", "http://evil", "Te", "trailers", "Authorization", "Bearer theirs", "Cookie", "a=b")
	r := <-got
	want := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.acme.lab", "X-Forwarded-Proto": "https", "Nameplate-Host": "shop.acme.lab", "Nameplate-Connection": con,
		"Nameplate-Customer": "cus-7", "Authorization": "Bearer theirs", "Cookie": "a=b", "Forwarded": "", "X-Real-Ip": "", "Cf-Visitor": "", "Nameplate_customer": "", "X_forwarded_proto": "",
		"X-Forwarded-Port": "", "X-Secret": "", "Proxy-Authorization": "", "Proxy": "", "Accept-Encoding": ""}
	for name, value := range want {
		if r.Header.Get(name) != value || len(r.Header[name]) > 1 {
			t.Errorf("%s: %q, want %q", name, r.Header[name], value)
		}
	}
	if r.Host != "shop.acme.lab" || r.RequestURI != "/base/x%2Fy/?q=1;2&%zz" {
		t.Errorf("%s %s", r.Host, r.RequestURI)
	}
	for host, want := range map[string]string{"up.acme.lab": upstream, "custom.acme.lab": "inside.example", "empty.acme.lab": "empty.acme.lab"} {
		n.get("https://" + host + "/")
		if r := <-got; r.Host != want || r.Header.Get("X-Evil") != "" {
			t.Errorf("%s: the origin got the host %s and %v", host, r.Host, r.Header)
		}
	}
}

func TestProxy_ContinuesWhatATrustedPeerSays(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan http.Header, 1)
	w.live("shop.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	n := start(t, w, func(e *Edge) { e.TrustedProxies = loopback() })
	n.get("https://shop.acme.lab/", "X-Forwarded-For", "203.0.113.66")
	if h := <-got; h.Get("X-Forwarded-For") != "203.0.113.66, 127.0.0.1" {
		t.Error(h)
	}
}

func TestProxy_AnswersArePassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "inside")
		h.Set("Content-Encoding", "gzip")
		h.Set("Location", "/else")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte{0x1f, 0x8b, 0, 1})
	}))
	n := start(t, w)
	res, body := n.get("https://shop.acme.lab/", "Accept-Encoding", "gzip")
	if res.StatusCode != 302 || len(res.Header["Set-Cookie"]) != 2 || res.Header.Get("X-Hop") != "" || res.Header.Get("Location") != "/else" || body != "\x1f\x8b\x00\x01" || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
	for name := range res.Header {
		if strings.HasPrefix(name, "Nameplate-") || name == "Server" || name == "Via" {
			t.Errorf("a header of ours: %s", name)
		}
	}
}

// Every piece goes through before the next is sent, in both directions at once.
func TestProxy_StreamsBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		_ = c.Flush()
		buf := make([]byte, 64)
		for {
			k, err := r.Body.Read(buf)
			if _, werr := w.Write(bytes.ToUpper(buf[:k])); werr != nil || c.Flush() != nil || err != nil {
				return
			}
		}
	}))
	n := start(t, w)
	for _, protocol := range []string{"h2", "http/1.1"} {
		t.Run(strings.ReplaceAll(protocol, "/", ""), func(t *testing.T) {
			t.Parallel()
			client := n.client(protocol)
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
			up, feed := io.Pipe()
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.acme.lab/", up)
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			for k := range 5 {
				piece := fmt.Sprintf("piece %d.", k)
				if _, err := io.WriteString(feed, piece); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, len(piece))
				if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != strings.ToUpper(piece) {
					t.Fatalf("%q %v", buf, err)
				}
			}
			_ = feed.Close()
			if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
				t.Errorf("%q %v", rest, err)
			}
		})
	}
}

func TestProxy_Trailers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan http.Header, 1)
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got <- r.Trailer.Clone()
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-Late", "unannounced")
	}))
	n := start(t, w)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.acme.lab/", io.MultiReader(strings.NewReader("some"), strings.NewReader("thing")))
	r.Trailer = http.Header{"X-Asked": {"7"}}
	res, err := n.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if up := <-got; up.Get("X-Asked") != "7" || string(b) != "body" || res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Late") != "unannounced" {
		t.Errorf("up %v, down %v, body %q", up, res.Trailer, b)
	}
}

func TestProxy_ExpectContinueAndEarlyHints(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	n := start(t, w)
	c := n.dial(true, "shop.acme.lab")
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n")
	in := bufio.NewReader(c)
	var seen []string
	for !slices.Contains(seen, "HTTP/1.1 100 Continue") {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(seen, err)
		}
		seen = append(seen, strings.TrimSpace(line))
	}
	_, _ = io.WriteString(c, "late")
	rest, _ := io.ReadAll(in)
	if all := strings.Join(seen, "\n") + string(rest); !strings.Contains(all, "103 Early Hints") || !strings.HasSuffix(all, "late") {
		t.Errorf("%q", all)
	}
}

// socket is a WebSocket client of shop.acme.lab.
func (n *node) socket(host string) *websocket.Conn {
	n.t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: testCA().pool, ServerName: host},
		NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, n.https)
		}}
	c, _, err := d.DialContext(n.t.Context(), "wss://"+host+"/ws", http.Header{"Origin": {"https://" + host}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return c
}

func echoSocket(w http.ResponseWriter, r *http.Request) {
	c, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	for {
		kind, b, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, b) != nil {
			return
		}
	}
}

func TestProxy_WebSocketUntilTheEdgeStops(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, echoSocket))
	n := start(t, w)
	c := n.socket("shop.acme.lab")
	for _, size := range []int{0, 5, 125, 126, 70_000} {
		message := bytes.Repeat([]byte("x"), size)
		if err := c.WriteMessage(websocket.BinaryMessage, message); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.ReadMessage(); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%d octets: %v", size, err)
		}
	}
	began := time.Now()
	go func() { _ = n.stop() }()
	_, _, err := c.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the client learned %v", err)
	}
	_ = c.Close()
	if err := n.stop(); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("stopping took %s: %v", time.Since(began), err)
	}
}

func TestProxy_WithdrawalEndsWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := w.live("shop.acme.lab", origin(t, echoSocket))
	n := start(t, w)
	c := n.socket("shop.acme.lab")
	e.Route.CustomerRef = "changed" // a change of the route alone ends nothing
	w.put(e)
	n.caughtUp()
	if err := c.WriteMessage(websocket.TextMessage, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.ReadMessage(); err != nil || string(got) != "still here" {
		t.Fatal(string(got), err)
	}
	e.Mode = edgeentry.Gone
	w.put(e)
	if _, _, err := c.ReadMessage(); err == nil {
		t.Error("the socket goes on")
	}
}

func TestFrame_FindsTheEndsWhereverTheStreamIsCut(t *testing.T) {
	t.Parallel()
	var stream []byte
	ends := map[int]bool{}
	for _, size := range []int{0, 1, 125, 126, 300, 65535, 65536} {
		stream = append(stream, 0x82)
		switch {
		case size < 126:
			stream = append(stream, byte(size))
		case size < 65536:
			stream = binary.BigEndian.AppendUint16(append(stream, 126), uint16(size))
		default:
			stream = binary.BigEndian.AppendUint64(append(stream, 127), uint64(size))
		}
		stream = append(stream, make([]byte, size)...)
		ends[len(stream)] = true
	}
	stream = append(stream, 0x81, 0x80|2, 1, 2, 3, 4, 'h', 'i')
	ends[len(stream)] = true
	for _, step := range []int{1, 2, 3, 7, 1000, len(stream)} {
		var f frame
		at := 0
		for at < len(stream) {
			upto := min(len(stream), at+step)
			for at < upto {
				at += f.pass(stream[at:upto])
				if f.whole() != ends[at] {
					t.Fatalf("step %d at %d: whole is %t", step, at, f.whole())
				}
			}
		}
	}
}

func TestProxy_OriginsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	hangsUp := origin(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	quick := func(e *edgeentry.Entry) { e.Route.Upstream.ResponseTimeoutMs = 50 }
	w.live("silent.acme.lab", "http://"+silent.Addr().String(), quick)
	w.live("closed.acme.lab", "http://127.0.0.1:1")
	w.live("hangs.acme.lab", hangsUp)
	w.live("untrusted.acme.lab", secure.URL)
	w.live("lenient.acme.lab", secure.URL, func(e *edgeentry.Entry) { e.Route.Upstream.TLSVerify = false })
	w.live("noname.acme.lab", "http://nothing.invalid")
	w.live("private.acme.lab", "http://10.1.2.3/")
	w.live("metadata.acme.lab", "http://169.254.169.254/")
	n := start(t, w)
	for host, want := range map[string]int{"silent": 504, "closed": 502, "hangs": 502, "untrusted": 502, "lenient": 404, "noname": 502, "private": 502, "metadata": 502} {
		res, body := n.get("https://" + host + ".acme.lab/")
		if res.StatusCode != want || want >= 500 && (res.Header.Get("Retry-After") == "" || strings.Contains(body, "127.0.0.1") || strings.Contains(body, "10.1.2.3")) {
			t.Errorf("%s: %d, want %d: %v", host, res.StatusCode, want, res.Header)
		}
	}
	// A long upload is not a slow answer.
	w.live("upload.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }), quick)
	n.caughtUp()
	up, feed := io.Pipe()
	go func() {
		tick := time.NewTicker(30 * time.Millisecond)
		defer tick.Stop()
		for range 6 {
			<-tick.C
			_, _ = io.WriteString(feed, ".")
		}
		_ = feed.Close()
	}()
	res, err := n.client().Post("https://upload.acme.lab/", "text/plain", up)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
}

func TestProxy_OnlyPublicOriginsOutsideTheLab(t *testing.T) {
	t.Parallel()
	w := newWorld()
	reached := make(chan struct{}, 1)
	w.live("shop.acme.lab", origin(t, func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	n := start(t, w, func(e *Edge) { e.Upstreams = safehttp.Options{} })
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != http.StatusBadGateway || len(reached) > 0 {
		t.Error(res.Status)
	}
}

func TestProxy_Loop(t *testing.T) {
	t.Parallel()
	w := newWorld()
	n := start(t, w)
	e := w.live("loop.acme.lab", "https://loop.acme.lab:443/", func(e *edgeentry.Entry) { e.Route.Upstream.TLSVerify = false })
	n.caughtUp()
	if res, _ := n.get("https://loop.acme.lab/", "Nameplate-Connection", e.ConnectionID.String()); res.StatusCode != http.StatusLoopDetected {
		t.Error(res.Status)
	}
}

func TestProxy_ManyRequestsOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	n.caughtUp()
	n.table.find("shop.acme.lab").active.Store(activeMost)
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Error(res.Status)
	}
	n.table.find("shop.acme.lab").active.Store(activeMost - 1)
	if res, _ := n.get("https://shop.acme.lab/"); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	if left := n.table.find("shop.acme.lab").active.Load(); left != activeMost-1 {
		t.Errorf("%d are under way", left)
	}
}

func TestOurs(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{"X-Forwarded-For": true, "x_forwarded_proto": true, "Nameplate_Host": true, "Nameplate-Anything": true, "Forwarded": true,
		"Cookie": false, "X-Request-Id": false, "Nameplates": false, "Via": false} {
		if ours(header) != want {
			t.Error(header)
		}
	}
	if !slices.Contains(loopback(), netip.MustParsePrefix("127.0.0.0/8")) {
		t.Error("loopback")
	}
}
