package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/notice"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// platform builds what any SaaS has.
func (a *App) platform() error {
	a.Accounts = &account.Service{DB: a.DB, Door: a.Door, Terms: a.Settings.Terms}
	a.Profiles = &profile.Service{DB: a.DB, Door: a.Door, Vault: a.Vault, Limit: a.Limit, Console: a.Settings.ConsoleOrigin}
	a.Members = &membership.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Left: a.left, Tell: a.tellMember, Seats: seats}
	a.Organizations = &organization.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Members: a.Members, Billing: &a.plans, SetDefault: a.Accounts.SetDefaultTx,
		Empty: func(ctx context.Context, e *door.Effect, org ident.OrgID) (bool, error) {
			return a.Connections.ArchiveSomeTx(ctx, e, org)
		},
		Destroy: func(ctx context.Context, e *door.Effect, org ident.OrgID) error {
			return a.Vault.Destroy(ctx, e.Tx, org)
		}}
	a.Sessions = &session.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Tell: a.tellSignIn}
	a.Keys = &apikey.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Tell: a.tellKey, OrgOfApplication: func(ctx context.Context, id ident.ApplicationID) (ident.OrgID, error) {
		return a.Applications.OrgOf(ctx, id)
	}}
	if err := a.mails(letter.Accounts(), notice.Letters()); err != nil {
		return err
	}
	a.Invitations = &invitation.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Limit: a.Limit, Mail: a.Mails, Members: a.Members, Console: a.Settings.ConsoleOrigin}
	a.Audits = &audit.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Ledger: a.Ledger, Vault: a.Vault, Hub: a.Hub, Console: a.Settings.ConsoleOrigin,
		Origin: strings.TrimPrefix(strings.TrimPrefix(a.Settings.ConsoleOrigin, "https://"), "http://"), Checkpoints: a.Settings.Checkpoints}
	a.signIn()
	a.operators()
	a.people()
	a.machines()
	return nil
}

// signIn builds how people come in.
func (a *App) signIn() {
	console := a.Settings.ConsoleOrigin
	a.Factors = &factor.Service{DB: a.DB, Door: a.Door, Vault: a.Vault, Limit: a.Limit, Sessions: a.Sessions, Mail: a.Mails, Console: console, Issuer: "Nameplate", Oob: a.Settings.OobFactors, Home: a.home,
		Reset: func(ctx context.Context, on factor.Querier, token secret.String) (*factor.Resetting, error) {
			return a.Recoveries.Of(ctx, on, token)
		},
		Tokens: func(ctx context.Context, e *door.Effect, f factor.First) (*session.Tokens, error) {
			t, _, err := a.Sessions.StartTokensTx(ctx, e, session.Family{User: f.User, Client: f.Client, Amr: f.Amr})
			return t, err
		}}
	a.Credentials = &credential.Service{DB: a.DB, Door: a.Door, Vault: a.Vault, Limit: a.Limit, Sessions: a.Sessions, Factors: a.Factors, Home: a.home, Blocked: a.tellBlocked,
		Changed: func(ctx context.Context, e *door.Effect, user ident.UserID) error {
			return a.Mails.Stage(ctx, e, mail.Mail{User: user, Letter: letter.PasswordChanged{Security: a.security(e)}})
		}}
	a.Factors.Hash, a.Factors.Matches = a.Credentials.Hash, a.Credentials.Matches
	var err error
	if a.Factors.Party, err = passkey.New(console, "Nameplate"); err != nil {
		a.Log.Warn("there are no passkeys: browsers know them for names alone", "console.origin", console, "error", err)
	}
	a.Registrations = &registration.Service{DB: a.DB, Door: a.Door, Limit: a.Limit, Credentials: a.Credentials, Mail: a.Mails, Console: console, Admit: a.admit}
	a.Credentials.Unconfirmed = a.Registrations.Again
	a.Recoveries = &recovery.Service{DB: a.DB, Door: a.Door, Limit: a.Limit, Credentials: a.Credentials, Mail: a.Mails, Console: console, EndSessions: a.Sessions.EndAllTx, Factors: a.Factors}
}

// home is the organization in which a person's browser begins.
func (a *App) home(ctx context.Context, user ident.UserID) (*ident.OrgID, error) {
	u, err := a.Accounts.Get(ctx, user)
	if err != nil {
		return nil, err
	}
	return u.DefaultOrgID, nil
}

// admit makes the account of who confirmed an address, with an organization of its own.
func (a *App) admit(ctx context.Context, e *door.Effect, p registration.Person) (ident.UserID, error) {
	user, err := a.person(ctx, e, p)
	if err != nil {
		return user, err
	}
	if err := a.Accounts.AcceptTermsTx(ctx, e, user, a.Settings.Terms); err != nil {
		return user, err
	}
	org, err := a.Organizations.CreatePersonalTx(ctx, e, strings.TrimSpace(p.FirstName+" "+p.LastName), user)
	if err != nil {
		return user, fmt.Errorf("make the personal organization: %w", err)
	}
	if p.Invitation != nil {
		joined, err := a.Invitations.AcceptTx(ctx, e, p.Invitation, user)
		if err != nil {
			return user, fmt.Errorf("accept the invitation: %w", err)
		}
		if joined != nil { // the person came for it
			org = *joined
		}
	}
	return user, a.Accounts.SetDefaultTx(ctx, e, user, org)
}

// tellMember mails a person what changed about their membership. Whoever did it themselves knows.
func (a *App) tellMember(ctx context.Context, e *door.Effect, n membership.News) error {
	if n.User == e.Caller.UserID {
		return nil
	}
	var l letter.Content = letter.MemberRemoved{Organization: letter.Typed(n.Organization)}
	if len(n.Roles) > 0 {
		l = letter.RoleChanged{Organization: letter.Typed(n.Organization), Roles: strings.Join(n.Roles, ", ")}
	}
	return a.Mails.Stage(ctx, e, mail.Mail{User: n.User, Org: n.Org, Letter: l})
}

// person makes an account with a profile and, where the person chose one, a password.
func (a *App) person(ctx context.Context, e *door.Effect, p registration.Person) (ident.UserID, error) {
	user, err := a.account(ctx, e, p)
	if err != nil || p.PHC == "" { // who comes through a provider has no password
		return user, err
	}
	return user, a.Credentials.SetTx(ctx, e.Tx, user, p.PHC)
}

// account makes an account with a profile, and no way to sign in yet.
func (a *App) account(ctx context.Context, e *door.Effect, p registration.Person) (ident.UserID, error) {
	user, err := a.Accounts.RegisterTx(ctx, e)
	if err != nil {
		return user, err
	}
	about := profile.Profile{UserID: user, FirstName: p.FirstName, DisplayName: strings.TrimSpace(p.FirstName + " " + p.LastName), Email: &p.Email, Timezone: p.Timezone, Locale: p.Locale,
		Address: profile.Address{CountryCode: p.CountryCode}}
	if p.LastName != "" {
		about.LastName = &p.LastName
	}
	return user, a.Profiles.AddTx(ctx, e.Tx, about)
}

// left is what follows the end of a membership, in its transaction.
func (a *App) left(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
	if err := a.Accounts.LeaveTx(ctx, e, user, org); err != nil {
		return err
	}
	if err := a.Sessions.LeaveTx(ctx, e, user, org); err != nil {
		return err
	}
	if err := a.Keys.EndOfMemberTx(ctx, e, user, org); err != nil {
		return err
	}
	return a.Machines.LeaveTx(ctx, e, org, user)
}
