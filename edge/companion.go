package edge

import (
	"net/http"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// lead sends the visitors of a companion to the name that it belongs to, path and query kept (ED-12). It looks at that name for every request: visitors are led to
// it while it is served and has a certificate, never to whoever holds the name next, and never to a name that leads elsewhere itself, so there is no circle.
func (e *Edge) lead(w http.ResponseWriter, r *http.Request, n *name) {
	to := n.Route.Companion
	main := e.table.find(to.To)
	if main == nil || main.Hostname != to.To || main.ConnectionID != to.Of || main.Mode != edgeentry.Proxy || !main.serves() || main.CertificateID == nil || main.Route.Companion != nil {
		w.Header().Set("Retry-After", "60")
		e.refuse(w, r, http.StatusServiceUnavailable, "companion")
		return
	}
	e.meters.of(n).requests.Add(1)
	n.secure(w.Header(), r.TLS != nil)
	w.Header().Set("Location", e.address(to.To, r))
	w.WriteHeader(int(to.Status))
}
