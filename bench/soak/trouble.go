package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// trouble is something that goes wrong, and is over when it returns.
type trouble struct {
	name string
	make func(ctx context.Context, h *house) error
}

var troubles = []trouble{
	{"edge killed and started", func(_ context.Context, h *house) error { return h.restartEdge(syscall.SIGKILL) }},
	{"work killed, 3 s without it", func(ctx context.Context, h *house) error { return h.without(ctx, h.work, 3*time.Second) }},
	{"PostgreSQL crashed and recovered", func(ctx context.Context, h *house) error { return h.crash(ctx) }},
	{"Redis killed, 5 s without it", func(ctx context.Context, h *house) error { return h.without(ctx, h.redis, 5*time.Second) }},
	{"the CAs down for 10 s", func(ctx context.Context, h *house) error {
		defer h.cas(func(down bool) { h.world.CA("main").SetDown(down); h.world.CA("second").SetDown(down) })()
		return wait(ctx, 10*time.Second)
	}},
	{"PostgreSQL hangs for 8 s", func(ctx context.Context, h *house) error {
		defer h.hang()()
		return wait(ctx, 8*time.Second)
	}},
	{"edge stopped and started", func(_ context.Context, h *house) error { return h.restartEdge(syscall.SIGTERM) }},
	{"serve killed, 2 s without it", func(ctx context.Context, h *house) error { return h.without(ctx, h.serve, 2*time.Second) }},
	{"the CA refuses orders for 10 s", func(ctx context.Context, h *house) error {
		defer h.cas(func(on bool) {
			limit := time.Duration(0)
			if on {
				limit = 10 * time.Second
			}
			h.world.CA("main").SetRateLimited(limit)
		})()
		return wait(ctx, 10*time.Second)
	}},
	{"edge killed and started while PostgreSQL hangs and Redis is gone", func(ctx context.Context, h *house) error {
		defer h.hang()()
		h.redis.end(syscall.SIGKILL)
		if err := h.restartEdge(syscall.SIGKILL); err != nil {
			return err
		}
		if err := wait(ctx, 5*time.Second); err != nil {
			return err
		}
		return h.redis.start()
	}},
}

// trouble makes one after the other for the whole time, and counts them.
func (h *house) trouble(ctx context.Context, o options) map[string]int {
	counts, until := map[string]int{}, time.Now().Add(o.whole)
	for n := 0; time.Now().Before(until) && ctx.Err() == nil; n++ {
		t, next := troubles[n%len(troubles)], time.Now().Add(o.each)
		if err := t.make(ctx, h); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", t.name, err)
			return counts
		}
		counts[t.name]++
		_ = wait(ctx, time.Until(next))
	}
	return counts
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// restartEdge ends the edge and waits until it serves a name again; with the database away that takes as long as it tries to reach it.
func (h *house) restartEdge(sig syscall.Signal) error {
	expectAway(45 * time.Second)
	defer expectAway(time.Second)
	h.edge.end(sig)
	if err := h.edge.start(); err != nil {
		return err
	}
	return poll(context.Background(), 40*time.Second, "the edge serves again", func() error { return h.visitOnce(context.Background(), h.names[0]) })
}

func (h *house) without(ctx context.Context, p *process, d time.Duration) error {
	p.end(syscall.SIGKILL)
	if err := wait(ctx, d); err != nil {
		return err
	}
	return p.start()
}

func (h *house) crash(ctx context.Context) error {
	if err := h.postgres.Crash(ctx); err != nil {
		return err
	}
	return poll(ctx, 20*time.Second, "PostgreSQL answers", func() error {
		h.postmaster = rig.Postmaster(ctx, h.app.DB)
		if h.postmaster == 0 {
			return fmt.Errorf("its process is not known")
		}
		return nil
	})
}

// hang stops all of PostgreSQL's processes where they stand, until the answer is called.
func (h *house) hang() (goOn func()) {
	family := rig.Family(h.postmaster)
	for _, pid := range family {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	return func() {
		for _, pid := range family {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

func (h *house) cas(set func(on bool)) (over func()) {
	set(true)
	return func() { set(false) }
}
