package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// schema is what graph/*.graphqls say.
func schema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(harness.Root(t), "graph", "*.graphqls"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	var sources []*ast.Source
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(raw)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// roots are the three root types.
func roots(s *ast.Schema) []*ast.Definition {
	return []*ast.Definition{s.Query, s.Mutation, s.Subscription}
}

// slot is one place for an id: a field's argument or a member of its input.
type slot struct {
	parent string // Query, Mutation, Subscription; or the type of a nested field
	field  string
	path   []string // argument, member, member
	list   bool
}

func (s slot) String() string {
	return s.parent + "." + s.field + "(" + strings.Join(s.path, ".") + ")"
}

// name is the last word of the path.
func (s slot) name() string { return s.path[len(s.path)-1] }

// slots finds the places for ids under a type.
func slots(s *ast.Schema, parent, field string, typ *ast.Type, path ...string) (found []slot) {
	if typ.Name() == "ID" {
		return []slot{{parent: parent, field: field, path: slices.Clone(path), list: typ.Elem != nil}}
	}
	d := s.Types[typ.Name()]
	if d == nil || d.Kind != ast.InputObject || len(path) > 4 {
		return nil
	}
	for _, m := range d.Fields {
		found = append(found, slots(s, parent, field, m.Type, append(slices.Clone(path), m.Name)...)...)
	}
	return found
}

// fieldSlots finds the places for ids of a field.
func fieldSlots(s *ast.Schema, parent string, f *ast.FieldDefinition) (found []slot) {
	for _, a := range f.Arguments {
		found = append(found, slots(s, parent, f.Name, a.Type, a.Name)...)
	}
	return found
}

// filler gives values for what a request must hold besides the id that is tried.
type filler struct {
	schema *ast.Schema
	own    func(slot) string // an id of the caller's own
	text   func(name string) string
}

// value is the least valid value of a type.
func (f filler) value(parent, field string, typ *ast.Type, path ...string) any {
	if typ.Elem != nil {
		if typ.Elem.Name() == "ID" || f.schema.Types[typ.Name()].Kind == ast.Enum || typ.Name() == "String" {
			return []any{f.value(parent, field, typ.Elem, path...)}
		}
		return []any{}
	}
	switch typ.Name() {
	case "ID":
		return f.own(slot{parent: parent, field: field, path: path})
	case "Int", "Int64":
		return 1
	case "Float":
		return 1.5
	case "Boolean":
		return false
	case "Time":
		return "2030-01-02T03:04:05Z"
	case "JSON":
		return map[string]any{}
	}
	d := f.schema.Types[typ.Name()]
	switch d.Kind {
	case ast.Enum:
		return d.EnumValues[0].Name
	case ast.InputObject:
		in := map[string]any{}
		for _, m := range d.Fields {
			if m.Type.NonNull && m.DefaultValue == nil {
				in[m.Name] = f.value(parent, field, m.Type, append(slices.Clone(path), m.Name)...)
			}
		}
		return in
	}
	return f.text(path[len(path)-1])
}

// arguments are the required ones of a root field, and those on the way to the place.
func (f filler) arguments(parent string, field *ast.FieldDefinition, s slot, v any) map[string]any {
	args := map[string]any{}
	for _, a := range field.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil || a.Name == s.path[0] {
			args[a.Name] = f.value(parent, field.Name, a.Type, a.Name)
		}
	}
	put(args, s, v)
	return args
}

// put sets the value at the place.
func put(args map[string]any, s slot, v any) {
	if s.list {
		v = []any{v}
	}
	at := args
	for _, p := range s.path[:len(s.path)-1] {
		next, ok := at[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[p] = next
		}
		at = next
	}
	at[s.name()] = v
}

