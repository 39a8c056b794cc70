package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

// The words of an organization's log are indexed block by block: 1,024 rows of its chain, which never change and have no gaps. A block is indexed once it is
// full, and never touched again, so writing to the log costs nothing for it; what fills no block yet is read as it is. A look goes from the newest block to the
// oldest and ends with a full page, so a frequent word costs as little as a rare one, and a rare one a short look into each block.

const (
	blockSize  = 1024             // rows; the migration's comments and stored bytes say so too
	wordLength = 64               // bytes; a longer word is found by its beginning
	indexTurn  = time.Minute      // how long one turn works on a long log, such as after an upgrade; the next goes on
	indexEvery = 15 * time.Second // until then a search reads new rows as they are
)

// Beside its words a row is found by who did what: a character that no word has goes ahead of these, and another ends them.
const (
	actorMark  = "\x02"
	actionMark = "\x03"
	exactEnd   = "\x01"
)

// index fills the blocks that can be filled. Two processes that do the same write the same, once.
func (s *Service) index(ctx context.Context) error {
	began := time.Now()
	for after := ""; ; {
		grown, err := s.q.GrownChains(ctx, s.DB, auditq.GrownChainsParams{After: after, Size: blockSize, Most: chainsAtOnce})
		if err != nil {
			return fmt.Errorf("find the logs that grew: %w", err)
		}
		for _, g := range grown {
			org, err := ident.Parse[ident.OrgID](g.Chain)
			if err != nil {
				return fmt.Errorf("index the words of %s: %w", g.Chain, err)
			}
			for n := g.Blocks; int64(n+1)*blockSize <= g.Seq; n++ {
				if time.Since(began) > indexTurn {
					return nil
				}
				if err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.indexTx(ctx, tx, org, n) }); err != nil {
					return fmt.Errorf("index the words of %s, block %d: %w", org, n, err)
				}
			}
			after = g.Chain
		}
		if len(grown) < chainsAtOnce {
			return nil
		}
	}
}

func (s *Service) indexTx(ctx context.Context, tx *db.Tx, org ident.OrgID, n int32) error {
	rows, err := s.q.BlockRows(ctx, tx, auditq.BlockRowsParams{Chain: org.String(), OrgID: org.UUID(), After: int64(n) * blockSize, Until: int64(n+1) * blockSize})
	if err != nil {
		return err
	}
	b := auditq.AddBlockParams{Chain: org.String(), N: n, OrgID: org.UUID(), Low: uuid.Max}
	found := map[string]*numbers{}
	for _, r := range rows { // fewer than a block when somebody took some out by hand
		if bytes.Compare(r.ID[:], b.Low[:]) < 0 {
			b.Low = r.ID
		}
		if bytes.Compare(r.ID[:], b.High[:]) > 0 {
			b.High = r.ID
		}
		for word := range wordsOf((*indexed)(r)) {
			if found[word] == nil {
				found[word] = &numbers{}
			}
			found[word].add(int(r.Seq-1) % blockSize)
		}
	}
	if added, err := s.q.AddBlock(ctx, tx, b); err != nil || added == 0 || len(found) == 0 {
		return err
	}
	p := auditq.AddWordsParams{OrgID: org.UUID(), N: n, Words: slices.Sorted(maps.Keys(found))}
	for _, word := range p.Words {
		p.Rows = append(p.Rows, found[word].pack())
	}
	return s.q.AddWords(ctx, tx, p)
}

// indexed is what a row can be found by.
type indexed auditq.BlockRowsRow

// wordsOf are the words of a row's ids and of what stands as text in its payload, and who did what.
func wordsOf(r *indexed) map[string]struct{} {
	all := map[string]struct{}{actorMark + r.Actor: {}, actionMark + r.Action: {}}
	read := func(text string) {
		for _, w := range split(text) {
			all[w] = struct{}{}
		}
	}
	read(r.Subject)
	read(r.RequestID)
	var payload any
	_ = json.Unmarshal(r.Payload, &payload) // PostgreSQL wrote it
	textsIn(payload, read)
	return all
}

// textsIn tells of each text in a JSON value, however deep.
func textsIn(v any, tell func(string)) {
	switch v := v.(type) {
	case string:
		tell(v)
	case []any:
		for _, one := range v {
			textsIn(one, tell)
		}
	case map[string]any:
		for _, one := range v {
			textsIn(one, tell)
		}
	}
}

// split makes words of a text: letters and numbers, in lower case, at most wordLength of them.
func split(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	for n, w := range words {
		if len(w) > wordLength {
			words[n] = strings.ToValidUTF8(w[:wordLength], "")
		}
	}
	return words
}

// numbers are rows of a block, counted from 0.
type numbers [blockSize / 64]uint64

func (s *numbers) add(n int) { s[n/64] |= 1 << (n % 64) }

// pack is what stands in audit_word.rows.
func (s *numbers) pack() (out []byte) {
	for n := range blockSize {
		if s[n/64]&(1<<(n%64)) != 0 {
			out = binary.BigEndian.AppendUint16(out, uint16(n))
		}
	}
	if len(out) < blockSize/8 {
		return out
	}
	out = out[:0]
	for _, bits := range s {
		out = binary.BigEndian.AppendUint64(out, bits)
	}
	return out
}

// join adds what pack wrote.
func (s *numbers) join(packed []byte) {
	if len(packed) == blockSize/8 {
		for n := range s {
			s[n] |= binary.BigEndian.Uint64(packed[8*n:])
		}
		return
	}
	for ; len(packed) >= 2; packed = packed[2:] {
		s.add(int(binary.BigEndian.Uint16(packed)) % blockSize)
	}
}

// keep drops what is not in other, and says whether something is left.
func (s *numbers) keep(other *numbers) (left bool) {
	for n := range s {
		s[n] &= other[n]
		left = left || s[n] != 0
	}
	return left
}

// of are the numbers in the chain, of a block.
func (s *numbers) of(block int32) (seqs []int64) {
	for n := range blockSize {
		if s[n/64]&(1<<(n%64)) != 0 {
			seqs = append(seqs, int64(block)*blockSize+int64(n)+1)
		}
	}
	return seqs
}
