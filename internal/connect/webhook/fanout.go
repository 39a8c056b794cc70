package webhook

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// fanOut is the ledger's reader: for each endpoint that wants the event it freezes the message and adds a delivery. A second run adds nothing
// (webhook_delivery_once). Rows come in the order of their stream, so each knows whether an earlier one is still on its way.
func (s *Service) fanOut(ctx context.Context, tx *db.Tx, r event.Row) error {
	if r.OrgID.IsZero() {
		return nil
	}
	var itself ident.WebhookID // of webhook.disabled only the other endpoints hear
	if r.Action == message.DisabledEvent {
		itself, _ = ident.Parse[ident.WebhookID](r.Subject)
	}
	endpoints, err := s.q.Subscribers(ctx, tx, webhookq.SubscribersParams{OrgID: r.OrgID.UUID(), OtherThan: itself.UUID()})
	if err != nil {
		return fmt.Errorf("read the endpoints of %s: %w", r.OrgID, err)
	}
	if len(endpoints) == 0 {
		return nil
	}
	c, app, err := s.connectionOf(ctx, tx, r)
	if err != nil {
		return err
	}
	if c == nil && r.Action != message.DisabledEvent {
		return nil // a connection that this product no longer knows
	}
	all, err := message.Of(r, c, app)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		for _, m := range all {
			if wants(e, m) {
				if err := s.add(ctx, tx, e, m, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func wants(e *webhookq.WebhookEndpoint, m message.Message) bool {
	filter, err := message.ParseFilter(e.Filter)
	return err == nil && message.Subscribed(e.Topics, m.Topic) && filter.Passes(m.Application, m.State) &&
		(e.ApplicationID == nil || ident.From[ident.ApplicationID](*e.ApplicationID) == m.Application)
}

// connectionOf reads the connection whose stream an event stands in; nil when it stands in another stream.
func (s *Service) connectionOf(ctx context.Context, tx *db.Tx, r event.Row) (*message.Connection, ident.ApplicationID, error) {
	id, err := ident.Parse[ident.ConnectionID](r.Stream)
	if err != nil {
		return nil, ident.ApplicationID{}, nil
	}
	c, err := s.q.ConnectionOf(ctx, tx, webhookq.ConnectionOfParams{ID: id.UUID(), OrgID: r.OrgID.UUID()})
	if db.NotFound(err) {
		return nil, ident.ApplicationID{}, nil
	} else if err != nil {
		return nil, ident.ApplicationID{}, fmt.Errorf("read the connection %s: %w", id, err)
	}
	return &message.Connection{ID: id, Hostname: c.Hostname, State: c.State, SetupType: c.SetupType, Provider: c.ProviderSlug, ExternalRef: c.ExternalRef, Labels: message.Full(c.Labels)},
		ident.From[ident.ApplicationID](c.ApplicationID), nil
}

// add freezes a message for one endpoint.
func (s *Service) add(ctx context.Context, tx *db.Tx, e *webhookq.WebhookEndpoint, m message.Message, r event.Row) error {
	body, err := m.Write(r.At, e.ApiVersion, false)
	if err != nil {
		return err
	}
	p := webhookq.AddDeliveryParams{ID: ident.V7(tx.Now), OrgID: r.OrgID.UUID(), EndpointID: e.ID, EventID: r.ID.UUID(), EventAt: r.At, Stream: r.Stream, Sequence: r.Sequence,
		Topic: m.Topic.Name, Payload: body, Body: body, State: string(Pending), DueAt: &tx.Now, CreatedAt: tx.Now}
	if e.Ordered {
		held, err := s.q.Holds(ctx, tx, webhookq.HoldsParams{EndpointID: e.ID, OrgID: p.OrgID, Stream: p.Stream, Sequence: p.Sequence})
		if err != nil {
			return fmt.Errorf("look for earlier deliveries: %w", err)
		}
		if held {
			p.State, p.DueAt = string(WaitingForEarlier), nil
		}
	}
	n, err := s.q.AddDelivery(ctx, tx, p)
	if err != nil {
		return fmt.Errorf("add a delivery of %s: %w", r.ID, err)
	}
	if n == 1 {
		s.tell(tx, ident.From[ident.WebhookID](e.ID))
	}
	return nil
}

// tell wakes the queue and the watchers of an endpoint after the commit.
func (s *Service) tell(tx *db.Tx, endpoint ident.WebhookID) {
	tx.AfterCommit(func() {
		s.Work.Poke(queueName)
		s.Hub.Poke(endpoint.String(), 0)
	})
}
