package graph

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:embed documents/console.json
var consoleJSON []byte

//go:embed documents/widget.json
var widgetJSON []byte

// documentCost is what a trusted document may cost, with the largest pages that its variables allow.
const documentCost = 2000

// documents answers which document a request means. Callers with a session cookie and widgets send the id of a trusted one and no text; the id is sha256:
// and the hex digest of the text. The others may send text, which is read and validated here, once: gqlgen then finds it in its cache (carried).
type documents struct {
	schema          *ast.Schema
	console, widget map[string]document.Document // by id
	inside          map[string]document.Document // by name, for doors of this process (Run)
	priced          map[*ast.OperationDefinition]int
	recent          document.Recent
	used            func(id string, d document.Document)
}

var _ interface {
	graphql.OperationParameterMutator
	graphql.HandlerExtension
} = (*documents)(nil)

// trustInside takes documents for doors of this process, by their names. They are held to what those of the manifests are held to.
func (d *documents) trustInside(texts map[string]string) error {
	d.inside = map[string]document.Document{}
	var faults []error
	for name, text := range texts {
		tree, err := d.trust(text, document.AnyCaller)
		if err != nil {
			faults = append(faults, fmt.Errorf("the document %s: %w", name, err))
			continue
		}
		d.inside[name] = document.Document{Text: text, Tree: tree}
	}
	return errors.Join(faults...)
}

// loadDocuments reads both manifests: each text must be valid for the schema and within its caller's bounds, its id its digest, and its price, with the
// largest pages its variables allow, at most documentCost. It takes some milliseconds.
func loadDocuments(s *ast.Schema, console, widget []byte) (*documents, error) {
	d := &documents{schema: s, priced: map[*ast.OperationDefinition]int{}, used: func(string, document.Document) {}}
	var faults []error
	for _, m := range []struct {
		name string
		raw  []byte
		into *map[string]document.Document
		b    document.Bounds
	}{{"console", console, &d.console, document.AnyCaller}, {"widget", widget, &d.widget, document.FromWidget}} {
		list := map[string]string{}
		if err := json.Unmarshal(m.raw, &list); err != nil {
			return nil, fmt.Errorf("read graph/documents/%s.json: %w", m.name, err)
		}
		*m.into = map[string]document.Document{}
		for id, text := range list {
			sum := sha256.Sum256([]byte(text))
			digest := hex.EncodeToString(sum[:])
			if strings.TrimPrefix(id, "sha256:") != digest {
				faults = append(faults, fmt.Errorf("graph/documents/%s.json: the id %s is not the digest of its text", m.name, id))
			}
			tree, err := d.trust(text, m.b)
			if err != nil {
				faults = append(faults, fmt.Errorf("graph/documents/%s.json: %s: %w", m.name, id, err))
				continue
			}
			(*m.into)["sha256:"+digest] = document.Document{Text: text, Tree: tree}
		}
	}
	return d, errors.Join(faults...)
}

// trust reads, validates and prices the text of a manifest.
func (d *documents) trust(text string, b document.Bounds) (*ast.QueryDocument, error) {
	tree, _, err := document.Read(text, b)
	if err != nil {
		return nil, err
	}
	if faults := document.Validate(d.schema, tree, true); len(faults) > 0 {
		return nil, faults
	}
	for _, op := range tree.Operations {
		p := document.Cost(op, nil)
		if err := p.Within(documentCost); err != nil {
			return nil, fmt.Errorf("%s: %w", op.Name, err)
		}
		d.priced[op] = p.Cost
	}
	return tree, nil
}

// all answers the trusted documents.
func (d *documents) all() []document.Document {
	return slices.AppendSeq(slices.AppendSeq(slices.Collect(maps.Values(d.console)), maps.Values(d.widget)), maps.Values(d.inside))
}

func (*documents) ExtensionName() string                   { return "Documents" }
func (*documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters finds the document of a request, for every transport alike.
func (d *documents) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	found, err := d.find(ctx, p)
	if faults, several := errors.AsType[gqlerror.List](err); several {
		all := &gqlerror.Error{Err: faults} // present tells each of them
		errcode.Set(all, errcode.ValidationFailed)
		return all
	}
	if err != nil {
		return present.Error(ctx, err)
	}
	p.Query = found.Text
	graphql.GetOperationContext(ctx).Doc = found.Tree
	return nil
}

func (d *documents) find(ctx context.Context, p *graphql.RawParams) (document.Document, error) {
	if err := document.Readable(p.Variables); err != nil {
		return document.Document{}, err
	}
	if asked := request.AskedFor(ctx); asked != nil {
		return d.inside[asked.Document], nil
	}
	caller := authz.From(ctx)
	person := caller.Kind == authz.USER && !caller.Program || caller.Kind == authz.WIDGET
	id, given := p.Extensions["documentId"].(string)
	switch {
	case given:
		return d.trusted(caller, id)
	case person:
		return document.Document{}, fault.Refused("free_text_refused", "This credential sends trusted documents only. Use an API key to send text.")
	}
	if known, ok := d.recent.Get(p.Query); ok {
		return known, nil
	}
	tree, nodes, err := document.Read(p.Query, document.AnyCaller)
	if err != nil {
		return document.Document{}, err
	}
	if faults := document.Validate(d.schema, tree, caller.Kind != authz.PUBLIC); len(faults) > 0 {
		return document.Document{}, faults
	}
	fresh := document.Document{Text: p.Query, Tree: tree}
	d.recent.Add(fresh, nodes)
	return fresh, nil
}

// trusted finds the document of an id: a widget knows the widget's alone, a session the console's, and who may send text may send either.
func (d *documents) trusted(caller authz.Principal, id string) (document.Document, error) {
	list := d.console
	if caller.Kind == authz.WIDGET {
		list = d.widget
	}
	found, known := list[id]
	if !known && caller.Kind != authz.WIDGET && (caller.Kind != authz.USER || caller.Program) {
		found, known = d.widget[id]
	}
	if !known {
		f := fault.NotFound("document")
		f.Reason, f.Message = "persisted_document_not_found", "This page is older than the server. Reload it."
		return document.Document{}, f
	}
	d.used(id, found)
	return found, nil
}

// carried gives gqlgen the document that MutateOperationParameters put into the operation, so that it neither parses nor validates again.
type carried struct{}

func (carried) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc := graphql.GetOperationContext(ctx).Doc
	return doc, doc != nil
}

func (carried) Add(context.Context, string, *ast.QueryDocument) {}
