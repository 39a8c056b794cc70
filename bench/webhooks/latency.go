package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
)

// latency measures from the commit of an event to the receiver. Writer and engine are one process, as in nameplate-lab; with two, a poke goes through Redis.
func latency(ctx context.Context, o options) (err error) {
	os.Setenv(kekName, kek)
	debug.SetGCPercent(roomyHeap)
	r, err := startReceiver(ctx, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	d, err := devdb.Fresh(ctx, db.MaxConns(30))
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := build(d.DB)
	if err != nil {
		return err
	}
	orgs, err := p.tenants(ctx, r, endpoints, 5, true)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var engine sync.WaitGroup
	engine.Go(func() { _ = p.work.Run(working) })
	defer engine.Wait()
	defer stop()

	var mu sync.Mutex
	committed := map[string]time.Time{}
	var failed error
	event := func(n int) {
		t := orgs[n%len(orgs)]
		at, err := p.happen(ctx, t, t.connections[n/len(orgs)%len(t.connections)], n)
		mu.Lock()
		defer mu.Unlock()
		committed[fmt.Sprint(n)] = at
		failed = errors.Join(failed, err)
	}
	warm := 2 * o.rate // connections and plans are made in the first seconds
	tick := time.NewTicker(time.Second / time.Duration(o.rate))
	defer tick.Stop()
	var writers sync.WaitGroup
	n := 0
	for end := time.Now().Add(o.length + 2*time.Second); time.Now().Before(end) && ctx.Err() == nil; n++ {
		<-tick.C
		number := n
		writers.Go(func() { event(number) })
	}
	writers.Wait()
	if failed != nil {
		return failed
	}
	got, err := r.seen("/arrivals")
	for end := time.Now().Add(time.Minute); err == nil && len(got.Arrivals) < n && time.Now().Before(end); got, err = r.seen("/arrivals") {
		<-tick.C
	}
	if err != nil {
		return err
	}
	var all []float64
	for i := warm; i < n; i++ {
		came, ok := got.Arrivals[fmt.Sprint(i)]
		if !ok {
			return fmt.Errorf("the event %d did not arrive, as %d of %d did not", i, n-len(got.Arrivals), n)
		}
		all = append(all, float64(came-committed[fmt.Sprint(i)].UnixNano())/1e6)
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[max(0, int(math.Ceil(q*float64(len(all))))-1)] }
	fmt.Printf("%d events, %d a second, of %d organizations: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, at most %.1f ms from the commit to the receiver.\n", len(all), o.rate, len(orgs), at(0.5), at(0.95), at(0.99), at(1))
	return nil
}
