package peer

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// streams serves server-sent events, one operation a request (graphql-sse, "distinct connections mode"), for those whose network forbids sockets. Their
// limits are those of sockets. Whatever is wrong before the operation runs is an ordinary answer with its status; a stream that ends without "complete" was
// cut, and the client comes back.
type streams struct {
	*Peers
	patience Patience
}

func (streams) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost && wantsEvents(r.Header.Values("Accept"))
}

func wantsEvents(accept []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if kind, params, err := mime.ParseMediaType(strings.TrimSpace(part)); err == nil && kind == "text/event-stream" && params["q"] != "0" {
			return true
		}
	}
	return false
}

func (t streams) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	a := &request.Answer{Writer: w, Request: r, Kind: request.JSON}
	defer a.Crash(r.Context())
	p, status, err := request.Receive(w, r, t.MaxBody)
	if err != nil {
		a.Refuse(r.Context(), status, err)
		return
	}
	p.Headers = r.Header
	p.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	op, list := exec.CreateOperationContext(r.Context(), p)
	if list != nil {
		a.Kind = request.GraphQLJSON // which says by its status that nothing ran
		a.Write(&graphql.Response{Errors: exec.DispatchError(graphql.WithOperationContext(r.Context(), op), list).Errors})
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c := &stream{w: w, control: http.NewResponseController(w), patience: t.patience, cancel: cancel}
	defer t.leave(c)
	if !t.enter(c) {
		a.Refuse(ctx, http.StatusServiceUnavailable, fault.Unavailable("stopping", "This server is about to stop. Please try again.").With("retryAfter", 1))
		return
	}
	leave, room := t.hold(authz.From(ctx), c.cut)
	if !room {
		f := fault.RateLimited(time.Second)
		f.Reason, f.Message = "streams", "This credential has too many sockets and streams open. Close one of them, then try again."
		a.Refuse(ctx, http.StatusTooManyRequests, f)
		return
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies that collect an answer would keep it for ever
	httpx.LimitSilence(ctx, t.patience.Silence-t.patience.Ping)
	c.start()
	defer c.stop()
	defer t.guarded(ctx, c)
	stop := t.execute(ctx, exec, op, c)
	<-ctx.Done() // the last message was sent, the peer is gone, or it was cut
	stop()
}

// stream is one peer. Its context ends with its last message.
type stream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience Patience
	cancel   context.CancelFunc
	out      outbox

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func (c *stream) start() {
	c.out.encode, c.out.write, c.out.broken, c.out.moved.L = encodeEvent, c.write, c.cut, &c.out.mu
	c.out.offer(frame{kind: comment})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(c.patience.Ping, c.tick)
}

// stop waits until nobody writes any more: the writer of a request lives no longer than its handler.
func (c *stream) stop() {
	c.mu.Lock()
	c.ended = true
	c.timer.Stop()
	c.mu.Unlock()
	c.out.finish()
	c.out.flushed()
}

func (c *stream) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended && c.out.offer(frame{kind: comment}) {
		c.timer.Reset(c.patience.Ping)
	}
}

func (c *stream) write(b []byte) error {
	_ = c.control.SetWriteDeadline(time.Now().Add(c.patience.Write)) // not every writer can; those are tests
	defer c.control.SetWriteDeadline(time.Time{})
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	return c.control.Flush()
}

// end is told by the server that stops.
func (c *stream) end(int, string) { c.cut() }

// cut ends the stream without a last message: the client comes back.
func (c *stream) cut() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.out.close()
	c.cancel()
}

func (c *stream) Next(payload []byte) {
	if !c.out.offer(frame{kind: nextMessage, payload: payload}) {
		c.cut()
	}
}

func (c *stream) answer(payload []byte) {
	for !c.out.offer(frame{kind: nextMessage, payload: payload}) {
		c.out.room()
	}
	c.Complete()
}

func (c *stream) Fail(errors []byte) {
	c.Next(append(append([]byte(`{"errors":`), errors...), '}'))
	c.Complete()
}

func (c *stream) Full() bool { return c.out.full() }

func (c *stream) Complete() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.out.finish(frame{kind: completeMessage})
	c.cancel()
}

// encodeEvent appends an event as browsers read it (HTML, 9.2.6). A line break in the payload, which is white space of JSON, begins another line of data.
func encodeEvent(b []byte, f frame) []byte {
	switch f.kind {
	case nextMessage:
		payload := f.payload
		if bytes.ContainsAny(payload, "\r\n") {
			payload = bytes.Join(bytes.FieldsFunc(payload, func(r rune) bool { return r == '\r' || r == '\n' }), []byte("\ndata: "))
		}
		return append(append(append(b, "event: next\ndata: "...), payload...), "\n\n"...)
	case completeMessage:
		return append(b, "event: complete\ndata:\n\n"...)
	}
	return append(b, ":\n\n"...)
}
