package factor

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/totp"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// Association asks for a new authenticator: in a session, or with the token of a sign-in that demands one and the code that was mailed for it.
type Association struct {
	Kind      MfaKind
	Label     string
	Phone     string // for OOB_SMS: the person's own verified number, as a check; "" for whatever it is
	Token     *secret.String
	EmailCode *secret.String
}

// MfaAssociation is an authenticator that counts once it is confirmed, with what the person needs for that. Recovery codes come with the first factor.
type MfaAssociation struct {
	AuthenticatorID         ident.FactorID
	Kind                    MfaKind
	OobCode                 *secret.String
	BarcodeURI              *secret.String
	Secret                  *secret.String
	WebauthnCreationOptions json.RawMessage
	RecoveryCodes           []secret.String
	ExpiresAt               time.Time
}

// MfaConfirmation is what a confirmed authenticator leads to. Result is nil when it was added in a session.
type MfaConfirmation struct {
	Authenticators []*MfaAuthenticator
	Result         *Next
}

// Associate begins to add an authenticator. What somebody began to add before, of the same kind, is given up.
func (s *Service) Associate(ctx context.Context, in Association) (*MfaAssociation, error) {
	caller, action := authz.From(ctx), door.Action{Name: "factor.associate", Own: true, StepUp: true}
	key := caller.UserID.String()
	if in.Token != nil {
		action, key = door.Action{Name: "factor.associate", Public: true}, hex.EncodeToString(in.Token.Hash())
		if err := s.arrive(ctx, *in.Token); err != nil {
			return nil, err
		}
	} else if caller.SessionID.IsZero() || caller.Kind != authz.USER && caller.Kind != authz.OPERATOR {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	if err := s.Limit.Allow(ctx, perEnrol, key); err != nil {
		return nil, err
	}
	if in.Kind.sent() {
		if err := s.Limit.Allow(ctx, perSend, key); err != nil {
			return nil, err
		}
	}
	fresh, err := s.freshCodes(ctx) // ten hashes, outside of the transaction
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[Association, *MfaAssociation]{Action: action, Do: func(ctx context.Context, e *door.Effect, in Association) (*MfaAssociation, error) {
		sub := subject{user: caller.UserID, session: caller.SessionID}
		if in.Token != nil {
			l, err := s.signingIn(ctx, e, *in.Token)
			if err != nil {
				return nil, err
			}
			if !l.Enrol {
				return nil, notDemanded()
			}
			sub = subject{user: ident.From[ident.UserID](l.UserID), login: l}
			if ok, err := s.mailbox(ctx, e, l, in.EmailCode); err != nil || !ok {
				return nil, err
			}
		}
		return s.associate(ctx, e, sub, in, fresh)
	}}, in)
}

func (s *Service) associate(ctx context.Context, e *door.Effect, sub subject, in Association, fresh []freshCode) (*MfaAssociation, error) {
	name, err := label(in.Label, in.Kind)
	if err != nil {
		return nil, err
	}
	if err := s.q.LockOwner(ctx, e.Tx, factorq.LockOwnerParams{ID: sub.user.UUID()}); err != nil {
		return nil, fmt.Errorf("lock the person: %w", err)
	}
	_, active, err := s.authenticators(ctx, e.Tx, sub.user)
	if err != nil {
		return nil, err
	}
	if err := s.mayAdd(ctx, e, sub.user, in.Kind, active); err != nil {
		return nil, err
	}
	if err := s.q.DropUnconfirmed(ctx, e.Tx, factorq.DropUnconfirmedParams{UserID: sub.user.UUID(), Kind: string(in.Kind)}); err != nil {
		return nil, fmt.Errorf("give up what was begun: %w", err)
	}
	id := ident.New[ident.FactorID](e.Tx.Now)
	out := &MfaAssociation{AuthenticatorID: id, Kind: in.Kind, ExpiresAt: e.Tx.Now.Add(challengeLives)}
	row := factorq.AddAuthenticatorParams{ID: id.UUID(), UserID: sub.user.UUID(), Kind: string(in.Kind), Label: name, CreatedAt: e.Tx.Now}
	question := newChallenge(e, sub, id.UUID(), out.ExpiresAt)
	if err := s.prepare(ctx, e, sub.user, in, &row, &question, out); err != nil {
		return nil, err
	}
	if err := s.q.AddAuthenticator(ctx, e.Tx, row); err != nil {
		return nil, fmt.Errorf("add the factor: %w", err)
	}
	if err := s.setChallenge(ctx, e, question); err != nil {
		return nil, err
	}
	if len(active) == 0 {
		if out.RecoveryCodes, err = s.addCodes(ctx, e, sub.user, fresh); err != nil {
			return nil, err
		}
	}
	e.Quiet() // nothing counts before it is confirmed
	return out, nil
}

