//go:build !testing

package app

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
)

// TestReleased_AnswersNothingForTests: at the address of the testing schema there is nothing, and the product's own schema knows none of its fields.
func TestReleased_AnswersNothingForTests(t *testing.T) {
	t.Parallel()
	h, err := openSSO(t).Handler()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ssoOrigin+path, strings.NewReader(`{"query":"mutation { drainEmails }"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = "127.0.0.1:4711"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := ask("/graphql/testing"); w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask("/graphql"); !bytes.Contains(w.Body.Bytes(), []byte("validation_failed")) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPublicAddress_ShowsNoMonitoring: what counts and profiles stands where metrics.listen says, which answers nothing else, and not where everybody comes (ASVS 13.4.5).
// The explorer and the schema are for those who may read them.
func TestPublicAddress_ShowsNoMonitoring(t *testing.T) {
	t.Parallel()
	house := openSSO(t)
	h, err := house.Handler()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, ssoOrigin+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, path := range []string{"/metrics", "/metrics/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/graphql/schema", "/internal/", "/healthz/", "/v1/metrics"} {
		if w := ask(h, http.MethodGet, path, ""); w.Code != http.StatusNotFound && w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "nameplate_") {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	if w := ask(h, http.MethodPost, "/graphql", `{"query":"{ __schema { types { name } } }"}`); strings.Contains(w.Body.String(), "Query") {
		t.Errorf("a stranger reads the schema: %.200s", w.Body)
	}
	if w := ask(h, http.MethodGet, "/readyz", ""); strings.Contains(w.Body.String(), "version") {
		t.Errorf("a stranger reads the version: %s", w.Body)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	life, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- house.MetricsServer(l).Run(life) }()
	for path, want := range map[string]int{"/metrics": http.StatusOK, "/": http.StatusNotFound, "/graphql": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound} {
		res, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("metrics.listen answers %s with %d", path, res.StatusCode)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFiles_AreTakenNowhere: no entrance takes a file. With the first that does, the rows of docs/asvs.md about files (5.2, 5.4.3, 14.2.8) need tests of their own.
func TestFiles_AreTakenNowhere(t *testing.T) {
	t.Parallel()
	house := openSSO(t)
	h, err := house.Handler()
	if err != nil {
		t.Fatal(err)
	}
	key, err := house.Keys.Create(house.as(t.Context(), house.owner), apikey.CreateApiKeyInput{Description: "sends files", OrganizationID: &house.org, Scopes: []string{"organization.read"}})
	if err != nil {
		t.Fatal(err)
	}
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\r\n--x--\r\n"
	for _, body := range []struct{ kind, text string }{{"multipart/form-data; boundary=x", form}, {"image/png", "\x89PNG\r\n\x1a\n"}, {"application/octet-stream", "MZ"}, {"application/zip", "PK\x03\x04"}} {
		for _, path := range []string{"/graphql", "/v1/connections", "/v1/files", "/images", "/images/1/content", "/upload", "/files", "/auth/sign-in", "/login", "/auth/sso/finish", "/audit/export/npx_x", "/widget/v1/connect.js", "/hooks/mail", "/hooks/x", "/acme/settings", "/"} {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch} {
				r := httptest.NewRequestWithContext(t.Context(), method, ssoOrigin+path, strings.NewReader(body.text))
				r.Header.Set("Content-Type", body.kind)
				r.Header.Set("Authorization", "Bearer "+key.Secret.Reveal())
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code < 400 || w.Code >= 500 {
					t.Errorf("%s %s takes %s: %d %.200s", method, path, body.kind, w.Code, w.Body)
				}
			}
		}
	}
}
