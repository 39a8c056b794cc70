package arch

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the import path of the house.
const Module = "github.com/nameplate-dev/nameplate"

// Package is one folder of Go files, as far as the rules need it.
type Package struct {
	Dir     string // relative to the module, with slashes: internal/connect/connection
	Imports []Import
}

// Import is one import of one file.
type Import struct {
	Path string
	File string // connection.go
	Test bool   // a _test.go file
}

// room is a part of the house: one folder with all below it, or a district, in which each noun is a room of its own.
type room struct {
	at    string // folder, or the beginning of its name when it ends with *
	floor string // as in DESIGN section 2
	level int
	nouns bool // each folder below is a room of its own
}

var rooms = []room{
	{at: "internal/kit", floor: "0", level: 0, nouns: true},
	{at: "db", floor: "0b", level: 1},
	{at: "queries", floor: "0b", level: 1, nouns: true},
	{at: "internal/spine", floor: "1", level: 2, nouns: true},
	{at: "internal/platform", floor: "2", level: 3, nouns: true},
	{at: "internal/connect", floor: "3", level: 4, nouns: true},
	{at: "internal/operate", floor: "4", level: 5, nouns: true},
	{at: "graph/scalar", floor: "5", level: 5},
	{at: "graph/document", floor: "5", level: 5},
	{at: "graph/present", floor: "5", level: 5},
	{at: "graph/plan", floor: "5", level: 5},
	{at: "graph/gql*", floor: "5", level: 6},
	{at: "graph/model*", floor: "5", level: 6},
	{at: "graph/loader", floor: "5", level: 6},
	{at: "graph/feed", floor: "5", level: 6},
	{at: "graph/request", floor: "5", level: 6},
	{at: "graph/peer", floor: "5", level: 6},
	{at: "frontend", floor: "5", level: 6},
	{at: "widget", floor: "5", level: 6},
	{at: "resolvers", floor: "6", level: 7},
	{at: "workers", floor: "6", level: 7},
	{at: "edge", floor: "6", level: 7},
	{at: "internal/web", floor: "6", level: 7},
	{at: "graph", floor: "7", level: 8},
	{at: "internal/app", floor: "7b", level: 9},
	{at: "cmd", floor: "8", level: 10, nouns: true},
}

// beside the floors: they look at the house from outside. What lab may import has a rule of its own.
var beside = []string{"lab", "e2e", "bench", "deploy", "internal/arch"}

// edges are the imports between rooms of one floor; "*" stands for every room of the folder. Each pair is a decision: prefer an event, or a small
// interface that the consumer declares and internal/app fills in.
var edges = map[string][]string{
	"internal/kit/httpx":    {"internal/kit/fault", "internal/kit/slogx"},
	"internal/kit/ident":    {"internal/kit/fault"},
	"internal/kit/page":     {"internal/kit/fault", "internal/kit/ident"},
	"internal/kit/safehttp": {"internal/kit/fault", "internal/kit/metric"},
	"internal/kit/secret":   {"internal/kit/fault"},
	"internal/kit/slogx":    {"internal/kit/secret"},

	"internal/spine/door":  {"internal/spine/authz", "internal/spine/event", "internal/spine/work", "internal/spine/live", "internal/spine/vault", "internal/spine/limit"},
	"internal/spine/event": {"internal/spine/work", "internal/spine/live"},
	"internal/spine/part":  {"internal/spine/*"},

	"internal/platform/recovery":     {"internal/platform/credential", "internal/platform/mail", "internal/platform/factor"},
	"internal/platform/factor":       {"internal/platform/session", "internal/platform/mail"},
	"internal/platform/registration": {"internal/platform/credential", "internal/platform/mail", "internal/platform/profile"},
	"internal/platform/profile":      {"internal/platform/mail", "internal/platform/sms"},
	"internal/platform/credential":   {"internal/platform/session", "internal/platform/factor"},
	"internal/platform/sso":          {"internal/platform/session", "internal/platform/factor"},
	"internal/platform/invitation":   {"internal/platform/membership", "internal/platform/mail"},
	"internal/platform/organization": {"internal/platform/usage", "internal/platform/membership"},
	"internal/platform/apikey":       {"internal/platform/usage"},
	"internal/platform/image":        {"internal/platform/usage"},
	"internal/platform/billing":      {"internal/platform/usage"},
	"internal/platform/machine":      {"internal/platform/apikey"},

	"internal/connect/*":             {"internal/connect/analysis", "internal/connect/finding"},
	"internal/connect/analysis":      connects("provider"), // an answer names who runs the DNS
	"internal/connect/check":         connects("provider"), // and so does a stored check
	"internal/connect/recipe":        connects("application"),
	"internal/connect/record":        connects("recipe provider"),
	"internal/connect/connection":    connects("application recipe record claim edgeentry check provider"),
	"internal/connect/dnscheck":      connects("provider caa mailpolicy"),
	"internal/connect/domaincheck":   connects("application recipe record provider dnscheck"),
	"internal/connect/terminal":      connects("record"),
	"internal/connect/zone":          connects("provider"),
	"internal/connect/domainconnect": connects("provider"),
	"internal/connect/dnscredential": connects("provider zone"),
	"internal/connect/zonechange":    connects("connection record zone dnscredential domainconnect"),
	"internal/connect/certificate":   connects("connection edgeentry check dnscheck caa"),
	"internal/connect/monitor":       connects("application connection"),
	"internal/connect/share":         connects("connection"),
	"internal/connect/widget":        connects("application connection share"),
	"internal/connect/edgetarget":    connects("connection edgeentry"),

	"graph/gql":    {"graph/model"},
	"graph/loader": {"graph/model"},
	"graph/peer":   {"graph/feed", "graph/request"}, // reads as HTTP does, and is what feeds are sent to
	"graph/plan":   {"graph/scalar"},                // writes times and JSON as gqlgen does
}

