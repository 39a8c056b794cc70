package event

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/eventq"
)

const (
	queue    = "event_reader"
	attempts = 8 // then the stream is parked for this reader; other streams go on
	batch    = 100
)

// ErrMore is answered by an Apply that did a share of its work: the share is committed, and the same event is applied again at once. So one event may
// concern thousands of rows without a transaction of their size.
var ErrMore = errors.New("there is more to do for this event")

// Reader follows the ledger durably. Apply gets the wanted rows of one stream in order, in a transaction that also moves the reader's place; it
// does no network. An event that fails eight times parks its stream for this reader.
type Reader struct {
	Name  string
	Wants func(action string) bool
	Apply func(ctx context.Context, tx *db.Tx, r Row) error
	// ApplyAll is set instead of Apply by a reader that works in sets: it gets rows of many streams, each stream's in order. It hears of organizations' events
	// alone, and their bursts do not delay one another's (see Sweep).
	ApplyAll func(ctx context.Context, tx *db.Tx, all []Row) error
}

// due makes the readers that want one of the rows due, in the change's transaction.
func (l *Ledger) due(ctx context.Context, tx *db.Tx, rows []Row) error {
	poked := map[string]bool{}
	for _, reader := range l.Readers {
		streams := map[string]bool{}
		for _, r := range rows {
			if streams[r.Stream] || !reader.Wants(r.Action) || reader.ApplyAll != nil && r.OrgID.IsZero() {
				continue
			}
			streams[r.Stream] = true
			p := eventq.ReaderDueParams{Reader: reader.Name, Stream: r.Stream, Before: r.Sequence - 1, Now: tx.Now}
			if !r.OrgID.IsZero() {
				p.OrgID = new(r.OrgID.UUID())
			}
			if err := l.q.ReaderDue(ctx, tx, p); err != nil {
				return fmt.Errorf("make the reader %s due: %w", reader.Name, err)
			}
			poked[reader.queue()] = true
		}
	}
	if l.Work != nil {
		for name := range poked {
			tx.AfterCommit(func() { l.Work.Poke(name) })
		}
	}
	return nil
}

func (r Reader) queue() string {
	if r.ApplyAll != nil {
		return sweepQueue
	}
	return queue
}

// Queue is the work of the readers that take one stream at a time.
func (l *Ledger) Queue() work.Queue {
	return work.Queue{
		Name: queue, Batch: 20, Concurrency: 4, Timeout: 10 * time.Second,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := l.q.TakeReaders(ctx, tx, eventq.TakeReadersParams{Swept: l.swept(), Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, err
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				claims[n] = work.Claim{ID: r.Reader + " " + r.Stream, Epoch: r.Epoch}
			}
			return claims, nil
		},
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			reader, stream, _ := strings.Cut(c.ID, " ")
			n, err := l.q.ExtendReader(ctx, on, eventq.ExtendReaderParams{Reader: reader, Stream: stream, Epoch: c.Epoch, Until: until})
			return n == 1, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) {
			return l.q.NextReader(ctx, on, eventq.NextReaderParams{Swept: l.swept()})
		},
		Run: func(ctx context.Context, c work.Claim) error {
			reader, stream, _ := strings.Cut(c.ID, " ")
			for _, r := range l.Readers {
				if r.Name == reader {
					return l.read(ctx, r, stream, c.Epoch)
				}
			}
			return l.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { // a reader of another version of the product
				return l.q.DelayReader(ctx, tx, eventq.DelayReaderParams{Reader: reader, Stream: stream, Epoch: c.Epoch, State: "DUE", DueAt: new(tx.Now.Add(time.Minute))})
			})
		},
	}
}

// read applies what stands after the reader's place, and moves it.
func (l *Ledger) read(ctx context.Context, r Reader, stream string, epoch int64) error {
	err := l.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		at, err := l.q.LockReader(ctx, tx, eventq.LockReaderParams{Reader: r.Name, Stream: stream, Epoch: epoch})
		if db.NotFound(err) {
			return nil // somebody else has it
		} else if err != nil {
			return err
		}
		rows, err := l.Stream(ctx, tx, stream, at.DoneSequence, batch)
		if err != nil {
			return err
		}
		done, more := at.DoneSequence, len(rows) == batch
		for _, row := range rows {
			if r.Wants(row.Action) {
				err := r.Apply(ctx, tx, row)
				if errors.Is(err, ErrMore) {
					more = true
					break
				} else if err != nil {
					return fmt.Errorf("reader %s at %s %d: %w", r.Name, stream, row.Sequence, err)
				}
			}
			done = row.Sequence
		}
		p := eventq.MoveReaderParams{Reader: r.Name, Stream: stream, Epoch: epoch, DoneSequence: done, State: "IDLE"}
		if more {
			p.State, p.DueAt = "DUE", &tx.Now
		}
		return l.q.MoveReader(ctx, tx, p)
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return l.fail(ctx, r, stream, epoch, err)
}

// fail notes why a stream could not be read.
func (l *Ledger) fail(ctx context.Context, r Reader, stream string, epoch int64, cause error) error {
	err := l.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		at, err := l.q.LockReader(ctx, tx, eventq.LockReaderParams{Reader: r.Name, Stream: stream, Epoch: epoch})
		if err != nil {
			return err
		}
		return l.putOff(ctx, tx, r, stream, epoch, at.Attempts, cause)
	})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("%w (and the failure could not be noted: %w)", cause, err)
	}
	return cause
}

// putOff waits longer after each failure, and parks the stream after the eighth.
func (l *Ledger) putOff(ctx context.Context, tx *db.Tx, r Reader, stream string, epoch int64, before int32, cause error) error {
	p := eventq.DelayReaderParams{Reader: r.Name, Stream: stream, Epoch: epoch, State: "DUE", DueAt: new(tx.Now.Add(time.Second << before)), LastError: new(cause.Error())}
	if before+1 >= attempts {
		p.State, p.DueAt = "PARKED", nil
	}
	return l.q.DelayReader(ctx, tx, p)
}
