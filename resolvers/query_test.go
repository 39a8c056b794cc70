package resolvers_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/vektah/gqlparser/v2/ast"
)

// everything selects all fields of a type that a key may read, some levels deep: whatever can be resolved is.
func everything(s *ast.Schema, typ string, deep int) string {
	d := s.Types[typ]
	if d.IsLeafType() {
		return ""
	}
	if d.IsAbstractType() {
		return "{ __typename }"
	}
	var out []string
	for _, f := range d.Fields {
		if access := f.Directives.ForName("access"); access != nil && !strings.Contains(access.Arguments.ForName("to").Value.String(), "API_KEY") {
			continue
		}
		of := s.Types[f.Type.Name()]
		args := ""
		if f.Arguments.ForName("first") != nil {
			args = "(first: 1)"
		} else if slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			continue // what it needs is known to its own test alone
		}
		switch {
		case of.IsLeafType():
			out = append(out, f.Name)
		case deep > 0:
			out = append(out, f.Name+args+everything(s, of.Name, deep-1))
		}
	}
	if len(out) == 0 {
		return "{ __typename }"
	}
	return "{ " + strings.Join(out, " ") + " }"
}

func TestEveryRootField(t *testing.T) {
	t.Parallel()
	s := start(t)
	con := s.connect(t, "shop.acme.lab")
	data := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { version recipe { id } lastCheck { id observations { id } } conflicts { id } records { id key } timeline { nodes { id text } } dnsDiff { add { fqdn } } } }`, vars{"id": con})
	get := func(path ...any) string {
		return fmt.Sprint(at(t, data["connection"], path...))
	}
	recipe, check, conflict, rec, evt := get("recipe", "id"), get("lastCheck", "id"), get("conflicts", 0, "id"), get("records", 0, "id"), get("timeline", "nodes", 0, "id")
	app, org := s.App.ID.String(), s.Org.String()
	done := map[string]bool{}
	field := func(who, kind, name, args string, deep int) map[string]any {
		t.Helper()
		root := s.Schema.Query
		if kind == "mutation" {
			root = s.Schema.Mutation
		}
		done[name] = true
		d := s.ask(t, who, kind+" { "+name+args+everything(s.Schema, root.Fields.ForName(name).Type.Name(), deep)+" }", nil)
		if d[name] == nil {
			t.Fatalf("%s%s is null", name, args)
		}
		return d
	}
	trusted := func(name, text string, v vars) map[string]any {
		t.Helper()
		body := document(t, "console", text)
		body["variables"], done[name] = v, true
		a := s.send(t, "person", body)
		if len(a.Errors) > 0 {
			t.Fatalf("%s: %s", name, a.raw)
		}
		return a.Data
	}
	id := func(d map[string]any, path ...any) string { return fmt.Sprint(at(t, d, path...)) }

	field("", "query", "health", "", 2)
	field("", "query", "viewer", "", 0)
	field("owner", "query", "viewer", "", 2)
	field("owner", "query", "organization", `(slug: "acme")`, 1)
	field("owner", "query", "rateLimit", "", 1)
	field("owner", "query", "application", `(id: "`+app+`")`, 1)
	field("owner", "query", "applications", `(organizationId: "`+org+`", first: 1)`, 2)
	field("owner", "query", "recipe", `(id: "`+recipe+`")`, 2)
	for _, f := range []string{"{ recipe { number } progress(locale: \"de\") { headline steps { text } } certificate { id } certificates { id } checks(first: 1) { nodes { id observations { id } } } }", everything(s.Schema, "Connection", 1)} {
		s.ask(t, "owner", `query($id: ID!) { connection(id: $id) `+f+` }`, vars{"id": con})
	}
	field("owner", "query", "connection", `(id: "`+con+`")`, 1)
	field("owner", "query", "connections", `(organizationId: "`+org+`", first: 1, filter: { applicationId: "`+app+`", text: "shop" }, orderBy: { field: HOSTNAME })`, 2)
	field("owner", "query", "certificates", `(organizationId: "`+org+`", atRisk: true)`, 2)
	field("owner", "query", "dnsCheck", `(id: "`+check+`")`, 2)
	field("owner", "query", "domainCheck", `(hostname: "www.acme.lab", applicationId: "`+app+`")`, 2)
	field("", "query", "explain", `(code: "record_absent", locale: "de")`, 1)
	field("owner", "query", "providers", `(text: "plain")`, 1)
	field("owner", "query", "provider", `(slug: "plain")`, 2)
	field("owner", "query", "apiKeys", `(organizationId: "`+org+`")`, 2)
	field("owner", "query", "webhookTopics", "", 1)

	key := trusted("createApiKey", "mutation KeyDialogCreateMutation(", vars{"input": vars{"description": "ci", "organizationId": org, "scopes": []string{"connection.read"}}})
	trusted("deleteApiKey", "deleteApiKey(", vars{"id": id(key, "createApiKey", "edge", "node", "id")})
	made := field("owner", "mutation", "createApplication", `(input: { organizationId: "`+org+`", name: "Second" })`, 1)
	second := id(made, "createApplication", "application", "id")
	field("owner", "mutation", "updateApplication", `(input: { id: "`+second+`", version: 1, name: "Third" })`, 1)
	signed := field("owner", "mutation", "rotateEdgeSecret", `(applicationId: "`+second+`", overlapHours: 1)`, 1)
	again := field("owner", "mutation", "rotateEdgeSecret", `(applicationId: "`+second+`", overlapHours: 1)`, 1)
	if old, now := id(signed, "rotateEdgeSecret", "secret"), id(again, "rotateEdgeSecret", "secret"); !strings.HasPrefix(now, "npe_") || now == old || at(t, signed, "rotateEdgeSecret", "previousUntil") != nil || at(t, again, "rotateEdgeSecret", "previousUntil") == nil {
		t.Errorf("signed: %v, and again: %v", signed, again)
	}
	field("owner", "mutation", "startConnection", `(input: { applicationId: "`+app+`", hostname: "blog.acme.lab", metadata: { a: [1, "x"] } })`, 1)
	for _, name := range []string{"checkConnection", "markRecordsAdded", "retryConnection"} {
		field("owner", "mutation", name, `(id: "`+con+`")`, 1)
	}
	field("owner", "mutation", "resolveConflict", `(id: "`+conflict+`", resolution: KEEP)`, 1)
	now := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { version } }`, vars{"id": con})
	field("owner", "mutation", "updateConnection", fmt.Sprintf(`(input: { id: %q, version: %v, labels: ["vip"] })`, con, at(t, now, "connection", "version")), 1)
	token := field("owner", "mutation", "createWidgetToken", `(input: { applicationId: "`+app+`", endUserRef: "u1" })`, 1)
	field("owner", "mutation", "revokeWidgetToken", `(tokenId: "`+id(token, "createWidgetToken", "tokenId")+`")`, 1)

	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(sink.Close)
	hook := field("owner", "mutation", "createWebhookEndpoint", `(input: { organizationId: "`+org+`", url: "`+sink.URL+`", topics: ["connection.live"] })`, 1)
	endpoint := id(hook, "createWebhookEndpoint", "endpoint", "id")
	field("owner", "mutation", "updateWebhookEndpoint", `(input: { id: "`+endpoint+`", version: 1, description: "x" })`, 1)
	sent := field("owner", "mutation", "sendTestWebhook", `(id: "`+endpoint+`")`, 1)
	delivery := id(sent, "sendTestWebhook", "id")
	s.work(t)
	field("owner", "mutation", "replayDelivery", `(id: "`+delivery+`")`, 2)
	field("owner", "mutation", "replayDeliveries", `(endpointId: "`+endpoint+`", window: { from: "2020-01-01T00:00:00Z", to: "2040-01-01T00:00:00Z" })`, 1)
	rotated := field("owner", "mutation", "rotateWebhookSecret", `(id: "`+endpoint+`", overlapHours: 1)`, 1)
	if old, now := id(hook, "createWebhookEndpoint", "secret"), id(rotated, "rotateWebhookSecret", "secret"); !strings.HasPrefix(now, "whsec_") || now == old || at(t, rotated, "rotateWebhookSecret", "endpoint", "previousSecretUntil") == nil {
		t.Errorf("rotated: %v", rotated)
	}
	field("owner", "query", "webhookEndpoints", `(organizationId: "`+org+`")`, 2)
	field("owner", "query", "webhookEndpoint", `(id: "`+endpoint+`")`, 2)
	d := s.ask(t, "owner", `query($id: ID!) { webhookEndpoint(id: $id) { successRate24h deliveries { nodes { endpoint { id } attempts { n error } } totalCount } } }`, vars{"id": endpoint})
	if n := len(at(t, d, "webhookEndpoint", "deliveries", "nodes").([]any)); n != 2 {
		t.Errorf("%d deliveries", n)
	}

	saved := field("owner", "mutation", "saveMonitorPolicy", `(input: { organizationId: "`+org+`", name: "Careful", graceHours: 240 })`, 2)
	policy, incident := id(saved, "saveMonitorPolicy", "policy", "id"), s.incident(t, con)
	s.ask(t, "owner", `mutation($a: ID!, $p: ID!) { updateApplication(input: { id: $a, version: 4, monitorPolicyId: $p }) { application { monitorPolicy { graceHours } } } }`, vars{"a": second, "p": policy})
	field("owner", "query", "monitorPolicies", `(organizationId: "`+org+`")`, 1)
	field("owner", "query", "incidents", `(organizationId: "`+org+`")`, 3)
	field("owner", "mutation", "acknowledgeIncident", `(id: "`+incident+`", note: "mine")`, 1)
	if d := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { incidents(open: true) { id note explain(locale: "de") { title } connection { id } } over: incidents(open: false) { id } } }`, vars{"id": con}); id(d, "connection", "incidents", 0, "id") != incident ||
		len(at(t, d, "connection", "over").([]any)) != 0 || id(d, "connection", "incidents", 0, "connection", "id") != con {
		t.Errorf("its incidents: %v", d)
	}

	failed := s.failedMail(t, "ana@example.com")
	field("operator", "query", "opsEmailDeliveries", `(filter: { state: FAILED, organizationId: "`+org+`" })`, 3)
	field("operator", "query", "opsOrganization", `(id: "`+org+`")`, 1)
	field("operator", "query", "opsEdgeNodes", "", 1)
	field("operator", "query", "opsNameDisputes", "", 2)
	field("operator", "query", "opsSuppressions", `(search: "ana")`, 2)
	field("operator", "mutation", "opsRemoveSuppression", `(channel: EMAIL, recipient: "ana@example.com", reason: "asked for it")`, 1)
	field("operator", "mutation", "opsRedeliverEmail", `(id: "`+failed+`")`, 1)

	s.tryAudits(t, field, trusted)

	s.widget("page", "u1")
	w := s.send(t, "page", document(t, "widget", "widgetSession"))
	done["widgetSession"] = true
	if len(w.Errors) > 0 || len(at(t, w.Data, "widgetSession", "connections").([]any)) != 1 {
		t.Errorf("widgetSession: %s", w.raw)
	}

	s.tryMembers(t, func(name string) { done[name] = true })

	ids := []string{con, app, org, recipe, check, conflict, rec, evt, delivery, endpoint, policy, incident, "pvd_plain", ident.New[ident.ConnectionID](time.Now()).String()}
	nodes := s.ask(t, "owner", `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, vars{"ids": ids})
	for n, want := range ids {
		got := at(t, nodes, "nodes", n)
		if n == len(ids)-1 {
			if got != nil {
				t.Errorf("an unknown node is %v", got)
			}
		} else if got == nil || at(t, got, "id") != want {
			t.Errorf("node %s is %v", want, got)
		}
	}
	done["nodes"], done["node"] = true, true
	if n := s.ask(t, "owner", `query($id: ID!) { node(id: $id) { ... on Connection { hostname } } }`, vars{"id": con}); at(t, n, "node", "hostname") != "shop.acme.lab" {
		t.Errorf("node: %v", n)
	}

	maps.Copy(done, s.tryCredentials(t))
	s.tryPrograms(t, func(name string) { done[name] = true })
	s.tryMessages(t, func(name string) { done[name] = true })
	field("owner", "mutation", "deleteWebhookEndpoint", `(id: "`+endpoint+`")`, 1)
	chain, private := ownCertificate()
	field("owner", "mutation", "setCertificateMode", `(connectionId: "`+con+`", mode: DNS_01_DELEGATED)`, 1)
	field("owner", "mutation", "importCertificate", fmt.Sprintf(`(input: { connectionId: %q, chainPem: %q, keyPem: %q })`, con, chain, private), 1)
	var own uuid.UUID
	if err := s.DB.QueryRow(t.Context(), "update certificate set mode = 'HTTP_01' where mode = 'IMPORTED' returning id").Scan(&own); err != nil { // as if a CA of ours had issued it
		t.Fatal(err)
	}
	name := vars{"h": "held.acme.lab", "first": app, "second": second}
	pair := s.ask(t, "owner", `mutation($h: String!, $first: ID!, $second: ID!) {
		holder: startConnection(input: { applicationId: $first, hostname: $h }) { connection { id } }
		next: startConnection(input: { applicationId: $second, hostname: $h }) { connection { id } } }`, name)
	holder, err := ident.Parse[ident.ConnectionID](id(pair, "holder", "connection", "id"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Exec(t.Context(), "insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at) values ('held.acme.lab', $1, $2, 'TARGET', now(), now())", holder.UUID(), s.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	next := id(pair, "next", "connection", "id")
	if held := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { heldBy { id } } }`, vars{"id": next}); id(held, "connection", "heldBy", "id") != holder.String() {
		t.Errorf("held by %v", held)
	}
	trusted("transferClaim", "transferClaim(", vars{"connectionId": next, "locale": "en"})
	trusted("revokeCertificate", "revokeCertificate(", vars{"id": ident.From[ident.CertificateID](own).String(), "reason": "SUPERSEDED"})
	field("owner", "mutation", "archiveConnection", `(id: "`+con+`", revokeCertificate: true)`, 1)
	trusted("archiveApplication", "archiveApplication(", vars{"id": second, "archiveConnections": true, "confirmName": "Third"})
	// TestPlan_TrustedQueries and TestPlan_TrustedMutations have the console's documents of these succeed, by plan and by gqlgen.
	documents := map[string]bool{}
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation} {
		for _, op := range operations(t, s.Schema, kind) {
			for _, f := range roots(op.SelectionSet) {
				documents[f.Name] = true
			}
		}
	}
	for _, name := range []string{"opsUser", "opsUsers", "approvals", "approvalRequest", "opsOrganizations", "ssoProviders", "ssoProviderConfigs", "ssoDomains", "opsAssignPlatformRoles",
		"opsUnassignPlatformRoles", "opsSetUserAccess", "opsDecideClaim", "acceptTerms", "decideApproval", "cancelApproval", "opsStartPasswordReset", "updateProfile", "updateProfileAddress", "startEmailChange", "opsRevokeSessions",
		"saveSsoProvider", "deleteSsoProvider", "startSsoDomain", "checkSsoDomain", "removeSsoDomain", "unlinkSso"} {
		if done[name] = documents[name]; !documents[name] {
			t.Errorf("no document of the console asks %s", name)
		}
	}
	for name := range unreachable {
		done[name] = true // why is said there: their documents are still refused alike by plan and by gqlgen
	}
	for _, root := range []*ast.Definition{s.Schema.Query, s.Schema.Mutation} {
		for _, f := range root.Fields {
			if !done[f.Name] && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s is not tried", root.Name, f.Name)
			}
		}
	}
}

// Text that is no id of the right kind is INVALID, and says which argument it was. What keys may not call is tried by the console's documents.
func TestWrongIDsNameTheirArgument(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, root := range []*ast.Definition{s.Schema.Query, s.Schema.Mutation} {
		for _, f := range root.Fields {
			for _, a := range f.Arguments {
				if a.Type.Name() != "ID" {
					continue
				}
				who, body := "owner", written(s.Schema, root, f, a)
				if strings.HasPrefix(f.Name, "ops") {
					who = "operator"
				} else if !forKeys(f) {
					if who, body = "person", byDocument(t, s.Schema, root, f, a); body == nil && public(f) { // for programs, which have nothing but text
						who, body = "", written(s.Schema, root, f, a)
					}
					if body == nil {
						t.Errorf("no document of the console gives %s its %s", f.Name, a.Name)
						continue
					}
				}
				want := a.Name
				if f.Name == "nodes" {
					want = "ids.0"
				}
				got := s.send(t, who, body)
				if len(got.Errors) == 0 || got.Errors[0].Extensions["code"] != "INVALID" || got.Errors[0].Extensions["field"] != want || got.Errors[0].Extensions["reason"] != "id_kind" {
					t.Errorf("%v\n%s", body, got.raw)
				}
			}
		}
	}
	got := s.send(t, "owner", vars{"query": `mutation($i: StartConnectionInput!) { startConnection(input: $i) { created } }`, "variables": vars{"i": vars{"applicationId": "con_1", "hostname": "x.acme.lab"}}})
	if len(got.Errors) != 1 || got.Errors[0].Extensions["field"] != "applicationId" {
		t.Errorf("inside an input: %s", got.raw)
	}
}

// forKeys says whether an API key may call a field: only keys send text.
func forKeys(f *ast.FieldDefinition) bool {
	to := f.Directives.ForName("access")
	return to == nil || strings.Contains(to.Arguments.ForName("to").Value.String(), "API_KEY")
}

// forOperators says whether an operation asks what operators alone may call.
func forOperators(op *ast.OperationDefinition) bool {
	return slices.ContainsFunc(roots(op.SelectionSet), func(f *ast.Field) bool {
		to := f.Definition.Directives.ForName("access")
		return to != nil && to.Arguments.ForName("to").Value.String() == "[OPERATOR]"
	})
}

// roots are the fields of an operation's root, also those that stand in its fragments.
func roots(set ast.SelectionSet) (out []*ast.Field) {
	for _, one := range set {
		switch one := one.(type) {
		case *ast.Field:
			out = append(out, one)
		case *ast.InlineFragment:
			out = append(out, roots(one.SelectionSet)...)
		case *ast.FragmentSpread:
			out = append(out, roots(one.Definition.SelectionSet)...)
		}
	}
	return out
}

// public says whether anybody may call a field.
func public(f *ast.FieldDefinition) bool {
	to := f.Directives.ForName("access")
	return to != nil && strings.Contains(to.Arguments.ForName("to").Value.String(), "PUBLIC")
}

// written calls a field by text, with something for every required argument and with text that is no id for wrong.
func written(s *ast.Schema, root *ast.Definition, f *ast.FieldDefinition, wrong *ast.ArgumentDefinition) vars {
	var declared, given []string
	values := vars{}
	for _, a := range f.Arguments {
		if a == wrong || a.Type.NonNull && a.DefaultValue == nil {
			declared, given = append(declared, "$"+a.Name+": "+a.Type.String()), append(given, a.Name+": $"+a.Name)
			values[a.Name] = sample(s, a.Type, a.Name)
		}
	}
	values[wrong.Name] = nonsense(wrong.Type)
	sub := " { __typename }"
	if s.Types[f.Type.Name()].IsLeafType() {
		sub = ""
	}
	return vars{"query": strings.ToLower(root.Name) + "(" + strings.Join(declared, ", ") + ") { " + f.Name + "(" + strings.Join(given, ", ") + ")" + sub + " }", "variables": values}
}

// byDocument calls a field by a trusted document that takes the argument from a variable; nil where there is none.
func byDocument(t *testing.T, s *ast.Schema, root *ast.Definition, f *ast.FieldDefinition, wrong *ast.ArgumentDefinition) vars {
	t.Helper()
	for text, op := range operations(t, s, ast.Operation(strings.ToLower(root.Name))) {
		for _, one := range op.SelectionSet {
			field, ok := one.(*ast.Field)
			if !ok || field.Name != f.Name || field.Arguments.ForName(wrong.Name) == nil || field.Arguments.ForName(wrong.Name).Value.Kind != ast.Variable {
				continue
			}
			values := vars{}
			for _, d := range op.VariableDefinitions {
				values[d.Variable] = sample(s, d.Type, d.Variable)
			}
			values[field.Arguments.ForName(wrong.Name).Value.Raw] = nonsense(wrong.Type)
			body := document(t, "console", text)
			body["variables"] = values
			return body
		}
	}
	return nil
}

func nonsense(typ *ast.Type) any {
	if typ.Elem != nil {
		return []any{"nonsense"}
	}
	return "nonsense"
}

// sample is a value of a type; an id is one of the kind that its name says.
func sample(s *ast.Schema, typ *ast.Type, name string) any {
	if typ.Elem != nil {
		return []any{sample(s, typ.Elem, name)}
	}
	of := s.Types[typ.NamedType]
	switch {
	case of.Kind == ast.Enum:
		return of.EnumValues[0].Name
	case of.Kind == ast.InputObject:
		members := vars{}
		for _, m := range of.Fields {
			if m.Type.NonNull && m.DefaultValue == nil {
				members[m.Name] = sample(s, m.Type, m.Name)
			}
		}
		return members
	}
	now := time.Now()
	switch of.Name + " " + name {
	case "ID organizationId":
		return ident.New[ident.OrgID](now).String()
	case "ID userId":
		return ident.New[ident.UserID](now).String()
	case "ID applicationId":
		return ident.New[ident.ApplicationID](now).String()
	}
	switch of.Name {
	case "Boolean":
		return true
	case "Int", "Float":
		return 1
	case "Email":
		return "someone@acme.example"
	case "JSON":
		return vars{}
	case "Time":
		return now
	}
	return "x.acme.lab"
}

// What is somebody else's cannot be told from what does not exist, to the last byte.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	con, now := s.connect(t, "shop.acme.lab"), time.Now()
	d := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { recipe { id } lastCheck { id } conflicts { id } records { id } } }`, vars{"id": con})
	get := func(path ...any) string { return fmt.Sprint(at(t, d["connection"], path...)) }
	con2, app2 := ident.New[ident.ConnectionID](now).String(), ident.New[ident.ApplicationID](now).String()
	for _, c := range []struct{ text, mine, unknown string }{
		{`query($id: ID!) { connection(id: $id) { id } }`, con, con2},
		{`query($id: ID!) { node(id: $id) { id } }`, con, con2},
		{`query($id: ID!) { node(id: $id) { id } }`, get("records", 0, "id"), ident.New[ident.RecordID](now).String()},
		{`query($id: ID!) { nodes(ids: [$id]) { id } }`, s.App.ID.String(), app2},
		{`query($id: ID!) { application(id: $id) { id } }`, s.App.ID.String(), app2},
		{`query($id: ID!) { recipe(id: $id) { id } }`, get("recipe", "id"), ident.New[ident.RecipeID](now).String()},
		{`query($id: ID!) { dnsCheck(id: $id) { id } }`, get("lastCheck", "id"), ident.New[ident.CheckID](now).String()},
		{`query($id: ID!) { domainCheck(hostname: "shop.acme.lab", applicationId: $id) { hostname } }`, s.App.ID.String(), app2},
		{`query($id: ID!) { connections(organizationId: $id) { totalCount } }`, s.Org.String(), ident.New[ident.OrgID](now).String()},
		{`query($id: ID!) { certificates(organizationId: $id) { totalCount } }`, s.Org.String(), ident.New[ident.OrgID](now).String()},
		{`query($id: ID!) { organization(id: $id) { name } }`, s.Org.String(), ident.New[ident.OrgID](now).String()},
		{`mutation($id: ID!) { checkConnection(id: $id) { connection { id } } }`, con, con2},
		{`mutation($id: ID!) { setCertificateMode(connectionId: $id, mode: TLS_ALPN_01) { connection { id } } }`, con, con2},
		{`mutation($id: ID!) { importCertificate(input: { connectionId: $id, chainPem: "x", keyPem: "x" }) { connection { id } } }`, con, con2},
		{`mutation($id: ID!) { archiveConnection(id: $id) { connection { id } } }`, con, con2},
		{`mutation($id: ID!) { resolveConflict(id: $id, resolution: KEEP) { connection { id } } }`, get("conflicts", 0, "id"), ident.New[ident.ConflictID](now).String()},
		{`mutation($id: ID!) { acknowledgeIncident(id: $id) { id } }`, s.incident(t, con), ident.New[ident.IncidentID](now).String()},
		{`query($id: ID!) { incidents(organizationId: $id) { totalCount } }`, s.Org.String(), ident.New[ident.OrgID](now).String()},
		{`query($id: ID!) { monitorPolicies(organizationId: $id) { name } }`, s.Org.String(), ident.New[ident.OrgID](now).String()},
		{`mutation($id: ID!) { createWidgetToken(input: { applicationId: $id, endUserRef: "x" }) { tokenId } }`, s.App.ID.String(), app2},
	} {
		foreign, unknown := s.send(t, "stranger", vars{"query": c.text, "variables": vars{"id": c.mine}}), s.send(t, "stranger", vars{"query": c.text, "variables": vars{"id": c.unknown}})
		if foreign.raw != unknown.raw || strings.Contains(foreign.raw, "acme") {
			t.Errorf("%s\nforeign %s\nunknown %s", c.text, foreign.raw, unknown.raw)
		}
	}
	if got := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { state } }`, vars{"id": con}); at(t, got, "connection", "state") == "ARCHIVED" {
		t.Error("a stranger archived it")
	}
}

func TestAllMistakesOfAFormAnswerTogether(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.send(t, "owner", vars{"query": `mutation($i: StartConnectionInput!) { startConnection(input: $i) { created } }`,
		"variables": vars{"i": vars{"applicationId": s.App.ID.String(), "hostname": "1.2.3.4", "metadata": []any{1}, "labels": []any{""}, "endUserEmail": "nobody"}}})
	var got []string
	for _, e := range a.Errors {
		if e.Extensions["code"] != "INVALID" || len(e.Path) == 0 {
			t.Errorf("error %+v", e)
		}
		got = append(got, fmt.Sprint(e.Extensions["field"]))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"endUserEmail", "hostname", "labels", "metadata"}) {
		t.Errorf("fields %v: %s", got, a.raw)
	}
	a = s.send(t, "owner", vars{"query": `query { connections(organizationId: "x", first: 0) { totalCount } apiKeys(organizationId: "y", first: 1000) { totalCount } }`})
	if len(a.Errors) < 3 {
		t.Errorf("arguments: %s", a.raw)
	}
}

// A page of twenty connections costs as many queries as a page of five.
func TestAPageCostsTheSameNumberOfQueries(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n := range 20 {
		s.connect(t, fmt.Sprintf("shop%d.acme.lab", n))
	}
	page := `query($o: ID!, $n: Int) { connections(organizationId: $o, first: $n) { totalCount edges { node { hostname state provider { name } application { name organization { name } recipe { number } }
		recipe { number } records { key status } verificationRecord { key } conflicts { kind } findings { code } certificate { id } certificates { id } lastCheck { verdict observations { source } } progress { headline } } } } }`
	cost := func(n int) int {
		before := s.Queries.Len()
		d := s.ask(t, "owner", page, vars{"o": s.Org.String(), "n": n})
		if got := len(at(t, d, "connections", "edges").([]any)); got != n {
			t.Fatalf("%d connections", got)
		}
		return s.Queries.Len() - before
	}
	cost(2) // roles are remembered
	few, many := cost(5), cost(20)
	if many > few || many > 14 {
		t.Errorf("5 connections cost %d queries, 20 cost %d", few, many)
	}
}

// Catalogues look for every beginning of a language tag: a long one must not keep a server busy.
func TestAHostileLocale(t *testing.T) {
	t.Parallel()
	s := start(t)
	began := time.Now()
	d := s.ask(t, "", `query($l: String) { explain(code: "record_absent", locale: $l) { title } }`, vars{"l": strings.Repeat("x-", 400_000)})
	if at(t, d, "explain", "title") == "" || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), d)
	}
	if a := s.send(t, "", vars{"query": `{ explain(code: "no_such_code") { title } }`}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "NOT_FOUND" {
		t.Errorf("an unknown code: %s", a.raw)
	}
}

// Nor does any list of the console's or the widget's grow in queries with its rows.
func TestTrustedDocumentsCostTheSameNumberOfQueries(t *testing.T) {
	t.Parallel()
	var worlds [2]*twice
	for n := range worlds {
		worlds[n] = startTwice(t)
		worlds[n].seed(t, 3+4*n)
		for k := range 4 * n {
			org := worlds[n].Org.String()
			worlds[n].ask(t, "owner", `mutation($o: ID!, $n: String!) { createApplication(input: { organizationId: $o, name: $n }) { application { id } } }`, vars{"o": org, "n": fmt.Sprintf("App %d", k)})
			hook := worlds[n].ask(t, "owner", `mutation($o: ID!, $u: String!) { createWebhookEndpoint(input: { organizationId: $o, url: $u, topics: ["connection.live"] }) { endpoint { id } } }`, vars{"o": org, "u": fmt.Sprintf("%s/more%d", worlds[n].sink, k)})
			for range 3 {
				worlds[n].ask(t, "owner", `mutation($id: ID!) { sendTestWebhook(id: $id) { id } }`, vars{"id": at(t, hook, "createWebhookEndpoint", "endpoint", "id")})
			}
		}
	}
	for _, w := range worlds { // all want their names still, so that all ask who holds them
		if _, err := w.DB.Exec(t.Context(), `update connection set facets = jsonb_set(facets, '{ownership,value}', '"pending"') where archived_at is null`); err != nil {
			t.Fatal(err)
		}
	}
	for text, op := range operations(t, worlds[0].Schema, ast.Query) {
		if op.Name == "InvitePageQuery" { // of one row, by a link that nobody else holds
			continue
		}
		var cost [2]int
		for n, w := range worlds {
			v := vars{}
			for _, d := range op.VariableDefinitions {
				switch {
				case d.Variable == "id" && strings.Contains(strings.ToLower(text), "webhookendpoint"):
					v["id"] = w.ids["whk"][len(w.ids["whk"])-1]
				case d.Variable == "id" && strings.Contains(text, "application(id"):
					v["id"] = w.App.ID.String()
				case d.Variable == "id" && strings.Contains(text, "dnsCheck(id"):
					v["id"] = w.ids["chk"][0]
				case d.Variable == "id" && strings.Contains(text, "WebhookDelivery"):
					v["id"] = w.ids["dlv"][0]
				case d.Variable == "id" && strings.Contains(text, "approvalRequest(id"):
					v["id"] = w.ids["apr"][0]
				case d.Variable == "id" && strings.Contains(text, "opsUser(id"):
					v["id"] = w.User.String()
				case d.Variable == "id" && strings.Contains(text, "audit(id"):
					v["id"] = ident.From[ident.EventID](w.firstAudit(t)).String()
				case d.Variable == "id":
					v["id"] = w.ids["con"][0]
				case d.Variable == "seq":
					v["seq"] = 1
				case d.Variable == "chain":
					v["chain"] = w.Org.String()
				case d.Type.NamedType == "AuditFilter":
					v[d.Variable] = vars{"organizationId": w.Org.String()}
				case d.Variable == "ids":
					v["ids"] = []any{w.ids["chk"][0]}
				case d.Variable == "organizationId":
					v["organizationId"] = w.Org.String()
				case d.Variable == "userId":
					v["userId"] = w.User.String()
				case d.Variable == "applicationId":
					v["applicationId"] = w.App.ID.String()
				case d.Type.NonNull && d.Type.NamedType == "Time":
					v[d.Variable] = "2026-01-01T00:00:00Z"
				case d.Type.NonNull && d.Type.NamedType == "Boolean":
					v[d.Variable] = false
				case d.Type.NamedType == "InvitationDirection":
					v[d.Variable] = "SENT"
				case d.Type.NonNull && d.Type.NamedType == "Secret":
					v[d.Variable] = "nobody's token"
				case d.Type.NonNull && d.Type.NamedType == "String":
					v[d.Variable] = map[string]string{"slug": "plain", "hostname": "new.acme.lab", "code": "record_absent"}[d.Variable]
				}
			}
			who := "owner"
			first := op.SelectionSet[0]
			if spread, ok := first.(*ast.FragmentSpread); ok {
				first = spread.Definition.SelectionSet[0]
			}
			if f, ok := first.(*ast.Field); ok && !forKeys(f.Definition) {
				if who = "person"; forOperators(op) {
					who = "operator"
				}
			}
			for range 2 { // the first run learns roles
				before := w.Queries.Len()
				if o := w.run(t, w.plan, who, text, v); len(o.errors) > 0 && op.Name != "documentsSessionQuery" && !strings.Contains(text, "organization(slug") {
					t.Fatalf("%s\n%s", text, o.errors)
				}
				cost[n] = w.Queries.Len() - before
			}
		}
		if cost[1] > cost[0] {
			t.Errorf("%d queries for few rows, %d for more:\n%s", cost[0], cost[1], text)
		}
	}
}

// incident opens one of a connection behind the back of everything.
func (s *server) incident(t testing.TB, con string) string {
	t.Helper()
	id := ident.New[ident.IncidentID](time.Now())
	of, err := ident.Parse[ident.ConnectionID](con)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Exec(t.Context(), `insert into incident (id, org_id, connection_id, kind, severity, code, params, opened_at, cycles, version, updated_at)
		select $1, org_id, id, 'DRIFT', 'BLOCKING', 'drifted', '{"name":"shop.acme.lab"}', now(), 1, 1, now() from connection where id = $2`, id.UUID(), of.UUID()); err != nil {
		t.Fatal(err)
	}
	return id.String()
}
