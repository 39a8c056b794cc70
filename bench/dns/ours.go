package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
)

// unlimited is this bench's politeness: the limits work, and never make anybody wait.
const unlimited = 100_000_000

// ours asks through the product's client: every check on, limits counted, values compared in the engine's canonical form.
func ours(ctx context.Context) error {
	return measured(ctx, func(ctx context.Context, p pass) func(n int) error {
		c := &wire.Client{
			AllowPrivate: true,
			Limit:        wire.Limiter[netip.Addr]{PerSecond: unlimited, Burst: unlimited},
			ZoneLimit:    wire.Limiter[string]{PerSecond: unlimited, Burst: unlimited},
		}
		return func(n int) error {
			for i, l := range connection(n) {
				zone := zoneOf(n)
				if i >= 2 {
					zone = targets
				}
				r, err := c.Ask(ctx, wire.Question{Server: p.Server, Zone: zone, Name: l.Name, Type: l.Type, Timeout: 1500 * time.Millisecond})
				if err != nil {
					return err
				}
				if got := tree.Values(r.At(l.Name, l.Type)); !r.Authoritative || len(got) != 1 || got[0] != l.Value {
					return fmt.Errorf("%s has %q instead of %q", l.Name, got, l.Value)
				}
			}
			return nil
		}
	})
}

// measured makes one pass, whose connections verify checks one by one, and tells what came of it.
func measured(ctx context.Context, prepare func(context.Context, pass) func(n int) error) error {
	var p pass
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		return err
	}
	if at := os.Getenv("BENCH_DNS_PROFILE"); at != "" {
		f, err := os.Create(at)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	debug.SetGCPercent(800) // as the product does while its heap is small
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	verify := prepare(ctx, p)
	out := outcome{}
	var wg, watch sync.WaitGroup
	var next, good atomic.Int64
	over := make(chan struct{})
	watch.Go(func() {
		t := time.NewTicker(20 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				out.Sockets = max(out.Sockets, descriptors())
			case <-over:
				return
			}
		}
	})
	began := time.Now()
	for range p.Workers {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < p.Connections && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				if err := verify(n); err != nil {
					cancel(err)
					return
				}
				good.Add(1)
			}
		})
	}
	wg.Wait()
	out.Seconds, out.Verified = since(began), int(good.Load())
	close(over)
	watch.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	out.Memory = largest()
	return json.NewEncoder(os.Stdout).Encode(out)
}
