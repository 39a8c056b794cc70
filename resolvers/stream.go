package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// stream gives a feed to whoever serves feeds here, and else answers it as gqlgen wants it.
func stream[T any](ctx context.Context, h *live.Hub, f live.Feed[T]) <-chan T {
	if live.Offer(ctx, f) {
		return nil
	}
	out := make(chan T)
	in := f.Channel(ctx, h)
	go func() {
		defer close(out)
		for m := range in {
			if !pass(ctx, m, out) {
				return
			}
		}
	}()
	return out
}

// pass hands one message on, and says whether there may be another. The error that ends a feed is the subscription's last message.
func pass[T any](ctx context.Context, m live.Result[T], out chan<- T) bool {
	if m.Err != nil {
		failed(ctx, m.Err)
		return false
	}
	select {
	case out <- m.Value:
		return true
	case <-ctx.Done():
		return false
	}
}

// failed tells the subscriber why the stream ends, in the words of the one presenter.
func failed(ctx context.Context, err error) {
	apart := graphql.WithFreshResponseContext(ctx)
	graphql.AddError(apart, err)
	for _, e := range graphql.GetErrors(apart) {
		plan.End(ctx, e)
	}
}
