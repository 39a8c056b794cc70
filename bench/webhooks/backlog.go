package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// contender sends a backlog. What it does for a delivery is the same for all: a request with a signature to the same receivers, and an attempt written with
// what was sent and answered.
type contender struct {
	name  string
	fill  func(ctx context.Context, d *db.DB, r *receiver, each int) error // writes what waits
	run   func(ctx context.Context, j job) (*child, error)
	left  string // whether something is not finished
	tried string // how many attempts were answered 200

	template string  // a database in which the backlog waits
	filled   float64 // deliveries a second while that was made
	runs     []burn
}

// burn is one round of one contender.
type burn struct{ rate, own, postgres, receiver, twice float64 }

func contenders() []*contender {
	const left, tried = "select exists (select from webhook_delivery where finished_at is null)", "select count(*) from webhook_attempt where status = 200"
	ours := func(ctx context.Context, j job) (*child, error) { return spawn(ctx, "role:engine", j) }
	return []*contender{
		{name: "free", fill: fillOurs(false), run: ours, left: left, tried: tried},
		{name: "ordered", fill: fillOurs(true), run: ours, left: left, tried: tried},
		{name: "river", fill: fillRiver, run: func(ctx context.Context, j job) (*child, error) { return spawn(ctx, "role:river", j) }, left: riverLeft, tried: peerTried},
		{name: "graphile", fill: fillGraphile, run: graphile, left: graphileLeft, tried: peerTried},
	}
}

// backlog lets the contenders burn down what waits, alternating, each time in a copy of the database that it was filled in.
func backlog(ctx context.Context, o options) (err error) {
	os.Setenv(kekName, kek)
	r, err := startReceiver(ctx, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	s, err := devdb.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	var all []*contender
	for _, c := range contenders() {
		if o.only == "" || slices.Contains(strings.Split(o.only, ","), c.name) {
			all = append(all, c)
		}
	}
	for _, c := range all {
		drop, err := c.prepare(ctx, s, r, o.each)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		defer drop()
	}
	for range o.rounds {
		for _, c := range all {
			if err := c.round(ctx, s, r, o); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return board(all)
}

// prepare makes the database that each round copies.
func (c *contender) prepare(ctx context.Context, s *devdb.Server, r *receiver, each int) (drop func(), err error) {
	d, err := s.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.QueryRow(ctx, "select current_database()").Scan(&c.template); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := c.fill(ctx, d.DB, r, each); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	c.filled = float64(endpoints*each) / time.Since(began).Seconds()
	if _, err := d.Exec(ctx, "vacuum analyze"); err != nil {
		return nil, err
	}
	d.DB.Close() // nobody may be in a template that is copied
	return func() { s.Drop(context.WithoutCancel(ctx), c.template) }, nil
}

func (c *contender) round(ctx context.Context, s *devdb.Server, r *receiver, o options) (err error) {
	name := c.template + "_round"
	if err := onServer(ctx, s, fmt.Sprintf("create database %s template %s strategy file_copy", name, c.template), "checkpoint"); err != nil {
		return err
	}
	defer s.Drop(context.WithoutCancel(ctx), name)
	dsn := strings.Replace(s.DSN, "/postgres?", "/"+name+"?", 1)
	d, err := db.Open(ctx, dsn, db.MaxConns(2))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := r.forget(); err != nil {
		return err
	}
	p, err := c.run(ctx, job{DSN: dsn, Profile: o.profile})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.read(new(string)); err != nil {
		return err
	}
	want := endpoints * o.each
	postmaster := rig.Postmaster(ctx, d)
	before := burn{own: p.cpu(), postgres: rig.PostgresCPU(postmaster).Seconds(), receiver: r.cpu()}
	began := time.Now()
	if err := p.say("begin"); err != nil {
		return err
	}
	if err := c.wait(ctx, d, r, want); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	per := func(after, before float64) float64 { return (after - before) / float64(want) * 1000 }
	out := burn{rate: float64(want) / took, own: per(p.cpu(), before.own), postgres: per(rig.PostgresCPU(postmaster).Seconds(), before.postgres), receiver: per(r.cpu(), before.receiver)}
	got, err := r.seen("")
	if err != nil {
		return err
	}
	var tried int
	if err := d.QueryRow(ctx, c.tried).Scan(&tried); err != nil || tried != want || got.Different != want {
		return fmt.Errorf("%d attempts are written, %d messages of %d arrived: %w", tried, got.Different, got.All, errors.Join(err, errShort))
	}
	out.twice = float64(got.All - got.Different)
	c.runs = append(c.runs, out)
	fmt.Printf("%s: %.0f a second\n", c.name, out.rate)
	return nil
}

var errShort = errors.New("that is not the whole backlog")

// wait looks until everything has arrived and is written.
func (c *contender) wait(ctx context.Context, d *db.DB, r *receiver, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if got, err := r.seen(""); err != nil || got.Different < want {
			if err != nil {
				return err
			}
			continue
		}
		var left bool
		if err := d.QueryRow(ctx, c.left).Scan(&left); err != nil || !left {
			return err
		}
	}
	return errShort
}

// onServer runs statements that need a connection outside of every database in question.
func onServer(ctx context.Context, s *devdb.Server, statements ...string) error {
	c, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// fillOurs lets events happen in ten organizations, each with ten of the endpoints, and fans them out.
func fillOurs(ordered bool) func(context.Context, *db.DB, *receiver, int) error {
	return func(ctx context.Context, d *db.DB, r *receiver, each int) error {
		p, err := build(d)
		if err != nil {
			return err
		}
		orgs, err := p.tenants(ctx, r, 10, 200, ordered)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		failed := make(chan error, len(orgs))
		for _, t := range orgs {
			wg.Go(func() {
				for n := range each {
					if _, err := p.happen(ctx, t, t.connections[n%len(t.connections)], n); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(failed)
		if err := <-failed; err != nil {
			return err
		}
		p.work.Queues = []work.Queue{p.ledger.Sweep()}
		return p.work.Drain(ctx)
	}
}

// board prints the medians of each contender, and what ours does of it in ratio.
func board(all []*contender) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\n\tdeliveries/s\tbest\tours (free) is\tits CPU s per 1,000\tPostgreSQL's\treceiver's\ttogether\ttwice\tenqueued/s\t")
	ours := 0.0
	for _, c := range all {
		m := func(of func(burn) float64) float64 {
			var list []float64
			for _, b := range c.runs {
				list = append(list, of(b))
			}
			slices.Sort(list)
			return list[len(list)/2]
		}
		rate := m(func(b burn) float64 { return b.rate })
		if c.name == "free" {
			ours = rate
		}
		own, postgres, receiver := m(func(b burn) float64 { return b.own }), m(func(b burn) float64 { return b.postgres }), m(func(b burn) float64 { return b.receiver })
		best := slices.MaxFunc(c.runs, func(a, b burn) int { return int(a.rate - b.rate) }).rate
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f ×\t%.3f\t%.3f\t%.3f\t%.3f\t%.0f\t%.0f\t\n", c.name, rate, best, ours/rate, own, postgres, receiver, own+postgres+receiver, m(func(b burn) float64 { return b.twice }), c.filled)
	}
	return w.Flush()
}
