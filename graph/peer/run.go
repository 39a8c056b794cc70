package peer

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/feed"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// outlet is where one operation of a peer answers.
type outlet interface {
	feed.Sink
	feed.Paced
	// answer takes the whole answer of a query or mutation. Unlike a feed it waits for room, or until the peer is gone.
	answer(payload []byte)
}

// perform reads one operation, runs it and gives what comes of it to the outlet: an answer, the messages of a subscription, or errors without data when
// nothing ran. It returns when the operation has ended or when the feeds serve it; leave ends that, and may be called twice. A panic outside of the
// resolvers, whose own panics are errors of their fields, is logged once, and the process lives.
func (p *Peers) perform(ctx context.Context, exec graphql.GraphExecutor, in *graphql.RawParams, to outlet) (leave func()) {
	ctx = graphql.StartOperationTrace(ctx)
	leave = func() {}
	defer p.guarded(ctx, to)
	now := graphql.Now()
	in.ReadTime = graphql.TraceTiming{Start: now, End: now}
	op, list := exec.CreateOperationContext(ctx, in)
	if list != nil {
		to.Fail(present.AppendJSON(nil, exec.DispatchError(graphql.WithOperationContext(ctx, op), list).Errors))
		return leave
	}
	return p.execute(ctx, exec, op, to)
}

// guarded makes the last message of a panic.
func (p *Peers) guarded(ctx context.Context, to feed.Sink) {
	if cause := recover(); cause != nil {
		to.Fail(present.AppendJSON(nil, gqlerror.List{present.Error(ctx, present.Panic(ctx, cause))}))
	}
}

// execute runs an operation that was read.
func (p *Peers) execute(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext, to outlet) (leave func()) {
	var taken *plan.Subscription
	run, inner := exec.DispatchOperation(plan.WithTaker(ctx, func(sub plan.Subscription) { taken = &sub }), op)
	switch resp := run(inner); {
	case taken != nil:
		if taken.Caller != nil {
			ctx = authz.With(ctx, *taken.Caller)
		}
		return p.Feeds.Join(ctx, *taken, to)
	case resp.Data == nil:
		to.Fail(present.AppendJSON(nil, resp.Errors))
	default:
		to.answer(present.Encode(nil, resp))
	}
	return func() {}
}
