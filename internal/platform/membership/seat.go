package membership

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/membershipq"
)

// Seats is how many members an organization has, and how many its plan allows.
type Seats struct {
	Used  int32
	Limit *int32 // nil: as many as come
}

// SeatsOf answers the seats of an organization that the caller belongs to.
func (s *Service) SeatsOf(ctx context.Context, org ident.OrgID) (*Seats, error) {
	scope, err := s.Authz.Authorize(ctx, "member.read", org)
	if err != nil {
		return nil, err
	}
	n, err := s.q.CountSeats(ctx, s.DB, membershipq.CountSeatsParams{OrgID: scope.OrgUUID()})
	if err != nil {
		return nil, fmt.Errorf("count the members: %w", err)
	}
	out := &Seats{Used: int32(n)}
	if s.Seats != nil {
		if limit, limited := s.Seats(ctx, org); limited {
			out.Limit = new(int32(limit))
		}
	}
	return out, nil
}

// seat refuses who finds no seat free. Members of one organization are counted one after the other.
func (s *Service) seat(ctx context.Context, e *door.Effect, org ident.OrgID) error {
	if s.Seats == nil {
		return nil
	}
	limit, limited := s.Seats(ctx, org)
	if !limited {
		return nil
	}
	if _, err := s.q.LockOrganization(ctx, e.Tx, membershipq.LockOrganizationParams{OrgID: org.UUID()}); err != nil {
		return fmt.Errorf("lock the organization: %w", err)
	}
	n, err := s.q.CountSeats(ctx, e.Tx, membershipq.CountSeatsParams{OrgID: org.UUID()})
	if err != nil {
		return fmt.Errorf("count the members: %w", err)
	}
	if n < limit {
		return nil
	}
	f := &fault.Fault{Code: fault.QuotaCode, Reason: "plan_limit", Message: "All seats of this organization are taken. An owner can free one, or change the plan; the invitation stays good."}
	return f.With("metric", "seats").With("used", n).With("limit", limit)
}
