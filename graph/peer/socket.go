package peer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

const (
	protocol      = "graphql-transport-ws"
	maxMessage    = 256 << 10
	maxOperations = 50 // at the same time on one socket
	farewell      = time.Second
)

// Patience says how long a peer is waited for. Zero values are those of the product.
type Patience struct {
	Init    time.Duration // for connection_init: 5 s
	Ping    time.Duration // between our pings, and between comments of an event stream: 10 s
	Silence time.Duration // for any sign of life of a socket, and for the peer of an event stream to acknowledge a comment: 20 s
	Write   time.Duration // for one write: 10 s
}

func (p Patience) orUsual() Patience {
	return Patience{cmp.Or(p.Init, 5*time.Second), cmp.Or(p.Ping, 10*time.Second), cmp.Or(p.Silence, 20*time.Second), cmp.Or(p.Write, 10*time.Second)}
}

// sockets serves graphql-transport-ws. An open socket costs one goroutine, which reads, and no buffer to write: what it has to send waits in its outbox.
//
// Its close codes are those of the protocol. 1000 never comes first from here (graphql-ws would be back at once, for ever), nor 1011 (it would give up).
type sockets struct {
	*Peers
	patience Patience
}

func (sockets) Supports(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// Do upgrades the request and returns, so that net/http frees what it keeps for a request. A foreign origin gets 403 before that.
func (t sockets) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !t.Origin(r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	offered := websocket.Subprotocols(r)
	fits := slices.Contains(offered, protocol)
	if fits {
		offered = []string{protocol}
	}
	// Whoever offers something else reads 4406, which needs a socket. We write without gorilla's help; with a pool it keeps no buffer for that.
	up := websocket.Upgrader{Subprotocols: offered, ReadBufferSize: 1 << 10, WriteBufferPool: &sync.Pool{}, HandshakeTimeout: 5 * time.Second, CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it was answered
	}
	caller := authz.From(r.Context())
	ctx, cancel := context.WithCancel(authz.With(httpx.WithRequestID(context.Background(), caller.RequestID), caller))
	c := &socket{house: t, exec: exec, conn: conn, cancel: cancel, app: strings.Clone(r.URL.Query().Get("app")), origin: r.Header.Get("Origin")}
	c.start()
	if !t.enter(c) {
		c.end(websocket.CloseGoingAway, "Going away")
	} else if !fits {
		c.end(4406, "Subprotocol not acceptable")
	}
	go c.serve(ctx)
}

// socket is one peer. Its reader owns it: whoever ends the socket wakes the reader, which takes everything down.
type socket struct {
	house       sockets
	exec        graphql.GraphExecutor
	conn        *websocket.Conn
	app, origin string // what the credential of the first message is judged by
	cancel      context.CancelFunc
	out         outbox
	work        sync.WaitGroup // operations that run

	mu    sync.Mutex
	timer *time.Timer
	hello bool // connection_init came
	acked bool
	ended bool
	leave func() // gives the caller's place back
	ops   map[string]*operation
}

func (c *socket) start() {
	c.out.encode, c.out.write, c.out.broken, c.out.moved.L = encodeFrame, c.write, c.cut, &c.out.mu
	c.conn.SetPingHandler(func(data string) error {
		c.tell(pong, []byte(data))
		c.patient()
		return nil
	})
	c.conn.SetPongHandler(func(string) error { c.patient(); return nil })
	c.conn.SetCloseHandler(func(code int, _ string) error { c.end(code, ""); return nil }) // RFC 6455, 5.5.1: with the peer's own code
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(c.house.patience.Init, c.tick)
}

// serve reads until the socket ends, and leaves nothing behind.
func (c *socket) serve(ctx context.Context) {
	defer c.house.leave(c)
	c.listen(ctx)
	c.mu.Lock()
	speaks, ops, leave := c.ended, c.ops, c.leave
	c.ended, c.ops, c.leave = true, nil, nil
	c.timer.Stop()
	c.mu.Unlock()
	c.cancel()
	if !speaks { // the peer is gone
		c.out.close()
		c.conn.Close()
	}
	for _, op := range ops {
		op.release()
	}
	if leave != nil {
		leave()
	}
	c.out.flushed()
	c.linger()
	c.conn.Close()
	c.work.Wait()
}

// linger lets the peer read our last words: a connection that is closed with something unread in it is reset, and takes them away.
func (c *socket) linger() {
	conn := c.conn.NetConn()
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(farewell))
		_, _ = io.Copy(io.Discard, conn)
	}
}

// patient gives the peer its time again; false when the socket has ended.
func (c *socket) patient() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		_ = c.conn.SetReadDeadline(time.Now().Add(c.house.patience.Silence))
	}
	return !c.ended
}

// end closes the socket with a code; only the first one counts. It waits for nobody. Who lost its rights or is too slow gets nothing that still waited.
func (c *socket) end(code int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	c.timer.Stop()
	c.cancel()
	last := c.out.finish
	if code == 4403 || code == websocket.CloseTryAgainLater {
		last = c.out.close
	}
	last(frame{kind: goodbye, payload: websocket.FormatCloseMessage(code, text)})
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
}

// tick pings, and ends who says nothing at all.
func (c *socket) tick() {
	c.mu.Lock()
	hello, ended := c.hello, c.ended
	if hello && !ended {
		c.timer.Reset(c.house.patience.Ping)
	}
	c.mu.Unlock()
	switch {
	case ended:
	case !hello:
		c.end(4408, "Connection initialisation timeout")
	default:
		c.tell(text, []byte(`{"type":"ping"}`))
	}
}

// tell sends a message of the socket's own.
func (c *socket) tell(k kind, message []byte) {
	if !c.out.offer(frame{kind: k, payload: message}) {
		c.slow()
	}
}

func (c *socket) slow() { c.end(websocket.CloseTryAgainLater, "Slow reader") }

// write waits half of its time; then the peer is a slow reader, who may take what was begun and read why in the other half.
func (c *socket) write(b []byte) error {
	conn, wait := c.conn.NetConn(), c.house.patience.Write/2
	_ = conn.SetWriteDeadline(time.Now().Add(wait))
	n, err := conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.slow()
		_ = conn.SetWriteDeadline(time.Now().Add(wait))
		_, err = conn.Write(b[n:])
	}
	return err
}

// cut is the end of a peer that cannot be told anything.
func (c *socket) cut() { c.conn.Close() }
