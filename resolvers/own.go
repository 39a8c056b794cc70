package resolvers

import (
	"context"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
)

// own are the connections that the calling widget may go on with, what belongs to them read together.
func (r *Resolver) own(ctx context.Context) ([]*connection.Connection, error) {
	return together[*connection.Connection](ctx)(r.connect.connections.Own(ctx))
}
