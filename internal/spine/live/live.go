// Package live tells who waits that something has changed.
//
// Redis carries pokes only: a subject and a version. The row is the truth; a lost poke costs seconds and never data, because every watcher reads
// again after Redis was away, and every 15 s in any case. One process holds one subscribed connection, whatever the number of its watchers.
package live

import (
	"context"
	"crypto/rand"
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
	name  string // tells the pokes of this process from those of others
	out   chan poke

	mu      sync.Mutex
	watched map[string]map[Watcher]struct{}
	hooks   map[string][]func()
	away    bool
}

type poke struct {
	Subject string `json:"s"`
	Version int64  `json:"v"`
	From    string `json:"f,omitempty"`
}

// NewHub makes a hub; call Run.
func NewHub(r redis.UniversalClient) *Hub {
	return &Hub{redis: r, name: rand.Text(), out: make(chan poke, 4096), watched: map[string]map[Watcher]struct{}{}, hooks: map[string][]func(){}}
}

// Poke says that subject has the version now. It never blocks: call it after the commit. When the queue to Redis is full the poke stays in this process.
func (h *Hub) Poke(subject string, version int64) {
	h.tell(subject)
	if h.redis == nil {
		return
	}
	select {
	case h.out <- poke{subject, version, h.name}:
	default:
	}
}

// On calls fn in this process at every poke of subject, from whichever process; fn must not block. For the assembly, before Run.
func (h *Hub) On(subject string, fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks[subject] = append(h.hooks[subject], fn)
}

// Watcher is told that it must look again. Signal is called under the lock of the hub: it neither blocks nor calls the hub.
type Watcher interface{ Signal() }

// Watch begins to tell w of pokes of the subjects, until leave. Watch first, then read, so that nothing falls between.
func (h *Hub) Watch(w Watcher, subjects ...string) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subject := range subjects {
		if h.watched[subject] == nil {
			h.watched[subject] = map[Watcher]struct{}{}
		}
		h.watched[subject][w] = struct{}{}
	}
	return func() { h.unwatch(w, subjects) }
}

func (h *Hub) unwatch(w Watcher, subjects []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subject := range subjects {
		delete(h.watched[subject], w)
		if len(h.watched[subject]) == 0 {
			delete(h.watched, subject)
		}
	}
}

// Sub is a watcher for one reader. C holds at most one signal: look again.
type Sub struct {
	c     chan struct{}
	leave func()
}

// Subscribe begins to watch. Subscribe first, then read, so that nothing falls between.
func (h *Hub) Subscribe(subjects ...string) *Sub {
	s := &Sub{c: make(chan struct{}, 1)}
	s.leave = h.Watch(s, subjects...)
	return s
}

// C carries the signals.
func (s *Sub) C() <-chan struct{} { return s.c }

// Close ends the watch.
func (s *Sub) Close() { s.leave() }

// Signal says: look again.
func (s *Sub) Signal() {
	select {
	case s.c <- struct{}{}:
	default:
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
	for w := range h.watched[subject] {
		w.Signal()
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
		for w := range subs {
			w.Signal()
		}
	}
	h.mu.Unlock()
	for _, fn := range hooks {
		fn()
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

// together is how many pokes travel in one round trip at most.
const together = 512

// publish sends what is queued, in order: one round trip for all that came during the one before.
func (h *Hub) publish(ctx context.Context) {
	for {
		var batch []poke
		select {
		case <-ctx.Done():
			return
		case p := <-h.out:
			batch = append(batch, p)
		}
		for len(batch) < together && len(h.out) > 0 {
			batch = append(batch, <-h.out) // nobody else takes from it
		}
		h.note(ctx, h.send(ctx, batch))
	}
}

func (h *Hub) send(ctx context.Context, batch []poke) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := h.redis.Pipelined(ctx, func(to redis.Pipeliner) error {
		for _, p := range batch {
			raw, _ := json.Marshal(p)
			to.Publish(ctx, channel, raw)
		}
		return nil
	})
	return err
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
				if json.Unmarshal([]byte(m.Payload), &p) == nil && p.From != h.name { // Poke told this process at once
					h.tell(p.Subject)
				}
			}
		}
	}
}
