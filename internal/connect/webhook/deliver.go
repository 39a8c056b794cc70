package webhook

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	queueName    = "webhook"
	timeout      = 15 * time.Second   // of one attempt (WH-4)
	holdsUp      = 3                  // after so many failures later messages of the stream need not wait any more (WH-5)
	failingLimit = 5 * 24 * time.Hour // without one success, then the endpoint is disabled
)

// turn is one delivery that this process holds.
type turn struct {
	id      uuid.UUID
	eventAt time.Time
	org     ident.OrgID
	epoch   int64
}

// queue is the work of the deliveries. An endpoint has four places in flight, so a slow one does not hold up the others.
func (s *Service) queue() work.Queue {
	return work.Queue{
		Name: queueName, Batch: 32, Concurrency: 32, Timeout: 20 * time.Second,
		Take: s.take,
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			t := c.Data.(turn)
			n, err := s.q.ExtendDelivery(ctx, on, webhookq.ExtendDeliveryParams{ID: t.id, EventAt: t.eventAt, Epoch: t.epoch, Until: until})
			return n == 1, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) {
			return s.q.NextDelivery(ctx, on, webhookq.NextDeliveryParams{Now: s.DB.Now()})
		},
		Run: func(ctx context.Context, c work.Claim) error { return s.deliver(ctx, c.Data.(turn)) },
	}
}

func (s *Service) take(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
	endpoints, err := s.q.TakeEndpoints(ctx, tx, webhookq.TakeEndpointsParams{Now: tx.Now})
	if err != nil || len(endpoints) == 0 {
		return nil, err
	}
	rows, err := s.q.TakeDeliveries(ctx, tx, webhookq.TakeDeliveriesParams{Endpoints: endpoints, Owner: owner, Until: until, Now: tx.Now, Most: n})
	if err != nil {
		return nil, err
	}
	claims := make([]work.Claim, len(rows))
	for n, r := range rows {
		t := turn{r.ID, r.EventAt, ident.From[ident.OrgID](*r.OrgID), r.Epoch}
		claims[n] = work.Claim{ID: ident.From[ident.DeliveryID](r.ID).String(), Epoch: r.Epoch, Data: t}
	}
	return claims, nil
}

// deliver makes one attempt and writes what came of it. A process that is ended in between writes nothing: the lease runs out and somebody sends the
// message again, so it arrives at least once.
func (s *Service) deliver(ctx context.Context, t turn) error {
	d, err := s.q.Outgoing(ctx, s.DB, webhookq.OutgoingParams{ID: t.id, EventAt: t.eventAt, OrgID: t.org.UUID(), Epoch: t.epoch})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read a delivery: %w", err)
	}
	endpoint := ident.From[ident.WebhookID](d.EndpointID)
	hidden, err := s.Vault.Open(ctx, s.DB, t.org, secretColumn, endpoint.String(), d.SealedSecret)
	if err != nil {
		return fmt.Errorf("open the secret of %s: %w", endpoint, err)
	}
	a, err := s.sender().Send(ctx, send.Request{URL: d.Url, ID: message.ID(ident.From[ident.EventID](d.EventID), d.Topic), Secret: secret.New(string(hidden)), Body: d.Body, At: s.DB.Now()})
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.count(d, a)
	return s.Door.System(ctx, queueName, t.org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet() // that a message arrived is no event: it would make messages of its own
		return s.conclude(ctx, e, t, endpoint, a)
	})
}

