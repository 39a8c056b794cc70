package audit

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

// search finds rows that have all words, and, for a text as a whole, rows of people and keys that are called so and rows whose action is told with it in the
// reader's language.
func (s *Service) search(ctx context.Context, w where, cursor uuid.UUID, most int32) ([]*row, error) {
	rows, err := s.byWords(ctx, w, cursor, most)
	if err != nil || w.text == "" || len(w.words) > len(strings.Fields(w.text)) {
		return rows, wrong(err)
	}
	lists := [][]*row{rows}
	people, err := s.q.ActorsNamed(ctx, s.DB, auditq.ActorsNamedParams{OrgID: w.org.UUID(), Text: w.text})
	if err != nil {
		return nil, wrong(err)
	}
	for _, p := range people {
		who := w
		who.actor = "user:" + ident.From[ident.UserID](p.ID).String()
		if p.Kind == "key" {
			who.actor = "key:" + ident.From[ident.KeyID](p.ID).String()
		}
		if w.actor != "" && w.actor != who.actor {
			continue
		}
		did, err := s.byActor(ctx, who, cursor, most)
		if err != nil {
			return nil, err
		}
		lists = append(lists, did)
	}
	told := w
	if told.actions = toldWith(w.locale, w.text, w.actions, w.never); len(told.actions) > 0 {
		did, err := s.byAction(ctx, told, cursor, most)
		if err != nil {
			return nil, err
		}
		lists = append(lists, did)
	}
	return newest(most, lists...), nil
}

// hunt is one search for words, from the newest rows to the oldest.
type hunt struct {
	*Service
	where
	before uuid.UUID
	terms  []term
	most   int32
	found  []*row // the newest so far
}

// term is what a row must have: a word of one of these ranges.
type term struct {
	low, high []string
	begins    string // "" unless it is the beginning of a word
}

func (s *Service) byWords(ctx context.Context, w where, cursor uuid.UUID, most int32) ([]*row, error) {
	h := &hunt{Service: s, where: w, before: w.before(cursor), most: most, terms: w.terms()}
	if len(h.terms) == 0 {
		return nil, nil // of what is looked for, nothing is a word
	}
	chain := w.org.String()
	done, err := s.q.CountBlocks(ctx, s.DB, auditq.CountBlocksParams{Chain: chain, OrgID: w.org.UUID()})
	if err != nil {
		return nil, err
	}
	if err := h.unindexed(ctx, int64(done)*blockSize); err != nil || done == 0 {
		return h.found, err
	}
	blocks, err := s.q.Blocks(ctx, s.DB, auditq.BlocksParams{Chain: chain, OrgID: w.org.UUID(), Before: h.before, Since: w.since})
	if err != nil {
		return nil, err
	}
	for most := 1; ; most *= 8 { // a frequent word is found in one block, a rare one needs few looks
		blocks = slices.DeleteFunc(blocks, func(b *auditq.BlocksRow) bool { return h.full() && bytes.Compare(b.High[:], h.last()) < 0 })
		if len(blocks) == 0 {
			return h.found, nil
		}
		some := blocks[:min(most, len(blocks))]
		blocks = blocks[len(some):]
		if err := h.look(ctx, some); err != nil {
			return nil, err
		}
	}
}

// terms are what rows must have. Those that few rows have come first: ids are long, and so are rare words.
func (w *where) terms() (out []term) {
	var words []string
	for _, text := range w.words {
		words = append(words, split(text)...)
	}
	if len(words) == 0 {
		return nil
	}
	words = append(words, split(w.subject)...)
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, word := range slices.Compact(words) {
		out = append(out, term{[]string{word}, []string{word + "\U0010FFFF"}, word})
	}
	exact := func(mark string, values ...string) {
		t := term{}
		for _, v := range values {
			t.low, t.high = append(t.low, mark+v), append(t.high, mark+v+exactEnd)
		}
		out = append(out, t)
	}
	if w.actor != "" {
		exact(actorMark, w.actor)
	}
	if len(w.actions) > 0 {
		exact(actionMark, w.actions...)
	}
	return out
}

