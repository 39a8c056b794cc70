package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	mayRead   authz.Permission = "webhook.read"
	mayWrite  authz.Permission = "webhook.write"
	mayReplay authz.Permission = "webhook.replay"

	secretColumn = "webhook_endpoint.sealed_secret"
)

// Service is everything that is done with webhooks. Its fields are set by the assembly.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Authz   *authz.Authorizer
	Vault   *vault.Vault
	Hub     *live.Hub
	Work    *work.Runner
	Outside safehttp.Options // how endpoints are checked and reached; the lab profile opens loopback
	Timeout time.Duration    // of one attempt; 0 is 15 s
	// OrgOfApplication says whose an application is.
	OrgOfApplication func(ctx context.Context, id ident.ApplicationID) (ident.OrgID, error)

	q        webhookq.Queries
	once     sync.Once
	client   *send.Client
	sends    chan struct{}
	outcomes *work.Sets[*outcome]
	leaving  *work.Sets[turn]
	away     atomic.Bool            // PostgreSQL, when it was last written to
	lag      prometheus.Observer    // nil until Measure
	tries    *prometheus.CounterVec // nil until Measure
}

// OrgOf says whose an endpoint is.
func (s *Service) OrgOf(ctx context.Context, id ident.WebhookID) (ident.OrgID, error) {
	u, err := s.q.OrgOfEndpoint(ctx, s.DB, webhookq.OrgOfEndpointParams{ID: id.UUID()})
	return owner(u, err, "webhook endpoint")
}

// OrgOfDelivery says whose a delivery is.
func (s *Service) OrgOfDelivery(ctx context.Context, id ident.DeliveryID) (ident.OrgID, error) {
	u, err := s.q.OrgOfDelivery(ctx, s.DB, webhookq.OrgOfDeliveryParams{ID: id.UUID()})
	return owner(u, err, "webhook delivery")
}

func owner(u uuid.UUID, err error, noun string) (ident.OrgID, error) {
	if db.NotFound(err) || err == nil && u == uuid.Nil {
		return ident.OrgID{}, fault.NotFound(noun)
	} else if err != nil {
		return ident.OrgID{}, fmt.Errorf("find a %s: %w", noun, err)
	}
	return ident.From[ident.OrgID](u), nil
}

// Get reads an endpoint for a caller with webhook.read. Keys that are narrowed to an application see its endpoints alone.
func (s *Service) Get(ctx context.Context, id ident.WebhookID) (*WebhookEndpoint, error) {
	_, e, err := s.reach(ctx, mayRead, id)
	return e, err
}

// reach reads an endpoint for a caller who has the permission on it; unknown, foreign and outside a key's narrowing look alike.
func (s *Service) reach(ctx context.Context, p authz.Permission, id ident.WebhookID) (authz.Scope, *WebhookEndpoint, error) {
	org, err := s.OrgOf(ctx, id)
	if err != nil {
		return authz.Scope{}, nil, err
	}
	scope, err := s.Authz.Authorize(ctx, p, org)
	if err != nil {
		return authz.Scope{}, nil, err
	}
	e, err := s.byID(ctx, s.DB, scope, id)
	return scope, e, err
}

func (s *Service) byID(ctx context.Context, on webhookq.DBTX, scope authz.Scope, id ident.WebhookID) (*WebhookEndpoint, error) {
	r, err := s.q.EndpointByID(ctx, on, webhookq.EndpointByIDParams{ID: id.UUID(), OrgID: scope.OrgUUID()})
	if db.NotFound(err) || err == nil && !covers(scope, r.WebhookEndpoint.ApplicationID) {
		return nil, fault.NotFound("webhook endpoint")
	} else if err != nil {
		return nil, fmt.Errorf("read the endpoint %s: %w", id, err)
	}
	return fromRow(&r.WebhookEndpoint, r.Pending), nil
}

