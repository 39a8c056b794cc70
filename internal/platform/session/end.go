package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// List is where the caller is signed in, with browsers and with programs, the newest first; at most 200 of each.
func (s *Service) List(ctx context.Context) ([]*Session, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER && caller.Kind != authz.OPERATOR {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	return s.of(ctx, caller.UserID)
}

// of lists a person's living sessions.
func (s *Service) of(ctx context.Context, user ident.UserID) ([]*Session, error) {
	now := s.DB.Now()
	rows, err := s.q.OrgOfSessionsOf(ctx, s.DB, sessionq.OrgOfSessionsOfParams{UserID: user.UUID(), Now: now})
	if err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	out := []*Session{}
	for _, r := range rows {
		row := &sessionq.OrgOfSessionRow{ID: r.ID, UserID: r.UserID, OrgID: r.OrgID, Aal: r.Aal, Amr: r.Amr, AuthTime: r.AuthTime, Ip: r.Ip, UserAgent: r.UserAgent,
			CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt, IdleExpiresAt: r.IdleExpiresAt, AbsoluteExpiresAt: r.AbsoluteExpiresAt, LimitedToOrg: r.LimitedToOrg, Operations: r.Operations}
		if shorten(row); !now.Before(row.IdleExpiresAt) || !now.Before(row.AbsoluteExpiresAt) {
			continue
		}
		one := fromRow(row)
		one.Current = one.ID == authz.From(ctx).SessionID
		out = append(out, one)
	}
	programs, err := s.programs(ctx, user)
	if err != nil {
		return nil, err
	}
	out = append(out, programs...)
	slices.SortStableFunc(out, func(a, b *Session) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, nil
}

// Revoke ends one of the caller's own sessions; NOT_FOUND for anybody else's. Its sockets close within a second.
func (s *Service) Revoke(ctx context.Context, id ident.SessionID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.SessionID, struct{}]{
		Action: door.Action{Name: "session.revoke", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.SessionID) (struct{}, error) {
			return struct{}{}, s.endOneTx(ctx, e, id, e.Caller.UserID, "revoked")
		},
	}, id)
	return err
}

// endOneTx ends one of a person's sessions, of a browser or of a program; NOT_FOUND for one that is not theirs, or has ended.
func (s *Service) endOneTx(ctx context.Context, e *door.Effect, id ident.SessionID, user ident.UserID, reason string) error {
	row, err := s.q.LockSession(ctx, e.Tx, sessionq.LockSessionParams{ID: id.UUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		if ended, err := s.endFamilyTx(ctx, e, id, user, "session.revoked", reason); ended || err != nil {
			return err
		}
		return fault.NotFound("session")
	} else if err != nil {
		return fmt.Errorf("lock the session: %w", err)
	}
	if row.RevokedAt != nil {
		return fault.NotFound("session")
	}
	return s.endTx(ctx, e, id, user, "session.revoked", reason)
}

// RevokeOthers ends all sessions of the caller but the one that asks.
func (s *Service) RevokeOthers(ctx context.Context) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "session.revoke_others", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			e.Quiet() // where there is no other
			return struct{}{}, s.EndAllTx(ctx, e, e.Caller.UserID, &e.Caller.SessionID, "revoked")
		},
	}, struct{}{})
	return err
}

// EndEverywhere signs the caller out in all browsers. It takes no proof: a stolen session may end itself and others, which is what its victim wants.
func (s *Service) EndEverywhere(ctx context.Context) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "session.end_everywhere", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			e.Quiet() // where the session has just ended
			if e.Caller.SessionID.IsZero() {
				return struct{}{}, nil
			}
			return struct{}{}, s.EndAllTx(ctx, e, e.Caller.UserID, nil, "sign-out")
		},
	}, struct{}{})
	return err
}

// EndAllTx ends a person's sessions, those of programs too, but the one to keep. reason stands in the rows and in the ledger.
func (s *Service) EndAllTx(ctx context.Context, e *door.Effect, user ident.UserID, keep *ident.SessionID, reason string) error {
	p := sessionq.EndAllSessionsParams{UserID: user.UUID(), Now: e.Tx.Now, Reason: reason}
	if keep != nil {
		p.Keep = keep.UUID()
	}
	ids, err := s.q.EndAllSessions(ctx, e.Tx, p)
	if err != nil {
		return fmt.Errorf("end the sessions: %w", err)
	}
	families, err := s.q.EndAllFamilies(ctx, e.Tx, sessionq.EndAllFamiliesParams{UserID: p.UserID, Keep: p.Keep, Now: p.Now, Reason: p.Reason})
	if err != nil {
		return fmt.Errorf("end the families of tokens: %w", err)
	}
	for _, u := range append(ids, families...) {
		id := ident.From[ident.SessionID](u).String()
		e.Record(event.Change{Action: "session.revoked", Subject: id, Version: 2, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "reason": reason}, Audited: true})
		if err := s.Authz.Revoke(ctx, e.Tx, id, reason); err != nil {
			return err
		}
	}
	return nil
}
