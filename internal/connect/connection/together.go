package connection

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// together reads connections of one organization in one statement for all who ask while the statement before is under way. Whoever asks gets what is read
// after that.
type together struct {
	mu   sync.Mutex
	last map[ident.OrgID]*batch
}

// batch is one statement. Its first reader is the one who runs it.
type batch struct {
	ids   []uuid.UUID
	begun bool
	done  chan struct{}
	found map[ident.ConnectionID]*Connection
	err   error
}

// readTogether is read. It gives up with ctx, the statement itself after ten seconds.
func (s *Service) readTogether(ctx context.Context, org ident.OrgID, id ident.ConnectionID) (*Connection, error) {
	b, before, first := s.reads.join(org, id)
	if first {
		if before != nil {
			<-before.done
		}
		s.readBatch(context.WithoutCancel(ctx), org, b)
	}
	select {
	case <-b.done:
		return b.found[id], b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join adds an id to the batch that has not begun, or to a new one, which begins after the one before.
func (g *together) join(org ident.OrgID, id ident.ConnectionID) (b, before *batch, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b = g.last[org]
	if first = b == nil || b.begun; first {
		if g.last == nil {
			g.last = map[ident.OrgID]*batch{}
		}
		b, before = &batch{done: make(chan struct{})}, b
		g.last[org] = b
	}
	b.ids = append(b.ids, id.UUID())
	return b, before, first
}

// begin closes a batch for others.
func (g *together) begin(b *batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.begun = true
}

// end lets go of a batch, unless another waits for it.
func (g *together) end(org ident.OrgID, b *batch) {
	close(b.done)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last[org] == b {
		delete(g.last, org)
	}
}

func (s *Service) readBatch(ctx context.Context, org ident.OrgID, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	defer s.reads.end(org, b)
	s.reads.begin(b)
	b.err = fmt.Errorf("read %d connections: it did not end", len(b.ids)) // if it panics, the others must know
	if len(b.ids) == 1 {                                                  // by a statement whose plan PostgreSQL keeps
		id := ident.From[ident.ConnectionID](b.ids[0])
		c, err := s.read(ctx, org, id)
		if b.err = err; c != nil {
			b.found = map[ident.ConnectionID]*Connection{id: c}
		}
		return
	}
	rows, err := s.q.ConnectionsByIDs(ctx, s.DB, connectionq.ConnectionsByIDsParams{Ids: b.ids, OrgID: org.UUID()})
	if err != nil {
		b.err = fmt.Errorf("read %d connections: %w", len(b.ids), err)
		return
	}
	found := make(map[ident.ConnectionID]*Connection, len(rows))
	for _, r := range rows {
		c, err := s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
		if err != nil {
			b.err = err
			return
		}
		found[c.ID] = c
	}
	b.found, b.err = found, nil
}
