package resolvers

import (
	"context"
	"slices"

	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// atMost is how many connections a page is told that it may resume.
const atMost = 20

// own are the open connections that a widget may go on with: those of its claims, and its end user's among the application's newest. None without
// the scope VIEW.
func (r *Resolver) own(ctx context.Context) ([]*connection.Connection, error) {
	caller := authz.From(ctx)
	claimed, err := r.connect.connections.ByIDs(ctx, caller.Widget.ConnectionIDs)
	if err != nil {
		return nil, err
	}
	newest, err := newest(ctx, r.connect.connections, caller.OrgID, connection.ConnectionFilter{ApplicationID: &caller.ApplicationID})
	if err != nil {
		return nil, err
	}
	out := mine(caller, slices.Concat(claimed, newest))
	loader.Together(loader.From(ctx), out)
	return out, nil
}

// newest reads a page of a list; nothing for a caller who may not read connections.
func newest(ctx context.Context, s *connection.Service, org ident.OrgID, f connection.ConnectionFilter) ([]*connection.Connection, error) {
	p, err := s.List(ctx, org, &f, nil, new(int32(page.Max)), nil)
	switch {
	case fault.Is(err, fault.ForbiddenCode):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return p.Nodes, nil
}

// mine keeps the caller's own open ones, each once.
func mine(caller authz.Principal, all []*connection.Connection) []*connection.Connection {
	out, seen := []*connection.Connection{}, map[ident.ConnectionID]bool{}
	for _, c := range all {
		if c != nil && c.Open() && !seen[c.ID] && connection.Own(caller, c) && len(out) < atMost {
			seen[c.ID], out = true, append(out, c)
		}
	}
	return out
}
