package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"text/tabwriter"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/nameplate-dev/nameplate/db/devdb"
)

// kekName is the variable that holds the key of a database that lives for one run.
const kekName, kek = "NAMEPLATE_BENCH_KEK", "bench:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// plan is what the process that checks is told.
type plan struct {
	DSN         string
	Server      netip.AddrPort
	Edge        int // port of the HTTPS probe
	Roots       []byte
	Connections int
	Backlog     int
	Each        time.Duration
}

// phase is what was seen of the schedule for a while.
type phase struct {
	Name      string
	Seconds   float64
	Checks    int
	Wanted    int       // checks that became due
	Cores     float64   // of the process
	Lag       float64   // of routine: how long the row that was due longest had waited, at most, in seconds
	Attention []float64 // from the moment somebody looks until the check is written, in seconds
}

type kept struct {
	Phases []phase
	Memory int // RSS at its largest, MB
	State  map[string]int
}

// schedule seeds connections that are live, each due some time within its 15 minutes, and lets the product's queue check them.
func schedule(ctx context.Context, o options) (err error) {
	h := &host{ctx: ctx}
	defer h.close(&err)
	server, err := knot(h, o.scheduled)
	if err != nil {
		return err
	}
	port, roots, err := edge(h)
	if err != nil {
		return err
	}
	os.Setenv(kekName, kek)
	d, err := devdb.Fresh(ctx)
	if err != nil {
		return err
	}
	h.Cleanup(d.Close)
	if err := seed(ctx, d, o.scheduled); err != nil {
		return fmt.Errorf("seed the database: %w", err)
	}
	var out kept
	in := plan{d.DSN, server, port, roots, o.scheduled, o.backlog, o.each}
	if _, err := rig.Role(ctx, "role:schedule", in, &out); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "phase\tseconds\tchecks\tbecame due\tcores\tlag s\tattention p50 s\tslowest s\t")
	for _, p := range out.Phases {
		fmt.Fprintf(w, "%s\t%.0f\t%d\t%d\t%.2f\t%.1f\t%.2f\t%.2f\t\n", p.Name, p.Seconds, p.Checks, p.Wanted, p.Cores, p.Lag, quantile(p.Attention, 0.5), quantile(p.Attention, 1))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("RSS at most %d MB; states at the end: %v\n", out.Memory, out.State)
	return nil
}

// quantile is the smallest of all that q of them do not exceed; all is sorted.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func readPlan() (p plan, err error) {
	err = json.NewDecoder(os.Stdin).Decode(&p)
	p.Each = cmp.Or(p.Each, time.Minute)
	return p, err
}