func (h *hunt) full() bool   { return len(h.found) == int(h.most) }
func (h *hunt) last() []byte { return h.found[len(h.found)-1].ID[:] }

// unindexed reads the rows behind a number, the newest first: a block and what came lately, or more while an index is being made for a long log.
func (h *hunt) unindexed(ctx context.Context, after int64) error {
	for until := int64(math.MaxInt64); ; {
		rows, err := h.q.AuditsUnindexed(ctx, h.DB, auditq.AuditsUnindexedParams{Chain: h.org.String(), OrgID: h.org.UUID(), After: after, Until: until, Most: blockSize})
		if err != nil || len(rows) == 0 {
			return err
		}
		var seqs []int64
		first, last := rows[0].At, rows[0].At
		for _, r := range rows {
			if h.has((*indexed)(r)) {
				seqs = append(seqs, r.Seq)
			}
			if r.At.Before(first) {
				first = r.At
			} else if r.At.After(last) {
				last = r.At
			}
		}
		if err := h.fetch(ctx, seqs, first, last); err != nil {
			return err
		}
		lowest := rows[len(rows)-1]
		if len(rows) < blockSize || h.full() && madeAt(uuid.UUID(h.last())).After(lowest.At.Add(commitTime)) {
			return nil
		}
		until = lowest.Seq - 1
	}
}

// has says whether a row has all words. Most rows that have not are told by their text as it is.
func (h *hunt) has(r *indexed) bool {
	text := strings.ToLower(r.Subject + " " + r.RequestID + " " + string(r.Payload))
	for _, t := range h.terms {
		if t.begins != "" && !strings.Contains(text, t.begins) {
			return false
		}
	}
	all := wordsOf(r)
	return !slices.ContainsFunc(h.terms, func(t term) bool {
		for word := range all {
			for n := range t.low {
				if word >= t.low[n] && word < t.high[n] {
					return false
				}
			}
		}
		return true
	})
}

// look looks into blocks.
func (h *hunt) look(ctx context.Context, blocks []*auditq.BlocksRow) error {
	left := make([]int32, len(blocks))
	low, high := blocks[0].Low, blocks[0].High
	for n, b := range blocks {
		left[n] = b.N
		if bytes.Compare(b.Low[:], low[:]) < 0 {
			low = b.Low
		}
		if bytes.Compare(b.High[:], high[:]) > 0 {
			high = b.High
		}
	}
	var all map[int32]*numbers
	for n, t := range h.terms {
		rows, err := h.q.RowsOfWords(ctx, h.DB, auditq.RowsOfWordsParams{OrgID: h.org.UUID(), Blocks: left, Lows: t.low, Highs: t.high})
		if err != nil {
			return err
		}
		have := map[int32]*numbers{}
		for _, r := range rows {
			if have[r.N] == nil {
				have[r.N] = &numbers{}
			}
			have[r.N].join(r.Rows)
		}
		if n > 0 {
			maps.DeleteFunc(have, func(block int32, of *numbers) bool { return !of.keep(all[block]) })
		}
		if all, left = have, slices.Sorted(maps.Keys(have)); len(left) == 0 {
			return nil
		}
	}
	var seqs []int64
	for _, block := range left {
		seqs = append(seqs, all[block].of(block)...)
	}
	return h.fetch(ctx, seqs, madeAt(low), madeAt(high))
}

// fetch adds the newest of some rows, which were written between two instants.
func (h *hunt) fetch(ctx context.Context, seqs []int64, first, last time.Time) error {
	if len(seqs) == 0 {
		return nil
	}
	rows, err := h.q.AuditsNumbered(ctx, h.DB, auditq.AuditsNumberedParams{Chain: h.org.String(), OrgID: h.org.UUID(), Seqs: seqs, First: first.Add(-time.Second), Last: last.Add(time.Second), Before: h.before, Since: h.since,
		Actor: h.actor, Actions: h.actions, Never: h.never, Subject: h.subject, Most: h.most})
	if err != nil {
		return err
	}
	h.found = newest(h.most, h.found, as(rows, func(r *auditq.AuditsNumberedRow) *row { return (*row)(r) }))
	return nil
}
