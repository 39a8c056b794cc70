package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"
)

const (
	protocol      = "graphql-transport-ws"
	maxOperations = 50 // at the same time on one socket
	tooMany       = -1 // what admit says of one more
)

// Sockets serves GraphQL over gorilla/websocket. gqlgen v0.17.95 ends most protocol faults with 1000 or 1002; clients need the codes of
// graphql-transport-ws: 1000 makes graphql-ws reconnect at once and for ever, 44xx tells it whether to try again.
type Sockets struct {
	Origin      func(*http.Request) bool
	InitTimeout time.Duration
	WriteWait   time.Duration
	MaxMessage  int64
}

func (s Sockets) Accept(w http.ResponseWriter, r *http.Request, o transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	up := websocket.Upgrader{CheckOrigin: s.Origin, HandshakeTimeout: 5 * time.Second, Subprotocols: []string{protocol}}
	conn, err := up.Upgrade(w, r, o.ResponseHeader)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(s.MaxMessage) // and PayloadReadLimit: new(ws.MaxMessage) on the transport, else gqlgen raises it to 1 MiB
	c := &socket{Conn: conn, wait: s.WriteWait, active: map[string]bool{}}
	c.mu.Lock()
	c.initTimer = time.AfterFunc(s.InitTimeout, func() { c.end(4408, "Connection initialisation timeout") })
	c.tokenTimer = time.AfterFunc(24*time.Hour, func() { c.end(websocket.CloseGoingAway, "Going away") })
	c.mu.Unlock()
	context.AfterFunc(r.Context(), func() { c.end(websocket.CloseGoingAway, "Going away") })
	if h, ok := r.Context().Value(holderKey{}).(*holder); ok {
		h.c = c
	}
	return c, nil
}

// Guard stands before the GraphQL server: it refuses foreign origins, answers sockets that do not offer the protocol (gqlgen would serve
// them in the old one), and lets EndAt find the socket.
func (s Sockets) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !websocket.IsWebSocketUpgrade(r):
			next.ServeHTTP(w, r)
		case !s.Origin(r):
			http.Error(w, "origin not allowed", http.StatusForbidden)
		case !slices.Contains(websocket.Subprotocols(r), protocol):
			up := websocket.Upgrader{CheckOrigin: s.Origin, Subprotocols: websocket.Subprotocols(r)}
			if c, err := up.Upgrade(w, r, nil); err == nil {
				c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4406, "Subprotocol not acceptable"), time.Now().Add(time.Second))
				c.Close()
			}
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), holderKey{}, &holder{})))
		}
	})
}

type (
	holderKey struct{}
	holder    struct{ c *socket }
)

// EndAt closes the caller's socket with 4403 at t: the token ends. Call it from the transport's InitFunc.
func EndAt(ctx context.Context, t time.Time) {
	if h, ok := ctx.Value(holderKey{}).(*holder); ok && h.c != nil {
		h.c.endAt(t)
	}
}

type socket struct {
	*websocket.Conn
	wait time.Duration

	mu         sync.Mutex // one writer at a time; guards the fields below
	initTimer  *time.Timer
	tokenTimer *time.Timer
	init       bool
	acked      bool
	ended      bool
	active     map[string]bool // operations of this socket that have not ended
}

type head struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Payload json.RawMessage `json:"payload"`
}

func (c *socket) NextReader() (int, io.Reader, error) {
	t, r, err := c.Conn.NextReader()
	for err == nil {
		var raw []byte
		if raw, err = io.ReadAll(r); err != nil {
			break
		}
		switch code, text := c.admit(t, raw); code {
		case 0:
			return t, bytes.NewReader(raw), nil
		case tooMany: // answered here; gqlgen never sees it
			t, r, err = c.Conn.NextReader()
		default:
			c.end(code, text)
			return t, nil, transport.ErrWebsocketClosed
		}
	}
	c.end(websocket.CloseGoingAway, "Going away") // the peer is gone: stop the timer
	if _, closed := err.(*websocket.CloseError); closed {
		err = transport.ErrWebsocketClosed
	}
	return t, nil, err
}

// admit checks one message of the client against the protocol; code 0 lets it pass.
func (c *socket) admit(frame int, raw []byte) (code int, text string) {
	var h head
	if frame != websocket.TextMessage || json.Unmarshal(raw, &h) != nil {
		return 4400, "Invalid message"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h.Type {
	case "connection_init":
		if c.init {
			return 4429, "Too many initialisation requests"
		}
		c.init = true
	case "subscribe":
		switch {
		case !c.acked:
			return 4401, "Unauthorized"
		case h.ID == "" || len(h.Payload) == 0:
			return 4400, "Invalid message"
		case c.active[h.ID]:
			return 4409, "Subscriber for " + h.ID[:min(len(h.ID), 80)] + " already exists"
		case len(c.active) >= maxOperations:
			c.refuse(h.ID)
			return tooMany, ""
		}
		c.active[h.ID] = true
	case "complete":
		delete(c.active, h.ID)
	case "ping", "pong":
	default:
		return 4400, "Invalid message"
	}
	return 0, ""
}

// refuse answers an operation beyond the limit with an error of its own; the others go on. The caller holds the lock.
func (c *socket) refuse(id string) {
	raw, _ := json.Marshal(map[string]any{"type": "error", "id": id, "payload": []any{map[string]any{
		"message":    "This socket has too many operations. End one of them, then try again.",
		"extensions": map[string]any{"code": "RATE_LIMITED", "reason": "operations", "retryAfter": 1},
	}}})
	c.SetWriteDeadline(time.Now().Add(c.wait))
	_ = c.WriteMessage(websocket.TextMessage, raw)
}

func (c *socket) WriteJSON(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var h head
	json.Unmarshal(raw, &h)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h.Type {
	case "connection_ack":
		c.initTimer.Stop()
		c.acked = true
	case "complete", "error":
		if h.ID != "" && !c.active[h.ID] {
			return nil // already ended: nothing may follow
		}
		delete(c.active, h.ID)
	}
	c.SetWriteDeadline(time.Now().Add(c.wait)) // a stalled peer must not hold the socket for ever
	return c.WriteMessage(websocket.TextMessage, raw)
}

// WriteClose is gqlgen's wish to close. 1000 from our side would make clients reconnect in a tight loop.
func (c *socket) WriteClose(code int, text string) error {
	if code == websocket.CloseNormalClosure {
		code, text = websocket.CloseGoingAway, "Going away"
	}
	c.end(code, text)
	return nil
}

func (c *socket) endAt(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokenTimer.Stop()
	c.tokenTimer = time.AfterFunc(time.Until(t), func() { c.end(4403, "Forbidden") })
}

// end sends the first close and only that one.
func (c *socket) end(code int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	c.initTimer.Stop()
	c.tokenTimer.Stop()
	c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	time.AfterFunc(time.Second, func() { c.Conn.Close() }) // in case the peer does not answer
}
