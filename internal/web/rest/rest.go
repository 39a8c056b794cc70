// Package rest answers /v1, for those who would rather send plain HTTP than GraphQL. It has no say of its own: a table leads from method and path to one
// trusted document, a request becomes that document's variables, the document runs through the same schema as every other (same access, guards, limits,
// idempotency and ledger), and one field of what came is the answer. So a row costs one line here and one operation in documents/.
package rest

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

//go:embed documents
var files embed.FS

// Run runs one of Documents by its name for the caller of a request. It may write headers, and nothing else.
type Run func(w http.ResponseWriter, r *http.Request, document string, variables map[string]any) *graphql.Response

// Door answers what lies below /v1/.
type Door struct {
	run    Run
	routes []*route
	about  []byte // GET /v1/openapi.json
}

// route is a row with the operation that it runs.
type route struct {
	row
	segments []string // of the path, without the verb
	verb     string   // what stands behind the last colon; "" for none
	op       *ast.OperationDefinition
	root     *ast.FieldDefinition // the schema's field that the operation asks for
	public   bool                 // anybody may ask, without a credential
	input    *ast.Definition      // of the operation's $input; nil without one
	asked    []asked              // what may come in the address
	schema   *ast.Schema
}

// New joins the table, the documents and the schema. A row that does not fit is a mistake of the program.
func New(schema *ast.Schema, run Run) (*Door, error) {
	ops, err := operations(schema)
	if err != nil {
		return nil, err
	}
	d := &Door{run: run}
	for _, r := range table {
		op := ops[r.operation]
		if op == nil {
			return nil, fmt.Errorf("%s %s: there is no operation %q in internal/web/rest/documents", r.method, r.path, r.operation)
		}
		made, err := r.join(schema, op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		d.routes = append(d.routes, made)
	}
	d.about, err = describe(schema, d.routes)
	return d, err
}

func (r row) join(schema *ast.Schema, op *ast.OperationDefinition) (*route, error) {
	made := &route{row: r, op: op, schema: schema}
	whole := r.path
	if at := strings.LastIndexByte(whole, ':'); at > 0 { // no id has a colon
		whole, made.verb = whole[:at], whole[at+1:]
	}
	made.segments = strings.Split(whole, "/")
	field, ok := op.SelectionSet[0].(*ast.Field)
	if !ok || len(op.SelectionSet) != 1 {
		return nil, fmt.Errorf("%s asks for one field", op.Name)
	}
	made.root = field.Definition
	if access := made.root.Directives.ForName("access"); access != nil { // to is a list
		made.public = slices.ContainsFunc(access.Arguments.ForName("to").Value.Children, func(c *ast.ChildValue) bool { return c.Value.Raw == string(authz.PUBLIC) })
	}
	if v := op.VariableDefinitions.ForName("input"); v != nil {
		made.input = schema.Types[v.Type.Name()]
	}
	for _, s := range made.segments {
		if name, is := parameter(s); is && op.VariableDefinitions.ForName(name) == nil && (made.input == nil || made.input.Fields.ForName(name) == nil) {
			return nil, fmt.Errorf("%s has no variable %s", op.Name, name)
		}
	}
	made.asked = made.inAddress()
	return made, nil
}

// parameter answers the name in {name}.
func parameter(segment string) (string, bool) {
	name, is := strings.CutPrefix(segment, "{")
	return strings.TrimSuffix(name, "}"), is
}

// Documents are the texts of all operations, by their names, for the server that runs them.
func Documents() map[string]string {
	out := map[string]string{}
	err := each(func(op *ast.OperationDefinition, fragments ast.FragmentDefinitionList) error {
		var b strings.Builder
		formatter.NewFormatter(&b).FormatQueryDocument(&ast.QueryDocument{Operations: ast.OperationList{op}, Fragments: fragments})
		out[op.Name] = b.String()
		return nil
	})
	if err != nil {
		panic(err) // the documents are part of the program
	}
	return out
}

// each tells every operation with the fragments that it spreads, directly or not.
func each(tell func(*ast.OperationDefinition, ast.FragmentDefinitionList) error) error {
	list, err := files.ReadDir("documents")
	if err != nil {
		return err
	}
	for _, f := range list {
		raw, err := files.ReadFile(path.Join("documents", f.Name()))
		if err != nil {
			return err
		}
		doc, err := parser.ParseQuery(&ast.Source{Name: f.Name(), Input: string(raw)})
		if err != nil {
			return fmt.Errorf("read documents/%s: %w", f.Name(), err)
		}
		for _, op := range doc.Operations {
			var used ast.FragmentDefinitionList
			if err := spread(doc, op.SelectionSet, &used); err != nil {
				return fmt.Errorf("read documents/%s: %w", f.Name(), err)
			}
			if err := tell(op, used); err != nil {
				return err
			}
		}
	}
	return nil
}

func spread(doc *ast.QueryDocument, set ast.SelectionSet, used *ast.FragmentDefinitionList) error {
	for _, s := range set {
		var below ast.SelectionSet
		switch s := s.(type) {
		case *ast.Field:
			below = s.SelectionSet
		case *ast.InlineFragment:
			below = s.SelectionSet
		case *ast.FragmentSpread:
			f := doc.Fragments.ForName(s.Name)
			if f == nil {
				return fmt.Errorf("there is no fragment %s", s.Name)
			}
			if slices.Contains(*used, f) {
				continue
			}
			*used, below = append(*used, f), f.SelectionSet
		}
		if err := spread(doc, below, used); err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Vary", "Authorization, Accept-Language")
	if r.URL.Path == "/v1/openapi.json" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(d.about) // the caller may be gone
		return
	}
	at, inPath, allowed := d.find(r)
	switch {
	case at == nil && len(allowed) > 0:
		h.Set("Allow", strings.Join(allowed, ", "))
		Refuse(w, r, http.StatusMethodNotAllowed, fault.Invalid("", "method", "Here %s is answered.", strings.Join(allowed, " and ")))
		return
	case at == nil:
		Refuse(w, r, http.StatusNotFound, &fault.Fault{Code: fault.NotFoundCode, Message: "There is nothing at this address. GET /v1/openapi.json lists what there is."})
		return
	}
	if !at.public && authz.From(r.Context()).Kind == authz.PUBLIC {
		Refuse(w, r, http.StatusUnauthorized, fault.Unauthorized("", "Send an API key: Authorization: Bearer npk_…"))
		return
	}
	variables, status, err := at.read(w, r, inPath)
	if err != nil {
		Refuse(w, r, status, fault.All(err)...)
		return
	}
	at.answer(w, r, inPath, d.run(w, r, at.operation, variables))
}

// find answers the route of a request with what its path holds; or the methods that are answered there.
func (d *Door) find(r *http.Request) (found *route, inPath map[string]string, allowed []string) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, at := range d.routes {
		values, ok := at.matches(r.URL.EscapedPath())
		switch {
		case !ok:
		case at.method == method:
			return at, values, nil
		case !slices.Contains(allowed, at.method):
			allowed = append(allowed, at.method)
		}
	}
	return nil, nil, allowed
}

// organization is whose things are meant when a request does not say: a key names its organization.
func organization(ctx context.Context) string {
	if id := authz.From(ctx).OrgID; !id.IsZero() {
		return id.String()
	}
	return ""
}
