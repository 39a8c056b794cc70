// Package document is what a GraphQL document is before anybody runs it: a text that is measured, read, validated and priced. It knows neither who
// sent it nor how it came; the bounds and the price that a caller may have are told to it.
package document

import "github.com/vektah/gqlparser/v2/ast"

// Document is a text with what was made of it. It is shared by all who send it and never changes.
type Document struct {
	Text string
	Tree *ast.QueryDocument
}
