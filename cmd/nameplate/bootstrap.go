package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/nameplate-dev/nameplate/internal/app"
)

// several is a flag that may be given more than once.
type several []string

func (s *several) String() string         { return fmt.Sprint(*s) }
func (s *several) Set(value string) error { *s = append(*s, value); return nil }

// bootstrap makes the first two operators. The links are printed here and nowhere else: whoever opens one first sets the password.
func bootstrap(ctx context.Context, args []string, out io.Writer) error {
	var emails, names several
	s, rest, err := parse("admin bootstrap", args, out, func(fs *flag.FlagSet) {
		fs.Var(&emails, "email", "mail address of an operator; give it twice for two people")
		fs.Var(&names, "name", "what that person is called, in the same order; for a new account")
	})
	if err != nil {
		return err
	}
	switch {
	case len(rest) > 0:
		return &wrongCall{fmt.Errorf("%q is not understood: write --email %[1]s", rest[0])}
	case len(emails) == 0:
		return &wrongCall{errors.New("--email is needed, once or twice: the addresses of the first operators")}
	case len(emails) > 2:
		return &wrongCall{errors.New("the first operators are two: they make the others in the console")}
	case len(names) > len(emails):
		return &wrongCall{errors.New("there are more names than addresses")}
	}
	people := make([]app.FirstOperator, len(emails))
	for n := range emails {
		people[n].Email = emails[n]
		if n < len(names) {
			people[n].Name = names[n]
		}
	}
	a, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer a.Close()
	made, err := a.Bootstrap(ctx, people)
	if err != nil {
		return err
	}
	for _, one := range made {
		if one.Link.IsZero() {
			fmt.Fprintf(out, "%s has an account and is an operator now. They sign in as before, with a second factor.\n", one.Email)
			continue
		}
		fmt.Fprintf(out, "%s is an operator. This link sets the password; it works once, for 24 hours:\n  %s\nThen they sign in and add a second factor under Account, Security: without one they are no operator.\n", one.Email, one.Link.Reveal())
	}
	if len(made) == 1 {
		fmt.Fprintln(out, "With one operator alone, changes that need a second one wait for 24 hours. Run this again for the second.")
	}
	return nil
}