// covers says whether a scope reaches an endpoint of an application, or of none.
func covers(scope authz.Scope, app *uuid.UUID) bool {
	return scope.Application().IsZero() || app != nil && scope.Covers(ident.From[ident.ApplicationID](*app))
}

// List answers an organization's endpoints, the newest first. There are at most 50.
func (s *Service) List(ctx context.Context, org ident.OrgID) ([]*WebhookEndpoint, error) {
	scope, err := s.Authz.Authorize(ctx, mayRead, org)
	if err != nil {
		return nil, err
	}
	app := scope.Application()
	rows, err := s.q.ListEndpoints(ctx, s.DB, webhookq.ListEndpointsParams{OrgID: scope.OrgUUID(), AnyApplication: app.IsZero(), ApplicationID: app.UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the endpoints: %w", err)
	}
	out := make([]*WebhookEndpoint, len(rows))
	for n, r := range rows {
		out[n] = fromRow(&r.WebhookEndpoint, r.Pending)
	}
	return out, nil
}

// ByIDs reads endpoints of one organization for a caller who was authorised for it; ids that are not its own are missing in the answer.
func (s *Service) ByIDs(ctx context.Context, org ident.OrgID, ids []ident.WebhookID) (map[ident.WebhookID]*WebhookEndpoint, error) {
	rows, err := s.q.EndpointsByID(ctx, s.DB, webhookq.EndpointsByIDParams{OrgID: org.UUID(), Ids: uuids(ids)})
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	out := make(map[ident.WebhookID]*WebhookEndpoint, len(rows))
	for _, r := range rows {
		e := fromRow(&r.WebhookEndpoint, r.Pending)
		out[e.ID] = e
	}
	return out, nil
}

func uuids[T interface{ UUID() uuid.UUID }](ids []T) []uuid.UUID {
	out := make([]uuid.UUID, len(ids))
	for n, id := range ids {
		out[n] = id.UUID()
	}
	return out
}

func fromRow(r *webhookq.WebhookEndpoint, pending int32) *WebhookEndpoint {
	return &WebhookEndpoint{ID: ident.From[ident.WebhookID](r.ID), OrganizationID: ident.From[ident.OrgID](*r.OrgID), ApplicationID: ident.FromPtr[ident.ApplicationID](r.ApplicationID),
		URL: r.Url, Description: r.Description, Topics: r.Topics, Filter: json.RawMessage(r.Filter), Status: WebhookEndpointStatus(r.Status), DisabledReason: r.DisabledReason,
		Ordered: r.Ordered, APIVersion: r.ApiVersion, SecretHint: r.SecretHint, PreviousSecretUntil: r.PreviousSecretUntil, DisabledAt: r.DisabledAt, Pending: pending, Version: r.Version, CreatedAt: r.CreatedAt}
}

// Part is what webhooks contribute.
func (s *Service) Part() part.Part {
	all, owner := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, []authz.Role{authz.Owner}
	return part.Part{
		Name: "webhook",
		Grants: []authz.Grant{
			{Permission: mayRead, Roles: all, What: "see webhook endpoints and their deliveries"},
			{Permission: mayWrite, Roles: owner, What: "make, change, test and delete webhook endpoints"},
			{Permission: mayReplay, Roles: owner, What: "send deliveries again"},
		},
		Readers:   []event.Reader{{Name: "webhook.fanout", Wants: func(action string) bool { _, ok := message.Public(action); return ok }, ApplyAll: s.fanOut}},
		Queues:    []work.Queue{s.queue()},
		Periodics: []work.Periodic{s.retention()},
		Nodes: map[string]part.Finder{
			"whk": func(ctx context.Context, a ident.Any) (any, error) {
				id, err := ident.As[ident.WebhookID](a, "id")
				if err != nil {
					return nil, err
				}
				return s.Get(ctx, id)
			},
			"dlv": func(ctx context.Context, a ident.Any) (any, error) {
				id, err := ident.As[ident.DeliveryID](a, "id")
				if err != nil {
					return nil, err
				}
				return s.Delivery(ctx, id)
			},
		},
	}
}
