package request

import (
	"cmp"
	"context"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// OneOf holds variables to @oneOf (exactly one member, and not null), which gqlparser holds literals to alone. Values inside have their types already.
type OneOf struct{ Schema *ast.Schema }

var _ interface {
	graphql.OperationContextMutator
	graphql.HandlerExtension
} = OneOf{}

func (OneOf) ExtensionName() string                   { return "OneOf" }
func (OneOf) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses a choice with several members, or none, at its path in the variables.
func (o OneOf) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	for _, v := range op.Operation.VariableDefinitions {
		if err := o.check(v.Type, op.Variables[v.Variable], ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}); err != nil {
			return present.Error(ctx, err)
		}
	}
	return nil
}

func (o OneOf) check(t *ast.Type, v any, path ast.Path) error {
	if t.Elem != nil {
		list := reflect.ValueOf(v) // one value in place of a list became a list of its own type
		if list.Kind() != reflect.Slice {
			return nil
		}
		for n := range list.Len() {
			if err := o.check(t.Elem, list.Index(n).Interface(), append(slices.Clip(path), ast.PathIndex(n))); err != nil {
				return err
			}
		}
		return nil
	}
	members, is := v.(map[string]any)
	def := o.Schema.Types[t.NamedType]
	if !is || def == nil || def.Kind != ast.InputObject {
		return nil
	}
	if def.Directives.ForName("oneOf") != nil {
		given := 0
		for _, m := range members {
			if m == nil {
				given = 2 // null is no choice
			}
			given++
		}
		if given != 1 {
			field, _ := present.InInput(path, "")
			return fault.Invalid(cmp.Or(field, "input"), "one_of", "Give exactly one of the members of %s.", def.Name)
		}
	}
	for _, f := range def.Fields {
		if m, given := members[f.Name]; given {
			if err := o.check(f.Type, m, append(slices.Clip(path), ast.PathName(f.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}
