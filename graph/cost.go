package graph

import (
	"context"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/vektah/gqlparser/v2/ast"
)

// Limits of one request, and the hourly budget of a key.
const (
	maxCost    = 1000
	maxDepth   = 12
	maxRoots   = 10
	maxAliases = 50
	widgetDeep = 8
	widgetWide = 5
	hourly     = 50_000
	maxSteps   = 50_000
)

var budget = limit.Bucket{Name: "cost", Rate: hourly, Per: time.Hour}

type price struct{ cost, depth, roots, aliases int }

// cost prices an operation before it runs: the weight of each field (1 for an object, 0 for a scalar, or @cost) times the page sizes above it. A cycle of
// fragments was refused by validation.
func cost(op *ast.OperationDefinition, variables map[string]any) price {
	var p price
	steps := 0
	var walk func(set ast.SelectionSet, times, depth int)
	walk = func(set ast.SelectionSet, times, depth int) {
		p.depth = max(p.depth, depth)
		for _, s := range set {
			if steps++; steps > maxSteps { // fragments that spread fragments double with each level
				p.cost = 1 << 30
				return
			}
			switch s := s.(type) {
			case *ast.InlineFragment:
				walk(s.SelectionSet, times, depth)
			case *ast.FragmentSpread:
				if s.Definition != nil {
					walk(s.Definition.SelectionSet, times, depth)
				}
			case *ast.Field:
				if depth == 1 {
					p.roots++
				}
				if s.Alias != s.Name {
					p.aliases++
				}
				p.cost = min(1<<30, p.cost+times*weight(s))
				if len(s.SelectionSet) > 0 {
					walk(s.SelectionSet, min(1<<20, times*size(s, variables)), depth+1)
				}
			}
		}
	}
	walk(op.SelectionSet, 1, 1)
	return p
}

func weight(f *ast.Field) int {
	if f.Definition == nil {
		return 0
	}
	if d := f.Definition.Directives.ForName("cost"); d != nil {
		n, _ := strconv.Atoi(d.Arguments.ForName("weight").Value.Raw)
		return n
	}
	if len(f.SelectionSet) > 0 {
		return 1
	}
	return 0
}

// size is how many objects a list brings: its page size, or what the schema assumes. edges and nodes of a page repeat the page's rows, which are counted at the page.
func size(f *ast.Field, variables map[string]any) int {
	if f.Definition == nil {
		return 1
	}
	d := f.Definition.Directives.ForName("listSize")
	if d == nil {
		return 1
	}
	if a := d.Arguments.ForName("assumed"); a != nil {
		n, _ := strconv.Atoi(a.Value.Raw)
		return max(1, n)
	}
	arg := "first"
	if a := d.Arguments.ForName("arg"); a != nil {
		arg = a.Value.Raw
	}
	if given := f.Arguments.ForName(arg); given != nil {
		if v, err := given.Value.Value(variables); err == nil {
			switch n := v.(type) {
			case int64:
				return bounded(n)
			case int:
				return bounded(int64(n))
			}
		}
		return 100
	}
	if def := f.Definition.Arguments.ForName(arg); def != nil && def.DefaultValue != nil {
		n, _ := strconv.Atoi(def.DefaultValue.Raw)
		return max(1, n)
	}
	return 20
}

func bounded(n int64) int { return int(max(1, min(n, 100))) }

type costKey struct{}

// Spent is what the running operation costs and what is left of the hour.
type Spent struct{ Cost, Limit, Remaining int }

// SpentOf answers the price of the running operation.
func SpentOf(ctx context.Context) Spent {
	s, _ := ctx.Value(costKey{}).(Spent)
	return s
}

// price refuses what is too large, and takes the cost from the caller's hour. Trusted documents were priced at the start.
func (s *Server) price(ctx context.Context, op *graphql.OperationContext, caller authz.Principal) (context.Context, error) {
	p := cost(op.Operation, op.Variables)
	deep, wide := maxDepth, maxRoots
	if caller.Kind == authz.WIDGET {
		deep, wide = widgetDeep, widgetWide
	}
	trusted := caller.Kind == authz.USER || caller.Kind == authz.WIDGET
	switch {
	case p.depth > deep && !introspects(op.Operation):
		return ctx, fault.Invalid("query", "depth", "The query is %d levels deep; at most %d are answered.", p.depth, deep)
	case p.roots > wide:
		return ctx, fault.Invalid("query", "root_fields", "The query has %d root fields; at most %d are answered.", p.roots, wide)
	case p.aliases > maxAliases:
		return ctx, fault.Invalid("query", "aliases", "The query has %d aliases; at most %d are answered.", p.aliases, maxAliases)
	case p.cost > maxCost && !trusted:
		return ctx, fault.Invalid("query", "cost_exceeded", "The query costs %d; at most %d is answered. Ask for fewer rows or fewer fields.", p.cost, maxCost).With("cost", p.cost).With("limit", maxCost)
	}
	spent := Spent{Cost: p.cost, Limit: hourly, Remaining: hourly}
	if s.Limit != nil && caller.Kind != authz.PUBLIC {
		left, err := s.Limit.Take(ctx, budget, caller.Actor(), max(1, p.cost))
		if err != nil {
			return ctx, err
		}
		spent.Remaining = left
	}
	return context.WithValue(ctx, costKey{}, spent), nil
}

// introspects says that an operation asks for the schema alone, which is deep by nature.
func introspects(op *ast.OperationDefinition) bool {
	for _, s := range op.SelectionSet {
		if f, ok := s.(*ast.Field); !ok || f.Name != "__schema" && f.Name != "__type" && f.Name != "__typename" {
			return false
		}
	}
	return true
}
