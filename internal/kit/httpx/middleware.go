package httpx

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/slogx"
)

// RequestIDHeader carries the id back to the caller, who quotes it when asking for help.
const RequestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// RequestID of the request that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID is for work that continues a request elsewhere, and for tests.
func WithRequestID(ctx context.Context, id string) context.Context {
	return slogx.With(context.WithValue(ctx, requestIDKey{}, id), slog.String("request_id", id))
}

// NewRequestID is 26 characters nobody can guess.
func NewRequestID() string { return strings.ToLower(rand.Text()) }

// Identify gives each request an id of ours: in its context, in the log lines and in the answer. An id that the
// caller sends is ignored, since it could be made to look like somebody else's.
func Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := NewRequestID()
		w.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(WithRequestID(r.Context(), id)))
	})
}

// Recover turns a panic into a logged error and, where nothing was written yet, the answer that fail writes; its error is no news for the log.
func Recover(log *slog.Logger, fail func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &written{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			log.ErrorContext(r.Context(), "handler panicked", "panic", fmt.Sprint(p), "path", r.URL.Path, "stack", string(debug.Stack()))
			if watched.yes {
				panic(http.ErrAbortHandler) // the caller must not take half an answer for a whole one
			}
			fail(w, r, ErrPanic)
		}()
		next.ServeHTTP(watched, r)
	})
}

// ErrPanic is what became of a panic that Recover logged.
var ErrPanic = errors.New("handler panicked")

type written struct {
	http.ResponseWriter
	yes bool
}

func (w *written) WriteHeader(code int)        { w.yes = true; w.ResponseWriter.WriteHeader(code) }
func (w *written) Write(b []byte) (int, error) { w.yes = true; return w.ResponseWriter.Write(b) }

// Unwrap lets http.ResponseController and hijackers reach the connection.
func (w *written) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is found by handlers that test for http.Flusher.
func (w *written) Flush() {
	w.yes = true
	http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is found by upgraders to WebSocket, which test for http.Hijacker.
func (w *written) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.yes = true
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// LimitBody refuses bodies over max octets and those that take longer than patience to arrive. Reading past the limit
// gives *http.MaxBytesError, which WriteError knows. Streams that answer for hours are not touched by the patience.
func LimitBody(max int64, patience time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(patience)) // not every writer can; those are tests
			r.Body = &patient{ReadCloser: http.MaxBytesReader(w, r.Body, max), control: control}
		}
		next.ServeHTTP(w, r)
	})
}

// patient takes the deadline back when the body is there, else it would cut the connection in the middle of the answer.
type patient struct {
	io.ReadCloser
	control *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err == io.EOF { // after any other error the deadline stays: net/http would wait for the rest without one
		_ = p.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
