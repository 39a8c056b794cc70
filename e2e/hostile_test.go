package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// counts says how much is kept of what callers can make.
func counts(t *testing.T, h *harness.House) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, table := range []string{"organization", "application", "recipe", "api_key", "connection", "record", "widget_token", "webhook_endpoint", "webhook_delivery", "session", "idempotency", "event"} {
		var n int
		if err := h.App.DB.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

// alive says that the product still answers, and that it is ready for more.
func alive(t *testing.T, h *harness.House) {
	t.Helper()
	res, err := http.Get(h.Addresses.Console + "/readyz")
	if err != nil {
		t.Fatalf("the product is gone: %v", err)
	}
	defer res.Body.Close()
	if raw, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Errorf("the product is not ready any more: %d %s", res.StatusCode, raw)
	}
	if strings.Contains(h.Logs.String(), "panic") {
		t.Errorf("something crashed:\n%s", h.Logs)
	}
}

// many repeats a text with its number.
func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// aliases asks one cheap field under many names.
func aliases(n int) string { return many("a%d: health { name } ", n) }

// doubling is a text of a few lines that stands for 2^n fields.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("{ ...f0 } ")
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Query { ...f%d ...f%d } ", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Query { nothing }", n)
	return b.String()
}

// doublingValid is such a text that fits the schema.
func doublingValid(n int) string {
	return strings.ReplaceAll(doubling(n), "nothing", "health { name }")
}

