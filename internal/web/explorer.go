package web

import (
	"net/http"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// explorerHeader marks what the operators' explorer sends (GI-3). A page of another site cannot send it.
const explorerHeader = "X-Nameplate-Explorer"

// graphiql answers the explorer to operators, and to everybody else what any address that is not there is answered with.
func (s *Door) graphiql(w http.ResponseWriter, r *http.Request) {
	b, err := s.browser(r)
	if err == nil && b != nil && b.Operator && s.Explorer != nil {
		s.Explorer.ServeHTTP(w, r)
		return
	}
	s.pages(w, r)
}

// exploring notes that an operator's explorer asks; everybody else stays who they are. The value of CSRF was checked: that is done for POST alone.
func exploring(r *http.Request) *http.Request {
	p := authz.From(r.Context()).AsOperator()
	if r.Method != http.MethodPost || r.Header.Get(explorerHeader) != "1" || p.Kind != authz.OPERATOR {
		return r
	}
	p.Explorer = true
	return r.WithContext(authz.With(r.Context(), p))
}
