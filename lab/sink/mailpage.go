package sink

import (
	"embed"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/nameplate-dev/nameplate/lab/look"
)

//go:embed mail.html
var mailFiles embed.FS

var mailPages = look.Templates(mailFiles, "mail.html")

// Pages serves the mails: a page at / and JSON at /messages, narrowed by ?to= and emptied by DELETE.
func (m *Mail) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /look.css", look.Stylesheet)
	mux.HandleFunc("GET /favicon.ico", look.NoIcon)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		all := m.Messages(r.URL.Query().Get("to"))
		slices.Reverse(all)
		look.Page(w, http.StatusOK, mailPages, "mail.html", all)
	})
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"messages": nonNil(m.Messages(r.URL.Query().Get("to")))})
	})
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		m.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
