package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// serviceAccount makes, lists and ends service accounts: components of this installation that send signed messages.
func serviceAccount(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return &wrongCall{errors.New("say what: create --name …, list, or revoke --id …")}
	}
	var name, id string
	s, _, err := parse("admin service-account "+args[0], args[1:], out, func(fs *flag.FlagSet) {
		fs.StringVar(&name, "name", "", "create: what the component is called")
		fs.StringVar(&id, "id", "", "revoke: the account, as list shows it")
	})
	if err != nil {
		return err
	}
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	switch args[0] {
	case "create":
		made, err := a.Machines.CreateAccount(ctx, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Service account %s, %q. Both secrets are shown this once:\n  key          %s\n  signing key  %s\n", made.Account.ID, made.Account.Name, made.Key.Reveal(), made.Signing.Reveal())
		return nil
	case "list":
		all, err := a.Machines.Accounts(ctx)
		for _, x := range all {
			state := "never used"
			switch {
			case x.RevokedAt != nil:
				state = "revoked " + x.RevokedAt.Format(time.RFC3339)
			case x.LastUsedAt != nil:
				state = "used " + x.LastUsedAt.Format(time.RFC3339)
			}
			fmt.Fprintf(out, "%s  %s  %s  %s\n", x.ID, x.Hint, state, x.Name)
		}
		return err
	case "revoke":
		key, err := ident.Parse[ident.KeyID](id)
		if err != nil {
			return &wrongCall{errors.New("--id is the account, as list shows it: key_…")}
		}
		if err := a.Machines.RevokeAccount(ctx, key); err != nil {
			return err
		}
		fmt.Fprintln(out, "It is refused from now on, everywhere within a second.")
		return nil
	}
	return &wrongCall{fmt.Errorf("there is no %q: create, list or revoke", args[0])}
}
