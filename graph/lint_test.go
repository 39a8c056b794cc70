package graph

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// tag is one graphql`…` of the screens.
type tag struct{ file, text, constant string }

var (
	tagged    = regexp.MustCompile("(?:const (\\w+)[^=\n]*= )?graphql(?:<[^`]*>\\()?`([^`]*)`")
	headline  = regexp.MustCompile(`(?m)^\s*(?:query|mutation|subscription) (\w+)`)
	refetched = regexp.MustCompile(`queryName: "(\w+)"`)
	fragment  = regexp.MustCompile(`(?m)^\s*fragment (\w+) on`)
)

// screens reads the sources of console and widget: their tags, and all of their code.
func screens(t *testing.T) (tags []tag, code map[string]string) {
	t.Helper()
	code = map[string]string{}
	for _, dir := range []string{"../frontend/src", "../widget/src"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "__generated__") || strings.Contains(path, ".test.") || !strings.HasSuffix(path, ".ts") && !strings.HasSuffix(path, ".tsx") {
				return err
			}
			raw, err := os.ReadFile(path)
			code[path] = string(raw)
			for _, m := range tagged.FindAllStringSubmatch(string(raw), -1) {
				tags = append(tags, tag{path, m[2], m[1]})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tags, code
}

// rootFields are the fields that a query asks of the root, but for viewer, which is free.
func rootFields(doc *ast.QueryDocument) []string {
	var names []string
	var collect func(ast.SelectionSet)
	collect = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				if s.Name != "viewer" && s.Name != "__typename" && !slices.Contains(names, s.Name) {
					names = append(names, s.Name)
				}
			case *ast.InlineFragment:
				collect(s.SelectionSet)
			case *ast.FragmentSpread:
				collect(doc.Fragments.ForName(s.Name).SelectionSet)
			}
		}
	}
	for _, op := range doc.Operations {
		if op.Operation == ast.Query {
			collect(op.SelectionSet)
		}
	}
	return names
}

// together says whether a comment above the query of this name tells why its root fields are asked together.
func together(tags []tag, name string) bool {
	return slices.ContainsFunc(tags, func(g tag) bool {
		return regexp.MustCompile(`# together: \w[^\n]*\n\s*(query ` + name + `\b|fragment [^\n]*queryName: "` + name + `")`).MatchString(g.text)
	})
}

// TestDocumentsOfTheScreens: a query asks one thing of the root, so that what fails alone is a document of its own, or says above why not; every document
// of the sources is in a manifest, and every tag and fragment is used.
func TestDocumentsOfTheScreens(t *testing.T) {
	t.Parallel()
	tags, code := screens(t)
	if len(tags) < 60 {
		t.Fatalf("only %d tags were found: this test does not see the screens any more", len(tags))
	}
	known := map[string]bool{}
	for _, raw := range [][]byte{consoleJSON, widgetJSON} {
		var list map[string]string
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		for _, text := range list {
			doc, err := parser.ParseQuery(&ast.Source{Input: text})
			if err != nil {
				t.Fatal(err)
			}
			name := doc.Operations[0].Name
			known[name] = true
			if roots := rootFields(doc); len(roots) > 1 && !together(tags, name) {
				t.Errorf("%s asks for %s: make several documents of it, or write \"# together: why\" above", name, strings.Join(roots, ", "))
			}
		}
	}
	var all strings.Builder
	for _, g := range tags {
		all.WriteString(g.text)
	}
	for _, g := range tags {
		for _, m := range slices.Concat(headline.FindAllStringSubmatch(g.text, -1), refetched.FindAllStringSubmatch(g.text, -1)) {
			if !known[m[1]] {
				t.Errorf("%s: %s is in no manifest: run relay-compiler", g.file, m[1])
			}
		}
		for _, m := range fragment.FindAllStringSubmatch(g.text, -1) {
			if !regexp.MustCompile(`\.\.\.` + m[1] + `\b`).MatchString(all.String()) {
				t.Errorf("%s: nobody spreads the fragment %s", g.file, m[1])
			}
		}
		if g.constant == "" || !headline.MatchString(g.text) { // used where it stands, or by the name of its fragment
			continue
		}
		uses := 0
		for _, text := range code {
			if text == code[g.file] || strings.Contains(code[g.file], "export const "+g.constant) {
				uses += len(regexp.MustCompile(`\b`+g.constant+`\b`).FindAllString(text, -1))
			}
		}
		if uses < 2 {
			t.Errorf("%s: nothing uses %s", g.file, g.constant)
		}
	}
}

func TestTogetherBites(t *testing.T) {
	t.Parallel()
	tags := []tag{{"a.tsx", "\n  # together: one picture\n  query AQuery { a b }", ""}, {"b.tsx", "\n  # together:\n  query BQuery { a b }", ""}}
	doc, err := parser.ParseQuery(&ast.Source{Input: "query AQuery { viewer { id } a ...f } fragment f on Query { b a }"})
	if err != nil || !slices.Equal(rootFields(doc), []string{"a", "b"}) {
		t.Errorf("root fields %v, %v", rootFields(doc), err)
	}
	if !together(tags, "AQuery") || together(tags, "BQuery") || together(tags, "Query") {
		t.Error("a comment is not told from its absence")
	}
}
