package plan

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
)

// AppendResponse writes a response as encoding/json writes it, but takes its data as they are: they were written by this package or by gqlgen and need not be
// read again.
func AppendResponse(b []byte, r *graphql.Response) ([]byte, error) {
	if r.Label != "" || r.Path != nil || r.HasNext != nil { // a part of an answer: gqlgen's @defer
		whole, err := json.Marshal(r)
		return append(b, whole...), err
	}
	b = append(b, '{')
	if len(r.Errors) > 0 {
		errs, err := json.Marshal(r.Errors)
		if err != nil {
			return b, err
		}
		b = append(append(append(b, `"errors":`...), errs...), ',')
	}
	b = append(b, `"data":`...)
	if len(r.Data) == 0 {
		b = append(b, "null"...)
	}
	b = append(b, r.Data...)
	if len(r.Extensions) > 0 {
		more, err := json.Marshal(r.Extensions)
		if err != nil {
			return b, err
		}
		b = append(append(b, `,"extensions":`...), more...)
	}
	return append(b, '}'), nil
}
