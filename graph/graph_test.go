package graph

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestDecode_IsStrictAndNeverRepeatsTheBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"Query":        {`{"query":"{ a }","variables":{"n":12345678901234567890},"extensions":null}`, ""},
		"DocumentID":   {`{"documentId":"sha256:ab"}`, ""},
		"Broken":       {`{"query":"hunter2`, "The body is not valid JSON."},
		"Array":        {`[{"query":"{ a }"}]`, "wrong JSON type"},
		"Two":          {`{"query":"{ a }"} {"query":"hunter2"}`, "more than one JSON value"},
		"Trailing":     {`{"query":"{ a }"}]`, "more than one JSON value"},
		"WrongMember":  {`{"query":{"hunter2":1}}`, `The member "query" has the wrong JSON type.`},
		"NoQuery":      {`{"variables":{}}`, "Send query, or documentId."},
		"Empty":        {``, "The body is not valid JSON."},
		"NumberAsText": {`{"query":7}`, "wrong JSON type"},
	} {
		p, err := decode(strings.NewReader(c.body))
		if c.want == "" {
			if err != nil || p == nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"query":"{ a }","variables":{"a":[1,"x",null]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		if p, err := decode(strings.NewReader(body)); (p == nil) == (err == nil) {
			t.Fatalf("%q gave %v and %v", body, p, err)
		}
	})
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"": plainJSON, "*/*": plainJSON, "application/*": plainJSON, "application/json": plainJSON, "application/graphql-response+json": graphqlJSON,
		"application/json;q=0.5, application/graphql-response+json": graphqlJSON, "application/graphql-response+json;q=0.1, application/json": plainJSON,
		"text/html": "", "application/json;q=0": "", "application/json; charset=latin1": "", "*/*, application/graphql-response+json": graphqlJSON, ";;;": "",
	} {
		if got := negotiate([]string{accept}); got != want {
			t.Errorf("%q gives %q, want %q", accept, got, want)
		}
	}
}

const sample = `
directive @cost(weight: Int!) on FIELD_DEFINITION
directive @listSize(arg: String! = "first", assumed: Int) on FIELD_DEFINITION
type Query { page(first: Int = 20): Page! @listSize things: [Thing!]! @listSize(assumed: 5) dear: Thing! @cost(weight: 30) }
type Page { nodes: [Thing!]! }
type Thing { name: String! page(first: Int = 20): Page! @listSize }`

func priced(t *testing.T, text string, variables map[string]any) price {
	t.Helper()
	s := gqlparser.MustLoadSchema(&ast.Source{Input: sample})
	q, err := gqlparser.LoadQueryWithRules(s, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cost(q.Operations[0], variables)
}

func TestCost_IsWeightTimesThePagesAbove(t *testing.T) {
	t.Parallel()
	three := map[string]any{"n": int64(3)}
	for text, want := range map[string]int{
		`{ things { name } }`:         1,
		`{ page { nodes { name } } }`: 21,
		`{ page(first: 3) { nodes { page(first: 2) { nodes { name } } } } }`: 1 + 3 + 3 + 6,
		`query($n: Int) { page(first: $n) { nodes { name } } }`:              4,
		`query($m: Int) { page(first: $m) { nodes { name } } }`:              101,
		`{ dear { name } }`:                          30,
		`{ page(first: 100000) { nodes { name } } }`: 101,
		`{ page(first: 3) { ...p ...p } } fragment p on Page { nodes { page(first: 2) { nodes { name } } } }`: 1 + 2*(3+3+6),
	} {
		if got := priced(t, text, three).cost; got != want {
			t.Errorf("%s costs %d, want %d", text, got, want)
		}
	}
	if got := priced(t, `query($n: Int = 1) { page(first: $n) { nodes { name } } }`, nil).cost; got != 101 {
		t.Errorf("the worst variables cost %d", got)
	}
}
