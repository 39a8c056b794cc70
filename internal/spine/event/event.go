// Package event is the one ledger: every change of the product writes at least one row, in its own transaction.
//
// Rows are append-only. Each stands in a stream (the subject whose order counts) with a gapless sequence; audited rows are also chained by hash,
// so that a row that was changed or taken out is found. Audit log, webhooks, live views and timelines read this table and nothing else, so they
// cannot disagree. Durable readers follow streams as due rows: at least once, effectively once because effect and position are one transaction.
package event

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/eventq"
)

// Change is what happened to one subject, before it stands in the ledger.
type Change struct {
	OrgID   ident.OrgID // zero: no organization is concerned
	Action  string      // past tense: connection.created
	Subject string      // prefixed id of what changed
	Version int32       // the subject's version after the change
	Stream  string      // whose order counts; "" is the subject
	Payload any         // becomes JSON with "v": 1; ids, codes and names, never a secret
	Audited bool
	Chain   string // "" is the organization, else the subject's own chain
}

// Meta says who changed it, and how.
type Meta struct {
	Actor     string
	RequestID string
	Context   map[string]any // ip, user agent, session
}

// Row is a change as it stands in the ledger.
type Row struct {
	ID        ident.EventID
	At        time.Time
	OrgID     ident.OrgID
	Actor     string
	Action    string
	Subject   string
	Version   int32
	Stream    string
	Sequence  int64
	Payload   json.RawMessage
	RequestID string
	Audited   bool
}

// Ledger writes and reads. Its fields are set by the assembly.
type Ledger struct {
	DB      *db.DB
	Hub     *live.Hub
	Work    *work.Runner
	Readers []Reader

	q    eventq.Queries
	turn atomic.Pointer[uuid.UUID] // the organization that Sweep served last
}

// Append writes the changes in the caller's transaction: first all streams, then all chains are locked, each in sorted order, so call it once
// and last. After the commit every subject, stream and organization is poked, and the readers that want the actions are due.
func (l *Ledger) Append(ctx context.Context, tx *db.Tx, meta Meta, changes ...Change) ([]Row, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	changes = slices.Clone(changes)
	counts := map[string]int64{}
	for n := range changes {
		changes[n].Stream = cmp.Or(changes[n].Stream, changes[n].Subject)
		counts[changes[n].Stream]++
	}
	next := map[string]int64{}
	for _, stream := range slices.Sorted(maps.Keys(counts)) {
		last, err := l.q.TakeSequences(ctx, tx, eventq.TakeSequencesParams{Stream: stream, Count: counts[stream]})
		if err != nil {
			return nil, fmt.Errorf("take %d numbers in %s: %w", counts[stream], stream, err)
		}
		next[stream] = last - counts[stream] + 1
	}
	var rows []eventq.AddEventParams
	for _, c := range changes {
		row, err := l.row(tx, meta, c, next[c.Stream])
		if err != nil {
			return nil, err
		}
		next[c.Stream]++
		rows = append(rows, row)
	}
	if err := l.chain(ctx, tx, rows); err != nil {
		return nil, err
	}
	out := make([]Row, len(rows))
	for n, r := range rows {
		if err := l.q.AddEvent(ctx, tx, r); err != nil {
			return nil, fmt.Errorf("write the event %s: %w", r.Action, err)
		}
		out[n] = Row{ident.From[ident.EventID](r.ID), r.At, orgOf(r.OrgID), r.Actor, r.Action, r.Subject, r.Version, r.Stream, r.Sequence, r.Payload, r.RequestID, r.Audited}
	}
	if err := l.due(ctx, tx, out); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { l.poke(out) })
	return out, nil
}

func (l *Ledger) row(tx *db.Tx, meta Meta, c Change, sequence int64) (eventq.AddEventParams, error) {
	payload, err := canonical(c.Payload)
	if err != nil {
		return eventq.AddEventParams{}, fmt.Errorf("write the payload of %s: %w", c.Action, err)
	}
	about, err := canonical(meta.Context)
	if err != nil {
		return eventq.AddEventParams{}, fmt.Errorf("write the context of %s: %w", c.Action, err)
	}
	row := eventq.AddEventParams{ID: ident.V7(tx.Now), At: tx.Now, Actor: meta.Actor, Action: c.Action, Subject: c.Subject, Version: c.Version, Stream: c.Stream,
		Sequence: sequence, Payload: payload, Context: about, RequestID: meta.RequestID, Audited: c.Audited}
	if !c.OrgID.IsZero() {
		row.OrgID = new(c.OrgID.UUID())
	}
	if c.Audited {
		row.Chain = new(cmp.Or(c.Chain, c.OrgID.String(), c.Subject))
	}
	return row, nil
}

