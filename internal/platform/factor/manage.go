package factor

import (
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/code"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// State says how a person's factors stand.
type State struct {
	Enabled  bool      // a factor is asked for
	Required bool      // an organization demands one, or the person's role
	Kinds    []MfaKind // what can be added
	Passkeys int32
	Codes    int32 // recovery codes that are left
}

// State answers it for the caller.
func (s *Service) State(ctx context.Context) (State, error) {
	user := authz.From(ctx).UserID
	p, err := s.policyOf(ctx, s.DB, user)
	if err != nil {
		return State{}, err
	}
	_, active, err := s.authenticators(ctx, s.DB, user)
	if err != nil {
		return State{}, err
	}
	kinds, err := s.addable(ctx, s.DB, user, p, active)
	if err != nil {
		return State{}, err
	}
	left, err := s.q.CodesLeft(ctx, s.DB, factorq.CodesLeftParams{UserID: user.UUID()})
	if err != nil {
		return State{}, fmt.Errorf("count the recovery codes: %w", err)
	}
	out := State{Enabled: len(active) > 0, Required: p.keeps(), Kinds: kinds, Codes: left}
	for _, a := range active {
		if MfaKind(a.Kind) == Passkey {
			out.Passkeys++
		}
	}
	return out, nil
}

// Rename changes what the caller calls an authenticator.
func (s *Service) Rename(ctx context.Context, id ident.FactorID, name string) (*MfaAuthenticator, error) {
	return door.Do(ctx, s.Door, door.Change[string, *MfaAuthenticator]{
		Action: door.Action{Name: "factor.rename", Own: true},
		Do: func(ctx context.Context, e *door.Effect, typed string) (*MfaAuthenticator, error) {
			a, err := s.own(ctx, e, e.Caller.UserID, id)
			if err != nil {
				return nil, err
			}
			name, err := label(typed, MfaKind(a.Kind))
			if err != nil {
				return nil, err
			}
			if err := s.q.RenameAuthenticator(ctx, e.Tx, factorq.RenameAuthenticatorParams{ID: a.ID, UserID: a.UserID, Label: name}); err != nil {
				return nil, fmt.Errorf("rename the factor: %w", err)
			}
			a.Label = name
			s.note(e, "factor.renamed", e.Caller.UserID, about(a))
			s.changed(e, e.Caller.UserID)
			return fromRow(a), nil
		},
	}, name)
}

// SetEnabled switches second factors on, for which one must be confirmed, or off, which removes them all.
func (s *Service) SetEnabled(ctx context.Context, enabled bool) error {
	_, err := door.Do(ctx, s.Door, door.Change[bool, struct{}]{
		Action: door.Action{Name: "factor.set_enabled", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, enabled bool) (none struct{}, err error) {
			active, p, err := s.hold(ctx, e, e.Caller.UserID)
			switch {
			case err != nil:
				return none, err
			case enabled && len(active) == 0:
				return none, fault.Precondition("no_factor", "Add a factor first; it counts as soon as you have confirmed it.")
			case enabled || len(active) == 0:
				e.Quiet()
				return none, nil
			case p.keeps():
				return none, p.forbids()
			}
			return none, s.dropAll(ctx, e, e.Caller.UserID, "factor.disabled", letter.MFADisabled)
		},
	}, enabled)
	return err
}

// Disassociate removes one of the caller's authenticators; with the last one go the recovery codes.
func (s *Service) Disassociate(ctx context.Context, id ident.FactorID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.FactorID, struct{}]{
		Action: door.Action{Name: "factor.remove", Own: true, StepUp: true, Paid: true, Once: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.FactorID) (none struct{}, err error) {
			user := e.Caller.UserID
			active, p, err := s.hold(ctx, e, user)
			if err != nil {
				return none, err
			}
			a, err := s.own(ctx, e, user, id)
			if err != nil {
				return none, err
			}
			if MfaKind(a.Kind) == RecoveryCodes {
				return none, fault.Invalid("id", "codes_alone", "Recovery codes go with the last factor. You can replace them by new ones.")
			}
			if err := s.remove(ctx, e, user, a, active, p); err != nil {
				return none, err
			}
			s.changed(e, user)
			return none, nil
		},
	}, id)
	return err
}

