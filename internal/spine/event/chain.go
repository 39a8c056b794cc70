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

// Verify reads all chains and answers how many rows stand in them; the error is a *Broken when a row was changed, taken out or added by hand.
func (l *Ledger) Verify(ctx context.Context, on eventq.DBTX) (rows int64, err error) {
	heads, err := l.q.Chains(ctx, on)
	if err != nil {
		return 0, fmt.Errorf("read the heads of the chains: %w", err)
	}
	for _, head := range heads {
		if err := l.verify(ctx, on, head); err != nil {
			return rows, err
		}
		rows += head.Seq
	}
	return rows, nil
}

func (l *Ledger) verify(ctx context.Context, on eventq.DBTX, head *eventq.EventHead) error {
	seq, prev := int64(0), make([]byte, sha256.Size)
	for {
		rows, err := l.q.EventsOfChain(ctx, on, eventq.EventsOfChainParams{Chain: head.Chain, After: seq, Most: 500})
		if err != nil {
			return fmt.Errorf("read the chain %s: %w", head.Chain, err)
		}
		for _, r := range rows {
			seq++
			if *r.Seq != seq {
				return &Broken{head.Chain, seq, fmt.Sprintf("the next row is %d", *r.Seq)}
			}
			payload, err1 := jcs.Transform(r.Payload)
			about, err2 := jcs.Transform(r.Context)
			if err1 != nil || err2 != nil || !bytes.Equal(prev, r.PrevHash) {
				return &Broken{head.Chain, seq, "it does not continue the row before it"}
			}
			sum := digest(link{prev, r.ID.String(), r.At, head.Chain, seq, orgOf(r.OrgID).String(), r.Actor, r.Action, r.Subject, r.Version, r.Stream, r.Sequence, payload, about, r.RequestID})
			if !bytes.Equal(sum, r.Hash) {
				return &Broken{head.Chain, seq, "the row " + ident.From[ident.EventID](r.ID).String() + " was changed"}
			}
			prev = sum
		}
		if len(rows) == 0 {
			break
		}
	}
	if seq != head.Seq || !bytes.Equal(prev, head.Hash) {
		return &Broken{head.Chain, head.Seq, "its newest rows are missing"}
	}
	return nil
}
