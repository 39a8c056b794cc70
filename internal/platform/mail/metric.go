package mail

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/queries/mailq"
	"github.com/prometheus/client_golang/prometheus"
)

// measures are what is counted; nil counts nothing.
type measures struct {
	tries *prometheus.CounterVec
	ends  *prometheus.CounterVec
}

// Measure counts tries and ends, and how long the oldest mail waits. For the assembly, before anything runs.
func (s *Service) Measure(set *metric.Set) {
	s.metrics = &measures{
		tries: set.Counter("mail", "attempts_total", "Tries to hand a mail to the mail server, by result: sent, later, refused.", "result"),
		ends:  set.Counter("mail", "undelivered_total", "Mails that did not arrive, by state: failed is an alert, bounced, suppressed.", "state"),
	}
	backlog := func(value func(*mailq.BacklogRow) float64) func(context.Context) ([]metric.Sample, error) {
		return func(ctx context.Context) ([]metric.Sample, error) {
			b, err := s.q.Backlog(ctx, s.DB, mailq.BacklogParams{Now: s.DB.Now()})
			if err != nil {
				return nil, err
			}
			return []metric.Sample{{Value: value(b)}}, nil
		}
	}
	set.Measured("mail", "waiting", "Mails that are due and have not left.", nil, backlog(func(b *mailq.BacklogRow) float64 { return float64(b.Waiting) }))
	set.Measured("mail", "oldest_seconds", "How long the oldest of them has been due.", nil, backlog(func(b *mailq.BacklogRow) float64 { return max(0, s.DB.Now().Sub(b.Oldest).Seconds()) }))
	for _, r := range []string{"sent", "later", "refused"} {
		s.metrics.tries.WithLabelValues(r)
	}
	for _, state := range []string{"failed", "bounced", "suppressed"} {
		s.metrics.ends.WithLabelValues(state)
	}
}

func (m *measures) tried(ok, final bool) {
	if m == nil {
		return
	}
	result := "later"
	if ok {
		result = "sent"
	} else if final {
		result = "refused"
	}
	m.tries.WithLabelValues(result).Inc()
}

func (m *measures) ended(state DeliveryState) {
	if m != nil {
		m.ends.WithLabelValues(map[DeliveryState]string{Failed: "failed", Bounced: "bounced", Suppressed: "suppressed"}[state]).Inc()
	}
}
