package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// endpoints are the receivers of every rig.
const endpoints = 100

// kekName is the variable that holds the key of a database that lives for one run.
const kekName, kek = "NAMEPLATE_BENCH_KEK", "bench:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// product is the webhook engine with the mechanisms that it stands on, joined as the assembly joins them.
type product struct {
	*db.DB
	door   *door.Door
	ledger *event.Ledger
	work   *work.Runner
	hooks  *webhook.Service
}

func build(d *db.DB) (*product, error) {
	key, err := vault.LoadKEK("env:"+kekName, false)
	if err != nil {
		return nil, err
	}
	door.Register()
	p := &product{DB: d, work: &work.Runner{DB: d}}
	hub, rights, box := live.NewHub(nil), authz.New(d), vault.New(d, key)
	p.ledger = &event.Ledger{DB: d, Hub: hub, Work: p.work}
	p.door = &door.Door{DB: d, Authz: rights, Ledger: p.ledger, Vault: box, Hub: hub}
	p.hooks = &webhook.Service{DB: d, Door: p.door, Authz: rights, Vault: box, Hub: hub, Work: p.work, Outside: safehttp.Options{AllowLoopbackHTTP: true}}
	part := p.hooks.Part()
	rights.Add(part.Grants...)
	p.ledger.Readers = part.Readers
	p.work.Queues = append(part.Queues, p.ledger.Sweep())
	return p, nil
}

// tenant is an organization with connections, and as many endpoints as it has of the receivers.
type tenant struct {
	org         ident.OrgID
	owner       ident.UserID
	endpoints   []ident.WebhookID
	connections []ident.ConnectionID
}

// as is a request of the organization's owner.
func (t tenant) as(ctx context.Context) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: t.owner, SessionID: ident.New[ident.SessionID](time.Now()), AuthTime: time.Now(), AAL: 1, RequestID: "bench", Locale: "en"})
}

// tenants makes organizations that share the receivers.
func (p *product) tenants(ctx context.Context, r *receiver, orgs, connections int, ordered bool) (out []tenant, err error) {
	for n := range orgs {
		now := p.Now()
		t := tenant{org: ident.New[ident.OrgID](now), owner: ident.New[ident.UserID](now)}
		user := t.owner.UUID()
		app, recipe, slug := ident.New[ident.ApplicationID](now), ident.V7(now), fmt.Sprintf("bench%d", n)
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{"insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2)", []any{user, now}},
			{"insert into user_profile (user_id, first_name, display_name, email) values ($1, $2, $2, $3)", []any{user, slug, slug + "@example.com"}},
			{"insert into organization (id, slug, name, ownership, created_by, created_at) values ($1, $2, $3, 'SHARED', $4, $5)", []any{t.org.UUID(), slug, slug, user, now}},
			{"insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,OWNER}', $4)", []any{ident.V7(now), t.org.UUID(), user, now}},
			{"insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Shop', 'LIVE', $3, $4, $4)", []any{app.UUID(), t.org.UUID(), app.String()[4:], now}},
			{"insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'r', 'PUBLISHED', '{APEX}', $4)", []any{recipe, t.org.UUID(), app.UUID(), now}},
		} {
			if _, err := p.Exec(ctx, q.sql, q.args...); err != nil {
				return nil, fmt.Errorf("make the organization %s: %w", slug, err)
			}
		}
		for c := range connections {
			id := ident.New[ident.ConnectionID](now)
			if _, err := p.Exec(ctx, `insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, external_ref, labels, recipe_id, state, state_since, facets,
				setup_origin, target_token, verification_token, created_by, created_at, updated_at)
				values ($1, $2, $3, $4, $4, 'x', 'example.com', 'com', false, 'cust_42', '{eu}', $5, 'VERIFYING', $6, '{}', 'API', $7, $7, 'system:bench', $6, $6)`,
				id.UUID(), t.org.UUID(), app.UUID(), fmt.Sprintf("c%d-%d.example.com", n, c), recipe, now, strings.ToLower(rand.Text())); err != nil {
				return nil, fmt.Errorf("make a connection: %w", err)
			}
			t.connections = append(t.connections, id)
		}
		for e := range endpoints / orgs {
			made, err := p.hooks.Create(t.as(ctx), webhook.CreateWebhookEndpointInput{OrganizationID: t.org, URL: r.urls[n*(endpoints/orgs)+e] + "/hook", Topics: []string{"*"}, Ordered: &ordered})
			if err != nil {
				return nil, fmt.Errorf("make an endpoint: %w", err)
			}
			t.endpoints = append(t.endpoints, made.Endpoint.ID)
		}
		out = append(out, t)
	}
	return out, nil
}

// happen writes an event, and tells when its transaction had committed.
func (p *product) happen(ctx context.Context, t tenant, con ident.ConnectionID, number int) (at time.Time, err error) {
	err = p.door.System(ctx, "bench", t.org, func(_ context.Context, e *door.Effect) error {
		e.After(func() { at = time.Now() })
		payload := json.RawMessage(fmt.Sprintf(`{"v":1,"hostname":"n%d.example.com","state":"LIVE","from":"SECURING","secondsSinceStart":93}`, number))
		e.Record(event.Change{OrgID: t.org, Action: "connection.live", Subject: con.String(), Version: 1, Payload: payload})
		return nil
	})
	return at, err
}
