package web

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// greet notes what is known of every caller before anybody is recognised: network, browser, language.
func (s *Door) greet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr := httpx.ClientAddr(r, s.Proxies)
		p := authz.Principal{Kind: authz.PUBLIC, Network: httpx.Network(addr), UserAgent: legible(r.UserAgent(), 400), Origin: legible(r.Header.Get("Origin"), 300),
			Locale: locale.Accept(r.Header.Get("Accept-Language")), RequestID: httpx.RequestID(r.Context())}
		if addr.IsValid() {
			p.IP = addr.String()
		}
		next.ServeHTTP(w, r.WithContext(authz.With(r.Context(), p)))
	})
}

// legible cuts what a stranger wrote to a length, and to characters that a database takes.
func legible(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text[:min(len(text), 4*most)], ""), "\x00", "")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

type browserKey struct{}

// browser is a living session and the cookie that proved it.
type browser struct {
	*session.Session
	cookie string
}

// browserOf answers the session of a request; nil without one.
func browserOf(ctx context.Context) *browser {
	b, _ := ctx.Value(browserKey{}).(*browser)
	return b
}

func asBrowser(ctx context.Context, b *browser) context.Context {
	return context.WithValue(authz.With(ctx, person(b.Session).About(authz.From(ctx))), browserKey{}, b)
}

// authenticate finds the caller. A bearer credential that does not count is refused here, before anything is parsed; a cookie that names no living
// session counts as absent. What changes something needs the value of CSRF beside the cookie.
func (s *Door) authenticate(next http.Handler) http.Handler {
	programs := s.programs(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if _, bearer := bearerOf(r); bearer {
			programs.ServeHTTP(w, r)
			return
		}
		b, err := s.browser(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if b == nil {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.checkCSRF(r, b); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, exploring(r.WithContext(asBrowser(ctx, b))))
	})
}

// programs finds the caller of an address that takes bearer credentials alone; cookies are ignored there.
func (s *Door) programs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		token, bearer := bearerOf(r)
		if !bearer {
			next.ServeHTTP(w, r)
			return
		}
		p, err := s.Bearer(ctx, token, r.URL.Query().Get("app"), originOf(r))
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(authz.With(ctx, p.About(authz.From(ctx)))))
	})
}

func person(b *session.Session) authz.Principal {
	p := authz.Principal{Kind: authz.USER, UserID: b.UserID, SessionID: b.ID, OrgID: b.OrgID, AAL: int(b.Aal), Operator: b.Operator, Until: b.ExpiresAt}
	if b.SteppedUpAt != nil {
		p.AuthTime = *b.SteppedUpAt
	}
	if b.LimitedToOrganizationID != nil {
		p.Only = *b.LimitedToOrganizationID
	}
	return p
}

// bearerOf reads Authorization. Another scheme is none of ours: a proxy in front may ask for a password of its own.
func bearerOf(r *http.Request) (token string, is bool) {
	lines := r.Header.Values("Authorization")
	for _, line := range lines {
		scheme, rest, _ := strings.Cut(line, " ")
		if strings.EqualFold(scheme, "Bearer") {
			if len(lines) > 1 {
				return "", true // which of them counts is not ours to guess
			}
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// Bearer answers the caller behind a credential: an API key, an access token, the key of a service account, or a widget token for the application with the public key app. Faults are
// UNAUTHENTICATED with a reason. A key that comes from a page of another site is refused whether it is right or not: it should not be there.
func (c Config) Bearer(ctx context.Context, token, app, origin string) (authz.Principal, error) {
	none := authz.Principal{Kind: authz.PUBLIC}
	if token == "" || len(token) > 8<<10 || !utf8.ValidString(token) {
		return none, fault.Unauthorized("credential_invalid", "This credential is not valid.")
	}
	if apikey.Is(token) {
		if origin != "" && !c.own(origin) {
			return none, fault.Unauthorized("key_in_browser", "An API key must stay on your server. Mint a widget token for pages, and replace this key: others can have read it.")
		}
		return c.Keys.Authenticate(ctx, secret.New(token), authz.From(ctx).IP)
	}
	if machine.Is(token) || session.Is(token) {
		if origin != "" && !c.own(origin) {
			return none, fault.Unauthorized("token_in_browser", "This credential must stay with your program. Revoke it: others can have read it.")
		}
		switch {
		case machine.Is(token) && c.Machines != nil:
			return c.Machines.Authenticate(ctx, secret.New(token))
		case session.Is(token) && c.Sessions != nil:
			return c.Sessions.Authenticate(ctx, secret.New(token))
		}
		return none, fault.Unauthorized("credential_invalid", "This credential is not valid.")
	}
	if app != "" && !named(app) {
		return none, fault.Unauthorized("origin_not_allowed", "There is no application with this public key.")
	}
	if c.WidgetToken == nil {
		return none, fault.Unauthorized("credential_invalid", "This credential is not valid.")
	}
	return c.WidgetToken(ctx, secret.New(token), app, origin)
}

// browser answers the living session of the request's cookie. The cookie counts for our own pages alone: beside a foreign Origin it is ignored, so
// that no other site opens a socket in a person's name (PF-CSRF-3).
func (s *Door) browser(r *http.Request) (*browser, error) {
	if s.Sessions == nil {
		return nil, nil
	}
	value := cookieOf(r)
	if origin := originOf(r); value == "" || origin != "" && !s.own(origin) {
		return nil, nil
	}
	found, err := s.Sessions.Resolve(r.Context(), value)
	if err != nil || found == nil {
		return nil, err
	}
	return &browser{found, value}, nil
}

// idempotent carries the Idempotency-Key of a request to the door.
func (s *Door) idempotent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := r.Header.Get("Idempotency-Key"); key != "" && r.Method != http.MethodGet {
			if !utf8.ValidString(key) {
				s.fail(w, r, fault.Invalid("clientMutationId", "idempotency_key", "An idempotency key is text in UTF-8."))
				return
			}
			r = r.WithContext(door.WithKey(r.Context(), key))
		}
		next.ServeHTTP(w, r)
	})
}
