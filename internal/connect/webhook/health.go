package webhook

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// latencyBounds are the milliseconds that the attempts of an hour are counted by; the last count is of those that took longer.
var latencyBounds = []int64{10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 15000}

// HealthHour is one hour of an endpoint's attempts.
type HealthHour struct {
	At        time.Time
	Attempts  int32
	Succeeded int32
}

// countHours adds attempts to the hour of the transaction.
func (s *Service) countHours(ctx context.Context, tx *db.Tx, all []*outcome) error {
	type count struct {
		attempts, succeeded int32
		latencies           []int
	}
	counts := map[uuid.UUID]*count{}
	for _, o := range all {
		if o.d.Test {
			continue
		}
		c := counts[o.endpoint]
		if c == nil {
			c = &count{latencies: make([]int, len(latencyBounds)+1)}
			counts[o.endpoint] = c
		}
		c.attempts++
		if o.v.Delivered {
			c.succeeded++
		}
		n := 0
		for n < len(latencyBounds) && o.a.Took.Milliseconds() > latencyBounds[n] {
			n++
		}
		c.latencies[n]++
	}
	if len(counts) == 0 {
		return nil
	}
	p := webhookq.CountHoursParams{Hour: tx.Now.Truncate(time.Hour)}
	for id, c := range counts {
		text := make([]string, len(c.latencies))
		for n, l := range c.latencies {
			text[n] = strconv.Itoa(l)
		}
		p.Endpoints, p.Attempts, p.Succeeded, p.Latencies = append(p.Endpoints, id), append(p.Attempts, c.attempts), append(p.Succeeded, c.succeeded), append(p.Latencies, "{"+strings.Join(text, ",")+"}")
	}
	return s.q.CountHours(ctx, tx, p)
}

// HealthOf measures endpoints of one organization for a caller who was authorised for it; each id is in the answer.
func (s *Service) HealthOf(ctx context.Context, org ident.OrgID, ids []ident.WebhookID) (map[ident.WebhookID]Health, error) {
	now := s.DB.Now()
	hours, err := s.q.Hours(ctx, s.DB, webhookq.HoursParams{OrgID: org.UUID(), Endpoints: uuids(ids), Since: now.Add(-24 * time.Hour)})
	if err != nil {
		return nil, fmt.Errorf("measure endpoints: %w", err)
	}
	waiting, err := s.q.OldestPending(ctx, s.DB, webhookq.OldestPendingParams{OrgID: org.UUID(), Endpoints: uuids(ids)})
	if err != nil {
		return nil, fmt.Errorf("read what waits at endpoints: %w", err)
	}
	out := make(map[ident.WebhookID]Health, len(ids))
	for _, id := range ids {
		out[id] = Health{}
	}
	latencies := map[ident.WebhookID][]int32{}
	for _, r := range hours {
		id := ident.From[ident.WebhookID](r.EndpointID)
		h := out[id]
		h.Hours = append(h.Hours, &HealthHour{r.Hour, r.Attempts, r.Succeeded})
		if latencies[id] == nil {
			latencies[id] = make([]int32, len(latencyBounds)+1)
		}
		for n := range min(len(r.Latencies), len(latencies[id])) {
			latencies[id][n] += r.Latencies[n]
		}
		out[id] = h
	}
	for id, counts := range latencies {
		h := out[id]
		var all, good int32
		for _, hour := range h.Hours {
			all, good = all+hour.Attempts, good+hour.Succeeded
		}
		h.SuccessRate24h, h.P95Ms = new(float64(good)/float64(all)), new(p95(counts))
		out[id] = h
	}
	for _, r := range waiting {
		id := ident.From[ident.WebhookID](r.EndpointID)
		h := out[id]
		h.OldestPendingSeconds = new(int32(now.Sub(r.Since).Seconds()))
		out[id] = h
	}
	return out, nil
}

// p95 reads the quantile from counts by latencyBounds, as if those between two bounds were spread evenly.
func p95(counts []int32) int32 {
	var all int32
	for _, n := range counts {
		all += n
	}
	left, from := 0.95*float64(all), int64(0)
	for n, c := range counts[:len(latencyBounds)] {
		to := latencyBounds[n]
		if left <= float64(c) {
			return int32(float64(from) + left/float64(max(1, c))*float64(to-from))
		}
		left, from = left-float64(c), to
	}
	return int32(from)
}
