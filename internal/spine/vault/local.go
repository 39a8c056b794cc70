package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// Local seals what a process keeps on its own machine and reads without the database: under a key that is derived from the key-encryption key (RFC 5869), so
// the file is worth nothing without that. What is sealed is tied to its place. Whoever can write to the file can put back what stood there before.
type Local struct {
	names   []byte // the key of Name
	current string // id of the KEK
	keys    map[string]cipher.AEAD
}

// NewLocal makes one for a purpose; former KEKs still open what was sealed under them.
func NewLocal(purpose string, current KEK, former ...KEK) (*Local, error) {
	l := &Local{current: current.ID, keys: map[string]cipher.AEAD{}}
	for _, k := range append([]KEK{current}, former...) {
		key, err := hkdf.Key(sha256.New, k.Key[:], nil, "nameplate local v1|"+purpose, keySize)
		if err != nil {
			return nil, fmt.Errorf("derive a key from %q: %w", k.ID, err)
		}
		if l.keys[k.ID], err = gcm(key); err != nil {
			return nil, err
		}
		if k.ID == current.ID && l.names == nil {
			if l.names, err = hkdf.Key(sha256.New, k.Key[:], nil, "nameplate local names v1|"+purpose, keySize); err != nil {
				return nil, fmt.Errorf("derive a key from %q: %w", k.ID, err)
			}
		}
	}
	return l, nil
}

// head is what stands before the nonce: the version, and the KEK's id behind its length.
func (l *Local) head() []byte {
	return append([]byte{version, byte(len(l.current))}, l.current...)
}

// Seal hides plain for a place.
func (l *Local) Seal(place, plain []byte) []byte {
	key, head := l.keys[l.current], l.head()
	out := make([]byte, len(head)+key.NonceSize(), len(head)+key.NonceSize()+len(plain)+key.Overhead())
	copy(out, head)
	nonce := out[len(head):]
	rand.Read(nonce)
	return key.Seal(out, nonce, plain, place)
}

// Open answers what Seal hid for the same place; else ErrSealed.
func (l *Local) Open(place, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != version || len(sealed) < 2+int(sealed[1]) {
		return nil, ErrSealed
	}
	id, rest := string(sealed[2:2+int(sealed[1])]), sealed[2+int(sealed[1]):]
	key := l.keys[id]
	if key == nil || len(rest) < key.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := key.Open(nil, rest[:key.NonceSize()], rest[key.NonceSize():], place)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Fresh says whether a sealed value is under the current key, and so need not be sealed anew.
func (l *Local) Fresh(sealed []byte) bool { return bytes.HasPrefix(sealed, l.head()) }

// Name is what stands in the file for a text that it must not show; the same for the same text while the KEK is the same.
func (l *Local) Name(text string) []byte {
	h := hmac.New(sha256.New, l.names)
	h.Write([]byte(text))
	return h.Sum(nil)[:16]
}
