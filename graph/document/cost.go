package document

import (
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/vektah/gqlparser/v2/ast"
)

// What one operation may hold, whoever sends it.
const (
	maxPage   = 100
	dear      = 10 // the weight from which a field is counted by itself
	maxDear   = 5
	maxFilled = 200_000 // fields of all objects, repeated ones too: an executor collects them for each object
	maxSchema = 100_000 // objects of the schema in one introspection: about twice what GraphiQL asks for
)

// schemaSizes is how long the lists of the introspection types are, about.
var schemaSizes = map[string]int{"types": 160, "fields": 8, "args": 2, "inputFields": 6, "enumValues": 6, "possibleTypes": 4, "interfaces": 2, "directives": 12}

// Price is what an operation costs: the weight of each field (1 for an object, 0 for a scalar, or @cost) times the page sizes above it.
type Price struct {
	Cost   int
	filled int                          // fields of all objects
	schema int                          // objects of the schema: they cost no query
	counts map[*ast.FieldDefinition]int // fields that may stand there a few times only
}

// and takes p together with n times q; a field counts once for each place where it stands, however long the list around it.
func (p Price) and(n int, q Price) Price {
	p.Cost, p.filled, p.schema = sum(p.Cost, times(n, q.Cost)), sum(p.filled, times(n, q.filled)), sum(p.schema, times(n, q.schema))
	for f, k := range q.counts {
		if p.counts == nil {
			p.counts = map[*ast.FieldDefinition]int{}
		}
		p.counts[f] = sum(p.counts[f], k)
	}
	return p
}

func times(a, b int) int {
	if a > 0 && b > plenty/a {
		return plenty
	}
	return a * b
}

// Within refuses what costs more than limit, and fields that stand there too often.
func (p Price) Within(limit int) error {
	for f, n := range p.counts {
		switch {
		case n > 1 && attempts(f):
			return fault.Invalid("query", "aliases", "%s is answered once in an operation: each is an attempt.", f.Name)
		case n > maxDear:
			return fault.Invalid("query", "aliases", "%s is answered at most %d times in an operation.", f.Name, maxDear)
		}
	}
	switch {
	case p.Cost > limit:
		return fault.Invalid("query", "cost_exceeded", "The query costs %d; at most %d is answered. Ask for fewer rows or fewer fields.", p.Cost, limit).With("cost", p.Cost).With("limit", limit)
	case p.filled > maxFilled:
		return fault.Invalid("query", "cost_exceeded", "The query fills %d fields; at most %d are answered. Ask for fewer rows or fewer fields.", p.filled, maxFilled).With("cost", p.filled).With("limit", maxFilled)
	case p.schema > maxSchema:
		return fault.Invalid("query", "cost_exceeded", "The query asks for too much of the schema at once.").With("cost", p.schema).With("limit", maxSchema)
	}
	return nil
}

// pricer walks a validated operation, each fragment once.
type pricer struct {
	variables map[string]any // nil: the worst there can be
	fragments map[*ast.FragmentDefinition]Price
}

// Cost prices an operation before it runs. Without variables the largest pages are meant.
func Cost(op *ast.OperationDefinition, variables map[string]any) Price {
	p := pricer{variables: variables, fragments: map[*ast.FragmentDefinition]Price{}}
	return p.set(op.SelectionSet)
}

func (p *pricer) set(set ast.SelectionSet) Price {
	var total Price
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			total = total.and(1, p.set(s.SelectionSet))
		case *ast.FragmentSpread:
			known, ok := p.fragments[s.Definition]
			if !ok {
				known = p.set(s.Definition.SelectionSet)
				p.fragments[s.Definition] = known
			}
			total = total.and(1, known)
		case *ast.Field:
			total = total.and(1, p.field(s))
		}
	}
	return total
}

func (p *pricer) field(f *ast.Field) Price {
	if strings.HasPrefix(f.Name, "__") || strings.HasPrefix(f.ObjectDefinition.Name, "__") {
		own := Price{}
		if len(f.SelectionSet) > 0 {
			own.schema = 1
		}
		return own.and(max(1, schemaSizes[f.Name]), p.set(f.SelectionSet))
	}
	own := Price{Cost: weight(f), filled: 1}
	if own.Cost >= dear || attempts(f.Definition) {
		own.counts = map[*ast.FieldDefinition]int{f.Definition: 1}
	}
	if len(f.SelectionSet) > 0 {
		own = own.and(p.size(f), p.set(f.SelectionSet))
	}
	return own
}

// attempts says that a field tries a proof of who calls: fields with @access(stepUp: true). One operation holds one of them, or aliases would multiply tries.
func attempts(f *ast.FieldDefinition) bool {
	d := f.Directives.ForName("access")
	if d == nil {
		return false
	}
	a := d.Arguments.ForName("stepUp")
	return a != nil && a.Value.Raw == "true"
}

func weight(f *ast.Field) int {
	if d := f.Definition.Directives.ForName("cost"); d != nil {
		n, _ := strconv.Atoi(d.Arguments.ForName("weight").Value.Raw)
		return n
	}
	if len(f.SelectionSet) > 0 {
		return 1
	}
	return 0
}

// size is how many objects a list brings: its page size, or what the schema assumes. edges and nodes of a page repeat the page's rows, which are counted at
// the page. A page size above maxPage is refused when the list is read.
func (p *pricer) size(f *ast.Field) int {
	d := f.Definition.Directives.ForName("listSize")
	if d == nil {
		return 1
	}
	if a := d.Arguments.ForName("assumed"); a != nil {
		n, _ := strconv.Atoi(a.Value.Raw)
		return max(1, n)
	}
	arg := "first"
	if a := d.Arguments.ForName("arg"); a != nil {
		arg = a.Value.Raw
	}
	if given := f.Arguments.ForName(arg); given != nil {
		if given.Value.Kind == ast.Variable && p.variables == nil {
			return maxPage
		}
		n, err := given.Value.Value(p.variables)
		switch n := n.(type) {
		case int64:
			if err == nil {
				return page(n)
			}
		case int:
			return page(int64(n))
		}
		return maxPage
	}
	if def := f.Definition.Arguments.ForName(arg); def != nil && def.DefaultValue != nil {
		n, _ := strconv.Atoi(def.DefaultValue.Raw)
		return max(1, n)
	}
	return 20
}

func page(n int64) int { return int(max(1, min(n, maxPage))) }
