package connection

import "github.com/nameplate-dev/nameplate/internal/kit/ident"

// Waiting is how many reads wait for the next statement about an organization's connections.
func (s *Service) Waiting(org ident.OrgID) int {
	s.reads.mu.Lock()
	defer s.reads.mu.Unlock()
	if b := s.reads.last[org]; b != nil && !b.begun {
		return len(b.ids)
	}
	return 0
}
