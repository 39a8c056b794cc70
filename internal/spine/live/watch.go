package live

import (
	"context"
	"time"
)

// Result is one message of a watch: a value, or the error that ended it.
type Result[T any] struct {
	Value   T
	Version int64
	Err     error
}

// Watch sends what read answers now, and then every newer version of it, until ctx ends or read fails. It subscribes first, so nothing falls
// between. A reader that is slower than the changes misses versions and never the newest one. The channel is closed at the end.
func Watch[T any](ctx context.Context, h *Hub, subjects []string, read func(context.Context) (T, int64, error)) <-chan Result[T] {
	out := make(chan Result[T])
	sub := h.Subscribe(subjects...)
	go func() {
		defer close(out)
		defer sub.Close()
		tick := time.NewTicker(again)
		defer tick.Stop()
		var sent *int64
		for {
			value, version, err := read(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil || sent == nil || version > *sent {
				select {
				case out <- Result[T]{value, version, err}:
				case <-ctx.Done():
					return
				}
				sent = &version
			}
			if err != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-sub.C():
			case <-tick.C:
			}
		}
	}()
	return out
}
