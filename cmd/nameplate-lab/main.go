// Command nameplate-lab is the product and the lab's world in one process, on loopback alone: for development, demonstrations and rehearsals. Every start is
// a clean stage; nothing survives its end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "nameplate-lab:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("nameplate-lab", flag.ContinueOnError)
	fs.SetOutput(errs)
	addresses := fs.String("addresses", "", "write where everything is into this file, as JSON, when all is ready")
	free := fs.Bool("free-ports", false, "take free ports instead of 20000 to 20443, so that two labs do not meet")
	level := fs.String("log", "warn", "how much the product tells: debug, info, warn or error")
	life := fs.Duration("cert-lifetime", 0, "lifetime of the certificates of the lab's CAs; 0 is 90 days")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 && fs.Arg(0) != "serve" {
		return fmt.Errorf("there is no command %q; call nameplate-lab --help", fs.Arg(0))
	}
	began := time.Now()
	s, err := stage.Open(ctx, stage.Config{FreePorts: *free, Log: errs, LogLevel: *level, CertLifetime: *life})
	if err != nil {
		return err
	}
	if *addresses != "" {
		if err := write(*addresses, s.Addresses); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	a := s.Addresses
	fmt.Fprintf(out, `
  Nameplate runs (ready in %.1f s; nothing survives a restart).

  1  Be a customer: open %s, connect shop.acme.lab with the widget.
  2  Be their DNS provider: add the record at %s/plain/acme.lab
  3  Be the developer: %s  %s / %s
  4  Read the mails that were sent: %s
  5  Look behind it all: %s (zones, CA, hooks, clock, "visit")
  6  API: %s with the key %s

`, time.Since(began).Seconds(), a.HostPage, s.World.Addresses.Providers, a.Console, a.ConsoleEmail, a.ConsolePassword, a.Mail, a.Lab, a.GraphQL, a.APIKey)
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "  Stopping.")
		return s.Close()
	case err := <-s.Wait():
		return errors.Join(err, errors.New("the product ended by itself"))
	}
}

// write puts the addresses in place at once: whoever waits for the file reads all of it.
func write(path string, a stage.Addresses) error {
	raw, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
