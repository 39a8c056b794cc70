package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Subscription is a subscription that was read, allowed and priced, and that nobody has opened.
type Subscription struct {
	// Key is the same for the same document, operation and variables: those who also have the same rights get the same bytes. "" is shared with nobody.
	Key string
	// Open calls the root field's resolver; ctx holds the caller and lives as long as the subscription. A response means that it was refused.
	Open func(ctx context.Context) (live.Feed[any], Render, *graphql.Response)
	// Caller is as whom the operation runs; nil: as who sent it. A person who is an operator too runs as one what is for operators.
	Caller *authz.Principal
}

// Render makes the response of one message of the feed.
type Render func(ctx context.Context, message any) *graphql.Response

type takerKey struct{}

// WithTaker gives a context somebody who serves subscriptions: executing one hands it over and answers nothing else.
func WithTaker(ctx context.Context, take func(Subscription)) context.Context {
	return context.WithValue(ctx, takerKey{}, take)
}

// Taker answers who serves subscriptions in a context; nil when nobody does.
func Taker(ctx context.Context) func(Subscription) {
	take, _ := ctx.Value(takerKey{}).(func(Subscription))
	return take
}

// errNobody is a mistake of ours: a transport that cannot serve subscriptions let one through.
var errNobody = errors.New("nobody serves subscriptions here")

// handOver gives a subscription to the one who serves them. Without a plan it is refused: nothing else serves it.
func (e *Executable) handOver(ctx context.Context, op *graphql.OperationContext, p *plan) graphql.ResponseHandler {
	take := Taker(ctx)
	var err error
	switch {
	case take == nil:
		err = errNobody
	case p == nil || len(p.root.fields) != 1:
		err = fault.Invalid("query", "subscription_size",
			"A subscription may select %d fields, with its fragments spread, and switch them by %d variables that are not null. Ask for less, without @defer.", maxFields, maxSwitches)
	default:
		one := e.subscription(op, p)
		one.Caller = new(authz.From(ctx))
		take(one)
		return graphql.OneShot(nil)
	}
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{e.Present(ctx, err)}})
}

// subscription is a running operation as it is handed over.
func (e *Executable) subscription(op *graphql.OperationContext, p *plan) Subscription {
	return Subscription{
		Key: keyOf(op),
		Open: func(ctx context.Context) (live.Feed[any], Render, *graphql.Response) {
			ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, op), e.Present, e.Recover)
			feed := e.open(ctx, op, p)
			if errs := graphql.GetErrors(ctx); errs != nil {
				return live.Feed[any]{}, nil, &graphql.Response{Errors: errs}
			}
			return feed, func(ctx context.Context, message any) *graphql.Response { return e.render(ctx, op, p, message) }, nil
		},
	}
}

var errNoFeed = errors.New("the resolver of a subscription offered no feed")

// open calls the root field's resolver; its errors are in the context's list.
func (e *Executable) open(ctx context.Context, op *graphql.OperationContext, p *plan) (feed live.Feed[any]) {
	f := p.root.fields[0]
	r := &Run{e: e, ctx: ctx, op: op, calls: make([]Call, p.calls), path: []step{{field: f}}}
	defer func() {
		if p := recover(); p != nil {
			ctx := r.FieldContext()
			op.Error(ctx, op.Recover(ctx, p))
		}
	}()
	fc, ok := r.call(f)
	if !ok {
		return feed
	}
	offered := false
	err := f.read.Open(live.WithTaker(ctx, func(given live.Feed[any]) { feed, offered = given, true }), fc)
	if err == nil && !offered {
		err = errNoFeed
	}
	if err != nil {
		r.Fail(err)
	}
	return feed
}

// render answers one message, under the same middleware as other responses.
func (e *Executable) render(ctx context.Context, op *graphql.OperationContext, p *plan, message any) *graphql.Response {
	ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, op), e.Present, e.Recover)
	return e.Around(ctx, func(ctx context.Context) *graphql.Response {
		resp := &graphql.Response{Data: e.run(ctx, op, p, message)}
		resp.Errors, resp.Extensions = graphql.GetErrors(ctx), graphql.GetExtensions(ctx)
		return resp
	})
}

// keyOf is a digest of the document, the operation and the variables; "" when the variables cannot be written down. encoding/json sorts the members of
// objects.
func keyOf(op *graphql.OperationContext) string {
	raw, err := json.Marshal([]any{op.RawQuery, op.OperationName, op.Variables})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
