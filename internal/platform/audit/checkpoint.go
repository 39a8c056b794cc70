package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/auditq"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed head of a chain: so many rows, and the root of the tree over their hashes. In the file each is one line of JSON.
type Checkpoint struct {
	ID       ident.CheckpointID `json:"id"`
	Chain    string             `json:"chain"`
	TreeSize int64              `json:"treeSize"`
	RootHash string             `json:"rootHash"` // base64
	At       time.Time          `json:"at"`
	Note     string             `json:"note"` // the same, signed: a checkpoint as of c2sp.org/tlog-checkpoint
}

const chainsAtOnce = 200

// checkpoint signs the head of each chain that moved, and writes what is not written yet. A chain's rows are read once: later checkpoints read the new ones.
func (s *Service) checkpoint(ctx context.Context) error {
	_, err := s.checkpoints(ctx)
	return err
}

// checkpoints is checkpoint, and answers how many chains had moved.
func (s *Service) checkpoints(ctx context.Context) (chains int, err error) {
	for after := ""; ; {
		moved, err := s.q.MovedChains(ctx, s.DB, auditq.MovedChainsParams{After: after, Most: chainsAtOnce})
		if err != nil {
			return chains, fmt.Errorf("find the chains that moved: %w", err)
		}
		for _, m := range moved {
			if err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.checkpointTx(ctx, tx, m.Chain, m.Seq) }); err != nil {
				return chains, fmt.Errorf("make a checkpoint of %s: %w", m.Chain, err)
			}
			after = m.Chain
			chains++
		}
		if len(moved) < chainsAtOnce {
			return chains, s.write(ctx)
		}
	}
}

func (s *Service) checkpointTx(ctx context.Context, tx *db.Tx, chain string, size int64) error {
	if err := s.q.LockChain(ctx, tx, auditq.LockChainParams{Chain: chain}); err != nil {
		return err
	}
	t, err := s.treeOf(ctx, tx, chain, size, 0)
	if err != nil {
		return err
	}
	root, err := t.root()
	if err != nil {
		return err
	}
	tiles := auditq.AddTilesParams{Chain: chain, Ns: []int64{}, Hashes: [][]byte{}}
	for n := range size / tileWidth {
		if _, known := t.tiles[n]; known {
			continue
		}
		h, err := t.hash(tileHeight, n)
		if err != nil {
			return err
		}
		tiles.Ns, tiles.Hashes = append(tiles.Ns, n), append(tiles.Hashes, h[:])
	}
	if err := s.q.AddTiles(ctx, tx, tiles); err != nil {
		return err
	}
	signed, err := s.sign(ctx, chain, size, root)
	if err != nil {
		return err
	}
	_, err = s.q.AddCheckpoint(ctx, tx, auditq.AddCheckpointParams{ID: ident.V7(tx.Now), Chain: chain, TreeSize: size, RootHash: root[:], Note: signed, CreatedAt: tx.Now})
	return err
}

// text is what is signed: origin, size, root.
func (s *Service) text(chain string, size int64, root tlog.Hash) string {
	return s.origin() + "/" + chain + "\n" + strconv.FormatInt(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
}

func (s *Service) origin() string { return cmp.Or(s.Origin, "nameplate") }

func (s *Service) sign(ctx context.Context, chain string, size int64, root tlog.Hash) (string, error) {
	key, err := s.Vault.Signer(ctx, vault.Checkpoint)
	if err != nil {
		return "", err
	}
	by, err := newSigner(s.origin(), key.Private())
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: s.text(chain, size, root)}, by)
	return string(signed), err
}

// signer is a note.Signer with a key of the vault.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (k signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.key, msg), nil }

func newSigner(name string, key ed25519.PrivateKey) (note.Signer, error) {
	v, err := newVerifier(name, key.Public().(ed25519.PublicKey))
	return signer{v, key}, err
}

func newVerifier(name string, key ed25519.PublicKey) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		return nil, fmt.Errorf("name the key of checkpoints: %w", err)
	}
	return note.NewVerifier(text)
}