func connects(nouns string) (rooms []string) {
	for _, n := range strings.Fields(nouns) {
		rooms = append(rooms, "internal/connect/"+n)
	}
	return rooms
}

// libraries have one home each, so that what they bring (connections, protocols, clocks) has one owner.
var libraries = []struct {
	path, because string
	homes         []string
}{
	{"github.com/jackc/pgx/v5/pgxpool", "all SQL runs on a *db.DB or a *db.Tx", []string{"db"}},
	{"github.com/riverqueue/river/rivermigrate", "db runs all migrations", []string{"db"}},
	{"github.com/riverqueue/river/riverdriver", "jobs are inserted through spine/work", []string{"db", "internal/spine/work", "workers"}},
	{"github.com/riverqueue/river", "jobs are inserted through spine/work and worked in workers", []string{"internal/spine/work", "workers"}},
	{"github.com/redis/go-redis", "Redis carries pokes (spine/live) and rate limits (spine/limit), and is never the source of truth", []string{"internal/spine/live", "internal/spine/limit"}},
	{"github.com/miekg/dns", "questions go through connect/dnscheck, our own zone is served by edge/dns", []string{"internal/connect/dnscheck", "edge/dns"}},
	{"github.com/gorilla/websocket", "sockets end in graph/peer, and begin in the tool that listens for webhooks", []string{"graph/peer", "cmd/nameplate/listen"}},
	{"go.etcd.io/bbolt", "an edge alone remembers anything outside PostgreSQL", []string{"edge/disk"}},
	{"github.com/rs/cors", "origins are judged in internal/web", []string{"internal/web"}},
}

// Check holds the rules of DESIGN section 2 (floors, siblings, homes of libraries, lab) against all packages, and answers a sentence per breach.
func Check(packages []Package) (breaches []string) {
	for _, p := range packages {
		for _, i := range p.Imports {
			if b := breach(p, i); b != "" {
				breaches = append(breaches, fmt.Sprintf("%s/%s imports %s: %s", p.Dir, i.File, i.Path, b))
			}
		}
		if _, ok := find(p.Dir); !ok && !outside(p.Dir) {
			breaches = append(breaches, p.Dir+" stands on no floor. Put it into a room of DESIGN section 2, or, if the house really grows, add the room to rooms in internal/arch/house.go and say why in docs/decisions/.")
		}
	}
	return breaches
}

