package graph

import (
	"context"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// feeds serves the subscriptions of this process.
type feeds struct{ hub *live.Hub }

// join adds a subscriber; leave ends it (idempotent). ctx holds the caller of this subscriber.
func (f *feeds) join(ctx context.Context, sub plan.Subscription, to sink) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { f.serve(ctx, sub, to) })
	return func() { cancel(); done.Wait() }
}

func (f *feeds) serve(ctx context.Context, sub plan.Subscription, to sink) {
	feed, render, refused := sub.Open(ctx)
	if refused != nil {
		to.fail(appendJSON(nil, refused.Errors))
		return
	}
	if feed.Run != nil {
		_ = feed.Run(ctx, func(v any) bool { to.next(encode(nil, render(ctx, v))); return ctx.Err() == nil })
		to.complete()
		return
	}
	pokes := f.hub.Subscribe(feed.Subjects...)
	defer pokes.Close()
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	seen := int64(-1)
	for ctx.Err() == nil {
		var news []any
		var more bool
		var err error
		if feed.Now != nil {
			v, version, failed := feed.Now(ctx)
			if err = failed; err == nil && version > seen {
				news, seen = []any{v}, version
			}
		} else {
			news, more, err = feed.Next(ctx)
		}
		if err != nil {
			to.complete()
			return
		}
		for _, v := range news {
			to.next(encode(nil, render(ctx, v)))
			if feed.Last != nil && feed.Last(v) {
				to.complete()
				return
			}
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-pokes.C():
		case <-tick.C:
		}
	}
}
