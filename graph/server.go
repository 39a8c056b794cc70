// Package graph is the GraphQL server: transports, limits, access, trusted documents and the one presenter of errors. What a field does is in
// resolvers; who the caller is was decided before (internal/web), except on a socket, where the credential may come in its first message.
package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

const (
	maxBody    = 1 << 20
	maxMessage = 256 << 10
	maxRunning = 512
)

// Config is what the server needs of the house.
type Config struct {
	Schema *plan.Executable
	// Bearer answers the caller behind a credential that came in connection_init; app is the public key in the socket's address, origin its Origin header.
	Bearer func(ctx context.Context, token, app, origin string) (authz.Principal, error)
	// Origin says whether a socket of this origin may be opened at this address.
	Origin  func(*http.Request) bool
	Revoked *authz.Revocations
	Limit   *limit.Limiter
	// Concurrent is how many operations run at once over HTTP (0: 512); more wait a quarter of a second and are refused with 503 then.
	Concurrent int
	// Hub tells the feeds that something has changed.
	Hub *live.Hub
	// Around runs inside every response: loaders live there.
	Around func(context.Context) context.Context
	// Ran is told of each text that an operator runs, before it runs; an error refuses it. Nil: nobody is told.
	Ran func(context.Context, Run) error
	// Observe is told of every operation.
	Observe func(operation, kind string, took time.Duration, failed bool)
}

// Server answers /graphql.
type Server struct {
	Config
	documents *documents
	feeds     *feeds
	sockets   census
	http      http.Handler
}

// New checks the schema (every root field says who may knock) and the trusted documents, and builds the server.
func New(c Config) (*Server, error) {
	if err := checkAccess(c.Schema.Schema()); err != nil {
		return nil, err
	}
	docs, err := loadDocuments(c.Schema.Schema(), consoleJSON, widgetJSON)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, documents: docs, feeds: &feeds{hub: c.Hub}}
	srv := handler.New(c.Schema)
	sockets := Sockets{Origin: c.Origin, InitTimeout: 5 * time.Second, WriteWait: 10 * time.Second, MaxMessage: maxMessage}
	srv.AddTransport(transport.Websocket{Implementation: sockets, PayloadReadLimit: new(int64(maxMessage)), PingPongInterval: 10 * time.Second, InitFunc: s.open})
	srv.AddTransport(transport.SSE{KeepAlivePingInterval: 10 * time.Second})
	srv.AddTransport(HTTP{MaxBody: maxBody, Room: make(chan struct{}, cmp.Or(c.Concurrent, maxRunning)), Wait: 250 * time.Millisecond})
	srv.SetQueryCache(carried{})
	srv.Use(extension.Introspection{})
	srv.Use(s.documents)
	srv.Use(oneOf{c.Schema.Schema()})
	srv.SetErrorPresenter(present)
	srv.SetRecoverFunc(recovered)
	srv.AroundOperations(s.operation)
	srv.AroundOperations(s.explored)
	srv.AroundResponses(s.response)
	srv.AroundFields(s.field)
	c.Schema.May, c.Schema.Present, c.Schema.Recover, c.Schema.Around = s.may, present, recovered, s.response
	for _, d := range docs.all() {
		c.Schema.Compile(d.tree)
	}
	s.http = sockets.Guard(strictStream(srv))
	return s, nil
}

// response runs around every response.
func (s *Server) response(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if s.Around != nil {
		ctx = s.Around(ctx)
	}
	return fewErrors(ctx, next)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = withAddress(r)
	s.http.ServeHTTP(w, r.WithContext(withHeader(r.Context(), w, r)))
}

type addressKey struct{}

// address is what a socket's first message is judged by.
type address struct{ app, origin string }

func withAddress(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), addressKey{}, address{r.URL.Query().Get("app"), r.Header.Get("Origin")}))
}

// open runs at connection_init: a credential in the message wins, else the cookie of the upgrade counts. The socket ends with the rights behind it.
func (s *Server) open(ctx context.Context, init transport.InitPayload) (context.Context, *transport.InitPayload, error) {
	caller := authz.From(ctx)
	if token, ok := strings.CutPrefix(init.Authorization(), "Bearer "); ok {
		at, _ := ctx.Value(addressKey{}).(address)
		found, err := s.Bearer(ctx, token, at.app, at.origin)
		if err != nil {
			return transport.AppendCloseReason(transport.WithWebsocketCloseCode(ctx, 4403), "Forbidden"), nil, err
		}
		found.RequestID, found.IP, found.Network, found.UserAgent, found.Locale = caller.RequestID, caller.IP, caller.Network, caller.UserAgent, caller.Locale
		caller = found
	}
	if caller.Kind == authz.PUBLIC {
		return transport.AppendCloseReason(transport.WithWebsocketCloseCode(ctx, 4403), "Forbidden"), nil, fault.Unauthorized("", "Send a credential in connection_init.")
	}
	leave, room := s.sockets.enter(caller)
	if !room {
		return transport.AppendCloseReason(transport.WithWebsocketCloseCode(ctx, websocket.CloseTryAgainLater), "Too many sockets"), nil, fault.RateLimited(time.Second)
	}
	context.AfterFunc(ctx, leave)
	ctx = authz.With(ctx, caller)
	if caller.Widget != nil {
		EndAt(ctx, caller.Widget.ExpiresAt)
	}
	ended, stop := s.Revoked.Watch(caller.Subjects()...)
	socket := ctx
	go func() {
		defer stop()
		select {
		case <-ended:
			EndAt(socket, time.Now())
		case <-socket.Done():
		}
	}()
	return ctx, nil, nil
}

// strictStream holds bodies of event streams to the same decoder as plain requests: gqlgen's own repeats a broken body in its answer.
func strictStream(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			p, status, err := receive(w, r, maxBody)
			if err != nil {
				(&answer{w: w, r: r, kind: plainJSON}).refuse(r.Context(), status, err)
				return
			}
			raw, _ := json.Marshal(map[string]any{"query": p.Query, "operationName": p.OperationName, "variables": p.Variables, "extensions": p.Extensions})
			r.Body = io.NopCloser(bytes.NewReader(raw))
			r.ContentLength = int64(len(raw))
			r.Header.Del("Content-Encoding")
		}
		next.ServeHTTP(w, r)
	})
}
