// Package metric is what the product counts, for Prometheus. Every name begins with nameplate_ and its package's name;
// no label ever holds a host name, an organization or anything else without a small known set of values.
//
// A nil *Set works too: what it hands out counts and is never shown. Packages can therefore be tested without one.
package metric

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	namespace     = "nameplate"
	scrapeTimeout = 3 * time.Second
)

// Set is one process's metrics. Use New.
type Set struct {
	registry *prometheus.Registry

	mu     sync.Mutex
	others []*Set // shown beside the own; see Add
}

// New holds the Go runtime and the process beside what is added to it.
func New() *Set {
	s := Bare()
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Bare holds nothing but what is added to it. It is for Add.
func Bare() *Set { return &Set{registry: prometheus.NewRegistry()} }

// Add shows the metrics of another set beside the own from now on: of a part of the process that came later. No name may be in both.
func (s *Set) Add(other *Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = append(s.others, other)
}

// register panics for a name that is taken or malformed: a mistake in the program, seen at start.
func register[C prometheus.Collector](s *Set, c C) C {
	if s != nil {
		s.registry.MustRegister(c)
	}
	return c
}

// Counter of subsystem_name, which should end in _total.
func (s *Set) Counter(subsystem, name, help string, labels ...string) *prometheus.CounterVec {
	return register(s, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels))
}

// Gauge of subsystem_name.
func (s *Set) Gauge(subsystem, name, help string, labels ...string) *prometheus.GaugeVec {
	return register(s, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels))
}

// Histogram with the given upper bounds; nil means those for durations in seconds from 5 ms to 10 s.
func (s *Set) Histogram(subsystem, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(s, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets}, labels))
}

// Sample is one value with its label values, in the order of the labels.
type Sample struct {
	Value  float64
	Labels []string
}

// Measured is a gauge that is read when somebody looks, such as a count of rows. read gets 3 s; where it fails the
// metric is missing in that answer and the others are not.
func (s *Set) Measured(subsystem, name, help string, labels []string, read func(ctx context.Context) ([]Sample, error)) {
	register(s, &measured{prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil), read})
}

// Distribution is a histogram over rows that exist now, counted when somebody looks: for each upper bound, how many
// values lie at or below it.
func (s *Set) Distribution(subsystem, name, help string, buckets []float64, read func(ctx context.Context) ([]float64, error)) {
	register(s, &distribution{prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, nil, nil), buckets, read})
}

type measured struct {
	desc *prometheus.Desc
	read func(ctx context.Context) ([]Sample, error)
}

func (m *measured) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

func (m *measured) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	samples, err := m.read(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(m.desc, err)
		return
	}
	for _, sample := range samples {
		one, err := prometheus.NewConstMetric(m.desc, prometheus.GaugeValue, sample.Value, sample.Labels...)
		if err != nil {
			one = prometheus.NewInvalidMetric(m.desc, err)
		}
		ch <- one
	}
}

type distribution struct {
	desc    *prometheus.Desc
	buckets []float64
	read    func(ctx context.Context) ([]float64, error)
}

func (d *distribution) Describe(ch chan<- *prometheus.Desc) { ch <- d.desc }

func (d *distribution) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	values, err := d.read(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(d.desc, err)
		return
	}
	sum, counts := 0.0, make(map[float64]uint64, len(d.buckets))
	for _, bound := range d.buckets {
		counts[bound] = 0
	}
	for _, v := range values {
		sum += v
		for _, bound := range d.buckets {
			if v <= bound {
				counts[bound]++
			}
		}
	}
	ch <- prometheus.MustNewConstHistogram(d.desc, uint64(len(values)), sum, counts)
}

// Handler answers GET /metrics. A metric that cannot be read is left out; the rest is answered.
func (s *Set) Handler() http.Handler {
	if s == nil {
		return http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		all := prometheus.Gatherers{s.registry}
		for _, o := range s.others {
			all = append(all, o.registry)
		}
		s.mu.Unlock()
		promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}).ServeHTTP(w, r)
	})
}
