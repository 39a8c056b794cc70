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

func priced(t *testing.T, text string) price {
	t.Helper()
	s := gqlparser.MustLoadSchema(&ast.Source{Input: sample})
	q, err := gqlparser.LoadQueryWithRules(s, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cost(q.Operations[0], map[string]any{"n": int64(3)})
}

func TestCost_IsWeightTimesThePagesAbove(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{ things { name } }`:         1,
		`{ page { nodes { name } } }`: 21,
		`{ page(first: 3) { nodes { page(first: 2) { nodes { name } } } } }`: 1 + 3 + 3 + 6,
		`query($n: Int) { page(first: $n) { nodes { name } } }`:              4,
		`{ dear { name } }`:                          30,
		`{ page(first: 100000) { nodes { name } } }`: 101,
	} {
		if got := priced(t, text).cost; got != want {
			t.Errorf("%s costs %d, want %d", text, got, want)
		}
	}
}

func TestCost_DoublingFragmentsEndAtOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("{ dear { ...f0 } }")
	for n := range 40 {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(" fragment fN on Thing { ...fM ...fM }", "N", string(rune('0'+n%10))+strings.Repeat("x", n/10)), "M", string(rune('0'+(n+1)%10))+strings.Repeat("x", (n+1)/10)))
	}
	b.WriteString(" fragment f0xxxx on Thing { name }")
	if got := priced(t, b.String()).cost; got < maxCost {
		t.Errorf("it costs %d and would be answered", got)
	}
}

func TestSane_RefusesWhatIsDearToValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"Plain":      {"{ a { b } }", ""},
		"Broken":     {"{ a {", ""},
		"Aliases":    {"{ a { " + strings.Repeat("x: b ", maxAliases+1) + "} }", "aliases"},
		"Roots":      {"{ " + strings.Repeat("a ", maxRoots+1) + "}", "root fields"},
		"Fields":     {"{ a { " + strings.Repeat("b ", maxFields+1) + "} }", "too large"},
		"NulEscaped": {`{ a(b: "\u0000") }`, "cannot be stored"},
	} {
		err := sane(c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSane(f *testing.F) {
	f.Add("{ a { b: c } } fragment x on Y { z }")
	f.Fuzz(func(t *testing.T, text string) { _ = sane(text) })
}
