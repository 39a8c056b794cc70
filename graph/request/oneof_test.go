package request

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestOneOf is FE-13: several members of a choice, or none, are refused at their path, through variables as in the text.
func TestOneOf(t *testing.T) {
	t.Parallel()
	h, _ := serve(t, HTTP{MaxBody: 4 << 10})
	const choose, hold, many = `query($input: Choice) { choose(by: $input) }`, `query($input: Holder) { choose(holder: $input) }`, `query($list: [Holder!]) { choose(many: $list) }`
	for name, c := range map[string]struct{ query, variables, field string }{
		"One":          {choose, `{"input":{"name":"a"}}`, ""},
		"None":         {choose, `{}`, ""},
		"Null":         {choose, `{"input":null}`, ""},
		"Inner":        {choose, `{"input":{"inner":[{"name":"a"},{"number":1}]}}`, ""},
		"Held":         {hold, `{"input":{"choice":{"number":1},"note":"n"}}`, ""},
		"HeldNot":      {hold, `{"input":{"note":"n"}}`, ""},
		"Literal":      {`{ choose(by: {name: "a"}) }`, `{}`, ""},
		"Two":          {choose, `{"input":{"name":"a","number":1}}`, "input"},
		"Empty":        {choose, `{"input":{}}`, "input"},
		"OnlyNull":     {choose, `{"input":{"name":null}}`, "input"},
		"OneAndNull":   {choose, `{"input":{"name":"a","number":null}}`, "input"},
		"InnerTwo":     {choose, `{"input":{"inner":[{"name":"a"},{"name":"a","number":1}]}}`, "inner.1"},
		"InnerNoList":  {choose, `{"input":{"inner":{"name":"a","number":1}}}`, "inner.0"},
		"HeldTwo":      {hold, `{"input":{"choice":{"name":"a","number":1}}}`, "choice"},
		"ListTwo":      {many, `{"list":[{"choice":{"name":"a"}},{"choice":{"name":"a","number":1}}]}`, "list.1.choice"},
		"NoListTwo":    {many, `{"list":{"choice":{"name":"a","number":1}}}`, "list.0.choice"},
		"ByDefault":    {`query($input: Choice = {name: "a"}) { choose(by: $input) }`, `{}`, ""},
		"LiteralTwo":   {`{ choose(by: {name: "a", number: 1}) }`, `{}`, "-"},
		"DefaultOfTwo": {`query($input: Choice = {name: "a", number: 1}) { choose(by: $input) }`, `{}`, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			body, _ := json.Marshal(map[string]any{"query": c.query, "variables": json.RawMessage(c.variables)})
			g := ask(t, h, "POST", "/graphql", bytes.NewReader(body), "Accept", GraphQLJSON)
			switch {
			case c.field == "" && g.Code != 200, c.field != "" && g.Code != 400, c.field == "-" && g.code() != "INVALID validation_failed":
				t.Errorf("%d %s", g.Code, g.Body)
			case c.field != "" && c.field != "-" && (g.code() != "INVALID one_of" || g.body.Errors[0].Extensions["field"] != c.field):
				t.Errorf("not at %s: %s", c.field, g.Body)
			}
		})
	}
}
