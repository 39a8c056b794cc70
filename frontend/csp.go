package frontend

import (
	"net/http"
	"net/url"
	"strings"
)

// One policy per kind of page. %nonce% and %live% are filled in for each answer.
const (
	consoleCSP = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%nonce%'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self' %live%; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types default"

	// GraphiQL's editor writes styles of its own and runs its workers from blobs.
	explorerCSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; worker-src 'self' blob:; " +
		"connect-src 'self' %live%; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)

func consolePolicy(origin, nonce string) string {
	return strings.NewReplacer("%nonce%", nonce, "%live%", liveSource(origin)).Replace(consoleCSP)
}

func explorerPolicy(origin string) string {
	return strings.Replace(explorerCSP, "%live%", liveSource(origin), 1)
}

// liveSource is the address of the sockets. It is named although it is the page's
// own host, because older Safari does not count sockets as 'self'. An origin that
// is no http address adds nothing.
func liveSource(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, " ;,'\"") {
		return "'self'"
	}
	if u.Scheme == "http" {
		return "ws://" + u.Host
	}
	return "wss://" + u.Host
}

// secretPaths lead to pages whose address holds the token of a mailed link.
var secretPaths = []string{"/confirm", "/auth/reset-password", "/auth/confirm-email", "/auth/not-me", "/invite"}

// holdsSecret says that the page at a path is kept nowhere and its address told to nobody.
func holdsSecret(path string) bool {
	for _, p := range secretPaths {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

// pageHeaders are those of every page besides its policy.
func pageHeaders(h http.Header, origin, path string) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	if holdsSecret(path) {
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
	}
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), publickey-credentials-get=(self)")
	if strings.HasPrefix(origin, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
