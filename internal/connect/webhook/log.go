package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// countedAtMost is how far deliveries are counted; beyond it a count costs too much to be told (RU-52).
const countedAtMost = 10_000

// DeliveryFilter narrows the log; every member may be empty.
type DeliveryFilter struct {
	State        []WebhookDeliveryState
	Topic        *string
	ConnectionID *ident.ConnectionID
	Window       *TimeWindow // of the moment of creation
}

// Deliveries pages through the log of an endpoint, the newest first.
func (s *Service) Deliveries(ctx context.Context, id ident.WebhookID, f DeliveryFilter, a page.Args) (*WebhookDeliveryPage, error) {
	scope, _, err := s.reach(ctx, mayRead, id)
	if err != nil {
		return nil, err
	}
	look, err := s.look(id, scope, f)
	if err != nil {
		return nil, err
	}
	total, err := look.count(ctx, &s.q, s.DB, countedAtMost+1)
	if err != nil {
		return nil, fmt.Errorf("count the deliveries of %s: %w", id, err)
	}
	if a.After != nil {
		look.before = a.After.ID
	}
	asOf := s.DB.Now()
	rows, err := look.list(ctx, &s.q, s.DB, int32(a.First+1))
	if err != nil {
		return nil, fmt.Errorf("list the deliveries of %s: %w", id, err)
	}
	list := make([]*WebhookDelivery, len(rows))
	for n, r := range rows {
		list[n] = deliveryFrom((*deliveryRow)(r), asOf)
	}
	var count *int32
	if total <= countedAtMost {
		count = new(int32(total))
	}
	at := func(d *WebhookDelivery) page.Cursor { return page.Cursor{ID: d.ID.UUID()} }
	return &WebhookDeliveryPage{Of: page.Make(a, list, count, at), Cursor: cursor(asOf)}, nil
}

// Delivery reads one delivery for a caller with webhook.read.
func (s *Service) Delivery(ctx context.Context, id ident.DeliveryID) (*WebhookDelivery, error) {
	org, err := s.OrgOfDelivery(ctx, id)
	if err != nil {
		return nil, err
	}
	scope, err := s.Authz.Authorize(ctx, mayRead, org)
	if err != nil {
		return nil, err
	}
	d, err := s.deliveryByID(ctx, s.DB, scope, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.byID(ctx, s.DB, scope, d.EndpointID); err != nil {
		return nil, err // the endpoint is deleted, or outside of what a key is narrowed to
	}
	return d, nil
}

func (s *Service) deliveryByID(ctx context.Context, on webhookq.DBTX, scope authz.Scope, id ident.DeliveryID) (*WebhookDelivery, error) {
	asOf := s.DB.Now()
	r, err := s.q.DeliveryByID(ctx, on, webhookq.DeliveryByIDParams{ID: id.UUID(), OrgID: scope.OrgUUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("webhook delivery")
	} else if err != nil {
		return nil, fmt.Errorf("read the delivery %s: %w", id, err)
	}
	return deliveryFrom((*deliveryRow)(r), asOf), nil
}

// AttemptsOf reads the attempts of deliveries of one organization, in order, for a caller who was authorised for it; who has none is missing.
func (s *Service) AttemptsOf(ctx context.Context, org ident.OrgID, ids []ident.DeliveryID) (map[ident.DeliveryID][]*WebhookAttempt, error) {
	rows, err := s.q.AttemptsOf(ctx, s.DB, webhookq.AttemptsOfParams{Deliveries: uuids(ids), OrgID: org.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	out := map[ident.DeliveryID][]*WebhookAttempt{}
	for _, r := range rows {
		a := &WebhookAttempt{N: r.N, At: r.At, LatencyMs: r.LatencyMs, Status: r.Status, Error: r.Error, RequestHeaders: json.RawMessage(r.RequestHeaders),
			ResponseHeaders: json.RawMessage(r.ResponseHeaders), ResponseBody: r.ResponseBody}
		if r.ResolvedIp != "" {
			a.ResolvedIP = &r.ResolvedIp
		}
		id := ident.From[ident.DeliveryID](r.DeliveryID)
		out[id] = append(out[id], a)
	}
	return out, nil
}

// Attempts reads the attempts of one delivery for a caller with webhook.read.
func (s *Service) Attempts(ctx context.Context, id ident.DeliveryID) ([]*WebhookAttempt, error) {
	if _, err := s.Delivery(ctx, id); err != nil {
		return nil, err
	}
	org, err := s.OrgOfDelivery(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := s.AttemptsOf(ctx, org, []ident.DeliveryID{id})
	return message.Full(all[id]), err
}

// longest is how long a delivery can be on its way: ten attempts, each put off by a server for a day.
const longest = 14 * 24 * time.Hour

// floor is the least id that can have been made at an instant (RFC 9562, section 5.7).
func floor(at time.Time) (u uuid.UUID) {
	ms := uint64(max(0, at.UnixMilli()))
	for n := range 6 {
		u[n] = byte(ms >> (40 - 8*n))
	}
	return u
}

type deliveryRow = webhookq.DeliveryByIDRow

// deliveryFrom makes a delivery of a row that was read at an instant.
func deliveryFrom(r *deliveryRow, asOf time.Time) *WebhookDelivery {
	d := &WebhookDelivery{ID: ident.From[ident.DeliveryID](r.ID), Cursor: cursor(asOf), Sequence: r.Sequence, EndpointID: ident.From[ident.WebhookID](r.EndpointID),
		EventID: ident.From[ident.EventID](r.EventID), Topic: r.Topic, State: WebhookDeliveryState(r.State), Payload: json.RawMessage(r.Body),
		ReplayOf: ident.FromPtr[ident.DeliveryID](r.ReplayOf), CreatedAt: r.CreatedAt, FinishedAt: r.FinishedAt, Tries: r.Attempts}
	if slices.Contains([]WebhookDeliveryState{Pending, Retrying}, d.State) {
		d.NextAttemptAt = r.DueAt
	}
	return d
}
