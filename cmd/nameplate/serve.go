package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
)

func serve(ctx context.Context, args []string, out io.Writer) error {
	return process(ctx, "serve", args, out, func(ctx context.Context, a *app.App) ([]run.Part, error) {
		l, err := net.Listen("tcp", a.Settings.Listen)
		if err != nil {
			return nil, fmt.Errorf("open http.listen: %w", err)
		}
		h, err := a.Handler()
		if err != nil {
			return nil, err
		}
		a.Log.InfoContext(ctx, "serving", "listen", l.Addr().String(), "console", a.Settings.ConsoleOrigin)
		return []run.Part{a.Server(l, h), {Name: "heap", Run: roomy}}, nil
	})
}

func workers(ctx context.Context, args []string, out io.Writer) error {
	return process(ctx, "work", args, out, func(ctx context.Context, a *app.App) ([]run.Part, error) {
		a.Log.InfoContext(ctx, "working")
		return []run.Part{a.Worker(), {Name: "heap", Run: roomy}}, nil
	}, "edge.zone")
}

func runEdge(ctx context.Context, args []string, out io.Writer) error {
	return around(ctx, "edge", args, out, app.OpenOutpost, func(ctx context.Context, o *app.Outpost) ([]run.Part, error) {
		part, e, err := o.Listen(ctx)
		if err != nil {
			return nil, err
		}
		addresses := []any{"http", e.HTTPAddrs(), "https", e.HTTPSAddrs()}
		if e.DNS != nil {
			addresses = append(addresses, "dns", e.DNS.Addrs())
		}
		slog.InfoContext(ctx, "serving domains", addresses...)
		return []run.Part{part, {Name: "heap", Run: roomy}}, nil
	}, "edge.zone", "edge.addresses")
}

// process is a process that cannot begin without the product on its database.
func process(ctx context.Context, name string, args []string, out io.Writer, add func(context.Context, *app.App) ([]run.Part, error), needs ...string) error {
	return around(ctx, name, args, out, app.Open, add, needs...)
}

// house is what stands behind a command: the product, or an edge's way to it.
type house interface {
	Base() []run.Part
	MetricsServer(net.Listener) run.Part
	Close()
}

// around opens the house, runs its base and what the command adds, and stops in reverse order within ten seconds.
func around[H house](ctx context.Context, name string, args []string, out io.Writer, open func(context.Context, app.Settings, *slog.Logger) (H, error), add func(context.Context, H) ([]run.Part, error), needs ...string) error {
	s, _, err := parse(name, args, out, nil)
	if err != nil {
		return err
	}
	if err := s.Needs(append([]string{"database.url", "vault.kek"}, needs...)...); err != nil {
		return &wrongCall{err}
	}
	log := app.NewLog(os.Stderr, s)
	h, err := open(ctx, s, log)
	if err != nil {
		return err
	}
	defer h.Close()
	parts, err := add(ctx, h)
	if err != nil {
		return err
	}
	if s.MetricsListen != "" {
		l, err := net.Listen("tcp", s.MetricsListen)
		if err != nil {
			return fmt.Errorf("open metrics.listen: %w", err)
		}
		parts = append(parts, h.MetricsServer(l))
	}
	err = run.All(ctx, append(h.Base(), parts...)...)
	log.InfoContext(context.WithoutCancel(ctx), "stopped")
	return err
}
