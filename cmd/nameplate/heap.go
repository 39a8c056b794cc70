package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapFloor is how far the heap may grow before it is collected, however little of it lives: a server that keeps 15 MB would else collect at every 30 MB,
// dozens of times a second under load. Above half of it, Go's usual rule (twice what lives) holds.
const heapFloor = 128 << 20

// roomy keeps the collector's percentage at what heapFloor wants, until ctx ends. GOGC, when it is set, is left alone.
func roomy(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	t := time.NewTicker(10 * time.Second)
	defer t.Stop()
	for {
		metrics.Read(live)
		debug.SetGCPercent(percent(live[0].Value.Uint64()))
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// percent is how much the heap may grow over what lives of it.
func percent(live uint64) int {
	const most = 800
	return int(min(most, max(100, 100*(heapFloor-min(live, heapFloor))/max(live, 1<<20))))
}
