package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// cpu is what this process has used: the product and its clients.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that this process has held at one time, as the kernel tells it ("123456 kB").
func peak() string {
	raw, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(raw)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			return strings.TrimSpace(rest)
		}
	}
	return "?"
}

// figure is what one measurement came to.
type figure struct {
	n    int64
	took time.Duration
	cpu  time.Duration
	each []time.Duration // of every call, sorted; nil where it was not asked for
}

func (f figure) rate() float64 { return float64(f.n) / f.took.Seconds() }

func (f figure) quantile(q float64) time.Duration {
	return f.each[min(len(f.each)-1, int(q*float64(len(f.each))))]
}

// measure lets callers do something over and over for a time. A call that fails ends it.
func measure(ctx context.Context, callers int, length time.Duration, keep bool, call func(ctx context.Context, n int64) error) (figure, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var f figure
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began, used := time.Now(), cpu()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			var mine []time.Duration
			for ctx.Err() == nil && time.Since(began) < length {
				at := time.Now()
				if err := call(ctx, next.Add(1)-1); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					cancel()
					return
				}
				if keep {
					mine = append(mine, time.Since(at))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			f.each = append(f.each, mine...)
		})
	}
	wg.Wait()
	f.n, f.took, f.cpu = next.Load(), time.Since(began), cpu()-used
	slices.Sort(f.each)
	if failed == nil && f.n == 0 {
		failed = errors.New("nothing was measured")
	}
	return f, failed
}

// onOneCore runs with one of the machine's cores for this process.
func onOneCore(do func() error) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return do()
}

// row prints one figure of checks on one core.
func row(what string, f figure) {
	fmt.Printf("%-58s %12.0f/s %10.1f µs CPU each\n", what, f.rate(), float64(f.cpu.Microseconds())/float64(f.n))
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// between answers the 95 % interval of the difference of two medians, by resampling both.
func between(a, b []time.Duration) (low, high time.Duration) {
	random := rand.New(rand.NewPCG(2026, 11))
	draw := func(from []time.Duration) time.Duration {
		out := make([]time.Duration, len(from))
		for n := range out {
			out[n] = from[random.IntN(len(from))]
		}
		slices.SortFunc(out, cmp.Compare[time.Duration])
		return median(out)
	}
	all := make([]time.Duration, 1000)
	for n := range all {
		all[n] = draw(a) - draw(b)
	}
	slices.Sort(all)
	return all[25], all[974]
}
