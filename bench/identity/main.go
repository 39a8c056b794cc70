// Command identity measures what recognising people and programs costs, and what a stranger could read from the time that it takes:
//
//	signin    sign-ins by password through the whole HTTP door, and the memory that many at one time take
//	keys      checks of API keys on one core: remembered, asked of the database, wrong in every way
//	sessions  look-ups of cookies and of programs' tokens on one core
//	timing    how long a wrong password, a reset and a registration take for names that have an account and for names that have none
//
// Product and clients are this one process, on loopback; PostgreSQL is beside it. Run it below withpg, which gives it one. The figures stand in docs/benchmarks.md.
package main

import (
	"context"
	"flag"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// options are what a run can be told.
type options struct {
	each    time.Duration // how long each figure is measured
	clients int           // that sign in at one time
	crowd   int           // that sign in at one time for the figure of memory
	samples int           // of each situation of timing
}

func main() {
	var o options
	var h *house
	rig.Program{
		Name: "identity",
		Flags: func(fs *flag.FlagSet) {
			fs.DurationVar(&o.each, "each", 5*time.Second, "how long each figure is measured")
			fs.IntVar(&o.clients, "clients", 8, "clients that sign in at one time")
			fs.IntVar(&o.crowd, "crowd", 200, "clients that sign in at one time for the figure of memory")
			fs.IntVar(&o.samples, "samples", 200, "samples of each situation of timing")
		},
		Open: func(ctx context.Context) (func(), error) {
			var err error
			if h, err = open(ctx); err != nil {
				return nil, err
			}
			return h.close, nil
		},
		Rigs: []rig.Rig{
			{Name: "signin", Run: func(ctx context.Context) error { return signIns(ctx, h, o) }},
			{Name: "keys", Run: func(ctx context.Context) error { return keys(ctx, h, o) }},
			{Name: "sessions", Run: func(ctx context.Context) error { return sessions(ctx, h, o) }},
			{Name: "timing", Run: func(ctx context.Context) error { return timing(ctx, h, o) }},
		},
	}.Main()
}
