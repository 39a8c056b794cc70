package factor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// StepUpProof is a fresh proof of who the caller is: exactly one of its members. A password is enough only for who has no confirmed factor.
type StepUpProof struct {
	Password     *secret.String  `json:"password"`
	Totp         *secret.String  `json:"totp"`
	Oob          *OobProof       `json:"oob"`
	Webauthn     json.RawMessage `json:"webauthn"`
	RecoveryCode *secret.String  `json:"recoveryCode"`
}

// OobProof is a code that was sent, with the word that came with its question.
type OobProof struct {
	OobCode secret.String `json:"oobCode"`
	Code    secret.String `json:"code"`
}

// read answers the kinds of authenticator that a proof can be of, and the proof itself; nil for a password.
func (p StepUpProof) read() (kinds []MfaKind, proof MfaProof, err error) {
	given := 0
	if p.Password != nil {
		given++
	}
	if p.Totp != nil {
		given, kinds, proof = given+1, []MfaKind{TOTP}, MfaProof{Code: p.Totp}
	}
	if p.RecoveryCode != nil {
		given, kinds, proof = given+1, []MfaKind{RecoveryCodes}, MfaProof{Code: p.RecoveryCode}
	}
	if p.Oob != nil {
		given, kinds, proof = given+1, []MfaKind{MailCode, SMSCode}, MfaProof{Code: &p.Oob.Code, OobCode: &p.Oob.OobCode}
	}
	if len(p.Webauthn) > 0 && string(p.Webauthn) != "null" {
		given, kinds, proof = given+1, []MfaKind{Passkey}, MfaProof{Webauthn: p.Webauthn}
	}
	if given != 1 {
		err = fault.Invalid("proof", "exactly_one", "Send exactly one proof.")
	}
	return kinds, proof, err
}

// Check says whether a proof has exactly one member.
func (p StepUpProof) Check() error {
	_, _, err := p.read()
	return err
}

// StepUp takes a fresh proof by a factor and rotates the session's secret; cookie is the browser's present one.
func (s *Service) StepUp(ctx context.Context, cookie string, p StepUpProof) (*Next, error) {
	caller := authz.From(ctx)
	kinds, proof, err := p.read()
	if err != nil {
		return nil, err
	}
	if caller.SessionID.IsZero() {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	if err := s.Limit.Allow(ctx, perPerson, caller.UserID.String()); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[string, *Next]{
		Action: door.Action{Name: "session.step_up", Own: true},
		Do: func(ctx context.Context, e *door.Effect, cookie string) (*Next, error) {
			a, err := s.asked(ctx, e, kinds)
			if err != nil {
				return nil, err
			}
			amr, ok, err := s.check(ctx, e, subject{user: caller.UserID, session: caller.SessionID}, a, proof)
			if err != nil || !ok {
				return nil, err
			}
			s.note(e, "factor.authenticated", caller.UserID, about(a))
			next, err := s.Sessions.StepUpTx(ctx, e, cookie, append(amr, amrTwo)...)
			return &Next{User: caller.UserID, Cookie: next, Session: caller.SessionID}, err
		},
	}, cookie)
}

// asked finds the authenticator that a proof is of: the only one of its kind, or the one that was asked in this session.
func (s *Service) asked(ctx context.Context, e *door.Effect, kinds []MfaKind) (*factorq.MfaAuthenticator, error) {
	all, _, err := s.authenticators(ctx, e.Tx, e.Caller.UserID)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.ConfirmedAt != nil && len(kinds) == 1 && MfaKind(a.Kind) == kinds[0] && kinds[0] != Passkey {
			return s.own(ctx, e, e.Caller.UserID, ident.From[ident.FactorID](a.ID))
		}
	}
	names := make([]string, len(kinds))
	for n, k := range kinds {
		names[n] = string(k)
	}
	ids, err := s.q.AskedIn(ctx, e.Tx, factorq.AskedInParams{UserID: e.Caller.UserID.UUID(), Session: e.Caller.SessionID.UUID(), Kinds: names})
	if err != nil {
		return nil, fmt.Errorf("find the question: %w", err)
	}
	if len(ids) == 0 {
		return nil, fault.Precondition("challenge_needed", "Ask this authenticator first.")
	}
	return s.own(ctx, e, e.Caller.UserID, ident.From[ident.FactorID](ids[0]))
}
