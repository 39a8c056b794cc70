package graph

import (
	"cmp"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestSchema_BreaksNobodyUnannounced compares the schema with that of the last release (schema.base.graphql, "make schema-base"). What breaks a client stands
// in CHANGELOG.md, under Unreleased, as "- breaking: `Type.field` …" and why; and nothing stands there that does not break.
func TestSchema_BreaksNobodyUnannounced(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile("schema.base.graphql")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	announced := notes(string(log))
	broken := breaks(gqlparser.MustLoadSchema(&ast.Source{Name: "schema.base.graphql", Input: string(base)}), served())
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		if !slices.Contains(announced, name) {
			t.Errorf("%s %s. That breaks clients: keep it, or say in CHANGELOG.md under Unreleased \"- breaking: `%s` …\" and what to do instead", name, broken[name], name)
		}
	}
	for _, name := range announced {
		if broken[name] == "" {
			t.Errorf("CHANGELOG.md says that %s breaks clients, and it does not", name)
		}
	}
}

var note = regexp.MustCompile("(?m)^- breaking: `([^`]+)`")

// notes are the names that the changelog of the next release calls breaking.
func notes(log string) (names []string) {
	_, next, _ := strings.Cut(log, "\n## Unreleased\n")
	next, _, _ = strings.Cut(next, "\n## ")
	for _, m := range note.FindAllStringSubmatch(next, -1) {
		names = append(names, m[1])
	}
	return names
}

// breaks answers what a client of the old schema cannot go on with under the new one: names such as Type.field.argument, and what became of each.
func breaks(old, now *ast.Schema) map[string]string {
	b := breakage{}
	for name, o := range old.Types {
		if o.BuiltIn {
			continue
		}
		n := now.Types[name]
		switch {
		case n == nil:
			b[name] = "was removed"
		case n.Kind != o.Kind:
			b[name] = "was " + string(o.Kind) + " and is " + string(n.Kind)
		case o.Kind == ast.InputObject:
			b.inputs(name, entries(o.Fields), entries(n.Fields))
		default:
			b.definition(o, n)
		}
	}
	return b
}

type breakage map[string]string

func (b breakage) definition(o, n *ast.Definition) {
	for _, i := range o.Interfaces {
		if !slices.Contains(n.Interfaces, i) {
			b[o.Name+"."+i] = "is not implemented any more"
		}
	}
	for _, t := range o.Types {
		if !slices.Contains(n.Types, t) {
			b[o.Name+"."+t] = "is no member any more"
		}
	}
	for _, v := range o.EnumValues {
		if n.EnumValues.ForName(v.Name) == nil {
			b[o.Name+"."+v.Name] = "was removed"
		}
	}
	for _, f := range o.Fields {
		name, now := o.Name+"."+f.Name, n.Fields.ForName(f.Name)
		switch {
		case strings.HasPrefix(f.Name, "__"):
			continue
		case now == nil:
			b[name] = "was removed"
			continue
		case !narrower(f.Type, now.Type):
			b[name] = "was " + f.Type.String() + " and is " + now.Type.String()
		}
		for _, kind := range allowed(f) {
			if to := allowed(now); to != nil && !slices.Contains(to, kind) {
				b[name] = "lets no " + string(kind) + " in any more"
			}
		}
		b.inputs(name, entries(f.Arguments), entries(now.Arguments))
	}
}

// input is an argument, or a member of an input object.
type input struct {
	name   string
	typ    *ast.Type
	preset *ast.Value
}

func entries[T ast.ArgumentDefinitionList | ast.FieldList](list T) (out []input) {
	switch list := any(list).(type) {
	case ast.ArgumentDefinitionList:
		for _, a := range list {
			out = append(out, input{a.Name, a.Type, a.DefaultValue})
		}
	case ast.FieldList:
		for _, f := range list {
			out = append(out, input{f.Name, f.Type, f.DefaultValue})
		}
	}
	return out
}

func (b breakage) inputs(of string, old, now []input) {
	find := func(list []input, name string) (input, bool) {
		n := slices.IndexFunc(list, func(i input) bool { return i.name == name })
		if n < 0 {
			return input{}, false
		}
		return list[n], true
	}
	for _, o := range old {
		n, found := find(now, o.name)
		was, is := preset(o), preset(n)
		switch {
		case !found:
			b[of+"."+o.name] = "was removed"
		case !narrower(n.typ, o.typ):
			b[of+"."+o.name] = "was " + o.typ.String() + " and is " + n.typ.String()
		case was != is:
			b[of+"."+o.name] = "had the default " + cmp.Or(was, "of none") + " and has " + cmp.Or(is, "none")
		}
	}
	for _, n := range now {
		if _, found := find(old, n.name); !found && n.typ.NonNull && n.preset == nil {
			b[of+"."+n.name] = "is new and must be sent"
		}
	}
}

func preset(i input) string {
	if i.preset == nil {
		return ""
	}
	return i.preset.String()
}

