package webhook

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// Measure counts attempts, how long after the event the first of each message is made, and how long endpoints have been due that nobody sends to, which says
// that no worker works. For the assembly, before anything runs.
func (s *Service) Measure(set *metric.Set) {
	s.lag = set.Histogram("webhook", "lag_seconds", "Seconds from an event to the first attempt at telling it.", []float64{.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600}).WithLabelValues()
	s.tries = set.Counter("webhook", "attempts_total", "Attempts at deliveries.", "result")
	set.Measured("webhook", "overdue_seconds", "How long the endpoint has been due that waits longest for a worker.", nil, func(ctx context.Context) ([]metric.Sample, error) {
		since, err := s.q.OverdueSince(ctx, s.DB)
		if err != nil {
			return nil, err
		}
		return []metric.Sample{{Value: max(0, s.DB.Now().Sub(since).Seconds())}}, nil
	})
}

func (s *Service) count(d *webhookq.OutgoingRow, a *send.Attempt) {
	if s.tries == nil {
		return
	}
	s.tries.WithLabelValues(a.Result).Inc()
	if d.Attempts == 0 && d.ReplayOf == nil && !d.Test {
		s.lag.Observe(a.At.Sub(d.EventAt).Seconds())
	}
}
