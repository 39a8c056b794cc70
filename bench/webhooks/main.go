// Command webhooks measures how fast deliveries leave, and what their log costs:
//
//	backlog  100,000 deliveries that wait for 100 endpoints burn down, beside River and graphile-worker, alternating in one run
//	latency  from the commit of an event to the receiver, at 200 events a second
//	log      10 million deliveries in monthly partitions: each way to look at them, and dropping a month
//
// Receivers, engines and peers are processes of their own; everything is started here, speaks on loopback and ends with this process. Run it below withpg, which
// gives it a PostgreSQL. The figures stand in docs/benchmarks.md.
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
	each    int           // deliveries that wait for each endpoint
	rounds  int           // of each contender, alternating
	only    string        // contenders, separated by commas
	rate    int           // events a second of latency
	length  time.Duration // of latency
	rows    int           // of the log
	profile string        // file for a CPU profile of our engine
}

var rigs = map[string]func(context.Context, options) error{"backlog": backlog, "latency": latency, "log": bigLog}

// roles are the processes that a rig starts from this same program.
var roles = map[string]func(context.Context) error{"role:receiver": receive, "role:engine": engine, "role:river": riverPeer}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/webhooks:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](ctx)
	}
	var o options
	fs := flag.NewFlagSet("webhooks", flag.ContinueOnError)
	fs.IntVar(&o.each, "each", 1000, "deliveries that wait for each of 100 endpoints")
	fs.IntVar(&o.rounds, "rounds", 3, "rounds of each contender, alternating")
	fs.StringVar(&o.only, "only", "", "contenders, separated by commas: free, ordered, river, graphile")
	fs.IntVar(&o.rate, "rate", 200, "events a second of latency")
	fs.DurationVar(&o.length, "length", 20*time.Second, "how long latency is measured")
	fs.IntVar(&o.rows, "rows", 10_000_000, "deliveries in the log")
	fs.StringVar(&o.profile, "profile", "", "file for a CPU profile of our engine in backlog")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), "Usage: go run ./bench/webhooks [flags] all | backlog | latency | log\n\n")
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
		asked = []string{"backlog", "latency", "log"}
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
