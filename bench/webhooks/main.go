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
	"flag"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
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

// roles are the processes that a rig starts from this same program.
var roles = map[string]func(context.Context) error{"role:receiver": receive, "role:engine": engine, "role:river": riverPeer}

func main() {
	var o options
	rig.Program{
		Name: "webhooks",
		Flags: func(fs *flag.FlagSet) {
			fs.IntVar(&o.each, "each", 1000, "deliveries that wait for each of 100 endpoints")
			fs.IntVar(&o.rounds, "rounds", 3, "rounds of each contender, alternating")
			fs.StringVar(&o.only, "only", "", "contenders, separated by commas: free, ordered, river, graphile")
			fs.IntVar(&o.rate, "rate", 200, "events a second of latency")
			fs.DurationVar(&o.length, "length", 20*time.Second, "how long latency is measured")
			fs.IntVar(&o.rows, "rows", 10_000_000, "deliveries in the log")
			fs.StringVar(&o.profile, "profile", "", "file for a CPU profile of our engine in backlog")
		},
		Rigs: []rig.Rig{
			{Name: "backlog", Run: func(ctx context.Context) error { return backlog(ctx, o) }},
			{Name: "latency", Run: func(ctx context.Context) error { return latency(ctx, o) }},
			{Name: "log", Run: func(ctx context.Context) error { return bigLog(ctx, o) }},
		},
		Roles: roles,
	}.Main()
}
