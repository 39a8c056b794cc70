package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// migrate brings the schema to this version and makes the months that rows will need.
func migrate(ctx context.Context, args []string, out io.Writer) error {
	s, _, err := parse("migrate", args, out, nil)
	if err != nil {
		return err
	}
	if err := s.Needs("database.url"); err != nil {
		return &wrongCall{err}
	}
	d, err := db.Open(ctx, s.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer d.Close()
	if err := db.Migrate(ctx, d); err != nil {
		return err
	}
	if err := event.MakePartitions(ctx, d); err != nil {
		return err
	}
	if s.RowSecurity != "off" || d.Walled() { // a wall that stands takes in what was added
		if err := db.RaiseWall(ctx, d, s.RowSecurity != "down"); err != nil {
			return err
		}
	}
	if s.AppRole != "" {
		if err := db.Admit(ctx, d, s.AppRole); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "The database is at this version.")
	return nil
}

// config prints the settings in force; what is missing for which command follows.
func config(ctx context.Context, args []string, out io.Writer) error {
	var check bool
	s, _, err := parse("config", args, out, func(fs *flag.FlagSet) {
		fs.BoolVar(&check, "check", false, "ask the DNS whether the edge zone is delegated as it should be")
	})
	if err != nil {
		return err
	}
	fmt.Fprint(out, s)
	if s.Edge.Zone != "" {
		fmt.Fprintf(out, "\nDelegate the edge zone in its parent zone:\n")
		for _, line := range app.Delegation(s) {
			fmt.Fprintln(out, "  "+line)
		}
	}
	missing := s.Needs("database.url", "vault.kek", "edge.zone", "edge.addresses")
	if missing == nil {
		if a, err := app.Open(ctx, s, app.NewLog(io.Discard, s)); err != nil {
			missing = err
		} else {
			defer a.Close()
			fmt.Fprintln(out, "\nDatabase and keys are in order.")
			if s.Edge.DNSSEC {
				if err := printZoneKeys(ctx, a, out); err != nil {
					return err
				}
			}
			if check {
				return checkZone(ctx, a, s, out)
			}
		}
	}
	return missing
}

// checkZone says what is not right about the edge zone's delegation; then the command fails.
func checkZone(ctx context.Context, a *app.App, s app.Settings, out io.Writer) error {
	wrong, err := app.CheckZone(ctx, a.Engine, s)
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		fmt.Fprintln(out, "\nThe edge zone is delegated as it should be.")
		return nil
	}
	return fmt.Errorf("the edge zone:\n  %s", strings.Join(wrong, "\n  "))
}

// admin holds what nobody but the operator does.
func admin(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return &wrongCall{errors.New("say what: bootstrap, create-user, service-account, rewrap, zone-key or catalogue")}
	}
	switch args[0] {
	case "bootstrap":
		return bootstrap(ctx, args[1:], out)
	case "create-user":
		return createUser(ctx, args[1:], out)
	case "service-account":
		return serviceAccount(ctx, args[1:], out)
	case "rewrap":
		return rewrap(ctx, args[1:], out)
	case "zone-key":
		return zoneKey(ctx, args[1:], out)
	case "catalogue":
		return catalogue(args[1:], out)
	case "-h", "--help", "help":
		fmt.Fprintln(out, "nameplate admin bootstrap --email … --name … [--email … --name …]         make the first two operators, and print their one-time links\nnameplate admin create-user --email … --name … --organization …   the password is read from standard input\nnameplate admin service-account create --name …                     a component that sends signed messages; list, revoke --id …\nnameplate admin rewrap                                              wrap all data keys under the present vault.kek\nnameplate admin zone-key list                                       the keys that sign the edge zone, with their DS records; add, retire --tag …\nnameplate admin catalogue check [providers.json]                    hold a file of providers against the schema, and list old rows\nnameplate admin catalogue schema                                    print the JSON Schema of a row")
		return nil
	}
	return &wrongCall{fmt.Errorf("there is no %q: bootstrap, create-user, service-account, rewrap, zone-key or catalogue", args[0])}
}

func createUser(ctx context.Context, args []string, out io.Writer) error {
	var in app.Developer
	s, _, err := parse("admin create-user", args, out, func(fs *flag.FlagSet) {
		fs.StringVar(&in.Email, "email", "", "the person's mail address, with which they sign in")
		fs.StringVar(&in.Name, "name", "", "what the person is called")
		fs.StringVar(&in.Organization, "organization", "", "name of their organization")
		fs.StringVar(&in.Slug, "slug", "", "short name of it; made from the name when left out")
	})
	if err != nil {
		return err
	}
	if in.Email == "" || in.Name == "" || in.Organization == "" {
		return &wrongCall{errors.New("--email, --name and --organization are needed")}
	}
	if in.Slug == "" {
		in.Slug = application.SlugFrom(in.Organization)
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 1024)).ReadString('\n')
	if err != nil && line == "" {
		return &wrongCall{errors.New("write the password to standard input, one line")}
	}
	in.Password = secret.New(strings.TrimRight(line, "\r\n"))
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	user, org, err := a.CreateDeveloper(ctx, in)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s can sign in at %s/login (%s in %s).\n", in.Email, s.ConsoleOrigin, user, org)
	return nil
}

func rewrap(ctx context.Context, args []string, out io.Writer) error {
	s, _, err := parse("admin rewrap", args, out, nil)
	if err != nil {
		return err
	}
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	n, err := a.Vault.Rewrap(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d data keys were wrapped anew. The former keys are not needed any more.\n", n)
	return nil
}

// verify reads the whole ledger and says whether its chains hold, and whether they are those of the checkpoints.
func verify(ctx context.Context, args []string, out io.Writer) error {
	path := ""
	s, _, err := parse("verify", args, out, func(fs *flag.FlagSet) {
		fs.StringVar(&path, "checkpoints", "", "file of checkpoints to hold the ledger against; without it that of audit.checkpoints, where it is set")
	})
	if err != nil {
		return err
	}
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	var kept io.Reader
	if path = cmp.Or(path, s.Checkpoints); path != "" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open the checkpoints: %w", err)
		}
		defer f.Close()
		kept = f
	}
	rows, checkpoints, err := a.Audits.Verify(ctx, kept)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d audited rows: every chain holds. %d checkpoints: all are of these rows.\n", rows, checkpoints)
	if path == "" {
		fmt.Fprintln(out, "Without a file of checkpoints (audit.checkpoints) nobody sees when the newest rows are cut off.")
	}
	return nil
}

// open opens the product for a tool; a setting that is missing is a wrong call.
func open(ctx context.Context, s app.Settings) (*app.App, error) {
	if err := s.Needs("database.url", "vault.kek"); err != nil {
		return nil, &wrongCall{err}
	}
	return app.Open(ctx, s, app.NewLog(os.Stderr, s))
}
