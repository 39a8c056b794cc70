// Bench measures the edge beside other proxies: Caddy, nginx, and net/http/httputil.ReverseProxy with nothing around it. All stand in front of the same
// origin on this machine, present the same certificate (TLS 1.3, P-256) and take turns within one run.
package main

import (
	"context"
	"flag"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

type options struct {
	rounds  int
	each    time.Duration
	clients int
	sockets int
	only    string
	limit   float64
}

func (o options) wants(name string) bool { return rig.Wants(o.only, name) }

// roles are what this program is when it starts itself.
var roles = map[string]func(context.Context) error{"role:ours": ours, "role:bare": bare, "role:origin": origin}

func main() {
	var o options
	rig.Program{
		Name: "edge",
		Flags: func(fs *flag.FlagSet) {
			fs.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement, alternating between the proxies")
			fs.DurationVar(&o.each, "each", 2*time.Second, "how long one measurement lasts")
			fs.IntVar(&o.clients, "clients", 64, "connections at the same time")
			fs.IntVar(&o.sockets, "sockets", 1000, "WebSockets")
			fs.StringVar(&o.only, "only", "", "proxies and measurements, separated by commas: ours, caddy, bare, nginx; all measurements when none is named")
			fs.Float64Var(&o.limit, "load", 0.7, "part of its own maximum under which a proxy's p99 is measured")
		},
		Rigs: []rig.Rig{
			{Name: "proxy", Run: func(ctx context.Context) error { return proxies(ctx, o) }},
			{Name: "certificates", Run: func(ctx context.Context) error { return certificates(ctx, o) }},
			{Name: "strangers", Run: func(ctx context.Context) error { return strangers(ctx, o) }},
			{Name: "ask", Run: func(ctx context.Context) error { return asks(ctx, o) }},
			{Name: "protocols", Run: func(ctx context.Context) error { return protocols(ctx, o) }},
			{Name: "scan", Run: func(ctx context.Context) error { return scan(ctx, o) }},
			{Name: "h2spec", Run: func(ctx context.Context) error { return h2spec(ctx, o) }},
		},
		Roles: roles,
	}.Main()
}
