// Package vault seals what must not be read from a stolen database or backup.
//
// Envelope encryption: a key-encryption key (KEK) outside the database wraps one data key per organization, and one for the platform. A sealed
// value is AES-256-GCM under the data key; its additional data ties it to its owner, table, column and row, so a value that is moved elsewhere
// does not open. Rotation of the KEK wraps the data keys again and touches no value.
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/vaultq"
)

// version is the first byte of every sealed value; the data key's id (16 bytes) and the nonce (12) follow.
const (
	version  = 1
	headSize = 1 + 16 + 12
	keySize  = 32
)

// ErrSealed says that a value does not open: another owner, row or column, a changed byte, or a key that is gone.
var ErrSealed = errors.New("the sealed value does not open")

// KEK is a key-encryption key with an id that tells it from its predecessors.
type KEK struct {
	ID  string
	Key [keySize]byte
}

// Vault seals and opens. It is safe for concurrent use.
type Vault struct {
	db      *db.DB
	q       vaultq.Queries
	current KEK
	former  map[string]KEK

	mu     sync.Mutex
	opened map[uuid.UUID]cipher.AEAD
	active map[ident.OrgID]uuid.UUID
	sign   signers
}

// New makes a vault whose new data keys are wrapped by current; former KEKs still open what they wrapped.
func New(d *db.DB, current KEK, former ...KEK) *Vault {
	v := &Vault{db: d, current: current, former: map[string]KEK{current.ID: current}, opened: map[uuid.UUID]cipher.AEAD{}, active: map[ident.OrgID]uuid.UUID{}}
	for _, k := range former {
		v.former[k.ID] = k
	}
	return v
}

// Seal hides plain. org is the owner, zero for the platform; column is "certificate.sealed_key"; row is the row's id.
func (v *Vault) Seal(ctx context.Context, on vaultq.DBTX, org ident.OrgID, column, row string, plain []byte) ([]byte, error) {
	id, key, err := v.activeKey(ctx, on, org)
	if err != nil {
		return nil, err
	}
	out := make([]byte, headSize, headSize+len(plain)+key.Overhead())
	out[0] = version
	copy(out[1:17], id[:])
	rand.Read(out[17:headSize])
	return key.Seal(out, out[17:headSize], plain, aad(org, column, row)), nil
}

// Open answers what Seal hid, for the same owner, column and row; else ErrSealed.
func (v *Vault) Open(ctx context.Context, on vaultq.DBTX, org ident.OrgID, column, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != version {
		return nil, ErrSealed
	}
	key, err := v.dataKey(ctx, on, uuid.UUID(sealed[1:17]))
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(nil, sealed[17:headSize], sealed[headSize:], aad(org, column, row))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func aad(org ident.OrgID, column, row string) []byte {
	owner := org.String()
	if owner == "" {
		owner = "PLATFORM"
	}
	return []byte("v1|" + owner + "|" + column + "|" + row)
}

// activeKey finds the owner's data key, or makes its first. A key is made in a transaction of its own, so that it outlives a rollback of the caller.
func (v *Vault) activeKey(ctx context.Context, on vaultq.DBTX, org ident.OrgID) (uuid.UUID, cipher.AEAD, error) {
	v.mu.Lock()
	id, known := v.active[org]
	key := v.opened[id]
	v.mu.Unlock()
	if known && key != nil {
		return id, key, nil
	}
	kind, owner := owner(org)
	row, err := v.q.ActiveDataKey(ctx, on, vaultq.ActiveDataKeyParams{OwnerKind: kind, OwnerID: owner})
	if db.NotFound(err) {
		if err := v.firstKey(ctx, org); err != nil {
			return uuid.Nil, nil, err
		}
		row, err = v.q.ActiveDataKey(ctx, on, vaultq.ActiveDataKeyParams{OwnerKind: kind, OwnerID: owner})
	}
	if err != nil {
		return uuid.Nil, nil, fmt.Errorf("read the data key of %s: %w", kind, err)
	}
	key, err = v.unwrap(row.ID, row.KekID, row.Wrapped)
	if err != nil {
		return uuid.Nil, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.active[org], v.opened[row.ID] = row.ID, key
	return row.ID, key, nil
}

func (v *Vault) firstKey(ctx context.Context, org ident.OrgID) error {
	return v.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		id := ident.V7(tx.Now)
		plain := make([]byte, keySize)
		rand.Read(plain)
		wrapped, err := v.wrap(v.current, id, plain)
		if err != nil {
			return err
		}
		kind, owner := owner(org)
		return v.q.AddDataKey(ctx, tx, vaultq.AddDataKeyParams{ID: id, OwnerKind: kind, OwnerID: owner, Version: 1, KekID: v.current.ID, Wrapped: wrapped, CreatedAt: tx.Now})
	})
}

