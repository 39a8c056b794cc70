package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// byHand is the limit: two handlers that do one thing each, with fixed SQL in one round trip and JSON appended field by field. It knows neither GraphQL
// nor rights; of a key it knows whether it exists, as our server does, once a second.
type byHand struct {
	pool *pgxpool.Pool
	mu   sync.Mutex
	keys map[[32]byte]time.Time
}

// handwritten is the process.
func handwritten(ctx context.Context) error {
	c, err := pgxpool.ParseConfig(os.Getenv("BENCH_DATABASE"))
	if err != nil {
		return err
	}
	c.MaxConns = 30 // as ours
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	h := &byHand{pool: pool, keys: map[[32]byte]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /page", h.serve(h.page))
	mux.HandleFunc("POST /point", h.serve(h.point))
	s := &http.Server{Addr: os.Getenv("BENCH_LISTEN"), Handler: mux}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type variables struct{ Organization, ID string }

func (h *byHand) serve(answer func(context.Context, variables, *writer) error) http.HandlerFunc {
	buffers := sync.Pool{New: func() any { return new(writer) }}
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Variables variables }
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err == nil {
			err = h.authenticate(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		}
		out := buffers.Get().(*writer)
		defer buffers.Put(out)
		out.b = append(out.b[:0], `{"data":`...)
		if err == nil {
			err = answer(r.Context(), in.Variables, out)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out.b = append(out.b, "}\n"...)
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("Content-Type", "application/graphql-response+json; charset=utf-8")
		head.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Request-Id", "req_00000000000000000000000000")
		head.Set("Content-Length", strconv.Itoa(len(out.b)))
		w.Write(out.b)
	}
}

func (h *byHand) authenticate(ctx context.Context, key string) error {
	sum, now := sha256.Sum256([]byte(key)), time.Now()
	h.mu.Lock()
	until := h.keys[sum]
	h.mu.Unlock()
	if now.Before(until) {
		return nil
	}
	lookup, hidden, _ := strings.Cut(strings.TrimPrefix(key, "npk_"), "_")
	if len(hidden) < 43 {
		return errors.New("no key")
	}
	var stored []byte
	if err := h.pool.QueryRow(ctx, "select secret_hash from api_key where lookup = $1 and revoked_at is null", lookup).Scan(&stored); err != nil {
		return err
	}
	if want := sha256.Sum256([]byte(hidden[:43])); subtle.ConstantTimeCompare(want[:], stored) != 1 {
		return errors.New("wrong key")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys[sum] = now.Add(time.Second)
	return nil
}

const (
	onPage = `with p as (select id from connection where org_id = $1 and archived_at is null order by id desc limit 20) `
	ofLine = `r.id, r.key, r.type, r.fqdn, r.value, r.ttl, r.status, r.servers_have, r.servers_of, r.observed`

	countSQL = `select count(*) from connection where org_id = $1 and archived_at is null`
	rowsSQL  = `select c.id, c.version, c.hostname, c.hostname_unicode, c.registrable_domain, c.is_apex, c.state, c.state_since, c.target_token, c.created_at, c.facets, a.id, a.name
		from connection c join application a on a.id = c.application_id where c.org_id = $1 and c.archived_at is null order by c.id desc limit 21`
	linesSQL  = onPage + `select r.connection_id, ` + ofLine + ` from p join record r on r.connection_id = p.id where r.org_id = $1 order by r.connection_id, r.position, r.key`
	checksSQL = onPage + `select p.id, c.* from p cross join lateral (select id, trigger, started_at, finished_at, verdict, coalesce(queries, 0), duration_ms
		from dns_check where connection_id = p.id and org_id = $1 order by started_at desc, id desc limit 1) c`
	observationsSQL = onPage + `select p.id, o.id, o.source_kind, o.source, o.family, o.rtype, o.name, o.data, o.ttl, o.rcode, o.aa, o.elapsed_us
		from p cross join lateral (select id from dns_check where connection_id = p.id and org_id = $1 order by started_at desc, id desc limit 1) c
		join observation o on o.check_id = c.id where o.org_id = $1 order by o.check_id, o.at, o.id`
	certificatesSQL = onPage + `select c.connection_id, c.id, c.status, c.issuer, c.serial, c.not_before, c.not_after, c.renew_at, c.names
		from p join certificate c on c.connection_id = p.id where c.org_id = $1 order by c.connection_id, c.created_at desc, c.id desc`

	pointSQL      = `select id, version, hostname, state, state_since, target_token, created_at from connection where id = $1`
	pointLinesSQL = `select r.connection_id, ` + ofLine + ` from record r where r.connection_id = $1 order by r.position, r.key`
)

// below is what hangs below one connection.
type below struct {
	lines, observations writer // JSON, without the brackets
	check               writer // JSON up to the observations
	certificate         writer
}

func (h *byHand) page(ctx context.Context, in variables, w *writer) error {
	id, err := ident.Parse[ident.OrgID](in.Organization)
	if err != nil {
		return err
	}
	org := id.UUID()
	b := &pgx.Batch{}
	for _, sql := range []string{countSQL, rowsSQL, linesSQL, checksSQL, observationsSQL, certificatesSQL} {
		b.Queue(sql, org)
	}
	all := h.pool.SendBatch(ctx, b)
	defer all.Close()
	var total int
	if err := all.QueryRow().Scan(&total); err != nil {
		return err
	}
	cons, err := rows(all, scanConnection)
	if err != nil {
		return err
	}
	more := len(cons) > 20
	cons = cons[:min(20, len(cons))]
	of := make(map[uuid.UUID]*below, len(cons))
	for _, c := range cons {
		of[c.id] = &below{}
	}
	_, err1 := rows(all, func(r pgx.Rows) (struct{}, error) { return struct{}{}, line(r, of) })
	_, err2 := rows(all, func(r pgx.Rows) (struct{}, error) { return struct{}{}, check(r, of) })
	_, err3 := rows(all, func(r pgx.Rows) (struct{}, error) { return struct{}{}, observation(r, of) })
	named := map[uuid.UUID]string{}
	for _, c := range cons {
		named[c.id] = c.facets.TLS.Certificate
	}
	_, err4 := rows(all, func(r pgx.Rows) (struct{}, error) { return struct{}{}, certificate(r, of, named) })
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	w.raw(`{"connections":{"totalCount":`).int(int64(total)).raw(`,"pageInfo":{"hasNextPage":`).bool(more).raw(`},"nodes":[`)
	for n, c := range cons {
		if n > 0 {
			w.raw(",")
		}
		c.write(w, of[c.id])
	}
	w.raw("]}}")
	return nil
}

func (h *byHand) point(ctx context.Context, in variables, w *writer) error {
	id, err := ident.Parse[ident.ConnectionID](in.ID)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(pointSQL, id.UUID())
	b.Queue(pointLinesSQL, id.UUID())
	all := h.pool.SendBatch(ctx, b)
	defer all.Close()
	var c con
	if err := all.QueryRow().Scan(&c.id, &c.version, &c.hostname, &c.state, &c.since, &c.target, &c.created); err != nil {
		return err
	}
	of := map[uuid.UUID]*below{c.id: {}}
	if _, err := rows(all, func(r pgx.Rows) (struct{}, error) { return struct{}{}, line(r, of) }); err != nil {
		return err
	}
	w.raw(`{"connection":{"id":`).id("con_", c.id).raw(`,"version":`).int(int64(c.version)).raw(`,"hostname":`).text(c.hostname).raw(`,"state":`).text(c.state).
		raw(`,"stateSince":`).time(c.since).raw(`,"target":`).text(c.target + "." + zone).raw(`,"createdAt":`).time(c.created).raw(`,"records":[`).raw(string(of[c.id].lines.b)).raw("]}}")
	return nil
}

// rows reads one answer of a batch.
func rows[T any](all pgx.BatchResults, scan func(pgx.Rows) (T, error)) ([]T, error) {
	r, err := all.Query()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []T
	for r.Next() {
		one, err := scan(r)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, r.Err()
}

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
