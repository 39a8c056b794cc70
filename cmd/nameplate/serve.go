package main

import (
	"context"
	"fmt"
	"io"
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
		return append(a.Publisher(), a.Worker(), run.Part{Name: "heap", Run: roomy}), nil
	}, "edge.zone")
}

func runEdge(ctx context.Context, args []string, out io.Writer) error {
	return process(ctx, "edge", args, out, func(ctx context.Context, a *app.App) ([]run.Part, error) {
		part, e, err := a.ListenEdge(ctx)
		if err != nil {
			return nil, err
		}
		a.Log.InfoContext(ctx, "serving domains", "http", e.HTTPAddrs(), "https", e.HTTPSAddrs(), "zone", a.Settings.Edge.Zone)
		return []run.Part{part, {Name: "heap", Run: roomy}}, nil
	}, "edge.zone", "edge.addresses")
}

// process opens the product, runs the base and what the command adds, and stops in reverse order within ten seconds.
func process(ctx context.Context, name string, args []string, out io.Writer, add func(context.Context, *app.App) ([]run.Part, error), needs ...string) error {
	s, _, err := parse(name, args, out, nil)
	if err != nil {
		return err
	}
	if err := s.Needs(append([]string{"database.url", "vault.kek"}, needs...)...); err != nil {
		return &wrongCall{err}
	}
	log := app.NewLog(os.Stderr, s)
	a, err := app.Open(ctx, s, log)
	if err != nil {
		return err
	}
	defer a.Close()
	parts, err := add(ctx, a)
	if err != nil {
		return err
	}
	if s.MetricsListen != "" {
		l, err := net.Listen("tcp", s.MetricsListen)
		if err != nil {
			return fmt.Errorf("open metrics.listen: %w", err)
		}
		parts = append(parts, a.MetricsServer(l))
	}
	err = run.All(ctx, append(a.Base(), parts...)...)
	log.InfoContext(context.WithoutCancel(ctx), "stopped")
	return err
}
