package wire

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimiterServesOneAfterTheOther: of many who want more than there is, those of the better rank come first, and among them who began
// first; so the first is done long before the last, and all of them are not late together.
func TestLimiterServesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const names, questions = 50, 20
		l := &Limiter[string]{PerSecond: 20, Burst: 50}
		for range l.Burst {
			_ = l.Wait(t.Context(), "server", Place{})
		}
		done := make([]time.Duration, names)
		start := time.Now()
		var wg sync.WaitGroup
		for n := range names {
			place := Place{Rank: First, Began: start.Add(time.Duration(n))}
			if n >= names/2 {
				place.Rank = Again // though it began long before
				place.Began = start.Add(time.Duration(n) - time.Hour)
			}
			var left atomic.Int32
			left.Store(questions)
			for range questions {
				wg.Go(func() {
					if err := l.Wait(t.Context(), "server", place); err != nil {
						t.Error(err)
					}
					if left.Add(-1) == 0 {
						done[n] = time.Since(start)
					}
				})
			}
		}
		wg.Wait()
		for n, at := range done {
			if want := time.Duration(n+1) * questions * time.Second / 20; at < want-50*time.Millisecond || at > want+50*time.Millisecond {
				t.Errorf("name %d was done at %s instead of %s", n, at, want)
			}
		}
	})
}

// TestLimiterForgetsWhoGaveUp: whoever leaves the queue takes no token with them, and the next moves up.
func TestLimiterForgetsWhoGaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter[string]{PerSecond: 1, Burst: 1}
		_ = l.Wait(t.Context(), "server", Place{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := l.Wait(ctx, "server", Place{Began: start}); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := l.Wait(t.Context(), "server", Place{Rank: Again}); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		wg.Wait()
	})
}
