package sso

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
	"golang.org/x/oauth2"
)

// Purpose is why somebody goes to a provider.
type Purpose string

const (
	SignIn Purpose = "SIGN_IN"
	Link   Purpose = "LINK"    // a person who is signed in adds another way
	StepUp Purpose = "STEP_UP" // a person who is signed in proves again who they are
	Test   Purpose = "TEST"    // an owner tries the organization's provider; nothing comes of it
)

// Departure says where the browser goes, and the secret by which it is known when it comes back.
type Departure struct {
	URL     string
	Browser secret.String
}

// Begin is a journey about to start. The browser's secret is that of a journey in another tab; zero for none.
type Begin struct {
	Slug       string
	Purpose    Purpose
	ReturnTo   string // followed only when it is an address of the console
	Invitation secret.String
	Hint       string
	Browser    secret.String
}

// Begin remembers a journey and answers where it goes. NOT_FOUND for a provider that takes nobody in.
func (s *Service) Begin(ctx context.Context, b Begin) (*Departure, error) {
	caller := authz.From(ctx)
	if err := s.Limit.Allow(ctx, perNetwork, caller.Network); err != nil {
		return nil, err
	}
	p, err := s.bySlug(ctx, b.Slug)
	if err != nil {
		return nil, err
	}
	if p == nil || !p.enabled && b.Purpose != Test {
		return nil, gone()
	}
	if err := s.may(ctx, p, b.Purpose); err != nil {
		return nil, err
	}
	return s.depart(ctx, p, b)
}

// BeginStepUp is a journey of the caller to the provider of their session: an organization's own for a session that is limited to it, else one of the
// installation that the person has linked. PRECONDITION_FAILED where a factor is asked instead, or nothing is linked.
func (s *Service) BeginStepUp(ctx context.Context, returnTo string, browser secret.String) (*Departure, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	if err := s.Limit.Allow(ctx, perNetwork, caller.Network); err != nil {
		return nil, err
	}
	links, err := s.q.OrgOfLinks(ctx, s.DB, ssoq.OrgOfLinksParams{UserID: caller.UserID.UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	for _, l := range links {
		if of := ident.FromPtr[ident.OrgID](l.OrgID); of == nil && caller.Only.IsZero() || of != nil && *of == caller.Only {
			p, err := s.bySlug(ctx, l.Slug)
			if err != nil {
				return nil, err
			}
			if p != nil && p.enabled {
				return s.depart(ctx, p, Begin{Purpose: StepUp, ReturnTo: returnTo, Browser: browser})
			}
		}
	}
	return nil, fault.Precondition("no_provider", "No provider of this session can be asked. Use your password.")
}

// may says whether the caller may go to the provider for this.
func (s *Service) may(ctx context.Context, p *provider, why Purpose) error {
	caller := authz.From(ctx)
	switch {
	case why == SignIn:
		return nil
	case caller.Kind != authz.USER:
		return fault.Unauthorized("", "Sign in first.")
	case why == Test:
		if p.org == nil {
			return gone()
		}
		_, err := s.Authz.Authorize(ctx, "organization.secure", *p.org)
		return err
	case caller.Account() != nil:
		return caller.Account()
	case s.DB.Now().Sub(caller.AuthTime) >= fresh:
		return stale()
	}
	return nil
}

// depart keeps the journey. The browser's cookie stays the same while it has journeys in several tabs.
func (s *Service) depart(ctx context.Context, p *provider, b Begin) (*Departure, error) {
	peer, err := s.peer(ctx, p)
	if err != nil {
		return nil, err
	}
	if b.Browser.IsZero() || len(b.Browser.Reveal()) > 100 {
		b.Browser = secret.Random("")
	}
	state := secret.Random("")
	j := openid.Journey{State: state.Reveal(), Nonce: secret.Random("").Reveal(), Verifier: oauth2.GenerateVerifier(), Again: b.Purpose == StepUp, Hint: b.Hint}
	to, err := s.Peer.Depart(ctx, peer, j)
	if err != nil {
		return nil, s.noteFault(ctx, p, err)
	}
	row := ssoq.AddLoginParams{StateHash: state.Hash(), Purpose: string(b.Purpose), ProviderID: p.id.UUID(), Nonce: j.Nonce, BrowserHash: b.Browser.Hash(), ReturnTo: local(b.ReturnTo)}
	if !b.Invitation.IsZero() {
		row.InvitationHash = b.Invitation.Hash()
	}
	return door.Do(ctx, s.Door, door.Change[ssoq.AddLoginParams, *Departure]{
		Action: door.Action{Name: "sso.begin", Public: true},
		Do: func(ctx context.Context, e *door.Effect, row ssoq.AddLoginParams) (*Departure, error) {
			if b.Purpose != SignIn {
				row.UserID, row.SessionID = uuidOf(e.Caller.UserID.UUID()), uuidOf(e.Caller.SessionID.UUID())
			}
			if b.Purpose == StepUp {
				if methods, err := s.Steps.Confirmed(ctx, e.Tx, e.Caller.UserID); err != nil {
					return nil, err
				} else if len(methods) > 0 {
					return nil, fault.Precondition("factor_required", "Confirm with your second factor: it is stronger than your provider's word.").With("methods", methods)
				}
			}
			var err error
			if row.SealedVerifier, err = s.Vault.Seal(ctx, e.Tx, ident.OrgID{}, "sso_login.sealed_verifier", rowOf(row.StateHash), []byte(j.Verifier)); err != nil {
				return nil, err
			}
			row.CreatedAt, row.ExpiresAt = e.Tx.Now, e.Tx.Now.Add(lives)
			if err := s.q.AddLogin(ctx, e.Tx, row); err != nil {
				return nil, fmt.Errorf("keep the journey: %w", err)
			}
			e.Quiet() // nothing has happened yet
			return &Departure{URL: to, Browser: b.Browser}, nil
		},
	}, row)
}

// noteFault keeps what the provider did wrong for who set it up, and answers people in their words.
func (s *Service) noteFault(ctx context.Context, p *provider, err error) error {
	wrong, ok := errors.AsType[*openid.Error](err)
	if !ok {
		return err
	}
	if p.lastError == nil || *p.lastError != wrong.Detail {
		if err := s.q.OrgOfFault(ctx, s.DB, ssoq.OrgOfFaultParams{ID: p.id.UUID(), LastError: &wrong.Detail}); err != nil {
			return fmt.Errorf("note the fault of %s: %w", p.slug, err)
		}
	}
	if wrong.Reason == openid.Unreachable {
		return fault.Unavailable(openid.Unreachable, "The provider does not answer as it should. Try again, or sign in in another way.").Because(wrong)
	}
	return fault.Unauthorized(openid.Rejected, "The provider's answer does not count. Try again; if it stays like this, tell who runs it.").Because(wrong)
}

func stale() error {
	f := &fault.Fault{Code: fault.StepUpCode, Message: "Please confirm that it is you, then this goes on by itself."}
	return f.With("purpose", "sso.link").With("methods", []string{"password"})
}

func rowOf(hash []byte) string { return base64.RawURLEncoding.EncodeToString(hash) }

func uuidOf(u uuid.UUID) *uuid.UUID {
	if u == uuid.Nil {
		return nil
	}
	return &u
}
