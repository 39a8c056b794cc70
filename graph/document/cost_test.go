package document

import (
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

func priced(t *testing.T, text string, variables map[string]any) Price {
	t.Helper()
	s := gqlparser.MustLoadSchema(&ast.Source{Input: sample})
	q, err := gqlparser.LoadQueryWithRules(s, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Cost(q.Operations[0], variables)
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
		if got := priced(t, text, three).Cost; got != want {
			t.Errorf("%s costs %d, want %d", text, got, want)
		}
	}
	if got := priced(t, `query($n: Int = 1) { page(first: $n) { nodes { name } } }`, nil).Cost; got != 101 {
		t.Errorf("the worst variables cost %d", got)
	}
}
