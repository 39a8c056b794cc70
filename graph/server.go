// Package graph is the GraphQL server: access, limits and trusted documents, around the transports and the executor below it. What a field does is in
// resolvers; who the caller is was decided before (internal/web), except on a socket, where the credential may come in its first message.
package graph

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/graph/feed"
	"github.com/nameplate-dev/nameplate/graph/peer"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

const (
	maxBody    = 1 << 20
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
	// Lasts answers until when a caller's credential lasts as things are now (peer.Peers).
	Lasts func(ctx context.Context, caller authz.Principal) time.Time
	Limit *limit.Limiter
	// Concurrent is how many operations run at once over HTTP (0: 512); more wait a quarter of a second and are refused with 503 then.
	Concurrent int
	// Hub tells the feeds that something has changed.
	Hub      *live.Hub
	Patience peer.Patience
	// Around runs inside every response: loaders live there.
	Around func(context.Context) context.Context
	// Inside are documents by their names that other doors of this process run (Run); they are trusted like those of the manifests.
	Inside map[string]string
	// Ran is told of each text that an operator runs, before it runs; an error refuses it. Nil: nobody is told.
	Ran func(context.Context, Run) error
	// Denied is told of each mutation that the caller's kind of credential cannot call, and answers the error. Nil: nobody is told.
	Denied func(ctx context.Context, mutation string, why error) error
	// Held are the mutations that can have to wait for a second person: their payloads must be able to say so.
	Held []string
	// Metrics takes what is counted; nil: nobody looks.
	Metrics *metric.Set
}

// Server answers /graphql.
type Server struct {
	Config
	documents *documents
	peers     *peer.Peers
	measures  measures
	http      http.Handler
}

// New checks the schema (every root field says who may knock) and the trusted documents, and builds the server.
func New(c Config) (*Server, error) {
	if err := errors.Join(checkAccess(c.Schema.Schema()), checkHeld(c.Schema.Schema(), c.Held)); err != nil {
		return nil, err
	}
	docs, err := loadDocuments(c.Schema.Schema(), consoleJSON, widgetJSON)
	if err != nil {
		return nil, err
	}
	if err := docs.trustInside(c.Inside); err != nil {
		return nil, err
	}
	s := &Server{Config: c, documents: docs, peers: &peer.Peers{Bearer: c.Bearer, Origin: c.Origin, Revoked: c.Revoked, Lasts: c.Lasts, Feeds: &feed.Feeds{Hub: c.Hub}, MaxBody: maxBody, Patience: c.Patience}}
	s.measure(c.Metrics)
	docs.used = s.measures.trusted
	srv := handler.New(c.Schema)
	over := request.HTTP{MaxBody: maxBody, Room: make(chan struct{}, cmp.Or(c.Concurrent, maxRunning)), Wait: 250 * time.Millisecond}
	srv.AddTransport(request.Inside{HTTP: over})
	srv.AddTransport(s.peers.Sockets())
	srv.AddTransport(s.peers.Streams())
	srv.AddTransport(over)
	srv.SetQueryCache(carried{})
	srv.Use(extension.Introspection{})
	srv.Use(s.documents)
	srv.Use(request.OneOf{Schema: c.Schema.Schema()})
	srv.SetErrorPresenter(present.Error)
	srv.SetRecoverFunc(present.Panic)
	srv.AroundOperations(s.operation)
	srv.AroundOperations(s.explored)
	srv.AroundResponses(s.response)
	srv.AroundFields(s.field)
	c.Schema.May, c.Schema.Present, c.Schema.Recover, c.Schema.Around = s.may, present.Error, present.Panic, s.response
	for _, d := range docs.all() {
		c.Schema.Compile(d.Tree)
	}
	s.http = srv
	return s, nil
}

// response runs around every response.
func (s *Server) response(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if s.Around != nil {
		ctx = s.Around(ctx)
	}
	return fewErrors(ctx, next)
}

// fewErrors keeps an answer to a request full of mistakes short: the first ones say enough.
func fewErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	r := next(ctx)
	if r != nil && len(r.Errors) > document.MaxErrors {
		r.Errors = r.Errors[:document.MaxErrors]
	}
	return r
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.http.ServeHTTP(w, r.WithContext(withHeader(r.Context(), w, r)))
}

// Run runs one of the documents of Config.Inside for the caller of a request, whatever the request itself is; the answer is never nil. It may write headers
// (RateLimit), and nothing else. The name must be one of Inside's.
func (s *Server) Run(w http.ResponseWriter, r *http.Request, name string, variables map[string]any) *graphql.Response {
	asked := &request.Asked{Document: name, Variables: variables}
	s.ServeHTTP(w, r.WithContext(request.Ask(r.Context(), asked)))
	return asked.Answer
}

// Close says goodbye to all sockets (1001) and event streams, takes no new ones, and waits until they are gone or ctx ends.
func (s *Server) Close(ctx context.Context) { s.peers.Close(ctx) }
