// Package loader reads what hangs below the objects of one response together: a page of twenty connections costs as many queries as one connection.
//
// Loaders live as long as one response. A subscription gets new ones for every message, or its second message would show what the first one read.
package loader

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/vikstrous/dataloadgen"
)

// wait is how long the first of a batch waits for others. Members of one list never wait for each other; see Together.
const wait = time.Millisecond

// Sources are the services that read.
type Sources struct {
	Organizations *organization.Service
	Applications  *application.Service
	Recipes       *recipe.Service
	Connections   *connection.Service
	Certificates  *certificate.Service
	Webhooks      *webhook.Service
}

// Loaders are those of one response. What they take was read for this caller before: nothing is authorised again.
type Loaders struct {
	organizations *dataloadgen.Loader[ident.OrgID, *organization.Organization]
	applications  *dataloadgen.Loader[ofOrg[ident.ApplicationID], *application.Application]
	recipes       *dataloadgen.Loader[ident.RecipeID, *recipe.Recipe]
	connections   *dataloadgen.Loader[ident.ConnectionID, *connection.Connection]
	records       *dataloadgen.Loader[*connection.Connection, []*record.Record]
	conflicts     *dataloadgen.Loader[*connection.Connection, []*record.Conflict]
	lastChecks    *dataloadgen.Loader[*connection.Connection, *check.DnsCheck]
	certificates  *dataloadgen.Loader[*connection.Connection, []*certificate.Certificate]
	observations  *dataloadgen.Loader[*check.DnsCheck, []*analysis.Observation]
	endpoints     *dataloadgen.Loader[ident.WebhookID, *webhook.WebhookEndpoint]
	health        *dataloadgen.Loader[*webhook.WebhookEndpoint, webhook.Health]
	attempts      *dataloadgen.Loader[ofOrg[ident.DeliveryID], []*webhook.WebhookAttempt]

	mu    sync.Mutex
	lists map[any]*list
}

// ofOrg is an id that is read within its organization.
type ofOrg[ID comparable] struct {
	org ident.OrgID
	id  ID
}

func (k ofOrg[ID]) both() (ident.OrgID, ID) { return k.org, k.id }

func connectionOf(c *connection.Connection) (ident.OrgID, ident.ConnectionID) { return c.OrgID, c.ID }

func endpointOf(e *webhook.WebhookEndpoint) (ident.OrgID, ident.WebhookID) {
	return e.OrganizationID, e.ID
}

type key struct{}

// With gives a response its loaders.
func With(ctx context.Context, l *Loaders) context.Context { return context.WithValue(ctx, key{}, l) }

// From answers the loaders of the running response.
func From(ctx context.Context) *Loaders { return ctx.Value(key{}).(*Loaders) }

// New makes the loaders of one response.
func New(s Sources) *Loaders {
	l := &Loaders{
		organizations: each(s.Organizations.ByID),
		applications:  perOrg(ofOrg[ident.ApplicationID].both, s.Applications.ByIDs),
		recipes:       each(s.Recipes.Find),
		connections:   together(s.Connections.ByIDs),
		records:       together(s.Connections.RecordsOf),
		conflicts:     together(s.Connections.ConflictsOf),
		certificates:  perOrg(connectionOf, s.Certificates.ByConnection),
		observations:  together(s.Connections.ObservationsOf),
		endpoints:     each(s.Webhooks.Get),
		health:        perOrg(endpointOf, s.Webhooks.HealthOf),
		attempts:      perOrg(ofOrg[ident.DeliveryID].both, s.Webhooks.AttemptsOf),
		lists:         map[any]*list{},
	}
	l.lastChecks = together(func(ctx context.Context, cons []*connection.Connection) ([]*check.DnsCheck, error) {
		last, err := s.Connections.LastChecksOf(ctx, cons)
		Together(l, slices.DeleteFunc(slices.Clone(last), func(c *check.DnsCheck) bool { return c == nil }))
		return last, err
	})
	return l
}

// together makes a loader of a read that answers one value for each key, in order.
func together[K comparable, V any](read func(context.Context, []K) ([]V, error)) *dataloadgen.Loader[K, V] {
	return dataloadgen.NewLoader(func(ctx context.Context, keys []K) ([]V, []error) {
		values, err := read(ctx, keys)
		if err != nil {
			return nil, []error{err}
		}
		return values, nil
	}, dataloadgen.WithWait(wait))
}

// each makes a loader of a read of one object: however many ask for it, it is read once.
func each[K comparable, V any](read func(context.Context, K) (V, error)) *dataloadgen.Loader[K, V] {
	return dataloadgen.NewLoader(func(ctx context.Context, keys []K) ([]V, []error) {
		values, faults := make([]V, len(keys)), make([]error, len(keys))
		for n, k := range keys {
			values[n], faults[n] = read(ctx, k)
		}
		return values, faults
	}, dataloadgen.WithWait(wait))
}

// perOrg makes a loader of a read that answers objects of one organization by their ids; what is missing in its answer is the zero value.
func perOrg[K, ID comparable, V any](of func(K) (ident.OrgID, ID), read func(context.Context, ident.OrgID, []ID) (map[ID]V, error)) *dataloadgen.Loader[K, V] {
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
