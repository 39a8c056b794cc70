package app

import (
	"cmp"
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// machines builds who calls and is no person.
func (a *App) machines() {
	a.Machines = &machine.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Limit: a.Limit, Keys: a.Keys, Closed: a.Settings.MachinesClosed,
		Shared: a.sharedHome, Admit: a.admitMachine, Leave: a.Members.EndTx,
		Erase: func(ctx context.Context, e *door.Effect, id ident.UserID, org *ident.OrgID) error {
			if org != nil {
				if err := a.Organizations.EndMachineTx(ctx, e, *org); err != nil {
					return err
				}
			}
			return a.Accounts.EraseMachineTx(ctx, e, id)
		}}
}

// sharedHome is the shared organization in which a person's console begins; nil when it begins elsewhere.
func (a *App) sharedHome(ctx context.Context, user ident.UserID) (*ident.OrgID, error) {
	u, err := a.Accounts.Get(ctx, user)
	if err != nil || u.DefaultOrgID == nil {
		return nil, err
	}
	o, err := a.Organizations.ByID(ctx, *u.DefaultOrgID)
	if err != nil || o.Ownership != organization.Shared {
		return nil, err
	}
	return &o.ID, nil
}

// admitMachine makes the account of a machine, with a profile and an organization of its own, and lets it join the one of who stands for it.
func (a *App) admitMachine(ctx context.Context, e *door.Effect, n machine.Newcomer) (ident.UserID, ident.OrgID, error) {
	id, err := a.Accounts.RegisterMachineTx(ctx, e, n.By)
	if err != nil {
		return id, ident.OrgID{}, err
	}
	if err := a.Profiles.AddTx(ctx, e.Tx, profile.Profile{UserID: id, FirstName: n.Name, DisplayName: n.Name, Timezone: n.Timezone, Locale: "en"}); err != nil {
		return id, ident.OrgID{}, err
	}
	org, err := a.Organizations.CreateMachineTx(ctx, e, n.Name, id, n.By != nil)
	if err != nil {
		return id, org, fmt.Errorf("make the machine's organization: %w", err)
	}
	if n.Join != nil {
		org = *n.Join
		if _, err := a.Members.JoinTx(ctx, e, org, id, []authz.Role{authz.Member}); err != nil {
			return id, org, err
		}
	}
	return id, org, a.Accounts.SetDefaultTx(ctx, e, id, org)
}

// tellKey mails what happened to an API key.
func (a *App) tellKey(ctx context.Context, e *door.Effect, n apikey.News) error {
	link := fmt.Sprintf("%s/%s/keys", a.Settings.ConsoleOrigin, n.Slug)
	m := mail.Mail{Key: n.Key.String(), Org: n.Org, Tags: []string{n.Key.String()}}
	switch n.What {
	case apikey.Created:
		m.Letter = letter.KeyCreated{Description: letter.Typed(n.Description), Hint: n.Hint, Security: a.security(e)}
	case apikey.Expiring:
		m.Key, m.Letter = n.Once, letter.KeyExpiring{Description: letter.Typed(n.Description), Hint: n.Hint, At: *n.ExpiresAt, Link: link}
	case apikey.Revoked:
		by, err := a.nameOf(ctx, n.Org, e.Caller.Actor())
		if err != nil {
			return err
		}
		m.Letter = letter.KeyRevoked{Description: letter.Typed(n.Description), Hint: n.Hint, By: letter.Typed(cmp.Or(by, a.Mails.From.Name)), Link: link}
	}
	for _, user := range n.Readers {
		m.User = user
		if err := a.Mails.Stage(ctx, e, m); err != nil {
			return err
		}
	}
	return nil
}

// tellSignIn mails a person what happened to their sign-ins.
func (a *App) tellSignIn(ctx context.Context, e *door.Effect, what session.News, user ident.UserID) error {
	var l letter.Content = letter.NewSignIn{Security: a.security(e)}
	if what == session.Reused {
		l = letter.SessionRevokedReuse{Security: a.security(e)}
	}
	return a.Mails.Stage(ctx, e, mail.Mail{User: user, Letter: l})
}

// tellBlocked mails a person that many wrong passwords came before the right one, at most once an hour: an attack may go on beside them.
func (a *App) tellBlocked(ctx context.Context, e *door.Effect, user ident.UserID, failures int) error {
	return a.Mails.Stage(ctx, e, mail.Mail{User: user, Key: user.String() + e.Tx.Now.UTC().Format("/2006-01-02T15"), Letter: letter.SignInBlocked{Failures: failures, Security: a.security(e)}})
}

// security is when, where and on what something happened, and what to do when it was somebody else.
func (a *App) security(e *door.Effect) letter.Security {
	return letter.Security{At: e.Tx.Now, Place: e.Caller.Network, Device: e.Caller.UserAgent, NotMe: a.Settings.ConsoleOrigin + "/auth/password-reset-request"}
}
