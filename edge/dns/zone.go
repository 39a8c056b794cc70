package edgedns

import (
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// zone is what this node knows of the edge zone: which targets exist. It is fed by the edge and answers without a database.
type zone struct {
	mu         sync.RWMutex
	targets    map[string]*time.Time // by name without the zone: until when it answers, nil for as long as the connection is open
	generation int64
}

// Apply takes the rows of a snapshot over. With all set they are everything there is; without, they replace what was known of the same names.
func (s *Server) Apply(snapshot edgeentry.Snapshot, all bool) {
	z := &s.zone
	z.mu.Lock()
	defer z.mu.Unlock()
	if all || z.targets == nil {
		z.targets = make(map[string]*time.Time, len(snapshot.Records))
	}
	for _, r := range snapshot.Records {
		label, below := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(r.FQDN, ".")), "."+s.zoneName())
		if r.Type == edgeentry.TypeTarget && below {
			z.targets[label] = r.ExpiresAt
		}
	}
	z.generation = snapshot.Generation
}

// serial is the generation as a SOA serial, which is 32 bits wide and wraps (RFC 1982).
func (z *zone) serial() uint32 {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return max(1, uint32(z.generation))
}

// target says whether a name of the zone is a target that still answers.
func (z *zone) target(label string, now time.Time) bool {
	z.mu.RLock()
	defer z.mu.RUnlock()
	until, known := z.targets[label]
	return known && (until == nil || now.Before(*until))
}
