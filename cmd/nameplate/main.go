// Command nameplate is the product: console and API, workers, edge, and the tools of whoever runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/nameplate-dev/nameplate/internal/app"
)

// command is one verb.
type command struct {
	name, what string
	run        func(ctx context.Context, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "console, API and widget files", serve},
		{"work", "checks, certificates, webhooks and schedules", workers},
		{"edge", "customers' domains: http, https and the edge zone", runEdge},
		{"migrate", "bring the database to this version", migrate},
		{"config", "print the settings in force, and check them", config},
		{"admin", "bootstrap, create-user, rewrap, catalogue", admin},
		{"check", "look at a domain: what its DNS says, and what to do", check},
		{"verify", "check that the ledger's chains hold", verify},
		{"webhooks", "listen: bring those of a TEST application to your machine", webhooks},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(start(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// start runs one command and answers the exit code: 0 good, 1 it failed, 2 it was called wrongly; check has further ones.
func start(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(out)
		return map[bool]int{true: 2, false: 0}[len(args) == 0]
	}
	if args[0] == "version" || args[0] == "--version" {
		fmt.Fprintln(out, "nameplate", version())
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], out)
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, new(*wrongCall)):
			fmt.Fprintf(errs, "nameplate %s: %v\nTry nameplate %s --help.\n", c.name, err, c.name)
			return 2
		}
		if code, ok := errors.AsType[outcome](err); ok {
			return int(code)
		}
		fmt.Fprintf(errs, "nameplate %s: %v\n", c.name, app.Explain(err))
		return 1
	}
	fmt.Fprintf(errs, "nameplate: there is no command %q\n", args[0])
	usage(errs)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "nameplate lets a SaaS offer its customers \"use your own domain\".\n\nUsage: nameplate <command> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.what)
	}
	fmt.Fprint(w, "\nEvery flag is also an environment variable: --edge.zone is NAMEPLATE_EDGE_ZONE.\nnameplate <command> --help lists the flags.\n")
}

// wrongCall is a mistake in the arguments.
type wrongCall struct{ err error }

func (w *wrongCall) Error() string { return w.err.Error() }

// parse reads the settings of a command; extra may add flags of its own.
func parse(name string, args []string, out io.Writer, extra func(*flag.FlagSet)) (app.Settings, []string, error) {
	fs := flag.NewFlagSet("nameplate "+name, flag.ContinueOnError)
	fs.SetOutput(out)
	if extra != nil {
		extra(fs)
	}
	raw := app.Flags(fs)
	s, err := app.Parse(fs, raw, args)
	if errors.Is(err, flag.ErrHelp) {
		return s, nil, err
	} else if err != nil {
		return s, nil, &wrongCall{errors.New(strings.ReplaceAll(err.Error(), "\n", "\n  "))}
	}
	s.BuildVersion = version()
	return s, fs.Args(), nil
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}
