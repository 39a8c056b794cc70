package edge

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

type metrics struct {
	requests   [len(classes)]prometheus.Counter // by class
	handshakes *prometheus.CounterVec
	ask        prometheus.Observer
}

func newMetrics(set *metric.Set, recalled *atomic.Bool, memory *memory) metrics {
	set.Measured("edge", "from_disk", "1 while the edge serves what its disk remembers because the database was not reached since its start, else 0.", nil, func(context.Context) ([]metric.Sample, error) {
		if recalled.Load() {
			return []metric.Sample{{Value: 1}}, nil
		}
		return []metric.Sample{{}}, nil
	})
	m := metrics{
		handshakes: set.Counter("edge", "handshakes_total", "TLS handshakes by what became of them.", "result"),
		ask:        set.Histogram("edge", "ask_seconds", "Time to answer whether a certificate may be ordered.", []float64{.00001, .0001, .0005, .001, .002, .005, .05}).WithLabelValues(),
	}
	set.Measured("edge", "disk_behind", "Names, records and certificates in force that the edge's disk does not have yet.", nil, func(context.Context) ([]metric.Sample, error) {
		return []metric.Sample{{Value: float64(memory.behind())}}, nil
	})
	requests := set.Counter("edge", "requests_total", "Requests to the edge by class of their status.", "class")
	for n, class := range classes {
		m.requests[n] = requests.WithLabelValues(class)
	}
	return m
}

var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (m *metrics) request(status int) {
	n := status / 100
	if n < 1 || n > 5 {
		n = 0
	}
	m.requests[n].Inc()
}

// counted remembers what was sent.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64 // of the body
	third  bool  // over HTTP/3, where no field speaks of the connection
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		c.status = status
	}
	if c.third {
		delete(c.Header(), "Connection")
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
