package account

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// ResetFactors is the door's name of taking somebody's second factors away, which has to wait for a second person.
const ResetFactors = "factor.reset_any"

const (
	maySuspend authz.Permission = "account.suspend"
	mayReset   authz.Permission = "factor.reset_any"
)

// UserAccess says whether somebody may come in at all.
type UserAccess string

const (
	Enabled   UserAccess = "ENABLED"
	Suspended UserAccess = "SUSPENDED"
)

// AccessInput suspends somebody or lets them in again, and says why.
type AccessInput struct {
	UserID ident.UserID
	Access UserAccess
	Reason string
}

// SetAccess suspends somebody, which ends sessions, keys and what is open within a second, or lets them in again: with a new sign-in, and without the keys.
// Oneself and the last operator cannot be suspended.
func (s *Service) SetAccess(ctx context.Context, in AccessInput) (*UserOutcome, error) {
	return door.Do(ctx, s.Door, door.Change[AccessInput, *UserOutcome]{
		Action: door.Action{Name: "account.set_access", Permission: maySuspend, Operator: true, StepUp: true},
		Validate: func(_ context.Context, e *door.Effect, in *AccessInput) (err error) {
			if in.Reason, err = why(in.Reason); err != nil {
				return err
			}
			if e.Caller.UserID == in.UserID {
				return fault.Precondition("own_access", "Nobody suspends themselves. Ask another operator.")
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in AccessInput) (*UserOutcome, error) {
			u, held, err := s.target(ctx, e, in.UserID)
			if err != nil {
				return nil, err
			}
			if u.Access == in.Access {
				e.Quiet()
				return &UserOutcome{User: u}, nil
			}
			action := "account.enabled"
			if in.Access == Suspended {
				action = "account.suspended"
				if err := s.suspend(ctx, e, u, held); err != nil {
					return nil, err
				}
			}
			if err := s.q.SetAccess(ctx, e.Tx, accountq.SetAccessParams{ID: u.ID.UUID(), Access: string(in.Access), AccessReason: &in.Reason, Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("set the access of %s: %w", u.ID, err)
			}
			e.Record(event.Change{Action: action, Subject: u.ID.String(), Version: u.RightsVersion + 1, Stream: rightsOf(u.ID), Chain: chain, Payload: map[string]any{"v": 1, "reason": in.Reason}, Audited: true})
			if err := s.renew(ctx, e, u.ID, action); err != nil {
				return nil, err
			}
			after, err := s.user(ctx, e.Tx, u.ID)
			return &UserOutcome{User: after}, err
		},
	}, in)
}

func (s *Service) suspend(ctx context.Context, e *door.Effect, u *User, held []PlatformRole) error {
	for _, r := range held {
		if r == Operations {
			if err := s.another(ctx, e, u.ID); err != nil {
				return err
			}
		}
	}
	return s.EndRights(ctx, e, u.ID, "suspended")
}

// ResetInput takes somebody's second factors away, and says why.
type ResetInput struct {
	UserID ident.UserID
	Reason string
}

// ResetMfa takes somebody's second factors away, after a second operator's word or a day: who lost a phone gets in again, and no operator alone gets in for them.
func (s *Service) ResetMfa(ctx context.Context, in ResetInput) (*UserOutcome, error) {
	return door.Do(ctx, s.Door, door.Change[ResetInput, *UserOutcome]{
		Action: door.Action{Name: ResetFactors, Permission: mayReset, Operator: true, StepUp: true},
		Validate: func(ctx context.Context, e *door.Effect, in *ResetInput) (err error) {
			if in.Reason, err = why(in.Reason); err != nil {
				return err
			}
			if e.Caller.UserID == in.UserID {
				return fault.Refused("own_factors", "Change your own factors under Account, Security.")
			}
			if _, _, err = s.target(ctx, e, in.UserID); err != nil {
				return err
			}
			methods, err := s.methods(ctx, e.Tx, in.UserID)
			if err == nil && len(methods) == 0 {
				err = fault.Precondition("no_factors", "This person has no second factor.")
			}
			return err
		},
		Ask: func(ctx context.Context, e *door.Effect, in ResetInput) (*door.Ask, error) {
			u, err := s.user(ctx, e.Tx, in.UserID)
			if err != nil {
				return nil, err
			}
			return &door.Ask{Subject: u.ID.String(), Label: u.label(), Version: u.RightsVersion, Reason: in.Reason}, nil
		},
		Waits: waits,
		Do: func(ctx context.Context, e *door.Effect, in ResetInput) (*UserOutcome, error) {
			if err := s.Factors.ResetTx(ctx, e, in.UserID, in.Reason); err != nil {
				return nil, err
			}
			u, err := s.user(ctx, e.Tx, in.UserID)
			return &UserOutcome{User: u}, err
		},
	}, in)
}

// why trims a reason, which stands in the audit log.
func why(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > longest || strings.ContainsRune(reason, 0) || !utf8.ValidString(reason) {
		return "", fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longest)
	}
	return reason, nil
}
