package livetest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
)

// state is the feed of a number, which is also its version.
func state(version *atomic.Int64) live.Feed[int64] {
	return live.Feed[int64]{Subjects: []string{"con_1"}, Now: func(context.Context) (int64, int64, error) { return version.Load(), version.Load(), nil }}
}

func TestAStateIsSentNowAndInEveryNewerVersion(t *testing.T) {
	t.Parallel()
	h := live.NewHub(nil)
	var version atomic.Int64
	version.Store(3)
	ctx, cancel := context.WithCancel(t.Context())
	got := livetest.Channel(ctx, h, state(&version))
	if r := <-got; r.Version != 3 || r.Value != 3 {
		t.Fatalf("first message %+v", r)
	}
	version.Store(4)
	h.Poke("con_1", 4)
	h.Poke("con_1", 4)
	if r := <-got; r.Version != 4 {
		t.Fatalf("second message %+v", r)
	}
	version.Store(2)
	h.Poke("con_1", 2)
	cancel()
	for range got {
		t.Fatal("the same version came twice, or an older one")
	}
	if n := h.Watchers(); n != 0 {
		t.Fatalf("%d watchers are left", n)
	}
}

func TestALostPokeCostsSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.NewHub(nil)
		var version atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		got := livetest.Channel(ctx, h, state(&version))
		<-got
		version.Store(1)
		began := time.Now()
		<-got
		if d := time.Since(began); d > 15*time.Second {
			t.Fatalf("it took %s", d)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAStreamIsSteppedWhileThereIsMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.NewHub(nil)
		rows, at := []string{"a", "b", "c"}, 0
		f := live.Feed[string]{Subjects: []string{"con_1"}, Gap: 250 * time.Millisecond, Last: func(v string) bool { return v == "d" }}
		f.Next = func(context.Context) ([]string, bool, error) {
			if at == len(rows) {
				return nil, false, nil
			}
			at++
			return rows[at-1 : at], at < len(rows), nil
		}
		began, got := time.Now(), []string{}
		for m := range livetest.Channel(t.Context(), h, f) {
			got = append(got, m.Value)
			if time.Since(began) != time.Duration(len(got)-1)*f.Gap {
				t.Errorf("%s came after %s", m.Value, time.Since(began))
			}
			if m.Value == "c" {
				rows = append(rows, "d", "e")
				h.Poke("con_1", 0)
			}
		}
		if !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("got %v", got)
		}
		synctest.Wait()
		if n := h.Watchers(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
}

func TestAnErrorIsTheLastMessage(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, f := range map[string]live.Feed[string]{
		"Now":  {Now: func(context.Context) (string, int64, error) { return "", 0, broken }},
		"Next": {Next: func(context.Context) ([]string, bool, error) { return []string{"a"}, true, broken }},
		"Run":  {Run: func(_ context.Context, tell func(string) bool) error { tell("a"); return broken }},
	} {
		t.Run(name, func(t *testing.T) {
			var all []livetest.Result[string]
			for m := range livetest.Channel(t.Context(), live.NewHub(nil), f) {
				all = append(all, m)
			}
			if n := len(all); n == 0 || !errors.Is(all[n-1].Err, broken) || name != "Now" && (n != 2 || all[0].Value != "a") {
				t.Errorf("got %+v", all)
			}
		})
	}
}

func TestAReaderWhoLeavesEndsAPieceOfWork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := live.Feed[int]{Run: func(_ context.Context, tell func(int) bool) error {
		for n := 0; tell(n); n++ {
		}
		return nil
	}}
	got := livetest.Channel(ctx, live.NewHub(nil), f)
	<-got
	cancel()
	for range got {
	}
}
