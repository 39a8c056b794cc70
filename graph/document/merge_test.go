package document

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

const kennel = `
type Query { pet: Pet dog: Dog cat: Cat any: Any }
interface Pet { name: String friend: Pet toys(kind: [String!], of: Toy): [String!] }
input Toy { a: Int b: Int }
type Dog implements Pet { name: String friend: Pet toys(kind: [String!], of: Toy): [String!] size: Int owner: Person! }
type Cat implements Pet { name: String friend: Pet toys(kind: [String!], of: Toy): [String!] size: String owner: Person }
type Person { name: String! dog: Dog }
union Any = Dog | Cat`

// TestMergeable_FindsWhatGqlparserFinds: five thousand small documents, full of aliases and fragments, are judged as gqlparser's rule judges them.
func TestMergeable_FindsWhatGqlparserFinds(t *testing.T) {
	t.Parallel()
	s := gqlparser.MustLoadSchema(&ast.Source{Input: kennel})
	theirs := rules.NewRules(rules.OverlappingFieldsCanBeMergedRule)
	r := rand.New(rand.NewPCG(1, 2))
	judged := map[bool]int{}
	for range 5_000 {
		text := litter(r)
		doc, err := parser.ParseQuery(&ast.Source{Input: text})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if faults, _ := apply(s, doc, terse); len(faults) > 0 {
			continue
		}
		want := len(validator.ValidateWithRules(s, doc, theirs)) > 0
		got, _ := Mergeable(s, doc)
		if (got != nil) != want {
			t.Fatalf("%s\nours: %v, gqlparser's: %v", text, got, want)
		}
		judged[want]++
	}
	if judged[true] < 300 || judged[false] < 300 {
		t.Errorf("%d conflicts and %d sound documents are too few to tell", judged[true], judged[false])
	}
}

// litter makes a document for kennel that is valid but, often, for its overlaps.
func litter(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	var set func(of string, depth int, fragments bool) string
	set = func(of string, depth int, fragments bool) string {
		var b strings.Builder
		b.WriteString("{ ")
		for range 1 + r.IntN(3) {
			alias := pick("", "", "x: ", "y: ")
			leaf := map[string][]string{"Pet": {"name", "toys"}, "Dog": {"name", "toys", "size"}, "Cat": {"name", "toys", "size"}, "Person": {"name"}, "Any": {"__typename"}, "Query": {"__typename"}}[of]
			below := map[string]map[string]string{"Pet": {"friend": "Pet"}, "Dog": {"friend": "Pet", "owner": "Person"}, "Cat": {"friend": "Pet", "owner": "Person"}, "Person": {"dog": "Dog"}, "Query": {"pet": "Pet", "dog": "Dog", "cat": "Cat", "any": "Any"}}[of]
			on := map[string][]string{"Pet": {"Dog", "Cat", "Pet"}, "Any": {"Dog", "Cat", "Pet"}, "Dog": {"Dog", "Pet"}, "Cat": {"Cat", "Pet"}}[of]
			switch k := r.IntN(4); {
			case k == 0 && fragments && len(on) > 0:
				b.WriteString("..." + pick(on...) + "0 ")
			case k <= 1 && depth > 0 && len(on) > 0:
				to := pick(on...)
				b.WriteString("... on " + to + " " + set(to, depth-1, fragments))
			case k <= 2 && depth > 0 && len(below) > 0:
				name := pick(slices.Sorted(maps.Keys(below))...)
				b.WriteString(alias + name + " " + set(below[name], depth-1, fragments))
			default:
				f := pick(leaf...)
				if f == "toys" {
					f += pick("", `(kind: ["a"])`, `(kind: ["b"])`, "(of: {a: 1, b: 2})", "(of: {b: 2, a: 1})")
				}
				b.WriteString(alias + f + " ")
			}
		}
		return b.String() + "} "
	}
	doc := set("Query", 4, true)
	for _, of := range []string{"Dog", "Cat", "Pet"} {
		if strings.Contains(doc, "..."+of+"0") {
			doc += "fragment " + of + "0 on " + of + " " + set(of, 2, false)
		}
	}
	return doc
}
