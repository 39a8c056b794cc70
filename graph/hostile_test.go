package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

// What a request of 64 kB may cost. A processor makes the allocations and the steps of our own checks below in well under 250 ms.
const (
	hostileBody   = 64 << 10
	hostileMemory = 32 << 20
	hostileAllocs = 400_000
	hostileAnswer = 64 << 10
)

// idling is the schema with fields that answer nothing; introspection is real.
type idling struct{ graphql.ExecutableSchema }

func (i idling) Exec(ctx context.Context) graphql.ResponseHandler {
	if document.Introspects(graphql.GetOperationContext(ctx).Operation) {
		return i.ExecutableSchema.Exec(ctx)
	}
	return graphql.OneShot(&graphql.Response{Data: []byte("{}")})
}

func idleSchema() *plan.Executable {
	return plan.New(idling{gql.NewExecutableSchema(gql.Config{})}, nil)
}

// entrance is a server that believes the caller it is given.
func entrance(t testing.TB, caller authz.Principal, l *limit.Limiter) http.Handler {
	t.Helper()
	s, err := New(Config{Schema: idleSchema(), Origin: func(*http.Request) bool { return true }, Revoked: authz.New(nil).Revoked(), Limit: l})
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(authz.With(r.Context(), caller)))
	})
}

func key() authz.Principal {
	return authz.Principal{Kind: authz.API_KEY, KeyID: ident.KeyID{}}
}

func send(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHostileDocuments sends what a stranger might, and counts what the server does about it: bytes and allocations, and the steps of its own checks.
func TestHostileDocuments(t *testing.T) {
	log := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer slog.SetDefault(log)
	h := entrance(t, key(), limit.New(nil))
	send(h, `{"query":"{ health { name } }"}`)
	if len(hostile()) < 60 {
		t.Fatalf("the corpus holds %d documents", len(hostile()))
	}
	for _, c := range hostile() {
		t.Run(c.name, func(t *testing.T) {
			body := c.body()
			if len(body) > hostileBody {
				t.Fatalf("the request has %d bytes", len(body))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := send(h, body)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > hostileMemory {
				t.Errorf("it takes %d MiB", n>>20)
			}
			if n := after.Mallocs - before.Mallocs; n > hostileAllocs {
				t.Errorf("it takes %d allocations", n)
			}
			if n := w.Body.Len(); n > hostileAnswer && !c.answered {
				t.Errorf("the refusal has %d bytes", n)
			}
			var a struct {
				Errors []struct{ Extensions struct{ Code, Reason string } }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
				t.Fatal(err)
			}
			if (len(a.Errors) == 0) != c.answered {
				t.Errorf("answered %v: %.300s", len(a.Errors) == 0, w.Body)
			}
			for _, e := range a.Errors {
				if e.Extensions.Code != "INVALID" {
					t.Errorf("refused with %s %s: %.300s", e.Extensions.Code, e.Extensions.Reason, w.Body)
				}
			}
			var in struct{ Query string }
			json.Unmarshal([]byte(body), &in)
			doc, visits, err := document.Read(in.Query, document.AnyCaller)
			if err == nil && len(document.Validate(served(), doc, true)) == 0 {
				if _, merges := document.Mergeable(served(), doc); merges > 2*document.MaxMerges {
					t.Errorf("%d comparisons", merges)
				}
			}
			if err == nil && visits > document.MaxVisits {
				t.Errorf("%d visits", visits)
			}
			t.Logf("%7d bytes in, %7d kB, %7d allocations, %6d bytes out: %.120s", len(body), (after.TotalAlloc-before.TotalAlloc)>>10, after.Mallocs-before.Mallocs, w.Body.Len(), w.Body)
		})
	}
}

type attack struct {
	name     string
	answered bool
	body     func() string
}

func times64(part string, max int) string { return strings.Repeat(part, max/len(part)) }

// numbered repeats a pattern with a number in the place of N.
func numbered(pattern string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(pattern, "N", fmt.Sprint(i)), "M", fmt.Sprint(i+1)))
	}
	return b.String()
}

