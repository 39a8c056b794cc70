package loader

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
)

// list is what one field of the response answered: the first member that needs something brings the others along.
type list struct{ members []any }

// Together says that these objects stand in one list.
func Together[T comparable](l *Loaders, members []T) {
	one := &list{members: make([]any, len(members))}
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, m := range members {
		l.lists[m], one.members[n] = one, m
	}
}

// of reads what hangs below an object, for its whole list.
func of[T, K comparable, V any](ctx context.Context, l *Loaders, from *batch[K, V], object T, key func(T) K) (V, error) {
	return from.load(ctx, key(object), func() []K {
		l.mu.Lock()
		one := l.lists[object]
		l.mu.Unlock()
		if one == nil {
			return nil
		}
		keys := make([]K, len(one.members))
		for n, m := range one.members {
			keys[n] = key(m.(T))
		}
		return keys
	})
}

func itself[T any](v T) T { return v }

// Records are the lines of a connection.
func (l *Loaders) Records(ctx context.Context, c *connection.Connection) ([]*record.Record, error) {
	return of(ctx, l, l.records, c, itself)
}

// VerificationRecord is the line that proves ownership, nil when none is asked for.
func (l *Loaders) VerificationRecord(ctx context.Context, c *connection.Connection) (*record.Record, error) {
	lines, err := l.Records(ctx, c)
	for _, r := range lines {
		if r.Purpose == record.Ownership {
			return r, err
		}
	}
	return nil, err
}

// Conflicts are what is in the way of a connection.
func (l *Loaders) Conflicts(ctx context.Context, c *connection.Connection) ([]*record.Conflict, error) {
	return of(ctx, l, l.conflicts, c, itself)
}

// Companion is the other name of a connection's pair, nil where there is none.
func (l *Loaders) Companion(ctx context.Context, c *connection.Connection) (*connection.Companion, error) {
	return of(ctx, l, l.companions, c, itself)
}

// HeldBy is the connection of the same organization that has the name which this one wants, nil where there is none.
func (l *Loaders) HeldBy(ctx context.Context, c *connection.Connection) (*connection.Connection, error) {
	return of(ctx, l, l.holders, c, itself)
}

// LastCheck is the newest check of a connection, nil when there was none.
func (l *Loaders) LastCheck(ctx context.Context, c *connection.Connection) (*check.DnsCheck, error) {
	return of(ctx, l, l.lastChecks, c, itself)
}

// Certificates are those of a connection, the newest first.
func (l *Loaders) Certificates(ctx context.Context, c *connection.Connection) ([]*certificate.Certificate, error) {
	all, err := of(ctx, l, l.certificates, c, itself)
	return append([]*certificate.Certificate{}, all...), err
}

// Certificate is the one that counts: what the connection's state speaks of unless it was revoked, else the newest, which is on its way; nil when there is none.
func (l *Loaders) Certificate(ctx context.Context, c *connection.Connection) (*certificate.Certificate, error) {
	all, err := l.Certificates(ctx, c)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	at := slices.IndexFunc(all, func(one *certificate.Certificate) bool {
		return one.ID == c.Facets.TLS.Certificate && one.Status != certificate.Revoked
	})
	return all[max(at, 0)], nil
}

// Observations are what servers answered in a check.
func (l *Loaders) Observations(ctx context.Context, c *check.DnsCheck) ([]*analysis.Observation, error) {
	return of(ctx, l, l.observations, c, itself)
}

// Organization is the tenant of an object that the caller may see.
func (l *Loaders) Organization(ctx context.Context, id ident.OrgID) (*organization.Organization, error) {
	return l.organizations.load(ctx, id, alone)
}

// Application is that of an object of org that the caller may see.
func (l *Loaders) Application(ctx context.Context, org ident.OrgID, id ident.ApplicationID) (*application.Application, error) {
	app, err := l.applications.load(ctx, ofOrg[ident.ApplicationID]{org, id}, alone)
	if err == nil && app == nil {
		err = fmt.Errorf("the application %s of %s is gone", id, org)
	}
	return app, err
}

// ApplicationOf is that of a connection.
func (l *Loaders) ApplicationOf(ctx context.Context, c *connection.Connection) (*application.Application, error) {
	return of(ctx, l, l.applications, c, func(c *connection.Connection) ofOrg[ident.ApplicationID] {
		return ofOrg[ident.ApplicationID]{c.OrgID, c.ApplicationID}
	})
}

// ConnectionCounts is how many connections of an application are in each state.
func (l *Loaders) ConnectionCounts(ctx context.Context, a *application.Application) ([]*connection.StateCount, error) {
	counts, err := of(ctx, l, l.counts, a, itself)
	if err == nil && counts == nil {
		err = fault.NotFound("application")
	}
	return counts, err
}

// RecipeOf is the version that a connection was planned by.
func (l *Loaders) RecipeOf(ctx context.Context, c *connection.Connection) (*recipe.Recipe, error) {
	return of(ctx, l, l.recipes, c, func(c *connection.Connection) ident.RecipeID { return c.RecipeID })
}

