package graph

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// faults says what is wrong with a schema: a root field without @access, one named ops that others than operators may call or the other way round, a page
// without its four fields, a type that nothing leads to.
func faults(s *ast.Schema) []string {
	var out []string
	if err := checkAccess(s); err != nil {
		out = append(out, strings.Split(err.Error(), "\n")...)
	}
	for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
		if root == nil {
			continue
		}
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			operators := slices.Equal(allowed(f), []authz.Kind{authz.OPERATOR})
			if named := strings.HasPrefix(f.Name, "ops"); named != operators {
				out = append(out, root.Name+"."+f.Name+": fields that begin with ops are for operators only, and theirs begin with ops")
			}
		}
	}
	reached := reach(s)
	for name, d := range s.Types {
		if d.BuiltIn {
			continue
		}
		if !reached[name] {
			out = append(out, name+": no root field leads to this type")
		}
		if strings.HasSuffix(name, "Page") && d.Kind == ast.Object {
			for _, f := range []string{"edges", "nodes", "pageInfo", "totalCount"} {
				if d.Fields.ForName(f) == nil {
					out = append(out, name+": a page has "+f)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// reach walks from the root types along fields, arguments, members and implementations, and from the arguments of directives.
func reach(s *ast.Schema) map[string]bool {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		d := s.Types[name]
		if d == nil || seen[name] {
			return
		}
		seen[name] = true
		for _, f := range d.Fields {
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
			}
		}
		for _, to := range slices.Concat(d.Interfaces, d.Types) {
			visit(to)
		}
		if d.IsAbstractType() {
			for _, p := range s.GetPossibleTypes(d) {
				visit(p.Name)
			}
		}
	}
	for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
		if root != nil {
			visit(root.Name)
		}
	}
	for _, d := range s.Directives {
		for _, a := range d.Arguments {
			visit(a.Type.Name())
		}
	}
	return seen
}

// TestSchema loads all files together: the schema that starts is the one that was checked.
func TestSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.graphqls")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var sources []*ast.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(text)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults(s) {
		t.Error(f)
	}
	print := func(s *ast.Schema) string {
		var b strings.Builder
		formatter.NewFormatter(&b).FormatSchema(s)
		return b.String()
	}
	if print(s) != print(served()) {
		t.Error("the server starts with another schema than that of graph/*.graphqls: run make generate")
	}
}

func TestSchemaFaultsAreFound(t *testing.T) {
	t.Parallel()
	s := gqlparser.MustLoadSchema(&ast.Source{Input: `
directive @access(to: [Actor!]!) on FIELD_DEFINITION
enum Actor { USER OPERATOR }
type Query { a: Int b: XPage @access(to: [USER]) opsC: Int @access(to: [USER, OPERATOR]) d: Int @access(to: [OPERATOR]) opsE: Int @access(to: [OPERATOR]) }
type XPage { edges: Int nodes: Int pageInfo: Int }
type Lost { a: Int }`})
	got := strings.Join(faults(s), "\n")
	for _, want := range []string{"Query.a has no @access", "XPage: a page has totalCount", "Query.opsC: ", "Query.d: ", "Lost: no root field"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if n := len(faults(s)); n != 5 {
		t.Errorf("%d faults:\n%s", n, got)
	}
}