// TestHostile_Sockets: what does not speak the protocol is shown out with the code that says why, and the next one is served.
func TestHostile_Sockets(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	key := harness.Caller{Bearer: h.Addresses.APIKey}
	silent, _, err := h.Dial(key) // judged at the end: five seconds are allowed for the hello
	if err != nil {
		t.Fatal(err)
	}
	hello := func(s *harness.Socket) {
		s.Hello(key)
		if m, ok := s.Ack(10 * time.Second); !ok || m.Type != "connection_ack" {
			t.Fatalf("the hello was answered with %s", m.Type)
		}
	}
	subscribe := func(s *harness.Socket, id string) {
		s.Send(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": "subscription { viewerChanged { userId } }"}})
	}
	for _, c := range []struct {
		name string
		code int
		do   func(s *harness.Socket)
	}{
		{"Garbage", 4400, func(s *harness.Socket) { s.Raw(websocket.TextMessage, []byte("\x00\x01 garbage "+sentinel)) }},
		{"NotUTF8", 4400, func(s *harness.Socket) { s.Raw(websocket.TextMessage, []byte{0xff, 0xfe}) }},
		{"Binary", 4400, func(s *harness.Socket) { s.Raw(websocket.BinaryMessage, []byte(`{"type":"connection_init"}`)) }},
		{"EmptyFrame", 4400, func(s *harness.Socket) { s.Raw(websocket.TextMessage, nil) }},
		{"List", 4400, func(s *harness.Socket) { s.Send([]string{"connection_init"}) }},
		{"Nested", 4400, func(s *harness.Socket) {
			s.Raw(websocket.TextMessage, []byte(`{"type":"connection_init","payload":{"a":`+strings.Repeat("[", 100_000)+"}}"))
		}},
		{"UnknownType", 4400, func(s *harness.Socket) { s.Send(map[string]any{"type": "start", "id": "1"}) }},
		{"Large", websocket.CloseMessageTooBig, func(s *harness.Socket) {
			s.Send(map[string]any{"type": "connection_init", "payload": map[string]any{"x": strings.Repeat("x", 300<<10)}})
		}},
		{"LargeAfterHello", websocket.CloseMessageTooBig, func(s *harness.Socket) {
			hello(s)
			s.Send(map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": strings.Repeat("x", 300<<10)}})
		}},
		{"SubscribeBeforeHello", 4401, func(s *harness.Socket) { subscribe(s, "1") }},
		{"HelloTwice", 4429, func(s *harness.Socket) { hello(s); s.Hello(key) }},
		{"SameIDTwice", 4409, func(s *harness.Socket) { hello(s); subscribe(s, "1"); subscribe(s, "1") }},
		{"SubscribeWithoutID", 4400, func(s *harness.Socket) { hello(s); subscribe(s, "") }},
		{"SubscribeWithoutPayload", 4400, func(s *harness.Socket) { hello(s); s.Send(map[string]any{"id": "1", "type": "subscribe"}) }},
		{"NoCredential", 4403, func(s *harness.Socket) { s.Hello(harness.Caller{}) }},
		{"WrongKey", 4403, func(s *harness.Socket) { s.Hello(harness.Caller{Bearer: "npk_" + sentinel}) }},
		{"WrongToken", 4403, func(s *harness.Socket) { s.Hello(harness.Caller{Bearer: "a.b.c"}) }},
		{"LongToken", 4403, func(s *harness.Socket) { s.Hello(harness.Caller{Bearer: strings.Repeat("a", 100_000)}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := h.With(t)
			s, _, err := h.Dial(key)
			if err != nil {
				t.Fatal(err)
			}
			c.do(s)
			if code, text := s.Code(5 * time.Second); code != c.code || strings.Contains(text, sentinel) {
				t.Errorf("the socket ended with %d %q", code, text)
			}
		})
	}
	t.Run("OtherProtocol", func(t *testing.T) {
		h := h.With(t)
		for _, p := range []string{"graphql-ws", "soap"} {
			s, _, err := h.Dial(key, "Sec-WebSocket-Protocol", p)
			if err != nil {
				t.Fatal(err)
			}
			if code, text := s.Code(5 * time.Second); code != 4406 {
				t.Errorf("%s ended with %d %q", p, code, text)
			}
		}
	})
	t.Run("BrokenFrames", func(t *testing.T) {
		h := h.With(t)
		for name, frame := range map[string][]byte{
			"Reserved": {0xf1, 0x80, 0, 0, 0, 0}, "NotMasked": {0x81, 0x02, '{', '}'}, "EndlessLength": {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "LongPing": append([]byte{0x89, 0xfe, 0xff, 0xff}, make([]byte, 64)...),
			"Continuation": {0x80, 0x80, 0, 0, 0, 0}, "CloseOfOneByte": {0x88, 0x81, 0, 0, 0, 0, 3},
		} {
			t.Run(name, func(t *testing.T) {
				conn := upgrade(t, h)
				if _, err := conn.Write(frame); err != nil {
					t.Fatal(err)
				}
				conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Error("the socket was left open")
				}
			})
		}
	})
	t.Run("Texts", func(t *testing.T) {
		s := h.With(t).Connect(key)
		for name, q := range map[string]string{"Unreadable": "subscription {", "Unknown": "subscription { nothing }", "Doubling": doubling(60), "Two": "subscription { viewerChanged { userId } b: viewerChanged { userId } }", "Aliases": "subscription { viewerChanged { " + many("a%d: userId ", 3000) + "} }"} {
			if m, ok := s.Subscribe(harness.Query{Text: q}).Next(5 * time.Second); !ok || !strings.Contains(string(m.Payload), "INVALID") {
				t.Errorf("%s: %s %.300s", name, m.Type, m.Payload)
			}
		}
	})
	t.Run("TooMany", func(t *testing.T) {
		h := h.With(t)
		t.Run("Operations", func(t *testing.T) { // at most 50 on a socket
			h := h.With(t)
			s := h.Connect(key)
			var last *harness.Feed
			for range 51 {
				last = s.Subscribe(harness.Query{Text: "subscription { viewerChanged { userId } }"})
			}
			if m, _ := last.Next(5 * time.Second); m.Type == "next" && !strings.Contains(string(m.Payload), `"errors"`) || m.Type == "silence" {
				t.Errorf("the operation 51 of a socket was answered with %s %s", m.Type, m.Payload)
			}
		})
		t.Run("SocketsOfAToken", func(t *testing.T) { // at most 5
			h := h.With(t)
			caller, _ := h.Widget(map[string]any{"endUserRef": "customer-1"})
			for range 5 {
				h.Connect(caller)
			}
			refused(t, h, caller)
		})
		t.Run("SocketsOfAKey", func(t *testing.T) { // at most 20
			h := h.With(t)
			caller, _ := h.Key(nil)
			for range 20 {
				h.Connect(caller)
			}
			refused(t, h, caller)
		})
	})
	t.Run("NoHello", func(t *testing.T) {
		if code, text := silent.Code(10 * time.Second); code != 4408 {
			t.Errorf("the silent socket ended with %d %q", code, text)
		}
	})
	if strings.Contains(h.Logs.String(), sentinel) {
		t.Error("the log repeats what was sent")
	}
	hello(func() *harness.Socket { s, _, _ := h.Dial(key); return s }())
	alive(t, h)
}

// refused says that one more socket is not served.
func refused(t *testing.T, h *harness.House, caller harness.Caller) {
	t.Helper()
	s, _, err := h.Dial(caller)
	if err != nil {
		return
	}
	s.Hello(caller)
	if m, _ := s.Ack(5 * time.Second); m.Type != "closed" {
		t.Errorf("one socket too many was answered with %s", m.Type)
	}
}

// upgrade opens a socket by hand.
func upgrade(t *testing.T, h *harness.House) net.Conn {
	t.Helper()
	host := strings.TrimPrefix(h.Addresses.Console, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", host)
	var head []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(one); err != nil {
			t.Fatalf("the upgrade: %v after %q", err, head)
		}
		head = append(head, one[0])
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101") {
		t.Fatalf("the upgrade was answered with %q", head)
	}
	return conn
}
