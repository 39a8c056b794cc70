package document

import (
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Bounds of one document. Parsing is linear in the tokens; what comes after it is not: validation walks every fragment again for each definition that
// reaches it, and merging follows every spread. So a document is measured as it stands, in one pass over its nodes, before it is looked at any closer.
const (
	maxText        = 64 << 10 // bytes
	maxTokens      = 15_000
	maxName        = 100 // bytes; names are repeated in messages
	maxDefined     = 10
	maxFragments   = 100
	maxNodes       = 3_000  // selections, arguments, values and directives
	MaxVisits      = 20_000 // nodes × how often validation comes by
	maxFields      = 5_000  // fields when every fragment is put in its places
	maxAliases     = 50     // likewise
	maxDirectives  = 5      // at one place
	maxSelections  = 40     // selection sets, with inline fragments
	maxLiteral     = 10     // lists and objects in each other
	maxDefinitions = 50     // variables of an operation
	maxDepth       = 12     // levels of fields
	maxRoots       = 10
	widgetDeep     = 8
	widgetWide     = 5
	schemaDepth    = 20 // levels of a question about the schema alone, which is deep by nature
)

// Bounds is how deep and wide an operation may be.
type Bounds struct{ Depth, Roots int }

// The bounds of every document, and of a widget's.
var (
	AnyCaller  = Bounds{Depth: maxDepth, Roots: maxRoots}
	FromWidget = Bounds{Depth: widgetDeep, Roots: widgetWide}
)

// Read parses a document and refuses one that is larger than its bounds, or whose fragments spread themselves. It costs one pass over the tokens, and
// answers how many nodes validation will visit: at most MaxVisits.
func Read(text string, b Bounds) (doc *ast.QueryDocument, visits int, err error) {
	if len(text) > maxText {
		return nil, 0, fault.Invalid("query", "too_large", "The query is longer than %d bytes.", maxText)
	}
	doc, err = parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		errcode.Set(err, errcode.ParseFailed)
		return nil, 0, err
	}
	if len(doc.Operations) == 0 {
		return nil, 0, fault.Invalid("query", "validation_failed", "The query holds no operation.")
	}
	r := reader{parts: map[string]*part{}, definitions: doc.Fragments}
	visits = r.document(doc, b)
	return doc, visits, r.err
}

// extent is what a selection set becomes when its fragments are put in their places: all fields, those of the first level, the levels and the aliases.
type extent struct{ fields, width, depth, aliases int }

func (s extent) beside(o extent) extent {
	return extent{sum(s.fields, o.fields), sum(s.width, o.width), max(s.depth, o.depth), sum(s.aliases, o.aliases)}
}

const plenty = 1 << 30

// sum ends at plenty: fragments that spread fragments double with each level.
func sum(a, b int) int { return min(plenty, a+b) }

// part is one definition of the document, measured once.
type part struct {
	extent  extent
	nodes   int
	spreads []*part
	open    bool // being measured: who comes back here goes in a circle
}

type reader struct {
	definitions ast.FragmentDefinitionList
	parts       map[string]*part
	nodes       int
	err         error
}

func (r *reader) refuse(reason, message string, args ...any) {
	if r.err == nil {
		r.err = fault.Invalid("query", reason, message, args...)
	}
}

func (r *reader) document(doc *ast.QueryDocument, b Bounds) (visits int) {
	if len(doc.Operations) > maxDefined || len(doc.Fragments) > maxFragments {
		r.refuse("too_large", "At most %d operations and %d fragments are read.", maxDefined, maxFragments)
		return 0
	}
	var parts []*part
	for _, op := range doc.Operations {
		if len(op.VariableDefinitions) > maxDefinitions {
			r.refuse("too_large", "An operation has at most %d variables.", maxDefinitions)
		}
		p := &part{}
		r.name(op.Name)
		for _, v := range op.VariableDefinitions {
			r.name(v.Variable)
			r.kind(v.Type)
			r.value(p, v.DefaultValue, 0)
			r.directives(p, v.Directives)
		}
		r.directives(p, op.Directives)
		p.extent = r.set(p, op.SelectionSet, 0)
		parts = append(parts, p)
		r.fits(op, p.extent, b)
	}
	for _, f := range doc.Fragments {
		parts = append(parts, r.fragment(f.Name))
	}
	for _, p := range parts {
		if r.err == nil {
			visits += p.reach(map[*part]bool{})
		}
		if visits > MaxVisits {
			r.refuse("too_large", "The query is too large: its fragments reach each other too often.")
		}
	}
	return visits
}

// fits holds an operation to its bounds.
func (r *reader) fits(op *ast.OperationDefinition, s extent, b Bounds) {
	if Introspects(op) {
		b.Depth = schemaDepth
	}
	switch {
	case op.Operation == ast.Subscription && s.width != 1:
		r.refuse("validation_failed", "A subscription has exactly one root field.")
	case s.depth > b.Depth:
		r.refuse("depth", "The query is %d levels deep; at most %d are answered.", s.depth, b.Depth)
	case s.width > b.Roots:
		r.refuse("root_fields", "The query has %d root fields; at most %d are answered.", s.width, b.Roots)
	case s.aliases > maxAliases:
		r.refuse("aliases", "The query has %d aliases; at most %d are answered.", s.aliases, maxAliases)
	case s.fields > maxFields:
		r.refuse("cost_exceeded", "The query is too large: with its fragments it has more than %d fields.", maxFields)
	}
}

