package usage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/usageq"
)

// What edges count.
const (
	EdgeRequests = "edge_requests"
	EdgeBytes    = "edge_bytes" // of bodies and sockets, both ways
)

// EdgeUse is what requests for one organization's names came to since the batch before.
type EdgeUse struct {
	Org             ident.OrgID
	Requests, Bytes int64
}

// Edges counts what edges report. Nobody is refused for it (US-1).
type Edges struct {
	DB *db.DB

	q usageq.Queries
}

// Add counts a node's batch, once however often it comes. It belongs to the month in which it arrives.
func (s *Edges) Add(ctx context.Context, node ident.EdgeNodeID, number int64, uses []EdgeUse) error {
	uses = slices.SortedFunc(slices.Values(uses), func(a, b EdgeUse) int { return cmp.Compare(a.Org.String(), b.Org.String()) })
	return s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		fresh, err := s.q.AddBatch(ctx, tx, usageq.AddBatchParams{Node: node.UUID(), Number: number, Now: tx.Now})
		if err != nil {
			return fmt.Errorf("remember the batch %d of %s: %w", number, node, err)
		}
		if fresh == 0 {
			return nil
		}
		now := tx.Now.UTC()
		p := usageq.CountEdgeParams{Period: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), Orgs: []uuid.UUID{}, Metrics: []string{}, Used: []int64{}}
		for _, u := range uses {
			p.Orgs = append(p.Orgs, u.Org.UUID(), u.Org.UUID())
			p.Metrics = append(p.Metrics, EdgeRequests, EdgeBytes)
			p.Used = append(p.Used, u.Requests, u.Bytes)
		}
		if err := s.q.CountEdge(ctx, tx, p); err != nil {
			return fmt.Errorf("count the batch %d of %s: %w", number, node, err)
		}
		return nil
	})
}

const batchesKept = 24 * time.Hour

// Part is what the subdomain contributes.
func (s *Edges) Part() part.Part {
	return part.Part{Name: "usage", Periodics: []work.Periodic{{Kind: "usage.reap", Every: time.Hour, Do: func(ctx context.Context) error {
		if _, err := s.q.DropBatches(ctx, s.DB, usageq.DropBatchesParams{Before: s.DB.Now().Add(-batchesKept)}); err != nil {
			return fmt.Errorf("forget counted batches: %w", err)
		}
		return nil
	}}}}
}
