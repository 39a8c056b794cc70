package graph

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const things = `
type Query { page(first: Int): Page! things: [Thing!]! dear: Thing! }
type Page { nodes: [Thing!]! }
type Thing { name: String! }`

func TestExplored_TellsOfOperatorsRunsBeforeTheyRun(t *testing.T) {
	t.Parallel()
	const text = `query Look($secret: Int) { things { name } ...more ... { dear { name } } } fragment more on Query { again: things { name } page(first: $secret) { nodes { name } } }`
	s := gqlparser.MustLoadSchema(&ast.Source{Input: things})
	q, err := gqlparser.LoadQueryWithRules(s, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []Run
	var refuse error
	server := &Server{Config: Config{Ran: func(_ context.Context, r Run) error { told = append(told, r); return refuse }}}
	run := func(kind authz.Kind) (ran bool, answer *graphql.Response) {
		ctx := context.WithValue(authz.With(t.Context(), authz.Principal{Kind: kind, Explorer: kind == authz.OPERATOR}), costKey{}, Spent{Cost: 7})
		ctx = graphql.WithOperationContext(ctx, &graphql.OperationContext{RawQuery: text, Operation: q.Operations[0], Variables: map[string]any{"secret": 4711}})
		answer = server.explored(ctx, func(context.Context) graphql.ResponseHandler {
			ran = true
			return graphql.OneShot(&graphql.Response{Data: []byte("{}")})
		})(ctx)
		return ran, answer
	}
	for _, kind := range []authz.Kind{authz.PUBLIC, authz.USER, authz.API_KEY, authz.WIDGET, authz.MACHINE} {
		if ran, _ := run(kind); !ran || len(told) > 0 {
			t.Errorf("%s: ran %v, told %+v", kind, ran, told)
		}
	}
	if ran, _ := run(authz.OPERATOR); !ran || len(told) != 1 {
		t.Fatalf("ran %v, told %+v", ran, told)
	}
	if r := told[0]; r.Operation != "Look" || r.Kind != "query" || r.Cost != 7 || !slices.Equal(r.Roots, []string{"dear", "page", "things"}) || !strings.HasPrefix(r.Document, "sha256:") || len(r.Document) != 71 {
		t.Errorf("told %+v", r)
	}
	refuse = fault.Unavailable("", "The ledger is away.")
	if ran, answer := run(authz.OPERATOR); ran || len(answer.Errors) != 1 || answer.Data != nil {
		t.Errorf("what could not be told ran: %v %+v", ran, answer)
	}
}
