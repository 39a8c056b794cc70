package graph

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:embed documents/console.json
var consoleJSON []byte

//go:embed documents/widget.json
var widgetJSON []byte

// documents are the trusted texts: callers with a session cookie and widgets send an id and no text. The id is sha256: and the hex digest of the text.
type documents struct {
	console, widget map[string]string
	parsed          map[string]*ast.QueryDocument // by text
}

// trustedFirst is the cache of parsed documents: trusted ones are in it from the start, and stay.
type trustedFirst struct {
	trusted map[string]*ast.QueryDocument
	graphql.Cache[*ast.QueryDocument]
}

func (c trustedFirst) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	if d, ok := c.trusted[text]; ok {
		return d, true
	}
	return c.Cache.Get(ctx, text)
}

var _ interface {
	graphql.OperationParameterMutator
	graphql.HandlerExtension
} = (*documents)(nil)

// priceLimit is what a trusted document may cost.
const priceLimit = 2000

// loadDocuments reads both manifests; each text must be valid for the schema, and its id its digest.
func loadDocuments(s *ast.Schema) (*documents, error) {
	d := &documents{parsed: map[string]*ast.QueryDocument{}}
	var faults []error
	for _, m := range []struct {
		name string
		raw  []byte
		into *map[string]string
	}{{"console", consoleJSON, &d.console}, {"widget", widgetJSON, &d.widget}} {
		list := map[string]string{}
		if err := json.Unmarshal(m.raw, &list); err != nil {
			return nil, fmt.Errorf("read graph/documents/%s.json: %w", m.name, err)
		}
		*m.into = map[string]string{}
		for id, text := range list {
			sum := sha256.Sum256([]byte(text))
			digest := hex.EncodeToString(sum[:])
			if strings.TrimPrefix(id, "sha256:") != digest {
				faults = append(faults, fmt.Errorf("graph/documents/%s.json: the id %s is not the digest of its text", m.name, id))
			}
			q, err := gqlparser.LoadQueryWithRules(s, text, nil)
			if err != nil {
				faults = append(faults, fmt.Errorf("graph/documents/%s.json: %s does not fit the schema: %w", m.name, id, err))
				continue
			}
			for _, op := range q.Operations {
				if c := cost(op, nil); c.cost > priceLimit {
					faults = append(faults, fmt.Errorf("graph/documents/%s.json: %s costs %d, more than %d", m.name, op.Name, c.cost, priceLimit))
				}
			}
			(*m.into)["sha256:"+digest] = text
			d.parsed[text] = q
		}
	}
	return d, errors.Join(faults...)
}

func (*documents) ExtensionName() string                   { return "TrustedDocuments" }
func (*documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters turns an id into its text, for every transport alike.
func (d *documents) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	caller := authz.From(ctx)
	if err := readable(p.Variables, ""); err != nil {
		return present(ctx, err)
	}
	id, given := p.Extensions["documentId"].(string)
	if !given {
		if caller.Kind == authz.USER || caller.Kind == authz.WIDGET {
			return present(ctx, fault.Refused("free_text_refused", "This credential sends trusted documents only. Use an API key to send text."))
		}
		if err := sane(p.Query); err != nil {
			return present(ctx, err)
		}
		return nil
	}
	list := d.console
	if caller.Kind == authz.WIDGET {
		list = d.widget
	}
	text, known := list[id]
	if !known && caller.Kind != authz.WIDGET && caller.Kind != authz.USER {
		text, known = d.widget[id]
	}
	if !known {
		f := fault.NotFound("document")
		f.Reason, f.Message = "persisted_document_not_found", "This page is older than the server. Reload it."
		return present(ctx, f)
	}
	p.Query = text
	return nil
}
