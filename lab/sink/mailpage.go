package sink

import (
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/lab/look"
)

//go:embed mail.html maillist.html mailone.html mail.js
var mailFiles embed.FS

var mailPages = look.Templates(mailFiles, "mail.html", "maillist.html", "mailone.html")

// inside lets the frame of a mail's HTML show its own styles and nothing else: no script, no picture, no request to anywhere. A link opens another tab.
const inside = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"

// Pages serves the mails: a page at / that follows what arrives, each mail at /mail/{id}, and JSON at /messages, narrowed by ?to= and emptied by DELETE.
func (m *Mail) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /look.css", look.Stylesheet)
	mux.HandleFunc("GET /favicon.ico", look.NoIcon)
	mux.HandleFunc("GET /mail.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, mailFiles, "mail.js") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		look.Page(w, http.StatusOK, mailPages, "mail.html", m.listed(r))
	})
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		look.Page(w, http.StatusOK, mailPages, "maillist.html", m.listed(r))
	})
	mux.HandleFunc("GET /mail/{id}", func(w http.ResponseWriter, r *http.Request) {
		one, ok := m.byID(r.PathValue("id"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", look.Policy+"; frame-src 'self'")
		look.Page(w, http.StatusOK, mailPages, "mailone.html", one)
	})
	mux.HandleFunc("GET /mail/{id}/html", func(w http.ResponseWriter, r *http.Request) {
		one, ok := m.byID(r.PathValue("id"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", inside)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, strings.Replace(one.HTML, "<head>", `<head><base target="_blank">`, 1))
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

// listing is a list of mails, the newest first, and to whom.
type listing struct {
	To    string
	Mails []Message
}

func (m *Mail) listed(r *http.Request) listing {
	l := listing{To: r.URL.Query().Get("to")}
	l.Mails = m.Messages(l.To)
	slices.Reverse(l.Mails)
	return l
}

func (m *Mail) byID(text string) (Message, bool) {
	id, _ := strconv.Atoi(text)
	all := m.Messages("")
	at := slices.IndexFunc(all, func(msg Message) bool { return msg.ID == id })
	if at < 0 {
		return Message{}, false
	}
	return all[at], true
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
