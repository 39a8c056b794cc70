package main

import (
	"context"
	"fmt"
	"time"
)

// start measures from exec to the first good answer of /readyz, on a database that is warm.
func (b *bench) start(ctx context.Context) error {
	const times = 20
	var all []time.Duration
	for range times {
		began := time.Now()
		p, err := b.product(ctx, "")
		if err != nil {
			return err
		}
		all = append(all, time.Since(began))
		p.stop()
	}
	fmt.Printf("`nameplate serve` answers after %.0f ms (p50) and %.0f ms (the slowest of %d starts).\n", quantile(all, 0.5), quantile(all, 1), times)
	return nil
}
