package credential

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/credentialq"
)

// Prove is a program's step-up: its person proves again who they are, by password or factor as StepUp asks. Its tokens stay, and are fresh from now on. A browser
// is FORBIDDEN: its proof brings a new cookie, which GraphQL cannot set.
func (s *Service) Prove(ctx context.Context, p factor.StepUpProof) (*session.Session, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	current, err := s.Sessions.Current(ctx)
	switch {
	case err != nil:
		return nil, err
	case current == nil:
		return nil, fault.Unauthorized("", "Sign in first.")
	case current.Kind != session.Program:
		return nil, fault.Refused("browser_step_up", "A browser sends this to POST /auth/step-up, which gives it a new cookie.")
	case p.Password != nil:
		_, err = s.StepUp(ctx, "", *p.Password)
	default:
		_, err = s.Factors.StepUp(ctx, "", p)
	}
	if err != nil {
		return nil, err
	}
	return s.Sessions.Current(ctx)
}

// StepUp proves the caller's identity again by password and rotates the session; cookie is the browser's present one. Who has a confirmed factor must prove
// that instead.
func (s *Service) StepUp(ctx context.Context, cookie string, password secret.String) (*factor.Next, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	methods, err := s.Factors.Confirmed(ctx, s.DB, caller.UserID)
	if err != nil {
		return nil, err
	}
	if len(methods) > 0 {
		return nil, fault.Invalid("password", "factor_needed", "Your account has a second factor. Confirm with that.")
	}
	if err := s.Limit.Allow(ctx, perName, caller.UserID.String()); err != nil {
		return nil, err
	}
	row, err := s.q.PasswordOfUser(ctx, s.DB, credentialq.PasswordOfUserParams{UserID: caller.UserID.UUID()})
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	phc := s.nobody(ctx)
	if err == nil {
		phc = row.Phc
	}
	right := false
	if len(password.Reveal()) <= maxPassword {
		if right, err = verify(ctx, phc, password.Reveal()); err != nil {
			return nil, err
		}
	}
	if !right {
		return nil, s.refuseStepUp(ctx)
	}
	return door.Do(ctx, s.Door, door.Change[string, *factor.Next]{
		Action: door.Action{Name: "session.step_up", Public: true},
		Do: func(ctx context.Context, e *door.Effect, cookie string) (*factor.Next, error) {
			next, err := s.Sessions.StepUpTx(ctx, e, cookie)
			return &factor.Next{Cookie: next, Session: caller.SessionID, User: caller.UserID}, err
		},
	}, cookie)
}

// refuseStepUp notes on the person's own chain that somebody in their session did not know the password.
func (s *Service) refuseStepUp(ctx context.Context) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "credential.refuse_step_up", Public: true},
		Do: func(_ context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			user := e.Caller.UserID.String()
			e.Record(event.Change{Action: "credential.step_up_refused", Subject: user, Version: 1, Stream: "credential:" + user, Chain: user, Payload: map[string]any{"v": 1}, Audited: true})
			e.Refuse(fault.Invalid("password", "password_wrong", "This is not your password."))
			return struct{}{}, nil
		},
	}, struct{}{})
	return err
}
