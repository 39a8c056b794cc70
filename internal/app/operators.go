package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// firstLink is how long the printed link of a new operator works.
const firstLink = 24 * time.Hour

// operators builds what is for those who run the installation.
func (a *App) operators() {
	a.Accounts.Authz = a.Authz
	a.Accounts.EndRights = func(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
		if err := a.Sessions.EndAllTx(ctx, e, user, nil, reason); err != nil {
			return err
		}
		return a.Keys.EndAllTx(ctx, e, user, reason)
	}
	a.Accounts.Told = a.tellRoles
	a.Accounts.Factors = secondFactors{a.Factors}
	a.Approvals = &approval.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Work: a.Work, Limit: a.Limit, Tell: a.tellOperators, Actions: []approval.Held{
		{Action: account.AssignRole, Field: "opsAssignPlatformRoles", Run: approval.Agreed(a.Accounts.AssignRoles)},
		{Action: account.ResetFactors, Field: "opsResetMfa", Run: approval.Agreed(a.Accounts.ResetMfa)},
		{Action: connection.DecideClaim, Field: "opsDecideClaim", Run: approval.Agreed(func(ctx context.Context, in connection.DecideClaimInput) (*connection.DecideClaimPayload, error) {
			return a.Connections.DecideClaim(ctx, in) // which are built later
		})},
	}}
	a.Door.Holder = a.Approvals
	a.Authz.Revoked().OnEnd(func(subject string) {
		if authz.Passing(subject) { // a role or a membership: sessions have other rights from now on
			a.Sessions.Forget()
		}
	})
}

// secondFactors are a person's factors, as far as accounts need them.
type secondFactors struct{ *factor.Service }

func (f secondFactors) Methods(ctx context.Context, on account.Querier, user ident.UserID) ([]string, error) {
	return f.Confirmed(ctx, on, user)
}

// held are the mutations that can have to wait.
func (a *App) held() (fields []string) {
	for _, one := range a.Approvals.Actions {
		fields = append(fields, one.Field)
	}
	return fields
}

// tellRoles mails somebody which roles of the platform they hold now.
func (a *App) tellRoles(ctx context.Context, e *door.Effect, user ident.UserID, roles []account.PlatformRole) error {
	names := make([]string, len(roles))
	for n, r := range roles {
		names[n] = string(r)
	}
	return a.Mails.Stage(ctx, e, mail.Mail{User: user, Letter: letter.RoleChanged{Roles: strings.Join(names, ", ")}})
}

// tellOperators mails every operator that a change runs by itself unless somebody stops it.
func (a *App) tellOperators(ctx context.Context, e *door.Effect, n approval.News) error {
	for _, to := range n.To {
		m := mail.Mail{Key: n.Request.String(), User: to, Letter: letter.OperatorChangeWaiting{Change: n.Action, Asked: letter.Typed(n.Requester), Until: n.Until, Link: a.Settings.ConsoleOrigin + "/approvals/" + n.Request.String()}}
		if err := a.Mails.Stage(ctx, e, m); err != nil {
			return err
		}
	}
	return nil
}

// FirstOperator asks for one of the first two operators: what `nameplate admin bootstrap` makes.
type FirstOperator struct{ Email, Name string }

// Bootstrapped is somebody who became an operator. Link sets the password of a new account, once; it is zero for an account that was there.
type Bootstrapped struct {
	Email string
	User  ident.UserID
	Link  secret.String
}

// Bootstrap makes the first two operators, all or none. Where there are two already it refuses: they make others, and watch each other.
func (a *App) Bootstrap(ctx context.Context, in []FirstOperator) ([]Bootstrapped, error) {
	if err := checkFirst(in); err != nil {
		return nil, err
	}
	return door.Do(authz.System(ctx, "admin"), a.Door, door.Change[[]FirstOperator, []Bootstrapped]{
		Action: door.Action{Name: "admin.bootstrap", Public: true}, // whoever has the database and the keys
		Do: func(ctx context.Context, e *door.Effect, in []FirstOperator) (out []Bootstrapped, err error) {
			room, err := a.Accounts.RoomTx(ctx, e)
			if err != nil {
				return nil, err
			}
			if room < len(in) {
				return nil, fault.Precondition("operators_exist", "There %s already: %s", map[int]string{0: "are two operators", 1: "is one operator"}[room],
					map[int]string{0: "they make others in the console, under People.", 1: "name one person, and not two."}[room])
			}
			for _, one := range in {
				made, err := a.first(ctx, e, one)
				if err != nil {
					return nil, err
				}
				out = append(out, made)
			}
			return out, nil
		},
	}, in)
}

// checkFirst normalises the addresses, or answers all faults.
func checkFirst(in []FirstOperator) error {
	var faults []error
	seen := map[string]bool{}
	for n := range in {
		address, err := mail.Address("email", in[n].Email)
		if err != nil {
			faults = append(faults, fault.Invalid("email", "email", "%q is no mail address.", in[n].Email))
			continue
		}
		if in[n].Email = strings.ToLower(address); seen[in[n].Email] {
			faults = append(faults, fault.Invalid("email", "twice", "%s is named twice: two operators are two people.", address))
		}
		seen[in[n].Email] = true
	}
	if len(in) == 0 || len(in) > 2 {
		faults = append(faults, fault.Invalid("email", "number", "Name one or two people."))
	}
	return errors.Join(faults...)
}

// first makes one person an operator, with an account where there is none.
func (a *App) first(ctx context.Context, e *door.Effect, in FirstOperator) (Bootstrapped, error) {
	out := Bootstrapped{Email: in.Email}
	known, err := a.Accounts.ByAddressTx(ctx, e, in.Email)
	if err != nil {
		return out, err
	}
	if known != nil {
		out.User = *known
		return out, a.Accounts.BootstrapTx(ctx, e, out.User)
	}
	name := strings.TrimSpace(in.Name)
	if name == "" {
		name, _, _ = strings.Cut(in.Email, "@")
	}
	given, family, _ := strings.Cut(name, " ")
	if out.User, err = a.account(ctx, e, registration.Person{Email: in.Email, FirstName: given, LastName: strings.TrimSpace(family), Timezone: "Etc/UTC", Locale: "en"}); err != nil {
		return out, err
	}
	org, err := a.Organizations.CreatePersonalTx(ctx, e, name, out.User)
	if err != nil {
		return out, fmt.Errorf("make the personal organization: %w", err)
	}
	if err := a.Accounts.SetDefaultTx(ctx, e, out.User, org); err != nil {
		return out, err
	}
	token, err := a.Recoveries.LinkTx(ctx, e, out.User, firstLink)
	if err != nil {
		return out, err
	}
	out.Link = secret.New(a.Recoveries.LinkOf(token))
	return out, a.Accounts.BootstrapTx(ctx, e, out.User)
}
