// Package workers is the door of what happens later: it joins the due rows, schedules and jobs that the parts contribute, and runs them. What a row or a
// job does is in the subdomain that owns it; scaling out is starting `nameplate work` more often.
package workers

import (
	"context"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/prometheus/client_golang/prometheus"
)

// Workers runs queues and jobs.
type Workers struct {
	runner *work.Runner
	jobs   *work.Jobs
}

// Join fills the runner with the queues of the parts and the given ones, and lets pokes of other processes ring it.
func Join(d *db.DB, r *work.Runner, hub *live.Hub, metrics *metric.Set, parts []part.Part, queues ...work.Queue) (*Workers, error) {
	var schedules []work.Periodic
	var jobs []work.Job
	r.Queues = queues
	for _, p := range parts {
		r.Queues = append(r.Queues, p.Queues...)
		schedules, jobs = append(schedules, p.Periodics...), append(jobs, p.Jobs...)
	}
	r.Queues = append(r.Queues, work.Periodics(d, schedules))
	for _, q := range r.Queues {
		hub.On(work.Subject(q.Name), func() { r.Ring(q.Name) })
	}
	r.Observe = observe(metrics)
	j, err := work.NewJobs(d, jobs...)
	return &Workers{runner: r, jobs: j}, err
}

func observe(metrics *metric.Set) func(string, time.Duration, error) {
	took := metrics.Histogram("work", "seconds", "How long one due row took, by queue and result.", nil, "queue", "result")
	return func(queue string, d time.Duration, err error) {
		result := "done"
		if err != nil {
			result = "failed"
		}
		took.With(prometheus.Labels{"queue": queue, "result": result}).Observe(d.Seconds())
	}
}

// Run works until ctx ends, and waits for what runs.
func (w *Workers) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	var failed [2]error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { defer cancel(); failed[0] = w.runner.Run(ctx) })
	wg.Go(func() { defer cancel(); failed[1] = w.jobs.Run(ctx) })
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
