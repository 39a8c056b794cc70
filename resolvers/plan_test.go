package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// twice executes documents by plan and by gqlgen, under the presenter, the access rules and the loaders of the server. What the server refuses before
// execution (free text, prices) is not in the way.
type twice struct {
	*server
	plan, gqlgen *executor.Executor
	ids          map[string][]string // of real objects, by prefix
	sink         string              // where webhooks may be sent
	moves        int
}

func startTwice(t testing.TB) *twice {
	s := start(t)
	return &twice{server: s, plan: s.executor(s.Planned), gqlgen: s.executor(gql.NewExecutableSchema(gql.Config{Resolvers: channelled{s.Root}})), ids: map[string][]string{}}
}

func (s *server) executor(schema graphql.ExecutableSchema) *executor.Executor {
	e := executor.New(schema)
	e.SetQueryCache(lru.New[*ast.QueryDocument](100))
	e.SetErrorPresenter(s.Planned.Present)
	e.SetRecoverFunc(s.Planned.Recover)
	e.AroundResponses(s.Planned.Around)
	e.AroundFields(func(ctx context.Context, next graphql.Resolver) (any, error) {
		if f := graphql.GetFieldContext(ctx).Field.Definition; f != nil && f.Directives != nil {
			if err := s.Planned.May(ctx, f); err != nil {
				return nil, err
			}
		}
		return next(ctx)
	})
	return e
}

// outcome is what must be the same: the bytes of the data, and the errors in any order.
type outcome struct {
	data   string
	errors []string
}

func (o outcome) same(other outcome) bool {
	if len(o.errors) >= 20 && len(other.errors) >= 20 { // the server tells the first 20, and gqlgen's order is chance
		return o.data == other.data
	}
	return o.data == other.data && slices.Equal(o.errors, other.errors)
}

var (
	reference = regexp.MustCompile(`reference [A-Z0-9]{12}`)
	clock     = regexp.MustCompile(`"AA[A-Za-z0-9_-]{9}"`) // the cursor of deliveries is the time of reading
)

func (s *server) run(t testing.TB, e *executor.Executor, who, text string, v vars) outcome {
	t.Helper()
	ctx := graphql.StartOperationTrace(authz.With(t.Context(), s.caller(who)))
	op, errs := e.CreateOperationContext(ctx, &graphql.RawParams{Query: text, Variables: maps.Clone(v), Headers: http.Header{"Accept": {"text/event-stream"}}})
	resp := &graphql.Response{Errors: errs}
	if errs == nil {
		next, ctx := e.DispatchOperation(ctx, op)
		if resp = next(ctx); resp == nil {
			resp = &graphql.Response{} // a stream that ended
		}
	}
	if resp.Data != nil && !json.Valid(resp.Data) {
		t.Errorf("%s\nis answered with broken JSON: %s", text, resp.Data)
	}
	return s.outcome(t, resp)
}

func (s *server) outcome(t testing.TB, resp *graphql.Response) outcome {
	t.Helper()
	o := outcome{data: clock.ReplaceAllString(string(resp.Data), `"now"`)}
	for _, one := range resp.Errors {
		delete(one.Extensions, "ref")
		delete(one.Extensions, "retryAfter") // the time until then runs
		raw, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		o.errors = append(o.errors, reference.ReplaceAllString(string(raw), "reference"))
	}
	slices.Sort(o.errors)
	return o
}

// compare runs a query both ways. What gqlgen itself does not answer the same twice (a price, an age in seconds) is asked again.
func (s *twice) compare(t testing.TB, who, text string, v vars) outcome {
	t.Helper()
	var planned, plain outcome
	for range 4 {
		plain, planned = s.run(t, s.gqlgen, who, text, v), s.run(t, s.plan, who, text, v)
		if strings.Contains(text, "domainCheck(") { // asks the DNS again, and names what it found anew
			plain.data, planned.data = changing.ReplaceAllString(plain.data, "#"), changing.ReplaceAllString(planned.data, "#")
		}
		if planned.same(plain) {
			return planned
		}
	}
	raw, _ := json.Marshal(v)
	t.Errorf("as %q:\n%s\n%s\ngqlgen %s\n  %s\nplan   %s\n  %s", who, text, raw, plain.data, strings.Join(plain.errors, "\n  "), planned.data, strings.Join(planned.errors, "\n  "))
	return planned
}

