package domaincheck

import (
	"cmp"
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

// Limits of connect 26.4. A page behind one address may hold many tokens, so a widget is counted by both.
var (
	perAddress = limit.Bucket{Name: "domaincheck.address", Rate: 30, Per: time.Minute}
	perToken   = limit.Bucket{Name: "domaincheck.token", Rate: 10, Per: time.Minute}
	perKey     = limit.Bucket{Name: "domaincheck.key", Rate: 120, Per: time.Minute}
)

// count takes one check from the caller's budget.
func (s *Service) count(ctx context.Context) error {
	caller := authz.From(ctx)
	switch {
	case s.Limit == nil || caller.Kind == authz.SYSTEM:
		return nil
	case caller.Kind == authz.API_KEY || caller.Kind == authz.MACHINE:
		return s.Limit.Allow(ctx, perKey, caller.Actor())
	case caller.Kind == authz.WIDGET:
		if err := s.Limit.Allow(ctx, perToken, caller.Actor()); err != nil {
			return err
		}
	}
	network := cmp.Or(caller.Network, caller.IP) // one customer holds a whole IPv6 /64
	if network == "" {
		return nil
	}
	return s.Limit.Allow(ctx, perAddress, network)
}
