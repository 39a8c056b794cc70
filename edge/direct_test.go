package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// scripted is an origin that answers each connection's requests as the test says: say gets the number of the connection and of the request on it.
func scripted(t *testing.T, say func(c net.Conn, connection, request int) (goOn bool)) (url string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			k := int(connections.Add(1))
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for n := 1; ; n++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					if !say(c, k, n) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String(), connections
}

func TestDirect_OneConnectionForRequestsInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld()
	app, connections := scripted(t, func(c net.Conn, _, _ int) bool {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n")
		return err == nil
	})
	w.live("shop.acme.lab", app)
	n := start(t, w)
	for range 5 {
		if res, body := n.get("https://shop.acme.lab/"); res.StatusCode != 200 || body != "hi" || res.Trailer.Get("X-Sum") != "7" {
			t.Fatal(res.Status, body, res.Trailer)
		}
	}
	if connections.Load() != 1 {
		t.Errorf("%d connections", connections.Load())
	}
}

// An origin's answers as no origin should send them: the visitor gets a page of ours or what came, and the next visitor never what was meant for another.
func TestDirect_OddOrigins(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, c := range map[string]struct {
		first  string // the answer to the first request on each connection
		status int
		body   string // "" is not compared
		next   int    // the connection that the second request comes on
		method string
	}{
		"AnswerTooMany":       {ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", 200, "ok", 2, "GET"},
		"OctetTooMany":        {ok + "x", 200, "ok", 2, "GET"},
		"Closes":              {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, "GET"},
		"OldHTTP":             {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", 2, "GET"},
		"NothingToSay":        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", 1, "GET"},
		"NotModified":         {"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", 304, "", 1, "GET"},
		"Head":                {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 200, "", 1, "HEAD"},
		"ContinueUnasked":     {"HTTP/1.1 100 Continue\r\n\r\n" + ok, 200, "ok", 1, "GET"},
		"ManyInterimAnswers":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 50) + ok, 502, "", 2, "GET"},
		"SwitchesUnasked":     {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 502, "", 2, "GET"},
		"HugeHead":            {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", headMost) + "\r\n\r\n", 502, "", 2, "GET"},
		"NotHTTP":             {"SSH-2.0-OpenSSH\r\n\r\n", 502, "", 2, "GET"},
		"LengthsThatDiffer":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 502, "", 2, "GET"},
		"PostWithoutABody":    {ok, 200, "ok", 1, "POST"},
		"LengthBesidesChunks": {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok", 1, "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			came := make(chan int, 10)
			app, _ := scripted(t, func(conn net.Conn, connection, request int) bool {
				came <- connection
				text := ok
				if connection == 1 && request == 1 {
					text = c.first
				}
				_, err := io.WriteString(conn, text)
				return err == nil
			})
			w.live("shop.acme.lab", app)
			n := start(t, w)
			r, _ := http.NewRequestWithContext(t.Context(), c.method, "https://shop.acme.lab/", nil)
			res, err := n.client("http/1.1").Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != c.status || c.body != "" && string(b) != c.body || err != nil {
				t.Errorf("%s %q %v", res.Status, b, err)
			}
			<-came
			if res, body := n.get("https://shop.acme.lab/"); res.StatusCode != 200 || body != "ok" {
				t.Errorf("the next visitor got %s %q", res.Status, body)
			}
			if at := <-came; at != c.next {
				t.Errorf("the next request came on connection %d, want %d", at, c.next)
			}
		})
	}
}

// A connection that the origin closed while nobody used it costs no visitor anything; one that it closes with the request costs only what may not be
// repeated.
func TestDirect_ConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	w := newWorld()
	closes, closed := scripted(t, func(c net.Conn, _, _ int) bool { _, _ = io.WriteString(c, ok); return false })
	hangsUp, hung := scripted(t, func(c net.Conn, _, request int) bool {
		if request > 1 {
			return false
		}
		_, _ = io.WriteString(c, ok)
		return true
	})
	w.live("closes.lab", closes)
	w.live("hangs.lab", hangsUp)
	n := start(t, w)
	for range 20 {
		if res, _ := n.get("https://closes.lab/"); res.StatusCode != 200 {
			t.Fatal(res.Status)
		}
	}
	if closed.Load() != 20 {
		t.Errorf("%d connections", closed.Load())
	}
	for k := range 5 {
		if res, _ := n.get("https://hangs.lab/"); res.StatusCode != 200 || int(hung.Load()) != k+1 {
			t.Fatal(res.Status, hung.Load())
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://hangs.lab/", nil)
	res, err := n.client("http/1.1").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadGateway || hung.Load() != 5 {
		t.Errorf("%s: a request that may not be repeated came again, on connection %d", res.Status, hung.Load())
	}
}

// The visitor who leaves, and the name that is withdrawn, end the origin's answer.
func TestDirect_EndsWithTheVisit(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ended := make(chan struct{}, 2)
	app, _ := scripted(t, func(c net.Conn, _, _ int) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		_, _ = io.Copy(io.Discard, c) // until the edge hangs up
		ended <- struct{}{}
		return false
	})
	e := w.live("shop.acme.lab", app)
	n := start(t, w)
	begin := func() *http.Response {
		res, err := n.client("http/1.1").Get("https://shop.acme.lab/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		return res
	}
	_ = begin().Body.Close()
	res := begin()
	e.Mode = edgeentry.Gone
	w.put(e)
	for range 2 {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the origin goes on")
		}
	}
	_ = res.Body.Close()
}

func TestDirect_KeepsFewLines(t *testing.T) {
	t.Parallel()
	var d direct
	for k := range idleInAll + 100 {
		a, b := net.Pipe()
		_ = b.Close()
		l := &line{Conn: a, to: fmt.Sprint("origin", k%(idleInAll/idlePerOrigin-1))}
		if !d.keep(l) {
			_ = a.Close()
		}
	}
	if d.count > idleInAll || len(d.idle["origin1"]) > idlePerOrigin {
		t.Errorf("%d in all, %d of one", d.count, len(d.idle["origin1"]))
	}
	for _, list := range d.idle {
		for _, l := range list {
			l.since = time.Now().Add(-2 * idleTime)
		}
	}
	d.reap()
	if d.count != 0 || len(d.idle) != 0 {
		t.Errorf("%d are left", d.count)
	}
	d.closeIdle()
}
