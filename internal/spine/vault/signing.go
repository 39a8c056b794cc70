package vault

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/vaultq"
)

// Purpose is what a signing key is for; each has its own.
type Purpose string

const (
	WidgetToken Purpose = "WIDGET_TOKEN" // Ed25519
	Checkpoint  Purpose = "CHECKPOINT"   // Ed25519; its public keys are kept for good
	Nonce       Purpose = "NONCE"        // HMAC-SHA256, as the rest
	CSRF        Purpose = "CSRF"
	Session     Purpose = "SESSION"
	TLSTicket   Purpose = "TLS_TICKET" // the keys of session tickets are derived from it
)

// monthly is how old a current key gets before a new one is made; remembered is how long a process trusts its copy.
const (
	monthly    = 30 * 24 * time.Hour
	remembered = 10 * time.Second
)

// SigningKey is one of the two valid keys of a purpose.
type SigningKey struct {
	ID        uuid.UUID
	Public    ed25519.PublicKey // WIDGET_TOKEN, CHECKPOINT
	CreatedAt time.Time
	seed      []byte
}

// Private is the Ed25519 key.
func (k *SigningKey) Private() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.seed) }

// Pack is the key with its secret, for UnpackKey. It is for what is sealed.
func (k *SigningKey) Pack() []byte {
	return append(binary.BigEndian.AppendUint64(slices.Clone(k.ID[:]), uint64(k.CreatedAt.UnixMicro())), k.seed...)
}

// UnpackKey reads what Pack made of a key that signs by MAC.
func UnpackKey(packed []byte) (*SigningKey, error) {
	if len(packed) != 16+8+ed25519.SeedSize {
		return nil, errors.New("a packed signing key has another length")
	}
	return &SigningKey{ID: uuid.UUID(packed[:16]), CreatedAt: time.UnixMicro(int64(binary.BigEndian.Uint64(packed[16:24]))).UTC(), seed: slices.Clone(packed[24:])}, nil
}

// MAC is HMAC-SHA256 over the parts, each behind its length.
func (k *SigningKey) MAC(parts ...string) []byte {
	h := hmac.New(sha256.New, k.seed)
	for _, p := range parts {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

type signers struct {
	sync.Mutex
	keys map[Purpose][]*SigningKey
	at   map[Purpose]time.Time
}

// Signer is the key that signs now; the first call of an installation makes it, and a month later the next.
func (v *Vault) Signer(ctx context.Context, p Purpose) (*SigningKey, error) {
	keys, err := v.Verifiers(ctx, p)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// Verifiers are the two keys whose signatures count, the newest first.
func (v *Vault) Verifiers(ctx context.Context, p Purpose) ([]*SigningKey, error) {
	v.sign.Lock()
	keys, at := v.sign.keys[p], v.sign.at[p]
	v.sign.Unlock()
	if len(keys) > 0 && time.Since(at) < remembered {
		return keys, nil
	}
	rows, err := v.q.SigningKeys(ctx, v.db, vaultq.SigningKeysParams{Purpose: string(p)})
	if err != nil {
		return nil, fmt.Errorf("read the signing keys for %s: %w", p, err)
	}
	if len(rows) == 0 || v.db.Now().Sub(rows[0].CreatedAt) > monthly {
		if err := v.rotate(ctx, p); err != nil {
			return nil, err
		}
		if rows, err = v.q.SigningKeys(ctx, v.db, vaultq.SigningKeysParams{Purpose: string(p)}); err != nil {
			return nil, fmt.Errorf("read the signing keys for %s: %w", p, err)
		}
	}
	keys = nil
	for _, r := range rows {
		seed, err := v.Open(ctx, v.db, ident.OrgID{}, "signing_key.sealed_key", r.ID.String(), r.SealedKey)
		if err != nil {
			return nil, fmt.Errorf("open the signing key %s: %w", r.ID, err)
		}
		keys = append(keys, &SigningKey{ID: r.ID, Public: r.PublicKey, CreatedAt: r.CreatedAt, seed: seed})
	}
	v.sign.Lock()
	defer v.sign.Unlock()
	if v.sign.keys == nil {
		v.sign.keys, v.sign.at = map[Purpose][]*SigningKey{}, map[Purpose]time.Time{}
	}
	v.sign.keys[p], v.sign.at[p] = keys, time.Now()
	return keys, nil
}

// PublicKeys are all keys that a purpose ever had, the newest first: what was signed long ago is checked with them.
func (v *Vault) PublicKeys(ctx context.Context, p Purpose) ([]ed25519.PublicKey, error) {
	rows, err := v.q.PublicKeys(ctx, v.db, vaultq.PublicKeysParams{Purpose: string(p)})
	if err != nil {
		return nil, fmt.Errorf("read the public keys for %s: %w", p, err)
	}
	out := make([]ed25519.PublicKey, len(rows))
	for n, r := range rows {
		out[n] = r
	}
	return out, nil
}

// rotate makes a new current key; the former goes on verifying, the one before it ends. Of several processes one does it.
func (v *Vault) rotate(ctx context.Context, p Purpose) error {
	return v.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := v.q.LockSigning(ctx, tx, vaultq.LockSigningParams{Purpose: string(p)}); err != nil {
			return err
		}
		rows, err := v.q.SigningKeys(ctx, tx, vaultq.SigningKeysParams{Purpose: string(p)})
		if err != nil {
			return err
		}
		if len(rows) > 0 && tx.Now.Sub(rows[0].CreatedAt) <= monthly {
			return nil // somebody was faster
		}
		if err := v.q.RetirePrevious(ctx, tx, vaultq.RetirePreviousParams{Purpose: string(p)}); err != nil {
			return err
		}
		if err := v.q.DemoteCurrent(ctx, tx, vaultq.DemoteCurrentParams{Purpose: string(p)}); err != nil {
			return err
		}
		id, seed := ident.V7(tx.Now), make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		sealed, err := v.Seal(ctx, tx, ident.OrgID{}, "signing_key.sealed_key", id.String(), seed)
		if err != nil {
			return err
		}
		key := vaultq.AddSigningKeyParams{ID: id, Purpose: string(p), SealedKey: sealed, CreatedAt: tx.Now}
		if p == WidgetToken || p == Checkpoint {
			key.PublicKey = ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		}
		return v.q.AddSigningKey(ctx, tx, key)
	})
}
