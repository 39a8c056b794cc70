package wire

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"
)

// Limiter holds one token bucket for each server address: PerSecond questions, Burst at once. Work that no person waits for leaves a
// fifth of the burst to the work that one does. The zero value limits nothing.
type Limiter struct {
	PerSecond, Burst int

	mu      sync.Mutex
	buckets map[netip.Addr]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the memory; full buckets are forgotten first, since they carry no information.
const maxBuckets = 10_000

// Wait takes a token, or waits for one. An empty bucket delays and never refuses; the error is the context's.
func (l *Limiter) Wait(ctx context.Context, server netip.Addr, urgent bool) error {
	if l.PerSecond <= 0 {
		return ctx.Err()
	}
	for {
		delay := l.take(server, urgent)
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
func (l *Limiter) take(server netip.Addr, urgent bool) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, burst := time.Now(), float64(max(cmp.Or(l.Burst, 1), 1))
	if l.buckets == nil {
		l.buckets = map[netip.Addr]*bucket{}
	}
	b := l.buckets[server]
	if b == nil {
		l.sweep(now, burst)
		b = &bucket{tokens: burst, at: now}
		l.buckets[server] = b
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

func (l *Limiter) sweep(now time.Time, burst float64) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for addr, b := range l.buckets {
		if b.tokens+now.Sub(b.at).Seconds()*float64(l.PerSecond) >= burst {
			delete(l.buckets, addr)
		}
	}
}
