package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

var (
	//go:embed documents/page.graphql
	pageText string
	//go:embed documents/point.graphql
	pointText string
	//go:embed documents/fragments.graphql
	fragments string
	//go:embed peers/page.graphql
	peerPageText string
	//go:embed peers/point.graphql
	peerPointText string
)

// reading is a document that servers answer alike. PostGraphile derives its names from the database; its document gives them ours by aliases.
type reading struct {
	name, text, peerText string
	variables            func(context.Context, *bench) (map[string]any, error)
}

var pageRead = reading{"page", pageText + fragments, peerPageText, func(_ context.Context, b *bench) (map[string]any, error) {
	return map[string]any{"organization": b.page.org.String()}, nil
}}

var pointRead = reading{"point", pointText + fragments[strings.Index(fragments, "fragment Line"):], peerPointText, func(ctx context.Context, b *bench) (map[string]any, error) {
	var id string
	err := b.db.QueryRow(ctx, "select bench.ident('con', id) from bench.row where tenant = 0 and g = 10").Scan(&id)
	return map[string]any{"id": id}, err
}}

// contender is a server that answers a reading.
type contender struct {
	*process
	url    string
	body   []byte
	perKey int // requests that a key has the budget for
	spent  int
	size   int // of an answer
	data   json.RawMessage
	rounds []round
}

// round is what was measured of a server in one round. CPU is in seconds per 1,000 requests.
type round struct {
	outcome
	cpu, postgres float64
}

func (b *bench) read(ctx context.Context, r reading) error {
	all, err := b.contenders(ctx, r)
	if err != nil {
		return err
	}
	defer func() {
		for _, c := range all {
			c.stop()
		}
	}()
	for _, c := range all {
		if err := c.ask(ctx, b, r.text); err != nil {
			return err
		}
		if err := same(all[0], c); err != nil {
			return err
		}
	}
	for _, c := range all {
		if _, err := c.burst(ctx, b, b.warm); err != nil {
			return err
		}
	}
	for range b.rounds {
		for _, c := range all {
			one, err := c.burst(ctx, b, b.each)
			if err != nil {
				return err
			}
			c.rounds = append(c.rounds, one)
		}
	}
	report(all)
	return nil
}

// contenders starts the servers of a reading; ours is the first.
func (b *bench) contenders(ctx context.Context, r reading) (all []*contender, err error) {
	variables, err := r.variables(ctx, b)
	if err != nil {
		return nil, err
	}
	ours, err := json.Marshal(map[string]any{"query": r.text, "variables": variables})
	if err != nil {
		return nil, err
	}
	redis := ""
	if b.redis {
		bus, err := b.startRedis(ctx)
		if err != nil {
			return nil, err
		}
		redis = "redis://" + bus.addr
	}
	p, err := b.product(ctx, redis)
	if err != nil {
		return nil, err
	}
	all = append(all, &contender{process: p, body: ours, url: "http://" + p.addr + "/graphql"})
	if b.wants("pgx") {
		if p, err = b.pgx(ctx); err != nil {
			return nil, err
		}
		all = append(all, &contender{process: p, body: ours, url: "http://" + p.addr + "/" + r.name, perKey: 1 << 30})
	}
	if b.wants("postgraphile") && b.node != "" {
		if p, err = b.postgraphile(ctx); err != nil {
			return nil, err
		}
		body, err := json.Marshal(map[string]any{"query": r.peerText, "variables": variables})
		if err != nil {
			return nil, err
		}
		all = append(all, &contender{process: p, body: body, url: "http://" + p.addr + "/graphql", perKey: 1 << 30})
	}
	return all, nil
}

// pgx starts the handler written by hand.
func (b *bench) pgx(ctx context.Context) (*process, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.spawn(ctx, "pgx", addr, "/healthz", []string{"BENCH_LISTEN=" + addr, "BENCH_DATABASE=" + b.db.DSN}, exe, "role:pgx")
}

// hold starts the servers of the page and says how to ask them, until this process is told to end: for looking into one of them.
func (b *bench) hold(ctx context.Context) error {
	all, err := b.contenders(ctx, pageRead)
	if err != nil {
		return err
	}
	fmt.Println("database", b.db.DSN)
	for _, c := range all {
		body := filepath.Join(os.TempDir(), "bench-"+c.name+".json")
		if err := os.WriteFile(body, c.body, 0o600); err != nil {
			return err
		}
		fmt.Printf("%s, process %d:\n  curl -sS -H 'Content-Type: application/json' -H 'Authorization: Bearer %s' -d @%s %s\n", c.name, c.cmd.Process.Pid, b.page.keys[0], body, c.url)
	}
	<-ctx.Done()
	return nil
}