// Recipe is the version that an object of the caller's was planned by.
func (l *Loaders) Recipe(ctx context.Context, id ident.RecipeID) (*recipe.Recipe, error) {
	return l.recipes.load(ctx, id, alone)
}

// Connection is one that something else speaks of; NOT_FOUND when the caller may not see it.
func (l *Loaders) Connection(ctx context.Context, id ident.ConnectionID) (*connection.Connection, error) {
	c, err := l.connections.load(ctx, id, alone)
	if err == nil && c == nil {
		err = fault.NotFound("connection")
	}
	return c, err
}

// ConnectionOf is whose certificate it is.
func (l *Loaders) ConnectionOf(ctx context.Context, crt *certificate.Certificate) (*connection.Connection, error) {
	c, err := of(ctx, l, l.connections, crt, func(crt *certificate.Certificate) ident.ConnectionID { return crt.ConnectionID })
	if err == nil && c == nil {
		err = fault.NotFound("connection")
	}
	return c, err
}

// Endpoint is that of a delivery; NOT_FOUND when it was deleted.
func (l *Loaders) Endpoint(ctx context.Context, id ident.WebhookID) (*webhook.WebhookEndpoint, error) {
	return l.endpoints.load(ctx, id, alone)
}

// Health is how an endpoint did in the last 24 hours.
func (l *Loaders) Health(ctx context.Context, e *webhook.WebhookEndpoint) (webhook.Health, error) {
	return of(ctx, l, l.health, e, itself)
}

// Missed counts what a disabled endpoint did not get.
func (l *Loaders) Missed(ctx context.Context, e *webhook.WebhookEndpoint) (int32, error) {
	return of(ctx, l, l.missed, e, itself)
}

// missedOf asks once for each organization.
func missedOf(ctx context.Context, s *webhook.Service, all []*webhook.WebhookEndpoint) ([]int32, error) {
	orgs, counts := map[ident.OrgID][]*webhook.WebhookEndpoint{}, make([]int32, len(all))
	for _, e := range all {
		orgs[e.OrganizationID] = append(orgs[e.OrganizationID], e)
	}
	for org, list := range orgs {
		missed, err := s.MissedOf(ctx, org, list)
		if err != nil {
			return nil, err
		}
		for n, e := range all {
			if e.OrganizationID == org {
				counts[n] = missed[e.ID]
			}
		}
	}
	return counts, nil
}

// Attempts are those of a delivery, in order.
func (l *Loaders) Attempts(ctx context.Context, d *webhook.WebhookDelivery) ([]*webhook.WebhookAttempt, error) {
	e, err := l.Endpoint(ctx, d.EndpointID)
	if err != nil {
		return nil, err
	}
	all, err := of(ctx, l, l.attempts, d, func(d *webhook.WebhookDelivery) ofOrg[ident.DeliveryID] {
		return ofOrg[ident.DeliveryID]{e.OrganizationID, d.ID} // a list of deliveries is of one endpoint
	})
	return append([]*webhook.WebhookAttempt{}, all...), err
}

// Policy is how an application's live names are looked after; nil: as the product does.
func (l *Loaders) Policy(ctx context.Context, a *application.Application) (*monitor.MonitorPolicy, error) {
	if a.MonitorPolicyID == nil {
		return nil, nil
	}
	return l.policies.load(ctx, ofOrg[ident.MonitorPolicyID]{a.OrgID, *a.MonitorPolicyID}, alone)
}

// Incidents are those of a connection, the newest first.
func (l *Loaders) Incidents(ctx context.Context, c *connection.Connection, in monitor.Standing) ([]*monitor.Incident, error) {
	return of(ctx, l, l.incidents, c, func(c *connection.Connection) incidentsOf { return incidentsOf{c, in} })
}

// IncidentConnection is the name that an incident is about; NOT_FOUND when the caller may not see it.
func (l *Loaders) IncidentConnection(ctx context.Context, i *monitor.Incident) (*connection.Connection, error) {
	c, err := of(ctx, l, l.connections, i, func(i *monitor.Incident) ident.ConnectionID { return i.ConnectionID })
	if err == nil && c == nil {
		err = fault.NotFound("connection")
	}
	return c, err
}

// readIncidents reads those of many connections, organization by organization.
func readIncidents(ctx context.Context, s *monitor.Service, keys []incidentsOf) ([][]*monitor.Incident, error) {
	type share struct {
		org ident.OrgID
		in  monitor.Standing
	}
	shares := map[share][]ident.ConnectionID{}
	for _, k := range keys {
		of := share{k.c.OrgID, k.in}
		shares[of] = append(shares[of], k.c.ID)
	}
	out := make([][]*monitor.Incident, len(keys))
	for of, cons := range shares {
		found, err := s.Of(ctx, of.org, of.in, cons)
		if err != nil {
			return nil, err
		}
		for n, k := range keys {
			if k.c.OrgID == of.org && k.in == of.in {
				out[n] = append([]*monitor.Incident{}, found[k.c.ID]...)
			}
		}
	}
	return out, nil
}
