package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The tests of this file measure the process before and after, so none of them runs beside others.

func TestHostile_NeverHello(t *testing.T) {
	h := open(t, Patience{Init: 300 * time.Millisecond})
	before := measure()
	began := time.Now()
	var all []*client
	for range 100 {
		all = append(all, h.knock(t))
	}
	all[0].say(`{"type":"ping"}`) // a ping is no hello
	for _, s := range all {
		if code, _ := s.code(); code != 4408 {
			t.Fatalf("it ended with %d", code)
		}
		s.Close()
	}
	if d := time.Since(began); d < 300*time.Millisecond || d > 10*time.Second {
		t.Errorf("after %s", d)
	}
	before.rested(t)
}

func TestHostile_AThousandSubscriptions(t *testing.T) {
	h := open(t, Patience{})
	before := measure()
	s := h.enter(t, "greedy")
	go func() {
		for n := range 1000 {
			s.ask(fmt.Sprint(n), "subscription { state }")
		}
	}()
	served, refused := 0, 0
	for served+refused < 1000 {
		m, err := s.any()
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Type == "next":
			served++
		case m.Type == "error" && strings.Contains(string(m.Payload), `"RATE_LIMITED"`) && strings.Contains(string(m.Payload), `"retryAfter":1`):
			refused++
		default:
			t.Fatalf("%+v %s", m, m.Payload)
		}
	}
	if served != maxOperations {
		t.Errorf("%d were served", served)
	}
	s.say(`{"type":"complete","id":"0"}`)
	s.ask("again", "subscription { state }")
	s.hear("next")
	s.NetConn().Close()
	before.rested(t)
}

func TestHostile_SlowReaders(t *testing.T) {
	const readers = 50
	h := open(t, Patience{})
	before := measure()
	var all []*client
	for n := range readers {
		s := h.enter(t, fmt.Sprint(n))
		s.ask("1", "subscription { state(size: 30000) }")
		s.hear("next")
		all = append(all, s)
	}
	quick := h.enter(t, "quick")
	quick.ask("1", "subscription { state }")
	got := make(chan string, 1)
	go func() {
		last := ""
		for {
			m, err := quick.any()
			if err != nil {
				got <- last
				return
			}
			last = string(m.Payload)
		}
	}()
	most, slow := uint64(0), func() int { return h.places.taken() - 1 }
	for deadline := time.Now().Add(60 * time.Second); slow() > 0; <-time.After(time.Millisecond) {
		h.change()
		if h.version.Load()%200 == 0 {
			if m := measure(); m.heap > before.heap {
				most = max(most, m.heap-before.heap)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d slow readers are still served", slow())
		}
	}
	if most > readers<<20 {
		t.Errorf("%d slow readers held %d octets", readers, most)
	}
	t.Logf("%d changes, at most %d kB for a slow reader", h.version.Load(), most/readers>>10)
	var late sync.WaitGroup
	for _, s := range all { // whoever reads on learns why
		late.Go(func() {
			if code, text := s.code(); code != websocket.CloseTryAgainLater || text != "Slow reader" {
				t.Errorf("it ended with %d %s", code, text)
			}
			s.Close()
		})
	}
	late.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		if h.Count() == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets are open", h.Count())
		}
	}
	quick.NetConn().Close()
	if payload := <-got; payload == "" {
		t.Error("the quick reader got nothing")
	}
	before.rested(t)
}

// A peer that answers nothing any more is cut, whatever it was doing; one that only answers pings stays.
func TestHostile_HalfOpen(t *testing.T) {
	h := open(t, Patience{Ping: 100 * time.Millisecond, Silence: 500 * time.Millisecond})
	before := measure()
	alive := h.enter(t, "alive")
	alive.ask("1", "subscription { state }")
	alive.hear("next")
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for {
			var m said
			if alive.ReadJSON(&m) != nil {
				return
			}
			if m.Type == "ping" {
				_ = alive.WriteMessage(websocket.TextMessage, []byte(`{"type":"pong"}`))
			}
		}
	}()
	var all []*client
	for n := range 50 {
		s := h.enter(t, fmt.Sprint(n))
		if n%2 == 0 {
			s.ask("1", "subscription { state }")
		}
		all = append(all, s)
	}
	began := time.Now()
	for deadline := began.Add(20 * time.Second); h.Count() > 1; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d half-open sockets are kept", h.Count()-1)
		}
	}
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("they were cut after %s", d)
	}
	for _, s := range all {
		s.NetConn().Close()
	}
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if h.Count() != 1 {
			t.Fatal("the one that answers was cut")
		}
	}
	alive.NetConn().Close()
	<-stop
	before.rested(t)
}

// Sockets that come and go in all ways leave nothing behind.
func TestHostile_Churn(t *testing.T) {
	h := open(t, Patience{})
	h.cycle(t, "warm", 0)
	before := measure()
	var work sync.WaitGroup
	for lane := range 8 {
		work.Go(func() {
			for n := range 250 {
				h.cycle(t, fmt.Sprintf("%d", lane), n)
			}
		})
	}
	work.Wait()
	before.rested(t)
	if h.places.taken() != 0 || h.hub.Watchers() != 0 {
		t.Errorf("%d places are taken, %d watch", h.places.taken(), h.hub.Watchers())
	}
}

