package plan_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const schema = `
directive @access on FIELD_DEFINITION
interface Node { id: ID! }
type Person implements Node { id: ID! name: String friend: Person friends: [Person!] maybe: [Person]! must: Person! secret: String @access wrong: String! panics: Int! none: Person! }
type Pet implements Node { id: ID! name: String owner: Person! }
type Query { person(id: ID = "1"): Person any(id: ID!): Node all: [Node!]! }
type Subscription { person(id: ID!): Person! }
`

type person struct {
	id, name string
	friends  []*person
}

type pet struct {
	id    string
	owner *person
}

// never is the schema's other execution: what comes here had no plan.
type never struct{ schema *ast.Schema }

func (s never) Schema() *ast.Schema { return s.schema }
func (never) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}
func (never) Exec(context.Context) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Data: []byte(`"gqlgen"`)})
}

var (
	ann = &person{id: "1", name: "Ann"}
	bob = &person{id: "2", name: "Bob \"B\"\t<é>\x01"}
)

func init() { ann.friends = []*person{bob, ann}; bob.friends = []*person{nil} }

func writePerson(r *plan.Run, fc *plan.Call, p *person) bool { return p != nil && r.Object(fc, p) }

func mustPerson(r *plan.Run, fc *plan.Call, p *person) bool {
	if p == nil {
		return r.Missing()
	}
	return r.Object(fc, p)
}

func writeNode(r *plan.Run, fc *plan.Call, v any) bool {
	switch v := v.(type) {
	case *person:
		return v != nil && r.As("Person", fc, v)
	case *pet:
		return r.As("Pet", fc, v)
	}
	return r.Unknown(v)
}

func of(write func(r *plan.Run, fc *plan.Call, p *person) bool) plan.Field {
	return plan.Field{Write: func(r *plan.Run, fc *plan.Call, v any) bool { return write(r, fc, v.(*person)) }}
}

func byID(_ context.Context, raw map[string]any) (map[string]any, error) {
	if raw["id"] == "bad" {
		return nil, errors.New("a bad id")
	}
	return raw, nil
}

func table(calls *int) plan.Table {
	people := map[any]*person{"1": ann, "2": bob}
	return plan.Table{
		"Person": {
			"id":      of(func(r *plan.Run, _ *plan.Call, p *person) bool { return r.String(p.id) }),
			"name":    of(func(r *plan.Run, _ *plan.Call, p *person) bool { return r.String(p.name) }),
			"friend":  of(func(r *plan.Run, fc *plan.Call, p *person) bool { return writePerson(r, fc, p.friends[0]) }),
			"friends": of(func(r *plan.Run, fc *plan.Call, p *person) bool { return plan.List(r, fc, p.friends, mustPerson, true) }),
			"maybe": of(func(r *plan.Run, fc *plan.Call, p *person) bool {
				return plan.List(r, fc, p.friends, writePerson, false)
			}),
			"must":   of(func(r *plan.Run, fc *plan.Call, p *person) bool { return mustPerson(r, fc, p.friends[0]) }),
			"none":   of(func(r *plan.Run, fc *plan.Call, p *person) bool { return mustPerson(r, fc, nil) }),
			"secret": of(func(r *plan.Run, _ *plan.Call, p *person) bool { *calls++; return r.String("hush") }),
			"wrong":  of(func(r *plan.Run, _ *plan.Call, p *person) bool { return r.Fail(errors.New("wrong")) }),
			"panics": of(func(*plan.Run, *plan.Call, *person) bool { panic("oh") }),
		},
		"Pet": {
			"id":    {Write: func(r *plan.Run, _ *plan.Call, v any) bool { return r.String(v.(*pet).id) }},
			"name":  {Write: func(*plan.Run, *plan.Call, any) bool { return false }},
			"owner": {Write: func(r *plan.Run, fc *plan.Call, v any) bool { return mustPerson(r, fc, v.(*pet).owner) }},
		},
		"Query": {
			"person": {Args: byID, Write: func(r *plan.Run, fc *plan.Call, _ any) bool { return writePerson(r, fc, people[fc.Args["id"]]) }},
			"any": {Args: byID, Write: func(r *plan.Run, fc *plan.Call, _ any) bool {
				if fc.Args["id"] == "3" {
					return writeNode(r, fc, &pet{id: "3", owner: ann})
				}
				return writeNode(r, fc, people[fc.Args["id"]])
			}},
			"all": {Write: func(r *plan.Run, fc *plan.Call, _ any) bool {
				return plan.List(r, fc, []any{ann, &pet{id: "3"}}, writeNode, true)
			}},
		},
		"Subscription": {"person": {
			Args: byID,
			Open: func(ctx context.Context, fc *plan.Call) error {
				if people[fc.Args["id"]] == nil {
					return errors.New("nobody")
				}
				live.Offer(ctx, live.Feed[*person]{Subjects: []string{"p"}})
				return nil
			},
			Write: of(mustPerson).Write,
		}},
	}
}

