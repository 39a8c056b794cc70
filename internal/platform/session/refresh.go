package session

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// Refresh answers the tokens that follow a refresh token. Each is used once: who uses it again within ten seconds (a lost answer, a second thread) gets the
// very same tokens; later its use means that somebody has a copy, and ends the family. Whatever is wrong with a token, the answer is UNAUTHENTICATED.
func (s *Service) Refresh(ctx context.Context, token secret.String) (*Tokens, error) {
	if !wellFormed(token, refreshPrefix) {
		return nil, unknownToken()
	}
	keys, err := s.Vault.Verifiers(ctx, vault.Session) // before the transaction: who holds the row must not wait for a connection
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[secret.String, *Tokens]{
		Action: door.Action{Name: "token.refresh", Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (*Tokens, error) {
			return s.refresh(ctx, e, keys, token)
		},
	}, token)
}

func (s *Service) refresh(ctx context.Context, e *door.Effect, keys []*vault.SigningKey, token secret.String) (*Tokens, error) {
	row, err := s.q.LockRefreshToken(ctx, e.Tx, sessionq.LockRefreshTokenParams{TokenHash: token.Hash()})
	if db.NotFound(err) {
		return nil, unknownToken()
	} else if err != nil {
		return nil, fmt.Errorf("find the refresh token: %w", err)
	}
	family, user := ident.From[ident.SessionID](row.FamilyID), ident.From[ident.UserID](row.UserID)
	switch {
	case row.RevokedAt != nil || !e.Tx.Now.Before(row.ExpiresAt) || !e.Tx.Now.Before(row.AbsoluteExpiresAt) || row.UserKind != "PERSON":
		return nil, unknownToken()
	case row.Access != "ENABLED":
		e.Record(event.Change{Action: "token.refused_suspended", Subject: family.String(), Version: 1, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String()}, Audited: true})
		e.Refuse(unknownToken())
		return nil, nil
	case row.UsedAt != nil && e.Tx.Now.Sub(*row.UsedAt) <= overlap:
		e.Quiet()
		return s.sameAgain(ctx, e, keys, user, row.ID, token)
	case row.UsedAt != nil:
		e.Refuse(unknownToken())
		return nil, s.reusedTx(ctx, e, family, user, func() (int64, error) {
			return s.q.EndFamily(ctx, e.Tx, sessionq.EndFamilyParams{ID: row.FamilyID, RevokedAt: &e.Tx.Now, RevokeReason: new("reuse"), UserID: row.UserID})
		})
	}
	return s.follow(ctx, e, keys[0], row, token)
}

