package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Socket is a client of graphql-transport-ws that hides nothing: tests see every message and the close code.
type Socket struct {
	t    testing.TB
	conn *websocket.Conn

	write sync.Mutex
	mu    sync.Mutex
	last  int
	subs  map[string]*Feed
	acks  chan Message
	over  chan struct{}
	end   error
}

// Message is one that the server sent.
type Message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
	At      time.Time       `json:"-"`
}

// Dial opens a socket for a caller without saying hello; response is that of the upgrade.
func (h *House) Dial(c Caller, header ...string) (*Socket, *http.Response, error) {
	h.t.Helper()
	head := c.header()
	head.Del("Authorization") // browsers cannot send it here
	head.Del("X-Nameplate-Csrf")
	protocols := []string{"graphql-transport-ws"}
	for n := 0; n+1 < len(header); n += 2 {
		if header[n] == "Sec-WebSocket-Protocol" {
			protocols = []string{header[n+1]}
			continue
		}
		head.Set(header[n], header[n+1])
	}
	d := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: protocols}
	conn, res, err := d.DialContext(h.t.Context(), h.Addresses.GraphQLWS+c.path(), head)
	if err != nil {
		return nil, res, err
	}
	s := &Socket{t: h.t, conn: conn, subs: map[string]*Feed{}, acks: make(chan Message, 16), over: make(chan struct{})}
	go s.read()
	h.t.Cleanup(s.Kill)
	return s, res, nil
}

// Connect opens a socket and says hello; the caller's bearer credential goes into the first message.
func (h *House) Connect(c Caller) *Socket {
	h.t.Helper()
	s, _, err := h.Dial(c)
	if err != nil {
		h.t.Fatalf("open a socket: %v", err)
	}
	s.Hello(c)
	if m, ok := s.Ack(10 * time.Second); !ok || m.Type != "connection_ack" {
		h.t.Fatalf("the server answered the hello with %s %s", m.Type, m.Payload)
	}
	return s
}

// Hello sends connection_init.
func (s *Socket) Hello(c Caller) {
	init := map[string]any{"type": "connection_init"}
	if c.Bearer != "" {
		init["payload"] = map[string]string{"authorization": "Bearer " + c.Bearer}
	}
	s.Send(init)
}

// Send writes one JSON message; the peer may be gone.
func (s *Socket) Send(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Raw(websocket.TextMessage, raw)
}

// Raw writes one frame; the peer may be gone.
func (s *Socket) Raw(kind int, payload []byte) {
	s.write.Lock()
	defer s.write.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_ = s.conn.WriteMessage(kind, payload)
}

// Kill cuts the connection as a network does: without a close.
func (s *Socket) Kill() { _ = s.conn.NetConn().Close() }

// Over is closed when the socket has ended.
func (s *Socket) Over() <-chan struct{} { return s.over }

// Code waits for the end of the socket and answers the server's close code, 0 when it sent none.
func (s *Socket) Code(deadline time.Duration) (int, string) {
	s.t.Helper()
	select {
	case <-s.over:
	case <-time.After(deadline):
		s.t.Errorf("the socket was not closed within %s", deadline)
		return -1, "open"
	}
	if c, ok := errors.AsType[*websocket.CloseError](s.end); ok {
		return c.Code, c.Text
	}
	return 0, s.end.Error()
}

func (s *Socket) read() {
	defer close(s.over)
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			s.end = err
			return
		}
		m := Message{At: time.Now()}
		if err := json.Unmarshal(raw, &m); err != nil {
			s.end = fmt.Errorf("the server sent %q: %w", raw, err)
			return
		}
		s.mu.Lock()
		f := s.subs[m.ID]
		s.mu.Unlock()
		switch {
		case f != nil:
			f.c <- m
		case m.Type == "ping":
			s.Send(map[string]string{"type": "pong"})
		default:
			select {
			case s.acks <- m:
			default:
			}
		}
	}
}

// Feed is one subscription on a socket.
type Feed struct {
	s  *Socket
	id string
	c  chan Message
}

// Subscribe starts an operation.
func (s *Socket) Subscribe(q Query) *Feed {
	s.mu.Lock()
	s.last++
	f := &Feed{s: s, id: strconv.Itoa(s.last), c: make(chan Message, 1<<14)}
	s.subs[f.id] = f
	s.mu.Unlock()
	s.Send(map[string]any{"id": f.id, "type": "subscribe", "payload": q})
	return f
}

// Stop ends the operation.
func (f *Feed) Stop() { f.s.Send(map[string]any{"id": f.id, "type": "complete"}) }

// Next is the next message of the operation; ok is false when none came in time, or the socket ended.
func (f *Feed) Next(deadline time.Duration) (Message, bool) {
	select { // what has arrived counts, even when the socket has ended since
	case m := <-f.c:
		return m, true
	default:
	}
	select {
	case m := <-f.c:
		return m, true
	case <-f.s.over:
		return Message{Type: "closed"}, false
	case <-time.After(deadline):
		return Message{Type: "silence"}, false
	}
}

// Data reads the next message's data into out; the message must be one.
func (f *Feed) Data(deadline time.Duration, out any) Message {
	f.s.t.Helper()
	m, ok := f.Next(deadline)
	if !ok || m.Type != "next" || strings.Contains(string(m.Payload), `"errors"`) {
		f.s.t.Fatalf("the subscription answered %s %s", m.Type, m.Payload)
	}
	if err := json.Unmarshal(m.Payload, &struct{ Data any }{out}); err != nil {
		f.s.t.Fatalf("read %s: %v", m.Payload, err)
	}
	return m
}

// Ack is the next message that belongs to no operation, such as the acknowledgement of the hello.
func (s *Socket) Ack(deadline time.Duration) (Message, bool) {
	select {
	case m := <-s.acks:
		return m, true
	case <-s.over:
		return Message{Type: "closed"}, false
	case <-time.After(deadline):
		return Message{Type: "silence"}, false
	}
}
