package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/rs/cors"
)

const csrfHeader = "X-Nameplate-Csrf"

// originOf is the page that a request comes from: "" when it says none. A request with two says nothing that can be believed, like the opaque
// origin of a sandbox (RFC 6454, 7.3).
func originOf(r *http.Request) string {
	switch lines := r.Header.Values("Origin"); len(lines) {
	case 0:
		return ""
	case 1:
		return lines[0]
	}
	return "null"
}

// own says whether origin is the console's.
func (c Config) own(origin string) bool {
	return c.Origin != "" && strings.EqualFold(origin, strings.TrimSuffix(c.Origin, "/"))
}

// SocketOrigin says whether a socket of this origin may be opened at this address: our own pages, programs (which send none), and the pages of the
// application that the address names.
func (c Config) SocketOrigin(r *http.Request) bool {
	origin := originOf(r)
	return origin == "" || c.own(origin) || c.allowed(r.Context(), r, origin)
}

// allowed asks the application that ?app= names. What cannot be found out is not allowed.
func (c Config) allowed(ctx context.Context, r *http.Request, origin string) bool {
	app := r.URL.Query().Get("app")
	if c.Origins == nil || origin == "null" || !named(app) {
		return false
	}
	may, err := c.Origins(ctx, app)
	if err != nil && c.Log != nil && ctx.Err() == nil {
		c.Log.ErrorContext(ctx, "the origins of an application cannot be read", "error", err)
	}
	return err == nil && may != nil && may(origin)
}

// named says that text can be a public key at all.
func named(app string) bool {
	if app == "" || len(app) > 64 {
		return false
	}
	for _, c := range []byte(app) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// cors lets pages of an application read the answers of /graphql?app=… (HT-13). A preflight carries no credential, so it is judged by the address;
// the request itself is judged by its token as well. Cookies never travel this way.
func (s *Door) cors(next http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowOriginVaryRequestFunc: func(r *http.Request, origin string) (bool, []string) {
			return s.allowed(r.Context(), r, originOf(r)), nil
		},
		AllowedMethods: []string{http.MethodPost, http.MethodGet},
		AllowedHeaders: []string{"Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key"},
		ExposedHeaders: []string{"Retry-After", "X-Request-Id", "RateLimit", "RateLimit-Policy"},
		MaxAge:         600,
	}).Handler(next)
}

// guard refuses what a page of another site makes a browser send (PF-CSRF-1). Whoever brings a bearer credential had to know it; cookies are
// ignored there.
func (s *Door) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if s.Origin != "" {
		if err := protection.AddTrustedOrigin(strings.TrimSuffix(s.Origin, "/")); err != nil {
			panic("the console's origin: " + err.Error()) // configuration was read before
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, bearer := bearerOf(r); !bearer {
			if err := protection.Check(r); err != nil {
				s.fail(w, r, fault.Refused("cross_origin", "This request came from a page of another site."))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// checkCSRF asks for the value that only our own pages can read (PF-CSRF-5): in the header, or in a form as field csrf.
func (s *Door) checkCSRF(r *http.Request, b *browser) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	value := r.Header.Get(csrfHeader)
	if value == "" && isForm(r) {
		if err := r.ParseForm(); err != nil {
			return unreadable(err)
		}
		value = r.PostForm.Get("csrf")
	}
	right, err := s.Sessions.CheckCSRF(r.Context(), b.ID, value)
	if err == nil && !right {
		err = fault.Refused("csrf", "This page is out of date. Load it again.")
	}
	return err
}
