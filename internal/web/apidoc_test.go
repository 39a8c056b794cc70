package web_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAPIDoc holds the table of error codes in docs/api.md to the codes that there are. The requests of that page are sent by the journeys (TestDocs).
func TestAPIDoc(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	var codes, told []string
	for _, f := range readCode(t).files["internal/kit/fault"] {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok && typeName(s.Type) == "Code" {
				code, _ := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
				codes = append(codes, code)
			}
			return true
		})
	}
	_, table, _ := strings.Cut(string(page), "\n| Code | Means |")
	for line := range strings.Lines(table) {
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if code, row := strings.CutPrefix(line, "| `"); row {
			code, _, _ = strings.Cut(code, "`")
			told = append(told, code)
		}
	}
	if len(codes) < 10 || !slices.Equal(slices.Sorted(slices.Values(codes)), slices.Sorted(slices.Values(told))) {
		t.Errorf("docs/api.md tells of %q, and there are %q", told, codes)
	}
}
