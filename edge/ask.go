package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// listenAsk binds the internal listener. It says which names exist, so it is for this machine and for whoever knows the token.
func (e *Edge) listenAsk(ctx context.Context) (*patient, error) {
	if e.AskToken.IsZero() {
		return nil, errors.New("edge.ask is set without edge.ask_token: whoever reaches it could list our names")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", e.Ask)
	if err != nil {
		return nil, fmt.Errorf("listen for edge.ask: %w", err)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		_ = l.Close()
		return nil, fmt.Errorf("edge.ask is %s: it must be an address of this machine alone, such as 127.0.0.1", e.Ask)
	}
	return &patient{Listener: l, strict: true, take: e.patience.take}, nil
}

// askHandler answers GET /internal/ask?domain=… with 200 or 403, for people who run a proxy of their own in front. The token stands in the
// Authorization header, or in the query for those that cannot send one.
func (e *Edge) askHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /internal/ask", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		query := r.URL.Query()
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bearer {
			token = query.Get("token")
		}
		if !e.AskToken.Equal(secret.New(token)) {
			plain(w, r, http.StatusUnauthorized, "the token is missing or wrong\n")
			return
		}
		host, err := cleanHost(query.Get("domain"))
		allowed := err == nil && e.Allowed(host)
		e.metrics.ask.Observe(time.Since(began).Seconds())
		switch {
		case err != nil:
			plain(w, r, http.StatusBadRequest, "domain is not a host name\n")
		case allowed:
			plain(w, r, http.StatusOK, "yes\n")
		default:
			plain(w, r, http.StatusForbidden, "no\n")
		}
	})
	return mux
}
