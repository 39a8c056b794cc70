package present

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
)

// Encode appends the response: errors first (so that whoever reads a stream sees them), data as the executor wrote it, extensions.
func Encode(b []byte, resp *graphql.Response) []byte {
	b = append(b, '{')
	if len(resp.Errors) > 0 {
		b = append(AppendJSON(append(b, `"errors":`...), resp.Errors), ',')
	}
	if resp.Data != nil {
		b = append(append(append(b, `"data":`...), resp.Data...), ',')
	}
	if len(resp.Extensions) > 0 {
		b = append(AppendJSON(append(b, `"extensions":`...), resp.Extensions), ',')
	}
	return append(bytes.TrimSuffix(b, []byte(",")), '}')
}

// AppendJSON appends what has no way to fail: errors, extensions and what was read from JSON.
func AppendJSON(b []byte, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // errors and extensions are made of what faults may hold
	}
	return append(b, raw...)
}
