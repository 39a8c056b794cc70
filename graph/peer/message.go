package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The kinds of frames: three messages of an operation, and what is sent as it stands.
const (
	nextMessage kind = iota
	errorMessage
	completeMessage
	text
	pong
	goodbye
	comment // of an event stream
)

// message is one of the client's.
type message struct {
	kind    string
	id      string
	payload map[string]any // nil: none
}

// readMessage is as strict as the protocol: false is 4400. Members that the protocol does not know are ignored.
func readMessage(frame int, raw []byte) (m message, ok bool) {
	if frame != websocket.TextMessage {
		return m, false
	}
	in, err := request.Object(raw)
	if err != nil {
		return m, false
	}
	m.kind, _ = in["type"].(string)
	m.id, _ = in["id"].(string)
	m.payload, _ = in["payload"].(map[string]any)
	switch m.kind {
	case "connection_init", "ping", "pong":
		return m, m.payload != nil || in["payload"] == nil
	case "subscribe":
		return m, m.id != "" && m.payload != nil
	case "complete":
		return m, m.id != ""
	}
	return m, false
}

// listen takes one message after the other until the socket ends. Each is understood on a goroutine of its own, for which the reader waits: its stack,
// which lives as long as the socket, stays small.
func (c *socket) listen(ctx context.Context) {
	for c.patient() {
		frame, r, err := c.conn.NextReader()
		if err != nil {
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
		if err != nil {
			return
		}
		if len(raw) > maxMessage {
			c.end(websocket.CloseMessageTooBig, "Message too big")
			return
		}
		var turn sync.WaitGroup
		turn.Go(func() { ctx = c.take(ctx, frame, raw) })
		turn.Wait()
		c.out.room() // who sends more than it reads waits
	}
}

// take acts on one message, and answers the context of those after it: connection_init says who the caller is.
func (c *socket) take(ctx context.Context, frame int, raw []byte) (after context.Context) {
	defer func() {
		if p := recover(); p != nil {
			after = ctx
			c.refuse(ctx, present.Panic(ctx, p))
		}
	}()
	m, ok := readMessage(frame, raw)
	if !ok {
		c.end(4400, "Invalid message")
		return ctx
	}
	switch m.kind {
	case "connection_init":
		return c.open(ctx, m.payload)
	case "ping":
		answer := []byte(`{"type":"pong"`)
		if m.payload != nil {
			answer = present.AppendJSON(append(answer, `,"payload":`...), m.payload)
		}
		c.tell(text, append(answer, '}'))
	case "subscribe":
		c.subscribe(ctx, m)
	case "complete":
		c.mu.Lock()
		op := c.ops[m.id]
		delete(c.ops, m.id)
		c.mu.Unlock()
		if op != nil {
			c.out.drop(op)
			op.release()
		}
	}
	return ctx
}

// open finds out who calls and holds a place for the socket, which ends with the caller's rights.
func (c *socket) open(ctx context.Context, payload map[string]any) context.Context {
	c.mu.Lock()
	again := c.hello
	if c.hello = true; !again && !c.ended {
		c.timer.Reset(c.house.patience.Ping)
	}
	c.mu.Unlock()
	if again {
		c.end(4429, "Too many initialisation requests")
		return ctx
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	caller, err := c.house.identify(limited, payload, c.app, c.origin)
	cancel()
	if err != nil {
		c.refuse(ctx, err)
		return ctx
	}
	leave, room := c.house.hold(caller, func() { c.end(4403, "Forbidden") })
	if !room {
		c.end(websocket.CloseTryAgainLater, "Too many sockets")
		return ctx
	}
	c.mu.Lock()
	c.leave, c.acked = leave, true
	c.mu.Unlock()
	c.tell(text, []byte(`{"type":"connection_ack"}`))
	return authz.With(ctx, caller)
}

// refuse ends the socket of a caller who was not recognised. When that is our fault or will pass, the code says so: two 4403 end a session in the client.
func (c *socket) refuse(ctx context.Context, err error) {
	f, known := errors.AsType[*fault.Fault](err)
	switch {
	case known && f.Code != fault.RateLimitedCode && f.Code != fault.UnavailableCode:
		c.end(4403, "Forbidden")
		return
	case !known && ctx.Err() == nil:
		slog.ErrorContext(ctx, "the caller of a socket cannot be found out", "err", err)
	}
	c.end(websocket.CloseTryAgainLater, "Try again later")
}

func (c *socket) subscribe(ctx context.Context, m message) {
	ctx, cancel := context.WithCancel(ctx)
	op := &operation{socket: c, id: m.id, head: append(present.AppendJSON([]byte(`{"id":`), m.id), `,"type":"`...), cancel: cancel}
	c.mu.Lock()
	acked, again, many := c.acked, c.ops[m.id] != nil, len(c.ops) >= maxOperations
	fits := acked && !again && !many && !c.ended
	if fits {
		if c.ops == nil {
			c.ops = map[string]*operation{}
		}
		c.ops[m.id] = op
	}
	c.mu.Unlock()
	if !fits {
		cancel()
	}
	switch {
	case !acked:
		c.end(4401, "Unauthorized")
	case again:
		if len(m.id) > 80 { // what a close has room for
			m.id = "this id"
		}
		c.end(4409, "Subscriber for "+m.id+" already exists")
	case many:
		f := fault.RateLimited(time.Second)
		f.Reason, f.Message = "operations", "This socket has too many operations. End one of them, then try again."
		if !c.out.offer(frame{errorMessage, op, present.AppendJSON(nil, gqlerror.List{present.Error(ctx, f)})}) {
			c.slow()
		}
	case fits:
		p, err := request.Params(m.payload)
		if err != nil {
			c.end(4400, "Invalid message")
			return
		}
		c.work.Go(func() { op.keep(c.house.perform(ctx, c.exec, p, op)) })
	}
}

// operation is one on a socket, until its last message.
type operation struct {
	*socket
	id     string
	head   []byte // how each of its messages begins
	cancel context.CancelFunc
	leave  func() // ends the feed; guarded by the socket's lock
}

func (o *operation) Next(payload []byte) { o.must(nextMessage, payload) }
func (o *operation) Fail(errors []byte)  { o.must(errorMessage, errors) }
func (o *operation) Complete()           { o.must(completeMessage, nil) }
func (o *operation) Full() bool          { return o.out.full() }

func (o *operation) answer(payload []byte) {
	for !o.send(nextMessage, payload) {
		o.out.room()
	}
	for !o.send(completeMessage, nil) {
		o.out.room()
	}
}

// must cuts the peer that is too far behind.
func (o *operation) must(k kind, payload []byte) {
	if !o.send(k, payload) {
		o.slow()
	}
}

// send adds a message of an operation that goes on; nothing follows the last one. False: there is no room.
func (o *operation) send(k kind, payload []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ops[o.id] != o {
		return true
	}
	if !o.out.offer(frame{k, o, payload}) {
		return false
	}
	if k != nextMessage {
		delete(o.ops, o.id)
		o.cancel()
	}
	return true
}

// keep notes how the feed is left, or leaves it when the operation has ended already.
func (o *operation) keep(leave func()) {
	o.mu.Lock()
	going := o.ops[o.id] == o
	if going {
		o.leave = leave
	}
	o.mu.Unlock()
	if !going {
		leave()
	}
}

// release stops whatever works for the operation.
func (o *operation) release() {
	o.cancel()
	o.mu.Lock()
	leave := o.leave
	o.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// encodeFrame appends a frame as servers send them: whole and not masked (RFC 6455, 5.2). Only the head of an operation's message is its own; what
// follows is shared.
func encodeFrame(b []byte, f frame) []byte {
	opcode := byte(websocket.TextMessage)
	var head []byte
	var kind, tail string
	switch f.kind {
	case nextMessage:
		head, kind, tail = f.op.head, `next","payload":`, `}`
	case errorMessage:
		head, kind, tail = f.op.head, `error","payload":`, `}`
	case completeMessage:
		head, kind = f.op.head, `complete"}`
	case pong:
		opcode = websocket.PongMessage
	case goodbye:
		opcode = websocket.CloseMessage
	}
	b = append(b, 0x80|opcode)
	switch n := len(head) + len(kind) + len(f.payload) + len(tail); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(append(append(append(b, head...), kind...), f.payload...), tail...)
}
