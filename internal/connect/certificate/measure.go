package certificate

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

type metrics struct{ orders *prometheus.CounterVec }

func (m *metrics) order(ca string, mode ChallengeMode, result string) {
	if m.orders != nil {
		m.orders.WithLabelValues(ca, string(mode), result).Inc()
	}
}

// measure adds the metrics; a second call does nothing.
func (s *Service) measure() {
	s.once.Do(func() {
		s.metrics.orders = s.Metrics.Counter("certificate", "orders_total", "Orders at CAs by their result, and pre-flights that allowed none.", "ca", "mode", "result")
		s.Metrics.Distribution("certificate", "days_left", "Days until the certificates that are in use expire.", []float64{0, 1, 3, 7, 14, 30, 60}, func(ctx context.Context) ([]float64, error) {
			rows, err := s.q.Expiries(ctx, s.DB)
			out, now := make([]float64, len(rows)), s.DB.Now()
			for n, at := range rows {
				out[n] = at.Sub(now).Hours() / 24
			}
			return out, err
		})
		s.Metrics.Measured("certificate", "renewal_at_risk", "Certificates whose last renewal failed, by the reason.", []string{"reason"}, func(ctx context.Context) ([]metric.Sample, error) {
			rows, err := s.q.AtRisk(ctx, s.DB)
			var out []metric.Sample
			for _, r := range rows {
				out = append(out, metric.Sample{Value: float64(r.Count), Labels: []string{r.Reason}})
			}
			return out, err
		})
		s.Metrics.Measured("acme", "budget_remaining", "Orders that are left in the lowest bucket of a kind, when it was touched last.", []string{"ca", "bucket"}, func(ctx context.Context) ([]metric.Sample, error) {
			rows, err := s.q.LowestBudgets(ctx, s.DB)
			var out []metric.Sample
			for _, r := range rows {
				out = append(out, metric.Sample{Value: r.Tokens, Labels: []string{r.Ca, r.Bucket}})
			}
			return out, err
		})
	})
}
