package live_test

import (
	"context"
	"encoding/json"
	"os"
	"sync/atomic"
	"testing"
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

// hub answers a hub of its own that runs. before is called first: who comes later may miss the first confirmation.
func hub(t *testing.T, o *redis.Options, before func(*live.Hub)) *live.Hub {
	t.Helper()
	c := redis.NewClient(o)
	h := live.NewHub(c)
	before(h)
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
	var here, there *live.Sub
	a := hub(t, o, func(h *live.Hub) { here = h.Subscribe(t.Name()) })
	hub(t, o, func(h *live.Hub) { there = h.Subscribe(t.Name()) })
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
	var sub *live.Sub
	hub(t, &redis.Options{Addr: m.Addr()}, func(h *live.Hub) { sub = h.Subscribe("con_1") })
	defer sub.Close()
	wait(t, sub.C(), "no first confirmation")
	m.Close()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	wait(t, sub.C(), "nobody looked again after the restart")
}

func TestPokesTravelTogetherAndInOrder(t *testing.T) {
	t.Parallel()
	const pokes = 2000
	o := &redis.Options{Addr: miniredis.RunT(t).Addr()}
	var there *live.Sub
	hub(t, o, func(h *live.Hub) { there = h.Subscribe(t.Name()) })
	defer there.Close()
	wait(t, there.C(), "the other process does not listen")
	trips := &trips{}
	c := redis.NewClient(o)
	defer c.Close()
	c.AddHook(trips)
	all := c.Subscribe(t.Context(), "nameplate:live")
	defer all.Close()
	if _, err := all.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := live.NewHub(c)
	for n := range pokes {
		a.Poke(t.Name(), int64(n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for n := range pokes {
		m, err := all.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ V int }
		if err := json.Unmarshal([]byte(m.Payload), &p); err != nil || p.V != n {
			t.Fatalf("poke %d is %s", n, m.Payload)
		}
	}
	wait(t, there.C(), "the poke did not cross")
	if n := trips.n.Load(); n > pokes/512+1 {
		t.Fatalf("%d pokes took %d round trips", pokes, n)
	}
}

// trips counts round trips that publish.
type trips struct{ n atomic.Int64 }

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "publish" {
			c.n.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "publish" {
			c.n.Add(1)
		}
		return next(ctx, cmds)
	}
}

func TestAPokeIsToldOnceInItsOwnProcess(t *testing.T) {
	t.Parallel()
	o := &redis.Options{Addr: miniredis.RunT(t).Addr()}
	var here, there signals = make(signals, 9), make(signals, 9)
	a := hub(t, o, func(h *live.Hub) { t.Cleanup(h.Watch(here, "con_1")) })
	b := hub(t, o, func(h *live.Hub) { t.Cleanup(h.Watch(there, "con_1", "con_2")) })
	wait(t, here, "no first confirmation")
	wait(t, there, "no first confirmation")
	wait(t, there, "one signal for each subject") // all() tells a watcher once for each of its subjects
	a.Poke("con_1", 1)
	wait(t, there, "the poke did not cross")
	b.Poke("con_2", 1) // comes after it on the same channel
	wait(t, there, "its own poke")
	a.Poke("con_2", 1)
	wait(t, there, "the second poke did not cross")
	if n := len(here); n != 1 {
		t.Fatalf("%d signals for one poke", n)
	}
}

type signals chan struct{}

func (s signals) Signal() { s <- struct{}{} }
