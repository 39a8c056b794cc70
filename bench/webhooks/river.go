package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// message is what a peer's job holds: what our row of a delivery does.
type message struct {
	Delivery string `json:"delivery"`
	URL      string `json:"url"`
	ID       string `json:"id"`
	Secret   string `json:"secret"`
	Body     string `json:"body"`
}

func (message) Kind() string { return "deliver" }

// peerTable is where peers write their attempts: the columns and the key of ours.
const peerTable = `create table peer_attempt (delivery_id uuid not null, n int not null, at timestamptz not null, latency_ms int, resolved_ip inet, status int, error text, request_headers jsonb,
	response_headers jsonb, response_body text, primary key (delivery_id, n, at))`

const (
	peerTried = "select count(*) from peer_attempt where status = 200"
	riverLeft = "select exists (select from river_job where state in ('available', 'pending', 'retryable', 'running', 'scheduled'))"
	addTried  = `insert into peer_attempt (delivery_id, n, at, latency_ms, resolved_ip, status, error, request_headers, response_headers, response_body) values ($1, $2, $3, $4, $5::text::inet, $6, $7, $8, $9, $10)`
)

// peerMessages are the backlog of a peer, in turn over the endpoints, with bodies as large as ours.
func peerMessages(r *receiver, each int) (out []message) {
	body := `{"type":"connection.live","timestamp":"2026-11-20T23:59:59.123456Z","apiVersion":"2026-11-01","data":{"sequence":7,"hostname":"x.example.com","pad":"` + strings.Repeat("x", 420) + `"}}`
	keys := make([]string, endpoints)
	for n := range keys {
		s, _ := send.NewSecret()
		keys[n] = s.Reveal()
	}
	for range each {
		for n, url := range r.urls {
			id := uuid.Must(uuid.NewV7())
			out = append(out, message{Delivery: id.String(), URL: url + "/hook", ID: "evt_" + id.String(), Secret: keys[n], Body: body})
		}
	}
	return out
}

// batchOf is how many jobs peers insert at a time.
const batchOf = 1000

func fillRiver(ctx context.Context, d *db.DB, r *receiver, each int) error {
	if _, err := d.Exec(ctx, peerTable); err != nil {
		return err
	}
	c, err := river.NewClient(riverpgxv5.New(d.Pool()), &river.Config{})
	if err != nil {
		return err
	}
	all := peerMessages(r, each)
	for from := 0; from < len(all); from += batchOf {
		params := make([]river.InsertManyParams, 0, batchOf)
		for _, m := range all[from:min(len(all), from+batchOf)] {
			params = append(params, river.InsertManyParams{Args: m})
		}
		if _, err := c.InsertManyFast(ctx, params); err != nil {
			return fmt.Errorf("insert jobs: %w", err)
		}
	}
	return nil
}

// poster is River's worker. It sends as our engine does, by the same client.
type poster struct {
	river.WorkerDefaults[message]
	client  *send.Client
	pool    *pgxpool.Pool
	targets sync.Map
}

func (p *poster) Work(ctx context.Context, j *river.Job[message]) error {
	to, ok := p.targets.Load(j.Args.URL)
	if !ok {
		t, err := send.NewTarget(j.Args.URL, secret.New(j.Args.Secret))
		if err != nil {
			return err
		}
		to, _ = p.targets.LoadOrStore(j.Args.URL, t)
	}
	a := p.client.Send(ctx, send.Request{To: to.(*send.Target), ID: j.Args.ID, Body: []byte(j.Args.Body), At: time.Now()})
	_, err := p.pool.Exec(ctx, addTried, j.Args.Delivery, j.Attempt, a.At, int32(a.Took.Milliseconds()), a.IP, a.Status, a.Error, a.Request, a.Response, a.Body)
	return err
}

// riverPeer is River with settings for throughput: many workers, no pause between fetches; completions are batched by itself.
func riverPeer(ctx context.Context) error {
	j, ctx, err := role(ctx)
	if err != nil {
		return err
	}
	cfg, err := pgxpool.ParseConfig(j.DSN)
	if err != nil {
		return err
	}
	cfg.MaxConns = 30
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	workers := river.NewWorkers()
	river.AddWorker(workers, &poster{pool: pool, client: &send.Client{Outside: safehttp.Options{AllowLoopbackHTTP: true}, Timeout: 15 * time.Second, PerEndpoint: 8}})
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 500}}, Workers: workers,
		FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	<-c.Stopped()
	return nil
}