func owner(org ident.OrgID) (kind string, id *uuid.UUID) {
	if org.IsZero() {
		return "PLATFORM", nil
	}
	return "ORG", new(org.UUID())
}

func (v *Vault) dataKey(ctx context.Context, on vaultq.DBTX, id uuid.UUID) (cipher.AEAD, error) {
	v.mu.Lock()
	key := v.opened[id]
	v.mu.Unlock()
	if key != nil {
		return key, nil
	}
	row, err := v.q.DataKey(ctx, on, vaultq.DataKeyParams{ID: id})
	if db.NotFound(err) || err == nil && row.State == "DESTROYED" {
		return nil, ErrSealed
	} else if err != nil {
		return nil, fmt.Errorf("read a data key: %w", err)
	}
	if key, err = v.unwrap(row.ID, row.KekID, row.Wrapped); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened[id] = key
	return key, nil
}

// Destroy forgets the data keys of an organization in the caller's transaction: what was sealed for it can be opened by nobody any more, backups of the KEK
// included. Another process may know a key until it restarts.
func (v *Vault) Destroy(ctx context.Context, tx *db.Tx, org ident.OrgID) error {
	if err := v.q.DestroyDataKeys(ctx, tx, vaultq.DestroyDataKeysParams{OwnerID: new(org.UUID())}); err != nil {
		return fmt.Errorf("destroy the data keys of %s: %w", org, err)
	}
	tx.AfterCommit(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.opened, v.active[org])
		delete(v.active, org)
	})
	return nil
}

// Rewrap wraps every data key under the current KEK and answers how many it moved. It may run again at any time, and beside others.
func (v *Vault) Rewrap(ctx context.Context) (moved int, err error) {
	for {
		rows, err := v.q.DataKeysNotUnder(ctx, v.db, vaultq.DataKeysNotUnderParams{KekID: v.current.ID})
		if err != nil || len(rows) == 0 {
			return moved, err
		}
		for _, row := range rows {
			plain, err := v.unwrapped(row.ID, row.KekID, row.Wrapped)
			if err != nil {
				return moved, err
			}
			wrapped, err := v.wrap(v.current, row.ID, plain)
			if err != nil {
				return moved, err
			}
			if _, err := v.q.RewrapDataKey(ctx, v.db, vaultq.RewrapDataKeyParams{ID: row.ID, KekID: v.current.ID, Wrapped: wrapped, Former: row.KekID}); err != nil {
				return moved, fmt.Errorf("keep the data key %s: %w", row.ID, err)
			}
			moved++
		}
	}
}

func (v *Vault) wrap(k KEK, id uuid.UUID, plain []byte) ([]byte, error) {
	a, err := gcm(k.Key[:])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	rand.Read(nonce)
	return a.Seal(nonce, nonce, plain, []byte("v1|data_key|"+k.ID+"|"+id.String())), nil
}

func (v *Vault) unwrapped(id uuid.UUID, kek string, wrapped []byte) ([]byte, error) {
	k, known := v.former[kek]
	if !known {
		return nil, fmt.Errorf("a data key is wrapped by the key %q, which this process was not given: add it to vault.former_keks", kek)
	}
	a, err := gcm(k.Key[:])
	if err != nil {
		return nil, err
	}
	if len(wrapped) < a.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := a.Open(nil, wrapped[:a.NonceSize()], wrapped[a.NonceSize():], []byte("v1|data_key|"+kek+"|"+id.String()))
	if err != nil {
		return nil, fmt.Errorf("the key %q does not open a data key that it is said to have wrapped: is it the right one?", kek)
	}
	return plain, nil
}

func (v *Vault) unwrap(id uuid.UUID, kek string, wrapped []byte) (cipher.AEAD, error) {
	plain, err := v.unwrapped(id, kek, wrapped)
	if err != nil {
		return nil, err
	}
	return gcm(plain)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
