package wire

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// TestSameQuestionIsAskedOnce: those who ask while it is under way share the answer, whoever gives up; those who come later ask anew.
func TestSameQuestionIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fs flights
		q := Question{Name: "acme.lab.", Type: dns.TypeSOA}
		hold, asked := make(chan struct{}), 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		ask := func(ctx context.Context, q Question, want error) {
			wg.Go(func() {
				r, err := fs.share(ctx, q, func() (Reply, error) {
					mu.Lock()
					asked++
					mu.Unlock()
					select {
					case <-hold:
						return Reply{Rcode: dns.RcodeNameError}, nil
					case <-ctx.Done():
						return Reply{}, ErrStopped
					}
				})
				if !errors.Is(err, want) || err == nil && r.Rcode != dns.RcodeNameError {
					t.Errorf("%v, %v", r, err)
				}
			})
			synctest.Wait()
		}
		questions := func(want int, situation string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if asked != want {
				t.Errorf("%s: %d questions instead of %d", situation, asked, want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ask(ctx, q, ErrStopped)
		for range 50 {
			ask(t.Context(), q, nil)
		}
		questions(1, "fifty share one")
		cancel()
		synctest.Wait()
		questions(2, "the one who asked gave up")
		other := q
		other.Type = dns.TypeNS
		ask(t.Context(), other, nil)
		questions(3, "another type")
		q.Place.Rank = Routine
		ask(t.Context(), q, nil)
		questions(3, "who stands behind waits")
		close(hold)
		wg.Wait()
		ask(t.Context(), q, nil)
		questions(4, "after the answer")
		if len(fs.open) != 0 {
			t.Errorf("%d flights are left", len(fs.open))
		}
	})
}

// TestHurryIsNotShared: who stands before the one that asks does not wait for it.
func TestHurryIsNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fs flights
		hold := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = fs.share(t.Context(), Question{Name: "acme.lab.", Place: Place{Rank: Routine}}, func() (Reply, error) { <-hold; return Reply{}, nil })
		})
		synctest.Wait()
		if _, err := fs.share(t.Context(), Question{Name: "acme.lab."}, func() (Reply, error) { return Reply{}, ErrGarbled }); !errors.Is(err, ErrGarbled) {
			t.Error(err)
		}
		close(hold)
		wg.Wait()
	})
}
