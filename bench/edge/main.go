// Bench measures the edge beside other proxies: Caddy, nginx, and net/http/httputil.ReverseProxy with nothing around it. All stand in front of the same
// origin on this machine, present the same certificate (TLS 1.3, P-256) and take turns within one run.
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

type options struct {
	rounds  int
	each    time.Duration
	clients int
	sockets int
	only    string
	limit   float64
}

func (o options) wants(name string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), name)
}

// rigs are what can be asked for; roles what this program is when it starts itself.
var (
	rigs  = map[string]func(context.Context, options) error{"proxy": proxies, "certificates": certificates, "strangers": strangers, "h2spec": h2spec}
	roles = map[string]func(context.Context) error{"role:ours": ours, "role:bare": bare, "role:origin": origin}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/edge:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](ctx)
	}
	var o options
	fs := flag.NewFlagSet("edge", flag.ContinueOnError)
	fs.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement, alternating between the proxies")
	fs.DurationVar(&o.each, "each", 2*time.Second, "how long one measurement lasts")
	fs.IntVar(&o.clients, "clients", 64, "connections at the same time")
	fs.IntVar(&o.sockets, "sockets", 1000, "WebSockets")
	fs.StringVar(&o.only, "only", "", "proxies and measurements, separated by commas: ours, caddy, bare, nginx; all measurements when none is named")
	fs.Float64Var(&o.limit, "load", 0.7, "part of its own maximum under which a proxy's p99 is measured")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), "Usage: go run ./bench/edge [flags] all | proxy | certificates | strangers | h2spec\n\n")
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
		asked = []string{"proxy", "certificates", "strangers", "h2spec"}
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
