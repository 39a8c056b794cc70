package app

import (
	"context"
	"errors"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// Developer asks for a person with an organization: what `nameplate admin create-user` makes.
type Developer struct {
	Email, Name        string
	Password           secret.String
	Organization, Slug string
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
	err := a.Door.System(ctx, "admin", org, func(ctx context.Context, e *door.Effect) (err error) {
		if user, err = a.Accounts.RegisterTx(ctx, e); err != nil {
			return err
		}
		p := profile.Profile{UserID: user, FirstName: first, DisplayName: in.Name, Email: &email, Timezone: "Etc/UTC", Locale: "en"}
		if last != "" {
			p.LastName = &last
		}
		if err := a.Profiles.AddTx(ctx, e.Tx, p); err != nil {
			return err
		}
		if err := a.Credentials.SetTx(ctx, e.Tx, user, in.Password); err != nil {
			return err
		}
		if err := a.Organizations.CreateTx(ctx, e, org, in.Organization, in.Slug, user); err != nil {
			return err
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
