// Package livetest reads feeds in tests of those who offer them, one reader each and without a transport.
package livetest

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// Result is one message of a feed: a value, or the error that ended it. Version is that of a state.
type Result[T any] struct {
	Value   T
	Version int64
	Err     error
}

// Channel serves a feed to one reader: it subscribes at once, and sends until ctx ends, the feed ends or a step fails. A reader who is slower than the
// changes holds the feed up, and then gets the newest. The channel is closed at the end.
func Channel[T any](ctx context.Context, h *live.Hub, f live.Feed[T]) <-chan Result[T] {
	r := &reader[T]{feed: f, out: make(chan Result[T]), sub: h.Subscribe(f.Subjects...)}
	go func() {
		defer close(r.out)
		defer r.sub.Close()
		if f.Run != nil {
			r.run(ctx)
			return
		}
		r.steps(ctx)
	}()
	return r.out
}

// reader is the one who reads a channel.
type reader[T any] struct {
	feed live.Feed[T]
	out  chan Result[T]
	sub  *live.Sub
	sent *int64 // the version of the newest state that was sent
}

func (r *reader[T]) run(ctx context.Context) {
	err := r.feed.Run(ctx, func(v T) bool { return r.send(ctx, Result[T]{Value: v}) })
	if err != nil {
		r.send(ctx, Result[T]{Err: err})
	}
}

func (r *reader[T]) steps(ctx context.Context) {
	tick := time.NewTicker(live.Again)
	defer tick.Stop()
	for {
		news, more, err := r.step(ctx)
		for _, m := range news {
			if !r.send(ctx, m) {
				return
			}
		}
		if err != nil {
			r.send(ctx, Result[T]{Err: err})
			return
		}
		if len(news) > 0 && !r.rest(ctx) {
			return
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.sub.C():
		case <-tick.C:
		}
	}
}

func (r *reader[T]) step(ctx context.Context) (news []Result[T], more bool, err error) {
	if r.feed.Now != nil {
		value, version, err := r.feed.Now(ctx)
		if err != nil || r.sent != nil && version <= *r.sent {
			return nil, false, err
		}
		r.sent = &version
		return []Result[T]{{Value: value, Version: version}}, false, nil
	}
	values, more, err := r.feed.Next(ctx)
	for _, v := range values {
		news = append(news, Result[T]{Value: v})
	}
	return news, more, err
}

// send says whether the reader wants more. An error that only says that ctx ended is not told.
func (r *reader[T]) send(ctx context.Context, m Result[T]) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case r.out <- m:
		return m.Err == nil && (r.feed.Last == nil || !r.feed.Last(m.Value))
	case <-ctx.Done():
		return false
	}
}

// rest waits for the gap of the feed.
func (r *reader[T]) rest(ctx context.Context) bool {
	if r.feed.Gap == 0 {
		return true
	}
	select {
	case <-time.After(r.feed.Gap):
		return true
	case <-ctx.Done():
		return false
	}
}
