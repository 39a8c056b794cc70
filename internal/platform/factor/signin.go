package factor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// Ceremony is a sign-in by passkey that has begun. Browser is the secret of the browser that began it: an answer counts from there alone, once.
type Ceremony struct {
	Options   json.RawMessage
	Browser   secret.String
	ExpiresAt time.Time
}

// BeginPasskey asks whoever is there for a passkey of this site.
func (s *Service) BeginPasskey(ctx context.Context) (*Ceremony, error) {
	if err := s.Limit.Allow(ctx, perPasskey, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	if s.Party == nil {
		return nil, noPasskeys()
	}
	options, session, err := s.Party.Ask(passkey.Holder{})
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[struct{}, *Ceremony]{
		Action: door.Action{Name: "factor.begin_passkey", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (*Ceremony, error) {
			e.Quiet() // nobody has said anything yet
			c := &Ceremony{Options: options, Browser: secret.Random("npw_"), ExpiresAt: e.Tx.Now.Add(ceremonyLives)}
			row := factorq.AddCeremonyParams{ID: ident.V7(e.Tx.Now), BrowserHash: c.Browser.Hash(), WebauthnSession: session, ExpiresAt: c.ExpiresAt}
			if err := s.q.AddCeremony(ctx, e.Tx, row); err != nil {
				return nil, fmt.Errorf("keep the ceremony: %w", err)
			}
			return c, nil
		},
	}, struct{}{})
}

// SignIn takes the answer of a passkey, with user verification, as both proofs of a sign-in. Every refusal is the same UNAUTHENTICATED, but to the holder of a
// suspended account's passkey (LOCKED).
func (s *Service) SignIn(ctx context.Context, browser secret.String, answer json.RawMessage) (*Next, error) {
	caller := authz.From(ctx)
	if err := s.Limit.Allow(ctx, perPasskey, caller.Network); err != nil {
		return nil, err
	}
	user, home, err := s.holderOf(ctx, answer)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[json.RawMessage, *Next]{
		Action: door.Action{Name: "factor.sign_in", Public: true},
		Do: func(ctx context.Context, e *door.Effect, answer json.RawMessage) (*Next, error) {
			session, err := s.q.TakeCeremony(ctx, e.Tx, factorq.TakeCeremonyParams{BrowserHash: browser.Hash(), Now: e.Tx.Now})
			if db.NotFound(err) {
				return nil, fault.Unauthorized("ceremony", "This took too long. Use your passkey again.")
			} else if err != nil {
				return nil, fmt.Errorf("find the ceremony: %w", err)
			}
			if user.IsZero() {
				return nil, s.unknown(e)
			}
			amr, err := s.signed(ctx, e, user, session, answer)
			if err != nil {
				return nil, err
			}
			if amr == nil {
				return nil, s.unknown(e)
			}
			who, err := s.q.ReaderOf(ctx, e.Tx, factorq.ReaderOfParams{ID: user.UUID()})
			if err != nil {
				return nil, fmt.Errorf("read the person: %w", err)
			}
			if who.Access != "ENABLED" || who.Status != "REGISTERED" {
				s.note(e, "credential.refused_suspended", user, nil)
				e.Refuse(fault.Locked("suspended", "This account is suspended. Write to who runs this installation."))
				return nil, nil
			}
			s.note(e, "factor.authenticated", user, map[string]any{"kind": string(Passkey)})
			return s.After(ctx, e, First{User: user, Org: home, Form: Browser}.with(amr))
		},
	}, answer)
}

// unknown refuses an answer that does not hold, as a fact about the network. The ceremony is used up all the same.
func (s *Service) unknown(e *door.Effect) error {
	chain := event.NetworkChain(e.Caller.Network)
	e.Record(event.Change{Action: "factor.refused", Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1, "kind": string(Passkey)}, Audited: true})
	e.Refuse(fault.Unauthorized("passkey_unknown", "This passkey does not open an account here. Sign in with your password."))
	return nil
}

// holderOf looks up whose passkey an answer claims to be of, and where they begin; the zero id for nobody's.
func (s *Service) holderOf(ctx context.Context, answer json.RawMessage) (user ident.UserID, home *ident.OrgID, err error) {
	id, _, err := passkey.Named(answer)
	if errors.Is(err, passkey.ErrAnswer) {
		return user, nil, nil
	}
	row, err := s.q.OwnerOfCredential(ctx, s.DB, factorq.OwnerOfCredentialParams{CredentialID: id})
	if db.NotFound(err) {
		return user, nil, nil
	} else if err != nil {
		return user, nil, fmt.Errorf("find the passkey: %w", err)
	}
	user = ident.From[ident.UserID](row.UserID)
	if s.Home != nil {
		home, err = s.Home(ctx, user)
	}
	return user, home, err
}
