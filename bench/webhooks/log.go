package main

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

//go:embed log.sql
var logSQL string

// logSpan is what the log reaches back.
const logSpan = 60 * 24 * time.Hour

// bigLog fills the log, looks at it through the service in every way that the console knows, and drops what is old.
func bigLog(ctx context.Context, o options) error {
	os.Setenv(kekName, kek)
	d, err := devdb.Fresh(ctx, db.MaxConns(8))
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := build(d.DB)
	if err != nil {
		return err
	}
	r := &receiver{}
	for n := range endpoints {
		r.urls = append(r.urls, fmt.Sprintf("http://127.0.0.1:%d", 20000+n))
	}
	orgs, err := p.tenants(ctx, r, 10, 0, false)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := p.fillLog(ctx, o.rows); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	var size string
	if err := p.QueryRow(ctx, "select pg_size_pretty(sum(pg_total_relation_size(inhrelid))) from pg_inherits where inhparent = 'webhook_delivery'::regclass").Scan(&size); err != nil {
		return err
	}
	fmt.Printf("%d deliveries, %s with their indexes, in %.0f s.\n\n", o.rows, size, time.Since(began).Seconds())
	if err := p.looks(ctx, orgs); err != nil {
		return err
	}
	return p.dropMonths(ctx)
}

