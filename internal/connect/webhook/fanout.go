package webhook

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// fanOut is the ledger's reader: for each endpoint that wants one of the events it freezes the message and adds a delivery, all of them in one statement. A
// second run adds nothing (webhook_delivery_once). Rows come in the order of their streams, so each knows whether an earlier one is still on its way.
func (s *Service) fanOut(ctx context.Context, tx *db.Tx, all []event.Row) error {
	endpoints, err := s.subscribers(ctx, tx, all)
	if err != nil || len(endpoints) == 0 {
		return err
	}
	connections, err := s.connectionsOf(ctx, tx, all)
	if err != nil {
		return err
	}
	f := fan{now: tx}
	for _, r := range all {
		c, about := connections[r.Stream]
		known := about && c.org == r.OrgID.UUID()
		if len(endpoints[r.OrgID.UUID()]) == 0 || !known && r.Action != message.DisabledEvent {
			continue // nobody listens, or it is about a connection that this product no longer knows
		}
		messages, err := message.Of(r, c.Connection, c.app)
		if err != nil {
			return err
		}
		for _, e := range endpoints[r.OrgID.UUID()] {
			for _, m := range messages {
				if !wants(e, m) || r.Action == message.DisabledEvent && r.Subject == ident.From[ident.WebhookID](e.ID).String() { // of webhook.disabled only the other endpoints hear
					continue
				}
				if err := f.add(e, m, r); err != nil {
					return err
				}
			}
		}
	}
	return s.addAll(ctx, tx, &f)
}

// subscribers are the endpoints of the organizations that the events are of.
func (s *Service) subscribers(ctx context.Context, tx *db.Tx, all []event.Row) (map[uuid.UUID][]*webhookq.SubscribersRow, error) {
	var orgs []uuid.UUID
	for _, r := range all {
		orgs = append(orgs, r.OrgID.UUID())
	}
	rows, err := s.q.Subscribers(ctx, tx, webhookq.SubscribersParams{Orgs: unique(orgs)})
	if err != nil {
		return nil, fmt.Errorf("read the endpoints: %w", err)
	}
	out := map[uuid.UUID][]*webhookq.SubscribersRow{}
	for _, r := range rows {
		out[*r.OrgID] = append(out[*r.OrgID], r)
	}
	return out, nil
}

func unique(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

func wants(e *webhookq.SubscribersRow, m message.Message) bool {
	filter, err := message.ParseFilter(e.Filter)
	return err == nil && message.Subscribed(e.Topics, m.Topic) && filter.Passes(m.Application, m.State) &&
		(e.ApplicationID == nil || ident.From[ident.ApplicationID](*e.ApplicationID) == m.Application)
}

// subject is a connection that messages are about, and whose it is.
type subject struct {
	*message.Connection
	app ident.ApplicationID
	org uuid.UUID
}

// connectionsOf reads the connections whose streams the events stand in.
func (s *Service) connectionsOf(ctx context.Context, on webhookq.DBTX, all []event.Row) (map[string]subject, error) {
	var ids []uuid.UUID
	for _, r := range all {
		if id, err := ident.Parse[ident.ConnectionID](r.Stream); err == nil {
			ids = append(ids, id.UUID())
		}
	}
	rows, err := s.q.ConnectionsOf(ctx, on, webhookq.ConnectionsOfParams{Ids: unique(ids)})
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	out := make(map[string]subject, len(rows))
	for _, c := range rows {
		id := ident.From[ident.ConnectionID](c.ID)
		about := &message.Connection{ID: id, Hostname: c.Hostname, State: c.State, SetupType: c.SetupType, Provider: c.ProviderSlug, ExternalRef: c.ExternalRef, Labels: message.Full(c.Labels)}
		if c.CompanionOf != nil {
			about.CompanionOf = new(ident.From[ident.ConnectionID](*c.CompanionOf))
		}
		out[id.String()] = subject{about, ident.From[ident.ApplicationID](c.ApplicationID), c.OrgID}
	}
	return out, nil
}

// fan is what a set of events comes to: one row of each list is one delivery.
type fan struct {
	now  *db.Tx
	rows webhookq.AddDeliveriesParams
	asks []bool // the endpoint is enabled and asks for order
}

// add freezes a message for one endpoint.
func (f *fan) add(e *webhookq.SubscribersRow, m message.Message, r event.Row) error {
	body, err := m.Write(r.At, e.ApiVersion, false)
	if err != nil {
		return err
	}
	p := &f.rows
	p.Ids, p.Orgs, p.Endpoints = append(p.Ids, ident.V7(f.now.Now)), append(p.Orgs, r.OrgID.UUID()), append(p.Endpoints, e.ID)
	p.Events, p.EventAts, p.Streams, p.Sequences = append(p.Events, r.ID.UUID()), append(p.EventAts, r.At), append(p.Streams, r.Stream), append(p.Sequences, r.Sequence)
	p.Topics, p.Bodies, f.asks = append(p.Topics, m.Topic.Name), append(p.Bodies, body), append(f.asks, e.Ordered && e.Status == string(Enabled))
	p.Missed = append(p.Missed, e.Status != string(Enabled))
	return nil
}

// line is where order counts: one stream at one endpoint.
type line struct {
	endpoint uuid.UUID
	stream   string
}

// addAll writes the deliveries: those wait that an earlier one of their line holds up, be it in the log or in this set.
func (s *Service) addAll(ctx context.Context, tx *db.Tx, f *fan) error {
	p := &f.rows
	if len(p.Ids) == 0 {
		return nil
	}
	if err := s.q.LanesDue(ctx, tx, webhookq.LanesDueParams{Endpoints: unique(slices.Clone(p.Endpoints)), Now: tx.Now}); err != nil {
		return fmt.Errorf("make endpoints due: %w", err)
	}
	holding, err := s.q.Holding(ctx, tx, webhookq.HoldingParams{Endpoints: p.Endpoints, Streams: p.Streams})
	if err != nil {
		return fmt.Errorf("look for earlier deliveries: %w", err)
	}
	first := map[line]int64{}
	for _, h := range holding {
		first[line{h.EndpointID, h.Stream}] = h.First
	}
	for n := range p.Ids {
		at := line{p.Endpoints[n], p.Streams[n]}
		earliest, there := first[at]
		p.Held = append(p.Held, f.asks[n] && there && earliest < p.Sequences[n])
		if !there && !p.Missed[n] {
			first[at] = p.Sequences[n]
		}
	}
	p.Now = tx.Now
	added, err := s.q.AddDeliveries(ctx, tx, *p)
	if err != nil {
		return fmt.Errorf("add deliveries: %w", err)
	}
	s.tell(tx, added...)
	return nil
}

// tell wakes the queue, who holds the endpoints and who watches them, after the commit.
func (s *Service) tell(tx *db.Tx, endpoints ...uuid.UUID) {
	if len(endpoints) == 0 {
		return
	}
	tx.AfterCommit(func() {
		s.Work.Poke(queueName)
		for _, u := range endpoints {
			id := ident.From[ident.WebhookID](u).String()
			s.Hub.Poke(laneSubject(id), 0)
			s.Hub.Poke(id, 0)
		}
	})
}
