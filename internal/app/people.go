package app

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/sms"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// people builds what a person says of themselves, and the end of an account.
func (a *App) people() {
	texts := &sms.Service{Limit: a.Limit, Gateway: a.gateway(), Countries: a.Settings.SMS.Countries}
	a.Mails.Texts = texts.Gateway
	a.Profiles.Mail, a.Profiles.SMS, a.Profiles.EndSessions = a.Mails, texts, a.Sessions.EndAllTx
	if texts.Gateway != nil {
		a.Factors.SMS = codes{texts, a.Mails}
		a.Factors.Phone = func(ctx context.Context, _ factor.Querier, user ident.UserID) (string, error) {
			p, err := a.Profiles.Of(ctx, user)
			if err != nil || p.Phone == nil || !p.PhoneVerified {
				return "", err
			}
			return *p.Phone, nil
		}
	}
	a.Accounts.Erasure = account.Erasure{
		Email: func(ctx context.Context, user ident.UserID) (string, error) {
			p, err := a.Profiles.Of(ctx, user)
			if err != nil || p.Email == nil {
				return "", err
			}
			return *p.Email, nil
		},
		// First whoever may refuse; then what needs the address; last the profile, which holds it.
		Steps: []func(ctx context.Context, e *door.Effect, user ident.UserID) error{
			a.Members.LeaveAllTx, a.farewell, a.Invitations.ForgetTx, a.Organizations.ErasePersonalTx,
			func(ctx context.Context, e *door.Effect, user ident.UserID) error {
				return a.Keys.EndAllTx(ctx, e, user, "erased")
			},
			func(ctx context.Context, e *door.Effect, user ident.UserID) error {
				return a.Sessions.EndAllTx(ctx, e, user, nil, "erased")
			},
			a.Recoveries.ForgetTx, a.Credentials.ForgetTx, a.Factors.ForgetTx, a.Profiles.EraseTx,
		},
		Refused: membership.Kept,
	}
}

// codes are those of second factors, as text messages.
type codes struct {
	texts *sms.Service
	mails *mail.Service
}

func (c codes) Stage(ctx context.Context, e *door.Effect, user ident.UserID, number string, code secret.String, until time.Time) error {
	if err := c.texts.Allow(ctx, user, number); err != nil {
		return err
	}
	return c.mails.Stage(ctx, e, mail.Mail{User: user, Phone: number, Letter: letter.MFACode{Code: code.Reveal(), Until: until, Place: e.Caller.Network}})
}

// gateway is who takes text messages; nil: nobody.
func (a *App) gateway() sms.Gateway {
	switch s := a.Settings.SMS; {
	case s.Gateway != nil:
		return s.Gateway
	case s.Log:
		return sms.Log{Log: a.Log}
	}
	return nil
}

// farewell tells the address that the account had, while it is known.
func (a *App) farewell(ctx context.Context, e *door.Effect, user ident.UserID) error {
	return a.Mails.Stage(ctx, e, mail.Mail{User: user, Letter: letter.Erased{Security: letter.Security{At: e.Tx.Now, Place: e.Caller.Network, Device: e.Caller.UserAgent,
		NotMe: a.Settings.ConsoleOrigin + "/auth/password-reset-request"}}})
}

// seats is how many members an organization's plan allows.
func seats(context.Context, ident.OrgID) (int64, bool) {
	for _, q := range billing.BuiltIn.Quotas {
		if q.Metric == "seats" {
			return usage.FromPlan(q.Limit, q.Hard).Hard, true
		}
	}
	return 0, false
}
