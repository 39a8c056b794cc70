// Command soak lets the product's processes run while what they lean on is killed or hangs in turn, and visits every name all the time:
//
//	soak  serve, work and edge, PostgreSQL, Redis and the CA in trouble, one after the other; then everything must be as if nothing had been
//
// It fails when a visitor met a wrong or an expired certificate, or was refused without one of ours being down on purpose, and when a name is not live and served
// at the end. PostgreSQL and Redis are its own, the world is the lab's, and everything is on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

type options struct {
	whole        time.Duration
	each         time.Duration // from one trouble to the next
	names        int
	visitors     int
	certificates time.Duration
	calm         bool
	binary       string
}

func main() {
	var o options
	rig.Program{
		Name: "soak",
		Flags: func(fs *flag.FlagSet) {
			fs.DurationVar(&o.whole, "for", 30*time.Minute, "how long there is trouble")
			fs.DurationVar(&o.each, "each", 25*time.Second, "from one trouble to the next")
			fs.IntVar(&o.names, "names", 200, "names that are visited")
			fs.IntVar(&o.visitors, "visitors", 4, "visitors at the same time, each with a new connection for each name")
			fs.DurationVar(&o.certificates, "certificates", 24*time.Minute, "how long a certificate lasts; it is renewed after two thirds")
			fs.BoolVar(&o.calm, "calm", false, "no trouble at all: with short certificates it shows renewals, and fails when a name was renewed less often than its certificates end")
			fs.StringVar(&o.binary, "binary", "", "a nameplate that was built already")
		},
		Rigs: []rig.Rig{{Name: "soak", Run: func(ctx context.Context) error { return soak(ctx, o) }}},
	}.Main()
}

func soak(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "nameplate-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h, err := open(ctx, o, dir)
	if h != nil {
		defer h.close()
	}
	if err != nil {
		return err
	}
	began := time.Now()
	if err := h.connect(ctx, o.names); err != nil {
		return err
	}
	fmt.Printf("%d names are live after %s\n", o.names, time.Since(began).Round(time.Second))
	crowd := h.visit(ctx, o.visitors)
	counts, least := map[string]int{}, 0
	if o.calm {
		least = int(o.whole / o.certificates)
		err = wait(ctx, o.whole)
	} else {
		counts = h.trouble(ctx, o)
	}
	after, lost := h.afterwards(ctx, least)
	crowd.stop()
	for _, t := range troubles {
		if !o.calm {
			fmt.Printf("%3d × %s\n", counts[t.name], t.name)
		}
	}
	fmt.Printf("%s\n%s\n", crowd, after)
	return errors.Join(err, lost, crowd.fault())
}
