package feed

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A database that answers nothing holds a worker for the time of a step, no longer, in a resolver as in a read. So more feeds than there are workers can hang,
// and one that comes after them all is served when their time is over.
func TestHangingStepsHoldNobodyForEver(t *testing.T) {
	hang := func(ctx context.Context) { <-ctx.Done() }
	for name, hanging := range map[string]func(key string) plan.Subscription{
		"Read": func(key string) plan.Subscription {
			s := &subject{during: hang}
			return s.subscription(key, func(context.Context) live.Feed[any] {
				feed := s.feed()
				feed.Now = func(ctx context.Context) (any, int64, error) { hang(ctx); return nil, 0, ctx.Err() }
				return feed
			})
		},
		"Open": func(key string) plan.Subscription {
			return plan.Subscription{Key: key, Open: func(ctx context.Context) (live.Feed[any], plan.Render, *graphql.Response) {
				hang(ctx)
				return live.Feed[any]{}, nil, &graphql.Response{Errors: gqlerror.List{present.Error(ctx, ctx.Err())}}
			}}
		},
		"OpenThatGoesOn": func(key string) plan.Subscription {
			s := &subject{}
			return s.subscription(key, func(ctx context.Context) live.Feed[any] { hang(ctx); return s.feed() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Feeds) {
				const many = maxWorkers + 20
				stuck := make([]*listener, many)
				for n := range stuck {
					stuck[n] = &listener{}
					defer f.Join(caller(t.Context(), "1"), hanging(fmt.Sprint(n)), stuck[n])()
				}
				s, last := &subject{}, &listener{}
				s.version.Store(1)
				defer f.Join(caller(t.Context(), "2"), s.state(), last)()
				time.Sleep(stepTime + time.Second)
				last.want(t, "", "1")
				time.Sleep(stepTime)
				for _, r := range stuck {
					r.want(t, `"UNAVAILABLE"`)
				}
			})
		})
	}
}
