package factor

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// Verify takes the second proof of a sign-in, and ends it well unless a policy wants a better factor. A wrong proof is INVALID, reason factor_wrong, with the
// tries that are left; with none left the sign-in has ended (UNAUTHENTICATED, reason login_ended). It goes on in the form it began in, a browser's at the
// addresses that set cookies.
func (s *Service) Verify(ctx context.Context, form Form, token secret.String, id ident.FactorID, proof MfaProof) (*Next, error) {
	if err := s.arrive(ctx, token); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[ident.FactorID, *Next]{
		Action: door.Action{Name: "factor.authenticate", Public: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.FactorID) (*Next, error) {
			l, err := s.signingIn(ctx, e, token)
			if err == nil && Form(l.Form) != form {
				err = ended()
			}
			if err != nil {
				return nil, err
			}
			a, err := s.mayUse(ctx, e, l, id)
			if err != nil {
				return nil, err
			}
			f := firstOf(l)
			amr, ok, err := s.check(ctx, e, subject{user: f.User, login: l}, a, proof)
			if err != nil || !ok {
				return nil, err
			}
			s.note(e, "factor.authenticated", f.User, about(a))
			return s.next(ctx, e, f.with(amr), l, token)
		},
	}, id)
}

// ProveResetTx asks for the factor of somebody who sets a new password, in the effect that sets it. Who has none proves nothing more. It answers false when the
// proof was wrong: that is counted, and e.Refuse holds the fault.
func (s *Service) ProveResetTx(ctx context.Context, e *door.Effect, token secret.String, id *ident.FactorID, proof *MfaProof) (bool, error) {
	l, err := s.lock(ctx, e, token)
	if err != nil {
		return false, err
	}
	user := ident.From[ident.UserID](l.UserID)
	_, active, err := s.authenticators(ctx, e.Tx, user)
	if err != nil || len(active) == 0 {
		return err == nil, err
	}
	if id == nil || proof == nil {
		return false, fault.Precondition("factor_needed", "Prove your second factor too.")
	}
	a, err := s.mayUse(ctx, e, l, *id)
	if err != nil {
		return false, err
	}
	_, ok, err := s.check(ctx, e, subject{user: user, login: l}, a, *proof)
	if err != nil || !ok {
		return false, err
	}
	s.note(e, "factor.authenticated", user, about(a))
	return true, nil
}

// List answers the authenticators of a sign-in or a reset in progress, which counts may use; without a token the caller's own.
func (s *Service) List(ctx context.Context, token *secret.String) ([]*MfaAuthenticator, error) {
	if token != nil {
		if err := s.arrive(ctx, *token); err != nil {
			return nil, err
		}
		l, err := s.byToken(ctx, s.DB, *token)
		if err != nil {
			return nil, err
		}
		return s.offered(ctx, s.DB, l)
	}
	caller := authz.From(ctx)
	if caller.Kind != authz.USER && caller.Kind != authz.OPERATOR {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	all, _, err := s.authenticators(ctx, s.DB, caller.UserID)
	out := make([]*MfaAuthenticator, len(all))
	for n, a := range all {
		out[n] = fromRow(a)
	}
	return out, err
}