func load(t *testing.T) (*plan.Executable, *executor.Executor, *int) {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Input: schema})
	if err != nil {
		t.Fatal(err)
	}
	calls := new(int)
	schema := plan.New(never{s}, table(calls))
	schema.May = func(_ context.Context, f *ast.FieldDefinition) error { return fmt.Errorf("%s is not for you", f.Name) }
	schema.Recover = func(_ context.Context, p any) error { return fmt.Errorf("panic: %v", p) }
	e := executor.New(schema)
	e.SetQueryCache(lru.New[*ast.QueryDocument](10))
	e.SetRecoverFunc(schema.Recover)
	return schema, e, calls
}

func ask(t *testing.T, ctx context.Context, e *executor.Executor, text string, v map[string]any) string {
	t.Helper()
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: text, Variables: v})
	if errs != nil {
		t.Fatalf("%s: %v", text, errs)
	}
	next, ctx := e.DispatchOperation(ctx, op)
	r := next(ctx)
	if r == nil {
		return ""
	}
	return said(r)
}

func said(r *graphql.Response) string {
	out := string(r.Data)
	for _, e := range r.Errors {
		out += fmt.Sprintf(" | %s at %s", e.Message, e.Path)
	}
	return out
}

func TestExec(t *testing.T) {
	t.Parallel()
	_, e, calls := load(t)
	for name, c := range map[string]struct {
		text string
		v    map[string]any
		want string
	}{
		"Order":             {`{ person { name id again: name } }`, nil, `{"person":{"name":"Ann","id":"1","again":"Ann"}}`},
		"Escapes":           {`{ person(id: "2") { name } }`, nil, `{"person":{"name":"Bob \"B\"\t<é>\u0001"}}`},
		"Typename":          {`{ __typename any(id: "3") { __typename } }`, nil, `{"__typename":"Query","any":{"__typename":"Pet"}}`},
		"Merged":            {`{ person { friend { id } name } person { friend { name } } }`, nil, `{"person":{"friend":{"id":"2","name":"Bob \"B\"\t<é>\u0001"},"name":"Ann"}}`},
		"MergedInFragments": {`{ person { ...A friend { id } } } fragment A on Person { friend { ...B } ...B } fragment B on Person { id }`, nil, `{"person":{"friend":{"id":"2"},"id":"1"}}`},
		"Conditions":        {`{ any(id: "3") { ... on Person { name } ... on Pet { id owner { id } } ... on Node { again: id } ... { x: __typename } } }`, nil, `{"any":{"id":"3","owner":{"id":"1"},"again":"3","x":"Pet"}}`},
		"Skip":              {`query($y: Boolean!) { person { id @skip(if: $y) name @include(if: $y) ...F @include(if: false) } } fragment F on Person { friend { id } }`, map[string]any{"y": true}, `{"person":{"name":"Ann"}}`},
		"SkipOther":         {`query($y: Boolean!) { person { id @skip(if: $y) name @include(if: $y) ...F @include(if: false) } } fragment F on Person { friend { id } }`, map[string]any{"y": false}, `{"person":{"id":"1"}}`},
		"SkipBoth":          {`{ person { id @skip(if: false) @include(if: false) name @skip(if: true) @include(if: true) } }`, nil, `{"person":{}}`},
		"SkipOneOfTwo":      {`query($y: Boolean!) { person { id @skip(if: $y) name id } }`, map[string]any{"y": true}, `{"person":{"name":"Ann","id":"1"}}`},
		"SpreadOnceOrSkip":  {`query($y: Boolean!) { person { ...F @skip(if: $y) name ...F } } fragment F on Person { id }`, map[string]any{"y": true}, `{"person":{"name":"Ann","id":"1"}}`},
		"Default":           {`query($i: ID = "2") { person(id: $i) { id } }`, nil, `{"person":{"id":"2"}}`},
		"NullObject":        {`{ person(id: "4") { id } any(id: "4") { id } }`, nil, `{"person":null,"any":null}`},
		"NullElement":       {`{ person(id: "2") { maybe { id } } }`, nil, `{"person":{"maybe":[null]}}`},
		"NullInList":        {`{ person(id: "2") { id friends { id } } }`, nil, `{"person":{"id":"2","friends":null}} | the requested element is null which the schema does not allow at person.friends[0]`},
		"NullGoesUp":        {`{ person { friend { none { id } } id } }`, nil, `{"person":{"friend":null,"id":"1"}} | the requested element is null which the schema does not allow at person.friend.none`},
		"NullToTheRoot":     {`{ all { ... on Pet { owner { id } } } }`, nil, `null | the requested element is null which the schema does not allow at all[1].owner`},
		"ErrorsOfAll":       {`{ person { friends { wrong x: wrong } } }`, nil, `{"person":{"friends":null}} | wrong at person.friends[0].wrong | wrong at person.friends[0].x | wrong at person.friends[1].wrong | wrong at person.friends[1].x`},
		"Panic":             {`{ person { friend { panics id } name } }`, nil, `{"person":{"friend":null,"name":"Ann"}} | panic: oh at person.friend.panics`},
		"Argument":          {`{ person(id: "bad") { id } other: person { id } }`, nil, `{"person":null,"other":{"id":"1"}} | a bad id at person`},
		"Refused":           {`{ person { secret friends { secret } } }`, nil, `{"person":{"secret":null,"friends":[{"secret":null},{"secret":null}]}} | secret is not for you at person.secret | secret is not for you at person.friends[0].secret | secret is not for you at person.friends[1].secret`},
		"Introspection":     {`{ person { id } ...S } fragment S on Query { __schema { types { name } } }`, nil, `"gqlgen"`},
	} {
		for range 2 { // the second run finds the plan
			got := strings.ReplaceAll(ask(t, t.Context(), e, c.text, c.v), "input: ", "")
			if got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", name, got, c.want)
			}
		}
	}
	if *calls != 0 {
		t.Error("a refused field was read")
	}
}