func breach(p Package, i Import) string {
	to, ours := strings.CutPrefix(i.Path, Module+"/")
	test := i.Test || forTests(p.Dir)
	switch {
	case !ours:
		return library(p, i, test)
	case inside(p.Dir, "lab"):
		if !inside(to, "lab") && !inside(to, "internal/kit") && !i.Test {
			return "the lab is the world, not the product: it knows internal/kit alone. What joins the two lives in cmd/nameplate-lab or e2e/harness."
		}
		return ""
	case outside(p.Dir):
		return ""
	case inside(to, "lab") && !test && !inside(p.Dir, "cmd/nameplate-lab"):
		return "only tests and cmd/nameplate-lab may know the lab; the product must not contain its own world."
	case (inside(to, "db/devdb") || inside(to, "db/postgres")) && !test && !inside(p.Dir, "cmd/nameplate-lab") && !inside(p.Dir, "db"):
		return "throw-away databases are for tests and cmd/nameplate-lab; the product opens what DATABASE_URL names (db.Open)."
	case forTests(to) && !test:
		return "that package serves tests and must not get into the product."
	case inside(to, "queries"):
		if to == "queries" && p.Dir == "db" {
			return "" // which statements come before it is known for whom
		}
		return generated(p, to)
	case test:
		return ""
	}
	from, ok := find(p.Dir)
	room, known := find(to)
	if !ok || !known {
		return ""
	}
	if room.level < from.level {
		return ""
	}
	if room.level > from.level {
		return fmt.Sprintf("this climbs from floor %s to floor %s, and imports go down only. Move the code to the floor that knows both, write an event, or declare a small interface here that internal/app fills in.", from.floor, room.floor)
	}
	return sibling(name(from, p.Dir), name(room, to))
}

// generated: the Go of queries/Xq is for the package X, whatever its district.
func generated(p Package, to string) string {
	if inside(p.Dir, "queries") {
		return "generated packages do not know each other."
	}
	noun := strings.TrimSuffix(path.Base(to), "q")
	if r, ok := find(p.Dir); ok && r.nouns && path.Base(name(r, p.Dir)) == noun {
		return ""
	}
	return fmt.Sprintf("only the package %s may run its SQL. Call a method of that package (XTx joins your transaction), or write a read of your own in queries/<your noun>q: reads may join, writes belong to the owner.", noun)
}

func sibling(from, to string) string {
	if from == to {
		return ""
	}
	allowed := slices.Concat(edges[from], edges[path.Dir(from)+"/*"])
	if slices.Contains(allowed, to) || slices.Contains(allowed, path.Dir(to)+"/*") {
		return ""
	}
	if path.Dir(from) == path.Dir(to) && path.Dir(from) != "." {
		return fmt.Sprintf("%s does not know its neighbour %s. Let it learn by an event, or declare a small interface in %[1]s that internal/app fills in; only if both fail, add the pair to edges in internal/arch/house.go and say why in the commit.", path.Base(from), path.Base(to))
	}
	return "rooms of one floor do not know each other: doors call services, never another door. Move what both need one floor down."
}

func library(p Package, i Import, test bool) string {
	if test || outside(p.Dir) {
		return ""
	}
	for _, l := range libraries { // the longer path stands first
		if !inside(i.Path, l.path) {
			continue
		}
		for _, home := range l.homes {
			if inside(p.Dir, home) {
				return ""
			}
		}
		return fmt.Sprintf("%s belongs to %s alone: %s.", l.path, strings.Join(l.homes, " and "), l.because)
	}
	return ""
}

// find answers the room that the folder lies in: the one with the longest name.
func find(dir string) (room, bool) {
	best := slices.MaxFunc(append([]room{{}}, rooms...), func(a, b room) int { return cmp.Compare(match(a, dir), match(b, dir)) })
	return best, match(best, dir) > 0
}

func match(r room, dir string) int {
	if prefix, ok := strings.CutSuffix(r.at, "*"); ok && strings.HasPrefix(dir, prefix) {
		return len(prefix)
	}
	if r.at != "" && inside(dir, r.at) {
		return len(r.at)
	}
	return 0
}

// name is the room's own folder: internal/connect/connection for everything in and below it.
func name(r room, dir string) string {
	at := strings.TrimSuffix(r.at, "*")
	if !r.nouns {
		return at
	}
	noun, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(dir, at), "/"), "/")
	return path.Join(at, noun)
}

func inside(dir, at string) bool { return dir == at || strings.HasPrefix(dir, at+"/") }

func outside(dir string) bool {
	return slices.ContainsFunc(beside, func(at string) bool { return inside(dir, at) })
}

// forTests says whether a package exists for tests: its name ends with test.
func forTests(dir string) bool { return strings.HasSuffix(dir, "test") }