// mayAdd says whether somebody with these factors may add one of this kind.
func (s *Service) mayAdd(ctx context.Context, e *door.Effect, user ident.UserID, kind MfaKind, active []*factorq.MfaAuthenticator) error {
	same := 0
	for _, a := range active {
		if MfaKind(a.Kind) == kind {
			same++
		}
	}
	p, err := s.policyOf(ctx, e.Tx, user)
	if err != nil {
		return err
	}
	switch {
	case kind == RecoveryCodes:
		return fault.Invalid("kind", "codes_alone", "Recovery codes come with the first factor.")
	case !slices.Contains([]MfaKind{TOTP, SMSCode, MailCode, Passkey}, kind):
		return fault.Invalid("kind", "kind", "There is no such factor.")
	case kind.sent() && !s.Oob:
		return sentOff()
	case !p.counts(kind):
		return fault.Invalid("kind", "policy", "%s demands a stronger factor than this.", p.who()).With("organization", p.by)
	case kind == Passkey && same >= mostPasskeys:
		return fault.Precondition("too_many", "You have %d passkeys, and more are not kept. Remove one that you no longer use.", same)
	case kind != Passkey && same > 0:
		return fault.Precondition("factor_exists", "You have one of these. Remove it first, or add another kind.")
	}
	return nil
}

// prepare fills in what this kind of authenticator needs to be confirmed.
func (s *Service) prepare(ctx context.Context, e *door.Effect, user ident.UserID, in Association, row *factorq.AddAuthenticatorParams, question *factorq.SetChallengeParams, out *MfaAssociation) (err error) {
	who, err := s.q.ReaderOf(ctx, e.Tx, factorq.ReaderOfParams{ID: user.UUID()})
	if err != nil {
		return fmt.Errorf("read the person: %w", err)
	}
	switch in.Kind {
	case TOTP:
		plain := totp.Secret()
		if row.SealedSecret, err = s.Vault.Seal(ctx, e.Tx, ident.OrgID{}, secretColumn, row.ID.String(), []byte(plain)); err != nil {
			return err
		}
		out.Secret, out.BarcodeURI = new(secret.New(plain)), new(secret.New(totp.URI(s.Issuer, who.Email, plain)))
	case Passkey:
		if s.Party == nil {
			return noPasskeys()
		}
		h, err := s.holder(ctx, e.Tx, user)
		if err != nil {
			return err
		}
		out.WebauthnCreationOptions, question.WebauthnSession, err = s.Party.Register(h)
		return err
	default:
		if in.Kind == SMSCode {
			number, err := s.number(ctx, e, user)
			if err != nil {
				return err
			}
			if in.Phone != "" && in.Phone != number {
				return fault.Invalid("phone", "phone_unverified", "Codes go to your verified number alone. Change it in your profile.")
			}
			row.Hint = new(maskNumber(number))
		} else {
			row.Hint = new(maskAddress(who.Email))
		}
		out.OobCode, err = s.send(ctx, e, user, in.Kind, question)
	}
	return err
}

// Confirm proves a new authenticator once; from then on it counts. As part of a sign-in it goes on with that, in the form that it began in.
func (s *Service) Confirm(ctx context.Context, form Form, id ident.FactorID, proof MfaProof, token *secret.String) (*MfaConfirmation, error) {
	caller, action := authz.From(ctx), door.Action{Name: "factor.confirm", Own: true}
	if token != nil {
		action = door.Action{Name: "factor.confirm", Public: true}
		if err := s.arrive(ctx, *token); err != nil {
			return nil, err
		}
	} else if caller.SessionID.IsZero() {
		return nil, fault.Unauthorized("", "Sign in first.")
	} else if err := s.Limit.Allow(ctx, perPerson, caller.UserID.String()); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[ident.FactorID, *MfaConfirmation]{Action: action, Do: func(ctx context.Context, e *door.Effect, id ident.FactorID) (*MfaConfirmation, error) {
		sub := subject{user: caller.UserID, session: caller.SessionID}
		if token != nil {
			l, err := s.signingIn(ctx, e, *token)
			if err == nil && Form(l.Form) != form {
				err = ended()
			}
			if err != nil {
				return nil, err
			}
			if !l.Enrol {
				return nil, notDemanded()
			}
			sub = subject{user: ident.From[ident.UserID](l.UserID), login: l}
		}
		return s.confirm(ctx, e, sub, id, proof, token)
	}}, id)
}

