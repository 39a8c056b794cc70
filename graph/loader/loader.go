// Package loader reads what hangs below the objects of one response together: a page of twenty connections costs as many queries as one connection.
//
// Loaders live as long as one response. A subscription gets new ones for every message, or its second message would show what the first one read.
package loader

import (
	"context"
	"slices"
	"sync"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
)

// Sources are the services that read.
type Sources struct {
	Organizations *organization.Service
	Applications  *application.Service
	Recipes       *recipe.Service
	Connections   *connection.Service
	Certificates  *certificate.Service
	Webhooks      *webhook.Service
	Monitor       *monitor.Service
}

// Loaders are those of one response. What they take was read for this caller before: nothing is authorised again.
type Loaders struct {
	sources Sources
	once    sync.Once // the rest is made with the first use: most messages of a subscription need none of it

	organizations *batch[ident.OrgID, *organization.Organization]
	applications  *batch[ofOrg[ident.ApplicationID], *application.Application]
	counts        *batch[*application.Application, []*connection.StateCount]
	recipes       *batch[ident.RecipeID, *recipe.Recipe]
	connections   *batch[ident.ConnectionID, *connection.Connection]
	records       *batch[*connection.Connection, []*record.Record]
	conflicts     *batch[*connection.Connection, []*record.Conflict]
	companions    *batch[*connection.Connection, *connection.Companion]
	holders       *batch[*connection.Connection, *connection.Connection]
	lastChecks    *batch[*connection.Connection, *check.DnsCheck]
	certificates  *batch[*connection.Connection, []*certificate.Certificate]
	observations  *batch[*check.DnsCheck, []*analysis.Observation]
	endpoints     *batch[ident.WebhookID, *webhook.WebhookEndpoint]
	health        *batch[*webhook.WebhookEndpoint, webhook.Health]
	missed        *batch[*webhook.WebhookEndpoint, int32]
	policies      *batch[ofOrg[ident.MonitorPolicyID], *monitor.MonitorPolicy]
	incidents     *batch[incidentsOf, []*monitor.Incident]
	attempts      *batch[ofOrg[ident.DeliveryID], []*webhook.WebhookAttempt]

	mu    sync.Mutex
	lists map[any]*list
}

// ofOrg is an id that is read within its organization.
type ofOrg[ID comparable] struct {
	org ident.OrgID
	id  ID
}

// incidentsOf are a connection's incidents, narrowed.
type incidentsOf struct {
	c  *connection.Connection
	in monitor.Standing
}

func (k ofOrg[ID]) both() (ident.OrgID, ID) { return k.org, k.id }

func connectionOf(c *connection.Connection) (ident.OrgID, ident.ConnectionID) { return c.OrgID, c.ID }

func applicationOf(a *application.Application) (ident.OrgID, ident.ApplicationID) {
	return a.OrgID, a.ID
}

func endpointOf(e *webhook.WebhookEndpoint) (ident.OrgID, ident.WebhookID) {
	return e.OrganizationID, e.ID
}

type key struct{}

// With gives a response its loaders.
func With(ctx context.Context, l *Loaders) context.Context { return context.WithValue(ctx, key{}, l) }

// From answers the loaders of the running response.
func From(ctx context.Context) *Loaders {
	l := ctx.Value(key{}).(*Loaders)
	l.once.Do(l.make)
	return l
}

// New is the loaders of one response.
func New(s Sources) *Loaders { return &Loaders{sources: s} }

func (l *Loaders) make() {
	s := l.sources
	l.organizations = each(s.Organizations.ByID)
	l.applications = perOrg(ofOrg[ident.ApplicationID].both, s.Applications.ByIDs)
	l.counts = perOrg(applicationOf, s.Connections.CountsOf)
	l.recipes = each(s.Recipes.Find)
	l.connections = together(s.Connections.ByIDs)
	l.records = together(s.Connections.RecordsOf)
	l.conflicts = together(s.Connections.ConflictsOf)
	l.companions = together(s.Connections.CompanionsOf)
	l.holders = together(s.Connections.HoldersOf)
	l.certificates = perOrg(connectionOf, s.Certificates.ByConnection)
	l.observations = together(s.Connections.ObservationsOf)
	l.endpoints = each(s.Webhooks.Get)
	l.health = perOrg(endpointOf, s.Webhooks.HealthOf)
	l.missed = together(func(ctx context.Context, all []*webhook.WebhookEndpoint) ([]int32, error) {
		return missedOf(ctx, s.Webhooks, all)
	})
	l.attempts = perOrg(ofOrg[ident.DeliveryID].both, s.Webhooks.AttemptsOf)
	l.policies = perOrg(ofOrg[ident.MonitorPolicyID].both, s.Monitor.PoliciesByID)
	l.incidents = together(func(ctx context.Context, keys []incidentsOf) ([][]*monitor.Incident, error) {
		return readIncidents(ctx, s.Monitor, keys)
	})
	l.lists = map[any]*list{}
	l.lastChecks = together(func(ctx context.Context, cons []*connection.Connection) ([]*check.DnsCheck, error) {
		last, err := s.Connections.LastChecksOf(ctx, cons)
		Together(l, slices.DeleteFunc(slices.Clone(last), func(c *check.DnsCheck) bool { return c == nil }))
		return last, err
	})
}

// perOrg makes a read of objects of one organization by their ids into one that answers a value for each key; what is missing is the zero value.
func perOrg[K comparable, ID comparable, V any](of func(K) (ident.OrgID, ID), read func(context.Context, ident.OrgID, []ID) (map[ID]V, error)) *batch[K, V] {
	return together(func(ctx context.Context, keys []K) ([]V, error) {
		ids, values := map[ident.OrgID][]ID{}, make([]V, len(keys))
		for _, k := range keys {
			org, id := of(k)
			ids[org] = append(ids[org], id)
		}
		for org, list := range ids {
			found, err := read(ctx, org, list)
			if err != nil {
				return nil, err
			}
			for n, k := range keys {
				if at, id := of(k); at == org {
					values[n] = found[id]
				}
			}
		}
		return values, nil
	})
}
