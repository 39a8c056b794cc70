package wire

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// Limiter holds one token bucket for each key, a server address or a zone: PerSecond questions, Burst at once. Work that no person waits
// for leaves a fifth of the burst to the work that one does. The zero value limits nothing.
type Limiter[K comparable] struct {
	PerSecond, Burst int

	mu      sync.Mutex
	buckets map[K]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the memory; full buckets are forgotten first, since they carry no information.
const maxBuckets = 10_000

// Wait takes a token, or waits for one. An empty bucket delays and never refuses; the error is the context's.
func (l *Limiter[K]) Wait(ctx context.Context, key K, urgent bool) error {
	if l.PerSecond <= 0 {
		return ctx.Err()
	}
	for {
		delay := l.take(key, urgent)
		if delay == 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// take answers 0 when it took a token, else when to try again.
func (l *Limiter[K]) take(key K, urgent bool) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, burst := time.Now(), float64(max(cmp.Or(l.Burst, 1), 1))
	if l.buckets == nil {
		l.buckets = map[K]*bucket{}
	}
	b := l.buckets[key]
	if b == nil {
		l.sweep(now, burst)
		b = &bucket{tokens: burst, at: now}
		l.buckets[key] = b
	}
	b.tokens = min(burst, b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond))
	b.at = now
	floor := 1.0
	if !urgent {
		floor += burst / 5
	}
	if floor = min(floor, burst); b.tokens >= floor {
		b.tokens--
		return 0
	}
	return max(time.Millisecond, time.Duration((floor-b.tokens)/float64(l.PerSecond)*float64(time.Second)))
}

func (l *Limiter[K]) sweep(now time.Time, burst float64) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond) >= burst {
			delete(l.buckets, key)
		}
	}
}
