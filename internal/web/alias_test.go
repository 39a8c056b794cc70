package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web"
)

// TestAliases_TakeBearersAlone: below /v1 a cookie counts for nothing, and what is refused before it is read is a problem too.
func TestAliases_TakeBearersAlone(t *testing.T) {
	t.Parallel()
	var h *house
	h = setup(t, func(c *web.Config) {
		c.REST = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { graphQL(h).ServeHTTP(w, r) })
	})
	key, _ := h.key(t)
	b := h.browser(t)
	if r := b.send(t, "GET", "/v1/webhooks", ""); r.json["kind"] != string(authz.PUBLIC) || r.json["user"] != "" {
		t.Errorf("a cookie counts: %s", r.text)
	}
	if r := h.do(t, "GET", "/v1/webhooks", "", "Authorization", "Bearer "+key); r.json["kind"] != string(authz.API_KEY) {
		t.Errorf("the key does not: %s", r.text)
	}
	for name, c := range map[string]struct {
		headers []string
		body    string
		status  int
		code    string
	}{
		"Unknown":     {[]string{"Authorization", "Bearer npk_unknown"}, "", 401, "UNAUTHENTICATED"},
		"Empty":       {[]string{"Authorization", "Bearer "}, "", 401, "UNAUTHENTICATED credential_invalid"},
		"InBrowser":   {[]string{"Authorization", "Bearer " + key, "Origin", "https://shop.example"}, "", 401, "UNAUTHENTICATED key_in_browser"},
		"CrossOrigin": {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, "{}", 403, "FORBIDDEN cross_origin"},
		"Key":         {[]string{"Authorization", "Bearer " + key, "Idempotency-Key", "\xff"}, "{}", 422, "INVALID idempotency_key"},
	} {
		r := h.do(t, "POST", "/v1/webhooks", c.body, c.headers...)
		if r.StatusCode != c.status && !(c.status == 422 && r.StatusCode == 400) || !strings.HasPrefix(r.code(), c.code) || r.Header.Get("Content-Type") != "application/problem+json" || r.json["requestId"] == "" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.text)
		}
	}
}
