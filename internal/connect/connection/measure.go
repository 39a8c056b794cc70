package connection

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what moves; they work unmeasured too.
type metrics struct {
	transitions *prometheus.CounterVec
	checks      *prometheus.CounterVec
	toLive      *prometheus.HistogramVec
}

// Measure adds the metrics of connections; for the assembly, once.
func (s *Service) Measure(set *metric.Set) {
	s.metrics = metrics{
		transitions: set.Counter("connection", "transitions_total", "Changes of state that checks made.", "from", "to"),
		checks:      set.Counter("dnscheck", "checks_total", "Checks that were stored, by why they ran and what they came to.", "trigger", "verdict"),
		toLive:      set.Histogram("connection", "seconds_to_live", "Seconds from the start of a connection to its first going live.", []float64{5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800}, "setup_type"),
	}
	set.Measured("connection", "connections", "Connections by state.", []string{"state"}, func(ctx context.Context) ([]metric.Sample, error) {
		rows, err := s.q.CountAllByState(ctx, s.DB)
		var out []metric.Sample
		for _, r := range rows {
			out = append(out, metric.Sample{Value: float64(r.Count), Labels: []string{r.State}})
		}
		return out, err
	})
}

// wrote counts a stored check after its commit.
func (m *metrics) wrote(trigger, verdict string, from State, c *Connection, first bool) {
	if m.checks == nil {
		return
	}
	m.checks.WithLabelValues(trigger, verdict).Inc()
	if from != c.State {
		m.transitions.WithLabelValues(string(from), string(c.State)).Inc()
	}
	if first {
		m.toLive.WithLabelValues(string(*c.SetupType)).Observe(c.LiveAt.Sub(c.CreatedAt).Seconds())
	}
}
