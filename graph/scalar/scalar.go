// Package scalar writes and reads the scalars that Go has no GraphQL form for.
package scalar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

const layout = "2006-01-02T15:04:05.000000Z"

// MarshalTime writes RFC 3339 in UTC with microseconds, which is what the database keeps.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { w.Write(AppendTime(nil, t)) })
}

// AppendTime adds what MarshalTime writes.
func AppendTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), layout), '"')
}

// UnmarshalTime reads RFC 3339.
func UnmarshalTime(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Invalid("", "time", "Send a time as RFC 3339, for example 2026-11-21T14:00:00Z.")
}

// MarshalJSON writes a JSON value without white space; nothing is null.
func MarshalJSON(v json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { w.Write(AppendJSON(nil, v)) })
}

// AppendJSON adds what MarshalJSON writes. White space goes, because answers are not compacted again and an event stream ends a message at a line's end.
func AppendJSON(b []byte, v json.RawMessage) []byte {
	if len(v) == 0 {
		return append(b, "null"...)
	}
	out := bytes.NewBuffer(b)
	if err := json.Compact(out, v); err != nil {
		return append(b, "null"...)
	}
	return out.Bytes()
}

// UnmarshalJSON takes any JSON value.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("read a JSON value: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// MarshalMap writes an object of JSON.
func MarshalMap(v map[string]any) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if v == nil {
			v = map[string]any{}
		}
		b, _ := json.Marshal(v)
		w.Write(b)
	})
}

// UnmarshalMap reads an object of JSON.
func UnmarshalMap(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fault.Invalid("", "json_object", "Send a JSON object.")
	}
	return m, nil
}
