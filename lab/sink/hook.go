package sink

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Hook is one request that arrived at the webhook sink.
type Hook struct {
	ID      int         `json:"id"`
	At      time.Time   `json:"at"`
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
	Status  int         `json:"status"` // what was answered; 0 for a request that was left hanging
}

// HookAnswer is what the sink answers.
type HookAnswer struct {
	Status     int    `json:"status"` // 200 when 0
	RetryAfter int    `json:"retryAfter,omitempty"`
	Location   string `json:"location,omitempty"` // of a redirect
	Hang       bool   `json:"hang,omitempty"`     // no answer until the sender gives up
}

// Hooks receives webhooks at any path. It believes everything: verifying signatures is the test's task. A
// path that ends in /status/410 or /hang has that answer; all others have the one that was set.
type Hooks struct {
	now func() time.Time

	mu     sync.Mutex
	all    []Hook
	next   int
	answer HookAnswer
	news   chan struct{} // closed and replaced at each arrival
}

const (
	maxHook  = 1 << 20
	keepHook = 2000
)

// NewHooks makes a sink that answers 200.
func NewHooks(now func() time.Time) *Hooks {
	return &Hooks{now: now, news: make(chan struct{})}
}

// SetAnswer sets the answer for what comes next.
func (h *Hooks) SetAnswer(a HookAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = a
}

// Answer is the answer in force.
func (h *Hooks) Answer() HookAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answer
}

// Requests lists what arrived at a path, or at all for "", oldest first.
func (h *Hooks) Requests(path string) []Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.all), func(r Hook) bool { return path != "" && r.Path != path })
}

// News is closed at the next arrival.
func (h *Hooks) News() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.news
}

// Clear forgets all.
func (h *Hooks) Clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = nil
}

// Handler serves the sink: GET /_requests lists, DELETE empties, GET and PUT /_answer read and set the
// answer; every other request is a webhook.
func (h *Hooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_requests", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"requests": nonNil(h.Requests(r.URL.Query().Get("path")))})
	})
	mux.HandleFunc("DELETE /_requests", func(w http.ResponseWriter, _ *http.Request) {
		h.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_answer", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, h.Answer()) })
	mux.HandleFunc("PUT /_answer", func(w http.ResponseWriter, r *http.Request) {
		var a HookAnswer
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
		d.DisallowUnknownFields()
		if err := d.Decode(&a); err != nil || a.Status != 0 && (a.Status < 200 || a.Status > 599) {
			writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"error": `must read like {"status":500}, {"status":429,"retryAfter":3} or {"hang":true}`, "field": "status"})
			return
		}
		h.SetAnswer(a)
		writeJSON(w, http.StatusOK, a)
	})
	mux.HandleFunc("/", h.receive)
	return mux
}

func (h *Hooks) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHook))
	if err != nil {
		http.Error(w, "the body is too large or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	a := h.Answer()
	if before, code, ok := strings.Cut(r.URL.Path, "/status/"); ok && before != r.URL.Path {
		if n, err := strconv.Atoi(code); err == nil && n >= 200 && n <= 599 {
			a = HookAnswer{Status: n}
		}
	}
	a.Hang = a.Hang || strings.HasSuffix(r.URL.Path, "/hang")
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	status := a.Status
	if a.Hang {
		status = 0
	}
	h.mu.Lock()
	h.next++
	h.all = append(h.all, Hook{ID: h.next, At: h.now(), Method: r.Method, Path: r.URL.Path, Headers: r.Header.Clone(), Body: string(body), Status: status})
	if len(h.all) > keepHook {
		h.all = slices.Clone(h.all[1:])
	}
	close(h.news)
	h.news = make(chan struct{})
	h.mu.Unlock()
	if a.Hang {
		<-r.Context().Done()
		return
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	w.WriteHeader(a.Status)
	if a.Status != http.StatusNoContent && a.Status != http.StatusNotModified {
		_, _ = fmt.Fprintln(w, http.StatusText(a.Status))
	}
}
