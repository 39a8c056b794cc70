package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// Is says that a bearer credential means to be one of our tokens; a refresh token is none that counts here.
func Is(text string) bool {
	return strings.HasPrefix(text, accessPrefix) || strings.HasPrefix(text, refreshPrefix)
}

type bearer struct {
	caller authz.Principal
	until  time.Time
}

// Authenticate answers the person behind an access token. Everything wrong with it is the same UNAUTHENTICATED. What it remembers lives one second.
func (s *Service) Authenticate(ctx context.Context, token secret.String) (authz.Principal, error) {
	none := authz.Principal{Kind: authz.PUBLIC}
	if !wellFormed(token, accessPrefix) {
		return none, unknownToken()
	}
	memory := sha256.Sum256([]byte(token.Reveal()))
	s.mu.Lock()
	b, hit := s.bearers[memory]
	s.mu.Unlock()
	if hit && time.Now().Before(b.until) && s.DB.Now().Before(b.caller.Until) && !s.Authz.Revoked().Ended(b.caller.Subjects()...) {
		return b.caller, nil
	}
	row, err := s.q.AccessToken(ctx, s.DB, sessionq.AccessTokenParams{TokenHash: memory[:]})
	if db.NotFound(err) {
		return none, unknownToken()
	} else if err != nil {
		return none, fmt.Errorf("look up an access token: %w", err)
	}
	now := s.DB.Now()
	if row.RevokedAt != nil || row.Access != "ENABLED" || row.UserKind != "PERSON" || !now.Before(row.ExpiresAt) || !now.Before(row.AbsoluteExpiresAt) {
		return none, unknownToken()
	}
	if now.Sub(row.LastSeenAt) > seenEvery {
		if err := s.q.SeeFamily(ctx, s.DB, sessionq.SeeFamilyParams{ID: row.FamilyID, LastSeenAt: now}); err != nil {
			return none, fmt.Errorf("note the use of the tokens: %w", err)
		}
	}
	caller := authz.Principal{Kind: authz.USER, Program: true, UserID: ident.From[ident.UserID](row.UserID), SessionID: ident.From[ident.SessionID](row.FamilyID), AAL: int(row.Aal), AuthTime: row.AuthTime, Until: row.ExpiresAt}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bearers == nil || len(s.bearers) > 10_000 {
		s.bearers = map[[32]byte]bearer{}
	}
	s.bearers[memory] = bearer{caller, time.Now().Add(time.Second)}
	return caller, nil
}

// ProveTx notes that the person behind a program has just proved again who they are, by amr. Its tokens stay as they are.
func (s *Service) ProveTx(ctx context.Context, e *door.Effect, amr ...string) error {
	id, user := e.Caller.SessionID, e.Caller.UserID
	n, err := s.q.ProveFamily(ctx, e.Tx, sessionq.ProveFamilyParams{ID: id.UUID(), AuthTime: e.Tx.Now, Aal: level(amr), Amr: words(amr), UserID: user.UUID()})
	if err != nil {
		return fmt.Errorf("note the proof: %w", err)
	}
	if n == 0 {
		return fault.Unauthorized("", "Sign in again.")
	}
	e.Record(event.Change{Action: "session.stepped_up", Subject: id.String(), Version: 1, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "amr": amr}, Audited: true})
	e.After(func() { s.forget(id) })
	return nil
}

// forget drops what is remembered of a session or family: its next call sees what has changed.
func (s *Service) forget(id ident.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, b := range s.bearers {
		if b.caller.SessionID == id {
			delete(s.bearers, k)
		}
	}
	for k, r := range s.cache {
		if r.session.ID == id {
			delete(s.cache, k)
		}
	}
}
