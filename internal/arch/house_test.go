package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder as the tests of this package see it.
const root = "../.."

// goFiles calls fn for every Go file of the module that a person wrote or a generator left, with its path relative to the module.
func goFiles(t *testing.T, fn func(file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(p, root+"/"))
		if d.IsDir() {
			if name := d.Name(); name == "node_modules" || name == "testdata" || name == "dist" || rel == "bin" || strings.HasPrefix(name, ".") && p != root {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != root { // another module
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			fn(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func packages(t *testing.T) []Package {
	t.Helper()
	byDir := map[string]*Package{}
	goFiles(t, func(file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			return // the compiler says it better
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		p := byDir[dir]
		if p == nil {
			p = &Package{Dir: dir}
			byDir[dir] = p
		}
		for _, i := range parsed.Imports {
			to, _ := strconv.Unquote(i.Path.Value)
			p.Imports = append(p.Imports, Import{Path: to, File: filepath.Base(file), Test: strings.HasSuffix(file, "_test.go")})
		}
	})
	var all []Package
	for _, p := range byDir {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Package) int { return strings.Compare(a.Dir, b.Dir) })
	return all
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	for _, b := range Check(packages(t)) {
		t.Error(b)
	}
}

// TestRulesBite asks the rules themselves: a house test that passes everything is worth nothing.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, from, to string
		test           bool
		want           string // part of the sentence; "" = allowed
	}{
		{"Down", "internal/connect/connection", "internal/spine/door", false, ""},
		{"DownToTheCellar", "resolvers", "internal/kit/ident", false, ""},
		{"Climb", "internal/kit/page", "internal/spine/door", false, "climbs from floor 0 to floor 1"},
		{"PlatformKnowsNoProduct", "internal/platform/account", "internal/connect/connection", false, "climbs from floor 2 to floor 3"},
		{"ServiceKnowsNoDoor", "internal/connect/connection", "resolvers", false, "climbs"},
		{"LoaderBelowResolvers", "resolvers", "graph/loader", false, ""},
		{"LoaderDoesNotClimb", "graph/loader", "graph", false, "climbs from floor 5 to floor 7"},
		{"DoorToDoor", "resolvers", "internal/web", false, "never another door"},
		{"EdgePartsKnowEachOther", "edge", "edge/dns", false, ""},
		{"ExecutorKnowsModel", "graph/gql", "graph/model", false, ""},
		{"AppAboveGraph", "internal/app", "graph", false, ""},
		{"GraphBelowApp", "graph", "internal/app", false, "climbs"},
		{"Edge", "internal/connect/certificate", "internal/connect/connection", false, ""},
		{"NoEdge", "internal/connect/connection", "internal/connect/certificate", false, "add the pair to edges"},
		{"Leaf", "internal/connect/webhook", "internal/connect/finding", false, ""},
		{"WebhookKnowsNobody", "internal/connect/webhook", "internal/connect/connection", false, "Let it learn by an event"},
		{"SubfolderIsTheSameRoom", "internal/connect/dnscheck", "internal/connect/dnscheck/wire", false, ""},
		{"DoorOfTheSpine", "internal/spine/door", "internal/spine/event", false, ""},
		{"SpineSiblings", "internal/spine/vault", "internal/spine/event", false, "add the pair"},
		{"PartKnowsAll", "internal/spine/part", "internal/spine/authz", false, ""},
		{"TestsAreFree", "internal/connect/connection", "internal/connect/certificate", true, ""},
		{"OwnSQL", "internal/connect/connection", "queries/connectionq", false, ""},
		{"ForeignSQL", "internal/connect/certificate", "queries/connectionq", false, "only the package connection"},
		{"ForeignSQLInATest", "internal/connect/certificate", "queries/connectionq", true, "only the package connection"},
		{"SQLInAResolver", "resolvers", "queries/connectionq", false, "only the package connection"},
		{"LabKnowsKit", "lab/authority", "internal/kit/run", false, ""},
		{"LabKnowsNoProduct", "lab", "db", false, "the world, not the product"},
		{"ProductKnowsNoLab", "cmd/nameplate", "lab", false, "must not contain its own world"},
		{"LabCommand", "cmd/nameplate-lab", "lab", false, ""},
		{"TestKnowsLab", "internal/connect/dnscheck", "lab", true, ""},
		{"ThrowAwayDatabase", "cmd/nameplate", "db/devdb", false, "throw-away"},
		{"TestPackageInProduct", "internal/app", "db/dbtest", false, "serves tests"},
		{"CommandsKnowNotEachOther", "cmd/nameplate", "cmd/nameplate-lab", false, "neighbour"},
		{"NoFloor", "internal/util", "fmt", false, "stands on no floor"},
		{"PoolOutsideDB", "internal/spine/event", "github.com/jackc/pgx/v5/pgxpool", false, "belongs to db alone"},
		{"PgxItself", "internal/spine/event", "github.com/jackc/pgx/v5", false, ""},
		{"River", "internal/connect/webhook", "github.com/riverqueue/river", false, "jobs are inserted through spine/work"},
		{"RiverTypes", "workers", "github.com/riverqueue/river/rivertype", false, ""},
		{"RiverMigrations", "db", "github.com/riverqueue/river/rivermigrate", false, ""},
		{"RiverClientInDB", "db", "github.com/riverqueue/river", false, "spine/work"},
		{"Redis", "internal/spine/authz", "github.com/redis/go-redis/v9", false, "never the source of truth"},
		{"RedisLive", "internal/spine/live", "github.com/redis/go-redis/v9", false, ""},
		{"DNSInLab", "lab/authority", "github.com/miekg/dns", false, ""},
		{"DNSInEdge", "edge", "github.com/miekg/dns", false, "edge/dns"},
		{"DNSInATest", "edge", "github.com/miekg/dns", true, ""},
		{"Sockets", "internal/web", "github.com/gorilla/websocket", false, "sockets end in graph"},
		{"Origins", "graph", "github.com/rs/cors", false, "internal/web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to := c.to
			if !strings.Contains(to, ".") && to != "fmt" {
				to = Module + "/" + to
			}
			got := strings.Join(Check([]Package{{Dir: c.from, Imports: []Import{{Path: to, File: "x.go", Test: c.test}}}}), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%s → %s: got %q, want %q", c.from, c.to, got, c.want)
			}
		})
	}
}

// longest is how many lines the body of a resolver may have: parse, call, map.
const longest = 15

func TestDoorsAreThin(t *testing.T) {
	t.Parallel()
	goFiles(t, func(file string) {
		if !inside(file, "resolvers") || strings.HasSuffix(file, "_test.go") {
			return
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, 0)
		if err != nil {
			return
		}
		for _, i := range parsed.Imports {
			if to := strings.Trim(i.Path.Value, `"`); inside(to, Module+"/db") || inside(to, Module+"/queries") {
				t.Errorf("%s imports %s: a resolver asks a service and never touches the database; give the service the method that is missing.", file, to)
			}
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if lines := set.Position(fn.Body.Rbrace).Line - set.Position(fn.Body.Lbrace).Line - 1; lines > longest {
				t.Errorf("%s: %s has %d lines. A door parses, calls and maps in about 12; the rest is a method that the service lacks.", set.Position(fn.Pos()), fn.Name.Name, lines)
			}
		}
	})
}
