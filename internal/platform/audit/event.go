package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

// LedgerEvent is any row of the ledger, with what its readers did with it.
type LedgerEvent struct {
	ID             ident.EventID
	At             time.Time
	OrganizationID *ident.OrgID
	Actor          string
	Action         string
	Subject        string
	Version        int32
	Stream         string
	Sequence       int64
	Payload        json.RawMessage
	RequestID      string
	Audited        bool
	Deliveries     []*LedgerDelivery
}

// LedgerDelivery is how far one reader is with an event.
type LedgerDelivery struct {
	Reader    string
	State     LedgerDeliveryState
	Attempts  int32
	LastError *string
}

// LedgerDeliveryState is whether a reader has an event behind it.
type LedgerDeliveryState string

const (
	Pending   LedgerDeliveryState = "PENDING"
	Delivered LedgerDeliveryState = "DELIVERED"
	Parked    LedgerDeliveryState = "PARKED"
)

type (
	LedgerEventPage = page.Of[*LedgerEvent]
	LedgerEventEdge = page.Edge[*LedgerEvent]
)

// LedgerEventFilter narrows a list; what is nil or empty does not.
type LedgerEventFilter struct {
	OrganizationID *ident.OrgID
	Action         []string
	Subject        *string
	Reader         *string
	State          *LedgerDeliveryState
	Since          *time.Time // nil: 14 days ago
}

type eventRow = auditq.EventsRow

// Events lists the ledger for operators, the newest first. With a state it is where readers stand: PARKED is what nobody reads on by itself.
func (s *Service) Events(ctx context.Context, f LedgerEventFilter, a page.Args) (*LedgerEventPage, error) {
	if err := s.Authz.Operate(ctx, maySee); err != nil {
		return nil, err
	}
	if len(f.Action) > maxActions || f.Subject != nil && len(*f.Subject) > maxText {
		return nil, fault.Invalid("filter", "too_long", "Ask for at most %d actions, and for an id of at most 100 characters.", maxActions)
	}
	if f.State != nil && *f.State == Delivered {
		return nil, fault.Invalid("filter.state", "state", "Ask for PENDING or PARKED; what was delivered is in the whole list.")
	}
	rows, err := s.events(ctx, f, a)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	all, err := s.delivered(ctx, rows)
	if err != nil {
		return nil, err
	}
	return new(page.Make(a, all, nil, func(e *LedgerEvent) page.Cursor { return page.Cursor{ID: e.ID.UUID()} })), nil
}

func (s *Service) events(ctx context.Context, f LedgerEventFilter, a page.Args) ([]*eventRow, error) {
	if f.State != nil || f.Reader != nil {
		return s.standing(ctx, f, a)
	}
	var org *uuid.UUID
	if f.OrganizationID != nil {
		org = new(f.OrganizationID.UUID())
	}
	since, most, actions := lowest(s.DB.Now().Add(-lookBack)), int32(a.First)+1, append([]string{}, f.Action...)
	if f.Since != nil {
		since = lowest(*f.Since)
	}
	switch {
	case f.Subject != nil:
		rows, err := s.q.EventsOfSubject(ctx, s.DB, auditq.EventsOfSubjectParams{Subject: *f.Subject, Before: before(a), Since: since, OrgID: org, Actions: actions, Most: most})
		return convert(rows, func(r *auditq.EventsOfSubjectRow) *eventRow { return (*eventRow)(r) }), err
	case len(actions) > 0:
		rows, err := s.q.EventsOfActions(ctx, s.DB, auditq.EventsOfActionsParams{Actions: actions, Before: before(a), Since: since, OrgID: org, Most: most})
		return convert(rows, func(r *auditq.EventsOfActionsRow) *eventRow { return (*eventRow)(r) }), err
	}
	return s.q.Events(ctx, s.DB, auditq.EventsParams{Before: before(a), Since: since, OrgID: org, Most: most})
}

// standing is the event at which each reader stands still, or that it has before it: the first page of them.
func (s *Service) standing(ctx context.Context, f LedgerEventFilter, a page.Args) ([]*eventRow, error) {
	p := auditq.StandingReadersParams{State: "PARKED", Most: int32(a.First)}
	if f.State != nil && *f.State == Pending {
		p.State = "DUE"
	}
	if f.Reader != nil {
		p.Reader = *f.Reader
	}
	if a.After != nil {
		return nil, nil
	}
	readers, err := s.q.StandingReaders(ctx, s.DB, p)
	if err != nil {
		return nil, err
	}
	var out []*eventRow
	for _, r := range readers {
		e, err := s.next(ctx, r.Reader, r.Stream, r.DoneSequence)
		if err != nil {
			return nil, err
		}
		if e != nil {
			out = append(out, e)
		}
	}
	return out, nil
}

