package edge

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Use is what requests for one organization's names came to since the batch before.
type Use struct {
	Org             ident.OrgID
	Requests, Bytes int64 // of bodies and sockets, both ways
}

const meterEvery = 10 * time.Second

// meters count by organization (ED-19). Nothing of it is personal, and nothing is refused for it.
type meters struct {
	mu      sync.Mutex
	running map[ident.OrgID]*meter

	sending sync.Mutex // one batch at a time
	number  int64
	pending []Use // was not taken yet: it goes first, under the same number
}

type meter struct{ requests, bytes atomic.Int64 }

// of is the meter for a name, looked up once.
func (m *meters) of(n *name) *meter {
	if known := n.meter.Load(); known != nil {
		return known
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == nil {
		m.running = map[ident.OrgID]*meter{}
	}
	found := m.running[n.OrgID]
	if found == nil {
		found = &meter{}
		m.running[n.OrgID] = found
	}
	n.meter.Store(found)
	return found
}

// send hands over what was counted. What is not taken is sent again by the next call: counts are late, never lost while the node runs.
func (m *meters) send(ctx context.Context, to func(context.Context, ident.EdgeNodeID, int64, []Use) error, node ident.EdgeNodeID) error {
	m.sending.Lock()
	defer m.sending.Unlock()
	if m.pending == nil {
		m.mu.Lock()
		for org, c := range m.running {
			if u := (Use{org, c.requests.Swap(0), c.bytes.Swap(0)}); u.Requests+u.Bytes > 0 {
				m.pending = append(m.pending, u)
			}
		}
		m.mu.Unlock()
		if m.pending == nil {
			return nil
		}
		m.number++
	}
	if err := to(ctx, node, m.number, slices.Clone(m.pending)); err != nil {
		return err
	}
	m.pending = nil
	return nil
}

// sendMeters hands over what was counted, if anybody takes it.
func (e *Edge) sendMeters(ctx context.Context) {
	if e.Meter == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	if err := e.meters.send(ctx, e.Meter, e.id); err != nil {
		e.Log.Debug("count requests", "err", err)
	}
}
