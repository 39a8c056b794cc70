package resolvers

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/graph/model"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// most is how many objects one nodes(ids:) answers.
const most = 100

// node asks the finder of the id's prefix. What is unknown and what is somebody else's is null; text that is no id of ours is a mistake.
func (r *Resolver) node(ctx context.Context, id ident.Any, argument string) (model.Node, error) {
	find, known := r.house.nodes[id.Prefix()]
	if !known {
		return nil, fault.Invalid(argument, "id_kind", "Send an id as it was given.")
	}
	found, err := find(ctx, id)
	if fault.Is(err, fault.NotFoundCode) {
		return nil, nil
	}
	return found, fault.At(err, argument)
}

func (r *Resolver) nodes(ctx context.Context, ids []ident.Any) ([]model.Node, error) {
	if len(ids) > most {
		return nil, fault.Invalid("ids", "too_many", "Ask for at most %d objects.", most)
	}
	out, faults := make([]model.Node, len(ids)), make([]error, len(ids))
	for n, id := range ids {
		out[n], faults[n] = r.node(ctx, id, fmt.Sprintf("ids.%d", n))
	}
	return out, errors.Join(faults...)
}

// provider reads a row of the catalogue, which is everybody's.
func (r *Resolver) provider(ctx context.Context, slug string) (*provider.Provider, error) {
	if _, err := r.house.authz.Authorize(ctx, "provider.read", authz.From(ctx).OrgID); err != nil {
		return nil, err
	}
	p := r.connect.providers.BySlug(slug)
	if p == nil {
		return nil, fault.NotFound("provider")
	}
	return p, nil
}

// providerNode is the finder of providers, whose ids are their slugs.
func (r *Resolver) providerNode(ctx context.Context, id ident.Any) (any, error) {
	slug, _ := provider.SlugOf(id)
	return r.provider(ctx, slug)
}
