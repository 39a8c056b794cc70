package app

import (
	"context"
	"errors"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// Developer asks for a person with an organization: what `nameplate admin create-user` makes.
type Developer struct {
	Email, Name        string
	Password           secret.String
	Organization, Slug string
	TermsAccepted      bool // the person has read and accepted them; else the console asks
}

// CreateDeveloper registers a person who can sign in, and makes their organization; its first application follows by itself.
func (a *App) CreateDeveloper(ctx context.Context, in Developer) (ident.UserID, ident.OrgID, error) {
	var user ident.UserID
	org := ident.New[ident.OrgID](a.DB.Now())
	email := strings.ToLower(strings.TrimSpace(in.Email))
	if !strings.Contains(email, "@") || len(email) > 254 {
		return user, org, fault.Invalid("email", "email", "Write a mail address.")
	}
	first, last, _ := strings.Cut(strings.TrimSpace(in.Name), " ")
	if first == "" {
		return user, org, fault.Invalid("name", "name_length", "Give a name.")
	}
	if n := len(in.Password.Reveal()); n < 12 || n > 256 { // what an operator types for somebody is not looked up in lists
		return user, org, fault.Invalid("password", "password_length", "Choose a password of 12 to 256 characters.")
	}
	phc, err := a.Credentials.Hash(ctx, in.Password)
	if err != nil {
		return user, org, err
	}
	err = a.Door.System(ctx, "admin", org, func(ctx context.Context, e *door.Effect) (err error) {
		if user, err = a.person(ctx, e, registration.Person{Email: email, FirstName: first, LastName: last, Timezone: "Etc/UTC", Locale: "en", PHC: phc}); err != nil {
			return err
		}
		if err := a.Organizations.CreateTx(ctx, e, org, in.Organization, in.Slug, user); err != nil {
			return err
		}
		if in.TermsAccepted {
			if err := a.Accounts.AcceptTermsTx(ctx, e, user, a.Settings.Terms); err != nil {
				return err
			}
		}
		e.Record(event.Change{Action: "credential.registered", Subject: user.String(), Version: 1, Stream: "credential:" + user.String(), Payload: map[string]any{"v": 1}, Audited: true})
		return a.Accounts.SetDefaultTx(ctx, e, user, org)
	})
	return user, org, err
}

// Explain turns the faults of an error into lines for a terminal; other errors stay as they are.
func Explain(err error) error {
	faults := fault.All(err)
	if len(faults) == 0 {
		return err
	}
	var lines []error
	for _, f := range faults {
		line := f.Message
		if f.Field != "" {
			line = f.Field + ": " + line
		}
		lines = append(lines, errors.New(line))
	}
	return errors.Join(lines...)
}
