package plan

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Limits of what is compiled; beyond them gqlgen executes, which collects fields as it meets them, and subscriptions are refused. They bound the memory of plans: a field takes some 250
// bytes, and a document can name exponentially many (fragments in fragments).
const (
	maxFields    = 2_000   // of one plan
	maxSwitches  = 6       // variables of @skip and @include in one operation: each combination of values is a plan
	maxAllFields = 400_000 // of all plans that are kept
)

// plan is an operation for one combination of values of its @skip and @include variables.
type plan struct {
	root  *selection
	calls int // fields that have arguments or are guarded
	size  int // fields
}

// selection is what is read of one object type, in the order of the response.
type selection struct{ fields []*field }

// field is one member of the response.
type field struct {
	key      string // `"alias":`
	name     ast.PathName
	at       *ast.Field // the first place where the document names it
	read     Field
	constant string // of __typename
	must     bool   // null is not allowed
	guarded  bool
	n        int // of its call in a run; -1 when every run calls it the same way
	nth      int // of a mutation: among those of its name in the request
	call     Call
	object   *selection            // of a field that answers one object type
	types    map[string]*selection // of one that answers an interface or union
}

// plans are kept as long as their operations: documents live in the server's caches.
type plans struct {
	byOperation sync.Map // weak.Pointer[ast.OperationDefinition] to *variants
	fields      atomic.Int64
}

// variants are the plans of one operation.
type variants struct {
	switches []string // variables of @skip and @include
	never    bool     // gqlgen executes it
	mu       sync.Mutex
	plans    [1 << maxSwitches]*plan
	failed   [1 << maxSwitches]bool
	fields   atomic.Int64
}

// Compile makes the plans of a document's operations, so that the first request finds them. Operations with @skip or @include are compiled as they come.
func (e *Executable) Compile(doc *ast.QueryDocument) {
	for _, op := range doc.Operations {
		if v := e.variantsOf(op, doc); len(v.switches) == 0 {
			e.planFor(v, 0, op, doc, nil)
		}
	}
}

// planOf answers the plan of a running operation; nil when gqlgen executes it.
func (e *Executable) planOf(op *graphql.OperationContext) *plan {
	v := e.variantsOf(op.Operation, op.Doc)
	n := 0
	for bit, name := range v.switches {
		on, ok := op.Variables[name].(bool)
		if !ok {
			return nil
		}
		if on {
			n |= 1 << bit
		}
	}
	return e.planFor(v, n, op.Operation, op.Doc, op.Variables)
}

func (e *Executable) variantsOf(op *ast.OperationDefinition, doc *ast.QueryDocument) *variants {
	key := weak.Make(op)
	if v, ok := e.plans.byOperation.Load(key); ok {
		return v.(*variants)
	}
	v := &variants{}
	v.note(op.SelectionSet)
	for _, f := range doc.Fragments {
		v.note(f.SelectionSet)
	}
	if len(v.switches) > maxSwitches {
		v.never, v.switches = true, nil
	}
	if first, loaded := e.plans.byOperation.LoadOrStore(key, v); loaded {
		return first.(*variants)
	}
	runtime.AddCleanup(op, func(key weak.Pointer[ast.OperationDefinition]) {
		e.plans.byOperation.Delete(key)
		e.plans.fields.Add(-v.fields.Load())
	}, key)
	return v
}

// note reads which variables switch selections on and off, and what makes an operation gqlgen's.
func (v *variants) note(set ast.SelectionSet) {
	for _, s := range set {
		var directives ast.DirectiveList
		switch s := s.(type) {
		case *ast.Field:
			v.never = v.never || s.Name == "__schema" || s.Name == "__type"
			directives = s.Directives
			v.note(s.SelectionSet)
		case *ast.InlineFragment:
			directives = s.Directives
			v.note(s.SelectionSet)
		case *ast.FragmentSpread:
			directives = s.Directives
		}
		for _, d := range directives {
			if d.Name != "skip" && d.Name != "include" {
				v.never = true
			} else if a := d.Arguments.ForName("if"); a.Value.Kind == ast.Variable && !slices.Contains(v.switches, a.Value.Raw) {
				v.switches = append(v.switches, a.Value.Raw)
			}
		}
	}
}

