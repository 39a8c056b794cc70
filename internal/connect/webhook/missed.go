package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// replayedAtOnce is how many deliveries one replay sends at most.
const replayedAtOnce = 10_000

// ReplayRange says which deliveries are sent again: originals that were made in a window and ended in one of the states.
type ReplayRange struct {
	EndpointID ident.WebhookID
	Window     TimeWindow
	States     []WebhookDeliveryState // FAILED, SKIPPED or SUCCEEDED
	Topics     []string               // empty: all
}

// ReplayAll sends the deliveries of a range again, at most 10,000, the oldest first, and answers how many. They have the bytes and the webhook-id of before;
// at an ordered endpoint those of one stream follow one another, beside what is new. Who calls twice sends twice.
func (s *Service) ReplayAll(ctx context.Context, in ReplayRange) (int, error) {
	return door.Do(ctx, s.Door, door.Change[ReplayRange, int]{
		Action:   door.Action{Name: "webhook_endpoint.replay_range", Permission: mayReplay},
		Org:      func(ctx context.Context, in ReplayRange) (ident.OrgID, error) { return s.OrgOf(ctx, in.EndpointID) },
		Validate: func(_ context.Context, _ *door.Effect, in *ReplayRange) error { return in.check() },
		Do: func(ctx context.Context, e *door.Effect, in ReplayRange) (int, error) {
			r, err := s.lockEnabled(ctx, e, in.EndpointID)
			if err != nil {
				return 0, err
			}
			p := webhookq.ReplayableParams{States: make([]string, len(in.States)), Topics: message.Full(in.Topics), Since: in.Window.From, Until: in.Window.To, Floor: floor(in.Window.From)}
			for n, state := range in.States {
				p.States[n] = string(state)
			}
			n, err := s.replay(ctx, e, r, p)
			if n == 0 {
				e.Quiet()
			}
			return n, err
		},
	}, in)
}

func (in *ReplayRange) check() error {
	if !in.Window.From.Before(in.Window.To) {
		return fault.Invalid("window", "window", "A window begins before it ends.")
	}
	for _, state := range in.States {
		if !slices.Contains([]WebhookDeliveryState{Succeeded, Failed, Skipped}, state) {
			return fault.Invalid("states", "delivery_unfinished", "What is on its way cannot be sent again. Choose FAILED, SKIPPED or SUCCEEDED.")
		}
	}
	if len(in.States) == 0 {
		in.States = []WebhookDeliveryState{Failed}
	}
	if len(in.Topics) > 0 {
		for n, name := range in.Topics {
			if _, ok := message.LookUp(name); !ok {
				return fault.Invalid(fmt.Sprintf("topics.%d", n), "topic_unknown", "There is no such topic. The list is at webhookTopics.")
			}
		}
	}
	return nil
}

// replay adds what a range names to the deliveries of a locked endpoint.
func (s *Service) replay(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, p webhookq.ReplayableParams) (int, error) {
	p.EndpointID, p.OrgID, p.Most = r.ID, e.Scope.OrgUUID(), replayedAtOnce
	rows, err := s.q.Replayable(ctx, e.Tx, p)
	if err != nil {
		return 0, fmt.Errorf("read what to send again: %w", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	add := webhookq.ReplayAllParams{EndpointID: r.ID, OrgID: p.OrgID, Ordered: r.Ordered, Now: e.Tx.Now}
	for _, d := range rows {
		add.News, add.Olds, add.EventAts = append(add.News, ident.V7(e.Tx.Now)), append(add.Olds, d.ID), append(add.EventAts, d.EventAt)
	}
	if err := s.due(ctx, e.Tx, r.ID); err != nil {
		return 0, err
	}
	n, err := s.q.ReplayAll(ctx, e.Tx, add)
	if err != nil {
		return 0, fmt.Errorf("send deliveries again: %w", err)
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "webhook_endpoint.replayed", Subject: ident.From[ident.WebhookID](r.ID).String(), Version: r.Version, Audited: true,
		Payload: replayed{V: 1, Count: int(n), From: p.Since, To: p.Until}})
	return int(n), nil
}

// replayed is the payload of webhook_endpoint.replayed for many.
type replayed struct {
	V     int       `json:"v"`
	Count int       `json:"count"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// missed names what a disabled endpoint did not get: what was skipped since it stopped, and what was given up while it failed.
func (s *Service) missed(ctx context.Context, on webhookq.DBTX, r *webhookq.WebhookEndpoint, disabledAt, now time.Time) (webhookq.ReplayableParams, error) {
	since, err := s.q.FailingSince(ctx, on, webhookq.FailingSinceParams{EndpointID: r.ID, OrgID: *r.OrgID})
	if err != nil {
		return webhookq.ReplayableParams{}, fmt.Errorf("read since when an endpoint fails: %w", err)
	}
	if since == nil || since.After(disabledAt) {
		since = &disabledAt
	}
	return webhookq.ReplayableParams{EndpointID: r.ID, OrgID: *r.OrgID, States: []string{string(Failed), string(Skipped)}, Topics: []string{}, Since: *since, Until: now.Add(time.Second), Missed: true,
		Floor: floor(since.Add(-longest)), Most: replayedAtOnce}, nil
}

// enable forgets what was held against an endpoint, and sends what it missed if the caller wants that.
func (s *Service) enable(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, disabledAt *time.Time, again bool) error {
	if again && disabledAt != nil {
		p, err := s.missed(ctx, e.Tx, r, *disabledAt, e.Tx.Now)
		if err != nil {
			return err
		}
		if _, err := s.replay(ctx, e, r, p); err != nil {
			return err
		}
	}
	if err := s.q.ClearLane(ctx, e.Tx, webhookq.ClearLaneParams{EndpointID: r.ID}); err != nil {
		return fmt.Errorf("forget why an endpoint was disabled: %w", err)
	}
	return nil
}

// Missed counts what would be sent if a disabled endpoint were enabled with ReplayMissed, up to 10,000; for the question that goes with enabling.
func (s *Service) Missed(ctx context.Context, id ident.WebhookID) (int, error) {
	scope, at, err := s.reach(ctx, mayRead, id)
	if err != nil || at.DisabledAt == nil {
		return 0, err
	}
	p, err := s.missed(ctx, s.DB, &webhookq.WebhookEndpoint{ID: id.UUID(), OrgID: new(scope.OrgUUID())}, *at.DisabledAt, s.DB.Now())
	if err != nil {
		return 0, err
	}
	rows, err := s.q.Replayable(ctx, s.DB, p)
	if err != nil {
		return 0, fmt.Errorf("count what was missed: %w", err)
	}
	return len(rows), nil
}