// open checks the signature of a checkpoint and answers size and root; the note says whose chain it is.
func (s *Service) open(ctx context.Context, chain, signed string) (size int64, root tlog.Hash, err error) {
	keys, err := s.Vault.PublicKeys(ctx, vault.Checkpoint)
	if err != nil {
		return 0, root, err
	}
	// An installation may have had another address when it signed: the name is the note's own, the key is ours.
	name, _, _ := strings.Cut(signed, "\n")
	name = strings.TrimSuffix(name, "/"+chain)
	var known []note.Verifier
	for _, k := range keys {
		v, err := newVerifier(name, k)
		if err != nil {
			return 0, root, err
		}
		known = append(known, v)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(known...))
	if err != nil {
		return 0, root, fmt.Errorf("the signature of a checkpoint of %s does not count: %w", chain, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != name+"/"+chain {
		return 0, root, fmt.Errorf("this is no checkpoint of %s", chain)
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	raw, bad := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || bad != nil || len(raw) != tlog.HashSize || size < 1 {
		return 0, root, fmt.Errorf("this is no checkpoint of %s", chain)
	}
	return size, tlog.Hash(raw), nil
}

// write adds the checkpoints that are not written yet to the file, and forces them to the disk. After a crash between file and database a line stands twice.
func (s *Service) write(ctx context.Context) error {
	if s.Checkpoints == "" {
		return nil
	}
	for {
		n := 0
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			rows, err := s.q.Unwritten(ctx, tx, auditq.UnwrittenParams{Most: 1000})
			if n = len(rows); err != nil || n == 0 {
				return err
			}
			var b bytes.Buffer
			ids := make([]uuid.UUID, n)
			for i, r := range rows {
				ids[i] = r.ID
				if err := json.NewEncoder(&b).Encode(fromRow(r)); err != nil {
					return err
				}
			}
			if err := add(s.Checkpoints, b.Bytes()); err != nil {
				return fmt.Errorf("write checkpoints to audit.checkpoints: %w", err)
			}
			return s.q.Written(ctx, tx, auditq.WrittenParams{Ids: ids, WrittenTo: &s.Checkpoints})
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func add(path string, lines []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	return errors.Join(err, f.Sync(), f.Close())
}

func fromRow(r *auditq.AuditCheckpoint) Checkpoint {
	return Checkpoint{ident.From[ident.CheckpointID](r.ID), r.Chain, r.TreeSize, base64.StdEncoding.EncodeToString(r.RootHash), r.CreatedAt.UTC(), r.Note}
}

// verify is the daily look at all chains. What is broken stands in the ledger and in the log, once a day until it is dealt with.
func (s *Service) verify(ctx context.Context) error {
	_, _, err := s.Verify(ctx, nil)
	broken, ok := errors.AsType[*event.Broken](err)
	if !ok {
		return err
	}
	slog.ErrorContext(ctx, "the audit log was changed by hand", "chain", broken.Chain, "seq", broken.Seq, "why", broken.Why)
	_, err = door.Do(authz.System(ctx, "audit"), s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "audit.verify", Permission: mayReadAny, Operator: true},
		Do: func(_ context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			e.Record(event.Change{Action: "audit.broken", Subject: "platform", Version: 1, Stream: "audit:platform", Chain: "platform", Audited: true,
				Payload: map[string]any{"v": 1, "chain": broken.Chain, "seq": broken.Seq}})
			return struct{}{}, nil
		},
	}, struct{}{})
	return err
}

// Verify recomputes all chains, and the root of each checkpoint that is known: those of the database, and those of a file that nobody of this database could
// change. It answers how many rows and checkpoints hold; the error is a *event.Broken where one does not.
func (s *Service) Verify(ctx context.Context, file io.Reader) (rows int64, checkpoints int, err error) {
	kept, err := s.kept(ctx, file)
	if err != nil {
		return 0, 0, err
	}
	trees, sound := map[string]*frontier{}, map[string]int64{}
	rows, err = s.Ledger.Verify(ctx, s.DB, func(chain string, seq int64, hash []byte) error {
		if len(kept[chain]) == 0 {
			return nil
		}
		if trees[chain] == nil {
			trees[chain] = &frontier{}
		}
		trees[chain].add(tlog.RecordHash(hash))
		c, ok := kept[chain][seq]
		if !ok {
			return nil
		}
		if trees[chain].root() != c.root {
			return &event.Broken{Chain: chain, Seq: sound[chain] + 1, Why: fmt.Sprintf("it was written anew: its first %d rows are not those of the checkpoint of %s", seq, c.when())}
		}
		sound[chain] = seq
		checkpoints++
		return nil
	})
	if err != nil {
		return rows, checkpoints, err
	}
	for chain, all := range kept {
		there := int64(0)
		if trees[chain] != nil {
			there = trees[chain].n
		}
		for size, c := range all {
			if size > there {
				return rows, checkpoints, &event.Broken{Chain: chain, Seq: there + 1, Why: fmt.Sprintf("its newest rows are missing: there were %d on %s", size, c.when())}
			}
		}
	}
	return rows, checkpoints, nil
}

type keptCheckpoint struct {
	Checkpoint
	root tlog.Hash
}

func (c keptCheckpoint) when() string { return c.At.UTC().Format(time.DateTime) }

// kept are the checkpoints by chain and size, each with a signature that counts.
func (s *Service) kept(ctx context.Context, file io.Reader) (map[string]map[int64]keptCheckpoint, error) {
	all := map[string]map[int64]keptCheckpoint{}
	add := func(c Checkpoint) error {
		size, root, err := s.open(ctx, c.Chain, c.Note)
		if err != nil {
			return &event.Broken{Chain: c.Chain, Seq: c.TreeSize, Why: err.Error()}
		}
		if all[c.Chain] == nil {
			all[c.Chain] = map[int64]keptCheckpoint{}
		}
		if was, twice := all[c.Chain][size]; twice && was.root != root {
			return &event.Broken{Chain: c.Chain, Seq: size, Why: "two checkpoints of this size are signed, and they differ"}
		}
		all[c.Chain][size] = keptCheckpoint{c, root}
		return nil
	}
	if file != nil {
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 64<<10)
		for n := 1; lines.Scan(); n++ {
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			var c Checkpoint
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil || c.Chain == "" {
				return nil, fmt.Errorf("line %d of the file is no checkpoint", n)
			}
			if err := add(c); err != nil {
				return nil, err
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read the checkpoints: %w", err)
		}
	}
	rows, err := s.q.NewestCheckpoints(ctx, s.DB)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	for _, r := range rows {
		if err := add(fromRow((*auditq.AuditCheckpoint)(r))); err != nil {
			return nil, err
		}
	}
	return all, nil
}
