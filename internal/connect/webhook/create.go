package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	maxEndpoints   = 50
	maxDescription = 500
)

// CreateWebhookEndpointInput asks for an endpoint. A key that is narrowed to an application makes endpoints of that application.
type CreateWebhookEndpointInput struct {
	OrganizationID   ident.OrgID
	URL              string
	Topics           []string
	Filter           json.RawMessage
	ApplicationID    *ident.ApplicationID
	Description      *string
	Ordered          *bool
	ClientMutationID *string
}

// changed is the payload of the events of endpoints: names and codes, and of the address its host alone, since a path may hold a token.
type changed struct {
	V             int                   `json:"v"`
	Host          string                `json:"host"`
	Topics        []string              `json:"topics,omitempty"`
	ApplicationID *ident.ApplicationID  `json:"applicationId,omitempty"`
	Fields        []string              `json:"fields,omitempty"`
	Status        WebhookEndpointStatus `json:"status,omitempty"`
	Reason        string                `json:"reason,omitempty"`
}

// Create makes an endpoint and answers its secret, once.
func (s *Service) Create(ctx context.Context, in CreateWebhookEndpointInput) (*WebhookEndpointResult, error) {
	if _, err := s.Authz.Authorize(ctx, mayWrite, in.OrganizationID); err != nil {
		return nil, err
	}
	reachable := s.checkURL(ctx, in.URL) // asks DNS, so outside of the transaction, and for nobody who may not
	return door.Do(ctx, s.Door, door.Change[CreateWebhookEndpointInput, *WebhookEndpointResult]{
		Action: door.Action{Name: "webhook_endpoint.create", Permission: mayWrite},
		Org: func(_ context.Context, in CreateWebhookEndpointInput) (ident.OrgID, error) {
			return in.OrganizationID, nil
		},
		Key: func(in CreateWebhookEndpointInput) *string { return in.ClientMutationID },
		Validate: func(ctx context.Context, e *door.Effect, in *CreateWebhookEndpointInput) error {
			return s.validateCreate(ctx, e, in, reachable)
		},
		Do: s.create,
	}, in)
}

func (s *Service) validateCreate(ctx context.Context, e *door.Effect, in *CreateWebhookEndpointInput, reachable error) error {
	clean, faults := message.Check(in.Topics)
	in.Topics = clean
	if only := e.Scope.Application(); !only.IsZero() && in.ApplicationID == nil {
		in.ApplicationID = &only
	}
	filter, kept, err := message.CheckFilter(in.Filter)
	in.Filter = kept
	faults = append(faults, reachable, err, checkDescription(&in.Description))
	for field, app := range map[string]*ident.ApplicationID{"applicationId": in.ApplicationID, "filter": filter.ApplicationID} {
		if err := s.checkApplication(ctx, e, app, field); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (s *Service) create(ctx context.Context, e *door.Effect, in CreateWebhookEndpointInput) (*WebhookEndpointResult, error) {
	n, err := s.q.CountEndpoints(ctx, e.Tx, webhookq.CountEndpointsParams{OrgID: e.Scope.OrgUUID()})
	if err != nil {
		return nil, fmt.Errorf("count the endpoints: %w", err)
	}
	if n >= maxEndpoints {
		return nil, fault.Precondition("endpoints_many", "An organization has at most %d webhook endpoints. Delete one that is not used.", maxEndpoints)
	}
	id := ident.New[ident.WebhookID](e.Tx.Now)
	hidden, hint := send.NewSecret()
	sealed, err := s.Vault.Seal(ctx, e.Tx, e.Scope.Org(), secretColumn, id.String(), []byte(hidden.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("seal the secret of %s: %w", id, err)
	}
	p := webhookq.AddEndpointParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID(), Url: in.URL, Topics: in.Topics, Filter: in.Filter, Ordered: in.Ordered == nil || *in.Ordered,
		ApiVersion: message.Version, SealedSecret: sealed, SecretHint: hint, CreatedAt: e.Tx.Now}
	if in.Description != nil {
		p.Description = *in.Description
	}
	if in.ApplicationID != nil {
		p.ApplicationID = new(in.ApplicationID.UUID())
	}
	if err := s.q.AddEndpoint(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("add the endpoint: %w", err)
	}
	if err := s.q.AddLane(ctx, e.Tx, webhookq.AddLaneParams{EndpointID: p.ID, OrgID: p.OrgID}); err != nil {
		return nil, fmt.Errorf("add the lane of %s: %w", id, err)
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "webhook_endpoint.created", Subject: id.String(), Version: 1, Audited: true,
		Payload: changed{V: 1, Host: hostOf(in.URL), Topics: in.Topics, ApplicationID: in.ApplicationID}})
	endpoint, err := s.byID(ctx, e.Tx, e.Scope, id)
	if err != nil {
		return nil, err
	}
	return &WebhookEndpointResult{Endpoint: endpoint, Secret: &hidden}, nil
}

// checkURL asks DNS where the address leads. It is asked again at each attempt.
func (s *Service) checkURL(ctx context.Context, raw string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := safehttp.Check(ctx, raw, s.Outside)
	if e, ok := errors.AsType[*safehttp.Error](err); ok {
		return fault.Invalid("url", e.Reason, "Nothing can be sent to this address: %s.", e.Detail)
	} else if err != nil {
		return fault.Invalid("url", safehttp.Invalid, "Nothing can be sent to this address.").Because(err)
	}
	return nil
}

// checkApplication holds an id to the organization, and to the one application that a caller is narrowed to.
func (s *Service) checkApplication(ctx context.Context, e *door.Effect, app *ident.ApplicationID, field string) error {
	if app == nil {
		return nil
	}
	ours, err := s.q.IsApplication(ctx, e.Tx, webhookq.IsApplicationParams{ID: app.UUID(), OrgID: e.Scope.OrgUUID()})
	if err != nil {
		return fmt.Errorf("look for the application %s: %w", app, err)
	}
	if !ours || !e.Scope.Covers(*app) {
		return fault.At(fault.NotFound("application"), field)
	}
	return nil
}

func checkDescription(text **string) error {
	if *text == nil {
		return nil
	}
	trimmed := strings.TrimSpace(**text)
	*text = &trimmed // the caller's own text stays: it is part of what an idempotency key stands for
	if len([]rune(trimmed)) > maxDescription || strings.ContainsRune(trimmed, 0) {
		return fault.Invalid("description", "description_length", "Describe it in at most %d characters.", maxDescription)
	}
	return nil
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
