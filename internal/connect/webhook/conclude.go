package webhook

import (
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
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	holdsUp      = 3                  // after so many failures later messages of the stream need not wait any more (WH-5)
	warnAfter    = 24 * time.Hour     // without one success, the developers are told
	failingLimit = 5 * 24 * time.Hour // without one success, the endpoint is disabled

	again = 50 * time.Millisecond // between two tries to write while PostgreSQL is away
)

// never stands for no time where a set of rows is written.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// outcome is an attempt that is to be written, and what followed from it.
type outcome struct {
	turn
	lane *lane
	d    *webhookq.OutgoingRow
	a    *send.Attempt

	v       send.Verdict
	lost    bool   // somebody else has the lane: nothing was written
	woke    bool   // a delivery that waited can be sent
	disable string // why the endpoint wants nothing any more
	warn    bool
}

// insist runs fn in a transaction, and again while PostgreSQL is away, until ctx ends: what was sent is known here alone, and what is not written is sent
// twice. Meanwhile lanes send nothing more, so that a process that is killed then leaves little behind. fn may have been committed before it runs again.
func (s *Service) insist(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) error) error {
	for {
		err := s.DB.InTx(ctx, fn)
		gone := db.Gone(err)
		s.away.Store(gone)
		if !gone {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(again):
		}
	}
}