func (s *Service) remove(ctx context.Context, e *door.Effect, user ident.UserID, a *factorq.MfaAuthenticator, active []*factorq.MfaAuthenticator, p policy) error {
	left, meets := 0, false
	for _, other := range active {
		if other.ID != a.ID {
			left++
			meets = meets || p.counts(MfaKind(other.Kind))
		}
	}
	switch {
	case a.ConfirmedAt == nil:
		e.Quiet()
	case p.keeps() && !meets && p.counts(MfaKind(a.Kind)):
		return p.forbids()
	case left == 0:
		s.note(e, "factor.removed", user, about(a))
		return s.dropAll(ctx, e, user, "factor.disabled", letter.MFADisabled)
	default:
		s.note(e, "factor.removed", user, about(a))
		if err := s.tell(ctx, e, user, letter.MFARemoved, a.Label); err != nil {
			return err
		}
	}
	if err := s.q.DropAuthenticator(ctx, e.Tx, factorq.DropAuthenticatorParams{ID: a.ID, UserID: a.UserID}); err != nil {
		return fmt.Errorf("remove the factor: %w", err)
	}
	return nil
}

// hold locks a person's factors against simultaneous changes and answers those that count.
func (s *Service) hold(ctx context.Context, e *door.Effect, user ident.UserID) ([]*factorq.MfaAuthenticator, policy, error) {
	if err := s.q.LockOwner(ctx, e.Tx, factorq.LockOwnerParams{ID: user.UUID()}); err != nil {
		return nil, policy{}, fmt.Errorf("lock the person: %w", err)
	}
	p, err := s.policyOf(ctx, e.Tx, user)
	if err != nil {
		return nil, p, err
	}
	_, active, err := s.authenticators(ctx, e.Tx, user)
	return active, p, err
}

func (s *Service) dropAll(ctx context.Context, e *door.Effect, user ident.UserID, action string, what letter.MFAChange) error {
	if _, err := s.q.DropAll(ctx, e.Tx, factorq.DropAllParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("remove the factors: %w", err)
	}
	s.note(e, action, user, nil)
	s.changed(e, user)
	return s.tell(ctx, e, user, what, "")
}

// ResetTx takes all factors of somebody away, as an operator decided: the person signs in by password, and adds new ones where a policy demands them.
func (s *Service) ResetTx(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
	if _, _, err := s.hold(ctx, e, user); err != nil {
		return err
	}
	if _, err := s.q.DropAll(ctx, e.Tx, factorq.DropAllParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("remove the factors: %w", err)
	}
	if err := s.EndLoginsTx(ctx, e, user); err != nil {
		return err
	}
	if err := s.Sessions.EndAllTx(ctx, e, user, nil, "factors reset"); err != nil {
		return err
	}
	s.note(e, "factor.reset", user, map[string]any{"reason": reason})
	s.changed(e, user)
	return s.Mail.Stage(ctx, e, mail.Mail{User: user, Letter: letter.MFAResetByOps{Security: s.security(e)}})
}

// ForgetTx takes away what is kept of the factors of somebody who erases their account.
func (s *Service) ForgetTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if _, err := s.q.DropAll(ctx, e.Tx, factorq.DropAllParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("remove the factors: %w", err)
	}
	return s.EndLoginsTx(ctx, e, user)
}

// changed tells who watches the person.
func (s *Service) changed(e *door.Effect, user ident.UserID) { e.Poke(user.String(), 0) }

func (p policy) who() string {
	if p.by == "" {
		return "This installation"
	}
	return p.by
}

func (p policy) forbids() error {
	return fault.Refused("policy", "%s demands a second factor. Add another one before you remove this.", p.who()).With("organization", p.by)
}