// A caller who is gone costs nothing more.
func TestExec_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, e, _ := load(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := graphql.StartOperationTrace(ctx)
	op, errs := e.CreateOperationContext(s, &graphql.RawParams{Query: `{ all { id } }`})
	if errs != nil {
		t.Fatal(errs)
	}
	e.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response { cancel(); return next(ctx) })
	next, ctx := e.DispatchOperation(s, op)
	if got := said(next(ctx)); !strings.HasPrefix(got, "null |") || !strings.Contains(got, "context canceled at all[0]") || strings.Count(got, "|") != 1 {
		t.Error(got)
	}
}

// Fragments in fragments name more fields than anybody can keep: such a document has no plan, and finding that out is little work.
func TestCompile_IsBounded(t *testing.T) {
	t.Parallel()
	_, e, _ := load(t)
	text := `{ person { ...F0 } }`
	for n := range 30 {
		text += fmt.Sprintf(" fragment F%d on Person { a%d: friend { ...F%d } b%d: friend { ...F%d } }", n, n, n+1, n, n+1)
	}
	text += " fragment F30 on Person { id }"
	if got := ask(t, t.Context(), e, text, nil); got != `"gqlgen"` {
		t.Error(got)
	}
	var many []string
	v, params := map[string]any{}, ""
	for n := range 20 {
		many = append(many, fmt.Sprintf("a%d: name @skip(if: $v%d)", n, n))
		v[fmt.Sprintf("v%d", n)], params = true, params+fmt.Sprintf(" $v%d: Boolean!", n)
	}
	if got := ask(t, t.Context(), e, "query("+params+") { person { "+strings.Join(many, " ")+" } }", v); got != `"gqlgen"` {
		t.Error(got)
	}
}

