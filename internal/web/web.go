// Package web is the HTTP door. It finds out who is calling (a browser by its session's cookie, a program by its API key, a page by its widget
// token), refuses what another site made a browser send, and gives the request to whoever serves its address: GraphQL, the few routes that set a
// cookie, the console, the widget's files, and what other packages contribute. It decides nothing about anybody's rights.
package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

const (
	maxBody  = 1 << 20
	patience = 10 * time.Second // how long a body may take to arrive
)

// Config is what the door leads to. A handler that is nil is not mounted.
type Config struct {
	GraphQL                   http.Handler
	REST                      http.Handler // what lies below /v1/
	Console, Explorer, Widget http.Handler
	Routes                    []part.Route

	Sessions    *session.Service
	Credentials *credential.Service
	Factors     *factor.Service
	Keys        *apikey.Service
	Machines    *machine.Service
	Accounts    *account.Service
	SSO         *sso.Service
	// WidgetToken answers the caller behind a page's token; app is the public key in the request's address, origin its Origin header.
	WidgetToken func(ctx context.Context, token secret.String, app, origin string) (authz.Principal, error)
	// Origins answers which origins may use the application with this public key; a nil function for an unknown key.
	Origins func(ctx context.Context, app string) (func(origin string) bool, error)
	// Keysfile is /.well-known/nameplate-keys.json.
	Keysfile func(ctx context.Context) ([]byte, error)
	// Ready answers each check by its name; nil is good.
	Ready func(ctx context.Context) map[string]error

	// Origin is where people reach the console, as configured and never as a request says: "https://console.example.com".
	Origin string
	// Proxies are the peers whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	Log     *slog.Logger
}

// Door serves what its Config leads to. Its Bearer and SocketOrigin serve the GraphQL server's sockets too, which bring their credential later.
type Door struct {
	Config
	log     *slog.Logger
	handler http.Handler
}

// New joins the routes. The door wants to be served by httpx.Server, which bounds the time for headers.
func New(c Config) *Door {
	s := &Door{Config: c, log: c.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	guarded := s.guard(s.routes())
	s.handler = httpx.Identify(httpx.Recover(s.log, s.fail, s.headers(s.drain(httpx.LimitBody(maxBody, patience, giveUp(s.greet(guarded)))))))
	return s
}

func (s *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Door) routes() http.Handler {
	mux := http.NewServeMux()
	mount := func(pattern string, h http.Handler) {
		if h != nil {
			mux.Handle(pattern, h)
		}
	}
	if s.GraphQL != nil {
		mount("/graphql", s.cors(s.authenticate(s.idempotent(s.GraphQL))))
	}
	if s.REST != nil {
		mount("/v1/", s.programs(s.idempotent(s.REST)))
	} else {
		mux.HandleFunc("/v1/", s.nothing)
	}
	mux.Handle("/auth/sign-in", s.only(http.MethodPost, s.signIn))
	mux.Handle("/auth/session", s.only(http.MethodGet, s.session))
	mux.Handle("/auth/refresh", s.only(http.MethodPost, s.refresh))
	mux.Handle("/auth/step-up", s.only(http.MethodPost, s.stepUp))
	mux.Handle("/auth/sign-out", s.only(http.MethodPost, s.signOut))
	if s.SSO != nil {
		mux.Handle("/auth/sso/{slug}", s.only(http.MethodPost, s.ssoBegin))
		mux.Handle("/auth/sso/callback/{slug}", s.only(http.MethodGet, s.ssoCallback))
		mux.Handle("/auth/sso/finish", s.only(http.MethodPost, s.ssoFinish))
		mux.Handle("/auth/step-up/sso", s.only(http.MethodPost, s.ssoStepUp))
	}
	s.mfaRoutes(mux)
	mux.HandleFunc("GET /auth/password-reset-request", s.pages)
	mux.HandleFunc("GET /auth/reset-password", s.pages)
	mux.HandleFunc("GET /auth/reset-password/{token}", s.pages)
	for _, page := range []string{"confirm-email", "not-me"} {
		mux.HandleFunc("GET /auth/"+page, s.pages)
		mux.HandleFunc("GET /auth/"+page+"/{token}", s.pages)
	}
	mux.HandleFunc("GET /auth/erased", s.pages)
	mux.Handle("POST /login", s.authenticate(http.HandlerFunc(s.form)))
	mount("/widget/v1/", s.Widget)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /.well-known/nameplate-keys.json", s.keysfile)
	for _, r := range s.Routes {
		mux.Handle(r.Pattern, s.authenticate(r.Handler))
	}
	for _, below := range []string{"/graphql/", "/auth/", "/widget/", "/hooks/", "/internal/", "/.well-known/", "/healthz/", "/readyz/", "/metrics", "/metrics/", "/debug/"} {
		mux.HandleFunc(below, s.nothing)
	}
	mux.HandleFunc("/graphiql", s.graphiql)
	mux.HandleFunc("/", s.pages)
	return mux
}

// pages answers the explorer at /{org}/explorer and the console everywhere else; both answer reads alone.
func (s *Door) pages(w http.ResponseWriter, r *http.Request) {
	org, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case s.Explorer != nil && org != "" && rest == "explorer":
		s.Explorer.ServeHTTP(w, r)
	case s.Console != nil:
		s.Console.ServeHTTP(w, r)
	default:
		s.nothing(w, r)
	}
}

func (s *Door) nothing(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, &fault.Fault{Code: fault.NotFoundCode, Message: "There is nothing at this address."})
}

// headers are those of every answer; pages bring a policy of their own.
func (s *Door) headers(next http.Handler) http.Handler {
	secure := strings.HasPrefix(s.Origin, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// drain sends away what comes while this process stops: another one answers in a moment. What asks how this one is gets its answer.
func (s *Door) drain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-httpx.Stopping(r.Context()):
			if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
				w.Header().Set("Connection", "close")
				s.fail(w, r, fault.Unavailable("stopping", "This server is stopping. Please try again."))
				return
			}
		default:
		}
		next.ServeHTTP(w, r)
	})
}

// giveUp stops waiting for the rest of a body that came too slowly or broken: net/http would read on before it answers, without any time limit.
func giveUp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &doomed{r.Body, http.NewResponseController(w)}
		}
		next.ServeHTTP(w, r)
	})
}

type doomed struct {
	io.ReadCloser
	control *http.ResponseController
}

func (d *doomed) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		// A second, so that a client that sends too much comes to read why. Not every writer can; those are tests.
		_ = d.control.SetReadDeadline(time.Now().Add(time.Second))
	}
	return n, err
}

// only answers one method, with authentication, and is the same for every route under /auth.
func (s *Door) only(method string, do http.HandlerFunc) http.Handler {
	return s.authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			s.refuse(w, r, http.StatusMethodNotAllowed, fault.Invalid("", "method", "Only %s is answered here.", method))
			return
		}
		do(w, r)
	}))
}
