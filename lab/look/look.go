// Package look is the one look of the lab's own pages.
package look

import (
	_ "embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed look.css
var css []byte

// Policy lets a page of the lab load its own files and nothing else.
const Policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Stylesheet serves the style, at /look.css by agreement.
func Stylesheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(css)
}

// Templates parses a package's templates with the few functions that they share.
func Templates(files fs.FS, patterns ...string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"clock":  func(t time.Time) string { return t.Format("15:04:05") },
		"date":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05 UTC") },
		"list":   func(s ...string) []string { return s },
		"second": short,
	}).ParseFS(files, patterns...))
}

// Page writes one template as a page that no cache keeps.
func Page(w http.ResponseWriter, status int, t *template.Template, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", Policy)
	}
	w.WriteHeader(status)
	_ = t.ExecuteTemplate(w, name, data)
}

// short prints whole seconds without the parts that are zero: 1h30m.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// NoIcon answers a browser's question for an icon: there is none, and that is no error.
func NoIcon(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
