package request

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// Inside serves the operations of doors in this process that do not speak GraphQL. They take their places in the same room as those that came over HTTP,
// and are priced, refused and executed alike.
type Inside struct{ HTTP }

// Asked is one such operation: the name of a document that the server trusts, and what came of it.
type Asked struct {
	Document  string
	Variables map[string]any
	Answer    *graphql.Response // never nil once it was served
}

type askedKey struct{}

// Ask carries an operation to Inside.
func Ask(ctx context.Context, a *Asked) context.Context { return context.WithValue(ctx, askedKey{}, a) }

// AskedFor answers the operation that a context carries; nil for none.
func AskedFor(ctx context.Context) *Asked {
	a, _ := ctx.Value(askedKey{}).(*Asked)
	return a
}

func (Inside) Supports(r *http.Request) bool { return AskedFor(r.Context()) != nil }

func (t Inside) Do(_ http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	ctx := r.Context()
	a := AskedFor(ctx)
	refuse := func(f *fault.Fault) { a.Answer = &graphql.Response{Errors: present.Errors(ctx, f)} }
	if !t.enter(ctx) {
		refuse(errFull)
		return
	}
	defer t.leave()
	defer func() {
		if p := recover(); p != nil {
			a.Answer = &graphql.Response{Errors: present.Errors(ctx, present.Panic(ctx, p))}
		}
	}()
	now := graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	rc, list := exec.CreateOperationContext(ctx, &graphql.RawParams{Variables: a.Variables, Headers: r.Header, ReadTime: now})
	if list != nil {
		a.Answer = exec.DispatchError(graphql.WithOperationContext(ctx, rc), list)
		a.Answer.Data = nil
		return
	}
	run, ctx := exec.DispatchOperation(ctx, rc)
	if a.Answer = run(ctx); a.Answer == nil { // the caller is gone, or the server stops
		refuse(errCut)
	}
}
