package resolvers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/graph/model"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

// health asks everything that must answer. Only operators learn the version and what is wrong.
func (r *Resolver) health(ctx context.Context) *model.Health {
	h := &model.Health{Name: "nameplate", Status: model.HealthOK, Build: r.house.build}
	operator := authz.From(ctx).Kind == authz.OPERATOR
	if operator {
		h.Version = &r.house.version
	}
	h.Checks = askAll(ctx, r.house.ready, operator)
	for _, status := range []model.HealthStatus{model.HealthDegraded, model.HealthDown} {
		if slices.ContainsFunc(h.Checks, func(c model.HealthCheck) bool { return c.Status == status }) {
			h.Status = status
		}
	}
	return h
}

// askAll asks at once, and for at most a second.
func askAll(ctx context.Context, checks []part.Check, tell bool) []model.HealthCheck {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	out := make([]model.HealthCheck, len(checks))
	var wg sync.WaitGroup
	for n, c := range checks {
		wg.Go(func() { out[n] = ask(ctx, c, tell) })
	}
	wg.Wait()
	return out
}

func ask(ctx context.Context, c part.Check, tell bool) model.HealthCheck {
	began := time.Now()
	err := c.Ask(ctx)
	out := model.HealthCheck{Name: c.Name, Status: model.HealthOK, LatencyMs: new(float64(time.Since(began).Microseconds()) / 1000)}
	if err != nil {
		if out.Status = model.HealthDown; c.Degrades {
			out.Status = model.HealthDegraded
		}
		if tell {
			out.Message = new(err.Error())
		}
	}
	return out
}

// Spent is what the running operation costs, what an hour may cost and what is left of it.
type Spent struct{ Cost, Limit, Remaining int }

// rateLimit is the caller's budget. It fills up evenly: what is used is back when as large a part of the hour is over.
func (r *Resolver) rateLimit(ctx context.Context) *model.RateLimit {
	s := r.house.spent(ctx)
	used := time.Duration(s.Limit-s.Remaining) * time.Hour / time.Duration(max(1, s.Limit))
	return &model.RateLimit{Cost: int32(s.Cost), Limit: int32(s.Limit), Remaining: int32(s.Remaining), ResetAt: time.Now().Add(used)}
}