// ask sends the document once: what comes is what every later answer is held to. Ours says what it costs of a key's hour.
func (c *contender) ask(ctx context.Context, b *bench, text string) error {
	answer, err := fetch(ctx, c.url, c.body, b.page.keys[0])
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.name, err)
	}
	c.size, c.data = len(answer.raw), answer.Data
	if c.perKey > 0 {
		return nil
	}
	var body map[string]any
	if err := json.Unmarshal(c.body, &body); err != nil {
		return err
	}
	body["query"] = strings.Replace(text, ") {", ") { rateLimit { cost limit }", 1)
	priced, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if answer, err = fetch(ctx, c.url, priced, b.page.keys[0]); err != nil {
		return fmt.Errorf("ask %s for its price: %w", c.name, err)
	}
	var price struct{ RateLimit struct{ Cost, Limit int } }
	if err := json.Unmarshal(answer.Data, &price); err != nil {
		return err
	}
	c.perKey = max(1, price.RateLimit.Limit/max(1, price.RateLimit.Cost)*9/10)
	c.spent = c.perKey // the first key has paid for these two
	fmt.Printf("An answer has %d bytes and costs %d of a key's %d an hour.\n\n", c.size, price.RateLimit.Cost, price.RateLimit.Limit)
	return nil
}

type answer struct {
	raw    []byte
	Data   json.RawMessage
	Errors []json.RawMessage
}

func fetch(ctx context.Context, url string, body []byte, key string) (answer, error) {
	var a answer
	res, err := post(ctx, http.DefaultClient, url, body, key)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		return a, err
	}
	if err := json.Unmarshal(a.raw, &a); err != nil || len(a.Errors) > 0 || len(a.Data) == 0 || res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("it answered %d: %.2000s", res.StatusCode, a.raw)
	}
	return a, nil
}

// same says what is different in an answer: the handler writes our bytes, PostGraphile our values.
func same(ours, theirs *contender) error {
	if theirs.name == "pgx" && string(ours.data) != string(theirs.data) {
		at := 0
		for at < min(len(ours.data), len(theirs.data)) && ours.data[at] == theirs.data[at] {
			at++
		}
		return fmt.Errorf("%s writes other bytes from %d on: %.200s instead of %.200s", theirs.name, at, theirs.data[max(0, at-60):], ours.data[max(0, at-60):])
	}
	var a, b any
	if err := errors.Join(json.Unmarshal(ours.data, &a), json.Unmarshal(theirs.data, &b)); err != nil {
		return err
	}
	if where := differ("data", a, b); where != "" {
		return fmt.Errorf("%s answers something else: %s", theirs.name, where)
	}
	return nil
}

func differ(path string, a, b any) string {
	if m, ok := a.(map[string]any); ok {
		n, ok := b.(map[string]any)
		if !ok || len(m) != len(n) {
			return fmt.Sprintf("%s is %.300v instead of %.300v", path, b, a)
		}
		for k := range m {
			if d := differ(path+"."+k, m[k], n[k]); d != "" {
				return d
			}
		}
		return ""
	}
	if m, ok := a.([]any); ok {
		n, ok := b.([]any)
		if !ok || len(m) != len(n) {
			return fmt.Sprintf("%s is %.300v instead of %.300v", path, b, a)
		}
		for k := range m {
			if d := differ(fmt.Sprintf("%s.%d", path, k), m[k], n[k]); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Sprintf("%s is %v instead of %v", path, b, a)
	}
	return ""
}

func (c *contender) burst(ctx context.Context, b *bench, length time.Duration) (round, error) {
	in := burst{URL: c.url, Body: c.body, Keys: b.page.keys, PerKey: c.perKey, First: c.spent, Size: c.size, Concurrency: b.concurrency, For: length}
	var r round
	own, postgres := c.cpu(), rig.PostgresCPU(b.postmaster)
	if _, err := rig.Role(ctx, "role:load", in, &r.outcome); err != nil {
		return r, err
	}
	thousands := float64(r.Requests) / 1000
	r.cpu, r.postgres = (c.cpu()-own).Seconds()/thousands, (rig.PostgresCPU(b.postmaster)-postgres).Seconds()/thousands
	c.spent += r.Requests + b.concurrency
	return r, nil
}

// report writes the medians of all rounds, and how ours stands to each.
func report(all []*contender) {
	median := func(c *contender, of func(round) float64) float64 {
		var values []float64
		for _, r := range c.rounds {
			values = append(values, of(r))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	rate := func(c *contender) float64 { return median(c, round.perSecond) }
	own := func(c *contender) float64 { return median(c, func(r round) float64 { return r.cpu }) }
	fmt.Println("| server | requests/s | ours is × | CPU s per 1,000 | ours is × | PostgreSQL's CPU s per 1,000 | p50 ms | p99 ms | RSS MB |\n|---|---|---|---|---|---|---|---|---|")
	for _, c := range all {
		fmt.Printf("| %s | %.0f | %.2f | %.3f | %.2f | %.3f | %.1f | %.1f | %d |\n", c.name, rate(c), rate(all[0])/rate(c), own(c), own(all[0])/own(c),
			median(c, func(r round) float64 { return r.postgres }), median(c, func(r round) float64 { return r.P50 }), median(c, func(r round) float64 { return r.P99 }), c.rss()>>20)
	}
}