// fillLog writes the rows month by month without the indexes, and makes these afterwards.
func (p *product) fillLog(ctx context.Context, rows int) error {
	first := p.Now().Add(-logSpan)
	p.SetClock(func() time.Time { return first })
	err := event.MakePartitions(ctx, p.DB)
	p.SetClock(time.Now)
	if err != nil {
		return err
	}
	var again []string
	indexes, err := p.Query(ctx, "select indexname::text, replace(indexdef, ' ON ONLY ', ' ON ') from pg_indexes where tablename = 'webhook_delivery' and indexname <> 'webhook_delivery_pkey'") // ONLY would leave out the months
	if err != nil {
		return err
	}
	var drop []string
	for indexes.Next() {
		var name, def string
		if err := indexes.Scan(&name, &def); err != nil {
			return err
		}
		again, drop = append(again, def), append(drop, "drop index "+name)
	}
	if err := p.each(ctx, drop); err != nil {
		return err
	}
	const step = 100_000
	var wg sync.WaitGroup
	steps, failed := make(chan int), make(chan error, 2)
	for range 2 {
		wg.Go(func() {
			for from := range steps {
				if _, err := p.Exec(ctx, logSQL, from+1, min(from+step, rows), rows, first, logSpan.Seconds()); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for from := 0; from < rows; from += step {
		steps <- from
	}
	close(steps)
	wg.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	attempts := `insert into webhook_attempt (delivery_id, n, at, latency_ms, resolved_ip, status, request_headers, response_headers, response_body)
		select id, 1, created_at + interval '5 ms', 15, '192.0.2.1', case state when 'SUCCEEDED' then 200 else 500 end, '{"content-type":"application/json","webhook-signature":"[redacted]"}', '{"content-length":"0"}', ''
		from webhook_delivery where attempts > 0 and event_at > now() - interval '10 days'`
	return p.each(ctx, append(append([]string{"set maintenance_work_mem = '1GB'"}, again...), attempts, "vacuum analyze webhook_delivery", "vacuum analyze webhook_attempt"))
}

func (p *product) each(ctx context.Context, statements []string) error {
	c, err := p.Pool().Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	if _, err := c.Exec(ctx, "set statement_timeout = 0"); err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return nil
}

// looks measures each way to look at the log, as the console asks for a page of 50 with its number of all, at endpoints and moments that are drawn by lot.
func (p *product) looks(ctx context.Context, orgs []tenant) error {
	now := p.Now()
	at := func() time.Time { return now.Add(-rand.N(logSpan)) }
	day := func() *webhook.TimeWindow {
		from := at()
		return &webhook.TimeWindow{From: from, To: from.Add(24 * time.Hour)}
	}
	in := func(states ...webhook.WebhookDeliveryState) webhook.DeliveryFilter {
		return webhook.DeliveryFilter{State: states}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what somebody looks at\tp50 ms\tp99 ms\tat most\trows\t")
	for _, l := range []struct {
		what   string
		filter func() webhook.DeliveryFilter
		middle bool // a page somewhere in the log
	}{
		{"the newest", func() webhook.DeliveryFilter { return in() }, false}, {"a page in the middle", func() webhook.DeliveryFilter { return in() }, true},
		{"FAILED", func() webhook.DeliveryFilter { return in(webhook.Failed) }, false}, {"FAILED or SKIPPED, in the middle", func() webhook.DeliveryFilter { return in(webhook.Failed, webhook.Skipped) }, true},
		{"SUCCEEDED", func() webhook.DeliveryFilter { return in(webhook.Succeeded) }, false}, {"PENDING", func() webhook.DeliveryFilter { return in(webhook.Pending) }, false},
		{"a frequent topic", func() webhook.DeliveryFilter { return webhook.DeliveryFilter{Topic: new("connection.verifying")} }, true},
		{"a rare topic", func() webhook.DeliveryFilter { return webhook.DeliveryFilter{Topic: new("connection.archived")} }, false},
		{"a rare topic, FAILED", func() webhook.DeliveryFilter {
			return webhook.DeliveryFilter{Topic: new("connection.archived"), State: []webhook.WebhookDeliveryState{webhook.Failed}}
		}, false},
		{"a day", func() webhook.DeliveryFilter { return webhook.DeliveryFilter{Window: day()} }, false},
		{"a day, FAILED", func() webhook.DeliveryFilter {
			return webhook.DeliveryFilter{Window: day(), State: []webhook.WebhookDeliveryState{webhook.Failed}}
		}, false},
		{"a connection", func() webhook.DeliveryFilter { return webhook.DeliveryFilter{ConnectionID: p.streamOf(ctx, at())} }, false},
		{"a connection, a day", func() webhook.DeliveryFilter {
			return webhook.DeliveryFilter{ConnectionID: p.streamOf(ctx, at()), Window: day()}
		}, false},
	} {
		var took []float64
		rows := 0
		for range 60 {
			t := orgs[rand.N(len(orgs))]
			a := page.Args{First: 50}
			if l.middle {
				a.After = &page.Cursor{ID: ident.V7(at())}
			}
			filter, endpoint, as := l.filter(), t.endpoints[rand.N(len(t.endpoints))], t.as(ctx)
			began := time.Now()
			list, err := p.hooks.Deliveries(as, endpoint, filter, a)
			if err != nil {
				return fmt.Errorf("%s: %w", l.what, err)
			}
			took, rows = append(took, time.Since(began).Seconds()*1000), rows+len(list.Nodes)
		}
		slices.Sort(took)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%d\t\n", l.what, took[len(took)/2], took[len(took)*99/100], took[len(took)-1], rows/len(took))
	}
	return w.Flush()
}

// streamOf is a connection that has deliveries, found near an instant.
func (p *product) streamOf(ctx context.Context, at time.Time) *ident.ConnectionID {
	var stream string
	if err := p.QueryRow(ctx, "select stream from webhook_delivery where id > $1 order by id limit 1", ident.V7(at)).Scan(&stream); err != nil {
		return nil
	}
	id, err := ident.Parse[ident.ConnectionID](stream)
	if err != nil {
		return nil
	}
	return &id
}

// dropMonths lets the product's own retention run as if the newest deliveries had become old.
func (p *product) dropMonths(ctx context.Context) error {
	if _, err := p.Exec(ctx, "update webhook_delivery set state = 'FAILED', due_at = null, finished_at = created_at where finished_at is null"); err != nil {
		return err
	}
	p.SetClock(func() time.Time { return time.Now().AddDate(0, 3, 0) })
	defer p.SetClock(time.Now)
	began := time.Now()
	for _, job := range p.hooks.Part().Periodics {
		if err := job.Do(ctx); err != nil {
			return err
		}
	}
	took := time.Since(began)
	var left int64
	if err := p.QueryRow(ctx, "select count(*) from webhook_delivery").Scan(&left); err != nil {
		return err
	}
	fmt.Printf("\nRetention dropped all months of the log within %.0f ms; %d deliveries are left.\n", took.Seconds()*1000, left)
	return nil
}
