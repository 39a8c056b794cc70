//go:build testing

package audit

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/kit/page"
)

// Recent is the newest audits of an organization, or of all, without a caller and without audit.read.
func (s *Service) Recent(ctx context.Context, f AuditFilter) ([]*Audit, error) {
	w, err := s.narrow(ctx, f)
	if err != nil {
		return nil, err
	}
	if w.all = f.OrganizationID == nil; !w.all {
		w.org = *f.OrganizationID
	}
	rows, err := s.find(ctx, w, before(page.Args{}), page.Max)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, rows)
}

// RecentEvents is the newest of the ledger with how far its readers are, without a caller.
func (s *Service) RecentEvents(ctx context.Context, f LedgerEventFilter) ([]*LedgerEvent, error) {
	rows, err := s.events(ctx, f, page.Args{First: page.Max})
	if err != nil {
		return nil, err
	}
	return s.delivered(ctx, rows)
}

// Drain signs the heads of the chains that moved, and answers how many there were. Audits themselves wait for nothing: they are written with what they tell of.
func (s *Service) Drain(ctx context.Context) (int, error) { return s.checkpoints(ctx) }