// elsewhere moves all callers to another network: what is limited by network is not in the way of the next document.
func (s *twice) elsewhere() {
	s.moves++
	for _, name := range []string{"owner", "person", "operator", "stranger", "widget", ""} {
		p := s.caller(name)
		p.Network = fmt.Sprintf("2001:db8:%x::", s.moves)
		s.let(name, p)
	}
}

// seed makes something of everything that a query can read.
func (s *twice) seed(t testing.TB, connections int) {
	t.Helper()
	for n := range connections {
		s.World.right.Store(n%3 == 2)
		con := s.connect(t, fmt.Sprintf("shop%d.acme.lab", n))
		s.certify(t, con)
	}
	s.World.right.Store(false)
	org := s.Org.String()
	sink := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(sink.Close)
	s.sink = sink.URL
	for n := range 2 {
		hook := s.ask(t, "owner", `mutation($o: ID!, $u: String!) { createWebhookEndpoint(input: { organizationId: $o, url: $u, topics: ["connection.live"] }) { endpoint { id } } }`, vars{"o": org, "u": fmt.Sprintf("%s/%d", s.sink, n)})
		for range 2 {
			s.ask(t, "owner", `mutation($id: ID!) { sendTestWebhook(id: $id) { id } }`, vars{"id": at(t, hook, "createWebhookEndpoint", "endpoint", "id")})
		}
	}
	s.ask(t, "owner", `mutation($o: ID!) { createApplication(input: { organizationId: $o, name: "Second" }) { application { id } } }`, vars{"o": org})
	s.widget("widget", "u1")
	s.let("operator", authz.Principal{Kind: authz.OPERATOR, UserID: s.User, SessionID: ident.New[ident.SessionID](time.Now()), OrgID: s.Org, AAL: 2, AuthTime: time.Now()})
	s.learn(t)
}