// conclude writes an attempt, guarded by the epoch: whoever lost the turn meanwhile writes nothing.
func (s *Service) conclude(ctx context.Context, e *door.Effect, t turn, endpoint ident.WebhookID, a *send.Attempt) error {
	r, err := s.lock(ctx, e, endpoint)
	if fault.Is(err, fault.NotFoundCode) {
		return door.ErrNothing // deleted, and its deliveries with it
	} else if err != nil {
		return err
	}
	d, err := s.q.HoldDelivery(ctx, e.Tx, webhookq.HoldDeliveryParams{ID: t.id, EventAt: t.eventAt, OrgID: t.org.UUID(), Epoch: t.epoch})
	if db.NotFound(err) {
		return door.ErrNothing
	} else if err != nil {
		return fmt.Errorf("hold a delivery: %w", err)
	}
	n := d.Attempts + 1
	if err := s.keep(ctx, e.Tx, t, n, a); err != nil {
		return err
	}
	v := send.Judge(a.Status, a.RetryAfter, n, e.Tx.Now, rand.Float64())
	p := webhookq.MoveDeliveryParams{ID: t.id, EventAt: t.eventAt, OrgID: t.org.UUID(), Epoch: t.epoch, State: string(after(v)), Attempts: n, DueAt: v.Due}
	if v.Due == nil {
		p.FinishedAt = &e.Tx.Now
	}
	if err := s.q.MoveDelivery(ctx, e.Tx, p); err != nil {
		return fmt.Errorf("write the outcome of a delivery: %w", err)
	}
	e.Poke(endpoint.String(), 0)
	before := *r
	if reason := trouble(r, d.Test, v, e.Tx.Now); reason != "" {
		return s.disable(ctx, e, r, reason)
	}
	if r.FailingSince != before.FailingSince || r.ThrottledUntil != before.ThrottledUntil {
		if err := s.q.SetTrouble(ctx, e.Tx, webhookq.SetTroubleParams{ID: r.ID, OrgID: t.org.UUID(), FailingSince: r.FailingSince, ThrottledUntil: r.ThrottledUntil}); err != nil {
			return fmt.Errorf("note how %s does: %w", endpoint, err)
		}
	}
	if r.Ordered && (v.Due == nil || n >= holdsUp) {
		return s.wake(ctx, e, r, d.Stream)
	}
	return nil
}

// trouble brings an attempt into what is known of the endpoint, and answers why it is to be disabled, if it is. Tests do not count as health.
func trouble(r *webhookq.WebhookEndpoint, test bool, v send.Verdict, now time.Time) (disable string) {
	if v.Throttle != nil {
		r.ThrottledUntil = v.Throttle
	}
	switch {
	case v.Gone:
		return Gone
	case test:
	case v.Delivered:
		r.FailingSince, r.ThrottledUntil = nil, nil
	case r.FailingSince == nil:
		r.FailingSince = &now
	case now.Sub(*r.FailingSince) >= failingLimit:
		return Failing
	}
	return ""
}

func (s *Service) disable(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, reason string) error {
	r.Status, r.DisabledReason = string(AutoDisabled), &reason
	if err := s.q.SaveEndpoint(ctx, e.Tx, webhookq.SaveEndpointParams{ID: r.ID, OrgID: *r.OrgID, Url: r.Url, Description: r.Description, Topics: r.Topics, Filter: r.Filter,
		Ordered: r.Ordered, Status: r.Status, DisabledReason: r.DisabledReason, FailingSince: r.FailingSince, ThrottledUntil: r.ThrottledUntil}); err != nil {
		return fmt.Errorf("disable an endpoint: %w", err)
	}
	id := ident.From[ident.WebhookID](r.ID)
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: message.DisabledEvent, Subject: id.String(), Version: r.Version + 1, Audited: true,
		Payload: changed{V: 1, Host: hostOf(r.Url), Status: AutoDisabled, Reason: reason}})
	return s.skip(ctx, e, id)
}

// wake frees what waited for the delivery that just ended or failed for the third time.
func (s *Service) wake(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, stream string) error {
	n, err := s.q.WakeNext(ctx, e.Tx, webhookq.WakeNextParams{EndpointID: r.ID, OrgID: *r.OrgID, Stream: stream, Now: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("wake the next delivery: %w", err)
	}
	if n > 0 {
		e.After(func() { s.Work.Poke(queueName) })
	}
	return nil
}

func (s *Service) keep(ctx context.Context, tx *db.Tx, t turn, n int32, a *send.Attempt) error {
	p := webhookq.AddAttemptParams{DeliveryID: t.id, N: n, At: a.At, LatencyMs: new(int32(a.Took.Milliseconds())), ResolvedIp: a.IP, Error: a.Error, RequestHeaders: a.Request,
		ResponseHeaders: a.Response, ResponseBody: a.Body}
	if a.Status != 0 {
		p.Status = new(int32(a.Status))
	}
	if err := s.q.AddAttempt(ctx, tx, p); err != nil {
		return fmt.Errorf("keep an attempt: %w", err)
	}
	return nil
}

// after is the state of a delivery that an attempt was judged of.
func after(v send.Verdict) WebhookDeliveryState {
	switch {
	case v.Delivered:
		return Succeeded
	case v.Due == nil:
		return Failed
	}
	return Retrying
}

func (s *Service) sender() *send.Client {
	s.once.Do(func() { s.client = &send.Client{Outside: s.Outside, Timeout: cmp.Or(s.Timeout, timeout)} })
	return s.client
}
