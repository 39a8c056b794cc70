package recipe

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/recipeq"
)

// Service reads recipes, and writes the default one of a new application.
type Service struct {
	DB    *db.DB
	Authz *authz.Authorizer
	q     recipeq.Queries
}

// Default is the routing set: a CNAME to the connection's own target below a domain; at the apex an ALIAS to it, or the edge's addresses, and the TXT
// proof, because addresses carry no identity.
func Default() []RecordTemplate {
	apex := new("apex")
	return []RecordTemplate{
		{Key: "routing", Type: "CNAME", Purpose: "ROUTING", Name: "{host}", Value: "{target}", TTL: 300, Requirement: "REQUIRED", AppliesWhen: new("subdomain or wildcard"), Essential: Always},
		{Key: "apex-alias", Type: "ALIAS", Purpose: "ROUTING", Name: "{host}", Value: "{target}", TTL: 300, Requirement: "ONE_OF", Group: new("apex"), AppliesWhen: apex, Essential: Always},
		{Key: "apex-a", Type: "A", Purpose: "ROUTING", Name: "{host}", Value: "{edge_v4}", TTL: 300, Requirement: "ONE_OF", Group: new("apex"), AppliesWhen: apex, Essential: Always},
		{Key: "apex-aaaa", Type: "AAAA", Purpose: "ROUTING", Name: "{host}", Value: "{edge_v6}", TTL: 300, Requirement: "ONE_OF", Group: new("apex"), AppliesWhen: apex, Essential: Always},
		{Key: "ownership", Type: "TXT", Purpose: "OWNERSHIP", Name: "_nameplate.{host}", Value: "np-verify={verification_token}", TTL: 300, Requirement: "REQUIRED", AppliesWhen: apex, Essential: Always},
	}
}

// SeedTx writes a new application's published default recipe.
func (s *Service) SeedTx(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID) (ident.RecipeID, error) {
	id := ident.New[ident.RecipeID](tx.Now)
	err := s.q.AddRecipe(ctx, tx, recipeq.AddRecipeParams{ID: id.UUID(), OrgID: org.UUID(), ApplicationID: app.UUID(), Number: 1, Name: "Default", Status: string(Published),
		Hosts: []string{string(Apex), string(Subdomain), string(Wildcard)}, CreatedAt: tx.Now, PublishedAt: &tx.Now})
	if err != nil {
		return id, fmt.Errorf("add the default recipe: %w", err)
	}
	for n, t := range Default() {
		p := recipeq.AddTemplateParams{RecipeID: id.UUID(), Key: t.Key, Type: t.Type, Purpose: t.Purpose, Name: t.Name, Value: t.Value, Ttl: t.TTL, Priority: t.Priority,
			Requirement: t.Requirement, GroupKey: t.Group, AppliesWhen: *t.AppliesWhen, Essential: string(t.Essential), Position: int32(n)}
		if err := s.q.AddTemplate(ctx, tx, p); err != nil {
			return id, fmt.Errorf("add the line %s: %w", t.Key, err)
		}
	}
	return id, nil
}

// Get reads a version for a caller with application.read.
func (s *Service) Get(ctx context.Context, id ident.RecipeID) (*Recipe, error) {
	r, err := s.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	scope, err := s.Authz.Authorize(ctx, "application.read", r.OrgID)
	if err != nil {
		return nil, err
	}
	if !scope.Covers(r.ApplicationID) {
		return nil, fault.NotFound("recipe")
	}
	return r, nil
}

// Find reads a version for a caller who was authorised for its organization. NOT_FOUND for an unknown id.
func (s *Service) Find(ctx context.Context, id ident.RecipeID) (*Recipe, error) {
	row, err := s.q.OrgOfRecipe(ctx, s.DB, recipeq.OrgOfRecipeParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("recipe")
	} else if err != nil {
		return nil, fmt.Errorf("read the recipe %s: %w", id, err)
	}
	all, err := s.withTemplates(ctx, []*recipeq.Recipe{row})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// OfApplication lists an application's versions, the newest first, for a caller who was authorised for its organization.
func (s *Service) OfApplication(ctx context.Context, org ident.OrgID, app ident.ApplicationID) ([]*Recipe, error) {
	rows, err := s.q.RecipesOfApplication(ctx, s.DB, recipeq.RecipesOfApplicationParams{OrgID: org.UUID(), ApplicationID: app.UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the recipes of %s: %w", app, err)
	}
	return s.withTemplates(ctx, rows)
}

// ConnectionsOn counts the open connections that were planned by a version.
func (s *Service) ConnectionsOn(ctx context.Context, r *Recipe) (int32, error) {
	n, err := s.q.ConnectionsOn(ctx, s.DB, recipeq.ConnectionsOnParams{OrgID: r.OrgID.UUID(), RecipeID: r.ID.UUID()})
	if err != nil {
		return 0, fmt.Errorf("count the connections on %s: %w", r.ID, err)
	}
	return int32(n), nil
}

func (s *Service) withTemplates(ctx context.Context, rows []*recipeq.Recipe) ([]*Recipe, error) {
	ids, out := make([]uuid.UUID, len(rows)), make([]*Recipe, len(rows))
	at := map[uuid.UUID]*Recipe{}
	for n, r := range rows {
		ids[n] = r.ID
		out[n] = &Recipe{ID: ident.From[ident.RecipeID](r.ID), OrgID: ident.From[ident.OrgID](r.OrgID), ApplicationID: ident.From[ident.ApplicationID](r.ApplicationID), Number: r.Number, Name: r.Name,
			Status: RecipeStatus(r.Status), CreatedAt: r.CreatedAt, PublishedAt: r.PublishedAt, Records: []RecordTemplate{}}
		for _, h := range r.Hosts {
			out[n].Hosts = append(out[n].Hosts, HostClass(h))
		}
		at[r.ID] = out[n]
	}
	lines, err := s.q.TemplatesOf(ctx, s.DB, recipeq.TemplatesOfParams{Ids: ids})
	if err != nil {
		return nil, fmt.Errorf("read the lines of recipes: %w", err)
	}
	for _, l := range lines {
		r := at[l.RecipeID]
		r.Records = append(r.Records, RecordTemplate{Key: l.Key, Type: l.Type, Purpose: l.Purpose, Name: l.Name, Value: l.Value, TTL: l.Ttl, Priority: l.Priority, Requirement: l.Requirement,
			Group: l.GroupKey, AppliesWhen: &l.AppliesWhen, Essential: Essential(l.Essential)})
	}
	return out, nil
}

// Part is what recipes contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "recipe", Nodes: map[string]part.Finder{"rcp": func(ctx context.Context, a ident.Any) (any, error) {
		id, err := ident.As[ident.RecipeID](a, "id")
		if err != nil {
			return nil, err
		}
		if authz.From(ctx).Kind == authz.WIDGET {
			return nil, fault.NotFound("recipe")
		}
		return s.Get(ctx, id)
	}}}
}
