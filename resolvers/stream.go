package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// stream is a watch as gqlgen wants it. The error that ends a watch is the subscription's last message.
func stream[T any](ctx context.Context, in <-chan live.Result[T]) <-chan T {
	return until(ctx, in, func(T) bool { return false })
}

// until is a stream that ends after the message for which last holds.
func until[T any](ctx context.Context, in <-chan live.Result[T], last func(T) bool) <-chan T {
	if in == nil {
		return nil
	}
	out := make(chan T)
	go func() {
		defer close(out)
		for m := range in {
			if !pass(ctx, m, out) || last(m.Value) {
				return
			}
		}
	}()
	return out
}

// pass hands one message on, and says whether there may be another.
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

// archived ends the watch of a connection: nothing comes after.
func archived(c *connection.Connection) bool { return !c.Open() }
