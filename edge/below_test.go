package edge

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// TestBelow_WhatAHandedOverNameHas: a name that was handed over is served with all that is one label below it, unless that has an entry of its own, and as far as
// its certificate reaches.
func TestBelow_WhatAHandedOverNameHas(t *testing.T) {
	t.Parallel()
	says := func(who string) string {
		return origin(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, who) })
	}
	w := newWorld()
	handed := func(names ...string) func(*edgeentry.Entry) {
		return func(e *edgeentry.Entry) {
			id := ident.New[ident.CertificateID](time.Now())
			w.mu.Lock()
			w.keys[id] = testCA().issueAll(time.Now().Add(30*time.Minute), names...)
			w.mu.Unlock()
			e.CertificateID, e.Route.Below = &id, true
		}
	}
	w.live("apps.acme.lab", says("zone"), handed("apps.acme.lab", "*.apps.acme.lab"))
	w.live("own.apps.acme.lab", says("own"))
	w.live("taken.acme.lab", says("zone"), handed("taken.acme.lab"))
	w.live("*.taken.acme.lab", says("wildcard"))
	w.live("short.acme.lab", says("zone"), handed("short.acme.lab"))
	w.live("plain.acme.lab", says("plain"))
	n := start(t, w)
	n.caughtUp()
	for host, want := range map[string]string{
		"apps.acme.lab": "zone", "any.apps.acme.lab": "zone", "own.apps.acme.lab": "own", "two.any.apps.acme.lab": "",
		"taken.acme.lab": "zone", "any.taken.acme.lab": "wildcard", "short.acme.lab": "zone", "any.short.acme.lab": "", "any.plain.acme.lab": "",
	} {
		res, err := n.client("http/1.1").Get("https://" + host + "/")
		switch {
		case want == "" && err == nil:
			t.Errorf("%s is answered: %s", host, res.Status)
		case want == "":
		case err != nil:
			t.Errorf("%s: %v", host, err)
		default:
			if b, _ := io.ReadAll(res.Body); string(b) != want {
				t.Errorf("%s is answered by %q, want %q", host, b, want)
			}
			_ = res.Body.Close()
		}
	}
	if !n.Allowed("any.apps.acme.lab") || n.Allowed("any.plain.acme.lab") {
		t.Error("what may have a certificate")
	}
}
