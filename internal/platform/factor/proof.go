package factor

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/code"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/totp"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

const secretColumn = "mfa_authenticator.sealed_secret"

// check says whether a proof holds, and what it proves in words of RFC 8176. One that does not is counted against its question and its sign-in, noted in the
// ledger, and e.Refuse holds the fault. A proof that held is used up.
func (s *Service) check(ctx context.Context, e *door.Effect, sub subject, a *factorq.MfaAuthenticator, proof MfaProof) (amr []string, ok bool, err error) {
	if sub.login != nil && sub.login.Tries >= perLogin {
		return nil, false, ended()
	}
	c, err := s.question(ctx, e, sub, a)
	if err != nil {
		return nil, false, err
	}
	if !e.Tx.Now.Before(c.ExpiresAt) {
		return nil, false, fault.Precondition("challenge_expired", "This took too long. Ask again.")
	}
	if c.Tries >= perChallenge {
		return nil, false, fault.Precondition("challenge_ended", "There were too many wrong tries. Ask again.")
	}
	amr, err = s.proven(ctx, e, sub.user, a, c, proof)
	if err != nil {
		return nil, false, err
	}
	if amr == nil {
		if err := s.q.TryChallenge(ctx, e.Tx, factorq.TryChallengeParams{ID: c.ID}); err != nil {
			return nil, false, fmt.Errorf("count the try: %w", err)
		}
		if sub.login != nil {
			if err := s.q.TryLogin(ctx, e.Tx, factorq.TryLoginParams{ID: sub.login.ID}); err != nil {
				return nil, false, fmt.Errorf("count the try: %w", err)
			}
		}
		return nil, false, s.refuse(ctx, e, sub, "code", c.Tries, about(a))
	}
	if err := s.q.DropChallenge(ctx, e.Tx, factorq.DropChallengeParams{ID: c.ID}); err != nil {
		return nil, false, fmt.Errorf("use up the question: %w", err)
	}
	return amr, true, nil
}

// refuse notes a wrong proof and says how many tries are left; with none left the sign-in ends. before is how often this question was answered wrongly.
func (s *Service) refuse(ctx context.Context, e *door.Effect, sub subject, field string, before int32, what map[string]any) error {
	left := perChallenge - before - 1
	if l := sub.login; l != nil {
		if left = min(left, perLogin-l.Tries-1); perLogin-l.Tries-1 <= 0 {
			if err := s.q.EndLogin(ctx, e.Tx, factorq.EndLoginParams{ID: l.ID, Now: e.Tx.Now}); err != nil {
				return fmt.Errorf("end the sign-in: %w", err)
			}
			s.note(e, "factor.refused", sub.user, what)
			e.Refuse(ended())
			return nil
		}
	}
	s.note(e, "factor.refused", sub.user, what)
	e.Refuse(fault.Invalid(field, "factor_wrong", "This is not right. Try again.").With("left", left))
	return nil
}

// question locks what the authenticator was asked. Apps and recovery codes are never asked: their first try makes the row that tries are counted in.
func (s *Service) question(ctx context.Context, e *door.Effect, sub subject, a *factorq.MfaAuthenticator) (*factorq.MfaChallenge, error) {
	find := factorq.LockChallengeParams{AuthenticatorID: a.ID, Subject: sub.id()}
	c, err := s.q.LockChallenge(ctx, e.Tx, find)
	if db.NotFound(err) && (MfaKind(a.Kind) == TOTP || MfaKind(a.Kind) == RecoveryCodes) {
		until := e.Tx.Now.Add(challengeLives)
		if err := s.setChallenge(ctx, e, newChallenge(e, sub, a.ID, until)); err != nil {
			return nil, err
		}
		c, err = s.q.LockChallenge(ctx, e.Tx, find)
	}
	if db.NotFound(err) {
		return nil, fault.Precondition("challenge_needed", "Ask this authenticator first.")
	} else if err != nil {
		return nil, fmt.Errorf("find the question: %w", err)
	}
	return c, nil
}

// proven answers what a proof proves; nil when it does not hold.
func (s *Service) proven(ctx context.Context, e *door.Effect, user ident.UserID, a *factorq.MfaAuthenticator, c *factorq.MfaChallenge, proof MfaProof) ([]string, error) {
	typed := ""
	if proof.Code != nil {
		typed = proof.Code.Reveal()
	}
	if (typed == "") == (len(proof.Webauthn) == 0) || (MfaKind(a.Kind) == Passkey) != (len(proof.Webauthn) > 0) {
		return nil, fault.Invalid("proof", "proof", "Send a code, or a passkey's answer, as the authenticator asks.")
	}
	switch kind := MfaKind(a.Kind); kind {
	case TOTP:
		return s.app(ctx, e, a, typed)
	case RecoveryCodes:
		return s.recovery(ctx, e, user, a, typed)
	case Passkey:
		if a.ConfirmedAt == nil {
			return s.registered(ctx, e, a, c.WebauthnSession, proof.Webauthn)
		}
		return s.signed(ctx, e, user, c.WebauthnSession, proof.Webauthn)
	default:
		return s.sentCode(ctx, a, c, typed, proof.OobCode)
	}
}

