package wire

import (
	"cmp"
	"container/heap"
	"context"
	"sync"
	"time"
)

// Rank is how soon a question is asked when not all can be.
type Rank int

const (
	First   Rank = iota // somebody waits for the first answer, or looks at the name now
	Again               // somebody may look: what is known is looked at again
	Routine             // nobody looks; leaves a fifth of a bucket to those who do
)

// Place is where a piece of work stands: by rank, then who began first. All questions of one analysis have one place, so that it ends
// before the next takes its turn: fifty that share a server's budget would else all run out of time together.
type Place struct {
	Rank  Rank
	Began time.Time
}

func (p Place) before(o Place) bool {
	return cmp.Or(cmp.Compare(p.Rank, o.Rank), p.Began.Compare(o.Began)) < 0
}

// Limiter holds one token bucket for each key, a server address or a zone: PerSecond questions, Burst at once. The zero value limits nothing.
type Limiter[K comparable] struct {
	PerSecond, Burst int

	mu      sync.Mutex
	buckets map[K]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
	queue  queue // those who wait; the first waits for a token, the others to be first
}

type waiter struct {
	Place
	index int           // in the queue
	first chan struct{} // has room for one: told when it becomes the first
}

// maxBuckets bounds the memory; full buckets are forgotten first, since they carry no information.
const maxBuckets = 10_000

// Wait takes a token, or waits for one. An empty bucket delays and never refuses; the error is the context's.
func (l *Limiter[K]) Wait(ctx context.Context, key K, p Place) error {
	if l.PerSecond <= 0 {
		return ctx.Err()
	}
	b, w := l.enter(key, p)
	if w == nil {
		return ctx.Err()
	}
	for {
		delay, first := l.take(b, w)
		if first && delay == 0 {
			return ctx.Err()
		}
		var ripe <-chan time.Time // who is not the first waits to be it
		if first {
			ripe = time.After(delay)
		}
		select {
		case <-ripe:
		case <-w.first:
		case <-ctx.Done():
			l.leave(b, w)
			return ctx.Err()
		}
	}
}

// enter takes a token at once when nobody has to go before, and answers no waiter then.
func (l *Limiter[K]) enter(key K, p Place) (*bucket, *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	b := l.buckets[key]
	if b == nil {
		l.sweep(now)
		b = &bucket{tokens: l.burst(), at: now}
		l.buckets[key] = b
	}
	if (len(b.queue) == 0 || p.before(b.queue[0].Place)) && l.wanting(b, p, now) == 0 {
		return b, nil
	}
	w := &waiter{Place: p, first: make(chan struct{}, 1)}
	heap.Push(&b.queue, w)
	return b, w
}

// take answers 0 to the first when it took a token, else when to try again.
func (l *Limiter[K]) take(b *bucket, w *waiter) (delay time.Duration, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.queue[0] != w {
		return 0, false
	}
	if delay = l.wanting(b, w.Place, time.Now()); delay == 0 {
		b.remove(w)
	}
	return delay, true
}

func (l *Limiter[K]) leave(b *bucket, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.remove(w)
}

// remove takes a waiter out, and tells the one who is first now.
func (b *bucket) remove(w *waiter) {
	heap.Remove(&b.queue, w.index)
	if len(b.queue) > 0 {
		select {
		case b.queue[0].first <- struct{}{}:
		default: // it has been told
		}
	}
}

// wanting takes a token and answers 0, or says how long it takes until there is one for work of that place.
func (l *Limiter[K]) wanting(b *bucket, p Place, now time.Time) time.Duration {
	burst := l.burst()
	b.tokens = min(burst, b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond))
	b.at = now
	floor := 1.0
	if p.Rank == Routine {
		floor += burst / 5
	}
	if floor = min(floor, burst); b.tokens >= floor {
		b.tokens--
		return 0
	}
	return max(time.Millisecond, time.Duration((floor-b.tokens)/float64(l.PerSecond)*float64(time.Second)))
}

func (l *Limiter[K]) burst() float64 { return float64(max(l.Burst, 1)) }

func (l *Limiter[K]) sweep(now time.Time) {
	if l.buckets == nil {
		l.buckets = map[K]*bucket{}
	}
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if len(b.queue) == 0 && b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond) >= l.burst() {
			delete(l.buckets, key)
		}
	}
}

// queue is a heap of waiters by their place.
type queue []*waiter

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].before(q[j].Place) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap.
func (q *queue) Push(v any) {
	w := v.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}

// Pop is for package heap.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
