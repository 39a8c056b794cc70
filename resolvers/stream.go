package resolvers

import (
	"context"
	"errors"

	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

var errNobody = errors.New("nobody serves feeds here")

// stream gives a feed to whoever serves feeds here. The channel is what gqlgen's bindings ask for; nobody reads one.
func stream[T any](ctx context.Context, f live.Feed[T]) (<-chan T, error) {
	if !live.Offer(ctx, f) {
		return nil, errNobody
	}
	return nil, nil
}
