package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/auditq"
	"golang.org/x/mod/sumdb/tlog"
)

// looked is how many rows before the one in question a proof recomputes.
const looked = 5000

// AuditProof says whether a row is what it was, and gives what somebody else needs to check it: the leaf is SHA-256 over a zero byte and the row's hash
// (RFC 9162, section 2.1.1), and with the inclusion proof it leads to the root that the note signs.
type AuditProof struct {
	Valid          bool
	FirstBrokenSeq *int32
	CheckpointID   *ident.CheckpointID // nil: no checkpoint has the row yet, and the note was signed for this answer
	RootHash       string              // base64, as the inclusion proof
	TreeSize       int32
	InclusionProof []string
	SignedNote     string
}

// Proof is that of a row of an organization's chain.
func (s *Service) Proof(ctx context.Context, org ident.OrgID, seq int32) (*AuditProof, error) {
	if _, err := s.authorize(ctx, mayRead, org); err != nil {
		return nil, err
	}
	if err := s.noteRead(ctx, org); err != nil {
		return nil, err
	}
	return s.proof(ctx, org.String(), int64(seq), "seq")
}

// ProofAny is that of a row of any chain, for operators.
func (s *Service) ProofAny(ctx context.Context, chain string, seq int32) (*AuditProof, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	org, _ := ident.Parse[ident.OrgID](chain)
	if err := s.noteReadAny(ctx, org); err != nil {
		return nil, err
	}
	return s.proof(ctx, chain, int64(seq), "seq")
}

// proof recomputes the row, those of its tile and up to 5,000 before it, and holds them against a signed root. What it costs does not grow with the chain.
func (s *Service) proof(ctx context.Context, chain string, seq int64, field string) (*AuditProof, error) {
	head, err := s.q.HeadOf(ctx, s.DB, auditq.HeadOfParams{Chain: chain})
	if err != nil {
		return nil, fmt.Errorf("read the head of %s: %w", chain, err)
	}
	if seq < 1 || seq > head {
		return nil, fault.Invalid(field, "seq_unknown", "This log has the rows 1 to %d.", head)
	}
	p := &AuditProof{Valid: true, TreeSize: int32(head), InclusionProof: []string{}}
	var signed *tlog.Hash
	c, err := s.q.CheckpointFor(ctx, s.DB, auditq.CheckpointForParams{Chain: chain, Seq: seq})
	if err == nil {
		p.CheckpointID, p.SignedNote, p.TreeSize = new(ident.From[ident.CheckpointID](c.ID)), c.Note, int32(c.TreeSize)
		size, root, err := s.open(ctx, chain, c.Note)
		if err != nil || size != c.TreeSize || !bytes.Equal(root[:], c.RootHash) {
			p.Valid = false // what is signed is something else
		} else {
			signed = &root
		}
	} else if !db.NotFound(err) {
		return nil, fmt.Errorf("read the checkpoint of %s: %w", chain, err)
	}
	if err := s.recompute(ctx, p, chain, seq); err != nil {
		return nil, err
	}
	return p, s.include(ctx, p, chain, seq, signed)
}

// recompute names the first row that was changed by hand: near the row when the chain is sound there, else from the beginning.
func (s *Service) recompute(ctx context.Context, p *AuditProof, chain string, seq int64) error {
	until := min(int64(p.TreeSize), (seq+tileWidth-1)/tileWidth*tileWidth)
	_, _, err := s.walk(ctx, chain, max(0, (seq-1)/tileWidth*tileWidth-looked), until)
	broken, ok := errors.AsType[*event.Broken](err)
	if !ok {
		return err
	}
	p.Valid, p.FirstBrokenSeq = false, new(int32(broken.Seq))
	if _, _, err := s.walk(ctx, chain, 0, broken.Seq); err != nil {
		if first, ok := errors.AsType[*event.Broken](err); ok {
			p.FirstBrokenSeq = new(int32(first.Seq))
		}
	}
	return nil
}

func (s *Service) walk(ctx context.Context, chain string, after, until int64) (int64, []byte, error) {
	seq, hash, err := s.Ledger.Walk(ctx, s.DB, chain, after, until, func(int64, []byte) error { return nil })
	if err == nil && seq < until {
		err = &event.Broken{Chain: chain, Seq: seq + 1, Why: "the row is missing"}
	}
	return seq, hash, err
}

// include fills in the way from the row to the root, and compares the root with the signed one.
func (s *Service) include(ctx context.Context, p *AuditProof, chain string, seq int64, signed *tlog.Hash) error {
	t, err := s.treeOf(ctx, s.DB, chain, int64(p.TreeSize), seq)
	if err != nil {
		return err
	}
	root, err := t.root()
	if err != nil { // a row is missing
		p.Valid = false
		if signed != nil {
			p.RootHash = base64.StdEncoding.EncodeToString(signed[:])
		}
		return nil
	}
	if signed != nil && root != *signed {
		p.Valid = false
		if p.FirstBrokenSeq == nil { // the rows agree with each other: they were all written anew
			p.FirstBrokenSeq = new(int32(max(1, (seq-1)/tileWidth*tileWidth+1)))
		}
		root = *signed
	}
	p.RootHash = base64.StdEncoding.EncodeToString(root[:])
	way, err := tlog.ProveRecord(int64(p.TreeSize), seq-1, t)
	if err != nil {
		return fmt.Errorf("prove the row %d of %s: %w", seq, chain, err)
	}
	for _, h := range way {
		p.InclusionProof = append(p.InclusionProof, base64.StdEncoding.EncodeToString(h[:]))
	}
	if p.CheckpointID == nil {
		p.SignedNote, err = s.sign(ctx, chain, int64(p.TreeSize), root)
	}
	return err
}
