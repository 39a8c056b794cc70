package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestTablesHaveOwners(t *testing.T) {
	t.Parallel()
	tables, err := Tables(filepath.Join(root, "db/migrations"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Owner == "" {
			t.Errorf("db/migrations/%s: above the table %s stands no line \"-- owner: <noun>\": say which package's SQL writes it.", table.File, table.Name)
		}
	}
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(root, "queries/*q/*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.ToSlash(strings.TrimPrefix(p, root+"/"))] = string(text)
	}
	for _, b := range Trespasses(tables, files) {
		t.Error(b)
	}
}

func TestTrespassIsSeen(t *testing.T) {
	t.Parallel()
	tables := tablesOf("1.sql", `
-- owner: connection       with words after it
create table connection (id uuid, org_id uuid not null);
create index i on connection (id);
-- owner: event
CREATE TABLE IF NOT EXISTS event (id uuid) partition by range (at);
-- owner: connection
create unlogged table connection_watch (id uuid);
create table orphan (id int);`)
	want := []Table{
		{"connection", "connection", true, "1.sql"}, {"event", "event", false, "1.sql"}, {"connection_watch", "connection", false, "1.sql"}, {"orphan", "", false, "1.sql"},
	}
	if !slices.Equal(tables, want) {
		t.Fatalf("read %v, want %v", tables, want)
	}
	for _, c := range []struct{ name, sql, want string }{
		{"Own", "INSERT INTO connection VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = excluded.id", ""},
		{"OwnByAlias", "update connection c set id = $1 from event e where e.id = c.id", ""},
		{"ReadWithLock", "select * from event e join connection c on true for update of e skip locked", ""},
		{"ReadForUpdate", "select * from event where id = $1 for update", ""},
		{"InAComment", "-- insert into event\nselect 1 /* delete from event */", ""},
		{"InAString", "select 'delete from event', 'it''s: update event set x'", ""},
		{"ForeignInsert", "with x as (insert into event values (1) returning id) select * from x", "belongs to event"},
		{"ForeignUpdate", "Update  Only event As e Set id = 1", "belongs to event"},
		{"ForeignDelete", "delete from \"event\" using connection c", "belongs to event"},
		{"ForeignTruncate", "truncate event", "belongs to event"},
		{"ForeignMerge", "merge into event using connection on true when matched then delete", "belongs to event"},
		{"Unknown", "insert into nowhere values (1)", "no migration creates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(Trespasses(tables, map[string]string{"queries/connectionq/x.sql": c.sql}), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// statement is SQL that reads or changes rows, as it looks in a Go string.
var statement = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()`)

// TestSQLIsInQueries: what stands in a Go string escapes the owners, the tenant rule and sqlc's types.
func TestSQLIsInQueries(t *testing.T) {
	t.Parallel()
	goFiles(t, func(file string) {
		dir := filepath.ToSlash(filepath.Dir(file))
		if strings.HasSuffix(file, "_test.go") || inside(dir, "db") || inside(dir, "queries") || outside(dir) || forTests(dir) {
			return
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, 0)
		if err != nil {
			return
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(text) {
					t.Errorf("%s: SQL in a Go string. Put it into queries/<noun>q/*.sql and run `make generate-sql`: there its types are checked, and the rules for owners and tenants see it.", set.Position(lit.Pos()))
				}
			}
			return true
		})
	})
}
