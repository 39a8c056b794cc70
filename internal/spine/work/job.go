package work

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Job registers the worker of one kind of job.
type Job func(*river.Workers)

// Jobs stages jobs in transactions and runs them.
type Jobs struct {
	insert *river.Client[pgx.Tx]
	db     *db.DB
	jobs   []Job
}

// NewJobs makes a client that can insert; Run works on the given kinds.
func NewJobs(d *db.DB, jobs ...Job) (*Jobs, error) {
	c, err := river.NewClient(riverpgxv5.New(nil), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("make the job client: %w", err)
	}
	return &Jobs{insert: c, db: d, jobs: jobs}, nil
}

// InsertTx stages a job: it exists if the transaction commits, and only then. attempts bounds its tries; 0 is River's default of 25.
func (j *Jobs) InsertTx(ctx context.Context, tx *db.Tx, args river.JobArgs, attempts int) error {
	_, err := j.insert.InsertTx(ctx, tx.Tx, args, &river.InsertOpts{MaxAttempts: attempts})
	if err != nil {
		return fmt.Errorf("stage the job %s: %w", args.Kind(), err)
	}
	return nil
}

// Run works on jobs until ctx ends, then waits up to eight seconds for what runs. Without a kind of job it only waits.
func (j *Jobs) Run(ctx context.Context) error {
	if len(j.jobs) == 0 {
		<-ctx.Done()
		return nil
	}
	workers := river.NewWorkers()
	for _, register := range j.jobs {
		register(workers)
	}
	c, err := river.NewClient(riverpgxv5.New(j.db.Pool()), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 20}},
		Workers:              workers,
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    200 * time.Millisecond,
		RescueStuckJobsAfter: 60 * time.Second,
		Logger:               slog.New(slog.DiscardHandler),
		ErrorHandler:         failed{},
	})
	if err != nil {
		return fmt.Errorf("make the job workers: %w", err)
	}
	if err := c.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job workers: %w", err)
	}
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if err := c.Stop(grace); err != nil {
		return c.StopAndCancel(context.WithoutCancel(ctx))
	}
	return nil
}
