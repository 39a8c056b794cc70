// Command identity measures what recognising people and programs costs, and what a stranger could read from the time that it takes:
//
//	signin    sign-ins by password through the whole HTTP door, and the memory that many at one time take
//	keys      checks of API keys on one core: remembered, asked of the database, wrong in every way
//	sessions  look-ups of cookies and of programs' tokens on one core
//	timing    how long a wrong password, a registration, a reset and an invitation take for names that have an account and for names that have none
//
// Product and clients are this one process, on loopback; PostgreSQL is beside it. Run it below withpg, which gives it one. The figures stand in docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what a run can be told.
type options struct {
	each    time.Duration // how long each figure is measured
	clients int           // that sign in at one time
	crowd   int           // that sign in at one time for the figure of memory
	samples int           // of each situation of timing
}

var rigs = map[string]func(context.Context, *house, options) error{"signin": signIns, "keys": keys, "sessions": sessions, "timing": timing}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/identity:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	var o options
	fs := flag.NewFlagSet("identity", flag.ContinueOnError)
	fs.DurationVar(&o.each, "each", 5*time.Second, "how long each figure is measured")
	fs.IntVar(&o.clients, "clients", 8, "clients that sign in at one time")
	fs.IntVar(&o.crowd, "crowd", 200, "clients that sign in at one time for the figure of memory")
	fs.IntVar(&o.samples, "samples", 200, "samples of each situation of timing")
	order := []string{"signin", "keys", "sessions", "timing"}
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "usage: identity [flags] %s | all\n", strings.Join(order, " | "))
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	wanted := fs.Args()
	if slices.Equal(wanted, []string{"all"}) {
		wanted = order
	}
	if len(wanted) == 0 {
		fs.Usage()
		return flag.ErrHelp
	}
	h, err := open(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	for _, name := range wanted {
		rig, known := rigs[name]
		if !known {
			return fmt.Errorf("there is no rig %q: %s", name, strings.Join(order, ", "))
		}
		if err := rig(ctx, h, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
