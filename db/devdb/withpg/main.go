// Withpg runs a command with a PostgreSQL beside it: go run ./db/devdb/withpg [-migrated] -- command arguments…
//
// DATABASE_URL names the server for the command; when it is set already, that server is used. With -migrated, SQLC_DATABASE names a fresh migrated
// database too. The exit code is the command's. Signals reach the command, and the server ends after it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/nameplate-dev/nameplate/db/devdb"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("withpg: ")
	migrated := flag.Bool("migrated", false, "name a fresh migrated database in SQLC_DATABASE")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("say which command to run: withpg [-migrated] -- command arguments…")
	}
	code, err := run(context.Background(), *migrated, flag.Args())
	if err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

func run(ctx context.Context, migrated bool, args []string) (code int, err error) {
	s, err := devdb.Connect(ctx)
	if err != nil {
		return 1, err
	}
	defer s.Close()
	env := append(os.Environ(), "DATABASE_URL="+s.DSN)
	if migrated {
		d, err := s.Fresh(ctx)
		if err != nil {
			return 1, err
		}
		defer d.Close()
		env = append(env, "SQLC_DATABASE="+d.DSN)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	c := exec.Command(args[0], args[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return 127, fmt.Errorf("start %s: %w", args[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = c.Process.Signal(sig) // it has the terminal's too, which does no harm
		case err := <-ended:
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
					return 128 + int(status.Signal()), nil
				}
				return exit.ExitCode(), nil
			}
			return 0, err
		}
	}
}
