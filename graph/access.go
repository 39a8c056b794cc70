package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/vektah/gqlparser/v2/ast"
)

// checkAccess refuses a schema in which a root field does not say who may knock.
func checkAccess(s *ast.Schema) error {
	var faults []error
	for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
		if root == nil {
			continue
		}
		for _, f := range root.Fields {
			if len(f.Name) > 1 && f.Name[:2] == "__" {
				continue
			}
			if len(allowed(f)) == 0 {
				faults = append(faults, fmt.Errorf("%s.%s has no @access: say in graph/*.graphqls who may call it", root.Name, f.Name))
			}
		}
	}
	return errors.Join(faults...)
}

// allowed reads @access(to:).
func allowed(f *ast.FieldDefinition) []authz.Kind {
	d := f.Directives.ForName("access")
	if d == nil {
		return nil
	}
	var kinds []authz.Kind
	for _, c := range d.Arguments.ForName("to").Value.Children {
		kinds = append(kinds, authz.Kind(c.Value.Raw))
	}
	return kinds
}

// paid reads @access(paid:).
func paid(f *ast.FieldDefinition) bool {
	d := f.Directives.ForName("access")
	if d == nil {
		return false
	}
	a := d.Arguments.ForName("paid")
	return a != nil && a.Value.Raw == "true"
}

// mayCall is early refusal and never a grant: the service decides.
func mayCall(caller authz.Principal, f *ast.FieldDefinition) error {
	kinds := allowed(f)
	if kinds == nil || slices.Contains(kinds, authz.PUBLIC) || slices.Contains(kinds, caller.Kind) {
		if caller.Basic && paid(f) {
			return billing.Required(billing.Offered)
		}
		return nil
	}
	if caller.Kind == authz.PUBLIC {
		return fault.Unauthorized("", "Sign in, or send an API key.")
	}
	return fault.Refused("caller_kind", "%s cannot be read or called with this kind of credential.", f.Name)
}

// longestRun ends a query or mutation that takes longer.
const longestRun = 10 * time.Second

// operation refuses before anything runs what the caller may not send at all, and bounds the time of what runs.
func (s *Server) operation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op, caller := graphql.GetOperationContext(ctx), authz.From(ctx)
	op.DisableIntrospection = caller.Kind != authz.API_KEY && caller.Kind != authz.MACHINE && caller.Kind != authz.OPERATOR
	if op.Operation.Operation == ast.Subscription && plan.Taker(ctx) == nil {
		return present.Refused(ctx, fault.Invalid("query", "subscription_transport", "Subscriptions need a WebSocket or an event stream."))
	}
	ctx, err := s.pay(ctx, op, caller)
	if err != nil {
		return present.Refused(ctx, err)
	}
	if caller.Operator && s.forOperators(op) {
		ctx = authz.With(ctx, caller.AsOperator())
	}
	began := time.Now()
	if op.Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	answer := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer cancel()
		r := answer(ctx)
		if r != nil {
			itemised(ctx, op, r)
			s.measures.ran(op.Operation.Operation, time.Since(began), len(r.Errors) > 0)
		}
		return r
	}
}

// forOperators says whether an operation asks for something that is for operators, or for people among whom operators may more: then a person who is one
// acts as one, and in all else as the person.
func (s *Server) forOperators(op *graphql.OperationContext) bool {
	root := map[ast.Operation]*ast.Definition{ast.Query: s.Schema.Schema().Query, ast.Mutation: s.Schema.Schema().Mutation, ast.Subscription: s.Schema.Schema().Subscription}[op.Operation.Operation]
	return root != nil && slices.ContainsFunc(roots(op.Operation), func(name string) bool {
		f := root.Fields.ForName(name)
		return f != nil && operated(allowed(f))
	})
}

// operated says whether kinds are operators, alone or beside other people.
func operated(kinds []authz.Kind) bool {
	return slices.Contains(kinds, authz.OPERATOR) && !slices.ContainsFunc(kinds, func(k authz.Kind) bool { return k != authz.OPERATOR && k != authz.USER })
}

// checkHeld refuses a schema in which a mutation that may have to wait for a second person cannot say so.
func checkHeld(s *ast.Schema, held []string) error {
	var faults []error
	for _, name := range held {
		f := s.Mutation.Fields.ForName(name)
		if f == nil {
			faults = append(faults, fmt.Errorf("the mutation %s can have to wait, and there is none of this name", name))
			continue
		}
		payload := s.Types[f.Type.Name()]
		if w := payload.Fields.ForName("waiting"); w == nil || w.Type.String() != "Waiting" {
			faults = append(faults, fmt.Errorf("Mutation.%s can have to wait for a second person, and its payload %s does not say what for: give it waiting: Waiting", name, payload.Name))
		}
	}
	return errors.Join(faults...)
}

// may refuses fields that a lesser caller must not read, such as Connection.metadata for a widget, or call; the latter is noted.
func (s *Server) may(ctx context.Context, f *ast.FieldDefinition) error {
	err := mayCall(authz.From(ctx), f)
	if err != nil && s.Denied != nil && s.Schema.Schema().Mutation.Fields.ForName(f.Name) == f {
		return s.Denied(ctx, f.Name, err)
	}
	return err
}

// field is may for what gqlgen executes.
func (s *Server) field(ctx context.Context, next graphql.Resolver) (any, error) {
	f := graphql.GetFieldContext(ctx)
	if f.Field.Definition != nil && f.Field.Definition.Directives != nil {
		if err := s.may(ctx, f.Field.Definition); err != nil {
			return nil, err
		}
	}
	if f.Object == "Mutation" && door.Keyed(ctx) {
		ctx = door.Nth(ctx, nth(ctx, f.Field))
	}
	return next(ctx)
}

// nth counts the mutations of this one's name in the request up to it, in the order in which they run.
func nth(ctx context.Context, one graphql.CollectedField) (n int) {
	op := graphql.GetOperationContext(ctx)
	for _, f := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"}) {
		if f.Name == one.Name {
			n++
		}
		if f.Alias == one.Alias {
			break
		}
	}
	return n
}
