// Package secret holds text that must never be seen by accident.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

const hidden = "[secret]"

// String hides its value from fmt, slog, JSON and text encoders. Only Reveal, GraphQL answers (Secret fields, shown once) and gob, which the
// door's sealed store uses, see the value.
type String struct{ v string }

func New(v string) String { return String{v} }

// Random makes a secret of 256 bits, in base64url behind a prefix.
func Random(prefix string) String {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return String{prefix + base64.RawURLEncoding.EncodeToString(b)}
}

// Reveal answers the value. Every call of it is a place to review.
func (s String) Reveal() string { return s.v }

// mostOverlap is how long a secret that was replaced may count along, in hours.
const mostOverlap = 168

// Overlap reads how long a secret that is replaced counts along: 0 to 168 hours; the error is a fault at overlapHours.
func Overlap(hours int32) (time.Duration, error) {
	if hours < 0 || hours > mostOverlap {
		return 0, fault.Invalid("overlapHours", "overlap", "The former secret can sign along for 0 to %d hours.", mostOverlap)
	}
	return time.Duration(hours) * time.Hour, nil
}

func (s String) IsZero() bool { return s.v == "" }

// Hash answers SHA-256 of the value, for columns that are compared and never read.
func (s String) Hash() []byte { h := sha256.Sum256([]byte(s.v)); return h[:] }

// Equal compares in constant time.
func (s String) Equal(o String) bool { return subtle.ConstantTimeCompare(s.Hash(), o.Hash()) == 1 }

func (s String) String() string               { return hidden }
func (s String) GoString() string             { return hidden }
func (s String) Format(f fmt.State, _ rune)   { io.WriteString(f, hidden) }
func (s String) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }
func (s String) MarshalText() ([]byte, error) { return []byte(hidden), nil }

func (s String) GobEncode() ([]byte, error)    { return []byte(s.v), nil }
func (s *String) GobDecode(b []byte) error     { s.v = string(b); return nil }
func (s *String) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.v) }

// MarshalGQL shows the value: a field of type Secret is one that the caller is meant to see once.
func (s String) MarshalGQL(w io.Writer) { b, _ := json.Marshal(s.v); w.Write(b) }

// UnmarshalGQL takes text; null is no secret.
func (s *String) UnmarshalGQL(v any) error {
	t, ok := v.(string)
	if !ok && v != nil {
		return fault.Invalid("", "secret", "Send a secret as text.")
	}
	s.v = t
	return nil
}
