package resolvers_test

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// pageOfConnections is what the console's list and the detail below it read: twenty connections with ten records each, and what was observed of them.
const pageOfConnections = `query($o: ID!) { connections(organizationId: $o, first: 20) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node {
	id version hostname unicodeName state stateReason stateSince labels progress { headline } provider { id name } application { id name }
	records { id key type purpose requirement name fqdn value ttl status statusSince display { name value ttl } servers { have of } observed { server values ttl rcode at } finding { code severity } }
	lastCheck { id verdict startedAt finishedAt observations { id source family type name values rcode authoritative elapsedUs } }
	certificate { id status names issuer serial notBefore notAfter } } } } }`

// page is a world with a page of connections in it, each with ten records.
func page(t testing.TB) *twice {
	s := startTwice(t)
	for n := range 20 {
		s.World.right.Store(n%2 == 0)
		s.certify(t, s.connect(t, "shop"+string(rune('a'+n))+".acme.lab"))
	}
	if _, err := s.DB.Exec(t.Context(), `insert into record (id, org_id, connection_id, key, type, name, fqdn, value, ttl, purpose, requirement, position, status, status_since, servers_have, servers_of, observed, finding)
		select gen_random_uuid(), org_id, connection_id, key || n, type, name, fqdn, value, ttl, purpose, requirement, n, status, status_since, servers_have, servers_of, observed, finding
		from record r, generate_series(1, 9) n where key = (select min(key) from record k where k.connection_id = r.connection_id)`); err != nil {
		t.Fatal(err)
	}
	if o := s.compare(t, "owner", pageOfConnections, vars{"o": s.Org.String()}); len(o.errors) > 0 || strings.Count(o.data, `"key":`) < 200 {
		t.Fatalf("%d records, errors %v", strings.Count(o.data, `"key":`), o.errors)
	}
	return s
}

// read executes the page, without HTTP around it.
func (s *twice) read(t testing.TB, e *executor.Executor) []byte {
	ctx := graphql.StartOperationTrace(authz.With(t.Context(), s.caller("owner")))
	op, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: pageOfConnections, Variables: vars{"o": s.Org.String()}})
	if errs != nil {
		t.Fatal(errs)
	}
	next, ctx := e.DispatchOperation(ctx, op)
	r := next(ctx)
	if len(r.Errors) > 0 {
		t.Fatal(r.Errors)
	}
	return r.Data
}

func BenchmarkPage(b *testing.B) {
	s := page(b)
	for _, c := range []struct {
		name string
		by   *executor.Executor
	}{{"Plan", s.plan}, {"Gqlgen", s.gqlgen}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(int64(len(s.read(b, c.by))))
			}
		})
	}
}

// What a page costs is counted, not timed: a plan allocates a fraction of what gqlgen does, and starts no goroutine.
func TestPlan_APageIsLittleWork(t *testing.T) {
	s := page(t)
	count := func(e *executor.Executor) (allocations float64) {
		return testing.AllocsPerRun(5, func() { s.read(t, e) })
	}
	planned, plain := count(s.plan), count(s.gqlgen)
	t.Logf("allocations: plan %.0f, gqlgen %.0f", planned, plain)
	if planned > plain/3 {
		t.Errorf("a page costs %.0f allocations, %.0f with gqlgen", planned, plain)
	}
}
