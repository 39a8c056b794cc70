package limit

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Whoever comes with a new key each time neither fills the memory nor gets somebody who waits let off.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var m memory
	now := time.Now()
	for range 3 {
		m.take("waits", time.Minute, 3*time.Minute, 1, now)
	}
	for n := range 3 * maxKeys {
		now = now.Add(time.Microsecond)
		m.take(fmt.Sprint(n), time.Minute, 3*time.Minute, 1, now)
		if len(m.tat) > maxKeys {
			t.Fatalf("%d keys", len(m.tat))
		}
	}
	if wait, _ := m.take("waits", time.Minute, 3*time.Minute, 1, now); wait <= 0 {
		t.Error("who waits is forgotten")
	}
}

// Redis that does not answer is asked once a second: nobody else waits for it.
func TestRedisThatIsAwayIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := miniredis.RunT(t)
	var dials atomic.Int64
	c := redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	t.Cleanup(func() { c.Close() })
	l, b := New(c), Bucket{Name: "test", Rate: 1000, Per: time.Hour}
	address := r.Addr()
	r.Close()
	for range 100 {
		if err := l.Allow(t.Context(), b, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if n := dials.Load(); n < 1 || n > 20 {
		t.Errorf("it was asked %d times", n)
	}
	if err := r.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	l.away.Store(time.Now().UnixNano()) // the second is over
	if left, err := l.Take(t.Context(), b, "a", 1); err != nil || left != 999 || len(r.Keys()) != 1 {
		t.Errorf("when it is back: %d left, %v, keys %v", left, err, r.Keys())
	}
}

// A caller who hangs up says nothing about Redis.
func TestCallerWhoHangsUp(t *testing.T) {
	t.Parallel()
	c := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { c.Close() })
	l, b := New(c), Bucket{Name: "test", Rate: 1, Per: time.Hour, Closed: true}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Allow(gone, b, "a"); err == nil {
		t.Error("a caller who has gone was let in")
	}
	if err := l.Allow(t.Context(), b, "a"); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
