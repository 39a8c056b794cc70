package sink

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever arrives is kept as it arrived, and reading it neither fails nor hangs.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nhello"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n--b--"))
	f.Add([]byte("Subject: =?utf-8?q?=ZZ?=\r\nContent-Type: multipart/x\r\n\r\n--"))
	f.Add([]byte{0, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := Read(raw); got.Raw != string(raw) {
			t.Errorf("kept %q of %q", got.Raw, raw)
		}
	})
}

// A mail is a stranger's page: it is shown in a frame that may load nothing and run nothing.
func TestPagesOfAMail(t *testing.T) {
	t.Parallel()
	m := &Mail{now: time.Now}
	raw := "Subject: =?utf-8?q?<b>hi?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain </pre><script>\r\n--b\r\nContent-Type: text/html\r\n\r\n<html><head></head><script>alert(1)</script></html>\r\n--b--\r\n"
	for _, to := range []string{"ana@example.com", "ben@example.com"} {
		s := &session{mail: m}
		if err := errors.Join(s.Mail("a@b.example", nil), s.Rcpt(to, nil), s.Data(strings.NewReader(raw))); err != nil {
			t.Fatal(err)
		}
	}
	get := func(path string) (int, http.Header, string) {
		w := httptest.NewRecorder()
		m.Pages().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Header(), w.Body.String()
	}
	if status, _, page := get("/?to=BEN@example.com"); status != http.StatusOK || strings.Contains(page, "ana@example.com") || !strings.Contains(page, `href="/mail/2"`) || strings.Contains(page, "<b>hi") {
		t.Errorf("the list: %d\n%s", status, page)
	}
	if status, _, page := get("/mail/1"); status != http.StatusOK || strings.Contains(page, "<script>") || !strings.Contains(page, `sandbox="allow-popups`) {
		t.Errorf("a mail: %d\n%s", status, page)
	}
	if status, h, page := get("/mail/1/html"); status != http.StatusOK || !strings.Contains(page, "alert(1)") || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Content-Security-Policy"), "; sandbox") {
		t.Errorf("its HTML: %d %v\n%s", status, h, page)
	}
	for _, path := range []string{"/mail/3", "/mail/x/html", "/mail/-1", "/mail/99999999999999999999"} {
		if status, _, _ := get(path); status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
}
