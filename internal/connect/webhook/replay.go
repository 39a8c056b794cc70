package webhook

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// sent is the payload of webhook_endpoint.tested and .replayed.
type sent struct {
	V          int               `json:"v"`
	DeliveryID ident.DeliveryID  `json:"deliveryId"`
	ReplayOf   *ident.DeliveryID `json:"replayOf,omitempty"`
	Topic      string            `json:"topic"`
	Count      int               `json:"count"`
}

// Test sends a real, signed delivery of a topic's example, with "test": true. It stands in the log and does not count as health.
func (s *Service) Test(ctx context.Context, id ident.WebhookID, name string) (*WebhookDelivery, error) {
	type input struct {
		ID    ident.WebhookID
		Topic string
	}
	return door.Do(ctx, s.Door, door.Change[input, *WebhookDelivery]{
		Action: door.Action{Name: "webhook_endpoint.test", Permission: mayWrite},
		Org:    func(ctx context.Context, in input) (ident.OrgID, error) { return s.OrgOf(ctx, in.ID) },
		Do: func(ctx context.Context, e *door.Effect, in input) (*WebhookDelivery, error) {
			r, err := s.lockEnabled(ctx, e, in.ID)
			if err != nil {
				return nil, err
			}
			t, ok := message.LookUp(in.Topic)
			if !ok {
				return nil, fault.Invalid("topic", "topic_unknown", "There is no such topic. The list is at webhookTopics.")
			}
			body, err := message.Example(t, e.Scope.Org(), in.ID).Write(e.Tx.Now, r.ApiVersion, true)
			if err != nil {
				return nil, err
			}
			delivery := ident.New[ident.DeliveryID](e.Tx.Now)
			if err := s.q.AddDelivery(ctx, e.Tx, webhookq.AddDeliveryParams{ID: delivery.UUID(), OrgID: e.Scope.OrgUUID(), EndpointID: r.ID, EventID: ident.V7(e.Tx.Now), EventAt: e.Tx.Now,
				Stream: in.ID.String(), Topic: t.Name, Body: body, Test: true, Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("add a test of %s: %w", in.ID, err)
			}
			return s.sent(ctx, e, r, "webhook_endpoint.tested", sent{V: 1, DeliveryID: delivery, Topic: t.Name, Count: 1})
		},
	}, input{id, name})
}

// Replay sends a delivery again: a new one with the same bytes and the same webhook-id, whatever became of the first. It waits for no other.
func (s *Service) Replay(ctx context.Context, id ident.DeliveryID) (*WebhookDelivery, error) {
	return door.Do(ctx, s.Door, door.Change[ident.DeliveryID, *WebhookDelivery]{
		Action: door.Action{Name: "webhook_endpoint.replay", Permission: mayReplay},
		Org:    s.OrgOfDelivery,
		Do: func(ctx context.Context, e *door.Effect, id ident.DeliveryID) (*WebhookDelivery, error) {
			of, err := s.q.FrozenDelivery(ctx, e.Tx, webhookq.FrozenDeliveryParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()})
			if db.NotFound(err) {
				return nil, fault.NotFound("webhook delivery")
			} else if err != nil {
				return nil, fmt.Errorf("read the delivery %s: %w", id, err)
			}
			r, err := s.lockEnabled(ctx, e, ident.From[ident.WebhookID](of.EndpointID))
			if err != nil {
				return nil, err
			}
			delivery := ident.New[ident.DeliveryID](e.Tx.Now)
			if err := s.q.AddDelivery(ctx, e.Tx, webhookq.AddDeliveryParams{ID: delivery.UUID(), OrgID: e.Scope.OrgUUID(), EndpointID: r.ID, EventID: of.EventID, EventAt: of.EventAt,
				Stream: of.Stream, Sequence: of.Sequence, Topic: of.Topic, Body: of.Body, ReplayOf: &of.ID, Test: of.Test, Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("send %s again: %w", id, err)
			}
			return s.sent(ctx, e, r, "webhook_endpoint.replayed", sent{V: 1, DeliveryID: delivery, ReplayOf: &id, Topic: of.Topic, Count: 1})
		},
	}, id)
}

func (s *Service) lockEnabled(ctx context.Context, e *door.Effect, id ident.WebhookID) (*webhookq.WebhookEndpoint, error) {
	r, err := s.lock(ctx, e, id)
	if err == nil && WebhookEndpointStatus(r.Status) != Enabled {
		return nil, fault.Precondition("endpoint_disabled", "Nothing is sent to a disabled endpoint. Enable it first.")
	}
	return r, err
}

func (s *Service) sent(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, action string, p sent) (*WebhookDelivery, error) {
	endpoint := ident.From[ident.WebhookID](r.ID)
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: action, Subject: endpoint.String(), Version: r.Version, Payload: p, Audited: true})
	if err := s.due(ctx, e.Tx, r.ID); err != nil {
		return nil, err
	}
	return s.deliveryByID(ctx, e.Tx, e.Scope, p.DeliveryID)
}
