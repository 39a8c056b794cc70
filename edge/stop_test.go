package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// ED-20: two nodes are restarted in turn under load, again and again. Clients go to whichever listens, as they do with two addresses in DNS. No request
// is lost, not even one that may not be repeated; sockets learn 1001 and come back.
func TestStop_ARollingRestartLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var served atomic.Int64
	app := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			echoSocket(w, r)
			return
		}
		b, _ := io.ReadAll(r.Body)
		served.Add(1)
		_, _ = w.Write(b)
	})
	w.live("shop.acme.lab", app)
	addresses := [2]string{freeAddress(t), freeAddress(t)}
	boot := func(k int) *node {
		return start(t, w, func(e *Edge) { e.HTTPS, e.Poked = []string{addresses[k]}, nil })
	}
	nodes := [2]*node{boot(0), boot(1)}
	for _, n := range nodes {
		n.until("it serves", func() bool { return n.Edge.Generation() > 0 })
	}
	dial := func(ctx context.Context, first int) (net.Conn, error) {
		var problems []error
		for k := range 2 * len(addresses) {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", addresses[(first+k)%2])
			if err == nil {
				return c, nil
			}
			problems = append(problems, err)
		}
		return nil, errors.Join(problems...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var sent, away atomic.Int64
	for k := range 8 {
		wg.Go(func() {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: testCA().pool}, ForceAttemptHTTP2: k%2 == 0, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, k) }}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for i := 0; ctx.Err() == nil; i++ {
				text := fmt.Sprint(k, " ", i)
				res, err := client.Post("https://shop.acme.lab/", "text/plain", io.MultiReader(strings.NewReader(text))) // a body that cannot be sent again
				if err != nil {
					t.Errorf("request %s: %v", text, err)
					return
				}
				b, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 || string(b) != text || err != nil {
					t.Errorf("request %s: %d %q %v", text, res.StatusCode, b, err)
				}
				sent.Add(1)
			}
		})
	}
	for k := range 4 {
		wg.Go(func() {
			d := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: testCA().pool, ServerName: "shop.acme.lab"}, NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, k) }}
			for ctx.Err() == nil {
				c, _, err := d.Dial("wss://shop.acme.lab/ws", http.Header{"Origin": {"https://shop.acme.lab"}})
				if err != nil {
					t.Error("socket:", err)
					return
				}
				for ctx.Err() == nil && err == nil {
					if err = c.WriteMessage(websocket.TextMessage, []byte("hi")); err == nil || !errors.Is(err, net.ErrClosed) {
						_, _, err = c.ReadMessage()
					}
				}
				_ = c.Close()
				if err != nil && !websocket.IsCloseError(err, websocket.CloseGoingAway) {
					t.Errorf("a socket ended with %v", err)
				} else if err != nil {
					away.Add(1)
				}
			}
		})
	}
	for round := range 6 {
		k, before := round%2, sent.Load()
		nodes[k].until("requests flow", func() bool { return sent.Load() > before+50 || t.Failed() })
		if err := nodes[k].stop(); err != nil {
			t.Error(err)
		}
		nodes[k] = boot(k)
		nodes[k].until("it serves again", func() bool { return nodes[k].Edge.Generation() > 0 })
	}
	cancel()
	wg.Wait()
	if served.Load() != sent.Load() || away.Load() == 0 {
		t.Errorf("the origin served %d of %d, %d sockets were sent away", served.Load(), sent.Load(), away.Load())
	}
	t.Logf("%d requests, %d sockets sent away, six restarts", sent.Load(), away.Load())
}

// freeAddress is one that stays the same over restarts.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Whoever is in the middle of a handshake when the edge stops gets the answer too; open connections learn that they end.
func TestStop_WhoIsInTheDoorIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.live("shop.acme.lab", origin(t, nil))
	n := start(t, w)
	n.caughtUp()
	raw, err := net.Dial("tcp", n.https)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	open := n.dial(true, "shop.acme.lab")
	defer func() { _ = open.Close() }()
	n.until("both are in", func() bool { return n.bound.https[0].open.Load() == 2 })
	done := make(chan error, 1)
	go func() { done <- n.stop() }()
	n.until("the edge stops", n.draining.Load)
	late := tls.Client(raw, &tls.Config{ServerName: "shop.acme.lab", RootCAs: testCA().pool, NextProtos: []string{"http/1.1"}})
	for name, c := range map[string]net.Conn{"in the handshake": late, "open": open} {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\n\r\n")
		b, _ := io.ReadAll(c)
		if res := readResponse(t, string(b)); res.StatusCode != 200 || !res.Close {
			t.Errorf("%s: %d, closes: %t", name, res.StatusCode, res.Close)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
