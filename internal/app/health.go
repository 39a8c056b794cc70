package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

const (
	healthTime = time.Second
	healthAge  = 5 * time.Second
	clockSkew  = 2 * time.Second // leases and signatures bear that much
	lateWork   = 5 * time.Minute // what has been due so long has nobody who does it
)

// checks are what the house itself asks of health. Without Redis it serves, and pokes, limits and nonces end at each process; when work is late, changes are
// taken and their consequences wait.
func (a *App) checks() []part.Check {
	all := []part.Check{
		{Name: "database", Ask: func(ctx context.Context) error {
			var one int
			return a.DB.QueryRow(ctx, "select 1").Scan(&one)
		}},
		{Name: "clock", Degrades: true, Ask: a.clockAgrees},
		{Name: "work", Degrades: true, Ask: a.inTime(func(queue string) bool { return queue != mail.Queue })},
		{Name: "mails", Degrades: true, Ask: a.inTime(func(queue string) bool { return queue == mail.Queue })},
	}
	if a.Redis != nil {
		all = append(all, part.Check{Name: "redis", Degrades: true, Ask: func(ctx context.Context) error { return live.Ping(ctx, a.Redis) }})
	}
	return all
}

// inTime asks of queues how long their first row has been due. Strangers may ask for health, so an answer is good for a while.
func (a *App) inTime(which func(queue string) bool) func(context.Context) error {
	var mu sync.Mutex
	var at time.Time
	var last error
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) < healthAge {
			return last
		}
		last = nil
		for _, q := range a.Work.Queues {
			if !which(q.Name) {
				continue
			}
			due, err := q.Next(ctx, a.DB)
			if err != nil {
				return err // not kept: the next one asks
			}
			if late := a.DB.Now().Sub(due); late > lateWork {
				last = errors.Join(last, fmt.Errorf("%s: the first has been due for %s; does `nameplate work` run?", q.Name, late.Round(time.Second)))
			}
		}
		at = time.Now()
		return last
	}
}

// clockAgrees compares the clocks of this machine and of PostgreSQL, and counts the time of the question in our favour.
func (a *App) clockAgrees(ctx context.Context) error {
	before := time.Now()
	var theirs time.Time
	if err := a.DB.QueryRow(ctx, "select clock_timestamp()").Scan(&theirs); err != nil {
		return err
	}
	if d := max(before.Sub(theirs), theirs.Sub(time.Now())); d > clockSkew {
		return fmt.Errorf("the clocks of this machine and of PostgreSQL differ by %s", d.Round(time.Millisecond))
	}
	return nil
}

// ready asks what must answer before this process takes traffic.
func (a *App) ready(ctx context.Context) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	out := map[string]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range a.parts {
		for _, c := range p.Ready {
			if c.Degrades {
				continue
			}
			wg.Go(func() {
				err := c.Ask(ctx)
				mu.Lock()
				defer mu.Unlock()
				out[c.Name] = err
			})
		}
	}
	wg.Wait()
	return out
}
