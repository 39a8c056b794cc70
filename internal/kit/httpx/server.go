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
	"sync"
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
	// Goodbye is called when the stop begins and ends what Shutdown does not know: sockets. It returns when they are gone, or when the grace ends with ctx.
	Goodbye func(ctx context.Context)
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
	requests := &busy{conns: map[net.Conn]bool{}, changed: make(chan struct{}, 1)}
	server := &http.Server{
		Handler:           s.Handler,
		ConnState:         requests.note,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		TLSConfig:         s.TLS,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // broken clients, not our errors
		ConnContext:       WithConn,
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
	var gone sync.WaitGroup
	if s.Goodbye != nil {
		gone.Go(func() { s.Goodbye(grace) })
	}
	requests.wait(grace) // the listener is open until then: whoever comes is told to try again (by the handler, see Stopping) and not left without an answer
	err := server.Shutdown(grace)
	gone.Wait()
	cut()
	server.Close()
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off at the stop", "address", s.Listener.Addr().String())
		return nil
	}
	return err
}

// busy knows which connections have a request that runs. Sockets that were hijacked are none of them, nor is what comes after the stop.
type busy struct {
	mu       sync.Mutex
	conns    map[net.Conn]bool
	stopping bool
	changed  chan struct{} // has something after one became idle
}

func (b *busy) note(c net.Conn, state http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if state == http.StateActive {
		if !b.stopping {
			b.conns[c] = true
		}
		return
	}
	delete(b.conns, c)
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// wait returns when none is left, or when ctx ends.
func (b *busy) wait(ctx context.Context) {
	for {
		b.mu.Lock()
		b.stopping = true
		n := len(b.conns)
		b.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			return
		}
	}
}
