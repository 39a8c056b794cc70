package web

import (
	"context"
	"net/http"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
)

// healthz says that this process lives; it asks nobody else.
func (s *Door) healthz(w http.ResponseWriter, _ *http.Request) {
	httpx.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether this process should get traffic. What is wrong in detail stands in the log.
func (s *Door) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	status, words, checks := http.StatusOK, "ready", map[string]string{}
	if s.Ready != nil {
		for name, err := range s.Ready(ctx) {
			checks[name] = "ok"
			if err != nil {
				s.log.WarnContext(ctx, "not ready", "check", name, "error", err)
				status, words, checks[name] = http.StatusServiceUnavailable, "not ready", "failed"
			}
		}
	}
	select {
	case <-httpx.Stopping(r.Context()):
		status, words = http.StatusServiceUnavailable, "stopping"
	default:
	}
	httpx.WriteJSON(w, status, map[string]any{"status": words, "checks": checks})
}

// keysfile publishes the keys that our signatures are checked with. Anybody may read it.
func (s *Door) keysfile(w http.ResponseWriter, r *http.Request) {
	if s.Keysfile == nil {
		s.nothing(w, r)
		return
	}
	raw, err := s.Keysfile(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(raw) // the caller may be gone
}
