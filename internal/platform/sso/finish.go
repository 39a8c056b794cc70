package sso

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Finish is what a person decides after a return.
type Finish struct {
	Browser       secret.String
	TermsAccepted bool
	Timezone      string // of the browser; "" when it does not say
	Locale        string
}

// Pending is what a person has to decide: Terms for somebody new, or Link: there is an account with the address, whose own credential is asked first.
type Pending struct {
	Link         bool
	Provider     *SsoProvider
	Email        string
	Name         string
	Organization string // which the person joins; "" for a provider of the installation
	ReturnTo     string
}

// Finish ends a return that waits for the person's word: with the terms accepted it makes the account; called by the account that has the address, signed
// in since the provider's answer, it links. Before either it answers what is missing. NOT_FOUND when nothing waits in this browser.
func (s *Service) Finish(ctx context.Context, f Finish) (*Outcome, *Pending, error) {
	if err := s.Limit.Allow(ctx, perNetwork, authz.From(ctx).Network); err != nil {
		return nil, nil, err
	}
	if f.Browser.IsZero() {
		return nil, nil, fault.NotFound("sign-in")
	}
	type answer struct {
		out     *Outcome
		pending *Pending
	}
	a, err := door.Do(ctx, s.Door, door.Change[Finish, answer]{
		Action: door.Action{Name: "sso.finish", Public: true},
		Do: func(ctx context.Context, e *door.Effect, f Finish) (a answer, err error) {
			j, c, err := s.pending(ctx, e, f.Browser)
			if err != nil {
				return a, err
			}
			if j.UserID == nil { // somebody may have registered the address meanwhile
				if held, err := s.q.AccountOf(ctx, e.Tx, ssoq.AccountOfParams{Email: c.Email}); err == nil {
					j.UserID = &held.UserID
				} else if !db.NotFound(err) {
					return a, fmt.Errorf("find the account: %w", err)
				}
			}
			switch {
			case j.UserID == nil && f.TermsAccepted:
				a.out, err = s.onboard(ctx, e, j, c, f)
			case j.UserID != nil && s.proved(e, j):
				a.out, err = s.join(ctx, e, j, c)
			default:
				first, last := names(c)
				a.pending = &Pending{Link: j.UserID != nil, Provider: j.provider.shown(), Email: c.Email, Name: strings.TrimSpace(first + " " + last), Organization: j.provider.organization, ReturnTo: j.ReturnTo}
				e.Quiet()
			}
			return a, err
		},
	}, f)
	return a.out, a.pending, err
}

// pending locks the newest return of a browser that waits.
func (s *Service) pending(ctx context.Context, e *door.Effect, browser secret.String) (*journey, *openid.Claims, error) {
	row, err := s.q.LockPending(ctx, e.Tx, ssoq.LockPendingParams{BrowserHash: browser.Hash(), Now: e.Tx.Now})
	if db.NotFound(err) {
		return nil, nil, fault.NotFound("sign-in")
	} else if err != nil {
		return nil, nil, fmt.Errorf("find the sign-in: %w", err)
	}
	j, err := s.whole(ctx, e.Tx, row)
	if err != nil {
		return nil, nil, err
	}
	raw, err := s.Vault.Open(ctx, e.Tx, ident.OrgID{}, "sso_login.sealed_claims", rowOf(row.StateHash), row.SealedClaims)
	if err != nil {
		return nil, nil, fmt.Errorf("open what the provider said: %w", err)
	}
	c := &openid.Claims{}
	return j, c, json.Unmarshal(raw, c)
}

// proved says whether the caller is the account that has the address, by a credential of its own, given after the provider's answer.
func (s *Service) proved(e *door.Effect, j *journey) bool {
	c := e.Caller
	return c.Kind == authz.USER && c.UserID.UUID() == *j.UserID && c.Only.IsZero() && j.ConsumedAt != nil && !c.AuthTime.Before(*j.ConsumedAt) && e.Tx.Now.Sub(c.AuthTime) < fresh
}

// onboard makes the account of somebody new, as a confirmed registration does.
func (s *Service) onboard(ctx context.Context, e *door.Effect, j *journey, c *openid.Claims, f Finish) (*Outcome, error) {
	n := Newcomer{Email: c.Email, Timezone: zone(c.Zone, f.Timezone), Locale: tag(c.Locale, f.Locale), Invitation: j.InvitationHash}
	n.FirstName, n.LastName = names(c)
	user, err := s.People.Admit(ctx, e, n)
	if err != nil {
		return nil, err
	}
	if err := s.add(ctx, e, j.provider, c, user); err != nil {
		return nil, err
	}
	home := j.provider.org
	if home != nil {
		if err := s.belong(ctx, e, *home, user); err != nil {
			return nil, err
		}
	}
	e.Record(of(user, j.provider, "sso.onboarded"))
	if err := s.q.FinishLogin(ctx, e.Tx, ssoq.FinishLoginParams{StateHash: j.StateHash, Now: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("finish the sign-in: %w", err)
	}
	return s.enter(ctx, e, j, user, home)
}

// join links the account that has the address; the person goes on in the session that proved it.
func (s *Service) join(ctx context.Context, e *door.Effect, j *journey, c *openid.Claims) (*Outcome, error) {
	user := e.Caller.UserID
	if err := s.replace(ctx, e, j.provider, c, user); err != nil {
		return nil, err
	}
	if j.provider.org != nil {
		if err := s.belong(ctx, e, *j.provider.org, user); err != nil {
			return nil, err
		}
	}
	if err := s.q.FinishLogin(ctx, e.Tx, ssoq.FinishLoginParams{StateHash: j.StateHash, Now: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("finish the sign-in: %w", err)
	}
	page := j.ReturnTo
	if page == "" {
		page = with("/account/security", "sso", "linked")
	}
	return &Outcome{Page: page}, nil
}

// belong makes the person a member where their organization's provider vouches for them: they have agreed on the page before.
func (s *Service) belong(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
	if is, err := s.isMember(ctx, e.Tx, org, user); err != nil || is {
		return err
	}
	return s.People.Join(ctx, e, org, user)
}

// names are given and family name as the provider says them; what it does not say is taken from the address.
func names(c *openid.Claims) (first, last string) {
	first, last = name(c.GivenName), name(c.FamilyName)
	if first == "" {
		head, tail, _ := strings.Cut(name(c.Name), " ")
		if first = head; last == "" {
			last = strings.TrimSpace(tail)
		}
	}
	if first == "" {
		first, _, _ = strings.Cut(c.Email, "@")
	}
	return name(first), name(last)
}

func name(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, norm.NFC.String(s)))
	if runes := []rune(s); len(runes) > 100 {
		s = strings.TrimSpace(string(runes[:100]))
	}
	return s
}

func zone(said ...string) string {
	for _, z := range said {
		if _, err := time.LoadLocation(z); err == nil && z != "" && z != "Local" && len(z) <= 64 {
			return z
		}
	}
	return "Etc/UTC"
}

func tag(said ...string) string {
	for _, t := range said {
		if parsed, err := language.Parse(t); err == nil && t != "" && len(t) <= 35 {
			return parsed.String()
		}
	}
	return "en"
}
