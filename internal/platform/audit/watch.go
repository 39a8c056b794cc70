package audit

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

const atOnce = 100

// Watch is every row that is appended to an organization's log behind a cursor, oldest first; without one, from now on. A chain's numbers have no gaps, so
// what commits late is not missed.
func (s *Service) Watch(ctx context.Context, org ident.OrgID, after *string) (live.Feed[*Audit], error) {
	if _, err := s.authorize(ctx, mayRead, org); err != nil {
		return live.Feed[*Audit]{}, err
	}
	if err := s.noteRead(ctx, org); err != nil {
		return live.Feed[*Audit]{}, err
	}
	at, err := s.place(ctx, org, after)
	if err != nil {
		return live.Feed[*Audit]{}, err
	}
	next := func(ctx context.Context) ([]*Audit, bool, error) {
		scope, err := s.authorize(ctx, mayRead, org)
		if err != nil {
			return nil, false, err
		}
		rows, err := s.q.AuditsAfter(ctx, s.DB, auditq.AuditsAfterParams{Chain: org.String(), After: at, OrgID: scope.OrgUUID(), Most: atOnce})
		if err != nil {
			return nil, false, fmt.Errorf("read what was appended: %w", err)
		}
		news, err := s.shown(ctx, as(rows, func(r *auditq.AuditsAfterRow) *row { return (*row)(r) }))
		if err != nil {
			return nil, false, err
		}
		if n := len(rows); n > 0 {
			at = *rows[n-1].Seq
		}
		return news, len(rows) == atOnce, nil
	}
	return live.Feed[*Audit]{Subjects: []string{org.String()}, Next: next}, nil
}

// place is the number of the row that a cursor names.
func (s *Service) place(ctx context.Context, org ident.OrgID, after *string) (int64, error) {
	if after == nil || *after == "" {
		n, err := s.q.HeadOf(ctx, s.DB, auditq.HeadOfParams{Chain: org.String()})
		if err != nil {
			return 0, fmt.Errorf("read the head of %s: %w", org, err)
		}
		return n, nil
	}
	c, err := page.ParseCursor(*after)
	if err != nil {
		return 0, err
	}
	r, err := s.q.AuditByID(ctx, s.DB, auditq.AuditByIDParams{ID: c.ID})
	if err != nil || r.Chain == nil || *r.Chain != org.String() {
		return 0, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
	}
	return *r.Seq, nil
}
