package graph

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// How much an answer says of what is wrong with a request.
const (
	maxErrors = 20
	longest   = 600
	maxFields = 2000
)

// fewErrors keeps an answer to a request full of mistakes short: the first ones say enough.
func fewErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	r := next(ctx)
	if r != nil && len(r.Errors) > maxErrors {
		r.Errors = r.Errors[:maxErrors]
	}
	return r
}

// short cuts a message that repeats a long input.
func short(message string) string {
	if len(message) <= longest {
		return message
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// readable refuses text that the database cannot keep, wherever it stands in the variables.
func readable(v any, path string) error {
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, 0) || !utf8.ValidString(v) {
			return fault.Invalid(strings.TrimPrefix(strings.TrimPrefix(path, "."), "input."), "characters", "This text holds characters that cannot be stored.")
		}
	case []any:
		for n, e := range v {
			if err := readable(e, path+"."+strconv.Itoa(n)); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			if err := readable(k, path); err != nil {
				return err
			}
			if err := readable(e, path+"."+k); err != nil {
				return err
			}
		}
	}
	return nil
}

// sane refuses free text that would cost too much to validate: the check of overlapping fields takes quadratic time. Text that cannot be parsed is left to
// the executor, which says where.
func sane(text string) error {
	if strings.Contains(text, "\\u0000") {
		return fault.Invalid("query", "characters", "This text holds characters that cannot be stored.")
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return nil
	}
	fields, aliases, roots := 0, 0, 0
	var walk func(ast.SelectionSet, int)
	walk = func(set ast.SelectionSet, depth int) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				fields++
				if s.Alias != s.Name {
					aliases++
				}
				if depth == 1 {
					roots++
				}
				walk(s.SelectionSet, depth+1)
			case *ast.InlineFragment:
				walk(s.SelectionSet, depth)
			}
		}
	}
	for _, op := range doc.Operations {
		walk(op.SelectionSet, 1)
	}
	for _, f := range doc.Fragments {
		walk(f.SelectionSet, 2)
	}
	switch {
	case aliases > maxAliases:
		return fault.Invalid("query", "aliases", "The query has %d aliases; at most %d are answered.", aliases, maxAliases)
	case roots > maxRoots*max(1, len(doc.Operations)):
		return fault.Invalid("query", "root_fields", "The query has %d root fields; at most %d are answered.", roots, maxRoots)
	case fields > maxFields || len(doc.Fragments) > 200 || len(doc.Operations) > 50:
		return fault.Invalid("query", "cost_exceeded", "The query is too large.")
	}
	return nil
}
