//go:build testing

package account

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Look is Inspect without a caller and without account.read, with the ways in which somebody may prove who they are.
func (s *Service) Look(ctx context.Context, id ident.UserID) (*User, []string, error) {
	u, err := s.user(ctx, s.DB, id)
	if err != nil {
		return nil, nil, err
	}
	methods, err := s.methods(ctx, s.DB, id)
	return u, methods, err
}
