package limit_test

import (
	"crypto/rand"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/redis/go-redis/v9"
)

// three is a bucket of the test's own: a Redis may serve others too.
func three() limit.Bucket {
	return limit.Bucket{Name: "test-" + rand.Text(), Rate: 3, Per: time.Minute}
}

// server is the Redis that REDIS_URL names, else one in process.
func server(t *testing.T) *redis.Client {
	t.Helper()
	o := &redis.Options{}
	if address := os.Getenv("REDIS_URL"); address != "" {
		var err error
		if o, err = redis.ParseURL(address); err != nil {
			t.Fatal(err)
		}
	} else {
		o.Addr = miniredis.RunT(t).Addr()
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTheFourthCallWaits(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*limit.Limiter{"Redis": limit.New(server(t)), "OneProcess": limit.New(nil)} {
		t.Run(name, func(t *testing.T) {
			three := three()
			for n := range 3 {
				if left, err := l.Take(t.Context(), three, "a", 1); err != nil || left != 2-n {
					t.Fatalf("call %d: %d left, %v", n+1, left, err)
				}
			}
			err := l.Allow(t.Context(), three, "a")
			f := fault.All(err)
			if len(f) != 1 || f[0].Code != fault.RateLimitedCode {
				t.Fatalf("the fourth call: %v", err)
			}
			if s := f[0].Meta["retryAfter"].(int); s < 1 || s > 20 {
				t.Fatalf("retry after %d s", s)
			}
			if err := l.Allow(t.Context(), three, "b"); err != nil {
				t.Fatalf("another key: %v", err)
			}
		})
	}
}

func TestWithoutRedisSecretsAreGuardedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	l := limit.New(c)
	m.Close()
	three := three()
	if err := l.Allow(t.Context(), three, "a"); err != nil {
		t.Fatalf("an open bucket: %v", err)
	}
	closed := three
	closed.Closed = true
	if err := l.Allow(t.Context(), closed, "a"); !fault.Is(err, fault.UnavailableCode) {
		t.Fatalf("a closed bucket: %v", err)
	}
}

func TestOfManyAtOnceAsManyPassAsThereAreCalls(t *testing.T) {
	t.Parallel()
	c, bucket := server(t), three()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 4 { // four processes
		l := limit.New(c)
		for range 5 {
			wg.Go(func() {
				if l.Allow(t.Context(), bucket, "a") == nil {
					passed.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if passed.Load() != 3 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestABurstIsAllThatPassesAtOnce(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*limit.Limiter{"Redis": limit.New(server(t)), "OneProcess": limit.New(nil)} {
		b := three()
		b.Rate, b.Burst = 60, 2
		for n := range 3 {
			if err := l.Allow(t.Context(), b, "a"); (err == nil) != (n < 2) {
				t.Errorf("%s: call %d: %v", name, n+1, err)
			}
		}
		if _, err := l.Take(t.Context(), b, "b", 3); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("%s: three at once: %v", name, err)
		}
		if left, err := l.Take(t.Context(), b, "b", 2); err != nil || left != 0 {
			t.Errorf("%s: a refused call was counted: %d left, %v", name, left, err)
		}
	}
}
