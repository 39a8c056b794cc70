package session

import (
	"context"
	"crypto/hmac"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// Rotate keeps the caller's session alive for another stretch of idleness, and gives its cookie a new secret, at most once in ten seconds: what parallel tabs
// send meanwhile still counts, and every one of them is answered the present cookie. It is no proof of who the caller is, and makes none younger.
func (s *Service) Rotate(ctx context.Context, value string) (secret.String, error) {
	keys, err := s.Vault.Verifiers(ctx, vault.Session) // before the transaction: who holds the row must not wait for a connection
	if err != nil {
		return secret.String{}, err
	}
	return door.Do(ctx, s.Door, door.Change[string, secret.String]{
		Action: door.Action{Name: "session.refresh", Public: true},
		Do: func(ctx context.Context, e *door.Effect, value string) (secret.String, error) {
			return s.rotate(ctx, e, keys, value)
		},
	}, value)
}

func (s *Service) rotate(ctx context.Context, e *door.Effect, keys []*vault.SigningKey, value string) (secret.String, error) {
	row, plain, key, err := s.present(ctx, e, keys, value)
	if err != nil {
		return secret.String{}, err
	}
	id, user := e.Caller.SessionID, e.Caller.UserID
	e.After(func() { s.forget(id) })
	until := earlier(e.Tx.Now.Add(s.idle()), row.AbsoluteExpiresAt)
	if row.RotatedAt != nil && e.Tx.Now.Sub(*row.RotatedAt) <= overlap {
		e.Quiet() // another tab was faster
		if err := s.q.SeeSession(ctx, e.Tx, sessionq.SeeSessionParams{ID: id.UUID(), LastSeenAt: e.Tx.Now, IdleExpiresAt: until}); err != nil {
			return secret.String{}, fmt.Errorf("note the use of the session: %w", err)
		}
		return cookie(id, int(row.Generation), plain), nil
	}
	next := derive(key, plain, int(row.Generation)+1)
	if err := s.q.RefreshSession(ctx, e.Tx, sessionq.RefreshSessionParams{ID: id.UUID(), SecretHash: sum(next), RotatedAt: &e.Tx.Now, IdleExpiresAt: until}); err != nil {
		return secret.String{}, fmt.Errorf("rotate the session: %w", err)
	}
	e.Record(event.Change{Action: "session.refreshed", Subject: id.String(), Version: row.Generation + 1, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String()}, Audited: true})
	return cookie(id, int(row.Generation)+1, next), nil
}

// present locks the caller's session and answers its present secret, derived forward from the cookie's where another tab was faster.
func (s *Service) present(ctx context.Context, e *door.Effect, keys []*vault.SigningKey, value string) (*sessionq.LockSessionRow, []byte, *vault.SigningKey, error) {
	again := fault.Unauthorized("", "Sign in again.")
	id, generation, plain, ok := parse(value)
	if !ok || id != e.Caller.SessionID {
		return nil, nil, nil, again
	}
	row, err := s.q.LockSession(ctx, e.Tx, sessionq.LockSessionParams{ID: id.UUID(), UserID: e.Caller.UserID.UUID()})
	if db.NotFound(err) || err == nil && row.RevokedAt != nil {
		return nil, nil, nil, again
	} else if err != nil {
		return nil, nil, nil, fmt.Errorf("lock the session: %w", err)
	}
	key, behind := find(keys, row.SigningKeyID), int(row.Generation)-generation
	if key == nil || behind < 0 || behind > rotations {
		return nil, nil, nil, again
	}
	for ; generation < int(row.Generation); generation++ {
		plain = derive(key, plain, generation+1)
	}
	if !hmac.Equal(sum(plain), row.SecretHash) {
		return nil, nil, nil, again
	}
	return row, plain, key, nil
}

// idle is how long a session lives without use.
func (s *Service) idle() time.Duration {
	if s.Idle > 0 {
		return s.Idle
	}
	return idle
}
