package widget

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/widgetq"
)

// LastToken is when a server of the organization minted a token last; nil before the first.
func (s *Service) LastToken(ctx context.Context, org ident.OrgID) (*time.Time, error) {
	scope, err := s.Authz.Authorize(ctx, "application.read", org)
	if err != nil {
		return nil, err
	}
	at, err := s.q.LastToken(ctx, s.DB, widgetq.LastTokenParams{OrgID: scope.OrgUUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the newest token: %w", err)
	}
	return &at, nil
}
