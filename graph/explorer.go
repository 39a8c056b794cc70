package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
)

// Run is one text that an operator ran in the explorer. Of the text it keeps the hash and the root fields, of the variables nothing: both may hold secrets.
type Run struct {
	Operation string // its name; "" without one
	Kind      string // query, mutation or subscription
	Document  string // sha256: and the hex digest of the text
	Roots     []string
	Cost      int
}

// explored tells Ran of what an operator runs, before it runs: what cannot be told does not happen.
func (s *Server) explored(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if s.Ran == nil || !authz.From(ctx).Explorer {
		return next(ctx)
	}
	op := graphql.GetOperationContext(ctx)
	sum := sha256.Sum256([]byte(op.RawQuery))
	run := Run{Operation: op.Operation.Name, Kind: string(op.Operation.Operation), Document: "sha256:" + hex.EncodeToString(sum[:]), Roots: roots(op.Operation), Cost: SpentOf(ctx).Cost}
	if err := s.Ran(ctx, run); err != nil {
		return present.Refused(ctx, err)
	}
	return next(ctx)
}

// roots are the names of an operation's root fields, each once. Cycles of fragments were refused by validation.
func roots(op *ast.OperationDefinition) []string {
	names := map[string]bool{}
	spread := map[*ast.FragmentDefinition]bool{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				names[s.Name] = true
			case *ast.InlineFragment:
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				if !spread[s.Definition] {
					spread[s.Definition] = true
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	walk(op.SelectionSet)
	return slices.Sorted(maps.Keys(names))
}