// text writes the operation that asks one root field with its arguments as variables.
func text(s *ast.Schema, parent string, field *ast.FieldDefinition, args map[string]any) string {
	var declared, given []string
	for _, a := range field.Arguments {
		if _, ok := args[a.Name]; ok {
			declared, given = append(declared, "$"+a.Name+": "+a.Type.String()), append(given, a.Name+": $"+a.Name)
		}
	}
	q := strings.ToLower(parent)
	if len(declared) > 0 {
		q += "(" + strings.Join(declared, ", ") + ")"
	}
	q += " { " + field.Name
	if len(given) > 0 {
		q += "(" + strings.Join(given, ", ") + ")"
	}
	return q + selection(s, field.Type, 2) + " }"
}

// selection asks for the plain fields of a type, and of the objects in it as deep as said.
func selection(s *ast.Schema, typ *ast.Type, deep int) string {
	d := s.Types[typ.Name()]
	if d.IsLeafType() {
		return ""
	}
	fields := []string{"__typename"}
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			continue
		}
		switch {
		case s.Types[f.Type.Name()].IsLeafType():
			fields = append(fields, f.Name)
		case deep > 1:
			fields = append(fields, f.Name+" "+selection(s, f.Type, deep-1))
		}
	}
	return " { " + strings.Join(fields, " ") + " }"
}

// used is a place for an id that a trusted document fills from a variable.
type used struct {
	slot
	place    string // as it reads without the variable
	variable string
	root     string // alias of the root field, "" for a nested one
}

// document is a trusted text, read.
type document struct {
	id   string
	op   *ast.OperationDefinition
	uses []used
}

// documents reads a front end's manifest.
func documents(t *testing.T, s *ast.Schema, list map[string]string) []document {
	t.Helper()
	var all []document
	for _, id := range slices.Sorted(maps.Keys(list)) {
		q, errs := gqlparser.LoadQueryWithRules(s, list[id], nil)
		if errs != nil {
			t.Fatalf("%s: %v", id, errs)
		}
		d := document{id: id, op: q.Operations[0]}
		d.walk(s, d.op.SelectionSet, true)
		all = append(all, d)
	}
	return all
}

func (d *document) walk(s *ast.Schema, set ast.SelectionSet, root bool) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			d.walk(s, sel.SelectionSet, root)
		case *ast.FragmentSpread:
			d.walk(s, sel.Definition.SelectionSet, root)
		case *ast.Field:
			for _, a := range sel.Arguments {
				if def := sel.Definition.Arguments.ForName(a.Name); def != nil {
					d.use(s, sel, root, a.Value, def.Type, a.Name)
				}
			}
			d.walk(s, sel.SelectionSet, false)
		}
	}
}

func (d *document) use(s *ast.Schema, f *ast.Field, root bool, v *ast.Value, typ *ast.Type, path ...string) {
	if v.Kind == ast.ObjectValue {
		in := s.Types[typ.Name()]
		for _, c := range v.Children {
			d.use(s, f, root, c.Value, in.Fields.ForName(c.Name).Type, append(slices.Clone(path), c.Name)...)
		}
		return
	}
	if v.Kind != ast.Variable {
		return
	}
	for _, place := range slots(s, f.ObjectDefinition.Name, f.Name, typ, path...) {
		u := used{slot: place, place: place.String(), variable: v.Raw}
		if root {
			u.root = f.Alias
		}
		u.path = append([]string{v.Raw}, place.path[len(path):]...) // where it stands among the variables
		d.uses = append(d.uses, u)
	}
}

// variables are those that the document must have.
func (d document) variables(f filler) map[string]any {
	vars := map[string]any{}
	for _, v := range d.op.VariableDefinitions {
		if !v.Type.NonNull || v.DefaultValue != nil {
			continue
		}
		parent, field, path := string(d.op.Operation), d.op.Name, []string{v.Variable}
		for _, u := range d.uses { // the field that takes it knows of what it is
			if u.variable == v.Variable {
				parent, field = u.parent, u.field
				break
			}
		}
		vars[v.Variable] = f.value(parent, field, v.Type, path...)
	}
	return vars
}

func (d document) String() string { return fmt.Sprintf("%s %s", d.op.Operation, d.op.Name) }
