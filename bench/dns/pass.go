package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// pass is one pass over connections.
type pass struct {
	Server               netip.AddrPort
	Connections, Workers int
}

// outcome is what came of it.
type outcome struct {
	Verified int
	Seconds  float64
	Sockets  int // and other files that were open, at most
	Memory   int // RSS at its largest, MB
}

// figure is a pass with its cost.
type figure struct {
	outcome
	cpu time.Duration
}

func (f figure) perSecond() float64 { return float64(f.Verified) / f.Seconds }

// peer makes passes. Its connections are counted only when every one of them was verified, as far as the peer can tell.
type peer struct {
	name        string
	connections int
	run         func(context.Context, pass) (figure, error)
}

func byRole(name string) func(context.Context, pass) (figure, error) {
	return func(ctx context.Context, p pass) (f figure, err error) {
		f.cpu, err = rig.Role(ctx, name, p, &f.outcome)
		return f, err
	}
}

// passes alternates ours and the peers, and tells the median of each.
func passes(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "bench-dns")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h := &host{ctx: ctx}
	defer h.close(&err)
	server, err := knot(h, o.connections)
	if err != nil {
		return err
	}
	files := questions{filepath.Join(dir, "all"), filepath.Join(dir, "names"), o.connections, o.zdns}
	if err := files.write(); err != nil {
		return err
	}
	all := []peer{
		{"ours", o.connections, byRole("role:ours")},
		{"dnsperf", o.connections, files.dnsperf},
		{"zdns", o.zdns, files.zdns},
		{"light", o.zdns, byRole("role:light")},
	}
	peers := slices.DeleteFunc(all, func(p peer) bool { return o.only != "" && !slices.Contains(strings.Split(o.only, ","), p.name) })
	seen := map[string][]figure{}
	for round := range o.rounds {
		for _, p := range peers {
			f, err := p.run(ctx, pass{server, p.connections, o.workers})
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if f.Verified != p.connections {
				return fmt.Errorf("%s verified %d of %d connections", p.name, f.Verified, p.connections)
			}
			seen[p.name] = append(seen[p.name], f)
			fmt.Printf("round %d: %-8s %8.0f connections/s\n", round+1, p.name, f.perSecond())
		}
	}
	return show(peers, seen)
}

func show(peers []peer, seen map[string][]figure) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\npeer\tconnections/s\tours is\tCPU s per 1,000\tRSS MB\tfiles\t")
	middle := func(name string) figure {
		list := slices.SortedFunc(slices.Values(seen[name]), func(a, b figure) int { return cmp.Compare(a.perSecond(), b.perSecond()) })
		return list[len(list)/2]
	}
	for _, p := range peers {
		f, ratio := middle(p.name), "-"
		if p.name != "ours" && len(seen["ours"]) > 0 {
			ratio = fmt.Sprintf("%.2f ×", middle("ours").perSecond()/f.perSecond())
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.4f\t%d\t%d\t\n", p.name, f.perSecond(), ratio, f.cpu.Seconds()/float64(p.connections)*1000, f.Memory, f.Sockets)
	}
	return w.Flush()
}

// since is a duration in seconds.
func since(t time.Time) float64 { return time.Since(t).Seconds() }
