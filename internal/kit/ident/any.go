package ident

import (
	"encoding"
	"io"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// Any is an id whose kind is not known yet, such as a GraphQL argument. Providers are named by slug: pvd_cloudflare.
type Any string

// Prefix answers what stands before the underscore: "con".
func (a Any) Prefix() string { head, _, _ := strings.Cut(string(a), "_"); return head }

func (a Any) String() string { return string(a) }

func (a Any) MarshalGQL(w io.Writer) { writeQuoted(w, string(a)) }

// UnmarshalGQL accepts any text up to 100 characters; the kind is judged by As.
func (a *Any) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok || s == "" || len(s) > 100 {
		return fault.Invalid("id", "id_kind", "Send an id as text.")
	}
	*a = Any(s)
	return nil
}

// As turns an argument into a typed id; the fault of a wrong kind names the argument.
func As[T any, P typed[T]](a Any, argument string) (T, error) {
	t, err := Parse[T, P](string(a))
	if err != nil {
		return t, fault.At(err, argument)
	}
	return t, nil
}

// AsPtr is As for an argument that may be absent.
func AsPtr[T any, P typed[T]](a *Any, argument string) (*T, error) {
	if a == nil {
		return nil, nil
	}
	t, err := As[T, P](*a, argument)
	return &t, err
}

func writeQuoted(w io.Writer, s string) { io.WriteString(w, strconv.Quote(s)) }

func readGQL(v any, into encoding.TextUnmarshaler) error {
	s, ok := v.(string)
	if !ok || s == "" {
		return fault.Invalid("id", "id_kind", "Send an id as text.")
	}
	return into.UnmarshalText([]byte(s))
}
