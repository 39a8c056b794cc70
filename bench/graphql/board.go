package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// channel and poke are those of internal/spine/live.
const channel = "nameplate:live"

type poke struct {
	Subject string `json:"s"`
	Version int64  `json:"v"`
}

// subject is a connection that sockets watch.
type subject struct {
	ID  string
	Row uuid.UUID

	mu     sync.Mutex
	newest int64               // the version that was published last
	at     map[int64]time.Time // when versions were published that somebody still waits for
	behind int                 // sockets that have not seen newest
	seats  []*watcher
}

// board knows what was published and who has seen it.
type board struct {
	subjects []*subject
	row      map[uuid.UUID]*subject
	done     chan *subject // everybody has seen the newest version of it
	frames   atomic.Int64
	timed    atomic.Bool // latencies are kept
	back     atomic.Int64

	db    *pgx.Conn
	redis *redis.Client
}

// saw notes a frame that a watcher has read.
func (b *board) saw(w *watcher, version int64, now time.Time) {
	b.frames.Add(1)
	s := w.subject
	s.mu.Lock()
	defer s.mu.Unlock()
	if version <= w.last {
		b.back.Add(1)
		return
	}
	for v := max(w.last+1, version-1000); v <= version && w.last > 0; v++ { // a newer version answers for those before it
		if at, published := s.at[v]; published && b.timed.Load() {
			w.took = append(w.took, now.Sub(at))
		}
	}
	was := w.last
	w.last = version
	if was < s.newest && version >= s.newest {
		if s.behind--; s.behind == 0 {
			clear(s.at)
			b.done <- s
		}
	}
}

// publish gives each subject a new version in the database and then pokes, as the product does after a commit.
func (b *board) publish(ctx context.Context, all []*subject) error {
	rows := make([]uuid.UUID, len(all))
	for n, s := range all {
		rows[n] = s.Row
	}
	answer, err := b.db.Query(ctx, "update connection set version = version + 1, updated_at = now() where id = any($1) returning id, version", rows)
	if err != nil {
		return err
	}
	pipe := b.redis.Pipeline()
	var id uuid.UUID
	var version int64
	now := time.Now()
	_, err = pgx.ForEachRow(answer, []any{&id, &version}, func() error {
		s := b.row[id]
		raw, _ := json.Marshal(poke{s.ID, version})
		pipe.Publish(ctx, channel, raw)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.newest, s.behind = version, 0
		s.at[version] = now
		for _, w := range s.seats {
			if w.last < version {
				s.behind++
			}
		}
		if s.behind == 0 { // all of them read it before it was told
			b.done <- s
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		s.mu.Lock()
		s.at[s.newest] = time.Now() // the answer has been read: this is the instant of the publication
		s.mu.Unlock()
	}
	_, err = pipe.Exec(ctx)
	return err
}

// openLoop publishes rate events a second, whether or not anybody keeps up, in batches of a millisecond.
func (b *board) openLoop(ctx context.Context, rate int, length time.Duration) error {
	const step = time.Millisecond
	b.timed.Store(true)
	defer b.timed.Store(false)
	tick := time.NewTicker(step)
	defer tick.Stop()
	began, sent := time.Now(), 0
	for time.Since(began) < length {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		due := int(time.Since(began).Seconds() * float64(rate))
		for sent < due {
			batch := make([]*subject, 0, 100)
			for range min(due-sent, cap(batch), len(b.subjects)) {
				batch = append(batch, b.subjects[sent%len(b.subjects)])
				sent++
			}
			if err := b.publish(ctx, batch); err != nil {
				return err
			}
		}
		for len(b.done) > 0 {
			<-b.done
		}
	}
	return b.settle(ctx)
}

// closedLoop publishes the next version of a subject as soon as all its sockets have the one before, and answers the frames that were read.
func (b *board) closedLoop(ctx context.Context, length time.Duration) (int64, error) {
	for len(b.done) > 0 {
		<-b.done
	}
	began, frames, next := time.Now(), b.frames.Load(), slices.Clone(b.subjects)
	timer := time.NewTimer(length)
	defer timer.Stop()
	for {
		for batch := range slices.Chunk(next, 250) {
			if err := b.publish(ctx, batch); err != nil {
				return 0, err
			}
		}
		next = next[:0]
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timer.C:
			rate := float64(b.frames.Load()-frames) / time.Since(began).Seconds()
			return int64(rate), b.settle(ctx)
		case s := <-b.done:
			next = append(next, s)
		}
		for len(b.done) > 0 {
			next = append(next, <-b.done)
		}
	}
}

// settle waits until everybody has the newest version. Who is behind may take two minutes; when no frame has come for five seconds, they are lost.
func (b *board) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	frames, moved := b.frames.Load(), time.Now()
	for {
		for len(b.done) > 0 {
			<-b.done
		}
		lost := b.waiting()
		if lost == 0 {
			return nil
		}
		if now := b.frames.Load(); now != frames {
			frames, moved = now, time.Now()
		}
		if time.Since(moved) > 5*time.Second {
			return fmt.Errorf("%d sockets have not seen the newest version, and nothing comes", lost)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d sockets have not seen the newest version: %w", lost, ctx.Err())
		case <-tick.C:
		}
	}
}

// waiting is how many sockets have not seen the newest version of what they watch.
func (b *board) waiting() (n int) {
	for _, s := range b.subjects {
		s.mu.Lock()
		n += s.behind
		s.mu.Unlock()
	}
	return n
}
