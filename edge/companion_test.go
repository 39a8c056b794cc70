package edge

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// ED-12: a companion leads its visitors on, path and query kept, for as long as the name that it belongs to is served; the order is well-known, state, scheme, companion.
func TestCompanion_LeadsToItsMainNameAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	asked := make(chan string, 100)
	app := origin(t, func(w http.ResponseWriter, r *http.Request) { asked <- r.Host })
	pair := func(main string, status int32, change ...func(*edgeentry.Entry)) {
		e := w.live(main, app, change...)
		w.live("www."+main, app, func(c *edgeentry.Entry) {
			c.Route.Companion = &edgeentry.Companion{To: main, Of: e.ConnectionID, Status: status}
			c.Route.HSTSMaxAge = 300
		})
	}
	pair("acme.lab", 308)
	pair("old.lab", 301)
	pair("paused.lab", 308, func(e *edgeentry.Entry) { e.Mode, e.Serve = edgeentry.Suspended, false })
	pair("unproven.lab", 308, func(e *edgeentry.Entry) { e.Serve = false })
	pair("bare.lab", 308, func(e *edgeentry.Entry) { e.CertificateID = nil })
	other := ident.New[ident.ConnectionID](time.Now())
	pair("round.lab", 308, func(e *edgeentry.Entry) {
		e.ConnectionID = other
		e.Route.Companion = &edgeentry.Companion{To: "www.round.lab", Of: other, Status: 308}
	})
	pair("sold.lab", 308)
	w.live("sold.lab", app, func(e *edgeentry.Entry) { e.ConnectionID = ident.New[ident.ConnectionID](time.Now()) })
	w.live("*.wild.lab", app)
	w.live("www.wild.lab", app, func(e *edgeentry.Entry) {
		e.Route.Companion = &edgeentry.Companion{To: "any.wild.lab", Of: other, Status: 308}
	})
	n := start(t, w, func(e *Edge) { e.PublicHTTPS = 20443 })
	n.caughtUp()
	for name, c := range map[string]struct {
		url, location string
		status        int
	}{
		"PathAndQuery":  {"https://www.acme.lab/a%2Fb?c=%20d&e;f", "https://acme.lab:20443/a%2Fb?c=%20d&e;f", 308},
		"TwoSlashes":    {"https://www.acme.lab//evil.example/x", "https://acme.lab:20443//evil.example/x", 308},
		"Setting":       {"https://www.old.lab/", "https://old.lab:20443/", 301},
		"SchemeFirst":   {"http://www.acme.lab/x", "https://www.acme.lab:20443/x", 308},
		"WellKnown":     {"https://www.acme.lab/.well-known/nameplate/nonce-of-www.acme.lab", "", 200},
		"MainPaused":    {"https://www.paused.lab/", "", 503},
		"MainUnproven":  {"https://www.unproven.lab/", "", 503},
		"MainUnsecured": {"https://www.bare.lab/", "", 503},
		"NoCircle":      {"https://www.round.lab/", "", 503},
		"NoCircleBack":  {"https://round.lab/", "", 503},
		"SomebodyElses": {"https://www.sold.lab/", "", 503},
		"NotAWildcard":  {"https://www.wild.lab/", "", 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := n.get(c.url, "Accept", "application/json")
			if res.StatusCode != c.status || res.Header.Get("Location") != c.location {
				t.Errorf("%d to %q: %s", res.StatusCode, res.Header.Get("Location"), body)
			}
			if c.status == 503 && (!strings.Contains(body, `"companion"`) || res.Header.Get("Retry-After") == "") {
				t.Errorf("%v %s", res.Header, body)
			}
			if hsts := res.Header.Get("Strict-Transport-Security"); (hsts != "") != (res.Header.Get("Location") != "" && name != "SchemeFirst") {
				t.Errorf("HSTS %q", hsts)
			}
		})
	}
	t.Run("Main", func(t *testing.T) {
		t.Parallel()
		if res, _ := n.get("https://acme.lab/"); res.StatusCode != 200 {
			t.Error(res.StatusCode)
		}
	})
	t.Cleanup(func() {
		close(asked)
		for host := range asked {
			if host != "acme.lab" {
				t.Errorf("the origin was asked for %s", host)
			}
		}
	})
}

// What befalls the companion is its own matter; and what ends its main name ends the leading within a second.
func TestCompanion_FollowsItsMainName(t *testing.T) {
	t.Parallel()
	w := newWorld()
	main := w.live("acme.lab", origin(t, nil))
	w.live("www.acme.lab", "", func(c *edgeentry.Entry) {
		c.Route.Companion = &edgeentry.Companion{To: "acme.lab", Of: main.ConnectionID, Status: 308}
	})
	n := start(t, w)
	n.caughtUp()
	status := func(want int) {
		t.Helper()
		if res, body := n.get("https://www.acme.lab/"); res.StatusCode != want {
			t.Errorf("%d, want %d: %s", res.StatusCode, want, body)
		}
	}
	status(308)
	main.Mode, main.Serve = edgeentry.Suspended, false
	w.put(main)
	n.caughtUp()
	status(503)
	main.Mode, main.Serve = edgeentry.Proxy, true
	w.put(main)
	n.caughtUp()
	status(308)
	w.put(edgeentry.Entry{Hostname: "www.acme.lab", Mode: edgeentry.Gone})
	n.caughtUp()
	if res, _ := n.get("https://acme.lab/"); res.StatusCode != 200 {
		t.Errorf("the main name: %d", res.StatusCode)
	}
}
