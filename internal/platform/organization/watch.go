package organization

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// Watch is the organization, with a version of its own for each change of it and its members.
func (s *Service) Watch(id ident.OrgID) live.Feed[*Organization] {
	var version int64
	var before string
	return live.Feed[*Organization]{
		Subjects: []string{id.String()},
		Now: func(ctx context.Context) (*Organization, int64, error) {
			state, err := s.Members.State(ctx, id)
			if err != nil {
				return nil, version, err
			}
			o, err := s.ByID(ctx, id)
			if err != nil {
				return nil, version, err
			}
			if now := fmt.Sprint(o.Version, state); now != before {
				version, before = version+1, now
			}
			return o, version, nil
		},
	}
}