// next is the first event behind a reader's place that it wants; nil when there is none.
func (s *Service) next(ctx context.Context, reader, stream string, after int64) (*eventRow, error) {
	rows, err := s.q.EventsAfter(ctx, s.DB, auditq.EventsAfterParams{Stream: stream, After: after, Most: 100})
	if err != nil {
		return nil, err
	}
	of, known := s.Ledger.ReaderNamed(reader)
	for _, r := range rows {
		if !known || of.Wants(r.Action) {
			return (*eventRow)(r), nil
		}
	}
	return nil, nil
}

// delivered says of each event how far the readers are that want it.
func (s *Service) delivered(ctx context.Context, rows []*eventRow) ([]*LedgerEvent, error) {
	streams := make([]string, len(rows))
	for n, r := range rows {
		streams[n] = r.Stream
	}
	readers, err := s.q.ReadersOf(ctx, s.DB, auditq.ReadersOfParams{Streams: streams})
	if err != nil {
		return nil, fmt.Errorf("read how far the readers are: %w", err)
	}
	of := map[[2]string]*auditq.ReadersOfRow{}
	for _, r := range readers {
		of[[2]string{r.Reader, r.Stream}] = r
	}
	out := make([]*LedgerEvent, len(rows))
	for n, r := range rows {
		e := &LedgerEvent{ID: ident.From[ident.EventID](r.ID), At: r.At, OrganizationID: ident.FromPtr[ident.OrgID](r.OrgID), Actor: r.Actor, Action: r.Action, Subject: r.Subject, Version: r.Version, Stream: r.Stream,
			Sequence: r.Sequence, Payload: r.Payload, RequestID: r.RequestID, Audited: r.Audited, Deliveries: []*LedgerDelivery{}}
		for _, reader := range s.Ledger.Readers {
			if at := of[[2]string{reader.Name, r.Stream}]; at != nil && reader.Wants(r.Action) {
				d, err := s.delivery(ctx, at, r.Sequence)
				if err != nil {
					return nil, err
				}
				e.Deliveries = append(e.Deliveries, d)
			}
		}
		out[n] = e
	}
	return out, nil
}

func (s *Service) delivery(ctx context.Context, at *auditq.ReadersOfRow, sequence int64) (*LedgerDelivery, error) {
	d := &LedgerDelivery{Reader: at.Reader, State: Delivered}
	if at.DoneSequence >= sequence {
		return d, nil
	}
	d.State = Pending
	first, err := s.next(ctx, at.Reader, at.Stream, at.DoneSequence)
	if err != nil {
		return nil, fmt.Errorf("read where %s stands: %w", at.Reader, err)
	}
	if first != nil && first.Sequence == sequence { // the one that it stands at
		d.Attempts, d.LastError = at.Attempts, at.LastError
		if at.State == "PARKED" {
			d.State = Parked
		}
	}
	return d, nil
}

// Redeliver lets a reader go on that stands still at an event. Its tries begin anew.
func (s *Service) Redeliver(ctx context.Context, id ident.EventID, reader string) (*LedgerEvent, error) {
	type input struct {
		ID     ident.EventID
		Reader string
	}
	_, err := door.Do(ctx, s.Door, door.Change[input, struct{}]{
		Action: door.Action{Name: "event.redeliver", Permission: mayRedeliver, Operator: true},
		Do: func(ctx context.Context, e *door.Effect, in input) (none struct{}, err error) {
			r, err := s.q.EventByID(ctx, e.Tx, auditq.EventByIDParams{ID: in.ID.UUID()})
			if db.NotFound(err) {
				return none, fault.NotFound("event")
			} else if err != nil {
				return none, fmt.Errorf("read %s: %w", in.ID, err)
			}
			if _, known := s.Ledger.ReaderNamed(in.Reader); !known {
				return none, fault.Invalid("reader", "reader_unknown", "There is no reader of this name.")
			}
			ok, err := s.Ledger.UnparkTx(ctx, e.Tx, in.Reader, r.Stream)
			if err != nil {
				return none, err
			}
			if !ok {
				return none, fault.Precondition("reader_not_parked", "This reader does not stand still here: it reads by itself.")
			}
			e.Record(event.Change{Action: "event.redelivered", Subject: in.ID.String(), Version: 1, Stream: "audit:platform", Chain: "platform", Audited: true,
				Payload: map[string]any{"v": 1, "reader": in.Reader, "stream": r.Stream}})
			return none, nil
		},
	}, input{id, reader})
	if err != nil {
		return nil, err
	}
	r, err := s.q.EventByID(ctx, s.DB, auditq.EventByIDParams{ID: id.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	all, err := s.delivered(ctx, []*eventRow{(*eventRow)(r)})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func convert[T any](rows []*T, to func(*T) *eventRow) []*eventRow {
	out := make([]*eventRow, len(rows))
	for n, r := range rows {
		out[n] = to(r)
	}
	return out
}
