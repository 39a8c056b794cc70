package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// singleSignOn builds sign-in at providers, and brings those of the installation to what the settings say.
func (a *App) singleSignOn(ctx context.Context) error {
	lab := a.Settings.Profile == "lab"
	a.SSO = &sso.Service{DB: a.DB, Door: a.Door, Authz: a.Authz, Vault: a.Vault, Limit: a.Limit, Sessions: a.Sessions, Steps: a.Factors, People: newcomers{a}, Prover: domainProof{a.Engine},
		Peer:  &openid.Client{Outside: safehttp.Options{AllowLoopbackHTTP: lab}, Now: a.DB.Now},
		Hosts: hostname.Policy{Lab: lab, Extra: a.Settings.PSLExtra, OwnZones: ownZones(a.Settings)}, Console: a.Settings.ConsoleOrigin}
	var installed []sso.Installed
	if path := a.Settings.SSOProviders; path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read sso.providers: %w", err)
		}
		if installed, err = sso.ReadInstalled(raw); err != nil {
			return fmt.Errorf("read sso.providers: %w", err)
		}
	}
	return a.SSO.Install(ctx, installed)
}

// newcomers makes accounts and members of whom a provider vouches for.
type newcomers struct{ *App }

func (a newcomers) Admit(ctx context.Context, e *door.Effect, n sso.Newcomer) (ident.UserID, error) {
	if err := a.Registrations.DiscardTx(ctx, e, n.Email); err != nil {
		return ident.UserID{}, err
	}
	return a.admit(ctx, e, registration.Person{Email: n.Email, FirstName: n.FirstName, LastName: n.LastName, Timezone: n.Timezone, Locale: n.Locale, Invitation: n.Invitation})
}

func (a newcomers) Join(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
	if _, err := a.Members.JoinTx(ctx, e, org, user, []authz.Role{authz.Member}); err != nil {
		return err
	}
	return a.Accounts.SetDefaultTx(ctx, e, user, org)
}

func (a newcomers) Home(ctx context.Context, user ident.UserID) (*ident.OrgID, error) {
	return a.home(ctx, user)
}

// domainProof asks for a TXT record as connections do: every authoritative server of the domain, from the root down.
type domainProof struct{ engine *dnscheck.Engine }

func (p domainProof) TXT(ctx context.Context, domain, name, value string) error {
	answer, err := p.engine.Analyze(ctx, analysis.Question{Hostname: domain, Apex: true, Registrable: domain, Interactive: true, First: true,
		Expected: []analysis.Expected{{Key: "proof", Type: "TXT", FQDN: name, Value: value, Purpose: "OTHER", Requirement: "REQUIRED"}}})
	switch {
	case err != nil:
		return err
	case !answer.Registered:
		return fmt.Errorf("the domain %s does not exist", domain)
	case len(answer.Records) != 1:
		return errors.New("the domain's name servers could not be asked")
	}
	r := answer.Records[0]
	switch {
	case r.Status == "OK":
		return nil
	case r.Status == "PARTIAL":
		return fmt.Errorf("%d of %d name servers have the record", r.Have, r.Of)
	case r.Status == "UNVERIFIABLE":
		return errors.New("the domain's name servers did not answer")
	case len(r.Seen) > 0:
		return fmt.Errorf("another TXT record stands at %s: %s", name, strings.Join(r.Seen, ", "))
	}
	return fmt.Errorf("there is no TXT record at %s yet", name)
}
