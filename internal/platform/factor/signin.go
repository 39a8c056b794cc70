package factor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

const browserPrefix = "npw_"

// Ceremony is a sign-in by passkey that has begun. Browser is the secret of the browser that began it: an answer counts from there alone, once.
type Ceremony struct {
	Options   json.RawMessage
	Browser   secret.String
	ExpiresAt time.Time
}

// BeginPasskey asks whoever is there for a passkey of this site. A browser that gives the name it was lent before keeps it, and its questions stand side by side:
// the one that the sign-in page asks quietly, the one of the button, and those of other tabs.
func (s *Service) BeginPasskey(ctx context.Context, browser secret.String) (*Ceremony, error) {
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
	challenge, err := passkey.Challenge(session)
	if err != nil {
		return nil, err
	}
	if fresh := secret.Random(browserPrefix); len(browser.Reveal()) != len(fresh.Reveal()) || !strings.HasPrefix(browser.Reveal(), browserPrefix) {
		browser = fresh
	}
	return door.Do(ctx, s.Door, door.Change[struct{}, *Ceremony]{
		Action: door.Action{Name: "factor.begin_passkey", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (*Ceremony, error) {
			e.Quiet() // nobody has said anything yet
			c := &Ceremony{Options: options, Browser: browser, ExpiresAt: e.Tx.Now.Add(ceremonyLives)}
			row := factorq.AddCeremonyParams{ID: ident.V7(e.Tx.Now), BrowserHash: asked(browser, challenge), WebauthnSession: session, ExpiresAt: c.ExpiresAt}
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
	user, home, challenge, err := s.holderOf(ctx, answer)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[json.RawMessage, *Next]{
		Action: door.Action{Name: "factor.sign_in", Public: true},
		Do: func(ctx context.Context, e *door.Effect, answer json.RawMessage) (*Next, error) {
			if challenge == "" {
				return nil, s.unknown(e)
			}
			session, err := s.q.TakeCeremony(ctx, e.Tx, factorq.TakeCeremonyParams{BrowserHash: asked(browser, challenge), Now: e.Tx.Now})
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

// asked is under what a question to a browser is kept: only the browser that was asked answers it, once.
func asked(browser secret.String, challenge string) []byte {
	return secret.New(browser.Reveal() + "." + challenge).Hash()
}

// unknown refuses an answer that does not hold, as a fact about the network.
func (s *Service) unknown(e *door.Effect) error {
	chain := event.NetworkChain(e.Caller.Network)
	e.Record(event.Change{Action: "factor.refused", Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1, "kind": string(Passkey)}, Audited: true})
	e.Refuse(fault.Unauthorized("passkey_unknown", "This passkey does not open an account here. Sign in with your password."))
	return nil
}

// holderOf looks up whose passkey an answer claims to be of, where they begin, and what it claims to answer; the zero id for nobody's, and no challenge in what
// is no answer at all.
func (s *Service) holderOf(ctx context.Context, answer json.RawMessage) (user ident.UserID, home *ident.OrgID, challenge string, err error) {
	id, challenge, err := passkey.Named(answer)
	if errors.Is(err, passkey.ErrAnswer) {
		return user, nil, "", nil
	}
	row, err := s.q.OwnerOfCredential(ctx, s.DB, factorq.OwnerOfCredentialParams{CredentialID: id})
	if db.NotFound(err) {
		return user, nil, challenge, nil
	} else if err != nil {
		return user, nil, "", fmt.Errorf("find the passkey: %w", err)
	}
	user = ident.From[ident.UserID](row.UserID)
	if s.Home != nil {
		home, err = s.Home(ctx, user)
	}
	return user, home, challenge, err
}
