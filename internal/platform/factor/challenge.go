package factor

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/code"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// Challenge asks one of the authenticators of a sign-in, or of a reset: it sends a code, or prepares what a passkey signs. The question before it ends.
func (s *Service) Challenge(ctx context.Context, token secret.String, id ident.FactorID) (*MfaChallenge, error) {
	if err := s.arrive(ctx, token); err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perSend, hex.EncodeToString(token.Hash())); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[ident.FactorID, *MfaChallenge]{
		Action: door.Action{Name: "factor.challenge", Public: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.FactorID) (*MfaChallenge, error) {
			l, err := s.lock(ctx, e, token)
			if err != nil {
				return nil, err
			}
			a, err := s.mayUse(ctx, e, l, id)
			if err != nil {
				return nil, err
			}
			return s.ask(ctx, e, subject{user: ident.From[ident.UserID](l.UserID), login: l}, a)
		},
	}, id)
}

// mayUse locks an authenticator that the sign-in is offered.
func (s *Service) mayUse(ctx context.Context, e *door.Effect, l *factorq.MfaLogin, id ident.FactorID) (*factorq.MfaAuthenticator, error) {
	a, err := s.own(ctx, e, ident.From[ident.UserID](l.UserID), id)
	if err != nil {
		return nil, err
	}
	list, err := s.offered(ctx, e.Tx, l)
	if err != nil {
		return nil, err
	}
	if a.ConfirmedAt == nil || !slices.ContainsFunc(list, func(o *MfaAuthenticator) bool { return o.ID == id }) {
		return nil, fault.NotFound("authenticator")
	}
	return a, nil
}

// ChallengeStepUp asks one of the caller's own authenticators, for a fresh proof in the session.
func (s *Service) ChallengeStepUp(ctx context.Context, id ident.FactorID) (*MfaChallenge, error) {
	caller := authz.From(ctx)
	if err := s.Limit.Allow(ctx, perSend, "session "+caller.SessionID.String()); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[ident.FactorID, *MfaChallenge]{
		Action: door.Action{Name: "factor.challenge_step_up", Own: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.FactorID) (*MfaChallenge, error) {
			if caller.SessionID.IsZero() {
				return nil, fault.Unauthorized("", "Sign in first.")
			}
			a, err := s.own(ctx, e, caller.UserID, id)
			if err != nil {
				return nil, err
			}
			if a.ConfirmedAt == nil {
				return nil, fault.NotFound("authenticator")
			}
			return s.ask(ctx, e, subject{user: caller.UserID, session: caller.SessionID}, a)
		},
	}, id)
}

// ask makes the question: a code is sent, a passkey gets something to sign. Tries begin anew with it; those of the sign-in go on.
func (s *Service) ask(ctx context.Context, e *door.Effect, sub subject, a *factorq.MfaAuthenticator) (*MfaChallenge, error) {
	kind := MfaKind(a.Kind)
	c := &MfaChallenge{AuthenticatorID: ident.From[ident.FactorID](a.ID), Kind: kind, ExpiresAt: e.Tx.Now.Add(challengeLives)}
	if sub.login != nil && sub.login.ExpiresAt.Before(c.ExpiresAt) {
		c.ExpiresAt = sub.login.ExpiresAt
	}
	row := newChallenge(e, sub, a.ID, c.ExpiresAt)
	switch {
	case kind.sent():
		if !s.Oob {
			return nil, sentOff()
		}
		word, err := s.send(ctx, e, sub.user, kind, &row)
		if err != nil {
			return nil, err
		}
		c.OobCode = word
	case kind == Passkey && s.Party == nil:
		return nil, noPasskeys()
	case kind == Passkey:
		h, err := s.holder(ctx, e.Tx, sub.user)
		if err != nil {
			return nil, err
		}
		if c.WebauthnRequestOptions, row.WebauthnSession, err = s.Party.Ask(h); err != nil {
			return nil, err
		}
	}
	e.Quiet() // what is asked is no fact about anybody
	return c, s.setChallenge(ctx, e, row)
}

