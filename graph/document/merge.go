package document

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// MaxMerges bounds the fields that are laid side by side for one document. An ordinary document needs as many as it has fields.
const MaxMerges = 20_000

var overlapping = rules.OverlappingFieldsCanBeMergedRule.Name

// merger checks that fields with one response name can be merged (GraphQL, October 2021, 5.3.2). gqlparser compares every field with every other one,
// pair by pair, and starts again at each level: 20 kB keep it busy for a minute. Here the fields of one response name are laid together level by
// level, as an executor does, and each is compared with the first: equality needs no more. Only fields of different object types, of which one
// object never has both, are looked at again for each type.
type merger struct {
	schema *ast.Schema
	work   int
	found  *gqlerror.Error
}

// Mergeable answers the first conflict, and the steps that were taken: it gives up after MaxMerges. The document is valid in all other respects.
func Mergeable(schema *ast.Schema, doc *ast.QueryDocument) (conflict *gqlerror.Error, steps int) {
	m := merger{schema: schema}
	for _, op := range doc.Operations {
		m.level([]ast.SelectionSet{op.SelectionSet}, false)
	}
	return m.found, m.work
}

// level merges selection sets that an object answers together. exclusive: the fields belong to different objects, so only their types must agree.
func (m *merger) level(sets []ast.SelectionSet, exclusive bool) {
	byName, order, seen := map[string][]*ast.Field{}, []string{}, map[*ast.FragmentDefinition]bool{}
	var collect func(ast.SelectionSet)
	collect = func(set ast.SelectionSet) {
		for _, s := range set {
			if !m.spend(1) {
				return
			}
			switch s := s.(type) {
			case *ast.Field:
				if byName[s.Alias] == nil {
					order = append(order, s.Alias)
				}
				byName[s.Alias] = append(byName[s.Alias], s)
			case *ast.InlineFragment:
				collect(s.SelectionSet)
			case *ast.FragmentSpread:
				if !seen[s.Definition] {
					seen[s.Definition] = true
					collect(s.Definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		collect(set)
	}
	for _, name := range order {
		if m.found != nil {
			return
		}
		m.field(byName[name], exclusive)
	}
}

// spend counts n comparisons, and says whether to go on.
func (m *merger) spend(n int) bool {
	if m.work += n; m.work > MaxMerges && m.found == nil {
		m.found = &gqlerror.Error{Message: "The query repeats too many fields to be checked.", Rule: overlapping}
	}
	return m.found == nil
}

// field checks the fields of one response name, and what is below them.
func (m *merger) field(fields []*ast.Field, exclusive bool) {
	first := fields[0]
	for _, f := range fields[1:] {
		if !m.sameShape(first.Definition.Type, f.Definition.Type) {
			m.conflict(f, `they return conflicting types "%s" and "%s"`, first.Definition.Type, f.Definition.Type)
			return
		}
	}
	if exclusive {
		m.below(fields, true)
		return
	}
	groups := m.together(fields)
	if len(groups) > 1 {
		m.below(fields, true)
	}
	for _, group := range groups {
		for _, f := range group[1:] {
			if f.Name != group[0].Name {
				m.conflict(f, `"%s" and "%s" are different fields`, group[0].Name, f.Name)
				return
			}
			if !m.sameArguments(group[0].Arguments, f.Arguments) && m.found == nil {
				m.conflict(f, "they have differing arguments")
				return
			}
		}
		m.below(group, false)
	}
}

func (m *merger) below(fields []*ast.Field, exclusive bool) {
	var sets []ast.SelectionSet
	for _, f := range fields {
		if len(f.SelectionSet) > 0 {
			sets = append(sets, f.SelectionSet)
		}
	}
	if len(sets) > 0 && m.found == nil {
		m.level(sets, exclusive)
	}
}

// together groups fields that one object may have: those of each object type with those of interfaces.
func (m *merger) together(fields []*ast.Field) [][]*ast.Field {
	var types []*ast.Definition
	for _, f := range fields {
		if t := f.ObjectDefinition; t.Kind == ast.Object && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) < 2 {
		return [][]*ast.Field{fields}
	}
	groups := make([][]*ast.Field, len(types))
	m.spend(len(types) * len(fields))
	for n, t := range types {
		for _, f := range fields {
			if f.ObjectDefinition == t || f.ObjectDefinition.Kind != ast.Object {
				groups[n] = append(groups[n], f)
			}
		}
	}
	return groups
}

func (m *merger) conflict(at *ast.Field, why string, args ...any) {
	m.found = &gqlerror.Error{
		Message:   fmt.Sprintf(`Fields "%s" conflict because %s. Use different aliases on the fields to fetch both if this was intentional.`, at.Alias, fmt.Sprintf(why, args...)),
		Locations: []gqlerror.Location{{Line: at.Position.Line, Column: at.Position.Column}}, Rule: overlapping,
	}
}

// sameShape says that two types are written alike: same lists, same nulls, and the same name unless both are objects, whose fields are compared below.
func (m *merger) sameShape(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.sameShape(a.Elem, b.Elem)
	}
	return a.NamedType == b.NamedType || !m.schema.Types[a.NamedType].IsLeafType() && !m.schema.Types[b.NamedType].IsLeafType()
}

func (m *merger) sameArguments(a, b ast.ArgumentList) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x *ast.Argument) bool {
		y := b.ForName(x.Name)
		return y == nil || !m.sameValue(x.Value, y.Value)
	})
}

// sameValue compares literals; the order of an object's fields does not count.
func (m *merger) sameValue(a, b *ast.Value) bool {
	if a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) || !m.spend(1) {
		return false
	}
	for n, x := range a.Children {
		y := b.Children[n].Value
		if a.Kind == ast.ObjectValue {
			m.spend(n)
			y = b.Children.ForName(x.Name)
		}
		if y == nil || !m.sameValue(x.Value, y) {
			return false
		}
	}
	return true
}
