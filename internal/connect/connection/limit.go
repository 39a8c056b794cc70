package connection

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

// Limits of connect 26.4. They are counted before the transaction, which holds no network.
var (
	startsPerToken = limit.Bucket{Name: "connection.start.token", Rate: 20, Per: time.Hour}
	startsPerKey   = limit.Bucket{Name: "connection.start.key", Rate: 600, Per: time.Hour}
	newNames       = limit.Bucket{Name: "connection.start.names", Rate: 200, Per: time.Hour}
	checksPerToken = limit.Bucket{Name: "connection.check.token", Rate: 60, Per: time.Minute}
	checksOfOne    = limit.Bucket{Name: "connection.check.connection", Rate: 1, Per: 5 * time.Second}
)

// countStart takes one start from the budget of the caller, and one new name from that of the organization. A start that is refused for its input, or
// that finds its name open, takes no name.
func (s *Service) countStart(ctx context.Context, in StartConnectionInput) error {
	caller := authz.From(ctx)
	if s.Limit == nil || caller.Kind == authz.SYSTEM {
		return nil
	}
	var err error
	switch caller.Kind {
	case authz.WIDGET:
		err = s.Limit.Allow(ctx, startsPerToken, caller.Actor())
	case authz.API_KEY, authz.MACHINE:
		err = s.Limit.Allow(ctx, startsPerKey, caller.Actor())
	}
	if err != nil {
		return err
	}
	if in.check(s, caller) != nil {
		return nil // refused below, with all its fields
	}
	if open, err := s.ByHostname(ctx, in.app, in.name.ASCII); err != nil || open != nil {
		return err
	}
	return s.Limit.Allow(ctx, newNames, in.app.OrgID.String())
}

// attach counts a check that somebody asks for. It answers the connection when it was asked for just now: that check serves this caller too. A state
// in which nothing is checked is left to the verb, which says what is possible. Who may not check the connection takes nothing from its budget.
func (s *Service) attach(ctx context.Context, id ident.ConnectionID) (*Connection, error) {
	caller := authz.From(ctx)
	if s.Limit == nil || caller.Kind == authz.SYSTEM {
		return nil, nil
	}
	if caller.Kind == authz.WIDGET {
		if err := s.Limit.Allow(ctx, checksPerToken, caller.Actor()); err != nil {
			return nil, err
		}
	}
	_, c, err := s.reach(ctx, "connection.check", id)
	if err != nil || c.checkable() != nil {
		return nil, err
	}
	err = s.Limit.Allow(ctx, checksOfOne, id.String())
	if fault.Is(err, fault.RateLimitedCode) {
		return c, nil
	}
	return nil, err
}
