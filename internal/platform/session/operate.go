package session

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// What a session of a person with the role OPERATIONS lives at most, with one factor or two.
const (
	operatorIdle     = 30 * time.Minute
	operatorAbsolute = 12 * time.Hour

	mayReadAny   authz.Permission = "account.read_any"
	mayRevokeAny authz.Permission = "session.revoke_any"
	longest                       = 500 // characters of a reason
)

// shorten ends a row where the person's role has it end, also when the role came after the sign-in.
func shorten(r *sessionq.OrgOfSessionRow) {
	if !r.Operations {
		return
	}
	if end := r.LastSeenAt.Add(operatorIdle); end.Before(r.IdleExpiresAt) {
		r.IdleExpiresAt = end
	}
	if end := r.CreatedAt.Add(operatorAbsolute); end.Before(r.AbsoluteExpiresAt) {
		r.AbsoluteExpiresAt = end
	}
}

// OfUser lists where somebody is signed in, for an operator.
func (s *Service) OfUser(ctx context.Context, user ident.UserID) ([]*Session, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	return s.of(ctx, user)
}

// RevokeAny ends one session of somebody, or all of them, for an operator, who says why. NOT_FOUND for a session that is not that person's.
func (s *Service) RevokeAny(ctx context.Context, user ident.UserID, one *ident.SessionID, reason string) error {
	type input struct {
		User   ident.UserID
		One    *ident.SessionID
		Reason string
	}
	_, err := door.Do(ctx, s.Door, door.Change[input, struct{}]{
		Action: door.Action{Name: "session.revoke_any", Permission: mayRevokeAny, Operator: true},
		Validate: func(_ context.Context, _ *door.Effect, in *input) error {
			in.Reason = strings.TrimSpace(in.Reason)
			if n := utf8.RuneCountInString(in.Reason); n == 0 || n > longest || strings.ContainsRune(in.Reason, 0) {
				return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longest)
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in input) (struct{}, error) {
			if in.One == nil {
				if known, err := s.q.UserExists(ctx, e.Tx, sessionq.UserExistsParams{ID: in.User.UUID()}); err != nil || !known {
					return struct{}{}, fault.NotFound("user").Because(err)
				}
				e.Quiet() // where there is none
				return struct{}{}, s.EndAllTx(ctx, e, in.User, nil, in.Reason)
			}
			return struct{}{}, s.endOneTx(ctx, e, *in.One, in.User, in.Reason)
		},
	}, input{user, one, reason})
	return err
}

// Forget drops what this process remembers of sessions: somebody's rights are others now.
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.cache)
}

// Part is what sessions contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "session", Grants: []authz.Grant{{Permission: mayRevokeAny, Operator: true, What: "sign people out"}},
		Periodics: []work.Periodic{{Kind: "session.sweep", Every: time.Hour, Do: s.sweep}}}
}
