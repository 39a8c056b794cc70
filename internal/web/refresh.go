package web

import (
	"net/http"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
)

// refresh is POST /auth/refresh: the session lives on, and its cookie has a new secret. Of several tabs one does it; who comes a moment later is answered the same.
func (s *Door) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct{}
	if !s.read(w, r, &in) {
		return
	}
	b := browserOf(r.Context())
	if b == nil {
		s.fail(w, r, fault.Unauthorized("", "Sign in again."))
		return
	}
	cookie, err := s.Sessions.Rotate(r.Context(), b.cookie)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if r, ok := s.renewed(w, r, &factor.Next{Cookie: cookie}); ok {
		s.signedIn(w, r)
	}
}
