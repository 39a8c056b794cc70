package graph

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

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
