package live_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/redis/go-redis/v9"
)

// server is the Redis that REDIS_URL names, else one in process. Channels are shared by all its databases: tests that count or stop it have their own.
func server(t *testing.T) *redis.Options {
	t.Helper()
	address := os.Getenv("REDIS_URL")
	if address == "" {
		return &redis.Options{Addr: miniredis.RunT(t).Addr()}
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func hub(t *testing.T, o *redis.Options) *live.Hub {
	t.Helper()
	c := redis.NewClient(o)
	h := live.NewHub(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; c.Close() })
	return h
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal(what)
	}
}

func TestPokesCrossProcesses(t *testing.T) {
	t.Parallel()
	o := server(t)
	a, b := hub(t, o), hub(t, o)
	here, there := a.Subscribe(t.Name()), b.Subscribe(t.Name())
	defer here.Close()
	defer there.Close()
	for _, s := range []*live.Sub{here, there} {
		wait(t, s.C(), "no signal when the subscription stood") // the confirmation says: look again
	}
	a.Poke(t.Name(), 2)
	wait(t, there.C(), "the poke did not cross")
	c := redis.NewClient(o)
	defer c.Close()
	if n := c.PubSubNumSub(t.Context(), "nameplate:live").Val()["nameplate:live"]; n != 2 {
		t.Fatalf("two processes hold %d subscriptions", n)
	}
}

func TestEverybodyLooksAgainAfterRedisWasAway(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	h := hub(t, &redis.Options{Addr: m.Addr()})
	sub := h.Subscribe("con_1")
	defer sub.Close()
	wait(t, sub.C(), "no first confirmation")
	m.Close()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	wait(t, sub.C(), "nobody looked again after the restart")
}

func TestWatchSendsTheStateNowAndEveryNewerVersion(t *testing.T) {
	t.Parallel()
	h := live.NewHub(nil)
	var version atomic.Int64
	version.Store(3)
	ctx, cancel := context.WithCancel(t.Context())
	got := live.Watch(ctx, h, []string{"con_1"}, func(context.Context) (string, int64, error) { return "state", version.Load(), nil })
	if r := <-got; r.Version != 3 {
		t.Fatalf("first message has version %d", r.Version)
	}
	version.Store(4)
	h.Poke("con_1", 4)
	h.Poke("con_1", 4)
	if r := <-got; r.Version != 4 {
		t.Fatalf("second message has version %d", r.Version)
	}
	cancel()
	for range got {
		t.Fatal("the same version came twice")
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
		got := live.Watch(ctx, h, []string{"con_1"}, func(context.Context) (int, int64, error) { return 0, version.Load(), nil })
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