// reach counts what validation visits for one definition: its own nodes, and once those of every fragment below it.
func (p *part) reach(seen map[*part]bool) int {
	if p == nil || seen[p] {
		return 0
	}
	seen[p] = true
	n := p.nodes
	for _, s := range p.spreads {
		n += s.reach(seen)
	}
	return n
}

// fragment measures a fragment at its first use; nil is an unknown name, which validation tells.
func (r *reader) fragment(name string) *part {
	p, known := r.parts[name]
	if known {
		if p != nil && p.open {
			r.refuse("validation_failed", "The fragment %s spreads itself.", name)
		}
		return p
	}
	r.name(name)
	def := r.definitions.ForName(name)
	if def == nil {
		r.parts[name] = nil
		return nil
	}
	p = &part{open: true}
	r.parts[name] = p
	r.name(def.TypeCondition)
	r.directives(p, def.Directives)
	for _, v := range def.VariableDefinition {
		r.name(v.Variable)
		r.kind(v.Type)
		r.value(p, v.DefaultValue, 0)
	}
	p.extent = r.set(p, def.SelectionSet, 0)
	p.open = false
	return p
}

func (r *reader) set(p *part, set ast.SelectionSet, nesting int) extent {
	var s extent
	if nesting > maxSelections {
		r.refuse("depth", "Selections are nested deeper than %d levels.", maxSelections)
	}
	for _, selection := range set {
		if r.node(p, 1); r.err != nil {
			return s
		}
		switch it := selection.(type) {
		case *ast.Field:
			r.name(it.Name)
			r.name(it.Alias)
			r.arguments(p, it.Arguments)
			r.directives(p, it.Directives)
			below := r.set(p, it.SelectionSet, nesting+1)
			field := extent{fields: sum(1, below.fields), width: 1, depth: 1 + below.depth, aliases: below.aliases}
			if it.Alias != it.Name {
				field.aliases = sum(1, field.aliases)
			}
			s = s.beside(field)
		case *ast.InlineFragment:
			r.name(it.TypeCondition)
			r.directives(p, it.Directives)
			s = s.beside(r.set(p, it.SelectionSet, nesting+1))
		case *ast.FragmentSpread:
			r.directives(p, it.Directives)
			if below := r.fragment(it.Name); below != nil {
				p.spreads = append(p.spreads, below)
				s = s.beside(below.extent)
			}
		}
	}
	return s
}

func (r *reader) node(p *part, n int) {
	p.nodes += n
	if r.nodes += n; r.nodes > maxNodes {
		r.refuse("too_large", "The query is too large: it has more than %d selections, arguments and values.", maxNodes)
	}
}

func (r *reader) name(s string) {
	if len(s) > maxName {
		r.refuse("too_large", "A name is longer than %d bytes.", maxName)
	}
}

func (r *reader) kind(t *ast.Type) {
	for depth := 0; t != nil; t, depth = t.Elem, depth+1 {
		if r.name(t.NamedType); depth > maxLiteral {
			r.refuse("too_large", "The type of a variable is nested too deep.")
			return
		}
	}
}

func (r *reader) directives(p *part, list ast.DirectiveList) {
	if len(list) > maxDirectives {
		r.refuse("too_large", "At most %d directives stand at one place.", maxDirectives)
	}
	for _, d := range list {
		r.node(p, 1)
		r.name(d.Name)
		r.arguments(p, d.Arguments)
	}
}

func (r *reader) arguments(p *part, list ast.ArgumentList) {
	for _, a := range list {
		if r.node(p, 1); r.err != nil {
			return
		}
		r.name(a.Name)
		r.value(p, a.Value, 0)
	}
}

// value weighs a literal: messages quote it, so a long text counts as several nodes, and what is nested counts once for each level around it.
func (r *reader) value(p *part, v *ast.Value, depth int) {
	if v == nil || r.err != nil {
		return
	}
	if depth > maxLiteral {
		r.refuse("too_large", "Lists and objects are nested deeper than %d levels.", maxLiteral)
		return
	}
	r.node(p, 1+depth/2+len(v.Raw)/256)
	if strings.ContainsRune(v.Raw, 0) || !utf8.ValidString(v.Raw) {
		r.refuse("characters", "This text holds characters that cannot be stored.")
	}
	for _, c := range v.Children {
		r.name(c.Name)
		r.value(p, c.Value, depth+1)
	}
}

// Introspects says that an operation asks for the schema alone.
func Introspects(op *ast.OperationDefinition) bool {
	for _, s := range op.SelectionSet {
		if f, ok := s.(*ast.Field); !ok || f.Name != "__schema" && f.Name != "__type" && f.Name != "__typename" {
			return false
		}
	}
	return true
}
