// Package origin is the application that stands behind the edge in the lab: it says what it got.
package origin

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nameplate-dev/nameplate/lab/look"
)

//go:embed origin.html
var files embed.FS

var pages = look.Templates(files, "origin.html")

// Echo is what the application answers: the request as it arrived.
type Echo struct {
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"`
	Query   string      `json:"query,omitempty"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body,omitempty"`
}

const maxBody = 1 << 20

// Handler serves the application:
//
//	/slow?chunks=5&every=200ms   a body that comes in pieces
//	/status/{code}               that status
//	/redirect?to=/path           a redirect
//	/stream                      the body of the request, sent back while it arrives
//	any WebSocket                every message back
//	anything else                Echo, as a page for browsers and as JSON for others
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", slow)
	mux.HandleFunc("/status/{code}", status)
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/stream", stream)
	mux.HandleFunc("/", echo)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			socket(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is too large or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	e := Echo{Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.RawQuery, Headers: r.Header, Body: string(body)}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'")
		look.Page(w, http.StatusOK, pages, "origin.html", e)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(e)
}

func slow(w http.ResponseWriter, r *http.Request) {
	chunks, err := strconv.Atoi(r.URL.Query().Get("chunks"))
	if err != nil || chunks < 1 || chunks > 1000 {
		chunks = 5
	}
	every, err := time.ParseDuration(r.URL.Query().Get("every"))
	if err != nil || every < 0 || every > 10*time.Second {
		every = 200 * time.Millisecond
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := http.NewResponseController(w)
	tick := time.NewTimer(0)
	defer tick.Stop()
	for n := range chunks {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
		if _, err := fmt.Fprintf(w, "chunk %d of %d\n", n+1, chunks); err != nil || out.Flush() != nil {
			return
		}
		tick.Reset(every)
	}
}

func stream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	_ = out.EnableFullDuplex()
	w.Header().Set("Content-Type", "application/octet-stream")
	if out.Flush() != nil {
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil || out.Flush() != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		http.Error(w, "the status must be from 200 to 599", http.StatusBadRequest)
		return
	}
	w.WriteHeader(code)
	if code != http.StatusNoContent && code != http.StatusNotModified {
		_, _ = fmt.Fprintf(w, "%d %s\n", code, http.StatusText(code))
	}
}

// The application believes any origin: it is an echo.
var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func socket(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetReadLimit(maxBody)
	// A hijacked connection outlives the server's shutdown: the server's context ends it.
	gone := make(chan struct{})
	defer close(gone)
	go func() {
		select {
		case <-r.Context().Done():
			_ = c.Close()
		case <-gone:
		}
	}()
	for {
		kind, msg, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, msg) != nil {
			return
		}
	}
}
