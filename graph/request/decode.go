package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// maxNesting is how many objects and lists may stand in each other. Our deepest input has four levels; the rest is for scalars of JSON.
const maxNesting = 64

var errNesting = errors.New("nested too deep")

// Object reads exactly one JSON object, of a body, of a socket's message or of a parameter in an address. It holds to I-JSON (RFC 7493): UTF-8 without
// lone surrogates, no member twice in an object, names as they are written; and nothing may follow. Numbers stay as they are (json.Number). It takes time
// in proportion to raw, which it keeps no part of. The fault says what is wrong and repeats nothing.
func Object(raw []byte) (map[string]any, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if k := d.PeekKind(); k == jsontext.KindInvalid {
		return nil, malformed(nil)
	} else if k != jsontext.KindBeginObject {
		return nil, fault.Invalid("", "json", "This is no JSON object. Send exactly one.")
	}
	v, err := value(d)
	if err != nil {
		return nil, malformed(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, fault.Invalid("", "json", "Something follows the JSON object. Send exactly one.")
	}
	return v.(map[string]any), nil
}

func malformed(err error) error {
	switch {
	case errors.Is(err, errNesting):
		return fault.Invalid("", "json", "The JSON has more than %d levels.", maxNesting)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault.Invalid("", "json", "A member stands twice in an object of the JSON.")
	}
	return fault.Invalid("", "json", "This is not valid JSON in UTF-8.")
}

func value(d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if d.StackDepth() > maxNesting {
		return nil, errNesting
	}
	switch t.Kind() {
	case jsontext.KindBeginObject:
		m := map[string]any{}
		for d.PeekKind() != jsontext.KindEndObject {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // before the next read, which ends the token's life
			if m[key], err = value(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return m, err
	case jsontext.KindBeginArray:
		list := []any{}
		for d.PeekKind() != jsontext.KindEndArray {
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.ReadToken()
		return list, err
	case jsontext.KindString:
		return t.String(), nil
	case jsontext.KindNumber:
		return json.Number(t.String()), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return t.Bool(), nil
	}
	return nil, nil
}

// Params picks the members of a GraphQL request out of an object; unknown members are ignored. A documentId moves into the extensions, where every
// transport has it.
func Params(in map[string]any) (*graphql.RawParams, error) {
	query, hasQuery, wrongQuery := pick[string](in, "query", "text")
	name, _, wrongName := pick[string](in, "operationName", "text")
	id, hasID, wrongID := pick[string](in, "documentId", "text")
	variables, _, wrongVariables := pick[map[string]any](in, "variables", "an object")
	extensions, _, wrongExtensions := pick[map[string]any](in, "extensions", "an object")
	if err := errors.Join(wrongQuery, wrongName, wrongID, wrongVariables, wrongExtensions); err != nil {
		return nil, err
	}
	if hasID {
		if extensions == nil {
			extensions = map[string]any{}
		}
		extensions["documentId"] = id
	}
	if _, hasID, err := pick[string](extensions, "documentId", "text"); err != nil {
		return nil, fault.At(err, "extensions.documentId")
	} else if !hasQuery && !hasID {
		return nil, fault.Invalid("query", "required", "Send query, or documentId.")
	}
	return &graphql.RawParams{Query: query, OperationName: name, Variables: variables, Extensions: extensions}, nil
}

// pick reads one member; null is as good as nothing.
func pick[T any](in map[string]any, name, kind string) (v T, given bool, err error) {
	raw := in[name]
	if raw == nil {
		return v, false, nil
	}
	if v, given = raw.(T); !given {
		return v, false, fault.Invalid(name, "type", "The member %q is %s or null.", name, kind)
	}
	return v, true, nil
}
