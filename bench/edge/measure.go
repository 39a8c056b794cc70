package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// figure is what one measurement of one proxy gave.
type figure struct {
	done     int
	seconds  float64
	cpu      time.Duration // of the proxy
	p50, p99 time.Duration
	memory   int
}

func (f figure) rate() float64 { return float64(f.done) / f.seconds }
func (f figure) cost() float64 { return f.cpu.Seconds() * 1e6 / float64(max(1, f.done)) } // µs each

// place is a running proxy.
type place struct {
	proxy
	*process
	address string
	most    float64 // requests a second that it served
}

// measurement is one thing to do with a proxy.
type measurement struct {
	name, unit string
	do         func(context.Context, *place, options) (figure, error)
}

var measurements = []measurement{
	{"requests of 1 kB", "requests/s", asFastAsItGoes("/1k", 1)},
	{"p99 under load", "requests/s", inTime},
	{"new connections", "connections/s", connections},
	{"answers of 64 kB", "answers/s", asFastAsItGoes("/64k", 4)},
	{"answers of 10 MB", "answers/s", asFastAsItGoes("/10m", 16)},
	{"WebSockets", "messages/s", messages},
}

// proxies starts all, and lets them take turns in every measurement.
func proxies(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench-edge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := setting{Dir: dir}
	if s.identity, err = issue(dir); err != nil {
		return err
	}
	back, err := role(ctx, "role:origin", struct{}{}, &s.Origin)
	if err != nil {
		return err
	}
	defer back.stop()
	fmt.Println(versions(ctx))
	var places []*place
	for _, p := range all {
		if named := slices.ContainsFunc(all, func(p proxy) bool { return o.only != "" && o.wants(p.name) }); named && !o.wants(p.name) {
			continue
		}
		if !p.present() {
			fmt.Println(p.name, "is not installed here")
			continue
		}
		process, address, err := p.begin(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		defer process.stop()
		places = append(places, &place{proxy: p, process: process, address: address})
	}
	for _, m := range measurements {
		if named := slices.ContainsFunc(measurements, func(m measurement) bool { return o.only != "" && o.wants(m.name) }); named && !o.wants(m.name) {
			continue
		}
		if err := alternate(ctx, o, m, places); err != nil {
			return err
		}
	}
	return nil
}

func alternate(ctx context.Context, o options, m measurement, places []*place) error {
	seen := map[string][]figure{}
	for range o.rounds {
		for _, p := range places {
			f, err := m.do(ctx, p, o)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, m.name, err)
			}
			f.memory = p.memory()
			seen[p.name] = append(seen[p.name], f)
		}
	}
	middle := func(name string) figure {
		list := slices.SortedFunc(slices.Values(seen[name]), func(a, b figure) int { return cmp.Compare(a.rate(), b.rate()) })
		f := list[len(list)/2]
		costs := slices.SortedFunc(slices.Values(seen[name]), func(a, b figure) int { return cmp.Compare(a.cost(), b.cost()) })
		f.cpu = time.Duration(costs[len(list)/2].cost() * float64(f.done) * 1e3)
		tails := slices.SortedFunc(slices.Values(seen[name]), func(a, b figure) int { return cmp.Compare(a.p99, b.p99) })
		f.p50, f.p99 = tails[len(list)/2].p50, tails[len(list)/2].p99
		return f
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\t%s\tours is\tCPU µs each\tours is\tp50 ms\tp99 ms\tRSS MB\t\n", m.name, m.unit)
	for _, p := range places {
		f := middle(p.name)
		if m.name == measurements[0].name {
			p.most = f.rate()
		}
		faster, cheaper := "-", "-"
		if p.name != "ours" && len(seen["ours"]) > 0 {
			faster = fmt.Sprintf("%.2f ×", middle("ours").rate()/f.rate())
			cheaper = fmt.Sprintf("%.2f ×", middle("ours").cost()/f.cost())
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.1f\t%s\t%s\t%s\t%d\t\n", p.name, f.rate(), faster, f.cost(), cheaper, ms(f.p50), ms(f.p99), f.memory)
	}
	return w.Flush()
}

func ms(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return strconv.FormatFloat(d.Seconds()*1e3, 'f', 2, 64)
}

// crowd runs work in n places until it is over, and adds up what each says that it did.
func crowd(ctx context.Context, n int, p *place, d time.Duration, work func(ctx context.Context, k int, seen *[]time.Duration) (int, error)) (figure, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over, end := context.WithTimeout(ctx, d)
	defer end()
	var f figure
	var done atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	cpu, began := p.cpu(), time.Now()
	for k := range n {
		wg.Go(func() {
			var mine []time.Duration
			count, err := work(over, k, &mine)
			if err != nil {
				cancel(err)
			}
			done.Add(int64(count))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	f.seconds, f.cpu, f.done = time.Since(began).Seconds(), p.cpu()-cpu, int(done.Load())
	if len(took) > 0 {
		slices.Sort(took)
		f.p50, f.p99 = took[len(took)/2], took[len(took)*99/100]
	}
	if err := context.Cause(ctx); err != nil {
		return f, err
	}
	return f, nil
}

// asFastAsItGoes sends the next request when the answer to the one before is there; divide makes fewer clients of larger answers.
func asFastAsItGoes(path string, divide int) func(context.Context, *place, options) (figure, error) {
	return func(ctx context.Context, p *place, o options) (figure, error) {
		visits, err := visitors(max(1, o.clients/divide), func() (*visit, error) { return visitTo(p.address, path) })
		defer leave(visits)
		if err != nil {
			return figure{}, err
		}
		for _, v := range visits { // nothing is measured that happens once
			if err := v.get(sizes[path]); err != nil {
				return figure{}, err
			}
		}
		return crowd(ctx, len(visits), p, o.each, func(ctx context.Context, k int, seen *[]time.Duration) (n int, err error) {
			for ; ctx.Err() == nil; n++ {
				began := time.Now()
				if err := visits[k].get(sizes[path]); err != nil {
					return n, err
				}
				*seen = append(*seen, time.Since(began))
			}
			return n, nil
		})
	}
}

// inTime sends requests at fixed moments, whoever keeps up or not; a time counts from the moment that was meant.
func inTime(ctx context.Context, p *place, o options) (figure, error) {
	if p.most == 0 {
		f, err := asFastAsItGoes("/1k", 1)(ctx, p, o)
		if err != nil {
			return f, err
		}
		p.most = f.rate()
	}
	visits, err := visitors(o.clients, func() (*visit, error) { return visitTo(p.address, "/1k") })
	defer leave(visits)
	if err != nil {
		return figure{}, err
	}
	gap := time.Duration(float64(time.Second) * float64(len(visits)) / (o.limit * p.most))
	start := time.Now()
	return crowd(ctx, len(visits), p, o.each, func(ctx context.Context, k int, seen *[]time.Duration) (int, error) {
		return paced(ctx, start.Add(gap*time.Duration(k)/time.Duration(len(visits))), gap, seen, func() error { return visits[k].get(sizes["/1k"]) })
	})
}

// paced does something again and again at fixed moments, whoever keeps up or not; a time counts from the moment that was meant.
func paced(ctx context.Context, due time.Time, gap time.Duration, seen *[]time.Duration, do func() error) (n int, err error) {
	t := time.NewTimer(0)
	defer t.Stop()
	for ; ; due = due.Add(gap) {
		t.Reset(time.Until(due))
		select {
		case <-t.C:
		case <-ctx.Done():
			return n, nil
		}
		if err := do(); err != nil {
			return n, err
		}
		n++
		*seen = append(*seen, time.Since(due))
	}
}

// connections opens one after the other, each with a full handshake and one request.
func connections(ctx context.Context, p *place, o options) (figure, error) {
	return crowd(ctx, min(16, o.clients), p, o.each, func(ctx context.Context, _ int, seen *[]time.Duration) (n int, err error) {
		for ; ctx.Err() == nil; n++ {
			began := time.Now()
			v, err := visitTo(p.address, "/1k")
			if err != nil {
				return n, err
			}
			if err := v.get(sizes["/1k"]); err != nil {
				return n, err
			}
			*seen = append(*seen, time.Since(began))
			_ = v.NetConn().Close()
		}
		return n, nil
	})
}

// messagesGap is how often each socket says something.
const messagesGap = 250 * time.Millisecond

// messages lets all sockets talk at a steady pace: what counts is what a message costs.
func messages(ctx context.Context, p *place, o options) (figure, error) {
	sockets, err := visitors(o.sockets, func() (*visit, error) { return socketTo(p.address) })
	defer leave(sockets)
	if err != nil {
		return figure{}, err
	}
	start := time.Now()
	return crowd(ctx, len(sockets), p, o.each, func(ctx context.Context, k int, seen *[]time.Duration) (int, error) {
		into := make([]byte, len(answer))
		return paced(ctx, start.Add(messagesGap*time.Duration(k)/time.Duration(len(sockets))), messagesGap, seen, func() error { return sockets[k].turn(into) })
	})
}

// visitors opens n connections, a few at a time.
func visitors(n int, open func() (*visit, error)) ([]*visit, error) {
	out, problems := make([]*visit, n), make([]error, n)
	var wg sync.WaitGroup
	places := make(chan struct{}, 16)
	for k := range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			out[k], problems[k] = open()
		})
	}
	wg.Wait()
	out = slices.DeleteFunc(out, func(v *visit) bool { return v == nil })
	return out, cmp.Or(problems...)
}

func leave(all []*visit) {
	for _, v := range all {
		_ = v.NetConn().Close()
	}
}
