package session

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// program is a family of tokens as its owner sees it; nil for one that there is not.
func (s *Service) program(ctx context.Context, id ident.SessionID) (*Session, error) {
	r, err := s.q.FamilyByID(ctx, s.DB, sessionq.FamilyByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the family of tokens: %w", err)
	}
	out := fromFamily(&sessionq.FamiliesOfRow{ID: r.ID, UserID: r.UserID, Client: r.Client, Aal: r.Aal, Amr: r.Amr, AuthTime: r.AuthTime, Ip: r.Ip, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt,
		LastSeenAt: r.LastSeenAt, ExpiresAt: r.AbsoluteExpiresAt})
	out.Current = true
	return out, nil
}

// programs are those that a person signed in, the newest first.
func (s *Service) programs(ctx context.Context, user ident.UserID) ([]*Session, error) {
	rows, err := s.q.FamiliesOf(ctx, s.DB, sessionq.FamiliesOfParams{UserID: user.UUID(), Now: s.DB.Now()})
	if err != nil {
		return nil, fmt.Errorf("list the families of tokens: %w", err)
	}
	out := make([]*Session, len(rows))
	for n, r := range rows {
		out[n] = fromFamily(r)
		out[n].Current = out[n].ID == authz.From(ctx).SessionID
	}
	return out, nil
}

func fromFamily(r *sessionq.FamiliesOfRow) *Session {
	out := &Session{ID: ident.From[ident.SessionID](r.ID), Kind: Program, Client: r.Client, CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt, ExpiresAt: r.ExpiresAt, IP: r.Ip, Aal: int32(r.Aal), Amr: r.Amr,
		SteppedUpAt: &r.AuthTime, UserID: ident.From[ident.UserID](r.UserID)}
	if r.UserAgent != nil {
		out.UserAgent = *r.UserAgent
		if out.Client == "" {
			out.Client = client(*r.UserAgent)
		}
	}
	return out
}
