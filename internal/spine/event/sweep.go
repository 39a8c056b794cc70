package event

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/eventq"
)

const (
	sweepQueue = "event_sweep"
	sweepAtOne = 256 // streams in one transaction
	perStream  = 20  // rows of a stream in one transaction; a stream with more is due again, behind the others
)

// Sweep is the work of the readers that take many streams at a time (ApplyAll). Each organization that has something to be read gets an equal share of each
// turn, and turns go round over the organizations, so a burst of one delays nobody else.
func (l *Ledger) Sweep() work.Queue {
	return work.Queue{
		Name: sweepQueue, Batch: sweepAtOne, Concurrency: 2, Timeout: 20 * time.Second,
		Sweep: func(ctx context.Context, tx *db.Tx, most int32) (n int, err error) {
			for _, r := range l.Readers {
				if r.ApplyAll == nil {
					continue
				}
				m, err := l.sweep(ctx, tx, r, most)
				if err != nil {
					return 0, fmt.Errorf("reader %s: %w", r.Name, err)
				}
				n += m
			}
			return n, nil
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) {
			return l.q.NextSweep(ctx, on, eventq.NextSweepParams{Swept: l.swept()})
		},
	}
}

func (l *Ledger) swept() []string {
	out := []string{}
	for _, r := range l.Readers {
		if r.ApplyAll != nil {
			out = append(out, r.Name)
		}
	}
	return out
}

// part is what one turn reads of a stream.
type part struct {
	at   *eventq.SweepReadersRow
	rows []Row // all of them
	want []Row
}

func (l *Ledger) sweep(ctx context.Context, tx *db.Tx, r Reader, most int32) (int, error) {
	parts, err := l.parts(ctx, tx, r, most)
	if err != nil || len(parts) == 0 {
		return 0, err
	}
	var all []Row
	for _, p := range parts {
		all = append(all, p.want...)
	}
	apply := func(rows []Row) error {
		if len(rows) == 0 {
			return nil
		}
		return tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return r.ApplyAll(ctx, tx, rows) })
	}
	done := parts
	if err := apply(all); err != nil { // one of them cannot be read: each for itself
		if ctx.Err() != nil {
			return 0, err
		}
		done = nil
		for _, p := range parts {
			if err := apply(p.want); err == nil {
				done = append(done, p)
			} else {
				slog.ErrorContext(ctx, "a stream cannot be read", "reader", r.Name, "stream", p.at.Stream, "err", err)
				if err := l.putOff(ctx, tx, r, p.at.Stream, p.at.Epoch, p.at.Attempts, err); err != nil {
					return 0, err
				}
			}
		}
	}
	return len(parts), l.move(ctx, tx, r, done)
}

// parts takes streams that are due, with the rows that the reader has not seen.
func (l *Ledger) parts(ctx context.Context, tx *db.Tx, r Reader, most int32) ([]*part, error) {
	after := uuid.Nil
	if last := l.turn.Load(); last != nil {
		after = *last
	}
	due, err := l.q.SweepReaders(ctx, tx, eventq.SweepReadersParams{Reader: r.Name, After: after, Most: most, Now: tx.Now})
	if err == nil && len(due) == 0 && after != uuid.Nil { // the round is over
		due, err = l.q.SweepReaders(ctx, tx, eventq.SweepReadersParams{Reader: r.Name, Most: most, Now: tx.Now})
	}
	if err != nil || len(due) == 0 {
		return nil, err
	}
	l.turn.Store(due[len(due)-1].OrgID)
	p := eventq.EventsOfStreamsParams{Each: perStream}
	parts, byStream := make([]*part, len(due)), map[string]*part{}
	for n, d := range due {
		parts[n] = &part{at: d}
		byStream[d.Stream] = parts[n]
		p.Streams, p.After = append(p.Streams, d.Stream), append(p.After, d.DoneSequence)
	}
	rows, err := l.q.EventsOfStreams(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	for _, e := range rows {
		row := Row{ident.From[ident.EventID](e.ID), e.At, orgOf(e.OrgID), e.Actor, e.Action, e.Subject, e.Version, e.Stream, e.Sequence, e.Payload, e.RequestID, e.Audited}
		to := byStream[e.Stream]
		to.rows = append(to.rows, row)
		if r.Wants(row.Action) && !row.OrgID.IsZero() {
			to.want = append(to.want, row)
		}
	}
	return parts, nil
}

// move ends the turns of streams that were read.
func (l *Ledger) move(ctx context.Context, tx *db.Tx, r Reader, done []*part) error {
	p := eventq.MoveReadersParams{Reader: r.Name, Now: tx.Now}
	for _, d := range done {
		at := d.at.DoneSequence
		if n := len(d.rows); n > 0 {
			at = d.rows[n-1].Sequence
		}
		p.Streams, p.Done, p.More = append(p.Streams, d.at.Stream), append(p.Done, at), append(p.More, len(d.rows) == perStream)
	}
	if len(p.Streams) == 0 {
		return nil
	}
	return l.q.MoveReaders(ctx, tx, p)
}
