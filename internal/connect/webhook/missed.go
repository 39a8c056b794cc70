package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// replayedAtOnce is how many deliveries one replay sends at most.
const replayedAtOnce = 10_000

// idsAhead is how much later than its moment an id can seem to be made: ident.V7 goes ahead by a second at most.
const idsAhead = 2 * time.Second

// ReplayRange says which deliveries are sent again: originals that were made in a window and ended in one of the states.
type ReplayRange struct {
	EndpointID ident.WebhookID
	Window     TimeWindow
	States     []WebhookDeliveryState // FAILED, SKIPPED or SUCCEEDED
	Topics     []string               // empty: all
}

// ReplayAll sends the deliveries of a range again, at most 10,000, the oldest first, and answers how many. They have the bytes and the webhook-id of before;
// at an ordered endpoint those of one stream follow one another, beside what is new. Who calls twice sends twice.
func (s *Service) ReplayAll(ctx context.Context, in ReplayRange) (*ReplayResult, error) {
	return door.Do(ctx, s.Door, door.Change[ReplayRange, *ReplayResult]{
		Action:   door.Action{Name: "webhook_endpoint.replay_range", Permission: mayReplay},
		Org:      func(ctx context.Context, in ReplayRange) (ident.OrgID, error) { return s.OrgOf(ctx, in.EndpointID) },
		Validate: func(_ context.Context, _ *door.Effect, in *ReplayRange) error { return in.check() },
		Do: func(ctx context.Context, e *door.Effect, in ReplayRange) (*ReplayResult, error) {
			r, err := s.lockEnabled(ctx, e, in.EndpointID)
			if err != nil {
				return nil, err
			}
			p := webhookq.ReplayableParams{States: make([]string, len(in.States)), Topics: message.Full(in.Topics), Since: in.Window.From, Until: in.Window.To, Floor: floor(in.Window.From)}
			for n, state := range in.States {
				p.States[n] = string(state)
			}
			replay, err := s.replay(ctx, e, r, p)
			if err != nil {
				return nil, err
			}
			if replay == nil {
				e.Quiet()
				return &ReplayResult{}, nil
			}
			return &ReplayResult{Queued: replay.Queued, Replay: replay}, nil
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

// replay adds what a range names to the deliveries of a locked endpoint; nil when that is nothing.
func (s *Service) replay(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, p webhookq.ReplayableParams) (*WebhookReplay, error) {
	p.EndpointID, p.OrgID, p.Most = r.ID, e.Scope.OrgUUID(), replayedAtOnce
	rows, err := s.q.Replayable(ctx, e.Tx, p)
	if err != nil {
		return nil, fmt.Errorf("read what to send again: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	add := webhookq.ReplayAllParams{EndpointID: r.ID, OrgID: p.OrgID, Ordered: r.Ordered, Now: e.Tx.Now}
	for _, d := range rows {
		add.News, add.Olds, add.EventAts = append(add.News, ident.V7(e.Tx.Now)), append(add.Olds, d.ID), append(add.EventAts, d.EventAt)
	}
	if err := s.due(ctx, e.Tx, r.ID); err != nil {
		return nil, err
	}
	n, err := s.q.ReplayAll(ctx, e.Tx, add)
	if err != nil {
		return nil, fmt.Errorf("send deliveries again: %w", err)
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "webhook_endpoint.replayed", Subject: ident.From[ident.WebhookID](r.ID).String(), Version: r.Version, Audited: true,
		Payload: replayed{V: 1, Count: int(n), From: p.Since, To: p.Until}})
	return &WebhookReplay{At: e.Tx.Now, Queued: int32(n), Waiting: int32(n)}, nil
}

// replayed is the payload of webhook_endpoint.replayed for many.
type replayed struct {
	V     int       `json:"v"`
	Count int       `json:"count"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// missedSince answers since when endpoints fail, of those that do. What was given up since then is missed too.
func (s *Service) missedSince(ctx context.Context, on webhookq.DBTX, org ident.OrgID, ids []uuid.UUID) (map[uuid.UUID]time.Time, error) {
	rows, err := s.q.FailingSince(ctx, on, webhookq.FailingSinceParams{Endpoints: ids, OrgID: org.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read since when endpoints fail: %w", err)
	}
	out := make(map[uuid.UUID]time.Time, len(rows))
	for _, r := range rows {
		out[r.EndpointID] = r.Since
	}
	return out, nil
}

// earlier is when an endpoint began to miss what is sent: when it stopped, or when it began to fail before that.
func earlier(disabledAt, failing time.Time) time.Time {
	if !failing.IsZero() && failing.Before(disabledAt) {
		return failing
	}
	return disabledAt
}

// enable forgets what was held against an endpoint, and sends what it missed if the caller wants that.
func (s *Service) enable(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, disabledAt *time.Time, again bool) (replay *WebhookReplay, err error) {
	if again && disabledAt != nil {
		since, err := s.missedSince(ctx, e.Tx, e.Scope.Org(), []uuid.UUID{r.ID})
		if err != nil {
			return nil, err
		}
		from := earlier(*disabledAt, since[r.ID])
		replay, err = s.replay(ctx, e, r, webhookq.ReplayableParams{States: []string{string(Failed), string(Skipped)}, Topics: []string{}, Since: from, Until: e.Tx.Now.Add(time.Second), Missed: true, Floor: floor(from.Add(-longest))})
		if err != nil {
			return nil, err
		}
	}
	if err := s.q.ClearLane(ctx, e.Tx, webhookq.ClearLaneParams{EndpointID: r.ID}); err != nil {
		return nil, fmt.Errorf("forget why an endpoint was disabled: %w", err)
	}
	return replay, nil
}

// MissedOf counts what would be sent if disabled endpoints of one organization were enabled with ReplayMissed, up to 10,000 each, for a caller who was
// authorised for it. Those that are enabled miss nothing.
func (s *Service) MissedOf(ctx context.Context, org ident.OrgID, all []*WebhookEndpoint) (map[ident.WebhookID]int32, error) {
	p := webhookq.CountMissedParams{OrgID: org.UUID(), Most: replayedAtOnce}
	for _, at := range all {
		if at.DisabledAt != nil {
			p.Endpoints, p.Sinces = append(p.Endpoints, at.ID.UUID()), append(p.Sinces, *at.DisabledAt)
		}
	}
	if len(p.Endpoints) == 0 {
		return nil, nil
	}
	failing, err := s.missedSince(ctx, s.DB, org, p.Endpoints)
	if err != nil {
		return nil, err
	}
	for n, id := range p.Endpoints {
		p.Sinces[n] = earlier(p.Sinces[n], failing[id])
		p.Floors = append(p.Floors, floor(p.Sinces[n].Add(-longest)))
	}
	rows, err := s.q.CountMissed(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("count what was missed: %w", err)
	}
	out := make(map[ident.WebhookID]int32, len(rows))
	for _, r := range rows {
		out[ident.From[ident.WebhookID](r.EndpointID)] = r.Missed
	}
	return out, nil
}

// ReplayOf says how far the replay of many is that began at an instant, for a caller who was authorised for the endpoint; nil when none did.
func (s *Service) ReplayOf(ctx context.Context, of *WebhookEndpoint, at time.Time) (*WebhookReplay, error) {
	r, err := s.q.ReplayProgress(ctx, s.DB, webhookq.ReplayProgressParams{EndpointID: of.ID.UUID(), OrgID: of.OrganizationID.UUID(), At: at, Floor: floor(at), Ceiling: floor(at.Add(idsAhead))})
	if err != nil {
		return nil, fmt.Errorf("read how far a replay is: %w", err)
	}
	if r.Queued == 0 {
		return nil, nil
	}
	return &WebhookReplay{At: at, Queued: r.Queued, Waiting: r.Waiting, Succeeded: r.Succeeded, Failed: r.Queued - r.Waiting - r.Succeeded}, nil
}
