// Package plan executes a document that was compiled once: it walks the selected fields of the same resolvers that gqlgen calls, writes JSON as it goes, and
// needs no goroutine for an element of a list.
//
// How a field is read is said by a table that is generated from gqlgen's own bindings (graph/gql/plan.generated.go). A query or mutation that
// has no plan runs through gqlgen's own execution, with the same answer: introspection, @defer, and documents beyond the limits of compile.go. See docs/decisions/0006-own-executor.md.
package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Table says of each object type how its fields are read.
type Table map[string]Object

// Object is one object type: its fields by their names.
type Object map[string]Field

// Field is how a field is read and written.
type Field struct {
	// Args reads the arguments; nil when the field has none.
	Args func(ctx context.Context, raw map[string]any) (map[string]any, error)
	// Write reads the field of an object and writes its value. It answers false for null, when whatever it wrote is taken back. An error was reported then.
	// A subscription's field is handed its message.
	Write func(r *Run, fc *Call, of any) bool
	// Open calls the resolver of a subscription; nil for all other fields.
	Open func(ctx context.Context, fc *Call) error
}

// Call is one field of a document in one run.
type Call struct {
	Args  map[string]any
	field *field
}

// Executable is a schema that executes what was compiled, and all else by gqlgen. Its exported fields are set before it serves.
type Executable struct {
	graphql.ExecutableSchema
	// May refuses a field whose definition has directives; nil allows all. It is asked once a field and response.
	May func(context.Context, *ast.FieldDefinition) error
	// Present, Recover and Around are those of the server: messages of subscriptions are responses that it does not see.
	Present graphql.ErrorPresenterFunc
	Recover graphql.RecoverFunc
	Around  graphql.ResponseMiddleware

	table Table
	plans plans
}

// New makes the executor of a schema. What the table does not hold is gqlgen's.
func New(schema graphql.ExecutableSchema, table Table) *Executable {
	return &Executable{
		ExecutableSchema: schema, table: table,
		Present: graphql.DefaultErrorPresenter, Recover: graphql.DefaultRecover,
		Around: func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response { return next(ctx) },
	}
}

// Exec answers the response of the operation in ctx. A subscription is handed to the one who serves them; one that has no plan is refused.
func (e *Executable) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	p := e.planOf(op)
	if op.Operation.Operation == ast.Subscription {
		return e.handOver(ctx, op, p)
	}
	if p == nil {
		return e.ExecutableSchema.Exec(ctx)
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return &graphql.Response{Data: e.run(ctx, op, p, nil)}
	}
}
