package connection

import (
	"context"
	"fmt"
	"sync"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// maxOwners bounds what is remembered, about 5 MB.
const maxOwners = 50_000

// owners remembers whose connections are. That never changes, so it grants nothing that has ended: who may see one is asked each time.
type owners struct {
	mu sync.Mutex
	of map[ident.ConnectionID]owner
}

type owner struct {
	org ident.OrgID
	app ident.ApplicationID
}

// OrgOf says whose a connection is, whoever asks; NOT_FOUND for an unknown one.
func (s *Service) OrgOf(ctx context.Context, id ident.ConnectionID) (ident.OrgID, ident.ApplicationID, error) {
	s.owners.mu.Lock()
	known, ok := s.owners.of[id]
	s.owners.mu.Unlock()
	if ok {
		return known.org, known.app, nil
	}
	row, err := s.q.OrgOfConnection(ctx, s.DB, connectionq.OrgOfConnectionParams{ID: id.UUID()})
	if db.NotFound(err) {
		return ident.OrgID{}, ident.ApplicationID{}, fault.NotFound("connection")
	} else if err != nil {
		return ident.OrgID{}, ident.ApplicationID{}, fmt.Errorf("read whose %s is: %w", id, err)
	}
	found := owner{ident.From[ident.OrgID](row.OrgID), ident.From[ident.ApplicationID](row.ApplicationID)}
	s.owners.mu.Lock()
	defer s.owners.mu.Unlock()
	if s.owners.of == nil || len(s.owners.of) >= maxOwners {
		s.owners.of = map[ident.ConnectionID]owner{}
	}
	s.owners.of[id] = found
	return found.org, found.app, nil
}
