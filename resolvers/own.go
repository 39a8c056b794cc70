package resolvers

import (
	"context"
	"slices"

	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// atMost is how many connections a page is told that it may resume.
const atMost = 20

// own are the open connections that a widget may go on with: those of its claims, and its end user's newest ones. None without the scope VIEW.
func (r *Resolver) own(ctx context.Context) ([]*connection.Connection, error) {
	caller, out := authz.From(ctx), []*connection.Connection{}
	claimed, err := r.connect.connections.ByIDs(ctx, caller.Widget.ConnectionIDs)
	if err != nil {
		return nil, err
	}
	p, err := r.connect.connections.List(ctx, caller.OrgID, &connection.ConnectionFilter{ApplicationID: &caller.ApplicationID}, nil, new(int32(100)), nil)
	if fault.Is(err, fault.ForbiddenCode) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	for _, c := range slices.Concat(claimed, p.Nodes) {
		again := c != nil && slices.ContainsFunc(out, func(o *connection.Connection) bool { return o.ID == c.ID })
		if c != nil && c.Open() && !again && connection.Own(caller, c) && len(out) < atMost {
			out = append(out, c)
		}
	}
	loader.From(ctx).Together(out)
	return out, nil
}

// Existing finds the caller's own open connection of a name, for domain checks.
func Existing(s *connection.Service) func(context.Context, *application.Application, string) (*domaincheck.ExistingConnection, error) {
	return func(ctx context.Context, app *application.Application, hostname string) (*domaincheck.ExistingConnection, error) {
		p, err := s.List(ctx, app.OrgID, &connection.ConnectionFilter{ApplicationID: &app.ID, Text: &hostname}, nil, new(int32(100)), nil)
		if fault.Is(err, fault.ForbiddenCode) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		for _, c := range p.Nodes {
			if c.Hostname == hostname && connection.Own(authz.From(ctx), c) {
				return &domaincheck.ExistingConnection{ConnectionID: c.ID, Resumable: c.State != connection.Blocked && c.State != connection.Suspended}, nil
			}
		}
		return nil, nil
	}
}
