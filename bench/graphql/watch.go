package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/redis/go-redis/v9"
)

//go:embed documents/watch.graphql
var watchText string

// audience is one run of the sockets' process.
type audience struct {
	URL, Redis, Database string
	Keys                 []string
	Clients              int
	Subjects             []*subject
	PID                  int // of the server
	Postmaster           int // of PostgreSQL
	Rate                 int
	Open, Closed         time.Duration // 0: that loop is left out
	Herd                 bool          // stay until all sockets are back after a restart
}

// applause is what it saw. Times are in milliseconds, memory in bytes, CPU in seconds.
type applause struct {
	PerSocket, PerSocketAfter float64 // RSS of the server that each socket brought, before and after the events
	P50, P99                  float64
	OpenCPU, OpenPerFrame     float64 // share of a core, and seconds per 1,000 frames
	Frames                    int64   // a second, as fast as it goes
	ClosedPerFrame            float64
	PostgresPerFrame          float64 // with the events, which every server has
	Back                      int64   // frames with a version that was not newer
}

// watcher is one socket.
type watcher struct {
	subject *subject
	conn    *websocket.Conn
	last    int64
	took    []time.Duration
}

// watch is the process of the sockets, and of who publishes.
func watch(ctx context.Context) error {
	var in audience
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	b := &board{subjects: in.Subjects, row: map[uuid.UUID]*subject{}, done: make(chan *subject, 4*len(in.Subjects)+in.Clients)}
	for _, s := range in.Subjects {
		s.at, b.row[s.Row] = map[int64]time.Time{}, s
	}
	if in.Herd {
		return herd(ctx, &in, b)
	}
	opts, err := redis.ParseURL(in.Redis)
	if err != nil {
		return err
	}
	b.redis = redis.NewClient(opts)
	defer b.redis.Close()
	if b.db, err = pgx.Connect(ctx, in.Database); err != nil {
		return err
	}
	defer b.db.Close(context.WithoutCancel(ctx))
	if _, err := b.db.Exec(ctx, "set synchronous_commit = off"); err != nil {
		return err
	}
	before := rig.RSS(in.PID)
	all, err := connect(ctx, &in, b)
	if err != nil {
		return err
	}
	out := applause{PerSocket: float64(rig.RSS(in.PID)-before) / float64(in.Clients)}
	if in.Open > 0 {
		used, frames, began := rig.CPU(in.PID), b.frames.Load(), time.Now()
		if err := b.openLoop(ctx, in.Rate, in.Open); err != nil {
			return fmt.Errorf("open loop: %w", err)
		}
		spent := (rig.CPU(in.PID) - used).Seconds()
		out.OpenCPU, out.OpenPerFrame = spent/time.Since(began).Seconds(), spent/float64(b.frames.Load()-frames)*1000
		var took []time.Duration
		for _, w := range all {
			took = append(took, w.took...)
		}
		out.P50, out.P99 = quantile(took, 0.5), quantile(took, 0.99)
	}
	out.PerSocketAfter = float64(rig.RSS(in.PID)-before) / float64(in.Clients)
	used, postgres, frames := rig.CPU(in.PID), rig.PostgresCPU(in.Postmaster), b.frames.Load()
	if out.Frames, err = b.closedLoop(ctx, in.Closed); err != nil {
		return fmt.Errorf("closed loop: %w", err)
	}
	thousands := float64(b.frames.Load()-frames) / 1000
	out.ClosedPerFrame, out.PostgresPerFrame = (rig.CPU(in.PID)-used).Seconds()/thousands, (rig.PostgresCPU(in.Postmaster)-postgres).Seconds()/thousands
	out.Back = b.back.Load()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// connect opens all sockets, 64 at a time, and answers when each has its first state.
func connect(ctx context.Context, in *audience, b *board) ([]*watcher, error) {
	all := make([]*watcher, in.Clients)
	faults := make([]error, in.Clients)
	gate := make(chan struct{}, 64)
	var wg sync.WaitGroup
	var broken atomic.Bool
	for n := range all {
		w := &watcher{subject: in.Subjects[n%len(in.Subjects)]}
		all[n] = w
		w.subject.seats = append(w.subject.seats, w)
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if broken.Load() {
				return
			}
			if faults[n] = w.open(ctx, in, n, b); faults[n] != nil {
				broken.Store(true)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	for _, w := range all {
		go w.read(b)
	}
	return all, nil
}

var writes sync.Pool // of the sockets' buffers

// open dials, says hello and subscribes; the socket stands when its first state has come.
func (w *watcher) open(ctx context.Context, in *audience, n int, b *board) error {
	d := websocket.Dialer{HandshakeTimeout: 20 * time.Second, Subprotocols: []string{"graphql-transport-ws"}, ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &writes}
	conn, res, err := d.DialContext(ctx, in.URL, nil)
	if err != nil {
		if res != nil {
			return fmt.Errorf("the upgrade was answered with %d", res.StatusCode)
		}
		return dialError{err}
	}
	w.conn = conn
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	hello := map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + in.Keys[n%len(in.Keys)]}}
	ask := map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": watchText, "variables": map[string]any{"id": w.subject.ID}}}
	if err := conn.WriteJSON(hello); err != nil {
		return err
	}
	if m, err := w.next(); err != nil || !bytes.Contains(m, []byte(`"connection_ack"`)) {
		return fmt.Errorf("the hello was answered with %s: %w", m, err)
	}
	if err := conn.WriteJSON(ask); err != nil {
		return err
	}
	m, err := w.next()
	version := versionOf(m)
	if err != nil || version == 0 {
		return fmt.Errorf("the subscription was answered with %s: %w", m, err)
	}
	b.saw(w, version, time.Now())
	return conn.SetReadDeadline(time.Time{})
}

// dialError says that nobody listens, or not yet.
type dialError struct{ error }

// next reads a message that is not a ping; pings are answered.
func (w *watcher) next() ([]byte, error) {
	for {
		_, m, err := w.conn.ReadMessage()
		if err != nil || !bytes.Contains(m, []byte(`"type":"ping"`)) {
			return m, err
		}
		if err := w.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"pong"}`)); err != nil {
			return nil, err
		}
	}
}

// read notes frames until the socket ends.
func (w *watcher) read(b *board) {
	for {
		m, err := w.next()
		if err != nil {
			return
		}
		if v := versionOf(m); v > 0 {
			b.saw(w, v, time.Now())
		}
	}
}

// versionOf reads the version out of a frame; 0 when it has none.
func versionOf(m []byte) int64 {
	_, rest, _ := bytes.Cut(m, []byte(`"version":`))
	end := slices.IndexFunc(rest, func(c byte) bool { return c < '0' || c > '9' })
	v, _ := strconv.ParseInt(string(rest[:max(0, end)]), 10, 64)
	return v
}