// cycle is one life of a socket; how it ends depends on n.
func (h *hall) cycle(t *testing.T, name string, n int) {
	s, _, err := h.dial(t, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	if n%5 == 4 {
		return // before hello
	}
	s.say(`{"type":"connection_init","payload":{"authorization":"Bearer ` + name + `"}}`)
	s.ask("1", "subscription { state }")
	if n%5 == 3 {
		return // while it is being opened
	}
	for _, kind := range []string{"connection_ack", "next"} {
		if m, err := s.any(); err != nil || m.Type != kind {
			t.Errorf("%+v %v", m, err)
			return
		}
	}
	switch n % 5 {
	case 0:
		_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		s.code()
	case 1:
		s.say(`{"type":"nonsense"}`)
		if code, _ := s.code(); code != 4400 {
			t.Errorf("it ended with %d", code)
		}
	}
}

func TestHostile_Herd(t *testing.T) {
	h := open(t, Patience{})
	h.herd(t) // tables that have grown once stay as large
	before := measure()
	began := time.Now()
	h.herd(t)
	t.Logf("2,000 came back, had their state and left after %s", time.Since(began))
	before.rested(t)
}

// herd is 2,000 clients that come at once, and vanish when all have their state.
func (h *hall) herd(t *testing.T) {
	all := make([]*client, 2000)
	var work sync.WaitGroup
	for n := range all {
		work.Go(func() {
			s, _, err := h.dial(t, nil)
			if err != nil {
				t.Error(err)
				return
			}
			all[n] = s
			_ = s.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_init","payload":{"authorization":"Bearer `+fmt.Sprint(n)+`"}}`))
			_ = s.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","id":"1","payload":{"query":"subscription { state }"}}`))
			for _, kind := range []string{"connection_ack", "next"} {
				if m, err := s.any(); err != nil || m.Type != kind {
					t.Errorf("%+v %v", m, err)
				}
			}
		})
	}
	work.Wait()
	for _, s := range all {
		if s != nil {
			s.NetConn().Close()
		}
	}
}

func TestHostile_LargeMessages(t *testing.T) {
	h := open(t, Patience{})
	before := measure()
	whole := []byte(`{"type":"subscribe","id":"1","payload":{"query":"` + strings.Repeat("x", 2<<20) + `"}}`)
	for n := range 40 {
		s := h.enter(t, fmt.Sprint(n))
		if n%2 == 0 {
			_ = s.WriteMessage(websocket.TextMessage, whole) // the server may end in the middle
		} else { // in small fragments
			w, err := s.NextWriter(websocket.TextMessage)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(whole)
		}
		if code, _ := s.code(); code != websocket.CloseMessageTooBig {
			t.Fatalf("it ended with %d", code)
		}
		s.Close()
	}
	before.rested(t)
}

func TestHostile_BrokenFrames(t *testing.T) {
	h := open(t, Patience{})
	before := measure()
	for name, frame := range map[string][]byte{
		"Reserved": {0xf1, 0x80, 0, 0, 0, 0}, "NotMasked": {0x81, 0x02, '{', '}'}, "EndlessLength": {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "HugeLength": {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"LongPing": append([]byte{0x89, 0xfe, 0xff, 0xff}, make([]byte, 64)...), "Continuation": {0x80, 0x80, 0, 0, 0, 0}, "CloseOfOneByte": {0x88, 0x81, 0, 0, 0, 0, 3}, "CloseWithUnknownCode": {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed},
		"PingInParts": {0x09, 0x80, 0, 0, 0, 0}, "Nothing": {},
	} {
		s := h.knock(t)
		conn := s.NetConn()
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if half, ok := conn.(*net.TCPConn); ok && (name == "Nothing" || name == "HugeLength") {
			_ = half.CloseWrite()
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, net.ErrClosed) || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	before.rested(t)
}

// An upgrade that is none gets an ordinary answer.
func TestHostile_BrokenUpgrades(t *testing.T) {
	h := open(t, Patience{})
	address, _ := url.Parse(h.URL)
	for name, head := range map[string]string{
		"NoKey": "", "ShortKey": "Sec-WebSocket-Key: YQ==\r\nSec-WebSocket-Version: 13\r\n", "OldVersion": "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n",
	} {
		conn, err := net.Dial("tcp", address.Host)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: %s\r\n%s\r\n", protocol, head)
		raw, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(raw), "HTTP/1.1 400 ") {
			t.Errorf("%s: %v %s", name, err, raw)
		}
		conn.Close()
	}
	w := httptest.NewRecorder() // a server that gives no connection away, such as HTTP/2
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": protocol, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"} {
		r.Header.Set(k, v)
	}
	h.Sockets().Do(w, r, nil)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("without a connection: %d", w.Code)
	}
}