func (e *Executable) planFor(v *variants, n int, op *ast.OperationDefinition, doc *ast.QueryDocument, variables map[string]any) *plan {
	if v.never {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.plans[n] != nil || v.failed[n] {
		return v.plans[n]
	}
	root := map[ast.Operation]*ast.Definition{ast.Query: e.Schema().Query, ast.Mutation: e.Schema().Mutation, ast.Subscription: e.Schema().Subscription}[op.Operation]
	c := &compiler{e: e, doc: doc, variables: variables, plan: &plan{}}
	c.plan.root = c.selection(root, op.SelectionSet)
	if op.Operation == ast.Mutation {
		named := map[string]int{}
		for _, f := range c.plan.root.fields {
			named[f.at.Name]++
			f.nth = named[f.at.Name]
		}
	}
	switch {
	case c.failed:
		v.failed[n] = true
		return nil
	case e.plans.fields.Load()+int64(c.plan.size) > maxAllFields: // run and forgotten
		return c.plan
	}
	e.plans.fields.Add(int64(c.plan.size))
	v.fields.Add(int64(c.plan.size))
	v.plans[n] = c.plan
	return c.plan
}

// compiler makes one plan.
type compiler struct {
	e         *Executable
	doc       *ast.QueryDocument
	variables map[string]any
	plan      *plan
	failed    bool
}

// group is what a selection says of one member of the response: several fields of one name become one (CollectFields, section 6.3.2 of the specification).
type group struct {
	field *ast.Field
	sets  ast.SelectionSet
}

func (c *compiler) selection(of *ast.Definition, set ast.SelectionSet) *selection {
	groups := c.collect(nil, of, set, map[string]bool{})
	s := &selection{fields: make([]*field, 0, len(groups))}
	for _, g := range groups {
		if c.plan.size++; c.failed || c.plan.size > maxFields {
			c.failed = true
			break
		}
		s.fields = append(s.fields, c.field(of, g))
	}
	return s
}

// collect adds what a selection set means for an object type.
func (c *compiler) collect(groups []*group, of *ast.Definition, set ast.SelectionSet, visited map[string]bool) []*group {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if !c.included(s.Directives) {
				continue
			}
			n := slices.IndexFunc(groups, func(g *group) bool { return g.field.Alias == s.Alias })
			if n < 0 {
				n, groups = len(groups), append(groups, &group{field: s})
			}
			groups[n].sets = append(groups[n].sets, s.SelectionSet...)
		case *ast.InlineFragment:
			if c.included(s.Directives) && c.matches(s.TypeCondition, of) {
				groups = c.collect(groups, of, s.SelectionSet, visited)
			}
		case *ast.FragmentSpread:
			if visited[s.Name] || !c.included(s.Directives) {
				continue
			}
			visited[s.Name] = true
			if f := c.doc.Fragments.ForName(s.Name); c.matches(f.TypeCondition, of) {
				groups = c.collect(groups, of, f.SelectionSet, visited)
			}
		}
	}
	return groups
}

func (c *compiler) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		v, err := d.Arguments.ForName("if").Value.Value(c.variables)
		on, ok := v.(bool)
		c.failed = c.failed || err != nil || !ok
		if on == (d.Name == "skip") {
			return false
		}
	}
	return true
}

func (c *compiler) matches(condition string, of *ast.Definition) bool {
	return condition == "" || condition == of.Name || slices.ContainsFunc(c.e.Schema().GetImplements(of), func(d *ast.Definition) bool { return d.Name == condition })
}

func (c *compiler) field(of *ast.Definition, g *group) *field {
	f := &field{key: `"` + g.field.Alias + `":`, name: ast.PathName(g.field.Alias), at: g.field, n: -1}
	f.call.field = f
	if g.field.Name == "__typename" {
		f.constant, f.must = `"`+of.Name+`"`, true
		return f
	}
	read, known := c.e.table[of.Name][g.field.Name]
	if c.failed = c.failed || !known; c.failed {
		return f
	}
	definition := of.Fields.ForName(g.field.Name)
	f.read, f.must = read, definition.Type.NonNull
	f.guarded = len(definition.Directives) > 0
	if read.Args != nil || f.guarded {
		f.n = c.plan.calls
		c.plan.calls++
	}
	switch to := c.e.Schema().Types[definition.Type.Name()]; {
	case to.Kind == ast.Object:
		f.object = c.selection(to, g.sets)
	case to.IsAbstractType():
		f.types = map[string]*selection{}
		for _, t := range c.e.Schema().GetPossibleTypes(to) {
			f.types[t.Name] = c.selection(t, g.sets)
		}
	}
	return f
}
