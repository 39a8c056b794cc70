package audit

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/queries/auditq"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8 // levels of the tree that one tile stands for
	tileWidth  = 1 << tileHeight
)

// tree is the Merkle tree (RFC 9162, section 2.1) over the hashes of a chain's rows, as far as it is needed: the leaf n is the row n+1. Full tiles of 256
// rows are known by their root; below it only the tiles that were read are known.
type tree struct {
	size   int64
	tiles  map[int64]tlog.Hash
	leaves map[int64]tlog.Hash
}

// ReadHashes makes it a tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		level, at := tlog.SplitStoredHashIndex(i)
		h, err := t.hash(level, at)
		if err != nil {
			return nil, err
		}
		out[n] = h
	}
	return out, nil
}

func (t *tree) hash(level int, n int64) (tlog.Hash, error) {
	if level == tileHeight {
		if h, ok := t.tiles[n]; ok {
			return h, nil
		}
	}
	if level == 0 {
		h, ok := t.leaves[n]
		if !ok {
			return h, fmt.Errorf("the row %d is missing", n+1)
		}
		return h, nil
	}
	left, err := t.hash(level-1, 2*n)
	if err != nil {
		return left, err
	}
	right, err := t.hash(level-1, 2*n+1)
	return tlog.NodeHash(left, right), err
}

// treeOf reads what is needed of a chain's tree of a size: all tiles, the rows behind the last, and the rows of the tile that holds the row seq (0: none).
func (s *Service) treeOf(ctx context.Context, on auditq.DBTX, chain string, size, seq int64) (*tree, error) {
	t := &tree{size: size, tiles: map[int64]tlog.Hash{}, leaves: map[int64]tlog.Hash{}}
	full := size / tileWidth
	tiles, err := s.q.Tiles(ctx, on, auditq.TilesParams{Chain: chain, Until: full})
	if err != nil {
		return nil, fmt.Errorf("read the tiles of %s: %w", chain, err)
	}
	known := int64(0)
	for _, r := range tiles {
		if r.N == known { // behind a gap the rows are read
			t.tiles[r.N] = tlog.Hash(r.Hash)
			known++
		}
	}
	if seq > 0 && (seq-1)/tileWidth < known {
		at := (seq - 1) / tileWidth
		delete(t.tiles, at) // its root is computed from the rows
		if err := s.leaves(ctx, on, t, chain, at*tileWidth, (at+1)*tileWidth); err != nil {
			return nil, err
		}
	}
	return t, s.leaves(ctx, on, t, chain, known*tileWidth, size)
}

func (s *Service) leaves(ctx context.Context, on auditq.DBTX, t *tree, chain string, after, until int64) error {
	rows, err := s.q.HashesOfChain(ctx, on, auditq.HashesOfChainParams{Chain: chain, After: after, Until: until})
	if err != nil {
		return fmt.Errorf("read the hashes of %s: %w", chain, err)
	}
	for _, r := range rows {
		t.leaves[*r.Seq-1] = tlog.RecordHash(r.Hash)
	}
	return nil
}

func (t *tree) root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t) }

// frontier is a tree that only grows: the roots of its full subtrees, the largest first.
type frontier struct {
	n     int64
	nodes []tlog.Hash
}

func (f *frontier) add(h tlog.Hash) {
	for k := f.n; k&1 == 1; k >>= 1 {
		last := len(f.nodes) - 1
		h, f.nodes = tlog.NodeHash(f.nodes[last], h), f.nodes[:last]
	}
	f.nodes = append(f.nodes, h)
	f.n++
}

func (f *frontier) root() tlog.Hash {
	h := f.nodes[len(f.nodes)-1]
	for n := len(f.nodes) - 2; n >= 0; n-- {
		h = tlog.NodeHash(f.nodes[n], h)
	}
	return h
}