// narrower says that whoever expects a can be given b: the same type, or the same without null.
func narrower(a, b *ast.Type) bool {
	switch {
	case a.NonNull && !b.NonNull, (a.Elem == nil) != (b.Elem == nil):
		return false
	case a.Elem != nil:
		return narrower(a.Elem, b.Elem)
	}
	return a.NamedType == b.NamedType
}

func TestBreaks(t *testing.T) {
	t.Parallel()
	const frame = "directive @access(to: [K!]!) on FIELD_DEFINITION enum K { USER WIDGET } scalar S interface I { i: Int } type Query { q: Int } "
	for name, c := range map[string]struct{ old, now, want string }{
		"Same":               {"type A implements I { i: Int }", "type A implements I { i: Int }", ""},
		"TypeAdded":          {"", "type A { a: Int }", ""},
		"TypeRemoved":        {"type A { a: Int }", "", "A"},
		"KindChanged":        {"type A { a: Int }", "interface A { a: Int }", "A"},
		"FieldAdded":         {"type A { a: Int }", "type A { a: Int b: Int }", ""},
		"FieldRemoved":       {"type A { a: Int b: Int }", "type A { a: Int }", "A.b"},
		"FieldOther":         {"type A { a: Int }", "type A { a: String }", "A.a"},
		"FieldNeverNull":     {"type A { a: Int }", "type A { a: Int! }", ""},
		"FieldNull":          {"type A { a: Int! }", "type A { a: Int }", "A.a"},
		"FieldList":          {"type A { a: Int }", "type A { a: [Int] }", "A.a"},
		"ElementNeverNull":   {"type A { a: [Int] }", "type A { a: [Int!] }", ""},
		"ElementNull":        {"type A { a: [Int!]! }", "type A { a: [Int]! }", "A.a"},
		"ArgumentAdded":      {"type A { a: Int }", "type A { a(x: Int): Int }", ""},
		"ArgumentRemoved":    {"type A { a(x: Int): Int }", "type A { a: Int }", "A.a.x"},
		"ArgumentRequired":   {"type A { a: Int }", "type A { a(x: Int!): Int }", "A.a.x"},
		"ArgumentWithPreset": {"type A { a: Int }", "type A { a(x: Int! = 1): Int }", ""},
		"ArgumentMayBeNull":  {"type A { a(x: Int!): Int }", "type A { a(x: Int): Int }", ""},
		"ArgumentNeverNull":  {"type A { a(x: Int): Int }", "type A { a(x: Int!): Int }", "A.a.x"},
		"ArgumentOther":      {"type A { a(x: Int): Int }", "type A { a(x: S): Int }", "A.a.x"},
		"PresetChanged":      {"type A { a(x: Int = 1): Int }", "type A { a(x: Int = 2): Int }", "A.a.x"},
		"PresetRemoved":      {"type A { a(x: Int = 1): Int }", "type A { a(x: Int): Int }", "A.a.x"},
		"InputAdded":         {"input A { a: Int }", "input A { a: Int b: Int }", ""},
		"InputRequired":      {"input A { a: Int }", "input A { a: Int b: Int! }", "A.b"},
		"InputRemoved":       {"input A { a: Int b: Int }", "input A { a: Int }", "A.b"},
		"InputNeverNull":     {"input A { a: [Int] }", "input A { a: [Int!] }", "A.a"},
		"InputMayBeNull":     {"input A { a: Int! }", "input A { a: Int }", ""},
		"ValueAdded":         {"enum A { X }", "enum A { X Y }", ""},
		"ValueRemoved":       {"enum A { X Y }", "enum A { X }", "A.Y"},
		"MemberAdded":        {"type X { a: Int } type Y { a: Int } union A = X", "type X { a: Int } type Y { a: Int } union A = X | Y", ""},
		"MemberRemoved":      {"type X { a: Int } type Y { a: Int } union A = X | Y", "type X { a: Int } type Y { a: Int } union A = X", "A.Y"},
		"InterfaceRemoved":   {"type A implements I { i: Int }", "type A { i: Int }", "A.I"},
		"CallerAdded":        {"type A { a: Int @access(to: [USER]) }", "type A { a: Int @access(to: [USER, WIDGET]) }", ""},
		"CallerRemoved":      {"type A { a: Int @access(to: [USER, WIDGET]) }", "type A { a: Int @access(to: [USER]) }", "A.a"},
		"Description":        {"type A { a: Int }", "\"new\" type A { \"new\" a: Int }", ""},
	} {
		got := breaks(gqlparser.MustLoadSchema(&ast.Source{Input: frame + c.old}), gqlparser.MustLoadSchema(&ast.Source{Input: frame + c.now}))
		if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != c.want {
			t.Errorf("%s breaks %q (%v), want %q", name, names, got, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	log := "# Changelog\n\n## Unreleased\n\n- Something.\n- breaking: `A.b` is gone; ask for `A.c`.\n\n## 1.0\n\n- breaking: `A.old` is gone.\n"
	if got := notes(log); !slices.Equal(got, []string{"A.b"}) {
		t.Errorf("%q", got)
	}
}
