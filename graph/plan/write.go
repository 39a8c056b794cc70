package plan

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/scalar"
)

// String writes text as gqlgen does: control characters, quotes and backslashes are escaped, nothing else is.
func (r *Run) String(s string) bool {
	r.out = appendString(r.out, s)
	return true
}

const digits = "0123456789ABCDEF"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for n := range len(s) {
		c := s[n]
		if c >= 0x20 && c != '\\' && c != '"' {
			continue
		}
		b = append(b, s[start:n]...)
		switch c {
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		case '\n':
			b = append(b, `\n`...)
		case '\\', '"':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		}
		start = n + 1
	}
	return append(append(b, s[start:]...), '"')
}

// Bool writes true or false.
func (r *Run) Bool(v bool) bool {
	r.out = strconv.AppendBool(r.out, v)
	return true
}

// Int writes a whole number.
func (r *Run) Int(v int64) bool {
	r.out = strconv.AppendInt(r.out, v, 10)
	return true
}

// Time writes a time as graph/scalar does.
func (r *Run) Time(v time.Time) bool {
	r.out = scalar.AppendTime(r.out, v)
	return true
}

// JSON writes JSON as graph/scalar does.
func (r *Run) JSON(v json.RawMessage) bool {
	r.out = scalar.AppendJSON(r.out, v)
	return true
}

// Quote answers the answer with an opened quote, for Text to close.
func (r *Run) Quote() []byte { return append(r.out, '"') }

// Text takes the answer back, to which text was added that needs no escapes.
func (r *Run) Text(b []byte, err error) bool {
	if err != nil {
		return r.Fail(err)
	}
	r.out = append(b, '"')
	return true
}

// Marshal writes what gqlgen's marshaller of a type writes.
func (r *Run) Marshal(m graphql.Marshaler) bool {
	if m == graphql.Null {
		return false
	}
	m.MarshalGQL((*writer)(r))
	return true
}

type writer Run

func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

func (w *writer) WriteString(s string) (int, error) {
	w.out = append(w.out, s...)
	return len(s), nil
}