// app checks a code of an authenticator app. Its step counts once, whoever is faster.
func (s *Service) app(ctx context.Context, e *door.Effect, a *factorq.MfaAuthenticator, typed string) ([]string, error) {
	plain, err := s.Vault.Open(ctx, e.Tx, ident.OrgID{}, secretColumn, a.ID.String(), a.SealedSecret)
	if err != nil {
		return nil, fmt.Errorf("open the secret of the app: %w", err)
	}
	step, ok := totp.Check(string(plain), code.Digits(typed), e.Tx.Now, a.LastTimeStep)
	if !ok {
		return nil, nil
	}
	n, err := s.q.TakeStep(ctx, e.Tx, factorq.TakeStepParams{ID: a.ID, LastTimeStep: step})
	if err != nil {
		return nil, fmt.Errorf("take the time step: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	return []string{amrApp}, s.use(ctx, e, a)
}

// recovery takes a recovery code. Its use is mailed: who did not use it must know.
func (s *Service) recovery(ctx context.Context, e *door.Effect, user ident.UserID, a *factorq.MfaAuthenticator, typed string) ([]string, error) {
	number, canonical, ok := code.ReadRecovery(typed)
	if !ok {
		return nil, nil
	}
	row, err := s.q.LockRecoveryCode(ctx, e.Tx, factorq.LockRecoveryCodeParams{AuthenticatorID: a.ID, Idx: int16(number)})
	if db.NotFound(err) || err == nil && row.UsedAt != nil {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the recovery code: %w", err)
	}
	right, err := s.Matches(ctx, row.Phc, secret.New(canonical))
	if err != nil || !right {
		return nil, err
	}
	if err := s.q.UseRecoveryCode(ctx, e.Tx, factorq.UseRecoveryCodeParams{AuthenticatorID: a.ID, Idx: int16(number), Now: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("use the recovery code: %w", err)
	}
	s.note(e, "factor.recovery_code_used", user, map[string]any{"number": number})
	if err := s.tell(ctx, e, user, letter.RecoveryUsed, a.Label); err != nil {
		return nil, err
	}
	return []string{amrRecovery}, s.use(ctx, e, a)
}

// sentCode checks a code that was sent, and the word that came with the question.
func (s *Service) sentCode(ctx context.Context, a *factorq.MfaAuthenticator, c *factorq.MfaChallenge, typed string, word *secret.String) ([]string, error) {
	if word == nil || c.CodeHash == nil || subtle.ConstantTimeCompare(word.Hash(), c.OobHash) != 1 {
		return nil, nil
	}
	right, err := s.sameMAC(ctx, c.CodeHash, c.ID, code.Digits(typed))
	if err != nil || !right {
		return nil, err
	}
	if MfaKind(a.Kind) == SMSCode {
		return []string{amrSMS}, nil
	}
	return []string{amrMail}, nil
}

// signed checks the answer of one of the person's passkeys.
func (s *Service) signed(ctx context.Context, e *door.Effect, user ident.UserID, session []byte, answer []byte) ([]string, error) {
	h, err := s.holder(ctx, e.Tx, user)
	if err != nil {
		return nil, err
	}
	found, err := s.Party.Answered(h, session, answer)
	if errors.Is(err, passkey.ErrAnswer) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if found.Cloned {
		if err := s.cloned(ctx, e, user, found); err != nil || !found.BackupEligible {
			return nil, err
		}
	}
	if err := s.q.UseCredential(ctx, e.Tx, factorq.UseCredentialParams{CredentialID: found.ID, SignCount: int64(found.SignCount), BackupState: found.BackupState}); err != nil {
		return nil, fmt.Errorf("note the use of the passkey: %w", err)
	}
	if err := s.q.UseAuthenticatorOf(ctx, e.Tx, factorq.UseAuthenticatorOfParams{CredentialID: found.ID, Now: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("note the use of the passkey: %w", err)
	}
	if found.BackupEligible {
		return []string{amrSynced, amrVerified}, nil
	}
	return []string{amrKey, amrVerified}, nil
}

// cloned notes that a passkey's counter went back. One that stays in its device has then been copied and is refused; one that its provider keeps in step may
// count as it likes, so it is only told (WebAuthn Level 3, 6.1.1).
func (s *Service) cloned(ctx context.Context, e *door.Effect, user ident.UserID, found *passkey.Credential) error {
	if err := s.q.WarnCredential(ctx, e.Tx, factorq.WarnCredentialParams{CredentialID: found.ID, Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("note the counter: %w", err)
	}
	s.note(e, "factor.clone_suspected", user, map[string]any{"refused": !found.BackupEligible})
	return s.tell(ctx, e, user, letter.CloneObserved, "")
}

func (s *Service) use(ctx context.Context, e *door.Effect, a *factorq.MfaAuthenticator) error {
	if err := s.q.UseAuthenticator(ctx, e.Tx, factorq.UseAuthenticatorParams{ID: a.ID, Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("note the use: %w", err)
	}
	return nil
}