func (s *Service) confirm(ctx context.Context, e *door.Effect, sub subject, id ident.FactorID, proof MfaProof, token *secret.String) (*MfaConfirmation, error) {
	if err := s.q.LockOwner(ctx, e.Tx, factorq.LockOwnerParams{ID: sub.user.UUID()}); err != nil {
		return nil, fmt.Errorf("lock the person: %w", err)
	}
	a, err := s.own(ctx, e, sub.user, id)
	if err != nil {
		return nil, err
	}
	if a.ConfirmedAt != nil || MfaKind(a.Kind) == RecoveryCodes {
		return nil, fault.NotFound("association")
	}
	_, active, err := s.authenticators(ctx, e.Tx, sub.user)
	if err != nil {
		return nil, err
	}
	if err := s.mayAdd(ctx, e, sub.user, MfaKind(a.Kind), active); err != nil { // the same was added elsewhere, or a policy came, in the meantime
		return nil, err
	}
	amr, ok, err := s.check(ctx, e, sub, a, proof)
	if err != nil || !ok {
		return nil, err
	}
	if err := s.count(ctx, e, sub.user, a, len(active) == 0); err != nil {
		return nil, err
	}
	out := &MfaConfirmation{}
	if sub.login != nil {
		out.Result, err = s.next(ctx, e, firstOf(sub.login).with(amr), sub.login, *token)
	} else {
		err = s.Sessions.RaiseTx(ctx, e, sub.session, append(amr, amrTwo))
	}
	if err != nil {
		return nil, err
	}
	all, _, err := s.authenticators(ctx, e.Tx, sub.user)
	for _, a := range all {
		if a.ConfirmedAt != nil {
			out.Authenticators = append(out.Authenticators, fromRow(a))
		}
	}
	return out, err
}

// count lets a proven authenticator count, and with the first one the recovery codes.
func (s *Service) count(ctx context.Context, e *door.Effect, user ident.UserID, a *factorq.MfaAuthenticator, first bool) error {
	if err := s.q.ConfirmAuthenticator(ctx, e.Tx, factorq.ConfirmAuthenticatorParams{ID: a.ID, Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("confirm the factor: %w", err)
	}
	if first {
		if err := s.q.ConfirmCodes(ctx, e.Tx, factorq.ConfirmCodesParams{UserID: user.UUID(), Now: e.Tx.Now}); err != nil {
			return fmt.Errorf("confirm the recovery codes: %w", err)
		}
		s.note(e, "factor.enabled", user, nil)
	}
	s.note(e, "factor.added", user, about(a))
	s.changed(e, user)
	return s.tell(ctx, e, user, letter.MFAAdded, a.Label)
}

// registered keeps a new passkey from the browser's answer; false when the answer does not hold.
func (s *Service) registered(ctx context.Context, e *door.Effect, a *factorq.MfaAuthenticator, session, answer []byte) ([]string, error) {
	c, handle, err := s.Party.Registered(session, answer)
	if errors.Is(err, passkey.ErrAnswer) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.q.AddCredential(ctx, tx, factorq.AddCredentialParams{CredentialID: c.ID, AuthenticatorID: a.ID, UserHandle: handle, PublicKey: c.PublicKey, SignCount: int64(c.SignCount), Aaguid: c.AAGUID,
			Transports: c.Transports, AttestationType: c.AttestationType, BackupEligible: c.BackupEligible, BackupState: c.BackupState})
	})
	switch {
	case db.Violates(err, "webauthn_credential_pkey"):
		return nil, fault.Conflict("", "passkey_known", "This passkey is registered already.")
	case err != nil:
		return nil, fmt.Errorf("keep the passkey: %w", err)
	case c.BackupEligible:
		return []string{amrSynced, amrVerified}, nil
	}
	return []string{amrKey, amrVerified}, nil
}
