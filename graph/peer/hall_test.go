package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/graph/feed"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const hallSchema = `
type Query { hello: String! fail: String wait: String long: String crash: String }
type Mutation { change: String }
type Subscription { state(size: Int): Int count(to: Int!): Int refused: Int broken: Int large: Int }`

const maxBody = 1 << 20

// hall is sockets, streams and feeds over a small executor, without a database. Whoever calls is who the token names.
type hall struct {
	*Peers
	URL     string
	hub     *live.Hub
	schema  *ast.Schema
	version atomic.Int64  // of state
	waiting chan struct{} // a field wait is running
	ended   chan struct{} // it was cancelled
	bearer  atomic.Pointer[error]

	mu      sync.Mutex
	callers map[string]authz.Principal
}

func open(t testing.TB, p Patience) *hall {
	t.Helper()
	h := &hall{hub: live.NewHub(nil), schema: gqlparser.MustLoadSchema(&ast.Source{Input: hallSchema}), waiting: make(chan struct{}, 100), ended: make(chan struct{}, 100), callers: map[string]authz.Principal{}}
	h.version.Store(1)
	h.Peers = &Peers{MaxBody: maxBody, Patience: p, Revoked: authz.New(nil).Revoked(), Origin: func(r *http.Request) bool {
		o := r.Header.Get("Origin")
		return o == "" || o == "https://own.example"
	}, Bearer: h.who, Feeds: &feed.Feeds{Hub: h.hub}}
	srv := handler.New(h)
	srv.AddTransport(h.Sockets())
	srv.AddTransport(h.Streams())
	srv.AddTransport(request.HTTP{MaxBody: maxBody})
	srv.SetErrorPresenter(present.Error)
	srv.SetRecoverFunc(present.Panic)
	srv.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		switch graphql.GetOperationContext(ctx).Operation.SelectionSet[0].(*ast.Field).Name {
		case "refused":
			return present.Refused(ctx, fault.Refused("caller_kind", "Not for you."))
		case "crash":
			panic("hunter2")
		}
		return next(ctx)
	})
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := authz.Principal{Kind: authz.PUBLIC, RequestID: "req-1"}
		if name := r.Header.Get("Test-Caller"); name != "" {
			caller = h.caller(name)
		}
		srv.ServeHTTP(w, r.WithContext(authz.With(r.Context(), caller)))
	}))
	web.Config.ConnContext = httpx.WithConn
	web.Start()
	h.URL = web.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		h.Close(ctx)
		if ctx.Err() != nil {
			t.Error("the sockets did not end")
		}
		web.Close()
	})
	return h
}

func (h *hall) who(_ context.Context, token, _, _ string) (authz.Principal, error) {
	if err := h.bearer.Load(); err != nil {
		return authz.Principal{}, *err
	}
	if token == "wrong" {
		return authz.Principal{}, fault.Unauthorized("credential_invalid", "This credential is not valid.")
	}
	return h.caller(token), nil
}

func (h *hall) caller(name string) authz.Principal {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.callers[name]
	if !ok {
		p = authz.Principal{Kind: authz.API_KEY, KeyID: ident.New[ident.KeyID](time.Now()), RequestID: "req-1"}
		h.callers[name] = p
	}
	return p
}

func (h *hall) Schema() *ast.Schema { return h.schema }
func (h *hall) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (h *hall) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	f := op.Operation.SelectionSet[0].(*ast.Field)
	args := f.ArgumentMap(op.Variables)
	switch {
	case f.Name == "large": // refused instead of handed over
		return present.Refused(ctx, fault.Invalid("query", "subscription_size", "Ask for less."))
	case op.Operation.Operation == ast.Subscription:
		plan.Taker(ctx)(plan.Subscription{Open: func(context.Context) (live.Feed[any], plan.Render, *graphql.Response) { return h.feed(f.Name, args) }})
		return graphql.OneShot(nil)
	}
	return graphql.OneShot(h.once(ctx, f.Name))
}

func (h *hall) once(ctx context.Context, field string) *graphql.Response {
	value := "hello"
	switch field {
	case "fail":
		return &graphql.Response{Data: []byte(`{"fail":null}`), Errors: gqlerror.List{{Message: "no", Path: ast.Path{ast.PathName("fail")}}}}
	case "wait":
		h.waiting <- struct{}{}
		<-ctx.Done()
		h.ended <- struct{}{}
	case "long":
		value = strings.Repeat("long", 50_000)
	}
	return &graphql.Response{Data: []byte(`{"` + field + `":"` + value + `"}`)}
}

func (h *hall) feed(name string, args map[string]any) (live.Feed[any], plan.Render, *graphql.Response) {
	f := live.Feed[any]{Subjects: []string{"hall"}}
	size, _ := args["size"].(int64)
	fill := strings.Repeat("x", int(size))
	render := func(_ context.Context, v any) *graphql.Response {
		return &graphql.Response{Data: []byte(`{"` + name + `":` + strconv.FormatInt(v.(int64), 10) + `,"fill":"` + fill + `"}`)}
	}
	switch name {
	case "broken":
		return f, nil, &graphql.Response{Errors: gqlerror.List{{Message: "cannot be opened"}}}
	case "state":
		f.Now = func(context.Context) (any, int64, error) { v := h.version.Load(); return v, v, nil }
	case "count":
		n, to := int64(0), args["to"].(int64)
		f.Next = func(context.Context) ([]any, bool, error) {
			n++
			return []any{n}, n < to, nil
		}
		f.Last = func(v any) bool { return v.(int64) == to }
	}
	return f, render, nil
}

// change pokes everybody who watches the state.
func (h *hall) change() {
	h.hub.Poke("hall", h.version.Add(1))
}

// taken is how many callers have a place.
func (c *census) taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// base is what a process holds before a test; rested waits until it holds no more.
type base struct {
	goroutines, files int
	heap              uint64
}

func measure() base {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return base{runtime.NumGoroutine(), len(files), m.HeapAlloc}
}

// rested waits until goroutines, descriptors and heap are back where they were, but for what the runtime and idle HTTP connections keep.
func (b base) rested(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	var now base
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(50 * time.Millisecond) {
		now = measure()
		if now.goroutines <= b.goroutines+2 && now.files <= b.files+2 && now.heap < b.heap+4<<20 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %+v", b, now)
		}
	}
}

// client is a socket of which a test sees everything.
type client struct {
	*websocket.Conn
	t testing.TB
}

type said struct {
	Type, ID string
	Payload  json.RawMessage
}

func (h *hall) dial(t testing.TB, head http.Header, protocols ...string) (*client, *http.Response, error) {
	if protocols == nil {
		protocols = []string{protocol}
	}
	conn, res, err := (&websocket.Dialer{Subprotocols: protocols, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}).Dial("ws"+strings.TrimPrefix(h.URL, "http")+"/graphql", head)
	if err != nil {
		return nil, res, err
	}
	return &client{conn, t}, res, nil
}

// knock opens a socket that has said nothing.
func (h *hall) knock(t testing.TB) *client {
	t.Helper()
	c, _, err := h.dial(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// enter opens a socket for a caller of its own.
func (h *hall) enter(t testing.TB, name string) *client {
	t.Helper()
	c := h.knock(t)
	c.say(`{"type":"connection_init","payload":{"authorization":"Bearer ` + name + `"}}`)
	c.hear("connection_ack")
	return c
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ask(id, query string) {
	c.t.Helper()
	raw, _ := json.Marshal(map[string]any{"type": "subscribe", "id": id, "payload": map[string]string{"query": query}})
	c.say(string(raw))
}

// any is the next message that is no ping; those are answered.
func (c *client) any() (m said, err error) {
	for {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if err = c.ReadJSON(&m); err != nil || m.Type != "ping" {
			return m, err
		}
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"pong"}`))
		m = said{}
	}
}

func (c *client) hear(kind string) said {
	c.t.Helper()
	m, err := c.any()
	if err != nil || m.Type != kind {
		c.t.Fatalf("wanted %s, got %+v %v", kind, m, err)
	}
	return m
}

// code reads until the end, and answers the close code; 0: the connection was cut.
func (c *client) code() (int, string) {
	c.t.Helper()
	for {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, _, err := c.ReadMessage()
		switch e := err.(type) {
		case nil:
		case *websocket.CloseError:
			if e.Code == websocket.CloseAbnormalClosure {
				return 0, ""
			}
			return e.Code, e.Text
		default:
			if strings.Contains(err.Error(), "timeout") {
				c.t.Fatal("the socket is left open")
			}
			return 0, err.Error()
		}
	}
}
