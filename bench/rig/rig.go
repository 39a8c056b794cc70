// Package rig is what the programs that measure have in common: their command line, the processes that they start, and what those have used.
package rig

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
)

// Program is a program that measures. It starts itself again for the roles that shall have a process of their own.
type Program struct {
	Name  string
	Flags func(*flag.FlagSet)
	Rigs  []Rig                                  // in the order of `all`
	Roles map[string]func(context.Context) error // by their first argument
	Open  func(context.Context) (end func(), err error)
}

// Rig is one measurement.
type Rig struct {
	Name  string
	Run   func(context.Context) error
	Apart bool // `all` leaves it out
}

// Main runs what the arguments ask for, tells what went wrong, and ends the process.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.start(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench/%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

func (p Program) start(ctx context.Context, args []string) error {
	if len(args) > 0 && p.Roles[args[0]] != nil {
		return p.Roles[args[0]](ctx)
	}
	names, all := make([]string, len(p.Rigs)), []string{}
	for n, r := range p.Rigs {
		if names[n] = r.Name; !r.Apart {
			all = append(all, r.Name)
		}
	}
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	p.Flags(fs)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "Usage: go run ./bench/%s [flags] all | %s\n\n", p.Name, strings.Join(names, " | "))
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
	if slices.Equal(asked, []string{"all"}) {
		asked = all
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no rig %q: %s", name, strings.Join(names, ", "))
		}
	}
	if p.Open != nil {
		end, err := p.Open(ctx)
		if err != nil {
			return err
		}
		defer end()
	}
	for _, name := range asked {
		fmt.Printf("\n## %s\n\n", name)
		if err := p.Rigs[slices.Index(names, name)].Run(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Wants says whether a name is in a list with commas. An empty list wants all.
func Wants(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}
