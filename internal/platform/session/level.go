package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// level is the assurance level of NIST SP 800-63B that a person's proofs come to: "mfa" (RFC 8176) says that there were two.
func level(amr []string) int16 {
	if slices.Contains(amr, "mfa") {
		return 2
	}
	return 1
}

// words is a list that the database takes: empty and not null.
func words(amr []string) []string { return append([]string{}, amr...) }

// RaiseTx notes that the person has proved a further factor in this session. The time of the last proof stays what it was, so nothing is freshly proven by it.
func (s *Service) RaiseTx(ctx context.Context, e *door.Effect, id ident.SessionID, amr []string) error {
	if err := s.q.RaiseSession(ctx, e.Tx, sessionq.RaiseSessionParams{ID: id.UUID(), Aal: level(amr), Amr: words(amr)}); err != nil {
		return fmt.Errorf("raise the session: %w", err)
	}
	return nil
}
