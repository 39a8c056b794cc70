// Command graphql measures the GraphQL server against peers that do the same work on the same machine, in one run and alternating:
//
//	page   a page of the console, ~100 kB: against PostGraphile 5 and against a handler written by hand on pgx
//	point  one connection with its records: against the same
//	live   5,000 subscribers on one process: against a bare hub of gorilla/websocket and against graphql-yoga with graphql-ws
//	herd   5,000 clients that come back at once after a restart
//	start  from exec to the first answer
//	hold   starts the servers of page and waits, for looking into one of them
//
// Every server runs in a process of its own, so that its CPU and memory are its own; clients run in another. All of it is started here, speaks on
// loopback, and ends with this process. The figures stand in docs/benchmarks.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// options are what a run can be told.
type options struct {
	binary      string        // the product
	rounds      int           // of each server, alternating
	each        time.Duration // one round
	warm        time.Duration // each server before the first round
	concurrency int           // requests at the same time
	tenant      int           // connections of the organization that is read
	workers     int           // processes of PostGraphile
	clients     int           // sockets of live and herd
	subjects    int           // connections that they watch
	rate        int           // events a second of the open loop
	open        time.Duration // the open loop
	redis       bool          // our server counts its limits in Redis while pages are read, too
	only        string        // names of servers, separated by commas
}

func (o options) wants(server string) bool { return rig.Wants(o.only, server) }

// roles are the processes that a rig starts from this same program.
var roles = map[string]func(context.Context) error{
	"role:load":  load,
	"role:pgx":   handwritten,
	"role:watch": watch,
	"role:hub":   hub,
}

func main() {
	var o options
	var b *bench
	rig.Program{
		Name: "graphql",
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&o.binary, "binary", "bin/nameplate", "the product")
			fs.IntVar(&o.rounds, "rounds", 5, "rounds of each server")
			fs.DurationVar(&o.each, "each", 4*time.Second, "length of a round")
			fs.DurationVar(&o.warm, "warm", 3*time.Second, "how long each server is warmed up")
			fs.IntVar(&o.concurrency, "concurrency", 16, "requests at the same time")
			fs.IntVar(&o.tenant, "tenant", 2000, "connections of the organization whose page is read; all of them are counted for each page")
			fs.IntVar(&o.workers, "workers", 1, "processes of PostGraphile, which share its port")
			fs.IntVar(&o.clients, "clients", 5000, "sockets of live and herd")
			fs.IntVar(&o.subjects, "subjects", 500, "connections that the sockets of live watch, each as many")
			fs.IntVar(&o.rate, "rate", 2000, "events a second in the open loop of live")
			fs.DurationVar(&o.open, "open", 20*time.Second, "length of the open loop of live")
			fs.BoolVar(&o.redis, "redis", false, "page and point: our server counts its limits in Redis")
			fs.StringVar(&o.only, "only", "", "servers, separated by commas: ours, pgx, postgraphile, hub, yoga; ours is always there")
		},
		Open: func(ctx context.Context) (func(), error) {
			var err error
			if o.binary, err = filepath.Abs(o.binary); err != nil {
				return nil, err
			}
			if _, err := os.Stat(o.binary); err != nil {
				return nil, fmt.Errorf("there is no %s: make go-build", o.binary)
			}
			if b, err = open(ctx, o); err != nil {
				return nil, err
			}
			return b.close, nil
		},
		Rigs: []rig.Rig{
			{Name: "page", Run: func(ctx context.Context) error { return b.read(ctx, pageRead) }},
			{Name: "point", Run: func(ctx context.Context) error { return b.read(ctx, pointRead) }},
			{Name: "live", Run: func(ctx context.Context) error { return b.watched(ctx) }},
			{Name: "herd", Run: func(ctx context.Context) error { return b.returns(ctx) }},
			{Name: "start", Run: func(ctx context.Context) error { return b.start(ctx) }},
			{Name: "hold", Run: func(ctx context.Context) error { return b.hold(ctx) }, Apart: true},
		},
		Roles: roles,
	}.Main()
}
