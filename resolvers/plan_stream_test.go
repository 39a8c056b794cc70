package resolvers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	pages "github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/resolvers"
	"github.com/vektah/gqlparser/v2/ast"
)

// Every subscription of the console and the widget, whoever opens it, begins with the message that gqlgen begins with, or is refused as gqlgen refuses it.
func TestPlan_TrustedSubscriptions(t *testing.T) {
	t.Parallel()
	s := startTwice(t)
	s.seed(t, 3)
	g := &generator{twice: s, random: rand.New(rand.NewPCG(5, 3))}
	for text, op := range operations(t, s.Schema, ast.Subscription) {
		begun, last, able := false, []string(nil), "owner"
		if !forKeys(roots(op.SelectionSet)[0].Definition) { // keys may not open it, operators may
			able = "operator"
		}
		for n, who := range append([]string{"person", "widget", "stranger", ""}, slices.Repeat([]string{able}, 60)...) {
			if begun && n > 4 { // the variables are a matter of luck: who owns everything tries until they are right
				break
			}
			g.faithful = true // mistakes in arguments below the root have no root in gqlgen's paths
			v := g.variables(op)
			kind := ""
			if n := len(op.VariableDefinitions); n > 0 {
				kind = op.VariableDefinitions[min(1, n-1)].Type.NamedType
			}
			switch kind { // all that came before is there to read
			case "Int64":
				v["after"] = 0
			case "String":
				if op.Name == "DeliveriesTailSubscription" {
					v["after"] = "AAWbCMH6QAA"
				}
				if op.Name == "AuditTableTailSubscription" {
					v["organizationId"], v["after"] = s.Org.String(), pages.Cursor{ID: s.firstAudit(t)}.String()
				}
				if op.Name == "AllAuditsTailSubscription" {
					v["filter"], v["after"] = vars{"organizationId": s.Org.String()}, pages.Cursor{ID: s.firstAudit(t)}.String()
				}
			}
			plain, planned := s.run(t, s.gqlgen, who, text, v), s.first(t, who, text, v)
			plain.data, planned.data = changing.ReplaceAllString(plain.data, "#"), changing.ReplaceAllString(planned.data, "#")
			if who == "widget" && len(planned.errors) > 0 && len(plain.errors) == len(planned.errors) {
				continue // nor have fields that it may not read
			}
			if !plain.same(planned) {
				t.Errorf("as %q:\n%s\n%v\ngqlgen %s %s\nplan   %s %s", who, text, v, plain.data, plain.errors, planned.data, planned.errors)
			}
			last = append(planned.errors, who, fmt.Sprint(v))
			begun = begun || len(planned.errors) == 0 && len(planned.data) > 20
		}
		// These tell only what changes after they were opened: ApprovalDetailSubscription, of the same field and fragment, begins with what there is; TestOpsDeliveryChanged and monitor's TestIncidentsChanged wait.
		if !begun && op.Name != "ApprovalListFeedSubscription" && op.Name != "MessagesTailSubscription" && op.Name != "IncidentsTableFeedSubscription" && op.Name != "DomainIncidentsFeedSubscription" {
			t.Errorf("it never began: %v\n%s", last, text)
		}
	}
}

// first is the first message of a subscription that is handed over.
func (s *twice) first(t testing.TB, who, text string, v vars) outcome {
	t.Helper()
	ctx := authz.With(t.Context(), s.caller(who))
	var taken *plan.Subscription
	op, errs := s.plan.CreateOperationContext(graphql.StartOperationTrace(ctx), &graphql.RawParams{Query: text, Variables: v})
	if errs != nil {
		return s.outcome(t, &graphql.Response{Errors: errs})
	}
	next, in := s.plan.DispatchOperation(plan.WithTaker(graphql.StartOperationTrace(ctx), func(one plan.Subscription) { taken = &one }), op)
	if r := next(in); r != nil || taken == nil {
		t.Fatalf("not handed over: %v", r)
	}
	feed, render, refused := taken.Open(ctx)
	if refused != nil {
		return s.outcome(t, refused)
	}
	message, err := begin(ctx, feed)
	if err != nil {
		return outcome{} // it ends: with what words is the transport's matter
	}
	if message == nil {
		return outcome{} // there is nothing to tell yet, and gqlgen's ends before its first message
	}
	return s.outcome(t, render(ctx, message))
}

