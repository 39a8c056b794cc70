package live

import (
	"context"
	"time"
)

// Again is how often a feed is stepped without having been told.
const Again = 15 * time.Second

// Feed is what a subscription sends, as steps that nobody takes yet: whoever serves it subscribes to the subjects first, takes a step at once, one after
// each signal and one every 15 s, and never two at the same time. The GraphQL server does that for all sockets of a process
// without a goroutine each. Exactly one of Now, Next and Run is set.
type Feed[T any] struct {
	Subjects []string
	// Gap is how long a feed rests at least after a step that had news; 0: not at all. With one, a step has one message at most.
	Gap time.Duration
	// Now answers a state and its version. Only a newer version is news; who is slower than the changes misses versions and never the newest one. It
	// answers the same for everybody with the same rights. The version of a feed never goes back.
	Now func(context.Context) (T, int64, error)
	// Next answers what came since the step before, oldest first; more says that another step has more at once.
	Next func(context.Context) (news []T, more bool, err error)
	// Run does a piece of work that tells how far it is, and ends with it. tell answers false when nobody listens any more.
	Run func(ctx context.Context, tell func(T) bool) error
	// Last says that nothing comes after a message; nil: something may always come.
	Last func(T) bool
}

// Any is the feed of whatever its messages are.
func (f Feed[T]) Any() Feed[any] {
	out := Feed[any]{Subjects: f.Subjects, Gap: f.Gap}
	if f.Now != nil {
		out.Now = func(ctx context.Context) (any, int64, error) { return f.Now(ctx) }
	}
	if f.Next != nil {
		out.Next = func(ctx context.Context) ([]any, bool, error) {
			news, more, err := f.Next(ctx)
			all := make([]any, len(news))
			for n, v := range news {
				all[n] = v
			}
			return all, more, err
		}
	}
	if f.Run != nil {
		out.Run = func(ctx context.Context, tell func(any) bool) error {
			return f.Run(ctx, func(v T) bool { return tell(v) })
		}
	}
	if f.Last != nil {
		out.Last = func(v any) bool { return f.Last(v.(T)) }
	}
	return out
}

type takerKey struct{}

// WithTaker gives a context somebody who serves feeds.
func WithTaker(ctx context.Context, take func(Feed[any])) context.Context {
	return context.WithValue(ctx, takerKey{}, take)
}

// Offer hands a feed to the one who serves feeds in this context, and says whether there is one.
func Offer[T any](ctx context.Context, f Feed[T]) bool {
	take, ok := ctx.Value(takerKey{}).(func(Feed[any]))
	if ok {
		take(f.Any())
	}
	return ok
}
