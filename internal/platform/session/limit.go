package session

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// LimitTx limits a session that has just begun to one organization, whose own provider vouched for the person (PF-SES-6): others are NOT_FOUND in it, and
// nothing of the account itself can be changed.
func (s *Service) LimitTx(ctx context.Context, e *door.Effect, id ident.SessionID, only ident.OrgID) error {
	if err := s.q.LimitSession(ctx, e.Tx, sessionq.LimitSessionParams{ID: id.UUID(), LimitedToOrg: new(only.UUID())}); err != nil {
		return fmt.Errorf("limit the session: %w", err)
	}
	return nil
}