func begin(ctx context.Context, f live.Feed[any]) (message any, err error) {
	switch {
	case f.Now != nil:
		message, _, err = f.Now(ctx)
	case f.Next != nil:
		var news []any
		if news, _, err = f.Next(ctx); len(news) > 0 {
			message = news[0]
		}
	default:
		err = f.Run(ctx, func(one any) bool {
			if message == nil {
				message = one
			}
			return true
		})
	}
	return message, err
}

// channelled are the resolvers with channels in the place of feeds, from which gqlgen's own execution reads: the first message of each, and then the end.
type channelled struct{ *resolvers.Resolver }

func (c channelled) Subscription() gql.SubscriptionResolver {
	return channels{c.Resolver.Subscription()}
}

type channels struct{ of gql.SubscriptionResolver }

func (c channels) ViewerChanged(ctx context.Context) (<-chan *account.Viewer, error) {
	return channel(ctx, c.of.ViewerChanged)
}

func (c channels) MembersChanged(ctx context.Context, org ident.Any) (<-chan *organization.Organization, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *organization.Organization, error) {
		return c.of.MembersChanged(ctx, org)
	})
}

func (c channels) AuditAppended(ctx context.Context, org ident.Any, after *string) (<-chan *audit.Audit, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *audit.Audit, error) { return c.of.AuditAppended(ctx, org, after) })
}

func (c channels) OpsAuditAppended(ctx context.Context, f *audit.AuditFilter, after *string) (<-chan *audit.Audit, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *audit.Audit, error) { return c.of.OpsAuditAppended(ctx, f, after) })
}

func (c channels) OpsDeliveryChanged(ctx context.Context, by *mail.MessageChannel) (<-chan mail.Delivery, error) {
	return channel(ctx, func(ctx context.Context) (<-chan mail.Delivery, error) { return c.of.OpsDeliveryChanged(ctx, by) })
}

func (c channels) OpsUserChanged(ctx context.Context, id ident.Any) (<-chan *account.User, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *account.User, error) { return c.of.OpsUserChanged(ctx, id) })
}

func (c channels) ApprovalChanged(ctx context.Context, id *ident.Any) (<-chan *approval.ApprovalRequest, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *approval.ApprovalRequest, error) {
		return c.of.ApprovalChanged(ctx, id)
	})
}

func (c channels) ConnectionProgress(ctx context.Context, id ident.Any) (<-chan *connection.Connection, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *connection.Connection, error) {
		return c.of.ConnectionProgress(ctx, id)
	})
}

func (c channels) ConnectionEvents(ctx context.Context, id ident.Any, after *int64) (<-chan *connection.ConnectionEvent, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *connection.ConnectionEvent, error) {
		return c.of.ConnectionEvents(ctx, id, after)
	})
}

func (c channels) ConnectionsChanged(ctx context.Context, org ident.Any, app *ident.Any) (<-chan *connection.ConnectionsChange, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *connection.ConnectionsChange, error) {
		return c.of.ConnectionsChanged(ctx, org, app)
	})
}

func (c channels) CheckProgress(ctx context.Context, hostname string, app ident.Any, locale *string) (<-chan *domaincheck.DomainCheckStep, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *domaincheck.DomainCheckStep, error) {
		return c.of.CheckProgress(ctx, hostname, app, locale)
	})
}

func (c channels) IncidentsChanged(ctx context.Context, org ident.Any) (<-chan *monitor.Incident, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *monitor.Incident, error) { return c.of.IncidentsChanged(ctx, org) })
}

func (c channels) WebhookMessages(ctx context.Context, app ident.Any, topics []string, after *string) (<-chan *webhook.WebhookMessageBatch, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *webhook.WebhookMessageBatch, error) {
		return c.of.WebhookMessages(ctx, app, topics, after)
	})
}

func (c channels) WebhookDeliveries(ctx context.Context, endpoint ident.Any, after *string) (<-chan *webhook.WebhookDelivery, error) {
	return channel(ctx, func(ctx context.Context) (<-chan *webhook.WebhookDelivery, error) {
		return c.of.WebhookDeliveries(ctx, endpoint, after)
	})
}

// channel opens a subscription and holds its first message.
func channel[T any](ctx context.Context, open func(context.Context) (<-chan T, error)) (<-chan T, error) {
	var feed live.Feed[any]
	if _, err := open(live.WithTaker(ctx, func(f live.Feed[any]) { feed = f })); err != nil {
		return nil, err
	}
	out := make(chan T, 1)
	defer close(out)
	if message, err := begin(ctx, feed); err == nil && message != nil {
		out <- message.(T)
	}
	return out, nil
}
