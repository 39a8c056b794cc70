package edgeentry

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

// Generation is the projection's newest.
func (s *Service) Generation(ctx context.Context) (int64, error) {
	generation, err := s.q.Generation(ctx, s.DB)
	if err != nil {
		return 0, fmt.Errorf("read the projection's generation: %w", err)
	}
	return generation, nil
}

// Load reads everything that is in force. The generation is read first: rows of a newer one may be in the answer, and come again with the delta.
func (s *Service) Load(ctx context.Context) (Snapshot, error) {
	generation, err := s.Generation(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	entries, err := s.q.AllEntries(ctx, s.DB)
	if err != nil {
		return Snapshot{}, fmt.Errorf("load the edge entries: %w", err)
	}
	records, err := s.q.AllRecords(ctx, s.DB, edgeentryq.AllRecordsParams{Now: s.DB.Now()})
	if err != nil {
		return Snapshot{}, fmt.Errorf("load the edge zone: %w", err)
	}
	secrets, err := s.secretsAfter(ctx, -1)
	if err != nil {
		return Snapshot{}, err
	}
	return snapshot(generation, entries, records, secrets)
}

// Delta reads what changed after a generation, withdrawn names included.
func (s *Service) Delta(ctx context.Context, after int64) (Snapshot, error) {
	generation, err := s.Generation(ctx)
	if err != nil || generation <= after {
		return Snapshot{Generation: generation}, err
	}
	entries, err := s.q.EntriesAfter(ctx, s.DB, edgeentryq.EntriesAfterParams{Generation: after})
	if err != nil {
		return Snapshot{}, fmt.Errorf("read the edge entries after %d: %w", after, err)
	}
	records, err := s.q.RecordsAfter(ctx, s.DB, edgeentryq.RecordsAfterParams{Generation: after})
	if err != nil {
		return Snapshot{}, fmt.Errorf("read the edge zone after %d: %w", after, err)
	}
	secrets, err := s.secretsAfter(ctx, after)
	if err != nil {
		return Snapshot{}, err
	}
	return snapshot(generation, entries, records, secrets)
}

func snapshot(generation int64, entries []*edgeentryq.EdgeEntry, records []*edgeentryq.EdgeZoneRecord, secrets []Secret) (Snapshot, error) {
	out := Snapshot{Generation: generation, Secrets: secrets, Entries: make([]Entry, 0, len(entries)), Records: make([]ZoneRecord, 0, len(records))}
	for _, row := range entries {
		e, err := fromRow(row)
		if err != nil {
			return Snapshot{}, err
		}
		out.Entries = append(out.Entries, e)
	}
	for _, r := range records {
		out.Records = append(out.Records, ZoneRecord{r.Fqdn, r.Type, r.Value, r.Ttl, r.Owner, r.Generation, r.ExpiresAt})
	}
	return out, nil
}

// Get reads one name's entry; pgx.ErrNoRows (db.NotFound) where it never had one.
func (s *Service) Get(ctx context.Context, hostname string) (Entry, error) {
	row, err := s.q.EntryByHostname(ctx, s.DB, edgeentryq.EntryByHostnameParams{Hostname: hostname})
	if err != nil {
		return Entry{}, fmt.Errorf("read the edge entry of %s: %w", hostname, err)
	}
	return fromRow(row)
}

const (
	nodesKept = time.Hour
	goneKept  = 30 * 24 * time.Hour
)

// Part is what the subdomain contributes.
func (s *Service) Part() part.Part {
	return part.Part{Name: "edgeentry", Grants: []authz.Grant{{Permission: mayReadRoutes, Operator: true, What: "see the edges, and how far behind each is"}},
		Periodics: []work.Periodic{{Kind: "edge.reap", Every: 10 * time.Second, Do: s.reap}}}
}

// reap forgets edges that have been silent for an hour, and names and records that ended 30 days ago. An edge that was away for longer than that starts
// with a full load anyway.
func (s *Service) reap(ctx context.Context) error {
	if _, err := s.q.DropNodes(ctx, s.DB, edgeentryq.DropNodesParams{Before: s.DB.Now().Add(-nodesKept)}); err != nil {
		return fmt.Errorf("forget silent edges: %w", err)
	}
	if _, err := s.q.DropGoneEntries(ctx, s.DB, edgeentryq.DropGoneEntriesParams{Before: s.DB.Now().Add(-goneKept)}); err != nil {
		return fmt.Errorf("forget withdrawn names: %w", err)
	}
	if _, err := s.q.DropRecords(ctx, s.DB, edgeentryq.DropRecordsParams{Before: s.DB.Now().Add(-goneKept)}); err != nil {
		return fmt.Errorf("forget what the edge zone no longer answers: %w", err)
	}
	return nil
}

// Measure adds the metrics of the projection.
func (s *Service) Measure(set *metric.Set) {
	set.Measured("edge", "generation_lag", "Generations that a live edge is behind.", []string{"node"}, func(ctx context.Context) ([]metric.Sample, error) {
		generation, err := s.Generation(ctx)
		if err != nil {
			return nil, err
		}
		nodes, err := s.Nodes(ctx)
		if err != nil {
			return nil, err
		}
		var out []metric.Sample
		for _, n := range nodes {
			out = append(out, metric.Sample{Value: float64(max(0, generation-n.Acked)), Labels: []string{n.Name}})
		}
		return out, nil
	})
}