func hostile() []attack {
	const room = 60_000
	send := func(query string, variables any) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.Encode(map[string]any{"query": query, "variables": variables})
		return b.String()
	}
	text := func(name, query string) attack {
		return attack{name, false, func() string { return send(query, nil) }}
	}
	fine := func(name, query string) attack {
		return attack{name, true, func() string { return send(query, nil) }}
	}
	with := func(name, query string, variables map[string]any) attack {
		return attack{name, false, func() string { return send(query, variables) }}
	}
	raw := func(name, body string) attack { return attack{name, false, func() string { return body }} }
	nest := func(open, middle, end string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	many := func(n int) []any { return make([]any, n) }
	objects := func(n int) []any {
		l := many(n)
		for i := range l {
			l[i] = map[string]any{}
		}
		return l
	}
	wide := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("k", i)] = i
		}
		return m
	}
	start := `mutation($i: StartConnectionInput!) { startConnection(input: $i) { created } }`
	conn := func(below string) string { return `{ connection(id: "con_x") { ` + below + ` } }` }
	// pairs doubles its fields with each level: as many comparisons as 4^depth for who compares in pairs.
	var pairs func(depth int) string
	pairs = func(depth int) string {
		if depth == 0 {
			return "id"
		}
		below := pairs(depth - 1)
		return "application { connections { nodes { " + below + " } } } application { connections { nodes { " + below + " } } }"
	}
	return []attack{
		// Overlapping fields.
		fine("OverlapOneName", conn(strings.Repeat("id ", 2_900))),
		text("OverlapTooManyOfOneName", conn(strings.Repeat("id ", 14_000))),
		text("OverlapObjects", conn(times64("application { id } ", room))),
		fine("OverlapSomeObjects", conn(strings.Repeat("application { id } ", 700))),
		text("OverlapPairs", conn(pairs(3))),
		text("OverlapPairsDeep", conn(pairs(8))),
		text("OverlapArguments", conn(numbered("checks(first: N) { totalCount } ", 1_200))),
		text("OverlapArgumentsLists", conn(numbered(`x: application { connections(filter: { state: [`+strings.Repeat("VERIFYING ", 200)+`] }) { totalCount } } `, 12))),
		fine("OverlapInlineFragments", conn(nest("... { id ", "id", "}", 38))+" # "),
		text("OverlapInlineFragmentsDeep", conn(nest("... { id ", "id", "}", 900))),
		fine("OverlapInlineFragmentsWide", conn(strings.Repeat("... { id hostname } ", 700))),
		fine("OverlapFragments", conn(numbered("...fN ", 100))+numbered(" fragment fN on Connection { id hostname state application { id name } }", 100)),
		fine("OverlapSomeFragments", conn(numbered("...fN ", 40))+numbered(" fragment fN on Connection { id hostname state application { id name } }", 40)),
		text("OverlapFragmentsBothWays", conn(numbered("application { ...fN } ", 99))+numbered(" fragment fN on Application { connections { nodes { application { id } } } }", 99)),
		text("OverlapConflicts", conn(numbered("x: id x: hostname ", 20))),
		text("OverlapConflictsMany", conn(strings.Repeat("id: hostname hostname: id ", 400))),
		text("OverlapInterface", `{ node(id: "x") { `+strings.Repeat("... on Connection { application { id } } ... on Application { connections { nodes { id } } } ", 300)+`} }`),
		fine("OverlapInterfacePyramid", `{ node(id: "x") { `+nest("... on Connection { id ... on Node { id ", "id", "} }", 15)+`} }`),
		fine("OverlapJSONLiterals", conn(strings.Repeat(`application { connections(filter: { label: "`+strings.Repeat("x", 400)+`" }) { totalCount } } `, 100))),
		text("RepeatedInEachRow", `{ connections(organizationId: "o", first: 100) { nodes { `+strings.Repeat("id ", 2_900)+`} } }`),
		fine("RepeatedInSomeRows", `{ connections(organizationId: "o", first: 60) { nodes { `+strings.Repeat("id ", 2_900)+`} } }`),
		text("OverlapRootNames", "{ "+strings.Repeat("rateLimit { cost } ", 2_900)+"}"),
		// Fragments.
		text("CycleOfOne", conn("...f")+" fragment f on Connection { ...f }"),
		text("CycleOfTwo", conn("...f")+" fragment f on Connection { application { ...g } } fragment g on Application { connections { nodes { ...f } } }"),
		text("CycleOfHundred", conn("...f0")+numbered(" fragment fN on Connection { id ...fM }", 99)+" fragment f99 on Connection { ...f0 }"),
		text("CycleWithAllOthers", conn("...f0")+numbered(" fragment fN on Connection { "+numbered("...fN ", 40)+"}", 40)),
		text("CycleUnused", conn("id")+" fragment f on Connection { ...f }"),
		text("Doubling40", conn("...f0")+numbered(" fragment fN on Connection { ...fM ...fM }", 40)+" fragment f40 on Connection { id }"),
		text("Doubling40Objects", conn("...f0")+numbered(" fragment fN on Connection { a: application { connections { nodes { ...fM } } } b: application { connections { nodes { ...fM } } } }", 40)+" fragment f40 on Connection { id }"),
		text("DoublingAliases", conn("...f0")+numbered(" fragment fN on Connection { ...fM ...fM }", 10)+" fragment f10 on Connection { x: id }"),
		text("ChainOfFragments", conn("...f0")+numbered(" fragment fN on Connection { ...fM }", 1_200)+" fragment f1200 on Connection { id }"),
		text("FragmentsUnused", conn("id")+numbered(" fragment fN on Connection { id }", 1_500)),
		text("FragmentsReachEachOther", conn("...f0")+numbered(" fragment fN on Connection { "+strings.Repeat("id ", 27)+" ...fM }", 98)+" fragment f98 on Connection { id }"),
		text("FragmentsOfUnknownType", conn("id")+numbered(" fragment fN on Conection { id }", 99)),
		text("FragmentsOfOneName", conn("...f")+strings.Repeat(" fragment f on Connection { id }", 1_500)),
		text("SpreadsOfNothing", conn(strings.Repeat("...f ", 2_900))),
		text("SpreadsOfOne", conn(strings.Repeat("...f ", 2_900))+" fragment f on Connection { id application { id name } }"),
		// Nesting.
		text("Braces", strings.Repeat("{", room)),
		text("BracesAfterName", "{ a"+strings.Repeat("{a", room/2)),
		text("Brackets", "{ connection(id: "+strings.Repeat("[", room)),
		text("ListsInLists", `{ connection(id: `+nest("[", "1", "]", 900)+`) { id } }`),
		text("ObjectsInObjects", `{ connection(id: `+nest("{a:", "1", "}", 900)+`) { id } }`),
		text("TypesInTypes", `query($i: `+nest("[", "ID", "]", 900)+`) { connection(id: $i) { id } }`),
		text("Deep", conn(nest("application { connections { nodes { ", "id", "} } }", 300))),
		text("DeepThroughFragments", conn("...f0")+numbered(" fragment fN on Connection { application { connections { nodes { ...fM } } } }", 5)+" fragment f5 on Connection { id }"),
		// Width.
		text("Aliases", conn(numbered("aN: id ", 2_000))),
		text("Roots", "{ "+numbered("aN: health { name } ", 1_200)+"}"),
		text("Operations", numbered("query qN { health { name } } ", 1_500)),
		text("OperationsOfOneName", strings.Repeat("query q { health { name } } ", 1_500)),
		text("OperationsWithFragment", numbered("query qN { ...f } ", 10)+" fragment f on Query { "+strings.Repeat("health { name } ", 1_300)+"}"),
		text("Dear", "{ "+numbered(`aN: domainCheck(hostname: "x", applicationId: "y") { hostname } `, 6)+"}"),
		text("Pages", `{ connections(organizationId: "o", first: 100) { nodes { checks(first: 100) { nodes { observations { id } } } } } }`),
		text("Mutations", "mutation { "+numbered(`aN: checkConnection(id: "x") { connection { id } } `, 900)+"}"),
		// Mistakes.
		text("UnknownFields", conn(numbered("aN ", 2_900))),
		text("UnknownFieldsNearly", conn(numbered("hostnamN ", 2_900))),
		text("UnknownFieldsTwenty", conn(numbered("hostnam"+strings.Repeat("e", 80)+"N ", 20))),
		text("UnknownArguments", conn("id("+numbered("aN: 1 ", 1_400)+")")),
		text("UnknownDirectives", conn("id "+numbered("@aN ", 4_000))),
		text("UnknownVariables", conn(numbered("checks(first: $vN) { totalCount } ", 700))),
		text("UnknownInput", "mutation { startConnection(input: {"+numbered("fN: 1 ", 1_400)+"}) { created } }"),
		text("NoSelection", "{ "+strings.Repeat("rateLimit ", 2_900)+"}"),
		text("SelectionOnScalar", conn(strings.Repeat("id { a } ", 1_400))),
		text("RequiredArguments", "{ "+strings.Repeat("domainCheck { hostname } ", 1_400)+"}"),
		text("WrongValues", "mutation { startConnection(input: ["+strings.Repeat(`"x" `, 2_900)+"]) { created } }"),
		text("WrongValuesInFragments", conn(numbered("...fN ", 99))+numbered(` fragment fN on Connection { checks(first: "`+strings.Repeat("<", 250)+`") { totalCount } }`, 99)),
		text("WrongEnums", `{ connections(organizationId: "o", filter: { state: [`+numbered("VERIFYIN_N ", 2_000)+`] }) { totalCount } }`),
		text("DuplicateArguments", "{ connection("+strings.Repeat(`id: "x" `, 1_400)+") { id } }"),
		text("DuplicateInputFields", "mutation { startConnection(input: {"+strings.Repeat(`hostname: "x" `, 1_400)+"}) { created } }"),
		text("DuplicateVariables", "query("+strings.Repeat("$a: ID ", 2_000)+") { connection(id: $a) { id } }"),
		text("Directives", conn("id "+strings.Repeat("@include(if: true) ", 2_000))),
		text("DirectivesEverywhere", conn(strings.Repeat("id @include(if: true) @skip(if: false) ", 1_000))),
		text("DirectivesOnOperation", "query "+strings.Repeat("@a ", 7_000)+"{ health { name } }"),
		text("ImpossibleSpreads", conn(strings.Repeat("... on Application { id } ", 1_400))),
		// Texts.
		text("LongName", "{ "+strings.Repeat("a", room)+" }"),
		text("LongOperationName", "query "+strings.Repeat("q", room-4_000)+" { connection(id: $a) { "+strings.Repeat("id ", 900)+"} }"),
		text("LongVariableName", "query($"+strings.Repeat("v", room)+": ID) { health { name } }"),
		text("LongString", `{ connection(id: { a: "`+strings.Repeat("x", room)+`" }) { id } }`),
		text("LongNumber", `{ connections(organizationId: "o", first: `+strings.Repeat("9", room)+`) { totalCount } }`),
		text("LongNumberInFragments", conn(numbered("...fN ", 60))+numbered(" fragment fN on Connection { ...g }", 60)+" fragment g on Connection { checks(first: "+strings.Repeat("9", 40_000)+") { totalCount } }"),
		text("BlockString", `{ connection(id: """`+strings.Repeat("\n ", 20_000)+`""", x: 1) { id } }`),
		text("BlockStringsEmpty", `{ connection(id: [`+strings.Repeat(`""""""`, 4_000)+`]) { id } }`),
		text("BlockStringOpen", `{ connection(id: """`+strings.Repeat(`"" `, 10_000)),
		text("StringOpen", `{ connection(id: "`+strings.Repeat("x", room)),
		text("UnicodeEscapes", `{ connection(id: "`+strings.Repeat(`\u0041`, 7_000)+`", x: 1) { id } }`),
		text("UnicodeNul", `{ connection(id: "\u0000") { id } }`),
		text("UnicodeNulInBraces", `{ connection(id: "\u{0}") { id } }`),
		text("Comments", "{ health { name } }"+strings.Repeat("#\n", 20_000)),
		text("OneComment", "{ #"+strings.Repeat("x", room)),
		text("Commas", strings.Repeat(",", room)),
		text("Spreads", strings.Repeat("...", room/3)),
		text("Nothing", ""),
		text("Description", strings.Repeat(`"""x"""`, 4_000)+"{ health { name } }"),
		// Variables.
		with("VariableList", `query($i: [ID!]!) { nodes(ids: $i) { id } }`, map[string]any{"i": many(12_000)}),
		with("VariableListOfObjects", start, map[string]any{"i": map[string]any{"applicationId": "x", "hostname": "y", "labels": objects(15_000)}}),
		with("VariableObjectForList", start, map[string]any{"i": objects(15_000)}),
		with("VariableWide", start, map[string]any{"i": wide(4_500)}),
		{"VariableUnknown", true, func() string { return send("{ health { name } }", wide(4_990)) }},
		with("VariableLongKey", start, map[string]any{"i": map[string]any{strings.Repeat("k", room): 1}}),
		with("VariableLongEnum", `query($s: ConnectionState!) { connections(organizationId: "o", filter: { state: [$s] }) { totalCount } }`, map[string]any{"s": strings.Repeat("<", 9_000)}),
		with("VariableLongNumber", `query($n: Int!) { connections(organizationId: "o", first: $n) { totalCount } }`, map[string]any{"n": json.Number(strings.Repeat("9", room))}),
		raw("VariableDeep", `{"query":"query($i: StartConnectionInput!) { health { name } }","variables":`+nest(`{"a":`, "1", "}", 9_000)+`}`),
		raw("VariableDeepLists", `{"query":"{ health { name } }","variables":{"a":`+nest("[", "", "]", 9_900)+`}}`),
		raw("VariableTooDeep", `{"query":"{ health { name } }","variables":{"a":`+nest("[", "", "]", 30_000)+`}}`),
		raw("ExtensionsDeep", `{"query":"{ nothing }","extensions":{"a":`+nest("[", "", "]", 9_900)+`}}`),
		text("VariableDefinitions", "query("+numbered("$vN: ID ", 4_000)+") { health { name } }"),
		text("VariableDefaults", "query($i: [ID!] = ["+strings.Repeat(`"x" `, 8_000)+"]) { nodes(ids: $i) { id } }"),
		text("VariableDefaultDeep", "query($i: JSON = "+nest("{a:", "1", "}", 900)+") { health { name } }"),
		text("VariableEverywhere", "query("+numbered("$vN: Int ", 50)+") { connection(id: \"x\") { "+strings.Repeat("checks(first: $v49) { totalCount } ", 700)+"} }"),
		// The schema.
		text("SchemaFieldsOfFields", "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"),
		text("SchemaFieldsTwice", "{ __schema { types { fields { args { type { fields { args { type { enumValues { name description } } } } } } } } } }"),
		text("SchemaAliases", "{ __schema { "+numbered("aN: types { fields { name type { name fields { name description } } } } ", 50)+"} }"),
		text("SchemaOfType", `{ __type(name: "Query") { `+nest("ofType { ", "name", "} ", 200)+`} }`),
		text("SchemaInterfaces", `{ __type(name: "Node") { `+nest("possibleTypes { interfaces { ", "name", "} } ", 4)+`} }`),
		fine("SchemaManyTypes", "{ "+numbered(`aN: __type(name: "Connection") { fields { type { fields { args { type { name } } } } } } `, 10)+"}"),
		text("SchemaThroughFragments", "{ __schema { types { ...f0 } } }"+numbered(" fragment fN on __Type { a: ofType { ...fM } b: ofType { ...fM } }", 20)+" fragment f20 on __Type { name }"),
	}
}
