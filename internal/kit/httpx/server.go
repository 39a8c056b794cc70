// Package httpx is how this product serves HTTP: servers with time limits that stop gracefully, request ids, bounded
// bodies, errors as JSON, and who the caller is on the network.
package httpx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 64 << 10
	defaultGrace      = 8 * time.Second
)

// Server serves one listener until its context ends. Its fields have good zero values, except Listener and Handler.
type Server struct {
	Listener net.Listener
	Handler  http.Handler
	TLS      *tls.Config // nil serves plain http
	Log      *slog.Logger
	// Grace is how long requests may go on after the stop; 0 means 8 s. See Stopping for those that never end.
	Grace time.Duration
}

type stoppingKey struct{}

// Stopping is closed when the server begins to stop. Streams and sockets, which would go on for ever, say goodbye
// then; whatever is left after the grace is cut off through the request's context.
func Stopping(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(stoppingKey{}).(chan struct{})
	return ch
}

// Run serves until ctx ends, lets requests finish, and returns nil after an orderly stop. The listener is closed.
func (s *Server) Run(ctx context.Context) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	stopping := make(chan struct{})
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, stopping))
	defer cut()
	handler := &counted{next: s.Handler, done: make(chan struct{}, 1)}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		TLSConfig:         s.TLS,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // broken clients, not our errors
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	ended := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			ended <- server.ServeTLS(s.Listener, "", "")
		} else {
			ended <- server.Serve(s.Listener)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", s.Listener.Addr(), err)
	case <-ctx.Done():
	}
	close(stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.Grace, defaultGrace))
	defer cancel()
	handler.wait(grace) // the listener is open until then: whoever comes is told to try again (by the handler, see Stopping) and not left without an answer
	err := server.Shutdown(grace)
	cut() // hijacked sockets are unknown to Shutdown; their context ends here
	server.Close()
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off at the stop", "address", s.Listener.Addr().String())
		return nil
	}
	return err
}

// counted knows how many requests run.
type counted struct {
	next    http.Handler
	running atomic.Int64
	done    chan struct{} // has something after the last one
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.running.Add(1)
	defer func() {
		if c.running.Add(-1) == 0 {
			select {
			case c.done <- struct{}{}:
			default:
			}
		}
	}()
	c.next.ServeHTTP(w, r)
}

// wait returns when none runs, or when ctx ends.
func (c *counted) wait(ctx context.Context) {
	for c.running.Load() > 0 {
		select {
		case <-c.done:
		case <-ctx.Done():
			return
		}
	}
}
