package arch

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// row is one line of a table in docs: the id stands first, the test last.
type row struct {
	id, test string
	line     int
}

func rows(t *testing.T, file string) (list []row) {
	t.Helper()
	f, err := os.Open(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for line := 1; in.Scan(); line++ {
		text, table := strings.CutPrefix(strings.TrimSpace(in.Text()), "|")
		if !table {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, `\|`, " "), "|"), "|")
		id := strings.TrimSpace(cells[0])
		if id == "id" || strings.HasPrefix(id, "---") {
			continue
		}
		if len(cells) != 5 {
			t.Errorf("%s:%d: %d columns, want five: the id first, the test last", file, line, len(cells))
			continue
		}
		list = append(list, row{id, strings.TrimSpace(cells[4]), line})
	}
	return list
}

// seeds are the rows that the product was asked for.
func seeds() map[string][]string {
	journeys, cases := []string{}, []string{}
	count := func(to *[]string, area, dot string, n int) {
		for i := range n {
			*to = append(*to, fmt.Sprintf("%s%s%d", area, dot, i+1))
		}
	}
	count(&journeys, "C", "", 6)
	count(&journeys, "D", "", 11)
	count(&journeys, "O", "", 5)
	for _, a := range []struct {
		area string
		n    int
	}{
		{"Cars", 8}, {"Bookings", 3}, {"Health", 1}, {"Audits", 3}, {"Emails", 3}, {"SMS", 3}, {"Flags", 3}, {"Provisioning", 2}, {"Recording", 2}, {"Usages", 2},
		{"Users", 8}, {"Identities", 1}, {"APIKeys", 3}, {"AuthTokens", 2}, {"Machines", 1}, {"Pwd", 8}, {"MFA", 7}, {"SSO", 1}, {"Images", 5}, {"Orgs", 11}, {"Events", 3}, {"Subs", 9},
		{"Profiles", 5}, {"BFF.Health", 1}, {"BFF.Flags", 2}, {"BFF.Rec", 5}, {"BFF.Auth", 3},
	} {
		count(&cases, a.area, ".", a.n)
	}
	count(&cases, "002", "-", 20)
	facts := []string{"CN-39", "CN-50", "CN-67", "CN-68", "FE-1", "FE-2", "FE-3", "FE-4", "FE-6", "FE-9", "FE-11", "FE-12", "FE-13", "FE-32", "FE-33", "CN-54"}
	count(&facts, "EZ", "-", 8)
	count(&facts, "CN", "-", 18)
	asvs := strings.Fields(`6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.8 6.2.9 6.2.11 6.2.12 11.4.2 6.1.1 6.3.1 6.3.2 6.3.3 6.3.6 6.3.8 6.4.1 6.4.3 6.4.6 14.2.1 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.5.8
		6.6.1 6.6.2 6.6.3 6.7.2 6.8.1 6.8.2 6.8.4 10.1.1 10.1.2 10.2.1 10.2.2 10.4.5 10.4.8 10.4.9 10.5.1 10.5.3 10.5.4 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.5 7.5.1 7.5.2 7.5.3
		3.3.1 3.3.2 3.3.3 3.3.4 3.5.1 3.5.2 3.5.3 4.3.1 4.3.2 16.5.1 4.4.2 4.4.4 8.2.2 8.2.3 8.3.2 8.4.1 2.3.1 2.3.3 2.3.4 2.3.5 5.2.1 5.2.2 5.2.4 5.2.6 5.4.1 5.4.2 5.4.3 14.2.8 3.2.1
		16.3.1 16.3.2 16.4.1 16.4.2 16.4.3 16.2.5 3.4.1 3.4.3 3.4.6 3.4.8 14.3.1 13.3.1 11.2.4 11.5.1 13.4.2 13.4.5 13.4.6`)
	return map[string][]string{"docs/asvs.md": asvs, "docs/journeys.md": journeys, "docs/use-cases.md": cases, "docs/acceptance.md": facts}
}

var testName = regexp.MustCompile(`\bTest\w+`)

func TestMapsNameRealTests(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	goFiles(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				tests[fn.Name.Name] = true
			}
		}
	})
	for file, want := range seeds() {
		seen := map[string]bool{}
		for _, r := range rows(t, file) {
			if seen[r.id] {
				t.Errorf("%s:%d: %s stands there twice; a row keeps its id for ever", file, r.line, r.id)
			}
			seen[r.id] = true
			named := testName.FindAllString(r.test, -1)
			if len(named) == 0 && r.test != "not yet" {
				t.Errorf("%s:%d: %s says %q: name the test function that proves it, or write \"not yet\"", file, r.line, r.id, r.test)
			}
			for _, n := range named {
				if !tests[n] {
					t.Errorf("%s:%d: %s is proven by %s, which no _test.go file declares: write the test, correct the name, or write \"not yet\"", file, r.line, r.id, n)
				}
			}
		}
		for _, id := range want {
			if !seen[id] {
				t.Errorf("%s: the row %s is missing; every row that was asked for stays on the map, if only as \"not yet\"", file, id)
			}
		}
	}
}
