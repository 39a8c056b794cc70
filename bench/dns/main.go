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
	"flag"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
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

// roles are the processes that a rig starts from this same program.
var roles = map[string]func(context.Context) error{"role:ours": ours, "role:light": light, "role:schedule": keep, "role:zone": zoneRole}

func main() {
	var o options
	rig.Program{
		Name: "dns",
		Flags: func(fs *flag.FlagSet) {
			fs.IntVar(&o.connections, "connections", 50_000, "connections of a pass")
			fs.IntVar(&o.zdns, "zdns", 5_000, "connections of a pass of zdns")
			fs.IntVar(&o.rounds, "rounds", 5, "rounds of each peer, alternating")
			fs.IntVar(&o.workers, "workers", 128, "connections that ours checks at the same time")
			fs.StringVar(&o.only, "only", "", "peers, separated by commas: ours, light, dnsperf, zdns")
			fs.IntVar(&o.scheduled, "scheduled", 100_000, "connections of the schedule")
			fs.IntVar(&o.backlog, "backlog", 5_000, "of them that become due at once, after the steady minute")
			fs.DurationVar(&o.each, "each", time.Minute, "how long the schedule is measured; a turn of a server of the zone is 8 s at most")
			fs.IntVar(&o.targets, "targets", 20_000, "targets of the zone")
		},
		Rigs: []rig.Rig{
			{Name: "pass", Run: func(ctx context.Context) error { return passes(ctx, o) }},
			{Name: "schedule", Run: func(ctx context.Context) error { return schedule(ctx, o) }},
			{Name: "zone", Run: func(ctx context.Context) error { return authority(ctx, o) }},
		},
		Roles: roles,
	}.Main()
}
