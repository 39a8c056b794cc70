package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/nameplate-dev/nameplate/internal/app"
)

// zoneKey shows, adds and retires the keys that sign the edge zone. One key follows another in three steps, each of which can be looked at with
// the tools of the DNS: add, set its DS in the parent zone instead of the former one, and retire the former a day later.
func zoneKey(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return &wrongCall{errors.New("say what: list, add, or retire --tag …")}
	}
	var tag uint
	s, _, err := parse("admin zone-key "+args[0], args[1:], out, func(fs *flag.FlagSet) {
		fs.UintVar(&tag, "tag", 0, "retire: the key's tag, as list shows it")
	})
	if err != nil {
		return err
	}
	if err := s.Needs("edge.zone"); err != nil {
		return &wrongCall{err}
	}
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	switch args[0] {
	case "list":
	case "add":
		if err := a.AddZoneKey(ctx); err != nil {
			return err
		}
	case "retire":
		if tag == 0 || tag > 65535 {
			return &wrongCall{errors.New("--tag is the key's tag, as list shows it")}
		}
		if err := a.RetireZoneKey(ctx, uint16(tag)); err != nil {
			return err
		}
	default:
		return &wrongCall{fmt.Errorf("there is no %q: list, add or retire", args[0])}
	}
	return printZoneKeys(ctx, a, out)
}

// printZoneKeys shows the newest key last: it is the one that the parent zone is to name.
func printZoneKeys(ctx context.Context, a *app.App, out io.Writer) error {
	keys, err := a.ZoneKeys(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nSet in the parent zone of the edge zone, once its servers answer with signatures:")
	for n, k := range keys {
		note := ""
		if n < len(keys)-1 {
			note = "   ; former: take it away once the last one has been there for a day"
		}
		fmt.Fprintln(out, "  "+k.DS()+note)
	}
	return nil
}
