// Command dns measures how many connections one process checks:
//
//	pass      50,000 connections against Knot on this machine, beside dnsperf and zdns, alternating in one run
//	zone      the edge zone's name server beside NSD and Knot, asked by dnsperf, alternating in one run
//	schedule  100,000 connections in PostgreSQL, checked by the product's own queue at their intervals
//
// A connection is verified by four questions (CNAME, TXT, A, CAA) whose answers are compared with what should stand there. Everything is
// started here, speaks on loopback and ends with this process. The figures stand in docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what a run can be told.
type options struct {
	connections int           // of a pass
	zdns        int           // of zdns' passes, which are slow
	rounds      int           // of each peer, alternating
	workers     int           // of ours: connections under way at the same time
	only        string        // peers, separated by commas
	scheduled   int           // connections of the schedule
	backlog     int           // of them that become due at once
	each        time.Duration // how long the schedule is measured, and one turn of a server of the zone
	targets     int           // of the zone
}

var rigs = map[string]func(context.Context, options) error{"pass": passes, "schedule": schedule, "zone": authority}

// roles are the processes that a rig starts from this same program.
var roles = map[string]func(context.Context) error{"role:ours": ours, "role:light": light, "role:schedule": keep, "role:zone": zoneRole}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/dns:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](ctx)
	}
	var o options
	fs := flag.NewFlagSet("dns", flag.ContinueOnError)
	fs.IntVar(&o.connections, "connections", 50_000, "connections of a pass")
	fs.IntVar(&o.zdns, "zdns", 5_000, "connections of a pass of zdns")
	fs.IntVar(&o.rounds, "rounds", 5, "rounds of each peer, alternating")
	fs.IntVar(&o.workers, "workers", 128, "connections that ours checks at the same time")
	fs.StringVar(&o.only, "only", "", "peers, separated by commas: ours, light, dnsperf, zdns")
	fs.IntVar(&o.scheduled, "scheduled", 100_000, "connections of the schedule")
	fs.IntVar(&o.backlog, "backlog", 5_000, "of them that become due at once, after the steady minute")
	fs.DurationVar(&o.each, "each", time.Minute, "how long the schedule is measured; a turn of a server of the zone is 8 s at most")
	fs.IntVar(&o.targets, "targets", 20_000, "targets of the zone")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), "Usage: go run ./bench/dns [flags] all | pass | schedule | zone\n\n")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	asked := fs.Args()
	if len(asked) == 0 {
		fs.Usage()
		return flag.ErrHelp
	}
	if asked[0] == "all" {
		asked = []string{"pass", "schedule", "zone"}
	}
	for _, name := range asked {
		if rigs[name] == nil {
			return fmt.Errorf("there is no rig %q", name)
		}
		fmt.Printf("\n## %s\n\n", name)
		if err := rigs[name](ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
