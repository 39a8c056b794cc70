package event

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/queries/eventq"
)

// UnparkTx lets a reader go on in a stream at which it stood still, at the event that it could not read and with all its tries. It answers false when the
// reader does not stand still there.
func (l *Ledger) UnparkTx(ctx context.Context, tx *db.Tx, reader, stream string) (bool, error) {
	n, err := l.q.Unpark(ctx, tx, eventq.UnparkParams{Reader: reader, Stream: stream, Now: tx.Now})
	if err != nil {
		return false, fmt.Errorf("let the reader %s go on in %s: %w", reader, stream, err)
	}
	if n > 0 && l.Work != nil {
		for _, r := range l.Readers {
			if r.Name == reader {
				tx.AfterCommit(func() { l.Work.Poke(r.queue()) })
			}
		}
	}
	return n > 0, nil
}

// ReaderNamed finds a reader.
func (l *Ledger) ReaderNamed(name string) (Reader, bool) {
	for _, r := range l.Readers {
		if r.Name == name {
			return r, true
		}
	}
	return Reader{}, false
}

// HandleTx gives a reader an event that came from outside the process, in the transaction of whoever received it: its effect and the note that the message
// was received stand or fall together. It moves no place in a stream.
func (l *Ledger) HandleTx(ctx context.Context, tx *db.Tx, r Reader, row Row) error {
	switch {
	case !r.Wants(row.Action):
		return nil
	case r.ApplyAll != nil:
		return r.ApplyAll(ctx, tx, []Row{row})
	}
	for {
		if err := r.Apply(ctx, tx, row); !errors.Is(err, ErrMore) {
			return err
		}
	}
}

// rounds is how many generations of events (readers raise new ones) Drain follows before it gives up.
const rounds = 50

// Drain lets all readers read what is due now, until it is quiet, and answers how many streams were read, for tests (Events.3). A reader that fails is put
// off like any other time, and is not counted.
func (l *Ledger) Drain(ctx context.Context) (int, error) {
	total := 0
	for range rounds {
		n, err := l.drain(ctx)
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
	return total, errors.New("the readers keep raising events: still not quiet after 50 rounds")
}

func (l *Ledger) drain(ctx context.Context) (n int, err error) {
	q := l.Queue()
	err = l.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		for _, r := range l.Readers {
			if r.ApplyAll == nil {
				continue
			}
			m, err := l.sweep(ctx, tx, r, sweepAtOne)
			if err != nil {
				return fmt.Errorf("reader %s: %w", r.Name, err)
			}
			n += m
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	rows, err := l.q.TakeReaders(ctx, l.DB, eventq.TakeReadersParams{Swept: l.swept(), Owner: "drain", Until: l.DB.Now().Add(q.Timeout), Now: l.DB.Now(), Most: q.Batch})
	if err != nil {
		return n, err
	}
	for _, r := range rows {
		reader, ok := l.ReaderNamed(r.Reader)
		if !ok || l.read(ctx, reader, r.Stream, r.Epoch) != nil {
			continue // put off, and seen in its row
		}
		n++
	}
	return n, ctx.Err()
}