// RecoveryCodeSet is shown once.
type RecoveryCodeSet struct{ Codes []secret.String }

// freshCode is a recovery code, and what is kept of it.
type freshCode struct {
	plain secret.String
	phc   string
}

func (s *Service) freshCodes(ctx context.Context) ([]freshCode, error) {
	out := make([]freshCode, code.Codes)
	for n := range out {
		plain := code.Recovery(n + 1)
		phc, err := s.Hash(ctx, plain)
		if err != nil {
			return nil, err
		}
		out[n] = freshCode{plain, phc}
	}
	return out, nil
}

// addCodes gives somebody recovery codes that count with the first factor; those of an earlier beginning end.
func (s *Service) addCodes(ctx context.Context, e *door.Effect, user ident.UserID, fresh []freshCode) ([]secret.String, error) {
	if err := s.q.DropUnconfirmed(ctx, e.Tx, factorq.DropUnconfirmedParams{UserID: user.UUID(), Kind: string(RecoveryCodes)}); err != nil {
		return nil, fmt.Errorf("give up the codes: %w", err)
	}
	id := ident.V7(e.Tx.Now)
	name, _ := label("", RecoveryCodes)
	if err := s.q.AddAuthenticator(ctx, e.Tx, factorq.AddAuthenticatorParams{ID: id, UserID: user.UUID(), Kind: string(RecoveryCodes), Label: name, CreatedAt: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("add the recovery codes: %w", err)
	}
	return s.setCodes(ctx, e, factorq.SetRecoveryCodeParams{AuthenticatorID: id}, fresh)
}

func (s *Service) setCodes(ctx context.Context, e *door.Effect, row factorq.SetRecoveryCodeParams, fresh []freshCode) ([]secret.String, error) {
	shown := make([]secret.String, len(fresh))
	for n, c := range fresh {
		row.Idx, row.Phc, shown[n] = int16(n+1), c.phc, c.plain
		if err := s.q.SetRecoveryCode(ctx, e.Tx, row); err != nil {
			return nil, fmt.Errorf("keep a recovery code: %w", err)
		}
	}
	return shown, nil
}

// RegenerateRecoveryCodes replaces the caller's codes; the old ones end.
func (s *Service) RegenerateRecoveryCodes(ctx context.Context) (*RecoveryCodeSet, error) {
	if err := s.Limit.Allow(ctx, perEnrol, authz.From(ctx).UserID.String()); err != nil {
		return nil, err
	}
	fresh, err := s.freshCodes(ctx)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[struct{}, *RecoveryCodeSet]{
		Action: door.Action{Name: "factor.regenerate_recovery_codes", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (*RecoveryCodeSet, error) {
			user := e.Caller.UserID
			if _, _, err := s.hold(ctx, e, user); err != nil {
				return nil, err
			}
			all, active, err := s.authenticators(ctx, e.Tx, user)
			if err != nil {
				return nil, err
			}
			if len(active) == 0 {
				return nil, fault.Precondition("no_factor", "Recovery codes come with the first factor. Add one.")
			}
			for _, a := range all {
				if MfaKind(a.Kind) != RecoveryCodes {
					continue
				}
				codes, err := s.setCodes(ctx, e, factorq.SetRecoveryCodeParams{AuthenticatorID: a.ID}, fresh)
				if err != nil {
					return nil, err
				}
				s.note(e, "factor.recovery_codes_regenerated", user, nil)
				s.changed(e, user)
				return &RecoveryCodeSet{codes}, s.tell(ctx, e, user, letter.RecoveryNew, "")
			}
			return nil, fmt.Errorf("%s has factors and no recovery codes", user)
		},
	}, struct{}{})
}

// maskAddress and maskNumber say enough for its owner.
func maskAddress(email string) string {
	name, host, _ := strings.Cut(email, "@")
	return string([]rune(name + " ")[:1]) + "…@" + host
}

func maskNumber(number string) string {
	if len(number) < 7 {
		return "…"
	}
	return number[:3] + " •• " + number[len(number)-3:]
}
