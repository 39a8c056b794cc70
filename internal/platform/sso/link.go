package sso

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
)

// SsoLink is a provider that knows the caller.
type SsoLink struct {
	Provider     *SsoProvider
	Subject      string
	Email        *string // as the provider wrote it last
	LinkedAt     time.Time
	LastSignInAt *time.Time
}

// Links are the caller's own, the one used last first.
func (s *Service) Links(ctx context.Context) ([]*SsoLink, error) {
	rows, err := s.q.OrgOfLinks(ctx, s.DB, ssoq.OrgOfLinksParams{UserID: authz.From(ctx).UserID.UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	out := make([]*SsoLink, len(rows))
	for n, r := range rows {
		out[n] = &SsoLink{Provider: &SsoProvider{Slug: r.Slug, Name: r.Name}, Subject: r.Subject, LinkedAt: r.LinkedAt, LastSignInAt: r.LastLoginAt}
		if r.Email != "" {
			out[n].Email = &r.Email
		}
	}
	return out, nil
}

// link adds the provider to the ways in which the caller signs in. The caller began the journey with a fresh proof of who they are.
func (s *Service) link(ctx context.Context, j *journey, c *openid.Claims) (*Outcome, error) {
	p := j.provider
	return door.Do(ctx, s.Door, door.Change[*openid.Claims, *Outcome]{
		Action: door.Action{Name: "sso.link", Public: true},
		Do: func(ctx context.Context, e *door.Effect, c *openid.Claims) (*Outcome, error) {
			if !j.begunBy(e.Caller) || !e.Caller.Only.IsZero() {
				return nil, fault.Unauthorized("other_account", "Somebody else is signed in by now.")
			}
			if p.org != nil {
				if is, err := s.isMember(ctx, e.Tx, *p.org, e.Caller.UserID); err != nil {
					return nil, err
				} else if !is {
					return nil, fault.Unauthorized("not_member", "This provider is for members of its organization.")
				}
			}
			if err := s.replace(ctx, e, p, c, e.Caller.UserID); err != nil {
				return nil, err
			}
			return &Outcome{Page: with(home(j.ReturnTo), "sso", "linked")}, nil
		},
	}, c)
}

// replace makes the subject the person's one at the provider, after a proof of the account's own credential.
func (s *Service) replace(ctx context.Context, e *door.Effect, p *provider, c *openid.Claims, user ident.UserID) error {
	held, err := s.q.IdentityOf(ctx, e.Tx, ssoq.IdentityOfParams{ProviderID: p.id.UUID(), Subject: c.Subject})
	switch {
	case err == nil && held.UserID == user.UUID():
		e.Quiet()
		return s.see(ctx, e, p, c)
	case err == nil:
		return fault.Unauthorized("taken", "Somebody else signs in with this.")
	case !db.NotFound(err):
		return fmt.Errorf("find the identity: %w", err)
	}
	if _, err := s.q.RemoveIdentity(ctx, e.Tx, ssoq.RemoveIdentityParams{ProviderID: p.id.UUID(), UserID: user.UUID()}); err != nil {
		return fmt.Errorf("replace the identity: %w", err)
	}
	e.Record(of(user, p, "sso.linked"))
	return s.add(ctx, e, p, c, user)
}

func (s *Service) add(ctx context.Context, e *door.Effect, p *provider, c *openid.Claims, user ident.UserID) error {
	sealed, err := s.seal(ctx, e, p, c)
	if err != nil {
		return err
	}
	err = s.q.AddIdentity(ctx, e.Tx, ssoq.AddIdentityParams{ProviderID: p.id.UUID(), Subject: c.Subject, UserID: user.UUID(), Email: address(c), EmailVerified: c.EmailVerified != nil && *c.EmailVerified,
		SealedTokens: sealed, Now: e.Tx.Now})
	if db.Violates(err, "sso_identity_pkey") || db.Violates(err, "sso_identity_user_id_provider_id_key") {
		return fault.Unauthorized("taken", "Your account, or somebody else's, is linked with this provider already.")
	} else if err != nil {
		return fmt.Errorf("add the identity: %w", err)
	}
	return nil
}

// see notes a sign-in by an identity.
func (s *Service) see(ctx context.Context, e *door.Effect, p *provider, c *openid.Claims) error {
	sealed, err := s.seal(ctx, e, p, c)
	if err != nil {
		return err
	}
	if err := s.q.SeeIdentity(ctx, e.Tx, ssoq.SeeIdentityParams{ProviderID: p.id.UUID(), Subject: c.Subject, Email: address(c), EmailVerified: c.EmailVerified != nil && *c.EmailVerified,
		SealedTokens: sealed, Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("note the sign-in: %w", err)
	}
	return nil
}

func (s *Service) seal(ctx context.Context, e *door.Effect, p *provider, c *openid.Claims) ([]byte, error) {
	raw, err := json.Marshal(c.Tokens)
	if err != nil {
		return nil, err
	}
	return s.Vault.Seal(ctx, e.Tx, p.owner(), "sso_identity.sealed_tokens", p.id.String()+"/"+c.Subject, raw)
}

func address(c *openid.Claims) *string {
	if domainOf(c.Email) == "" {
		return nil
	}
	return &c.Email
}

// Unlink takes a provider away from the ways in which the caller signs in; PRECONDITION_FAILED when it is the only one.
func (s *Service) Unlink(ctx context.Context, slug string) error {
	_, err := door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "sso.unlink", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, slug string) (struct{}, error) {
			user := e.Caller.UserID
			links, err := s.q.OrgOfLinks(ctx, e.Tx, ssoq.OrgOfLinksParams{UserID: user.UUID()})
			if err != nil {
				return struct{}{}, fmt.Errorf("list the links: %w", err)
			}
			at := slices.IndexFunc(links, func(l *ssoq.OrgOfLinksRow) bool { return l.Slug == slug })
			if at < 0 {
				return struct{}{}, fault.NotFound("link")
			}
			if other, err := s.otherWay(ctx, e.Tx, user, len(links)); err != nil {
				return struct{}{}, err
			} else if !other {
				return struct{}{}, fault.Precondition("only_way", "This is your only way to sign in. Set a password first, by “Forgot your password?”.")
			}
			if _, err := s.q.RemoveIdentity(ctx, e.Tx, ssoq.RemoveIdentityParams{ProviderID: links[at].ID, UserID: user.UUID()}); err != nil {
				return struct{}{}, fmt.Errorf("remove the identity: %w", err)
			}
			e.Record(of(user, &provider{slug: slug}, "sso.unlinked"))
			return struct{}{}, nil
		},
	}, slug)
	return err
}

// otherWay says whether a person with so many links can sign in without one of them.
func (s *Service) otherWay(ctx context.Context, tx *db.Tx, user ident.UserID, links int) (bool, error) {
	has, err := s.q.HasPassword(ctx, tx, ssoq.HasPasswordParams{UserID: user.UUID()})
	if err != nil {
		return false, fmt.Errorf("read the password: %w", err)
	}
	if has || links > 1 {
		return true, nil
	}
	methods, err := s.Steps.Confirmed(ctx, tx, user)
	return slices.Contains(methods, "WEBAUTHN"), err
}