// follow makes the one pair of tokens that follows.
func (s *Service) follow(ctx context.Context, e *door.Effect, key *vault.SigningKey, row *sessionq.LockRefreshTokenRow, token secret.String) (*Tokens, error) {
	p := pair{family: ident.From[ident.SessionID](row.FamilyID), user: ident.From[ident.UserID](row.UserID), parent: &row.ID, child: ident.V7(e.Tx.Now), key: key.ID, ends: row.AbsoluteExpiresAt}
	p.refresh, p.access = derived(key, token, p.child)
	if err := s.q.UseRefreshToken(ctx, e.Tx, sessionq.UseRefreshTokenParams{ID: row.ID, UsedAt: &e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("use the refresh token: %w", err)
	}
	if err := s.q.SeeFamily(ctx, e.Tx, sessionq.SeeFamilyParams{ID: row.FamilyID, LastSeenAt: e.Tx.Now}); err != nil {
		return nil, fmt.Errorf("note the use of the tokens: %w", err)
	}
	t, err := s.addPair(ctx, e, p)
	if err != nil {
		return nil, err
	}
	e.Record(event.Change{Action: "token.refreshed", Subject: p.family.String(), Version: 1, Chain: p.user.String(), Payload: map[string]any{"v": 1, "user": p.user.String()}, Audited: true})
	return t, nil
}

// sameAgain derives the tokens that a moment ago followed the same one.
func (s *Service) sameAgain(ctx context.Context, e *door.Effect, keys []*vault.SigningKey, user ident.UserID, parent uuid.UUID, token secret.String) (*Tokens, error) {
	rows, err := s.q.ChildrenOfToken(ctx, e.Tx, sessionq.ChildrenOfTokenParams{ParentID: &parent})
	if err != nil {
		return nil, fmt.Errorf("read the tokens that followed: %w", err)
	}
	if len(rows) != 2 { // access, refresh
		return nil, fmt.Errorf("%d tokens followed one, not two", len(rows))
	}
	key := find(keys, rows[1].SigningKeyID)
	if key == nil {
		return nil, unknownToken()
	}
	refresh, access := derived(key, token, rows[1].ID)
	return &Tokens{UserID: user, Access: access, AccessExpiresAt: rows[0].ExpiresAt, Refresh: refresh, RefreshExpiresAt: rows[1].ExpiresAt}, nil
}

// RevokeToken ends the family of an access or refresh token. An unknown one is no error, as in RFC 7009: what should not count does not.
func (s *Service) RevokeToken(ctx context.Context, token secret.String) error {
	if !wellFormed(token, refreshPrefix) && !wellFormed(token, accessPrefix) {
		return nil
	}
	_, err := door.Do(ctx, s.Door, door.Change[secret.String, struct{}]{
		Action: door.Action{Name: "token.revoke", Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (struct{}, error) {
			e.Quiet() // for one that is unknown, or has ended
			f, err := s.q.FamilyOfToken(ctx, e.Tx, sessionq.FamilyOfTokenParams{TokenHash: token.Hash()})
			if db.NotFound(err) {
				return struct{}{}, nil
			} else if err != nil {
				return struct{}{}, fmt.Errorf("find the token: %w", err)
			}
			_, err = s.endFamilyTx(ctx, e, ident.From[ident.SessionID](f.ID), ident.From[ident.UserID](f.UserID), "token.revoked", "revoked")
			return struct{}{}, err
		},
	}, token)
	return err
}

// endFamilyTx ends one family; false when the person has no such family that lives.
func (s *Service) endFamilyTx(ctx context.Context, e *door.Effect, id ident.SessionID, user ident.UserID, action, reason string) (bool, error) {
	n, err := s.q.EndFamily(ctx, e.Tx, sessionq.EndFamilyParams{ID: id.UUID(), RevokedAt: &e.Tx.Now, RevokeReason: &reason, UserID: user.UUID()})
	if err != nil {
		return false, fmt.Errorf("end the family of tokens: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	e.Record(event.Change{Action: action, Subject: id.String(), Version: 2, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "reason": reason}, Audited: true})
	return true, s.Authz.Revoke(ctx, e.Tx, id.String(), reason)
}

// reusedTx ends what somebody has a copy of, on record and with a mail. end answers how many it ended: of two who find out at once, one tells it.
func (s *Service) reusedTx(ctx context.Context, e *door.Effect, id ident.SessionID, user ident.UserID, end func() (int64, error)) error {
	n, err := end()
	if err != nil {
		return fmt.Errorf("end what was copied: %w", err)
	}
	if n == 0 {
		e.Quiet()
		return nil
	}
	e.Record(event.Change{Action: "session.reuse_detected", Subject: id.String(), Version: 2, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "reason": "reuse"}, Audited: true})
	if err := s.tell(ctx, e, Reused, user); err != nil {
		return err
	}
	return s.Authz.Revoke(ctx, e.Tx, id.String(), "reuse")
}

func unknownToken() *fault.Fault {
	return fault.Unauthorized("token_invalid", "This token is unknown, expired or revoked. Sign in again.")
}

// sweepAfter is how long what has ended is kept: from it a new place is told from a known one.
const sweepAfter = 90 * 24 * time.Hour

// sweep forgets tokens that have ended, and long after their end sessions and families.
func (s *Service) sweep(ctx context.Context) error {
	now := s.DB.Now()
	if _, err := s.q.SweepTokens(ctx, s.DB, sessionq.SweepTokensParams{ExpiresAt: now}); err != nil {
		return fmt.Errorf("sweep the tokens: %w", err)
	}
	if _, err := s.q.SweepFamilies(ctx, s.DB, sessionq.SweepFamiliesParams{AbsoluteExpiresAt: now.Add(-sweepAfter)}); err != nil {
		return fmt.Errorf("sweep the families of tokens: %w", err)
	}
	if _, err := s.q.SweepSessions(ctx, s.DB, sessionq.SweepSessionsParams{AbsoluteExpiresAt: now.Add(-sweepAfter)}); err != nil {
		return fmt.Errorf("sweep the sessions: %w", err)
	}
	return nil
}