// certify gives a connection two certificates.
func (s *twice) certify(t testing.TB, con string) {
	t.Helper()
	id, err := ident.Parse[ident.ConnectionID](con)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(24 * time.Hour)
	for n, status := range []string{"EXPIRED", "ISSUED"} {
		_, err = s.DB.Exec(t.Context(), `insert into certificate (id, org_id, connection_id, names, mode, ca, status, sealed_key, issuer, serial, not_before, not_after, renew_at, created_at)
			values ($1, $2, $3, array['x.acme.lab'], 'HTTP_01', 'lab', $4, 'sealed', 'Lab "CA"', '0a', $5, $6, $7, $5)`,
			ident.V7(time.Now()), s.Org.UUID(), id.UUID(), status, at.AddDate(0, n, 0), at.AddDate(0, n+3, 0), at.AddDate(0, n+2, 0))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// approvals makes two operators, and what each of them asked for.
func (s *twice) approvals(t testing.TB) (out []string) {
	t.Helper()
	now := s.DB.Now()
	for n, who := range []ident.UserID{s.User, s.Stranger} {
		if _, err := s.DB.Exec(t.Context(), "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'system:test', $2)", who.UUID(), now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		id := ident.New[ident.ApprovalID](now)
		_, err := s.DB.Exec(t.Context(), `insert into approval_request (id, action, subject, subject_label, subject_version, input, input_sha256, requester_id, requester, required, state, cooling_off, expires_at, created_at, changed_at, due_at)
			values ($1, 'account.assign_role', $2, 'Somebody', 1, '{"n": 1}', 'words', $3, $4, 1, 'PENDING', false, $5, $6, $6, $5)`,
			id.UUID(), fmt.Sprintf("usr_%d", n), who.UUID(), who.String(), now.Add(48*time.Hour), now)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, id.String())
	}
	return out
}

var anyID = regexp.MustCompile(`"([a-z]{3})_[0-9a-z]{26}"`)

// learn collects the ids of everything, and adds those of strangers, of nobody and of no kind.
func (s *twice) learn(t testing.TB) {
	t.Helper()
	p, err := s.Apps.Create(authz.With(t.Context(), s.caller("stranger")), application.CreateApplicationInput{OrganizationID: s.Other, Name: "Theirs"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Exec(t.Context(), "insert into edge_node (id, name, version, serves_dns, addresses, started_at, last_seen_at) values ($1, 'edge-1', '1', true, '{192.0.2.1}', now(), now())", ident.V7(time.Now())); err != nil {
		t.Fatal(err)
	}
	all := s.run(t, s.gqlgen, "owner", `query($o: ID!) {
		connections(organizationId: $o, first: 100) { nodes { id recipe { id } records { id } conflicts { id } certificates { id } checks { nodes { id observations { id } } } timeline { nodes { id } } } }
		applications(organizationId: $o) { nodes { id } } webhookEndpoints(organizationId: $o) { id deliveries { nodes { id } } } organization(id: $o) { id } }`, vars{"o": s.Org.String()})
	if len(all.errors) > 0 {
		t.Fatal(all.errors)
	}
	s.note(all.data)
	for range 2 {
		s.note(s.run(t, s.gqlgen, "person", `mutation($o: ID!) { createApiKey(input: { organizationId: $o, description: "ci", scopes: ["connection.read"] }) { apiKey { id } } }`, vars{"o": s.Org.String()}).data)
	}
	s.note(s.run(t, s.gqlgen, "owner", `mutation($o: ID!) { saveMonitorPolicy(input: { organizationId: $o, name: "Careful" }) { policy { id } } }`, vars{"o": s.Org.String()}).data)
	s.ids["inc"] = []string{s.incident(t, s.ids["con"][0])}
	s.ids["sso"], s.ids["usr"], s.ids["apr"] = []string{s.providers(t)}, []string{s.User.String(), s.Stranger.String()}, s.approvals(t)
	s.ids["msg"] = []string{s.failedMail(t, "ana@example.com")}
	s.ids["?"] = []string{"nonsense", p.Application.ID.String(), s.Other.String(), ident.New[ident.ConnectionID](time.Now()).String(), "pvd_plain"}
	for _, prefix := range []string{"con", "app", "org", "rcp", "chk", "rec", "cnf", "crt", "obs", "evt", "whk", "dlv", "key", "msg", "sso", "usr", "apr", "mon", "inc"} {
		if len(s.ids[prefix]) == 0 {
			t.Fatalf("nothing to read with an id of %s_", prefix)
		}
	}
}

// note keeps the ids of an answer.
func (s *twice) note(data string) {
	for _, m := range anyID.FindAllStringSubmatch(data, -1) {
		if id := strings.Trim(m[0], `"`); !slices.Contains(s.ids[m[1]], id) {
			s.ids[m[1]] = append(s.ids[m[1]], id)
		}
	}
}

// manifest reads trusted documents, in the order of their ids.
func manifest(t testing.TB, name string) (texts []string) {
	t.Helper()
	raw, err := os.ReadFile("../graph/documents/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		texts = append(texts, all[id])
	}
	return texts
}

// operations are the trusted documents of one kind.
func operations(t testing.TB, s *ast.Schema, kind ast.Operation) map[string]*ast.OperationDefinition {
	t.Helper()
	out := map[string]*ast.OperationDefinition{}
	for _, text := range append(manifest(t, "console"), manifest(t, "widget")...) {
		doc, list := gqlparser.LoadQueryWithRules(s, text, nil)
		if list != nil {
			t.Fatal(list)
		}
		if op := doc.Operations[0]; op.Operation == kind {
			out[text] = op
		}
	}
	return out
}

// Every query of the console and the widget, whoever sends it, answers what gqlgen answers.
func TestPlan_TrustedQueries(t *testing.T) {
	t.Parallel()
	s := startTwice(t)
	s.seed(t, 4)
	s.signInNow(t)
	if o := s.run(t, s.plan, "", `mutation { initiatePasswordReset(email: "acme@example.com") { accepted } }`, nil); len(o.errors) > 0 {
		t.Fatal(o.errors)
	}
	if _, err := s.DB.Exec(t.Context(), "update password_reset set token_hash = sha256('reset-token'::bytea)"); err != nil { // real ones are in nobody's database
		t.Fatal(err)
	}
	g := &generator{twice: s, random: rand.New(rand.NewPCG(7, 1))}
	for text, op := range operations(t, s.Schema, ast.Query) {
		answered, last := false, outcome{}
		s.elsewhere()
		for n, who := range []string{"person", "widget", "stranger", "", "operator", "owner"} {
			g.faithful = n < 2
			s.compare(t, who, text, g.variables(op))
		}
		for range 200 { // until the ids are those of the kind that it wants
			g.faithful = true
			who := g.pick("owner", "widget", "person")
			if forOperators(op) {
				who = "operator"
			}
			o := s.compare(t, who, text, g.variables(op))
			last = o
			if answered = len(o.errors) == 0 && len(o.data) > 20 && !strings.HasSuffix(o.data, ":null}"); answered {
				break
			}
		}
		if !answered && op.Name != "InvitePageQuery" { // answers who holds a link that was mailed
			t.Errorf("nobody got an answer (last %s %s) of %s", last.data, last.errors, text)
		}
	}
}

var changing = regexp.MustCompile(`"(oldestPending|tlsDowntime)Seconds":\d+|npk_[a-z0-9]{16}|"lastFour":"[^"]{4}"|whsec_[A-Za-z0-9+/=]+|[a-z]{3}_[0-9a-z]{26}|20\d\d-\d\d-\d\dT[0-9:.]+Z|[A-Za-z0-9_-]{24,}|127\.0\.0\.1:[0-9]+|…[A-Za-z0-9+/=]{4}`)

// peopled are the documents about other members and invitations.
var peopled = regexp.MustCompile(`^mutation (Invitation|Invite|Members|OrganizationsTableLeave|OwnInvitations|RolesDialog|DeleteDialog)`)

// unreachable are the changes that nothing which this test has can bring to success, and why; what they refuse is compared all the same.
var unreachable = map[string]string{
	"confirmEmailChange":     "wants the token of a mail",
	"undoEmailChange":        "wants the token of a mail",
	"startPhoneVerification": "wants a gateway for text messages",
	"confirmPhone":           "wants the code of a text message",
	"eraseAccount":           "ends the account of whoever tries all others",
	"opsResetMfa":            "wants somebody with a second factor",
	"opsRestoreOrganization": "wants an organization that was deleted",
	"opsDecideClaim":         "wants a name that two have proven",
	"transferClaim":          "wants a name that another application holds",
}

// Every mutation of the console and the widget: one of two equal worlds is changed by plan, the other by gqlgen.
func TestPlan_TrustedMutations(t *testing.T) {
	t.Parallel()
	var worlds [2]*twice
	var generators [2]*generator
	for n := range worlds {
		worlds[n] = startTwice(t)
		worlds[n].seed(t, 3)
		worlds[n].signInNow(t)
		generators[n] = &generator{twice: worlds[n], random: rand.New(rand.NewPCG(11, 2))}
	}
	var last []string
	try := func(who, text string, op *ast.OperationDefinition, faithful bool) (good bool) {
		var got [2]outcome
		for n, w := range worlds {
			generators[n].faithful = faithful
			e := w.plan
			if n == 1 {
				e = w.gqlgen
			}
			got[n] = w.run(t, e, who, text, generators[n].variables(op))
			got[n].data = changing.ReplaceAllString(got[n].data, "#")
			for i := range got[n].errors {
				got[n].errors[i] = changing.ReplaceAllString(got[n].errors[i], "#")
			}
		}
		if !got[0].same(got[1]) {
			t.Fatalf("as %q:\n%s\nplan   %s %s\ngqlgen %s %s", who, text, got[0].data, got[0].errors, got[1].data, got[1].errors)
		}
		last = got[0].errors
		return len(last) == 0
	}
	all := operations(t, worlds[0].Schema, ast.Mutation)
	for _, ends := range []bool{false, true} { // what ends things comes last
		for _, text := range slices.Sorted(maps.Keys(all)) {
			if op := all[text]; ends == (strings.Contains(text, "archive") || strings.Contains(text, "delete")) {
				for _, who := range []string{"owner", "widget", "stranger", ""} {
					try(who, text, op, false)
				}
				if unguessable(op) || unreachable[roots(op.SelectionSet)[0].Name] != "" || peopled.MatchString(text) { // the second kind needs a second person, or one who was invited: TestEveryRootField drives these to success, by plan
					continue
				}
				able := []string{"person", "widget"}
				if access := roots(op.SelectionSet)[0].Definition.Directives.ForName("access"); forOperators(op) {
					able = []string{"operator"}
				} else if access != nil && strings.Contains(access.Arguments.ForName("to").Value.String(), "OPERATOR") {
					able = append(able, "operator")
				}
				for n := 0; !try(able[n%len(able)], text, op, true); n++ { // until arguments fit that know nothing of each other
					if n == 300 {
						t.Errorf("never succeeded (%s): %s", last, text)
						break
					}
				}
			}
		}
	}
}

// unguessable says that a change wants what no generator makes (a token, a password, a session), and counts who guesses; tryCredentials has it succeed.
func unguessable(op *ast.OperationDefinition) bool {
	f, ok := op.SelectionSet[0].(*ast.Field)
	return ok && slices.Contains([]string{"registerPerson", "confirmRegistration", "initiatePasswordReset", "resendPasswordReset", "completePasswordReset", "changePassword", "revokeSession",
		"opsRedeliverEvent", "opsRemoveSuppression", // of what stands still and what is suppressed; TestEveryRootField has them succeed
		"associateMfaAuthenticator", "confirmMfaAuthenticator", "renameMfaAuthenticator", "disassociateMfaAuthenticator", "challengeMfaAuthenticator", "challengeStepUp", "regenerateRecoveryCodes"}, f.Name)
}

// Documents that nobody wrote: all types, aliases, fragments, @skip and @include, variables, mistakes in arguments, and callers who may not.
func TestPlan_GeneratedDocuments(t *testing.T) {
	t.Parallel()
	s := startTwice(t)
	s.seed(t, 4)
	const documents = 2000
	answered, failed, refused := 0, 0, 0
	g := &generator{twice: s, random: rand.New(rand.NewPCG(2026, 11))}
	for n := 0; n < documents && !t.Failed(); {
		text, v := g.document()
		if _, list := gqlparser.LoadQueryWithRules(s.Schema, text, nil); list != nil {
			continue
		}
		if (strings.Contains(text, "opsUser") || strings.Contains(text, "opsOrganization")) && (strings.Contains(text, "opsAudit") || strings.Contains(text, "opsEvents")) {
			continue // reading people is itself audited: the log beside it grows with each run
		}
		n++
		s.elsewhere()
		who := g.pick("owner", "owner", "owner", "owner", "owner", "owner", "person", "widget", "operator", "stranger", "")
		if strings.Contains(text, "ops") && g.chance(60) { // what operators alone may ask
			who = "operator"
		}
		o := s.compare(t, who, text, v)
		if strings.Contains(o.data, ":{") {
			answered++
		}
		if len(o.errors) > 0 {
			failed++
		}
		if slices.ContainsFunc(o.errors, func(e string) bool { return strings.Contains(e, "caller_kind") }) {
			refused++
		}
	}
	t.Logf("of %d documents %d found objects, %d had errors, %d were refused something", documents, answered, failed, refused)
	if answered < documents/5 || failed < documents/10 || refused < documents/100 {
		t.Errorf("the documents try too little")
	}
}
