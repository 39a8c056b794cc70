package graph

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/ast"
)

// measures is what the server counts. Names of operations in free text are no labels: whoever sends them could make up as many as they like.
type measures struct {
	took *prometheus.HistogramVec
	used *prometheus.CounterVec
}

// measure begins to count.
func (s *Server) measure(set *metric.Set) {
	s.measures = measures{
		took: set.Histogram("graph", "operation_seconds", "How long queries and mutations ran.", nil, "kind", "outcome"),
		used: set.Counter("graph", "documents_used_total", "Trusted documents that were asked for, by the operation and the first digits of its id.", "document"),
	}
	set.Measured("graph", "peers", "Sockets and event streams that are open.", nil, func(context.Context) ([]metric.Sample, error) {
		return []metric.Sample{{Value: float64(s.peers.Count())}}, nil
	})
	set.Measured("graph", "feeds", "Feeds that are served: groups of subscribers that read together.", nil, func(context.Context) ([]metric.Sample, error) {
		return []metric.Sample{{Value: float64(s.peers.Feeds.Count())}}, nil
	})
}

// ran notes an operation.
func (m measures) ran(kind ast.Operation, took time.Duration, failed bool) {
	m.took.WithLabelValues(string(kind), map[bool]string{true: "errors", false: "ok"}[failed]).Observe(took.Seconds())
}

// trusted notes that a trusted document was asked for: one that nobody has asked for in a long time can go from its manifest.
func (m measures) trusted(id string, d document.Document) {
	const scheme, digits = len("sha256:"), 8
	m.used.WithLabelValues(d.Tree.Operations[0].Name + " " + id[scheme:scheme+digits]).Inc()
}
