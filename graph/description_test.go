package graph

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// served is what the server serves.
func served() *ast.Schema { return gql.NewExecutableSchema(gql.Config{}).Schema() }

// descriptions answers the name and description of everything that integrators read in the schema.
func descriptions(s *ast.Schema) map[string]string {
	out := map[string]string{}
	arguments := func(of string, list ast.ArgumentDefinitionList) {
		for _, a := range list {
			out[of+"."+a.Name] = a.Description
		}
	}
	for _, d := range s.Types {
		if d.BuiltIn {
			continue
		}
		out[d.Name] = d.Description
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			out[d.Name+"."+f.Name] = f.Description
			arguments(d.Name+"."+f.Name, f.Arguments)
		}
		for _, v := range d.EnumValues {
			out[d.Name+"."+v.Name] = v.Description
		}
	}
	for _, d := range s.Directives {
		if d.Position.Src.BuiltIn {
			continue
		}
		out["@"+d.Name] = d.Description
		arguments("@"+d.Name, d.Arguments)
	}
	return out
}

// filler is what a description may add to a name without saying anything.
var filler = strings.Fields("a an the of this that its is are it id value values field fields type list one for to in")

// words are those of a name or of a sentence, filler left out: expiresAt, "Expires at." and "The expires-at." are the same.
func words(text string) []string {
	var b strings.Builder
	for i, r := range text {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(rune(text[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	all := strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(all, func(w string) bool { return slices.Contains(filler, w) })
}

// repeats says that a description has no word that the name, or what it belongs to, has not said.
func repeats(name, description string) bool {
	known := words(name)
	return !slices.ContainsFunc(words(description), func(w string) bool { return !slices.Contains(known, w) })
}

func TestSchema_EverythingIsDescribed(t *testing.T) {
	t.Parallel()
	all := descriptions(served())
	if len(all) < 700 {
		t.Fatalf("only %d names were found", len(all))
	}
	for name, description := range all {
		switch {
		case strings.TrimSpace(description) == "":
			t.Errorf("%s has no description: say in graph/*.graphqls what it means, its unit, and when it is null", name)
		case repeats(name, description):
			t.Errorf("%s: %q says no more than its name", name, description)
		case len(description) > 300:
			t.Errorf("%s: a description of %d characters belongs into docs/api.md", name, len(description))
		}
	}
}

// What may be null says when: integrators cannot guess it.
func TestSchema_EachNullIsExplained(t *testing.T) {
	t.Parallel()
	s := served()
	for _, d := range s.Types {
		if d.BuiltIn || d.Kind != ast.Object {
			continue
		}
		for _, f := range d.Fields {
			if !f.Type.NonNull && !strings.HasPrefix(f.Name, "__") && !strings.Contains(f.Description, "null") && !strings.Contains(f.Description, " else ") {
				t.Errorf("%s.%s may be null, and its description does not say when", d.Name, f.Name)
			}
		}
	}
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, description string
		want              bool
	}{
		{"ApiKey.expiresAt", "Expires at.", true},
		{"ApiKey.id", "The id of the API key.", true},
		{"WidgetScope.CHECK", "Check", true},
		{"ApiKey.expiresAt", "From when on it is refused; null for a key without an end.", false},
		{"RecordType.A", "IPv4 address.", false},
	} {
		if got := repeats(c.name, c.description); got != c.want {
			t.Errorf("%s, %q: %v", c.name, c.description, got)
		}
	}
}

// The schema is read when the program starts, before anything else.
func BenchmarkSchema_Load(b *testing.B) {
	files, err := filepath.Glob("*.graphqls")
	if err != nil || len(files) == 0 {
		b.Fatal(files, err)
	}
	var sources []*ast.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(text)})
	}
	for b.Loop() {
		if _, err := gqlparser.LoadSchema(sources...); err != nil {
			b.Fatal(err)
		}
	}
}
