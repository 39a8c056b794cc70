package plan

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

type endKey struct{}

type end struct {
	mu   sync.Mutex
	list []*gqlerror.Error
}

// WithEnd gives a context a place for the errors that end a subscription, and answers how to read them once its channel is closed.
func WithEnd(ctx context.Context) (context.Context, func() []*gqlerror.Error) {
	e := &end{}
	return context.WithValue(ctx, endKey{}, e), func() []*gqlerror.Error {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.list
	}
}

// End notes why a subscription ends; without a place for it, it is lost.
func End(ctx context.Context, why *gqlerror.Error) {
	if e, ok := ctx.Value(endKey{}).(*end); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, why)
	}
}
