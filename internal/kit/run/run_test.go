package run

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary remembers what happened in which order.
type diary struct {
	mu  sync.Mutex
	was []string
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.was = append(d.was, s)
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.was, " ")
}

// worker stops after takes.
func (d *diary) worker(name string, takes time.Duration) Part {
	return Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		<-time.After(takes) // the part has work to finish; the clock is that of synctest
		d.note(name)
		return ctx.Err()
	}}
}

func TestAll_StopsInReverseOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := All(ctx, d.worker("db", 0), d.worker("work", time.Second), d.worker("web", time.Second)); err != nil {
			t.Error(err)
		}
		if d.text() != "web work db" {
			t.Errorf("stopped in the order %q", d.text())
		}
	})
}

func TestAll_FirstErrorWinsAndStopsTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		broken := errors.New("broken")
		failing := Part{Name: "failing", Run: func(context.Context) error { return broken }}
		late := Part{Name: "late", Run: func(ctx context.Context) error { <-ctx.Done(); return errors.New("second") }}
		err := All(t.Context(), d.worker("db", 0), late, failing)
		if !errors.Is(err, broken) || strings.Contains(err.Error(), "second") || !strings.HasPrefix(err.Error(), "failing: ") || d.text() != "db" {
			t.Errorf("%v; stopped %q", err, d.text())
		}
	})
}

func TestAll_APanicIsAnErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	err := All(t.Context(), Part{Name: "wild", Run: func(context.Context) error { panic("boom") }})
	if err == nil || !strings.Contains(err.Error(), "wild: panic: boom") || !strings.Contains(err.Error(), "run_test.go") {
		t.Error(err)
	}
}

func TestAll_GraceLeavesTheStubbornBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		free := make(chan struct{})
		stubborn := Part{Name: "stubborn", Grace: 3 * time.Second, Run: func(context.Context) error { <-free; return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		err := All(ctx, d.worker("db", time.Second), stubborn)
		if err == nil || !strings.Contains(err.Error(), "stubborn: did not stop within 3s") || d.text() != "db" {
			t.Errorf("%v; stopped %q", err, d.text())
		}
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("took %s", took)
		}
		close(free)
	})
}

func TestAll_EndingUntoldIsAnErrorUnlessOnce(t *testing.T) {
	t.Parallel()
	gone := func(context.Context) error { return nil }
	if err := All(t.Context(), Part{Name: "a", Run: gone}); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
	if err := All(t.Context(), Part{Name: "a", Run: gone, Once: true}); err != nil {
		t.Error(err)
	}
	if err := All(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAll_PartsSeeTheValuesOfTheContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got any
	err := All(context.WithValue(t.Context(), key{}, 7), Part{Name: "a", Once: true, Run: func(ctx context.Context) error { got = ctx.Value(key{}); return nil }})
	if err != nil || got != 7 {
		t.Error(got, err)
	}
}
