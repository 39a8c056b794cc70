// Package clock is the world's movable clock: caches, name servers that lag, and everything else in the
// lab that waits read it, so that a test can let three days pass in no time.
package clock

import (
	"sync"
	"time"
)

// Clock runs as fast as the real one and is ahead of it by what Advance has added. The zero value is ready.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	watch  map[int]func(time.Duration)
	nextID int
}

// Now is the world's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Ahead says by how much the world is ahead of the real time.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// Advance lets d pass at once. A negative d is ignored: nothing in the world can live through time running
// backwards. Watchers have been called when it returns.
func (c *Clock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	c.ahead += d
	watch := make([]func(time.Duration), 0, len(c.watch))
	for _, f := range c.watch {
		watch = append(watch, f)
	}
	c.mu.Unlock()
	for _, f := range watch {
		f(d)
	}
}

// OnAdvance calls f after each Advance with the time that was added, in the goroutine of who advances, so
// that a clock elsewhere can move along. The returned function ends it.
func (c *Clock) OnAdvance(f func(time.Duration)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch == nil {
		c.watch = map[int]func(time.Duration){}
	}
	id := c.nextID
	c.nextID++
	c.watch[id] = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watch, id)
	}
}
