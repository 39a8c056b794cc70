// Package ident holds the typed ids of the product.
//
// Inside, an id is a UUIDv7 (RFC 9562); outside it is a prefix and 26 characters of Crockford's base32, such as
// con_01k9s6v0z8e2r8n3b0m4q7t5ya. Each kind is a type of its own, so that an id of one kind cannot be passed for another; text of the wrong
// kind is refused with a fault that says which kind was expected.
package ident

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Kind names a kind of id by its prefix.
type Kind interface{ Prefix() string }

// ID is the common part of every typed id. The zero value is no id.
type ID[K Kind] struct{ u uuid.UUID }

// UUID answers what the database keeps.
func (i ID[K]) UUID() uuid.UUID { return i.u }

// IsZero says that there is no id.
func (i ID[K]) IsZero() bool { return i.u == uuid.Nil }

// String answers the outside form, "" for no id.
func (i ID[K]) String() string {
	if i.u == uuid.Nil {
		return ""
	}
	b, _ := i.AppendText(make([]byte, 0, 32))
	return string(b)
}

// AppendText adds the outside form.
func (i ID[K]) AppendText(b []byte) ([]byte, error) {
	if i.u == uuid.Nil {
		return b, nil
	}
	var k K
	return appendUUID(append(append(b, k.Prefix()...), '_'), i.u), nil
}

func (i ID[K]) MarshalText() ([]byte, error) { return i.AppendText(nil) }

// UnmarshalText accepts the outside form of its own kind, and "" for no id.
func (i *ID[K]) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		i.u = uuid.Nil
		return nil
	}
	var k K
	u, err := decode(string(b), k.Prefix())
	if err != nil {
		return err
	}
	i.u = u
	return nil
}

// MarshalBinary is the form of sealed answers (gob).
func (i ID[K]) MarshalBinary() ([]byte, error) { return i.u[:], nil }

func (i *ID[K]) UnmarshalBinary(b []byte) error { return i.u.UnmarshalBinary(b) }

func (i *ID[K]) set(u uuid.UUID) { i.u = u }
func (i *ID[K]) prefix() string  { var k K; return k.Prefix() }

// typed is the pointer to one of the id types of kinds.go.
type typed[T any] interface {
	*T
	set(uuid.UUID)
	prefix() string
}

// New makes an id for the instant at. Ids sort by their instants, those of one instant in the order in which this process made them.
func New[T any, P typed[T]](at time.Time) T {
	var t T
	P(&t).set(V7(at))
	return t
}

// From wraps what the database kept.
func From[T any, P typed[T]](u uuid.UUID) T {
	var t T
	P(&t).set(u)
	return t
}

// FromPtr wraps a nullable column; nil gives nil.
func FromPtr[T any, P typed[T]](u *uuid.UUID) *T {
	if u == nil {
		return nil
	}
	return new(From[T, P](*u))
}

// Parse reads the outside form. The error is an INVALID fault without a field.
func Parse[T any, P typed[T]](s string) (T, error) {
	var t T
	u, err := decode(s, P(&t).prefix())
	if err != nil {
		return t, err
	}
	P(&t).set(u)
	return t, nil
}

func decode(s, prefix string) (uuid.UUID, error) {
	head, tail, ok := strings.Cut(s, "_")
	if !ok || head != prefix || len(tail) != 26 {
		return uuid.Nil, wrong(prefix)
	}
	raw, err := alphabet.DecodeString(strings.ToLower("000000" + tail)[0:32])
	if err != nil || len(raw) != 20 {
		return uuid.Nil, wrong(prefix)
	}
	var u uuid.UUID
	copy(u[:], raw[4:])
	if raw[0]|raw[1]|raw[2]|raw[3] != 0 || encode(u) != strings.ToLower(tail) || u == uuid.Nil {
		return uuid.Nil, wrong(prefix)
	}
	return u, nil
}

// encode writes 128 bits as 26 characters: two zero bits, then the id, as ULIDs do.
func encode(u uuid.UUID) string { return string(appendUUID(nil, u)) }

func appendUUID(b []byte, u uuid.UUID) []byte {
	var raw [20]byte
	copy(raw[4:], u[:])
	var text [32]byte
	alphabet.Encode(text[:], raw[:])
	return append(b, text[6:]...)
}

func wrong(prefix string) error {
	return fault.Invalid("id", "id_kind", fmt.Sprintf("Send an id that begins with %s_.", prefix))
}

// made counts the ids of this process.
var made atomic.Uint32

// V7 makes a UUIDv7 of 60 bits of time, 24 of a counter and 38 random ones (RFC 9562, section 6.2, methods 3 and 1). It remembers no
// instant, because the callers in one process may have different clocks.
func V7(at time.Time) uuid.UUID {
	ns := uint64(at.UnixNano())
	ms, below := ns/1e6, ns%1e6*4096/1e6
	var u uuid.UUID
	rand.Read(u[11:])
	for n := range 6 {
		u[n] = byte(ms >> (40 - 8*n))
	}
	u[6] = 0x70 | byte(below>>8)&0x0f
	u[7] = byte(below)
	n := made.Add(1)
	u[8], u[9], u[10], u[11] = 0x80|byte(n>>18)&0x3f, byte(n>>10), byte(n>>2), byte(n<<6)|u[11]&0x3f
	return u
}