func newChallenge(e *door.Effect, sub subject, authenticator uuid.UUID, until time.Time) factorq.SetChallengeParams {
	row := factorq.SetChallengeParams{ID: ident.V7(e.Tx.Now), AuthenticatorID: authenticator, ExpiresAt: until}
	if sub.login != nil {
		row.LoginID = &sub.login.ID
	} else {
		row.SessionID = new(sub.session.UUID())
	}
	return row
}

func (s *Service) setChallenge(ctx context.Context, e *door.Effect, row factorq.SetChallengeParams) error {
	if err := s.q.SetChallenge(ctx, e.Tx, row); err != nil {
		return fmt.Errorf("keep the question: %w", err)
	}
	return nil
}

// send sends a code to the person's address or number, and answers the word that must come back with it.
func (s *Service) send(ctx context.Context, e *door.Effect, user ident.UserID, kind MfaKind, row *factorq.SetChallengeParams) (*secret.String, error) {
	sent, word := code.Sent(), secret.Random("")
	mac, err := s.mac(ctx, row.ID, sent)
	if err != nil {
		return nil, err
	}
	row.CodeHash, row.OobHash = mac, word.Hash()
	if kind == MailCode {
		return &word, s.Mail.Stage(ctx, e, mail.Mail{User: user, Letter: letter.MFACode{Code: sent.Reveal(), Until: row.ExpiresAt, Place: e.Caller.Network}})
	}
	number, err := s.number(ctx, e, user)
	if err != nil {
		return nil, err
	}
	return &word, s.SMS.Stage(ctx, e, user, number, sent, row.ExpiresAt)
}

// number is the person's verified number, when there is one and something to send to it.
func (s *Service) number(ctx context.Context, e *door.Effect, user ident.UserID) (string, error) {
	if s.SMS == nil || s.Phone == nil {
		return "", sentOff()
	}
	number, err := s.Phone(ctx, e.Tx, user)
	if err == nil && number == "" {
		err = fault.Precondition("phone_unverified", "Verify your telephone number in your profile first.")
	}
	return number, err
}

func sentOff() error {
	return fault.Invalid("kind", "oob_off", "Codes that are sent are switched off here. Use an app or a passkey.")
}

func noPasskeys() error {
	return fault.Precondition("passkeys_off", "There are no passkeys here, because the console is reached by a number and not by a name.")
}

// holder is a person with their confirmed passkeys.
func (s *Service) holder(ctx context.Context, on Querier, user ident.UserID) (passkey.Holder, error) {
	rows, err := s.q.CredentialsOf(ctx, on, factorq.CredentialsOfParams{UserID: user.UUID()})
	if err != nil {
		return passkey.Holder{}, fmt.Errorf("read the passkeys: %w", err)
	}
	who, err := s.q.ReaderOf(ctx, on, factorq.ReaderOfParams{ID: user.UUID()})
	if err != nil {
		return passkey.Holder{}, fmt.Errorf("read the person: %w", err)
	}
	h := passkey.Holder{Name: who.Email, DisplayName: who.DisplayName}
	for _, r := range rows {
		h.Handle = r.UserHandle
		h.Credentials = append(h.Credentials, passkey.Credential{ID: r.CredentialID, PublicKey: r.PublicKey, SignCount: uint32(r.SignCount), AAGUID: r.Aaguid, Transports: r.Transports,
			AttestationType: r.AttestationType, BackupEligible: r.BackupEligible, BackupState: r.BackupState})
	}
	if h.Handle == nil {
		h.Handle = passkey.Handle()
	}
	return h, nil
}

// mac hides a short code: who reads the table must not be able to try all million of them.
func (s *Service) mac(ctx context.Context, id uuid.UUID, sent secret.String) ([]byte, error) {
	key, err := s.Vault.Signer(ctx, vault.CSRF)
	if err != nil {
		return nil, err
	}
	return key.MAC("factor code", id.String(), sent.Reveal()), nil
}

func (s *Service) sameMAC(ctx context.Context, want []byte, id uuid.UUID, typed string) (bool, error) {
	keys, err := s.Vault.Verifiers(ctx, vault.CSRF)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(keys, func(k *vault.SigningKey) bool { return hmac.Equal(want, k.MAC("factor code", id.String(), typed)) }), nil
}