// canonical is RFC 8785 JSON: the same value is always the same bytes, whatever jsonb does to the order of its keys.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if string(raw) == "null" {
		raw = []byte("{}")
	}
	return jcs.Transform(raw)
}

// AnyAudited is poked when an audited row was written, whatever it is about.
const AnyAudited = "ledger:audited"

func (l *Ledger) poke(rows []Row) {
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Audited }) {
		l.Hub.Poke(AnyAudited, 0)
	}
	for _, r := range rows {
		l.Hub.Poke(r.Subject, int64(r.Version))
		if r.Stream != r.Subject {
			l.Hub.Poke(r.Stream, r.Sequence)
		}
		if org := r.OrgID.String(); org != "" && org != r.Subject {
			l.Hub.Poke(org, 0)
		}
	}
}

// Stream reads rows after a sequence, oldest first.
func (l *Ledger) Stream(ctx context.Context, on eventq.DBTX, stream string, after int64, most int32) ([]Row, error) {
	rows, err := l.q.EventsOfStream(ctx, on, eventq.EventsOfStreamParams{Stream: stream, After: after, Most: most})
	if err != nil {
		return nil, fmt.Errorf("read the stream %s: %w", stream, err)
	}
	out := make([]Row, len(rows))
	for n, r := range rows {
		out[n] = fromRow((*row)(r))
	}
	return out, nil
}

// History reads rows before a sequence (0: from the newest), newest first.
func (l *Ledger) History(ctx context.Context, on eventq.DBTX, stream string, before int64, most int32) ([]Row, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	rows, err := l.q.EventsOfStreamBackwards(ctx, on, eventq.EventsOfStreamBackwardsParams{Stream: stream, Before: before, Most: most})
	if err != nil {
		return nil, fmt.Errorf("read the history of %s: %w", stream, err)
	}
	out := make([]Row, len(rows))
	for n, r := range rows {
		out[n] = fromRow((*row)(r))
	}
	return out, nil
}

// Last is the newest sequence of a stream, which is also the number of its rows.
func (l *Ledger) Last(ctx context.Context, on eventq.DBTX, stream string) (int64, error) {
	return l.q.SequenceOf(ctx, on, eventq.SequenceOfParams{Stream: stream})
}

// Newest is who changed a subject of the organization last, and when; nothing when the ledger has nothing about it.
func (l *Ledger) Newest(ctx context.Context, on eventq.DBTX, org ident.OrgID, subject string) (actor string, at time.Time, err error) {
	p := eventq.NewestOfSubjectParams{Subject: subject}
	if !org.IsZero() {
		p.OrgID = new(org.UUID())
	}
	r, err := l.q.NewestOfSubject(ctx, on, p)
	if db.NotFound(err) {
		return "", at, nil
	} else if err != nil {
		return "", at, fmt.Errorf("read who changed %s: %w", subject, err)
	}
	return r.Actor, r.At, nil
}

// Get reads one row of an organization.
func (l *Ledger) Get(ctx context.Context, on eventq.DBTX, org ident.OrgID, id ident.EventID) (Row, error) {
	r, err := l.q.EventByID(ctx, on, eventq.EventByIDParams{ID: id.UUID(), OrgID: org.UUID()})
	if err != nil {
		return Row{}, err
	}
	return fromRow((*row)(r)), nil
}

type row = eventq.EventsOfStreamRow

func fromRow(r *row) Row {
	return Row{ident.From[ident.EventID](r.ID), r.At, orgOf(r.OrgID), r.Actor, r.Action, r.Subject, r.Version, r.Stream, r.Sequence, r.Payload, r.RequestID, r.Audited}
}

func orgOf(u *uuid.UUID) ident.OrgID {
	if u == nil {
		return ident.OrgID{}
	}
	return ident.From[ident.OrgID](*u)
}
