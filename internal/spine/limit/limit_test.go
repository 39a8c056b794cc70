package limit_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/redis/go-redis/v9"
)

var three = limit.Bucket{Name: "test", Rate: 3, Per: time.Minute}

func TestTheFourthCallWaits(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr()})
	t.Cleanup(func() { c.Close() })
	for name, l := range map[string]*limit.Limiter{"Redis": limit.New(c), "OneProcess": limit.New(nil)} {
		t.Run(name, func(t *testing.T) {
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
	if err := l.Allow(t.Context(), three, "a"); err != nil {
		t.Fatalf("an open bucket: %v", err)
	}
	closed := three
	closed.Closed = true
	if err := l.Allow(t.Context(), closed, "a"); !fault.Is(err, fault.UnavailableCode) {
		t.Fatalf("a closed bucket: %v", err)
	}
}