// conclude writes attempts in one transaction, guarded by the epochs of their lanes: whoever lost a lane meanwhile writes nothing.
func (s *Service) conclude(ctx context.Context, all []*outcome) error {
	if err := s.insist(ctx, func(ctx context.Context, tx *db.Tx) error { return s.write(ctx, tx, all) }); err != nil {
		return fmt.Errorf("write %d attempts: %w", len(all), err)
	}
	for _, o := range all {
		if o.disable != "" || o.warn {
			if err := s.trouble(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) write(ctx context.Context, tx *db.Tx, all []*outcome) error {
	turns := make([]turn, len(all))
	for n, o := range all {
		turns[n] = o.turn
	}
	held, err := s.hold(ctx, tx, turns)
	if err != nil {
		return err
	}
	p := webhookq.ConcludeParams{Now: tx.Now}
	for _, o := range all {
		lane := held[o.endpoint]
		if o.lost = lane == nil || lane.Epoch != o.epoch; !o.lost {
			o.v = send.Judge(o.a.Status, o.a.RetryAfter, o.d.Attempts+1, tx.Now, rand.Float64())
			o.into(&p)
		}
	}
	if len(p.Ids) == 0 {
		return nil
	}
	moved, err := s.q.Conclude(ctx, tx, p)
	if err != nil {
		return err
	}
	written := make(map[uuid.UUID]bool, len(moved))
	for _, id := range moved {
		written[id] = true
	}
	kept := make([]*outcome, 0, len(moved))
	for _, o := range all {
		if !o.lost && written[o.d.ID] { // else it was skipped while it was on its way
			kept = append(kept, o)
		}
	}
	return s.follow(ctx, tx, held, kept)
}

// into makes a row of an outcome.
func (o *outcome) into(p *webhookq.ConcludeParams) {
	a, due, ip, said := o.a, never, "", ""
	if o.v.Due != nil {
		due = *o.v.Due
	}
	if a.IP != nil {
		ip = *a.IP
	}
	if a.Error != nil {
		said = *a.Error
	}
	p.Ids, p.EventAts, p.States, p.Ns, p.DueAts = append(p.Ids, o.d.ID), append(p.EventAts, o.d.EventAt), append(p.States, string(after(o.v))), append(p.Ns, o.d.Attempts+1), append(p.DueAts, due)
	p.Ats, p.Latencies, p.Ips, p.Statuses = append(p.Ats, a.At), append(p.Latencies, int32(a.Took.Milliseconds())), append(p.Ips, ip), append(p.Statuses, int32(a.Status))
	p.Errors, p.Requests, p.Responses, p.Bodies = append(p.Errors, said), append(p.Requests, string(a.Request)), append(p.Responses, string(a.Response)), append(p.Bodies, a.Body)
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

// follow does what follows from attempts that were written: hours are counted, endpoints get better or worse, and what waited is freed.
func (s *Service) follow(ctx context.Context, tx *db.Tx, held map[uuid.UUID]*webhookq.HeldLanesRow, kept []*outcome) error {
	changed := map[uuid.UUID]bool{}
	var wake webhookq.WakeNextParams
	for _, o := range kept {
		lane := held[o.endpoint]
		before := *lane
		o.judge(lane, tx.Now)
		if before != *lane {
			changed[o.endpoint] = true
		}
		if lane.Ordered && !o.d.Test && (o.v.Due == nil || o.d.Attempts+1 >= holdsUp) {
			wake.Endpoints, wake.Streams = append(wake.Endpoints, o.endpoint), append(wake.Streams, o.d.Stream)
		}
	}
	if err := s.countHours(ctx, tx, kept); err != nil {
		return fmt.Errorf("count attempts: %w", err)
	}
	if err := s.setTroubles(ctx, tx, held, changed); err != nil {
		return fmt.Errorf("note how endpoints do: %w", err)
	}
	woken := map[uuid.UUID]bool{}
	if len(wake.Endpoints) > 0 {
		wake.Now = tx.Now
		endpoints, err := s.q.WakeNext(ctx, tx, wake)
		if err != nil {
			return fmt.Errorf("wake the next deliveries: %w", err)
		}
		for _, id := range endpoints {
			woken[id] = true
		}
	}
	told := map[uuid.UUID]bool{}
	for _, o := range kept {
		o.woke = woken[o.endpoint]
		if !told[o.endpoint] {
			told[o.endpoint] = true
			tx.AfterCommit(func() { s.Hub.Poke(o.id().String(), 0) })
		}
	}
	return nil
}

// judge brings an attempt into what is known of the endpoint. Tests do not count as health.
func (o *outcome) judge(lane *webhookq.HeldLanesRow, now time.Time) {
	if o.v.Throttle != nil {
		lane.ThrottledUntil = o.v.Throttle
	}
	o.disable, o.warn = "", false
	switch {
	case o.v.Gone:
		o.disable = Gone
	case o.d.Test:
	case o.v.Delivered:
		lane.FailingSince, lane.WarnedAt, lane.ThrottledUntil = nil, nil, nil
	case lane.FailingSince == nil:
		lane.FailingSince = &now
	case now.Sub(*lane.FailingSince) >= failingLimit:
		o.disable = Failing
	case now.Sub(*lane.FailingSince) >= warnAfter && lane.WarnedAt == nil:
		lane.WarnedAt, o.warn = &now, true
	}
}

func (s *Service) setTroubles(ctx context.Context, tx *db.Tx, held map[uuid.UUID]*webhookq.HeldLanesRow, changed map[uuid.UUID]bool) error {
	if len(changed) == 0 {
		return nil
	}
	var p webhookq.SetTroublesParams
	at := func(t *time.Time) time.Time {
		if t == nil {
			return never
		}
		return *t
	}
	for id := range changed {
		r := held[id]
		p.Endpoints, p.Failing, p.Warned, p.Throttled = append(p.Endpoints, id), append(p.Failing, at(r.FailingSince)), append(p.Warned, at(r.WarnedAt)), append(p.Throttled, at(r.ThrottledUntil))
	}
	return s.q.SetTroubles(ctx, tx, p)
}

// trouble tells of an endpoint that fails: it is disabled, or its developers are warned. A process that dies before it is found by the next attempt.
func (s *Service) trouble(ctx context.Context, o *outcome) error {
	err := s.Door.System(ctx, queueName, o.org, func(ctx context.Context, e *door.Effect) error {
		r, err := s.lock(ctx, e, o.id())
		if fault.Is(err, fault.NotFoundCode) || err == nil && WebhookEndpointStatus(r.Status) != Enabled {
			return door.ErrNothing
		} else if err != nil {
			return err
		}
		if o.disable != "" {
			return s.disable(ctx, e, r, o.disable)
		}
		e.Record(event.Change{OrgID: o.org, Action: FailingEvent, Subject: o.id().String(), Version: r.Version, Payload: changed{V: 1, Host: hostOf(r.Url), Status: Enabled, Reason: Failing}})
		return nil
	})
	if err != nil {
		return fmt.Errorf("tell of the trouble at %s: %w", o.id(), err)
	}
	return nil
}

func (s *Service) disable(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint, reason string) error {
	r.Status, r.DisabledReason, r.DisabledAt = string(AutoDisabled), &reason, &e.Tx.Now
	if err := s.save(ctx, e, r); err != nil {
		return err
	}
	id := ident.From[ident.WebhookID](r.ID)
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: message.DisabledEvent, Subject: id.String(), Version: r.Version + 1, Audited: true,
		Payload: changed{V: 1, Host: hostOf(r.Url), Status: AutoDisabled, Reason: reason}})
	return s.skip(ctx, e, id)
}
