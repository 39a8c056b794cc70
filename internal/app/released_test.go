//go:build !testing

package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
