package edge

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// handler serves one of the two ports.
func (e *Edge) handler(secure bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secure && r.TLS == nil {
			r.TLS = tlsOf(r)
		}
		if r.ProtoMajor >= 2 {
			w = newTaker(w, e.patience.take)
		}
		if secure && r.ProtoMajor < 3 && e.HTTP3 {
			w.Header().Set("Alt-Svc", e.altSvc())
		}
		if e.draining.Load() && r.ProtoMajor < 3 && r.Header["Upgrade"] == nil {
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		}
		if r.ProtoMajor == 3 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the head is here in time
		}
		c := &counted{ResponseWriter: w, third: r.ProtoMajor == 3}
		defer func() { e.metrics.request(c.status) }()
		e.serve(c, r, secure)
	})
}

func (e *Edge) serve(w http.ResponseWriter, r *http.Request, secure bool) {
	switch {
	case r.Method == http.MethodConnect, r.Method == http.MethodTrace:
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		e.refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed")
		return
	case !e.limits.admit(client(r)):
		w.Header().Set("Retry-After", "1")
		e.refuse(w, r, http.StatusTooManyRequests, "too_many_requests")
		return
	}
	host, err := cleanHost(r.Host)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/") || strings.Contains(r.RequestURI, " ") || !lengthIsTrue(r) || r.ProtoMajor == 3 && malformedThird(r) { // "*" asks about the server as a whole, and there is none
		w.Header().Set("Connection", "close")
		e.refuse(w, r, http.StatusBadRequest, "bad_request")
		return
	}
	if e.wellKnown(w, r, host) {
		return
	}
	n := e.table.find(host)
	if secure && !strings.EqualFold(r.TLS.ServerName, host) {
		n = nil // a connection belongs to the name that it was opened for
	}
	switch {
	case n != nil && n.Mode == edgeentry.Suspended:
		e.refuse(w, r, http.StatusMisdirectedRequest, "suspended")
	case n == nil || !n.serves():
		e.refuse(w, r, http.StatusMisdirectedRequest, "misdirected")
	case (secure || e.behindProxy(r, n)) && n.Route.Companion != nil:
		e.lead(w, r, n)
	case secure || e.behindProxy(r, n):
		e.proxy(w, r, n, host)
	case n.CertificateID == nil:
		w.Header().Set("Retry-After", "5")
		e.refuse(w, r, http.StatusServiceUnavailable, "securing")
	default:
		e.toHTTPS(w, r, host)
	}
}

// lengthIsTrue is false for what HTTP/2 calls malformed and net/http lets through: two lengths, or one for a body that does not come (RFC 9113 section 8.1.1).
func lengthIsTrue(r *http.Request) bool {
	lengths := r.Header["Content-Length"]
	if r.ProtoMajor < 2 || len(lengths) == 0 {
		return true
	}
	n, err := strconv.ParseInt(lengths[0], 10, 64)
	return err == nil && n == r.ContentLength && len(lengths) == 1
}

// toHTTPS keeps method, path and query (RFC 9110 section 15.4.9).
func (e *Edge) toHTTPS(w http.ResponseWriter, r *http.Request, host string) {
	w.Header().Set("Location", e.address(host, r))
	w.WriteHeader(http.StatusPermanentRedirect)
}

// address is what the request asks for, at a host over https.
func (e *Edge) address(host string, r *http.Request) string {
	if e.PublicHTTPS != 0 && e.PublicHTTPS != 443 {
		host += ":" + strconv.Itoa(e.PublicHTTPS)
	}
	return "https://" + host + r.URL.RequestURI()
}

// behindProxy says that the visitor speaks https to a proxy which speaks http to us: a redirect would come back for ever. Anybody can claim it, so
// it is believed only from the published addresses of the proxy that the connection's last probe saw (RU-30).
func (e *Edge) behindProxy(r *http.Request, n *name) bool {
	if n.Route.ProxiedBy == "" || e.ProxyRanges == nil || !cameByHTTPS(r) {
		return false
	}
	peer := client(r)
	for _, p := range e.ProxyRanges(n.Route.ProxiedBy) {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

func cameByHTTPS(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") || strings.Contains(r.Header.Get("Cf-Visitor"), `"scheme":"https"`)
}

// client is the address of the peer.
func client(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap()
}

var errHost = errors.New("not a host name")

// cleanHost is the name in a Host header, an SNI or a question: lower case, without port (validators send theirs) and without trailing dot.
func cleanHost(s string) (string, error) {
	if host, port, found := strings.Cut(s, ":"); found && !strings.HasPrefix(s, "[") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errHost
		}
		s = host
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if s == "" || len(s) > 253 || s[0] == '.' || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return "", errHost
	}
	if strings.HasPrefix(s, "[") { // an IPv6 address: well-formed, and never a name of ours
		if _, err := netip.ParseAddrPort(s); err == nil {
			return s, nil
		}
		if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && a.Is6() {
			return s, nil
		}
		return "", errHost
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return "", errHost
		}
	}
	return s, nil
}