// A subscription without a plan is refused and never opened: nothing else serves it. So is one that nobody serves.
func TestSubscription_WithoutAPlanIsRefused(t *testing.T) {
	t.Parallel()
	_, e, _ := load(t)
	nested := `subscription { person(id: "1") { ...F0 } }`
	for n := range 30 {
		nested += fmt.Sprintf(" fragment F%d on Person { a%d: friend { ...F%d } b%d: friend { ...F%d } }", n, n, n+1, n, n+1)
	}
	for name, text := range map[string]string{
		"TooManyFields": nested + " fragment F30 on Person { id }",
		"Switches":      `subscription($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $e: Boolean!, $f: Boolean!, $g: Boolean!) { person(id: "1") { id @skip(if: $a) b: id @skip(if: $b) c: id @skip(if: $c) d: id @skip(if: $d) e: id @skip(if: $e) f: id @skip(if: $f) g: id @skip(if: $g) } }`,
		"Null":          `subscription($a: Boolean = true) { person(id: "1") { id name @skip(if: $a) } }`,
		"Nothing":       `subscription($h: Boolean!) { person(id: "1") @skip(if: $h) { id } }`,
	} {
		v := map[string]any{"a": nil}
		if name != "Null" {
			v = map[string]any{"a": true, "b": true, "c": true, "d": true, "e": true, "f": true, "g": true, "h": true}
		}
		ctx := plan.WithTaker(t.Context(), func(plan.Subscription) { t.Errorf("%s was taken", name) })
		if got := ask(t, ctx, e, text, v); !strings.HasPrefix(got, " | ") || !strings.Contains(got, "A subscription may select 2000 fields") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := ask(t, t.Context(), e, `subscription { person(id: "1") { id } }`, nil); !strings.Contains(got, "nobody serves subscriptions here") {
		t.Error(got)
	}
}

// A plan goes with its document.
func TestCompile_PlansGoWithTheirDocuments(t *testing.T) {
	schema, e, _ := load(t)
	parse := func() weak.Pointer[ast.OperationDefinition] {
		doc := gqlparser.MustLoadQuery(schema.Schema(), `{ person { id name } }`)
		schema.Compile(doc)
		return weak.Make(doc.Operations[0])
	}
	gone := make(chan struct{})
	op := parse()
	runtime.AddCleanup(op.Value(), func(int) { close(gone) }, 0)
	for range 10 {
		runtime.GC()
		if op.Value() == nil {
			break
		}
	}
	if op.Value() != nil {
		t.Fatal("the plan keeps its operation")
	}
	<-gone
	if got := ask(t, t.Context(), e, `{ person { id } }`, nil); got != `{"person":{"id":"1"}}` {
		t.Error(got)
	}
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	schema, e, _ := load(t)
	around := 0
	schema.Around = func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response { around++; return next(ctx) }
	take := func(text string, v map[string]any) plan.Subscription {
		t.Helper()
		var taken []plan.Subscription
		if got := ask(t, plan.WithTaker(t.Context(), func(s plan.Subscription) { taken = append(taken, s) }), e, text, v); got != "" || len(taken) != 1 {
			t.Fatalf("%d taken, and answered %s", len(taken), got)
		}
		return taken[0]
	}
	const text = `subscription($i: ID!) { who: person(id: $i) { id none { id } ...F } } fragment F on Person { name }`
	one := take(`subscription($i: ID!) { who: person(id: $i) { id friend { id } } }`, map[string]any{"i": "1"})
	feed, render, refused := one.Open(t.Context())
	if refused != nil || !slices.Equal(feed.Subjects, []string{"p"}) {
		t.Fatalf("opened %v, %v", feed, refused)
	}
	for range 2 {
		if got := said(render(t.Context(), ann)); got != `{"who":{"id":"1","friend":{"id":"2"}}}` {
			t.Error(got)
		}
	}
	if around != 2 {
		t.Errorf("%d responses were around", around)
	}
	_, render, _ = take(text, map[string]any{"i": "1"}).Open(t.Context())
	if got := said(render(t.Context(), ann)); got != `null | the requested element is null which the schema does not allow at who.none` {
		t.Error(got)
	}
	if _, render, refused = take(text, map[string]any{"i": "9"}).Open(t.Context()); render != nil || !strings.HasSuffix(said(refused), "nobody at who") {
		t.Error(said(refused))
	}
	if _, _, refused = take(text, map[string]any{"i": "bad"}).Open(t.Context()); !strings.HasSuffix(said(refused), "a bad id at who") {
		t.Error(said(refused))
	}
	a, b, c := take(text, map[string]any{"i": "1"}), take(text, map[string]any{"i": "1"}), take(text, map[string]any{"i": "2"})
	if a.Key != b.Key || a.Key == c.Key || a.Key == one.Key {
		t.Error("keys tell subscriptions apart, and only those")
	}
}
