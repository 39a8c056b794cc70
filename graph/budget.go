package graph

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

// What one operation may cost; documentCost is that of a trusted document.
const (
	maxCost      = 1000 // of a caller who sends text
	operatorCost = 5000 // of an operator, who explores
)

// What may be spent in an hour. It fills up evenly.
const (
	hourly          = 50_000 // by a key, a machine, or a person's programs together
	strangersHourly = 5_000  // by all who send text from one network without a credential: enough for probes, and for looking around
)

var (
	budget          = limit.Bucket{Name: "cost", Rate: hourly, Per: time.Hour}
	strangersBudget = limit.Bucket{Name: "cost-stranger", Rate: strangersHourly, Per: time.Hour}
)

type (
	costKey   struct{}
	headerKey struct{}
)

// Spent is what the running operation costs, what an hour may cost and what is left of it.
type Spent struct{ Cost, Limit, Remaining int }

// SpentOf answers the price of the running operation.
func SpentOf(ctx context.Context) Spent {
	s, _ := ctx.Value(costKey{}).(Spent)
	return s
}

// pay prices the operation, refuses what is too dear, and takes the cost from the hour of a key, a machine or a stranger's network. People's documents were
// priced at the start. A stranger's trusted document (the pages to sign in) costs nothing: what it can do is limited field by field.
func (s *Server) pay(ctx context.Context, op *graphql.OperationContext, caller authz.Principal) (context.Context, error) {
	spent := Spent{Limit: hourly, Remaining: hourly}
	if worst, ok := s.documents.priced[op.Operation]; ok && (caller.Kind == authz.USER && !caller.Program || caller.Kind == authz.WIDGET) {
		spent.Cost = worst
		return context.WithValue(ctx, costKey{}, spent), nil
	}
	p, most := document.Cost(op.Operation, op.Variables), maxCost
	if caller.Kind == authz.OPERATOR {
		most = operatorCost
	}
	if err := p.Within(most); err != nil {
		return ctx, err
	}
	spent.Cost = p.Cost
	if bucket, counted := s.metered(op, caller); counted {
		spent.Limit = bucket.Rate
		left, err := s.Limit.Take(ctx, bucket, caller.Actor(), max(1, p.Cost))
		spent.Remaining = left
		tell(ctx, spent, err)
		if err != nil {
			return ctx, err
		}
	}
	return context.WithValue(ctx, costKey{}, spent), nil
}

// metered says whose cost is counted by the hour, and in which bucket.
func (s *Server) metered(op *graphql.OperationContext, caller authz.Principal) (limit.Bucket, bool) {
	switch _, trusted := s.documents.priced[op.Operation]; caller.Kind {
	case authz.API_KEY, authz.MACHINE, authz.SERVICE:
		return budget, s.Limit != nil
	case authz.USER:
		return budget, s.Limit != nil && caller.Program
	case authz.PUBLIC:
		return strangersBudget, s.Limit != nil && !trusted
	}
	return limit.Bucket{}, false
}

// withHeader keeps the answer's header at hand for RateLimit: it is written before anything of the answer is. A socket has none.
func withHeader(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	if r.Header.Get("Upgrade") != "" {
		return ctx
	}
	return context.WithValue(ctx, headerKey{}, w.Header())
}

// tell writes RateLimit-Policy (w: the window in seconds) and RateLimit (r: what is left, t: seconds until all of it is back, or until the refused
// operation may come again), as draft-ietf-httpapi-ratelimit-headers-10 has them.
func tell(ctx context.Context, s Spent, err error) {
	h, ok := ctx.Value(headerKey{}).(http.Header)
	if !ok {
		return
	}
	back := int((time.Duration(s.Limit-s.Remaining)*time.Hour/time.Duration(s.Limit) + time.Second - 1) / time.Second)
	for _, f := range fault.All(err) {
		if wait, known := f.Meta["retryAfter"].(int); known {
			back = wait
		}
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"hour";q=%d;w=3600`, s.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"hour";r=%d;t=%d`, s.Remaining, back))
}

// itemised adds the price to an answer whose caller asked for it with X-Nameplate-Cost: 1.
func itemised(ctx context.Context, op *graphql.OperationContext, r *graphql.Response) {
	if op.Headers.Get("X-Nameplate-Cost") != "1" {
		return
	}
	if r.Extensions == nil {
		r.Extensions = map[string]any{}
	}
	r.Extensions["cost"] = SpentOf(ctx).Cost
}
