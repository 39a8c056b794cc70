package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/credentialq"
)

// ReplaceTx sets a new password, which must differ from the present one. What failed before is forgotten: who has a new password waits for nothing.
// The caller ends sessions.
func (s *Service) ReplaceTx(ctx context.Context, e *door.Effect, user ident.UserID, password secret.String) error {
	row, err := s.q.PasswordOfUser(ctx, e.Tx, credentialq.PasswordOfUserParams{UserID: user.UUID()})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("read the password: %w", err)
	}
	if err == nil {
		same, err := verify(ctx, row.Phc, password.Reveal())
		if err != nil {
			return err
		}
		if same {
			return fault.Invalid("password", "password_same", "This is the password that you have. Choose another.")
		}
	}
	phc, err := hash(ctx, password.Reveal())
	if err != nil {
		return err
	}
	if err := s.SetTx(ctx, e.Tx, user, phc); err != nil {
		return err
	}
	email, err := s.q.AddressOfUser(ctx, e.Tx, credentialq.AddressOfUserParams{UserID: user.UUID()})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("read the address: %w", err)
	}
	name, err := s.nameHash(ctx, email)
	if err != nil {
		return err
	}
	if err := s.q.ForgetAllFailures(ctx, e.Tx, credentialq.ForgetAllFailuresParams{AccountHash: name}); err != nil {
		return fmt.Errorf("forget the failures: %w", err)
	}
	return s.Factors.EndLoginsTx(ctx, e, user)
}

// Change sets a new password for the caller, who knows the present one and has just proved who they are.
func (s *Service) Change(ctx context.Context, current, next secret.String, endOthers bool) error {
	caller := authz.From(ctx)
	if err := caller.Account(); err != nil {
		return err
	}
	if err := s.Limit.Allow(ctx, perName, caller.UserID.String()); err != nil {
		return err
	}
	email, err := s.q.AddressOfUser(ctx, s.DB, credentialq.AddressOfUserParams{UserID: caller.UserID.UUID()})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("read the address: %w", err)
	}
	if faults := Check("new", next, email); len(faults) > 0 {
		return errors.Join(faults...)
	}
	row, err := s.q.PasswordOfUser(ctx, s.DB, credentialq.PasswordOfUserParams{UserID: caller.UserID.UUID()})
	if db.NotFound(err) {
		return fault.Precondition("no_password", "You have no password yet. Ask for one by “Forgot your password?”.")
	} else if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	right := false
	if len(current.Reveal()) <= maxPassword {
		if right, err = verify(ctx, row.Phc, current.Reveal()); err != nil {
			return err
		}
	}
	_, err = door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "credential.change_password", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			user := caller.UserID.String()
			if !right {
				e.Record(event.Change{Action: "credential.refused_invalid", Subject: user, Version: 1, Stream: "credential:" + user, Chain: user, Payload: map[string]any{"v": 1}, Audited: true})
				e.Refuse(fault.Invalid("current", "password_wrong", "This is not your password."))
				return struct{}{}, nil
			}
			if err := s.ReplaceTx(ctx, e, caller.UserID, next); err != nil {
				return struct{}{}, fault.At(err, "new")
			}
			if endOthers {
				if err := s.Sessions.EndAllTx(ctx, e, caller.UserID, &caller.SessionID, "password"); err != nil {
					return struct{}{}, err
				}
			}
			e.Record(event.Change{Action: "credential.password_changed", Subject: user, Version: 1, Stream: "credential:" + user, Chain: user, Payload: map[string]any{"v": 1}, Audited: true})
			if s.Changed != nil {
				return struct{}{}, s.Changed(ctx, e, caller.UserID)
			}
			return struct{}{}, nil
		},
	}, struct{}{})
	return err
}

// ForgetTx takes a person's password away, with the account.
func (s *Service) ForgetTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if err := s.q.ForgetPassword(ctx, e.Tx, credentialq.ForgetPasswordParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("forget the password: %w", err)
	}
	return nil
}

// Identity is how a person signs in.
type Identity struct {
	ID                  ident.UserID
	HasPassword         bool
	PasswordChangedAt   *time.Time
	MfaEnabled          bool
	MfaRequiredByPolicy bool
	MfaKinds            []factor.MfaKind
	PasskeyCount        int32
	RecoveryCodesLeft   int32
}

// Identity answers how the caller signs in.
func (s *Service) Identity(ctx context.Context) (*Identity, error) {
	user := authz.From(ctx).UserID
	f, err := s.Factors.State(ctx)
	if err != nil {
		return nil, err
	}
	out := &Identity{ID: user, MfaEnabled: f.Enabled, MfaRequiredByPolicy: f.Required, MfaKinds: f.Kinds, PasskeyCount: f.Passkeys, RecoveryCodesLeft: f.Codes}
	at, err := s.q.SetAt(ctx, s.DB, credentialq.SetAtParams{UserID: user.UUID()})
	if db.NotFound(err) {
		return out, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	out.HasPassword, out.PasswordChangedAt = true, &at
	return out, nil
}
