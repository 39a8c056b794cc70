package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/gowebpki/jcs"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/eventq"
)

// chain links the audited rows to the heads of their chains. The heads are locked last and in sorted order, so writers of one chain wait for one
// commit and not for a whole transaction.
func (l *Ledger) chain(ctx context.Context, tx *db.Tx, rows []eventq.AddEventParams) error {
	of := map[string][]int{}
	for n, r := range rows {
		if r.Chain != nil {
			of[*r.Chain] = append(of[*r.Chain], n)
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(of)) {
		head, err := l.q.TakeHead(ctx, tx, eventq.TakeHeadParams{Chain: chain})
		if err != nil {
			return fmt.Errorf("lock the head of the chain %s: %w", chain, err)
		}
		seq, prev := head.Seq, head.Hash
		for _, n := range of[chain] {
			seq++
			r := &rows[n]
			r.Seq, r.PrevHash = new(seq), prev
			r.Hash = digest(link{prev, r.ID.String(), r.At, chain, seq, orgOf(r.OrgID).String(), r.Actor, r.Action, r.Subject, r.Version, r.Stream, r.Sequence, r.Payload, r.Context, r.RequestID})
			prev = r.Hash
		}
		if err := l.q.MoveHead(ctx, tx, eventq.MoveHeadParams{Chain: chain, Seq: seq, Hash: prev}); err != nil {
			return fmt.Errorf("move the head of the chain %s: %w", chain, err)
		}
	}
	return nil
}

// link is what a hash covers, in this order.
type link struct {
	prev             []byte
	id               string
	at               time.Time
	chain            string
	seq              int64
	org              string
	actor            string
	action           string
	subject          string
	version          int32
	stream           string
	sequence         int64
	payload, context []byte
	requestID        string
}

// digest is SHA-256 over the former hash and the fields, each behind four bytes of length; the time with six digits, as PostgreSQL keeps it.
func digest(k link) []byte {
	h := sha256.New()
	h.Write(k.prev)
	for _, field := range [][]byte{
		[]byte(k.id), []byte(k.at.UTC().Format("2006-01-02T15:04:05.000000Z")), []byte(k.chain), number(k.seq), []byte(k.org), []byte(k.actor), []byte(k.action),
		[]byte(k.subject), number(int64(k.version)), []byte(k.stream), number(k.sequence), k.payload, k.context, []byte(k.requestID),
	} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(field)))
		h.Write(n[:])
		h.Write(field)
	}
	return h.Sum(nil)
}

func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// Broken says where a chain does not hold.
type Broken struct {
	Chain string
	Seq   int64
	Why   string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the chain %s is broken at %d: %s", b.Chain, b.Seq, b.Why)
}

// Verify reads all chains and answers how many rows stand in them; the error is a *Broken when a row was changed, taken out or added by hand. each, when it
// is not nil, is told of every row in the order of its chain, and may end it with an error of its own.
func (l *Ledger) Verify(ctx context.Context, on eventq.DBTX, each func(chain string, seq int64, hash []byte) error) (rows int64, err error) {
	heads, err := l.q.Chains(ctx, on)
	if err != nil {
		return 0, fmt.Errorf("read the heads of the chains: %w", err)
	}
	for _, head := range heads {
		seq, hash, err := l.Walk(ctx, on, head.Chain, 0, head.Seq, func(seq int64, hash []byte) error {
			if each == nil {
				return nil
			}
			return each(head.Chain, seq, hash)
		})
		if err != nil {
			return rows, err
		}
		if seq != head.Seq || !bytes.Equal(hash, head.Hash) {
			return rows, &Broken{head.Chain, seq + 1, "its newest rows are missing"}
		}
		rows += head.Seq
	}
	return rows, nil
}

// Walk recomputes the rows of a chain after a number up to another, and answers the last one that is there with its hash. The row at after is believed. The
// error is a *Broken where a row does not hold.
func (l *Ledger) Walk(ctx context.Context, on eventq.DBTX, chain string, after, until int64, each func(seq int64, hash []byte) error) (seq int64, prev []byte, err error) {
	prev = make([]byte, sha256.Size)
	if after > 0 {
		before, err := l.q.EventsOfChain(ctx, on, eventq.EventsOfChainParams{Chain: chain, After: after - 1, Most: 1})
		if err != nil {
			return after, nil, fmt.Errorf("read the chain %s: %w", chain, err)
		}
		if len(before) == 0 || *before[0].Seq != after {
			return after, nil, &Broken{chain, after, "the row is missing"}
		}
		prev = before[0].Hash
	}
	for seq = after; seq < until; {
		rows, err := l.q.EventsOfChain(ctx, on, eventq.EventsOfChainParams{Chain: chain, After: seq, Most: int32(min(500, until-seq))})
		if err != nil {
			return seq, nil, fmt.Errorf("read the chain %s: %w", chain, err)
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			seq++
			if prev, err = holds(r, chain, seq, prev); err != nil {
				return seq, nil, err
			}
			if err := each(seq, prev); err != nil {
				return seq, nil, err
			}
		}
	}
	return seq, prev, nil
}

// holds recomputes the hash of a row that should have a number in its chain.
func holds(r *eventq.EventsOfChainRow, chain string, seq int64, prev []byte) ([]byte, error) {
	if *r.Seq != seq {
		return nil, &Broken{chain, seq, fmt.Sprintf("the next row is %d", *r.Seq)}
	}
	payload, err1 := jcs.Transform(r.Payload)
	about, err2 := jcs.Transform(r.Context)
	if err1 != nil || err2 != nil || !bytes.Equal(prev, r.PrevHash) {
		return nil, &Broken{chain, seq, "it does not continue the row before it"}
	}
	sum := digest(link{prev, r.ID.String(), r.At, chain, seq, orgOf(r.OrgID).String(), r.Actor, r.Action, r.Subject, r.Version, r.Stream, r.Sequence, payload, about, r.RequestID})
	if !bytes.Equal(sum, r.Hash) {
		return nil, &Broken{chain, seq, "the row " + ident.From[ident.EventID](r.ID).String() + " was changed"}
	}
	return sum, nil
}
