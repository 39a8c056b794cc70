// Package peer serves those who stay: sockets (graphql-transport-ws) and event streams, each with one caller, whose rights it ends with, and an outbox
// that a slow reader cannot fill.
package peer

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/graph/feed"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// Peers are the sockets and event streams that are open. http.Server.Shutdown does not know sockets, and would wait for streams.
type Peers struct {
	// Bearer answers the caller behind a credential that came in connection_init; app is the public key in the socket's address, origin its Origin header.
	Bearer func(ctx context.Context, token, app, origin string) (authz.Principal, error)
	// Origin says whether a socket of this origin may be opened at this address.
	Origin  func(*http.Request) bool
	Revoked *authz.Revocations
	// Lasts answers until when a caller's credential lasts as things are now, asked when it comes to the end that was known at first; zero: it has ended. Nil: no
	// credential lasts longer than was known.
	Lasts func(ctx context.Context, caller authz.Principal) time.Time
	Feeds *feed.Feeds
	// MaxBody is how many octets the request for an event stream may have.
	MaxBody  int64
	Patience Patience

	places census
	mu     sync.Mutex
	open   map[peer]struct{}
	closed bool
	empty  chan struct{} // made by Close, closed by the last one
}

type peer interface{ end(code int, text string) }

// Sockets is the transport of graphql-transport-ws.
func (p *Peers) Sockets() graphql.Transport { return sockets{p, p.Patience.orUsual()} }

// Streams is the transport of server-sent events.
func (p *Peers) Streams() graphql.Transport { return streams{p, p.Patience.orUsual()} }

// enter notes a peer; false when the server stops. It leaves in either case.
func (p *Peers) enter(one peer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[peer]struct{}{}
	}
	p.open[one] = struct{}{}
	return !p.closed
}

func (p *Peers) leave(one peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, one)
	if p.empty != nil && len(p.open) == 0 {
		close(p.empty)
		p.empty = nil
	}
}

// Close says goodbye to all sockets (1001) and event streams, takes no new ones, and waits until they are gone or ctx ends.
func (p *Peers) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	var all []peer
	for one := range p.open {
		all = append(all, one)
	}
	if p.empty == nil && len(all) > 0 {
		p.empty = make(chan struct{})
	}
	empty := p.empty
	p.mu.Unlock()
	for _, one := range all {
		one.end(websocket.CloseGoingAway, "Going away")
	}
	if empty != nil {
		select {
		case <-empty:
		case <-ctx.Done():
		}
	}
}

// Count is how many are open.
func (p *Peers) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// identify answers who opened a socket: the caller behind the credential in connection_init, else the one whose cookie came with the upgrade.
func (p *Peers) identify(ctx context.Context, payload map[string]any, app, origin string) (authz.Principal, error) {
	caller := authz.From(ctx)
	given := payload["authorization"]
	if given == nil {
		given = payload["Authorization"]
	}
	if given != nil {
		text, _ := given.(string)
		scheme, token, _ := strings.Cut(text, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return caller, fault.Unauthorized("credential_invalid", "Send authorization: Bearer and the credential.")
		}
		found, err := p.Bearer(ctx, strings.TrimSpace(token), app, origin)
		if err != nil {
			return caller, err
		}
		caller = found.About(caller)
	}
	if caller.Kind == authz.PUBLIC {
		return caller, fault.Unauthorized("", "Send a credential in connection_init.")
	}
	return caller, nil
}

// hold lets a peer stay for as long as the caller's rights last; lose is told when they end, and must not block. leave gives the place back. Without
// room the caller has as many sockets and streams as a credential may have.
func (p *Peers) hold(caller authz.Principal, lose func()) (leave func(), room bool) {
	out, room := p.places.enter(caller)
	if !room {
		return nil, false
	}
	forget := p.Revoked.Await(lose, caller.Holds()...)
	ends := caller.EndsAt()
	if ends.IsZero() {
		return func() { forget(); out() }, true
	}
	expired := p.watch(caller, ends, lose)
	return func() { expired(); forget(); out() }, true
}

// askTime is what Lasts may take.
const askTime = 5 * time.Second

// watch tells lose when the caller's credential has ended by itself: not at the end that was known when the peer came, if it was extended since.
func (p *Peers) watch(caller authz.Principal, ends time.Time, lose func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var timer *time.Timer
	var look func()
	at := func(end time.Time) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			timer = time.AfterFunc(time.Until(end), look)
		}
	}
	look = func() {
		if p.Lasts != nil {
			ctx, done := context.WithTimeout(ctx, askTime)
			defer done()
			if end := p.Lasts(ctx, caller); end.After(time.Now()) {
				at(end)
				return
			}
		}
		if ctx.Err() == nil {
			lose()
		}
	}
	at(ends)
	return func() {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		timer.Stop()
	}
}
