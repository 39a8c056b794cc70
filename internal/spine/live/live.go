// Package live tells who waits that something has changed.
//
// Redis carries pokes only: a subject and a version. The row is the truth; a lost poke costs seconds and never data, because every watcher reads
// again after Redis was away, and every 15 s in any case. One process holds one subscribed connection, whatever the number of its watchers.
package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const channel = "nameplate:live"

// Hub joins the watchers of this process with the pokes of all. Without Redis (nil) it serves one process.
type Hub struct {
	redis redis.UniversalClient
	out   chan poke

	mu      sync.Mutex
	watched map[string]map[*Sub]struct{}
	hooks   map[string][]func()
	away    bool
}

type poke struct {
	Subject string `json:"s"`
	Version int64  `json:"v"`
}

// NewHub makes a hub; call Run.
func NewHub(r redis.UniversalClient) *Hub {
	return &Hub{redis: r, out: make(chan poke, 4096), watched: map[string]map[*Sub]struct{}{}, hooks: map[string][]func(){}}
}

// Poke says that subject has the version now. It never blocks: call it after the commit. When the queue to Redis is full the poke stays in this process.
func (h *Hub) Poke(subject string, version int64) {
	h.tell(subject)
	if h.redis == nil {
		return
	}
	select {
	case h.out <- poke{subject, version}:
	default:
	}
}

// On calls fn in this process at every poke of subject, from whichever process; fn must not block. For the assembly, before Run.
func (h *Hub) On(subject string, fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks[subject] = append(h.hooks[subject], fn)
}

// Sub is one watcher. C holds at most one signal: look again.
type Sub struct {
	hub      *Hub
	subjects []string
	c        chan struct{}
}

// Subscribe begins to watch. Subscribe first, then read, so that nothing falls between.
func (h *Hub) Subscribe(subjects ...string) *Sub {
	s := &Sub{hub: h, subjects: subjects, c: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subject := range subjects {
		if h.watched[subject] == nil {
			h.watched[subject] = map[*Sub]struct{}{}
		}
		h.watched[subject][s] = struct{}{}
	}
	return s
}

// C carries the signals.
func (s *Sub) C() <-chan struct{} { return s.c }

// Close ends the watch.
func (s *Sub) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for _, subject := range s.subjects {
		delete(s.hub.watched[subject], s)
		if len(s.hub.watched[subject]) == 0 {
			delete(s.hub.watched, subject)
		}
	}
}

// Watchers is the number of watches in this process.
func (h *Hub) Watchers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, subs := range h.watched {
		n += len(subs)
	}
	return n
}

func (h *Hub) tell(subject string) {
	h.mu.Lock()
	hooks := h.hooks[subject]
	for s := range h.watched[subject] {
		s.signal()
	}
	h.mu.Unlock()
	for _, fn := range hooks {
		fn()
	}
}

// all tells everybody: pokes may have been lost.
func (h *Hub) all() {
	h.mu.Lock()
	var hooks []func()
	for _, fns := range h.hooks {
		hooks = append(hooks, fns...)
	}
	for _, subs := range h.watched {
		for s := range subs {
			s.signal()
		}
	}
	h.mu.Unlock()
	for _, fn := range hooks {
		fn()
	}
}

func (s *Sub) signal() {
	select {
	case s.c <- struct{}{}:
	default:
	}
}

// Run carries pokes both ways until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	if h.redis == nil {
		<-ctx.Done()
		return nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.publish(ctx) })
	h.listen(ctx)
	wg.Wait()
	return nil
}

func (h *Hub) publish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-h.out:
			raw, _ := json.Marshal(p)
			c, cancel := context.WithTimeout(ctx, time.Second)
			err := h.redis.Publish(c, channel, raw).Err()
			cancel()
			h.note(ctx, err)
		}
	}
}

// note logs the first failure and the first success after it.
func (h *Hub) note(ctx context.Context, err error) {
	h.mu.Lock()
	before := h.away
	h.away = err != nil
	h.mu.Unlock()
	if err != nil && !before && ctx.Err() == nil {
		slog.WarnContext(ctx, "live pokes cannot be sent; watchers read every 15 s", "err", err)
	}
}

// listen holds the one subscribed connection. go-redis subscribes again by itself after a loss; each confirmation after the first means that
// pokes may have been missed.
func (h *Hub) listen(ctx context.Context) {
	sub := h.redis.Subscribe(ctx, channel)
	defer sub.Close()
	messages := sub.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Subscription:
				h.all()
			case *redis.Message:
				var p poke
				if json.Unmarshal([]byte(m.Payload), &p) == nil {
					h.tell(p.Subject)
				}
			}
		}
	}
}
