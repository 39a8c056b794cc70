package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestO4_TenantsIsolated asks every root field that takes an id as a stranger, twice: with the id of something that exists elsewhere and with the id of
// nothing. Nobody can tell the two answers apart (CN-30). The walk is made from the schema and from the trusted documents, so that a new field is in it
// from its first day, or the test says what it has to be told.
func TestO4_TenantsIsolated(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	if h.App.DB.Walled() != devdb.Walled() {
		t.Fatalf("row-level security is on: %v, asked for: %v", h.App.DB.Walled(), devdb.Walled())
	}
	s := schema(t)
	world := victim(t, h)
	other := h.Tenant("stranger")
	theirs := map[string]string{"organization": other.Org.String(), "application": other.Application.String(), "recipe": other.Recipe.String(), "user": other.User.String()}
	reached := map[string]bool{}

	t.Run("Key", func(t *testing.T) {
		a := asker{"another organization's key", other.Key, world, theirs}
		walk(t, h.With(t), s, a, reached)
	})
	t.Run("KeyOfOneApplication", func(t *testing.T) {
		own, recipe := second(h)
		narrowed, _ := h.Key(&own)
		foreign := maps.Clone(world)
		maps.DeleteFunc(foreign, func(kind, _ string) bool { // the organization and what belongs to no application are the key's own or its neighbours'
			return !slices.Contains([]string{"application", "recipe", "connection", "record", "conflict", "check", "observation", "certificate", "event"}, kind)
		})
		walk(t, h.With(t), s, asker{"a key of another application", narrowed, foreign, map[string]string{"organization": world["organization"], "application": own.String(), "recipe": recipe}}, map[string]bool{})
	})
	t.Run("Browser", func(t *testing.T) {
		browser := h.SignInAs(other.Email, other.Password)
		trusted(t, h.With(t), s, asker{"another organization's developer", browser, world, theirs}, "console", reached)
	})
	t.Run("Widget", func(t *testing.T) {
		caller, _ := h.Widget(map[string]any{"endUserRef": "customer-2", "scopes": []string{"CHECK", "START", "SETUP", "APPLY", "SHARE", "VIEW", "UNDO", "COMPLETE"}})
		foreign := maps.Clone(world)
		foreign["application"] = theirs["application"]
		trusted(t, h.With(t), s, asker{"another customer's widget", caller, foreign, map[string]string{"application": world["application"]}}, "widget", map[string]bool{})
	})
	t.Run("WidgetOfAnotherCustomer", func(t *testing.T) { held(t, h.With(t)) })
	t.Run("OperatorsAlone", func(t *testing.T) {
		operatorsAlone(t, h.With(t), s, world, reached)
	})
	t.Run("SecondFactorOfNobody", func(t *testing.T) { // somebody else's authenticator is worth nothing without the sign-in that it belongs to
		h := h.With(t)
		for _, id := range []string{world["factor"], unknown["factor"]()} {
			a := h.Send(harness.Caller{}, harness.Query{Text: `mutation($id: ID!, $token: Secret!) { verifyMfaAuthenticator(authenticatorId: $id, proof: {code: "123456"}, mfaToken: $token) { __typename } }`,
				Variables: map[string]any{"id": id, "token": "npm_" + strings.Repeat("a", 43)}})
			if len(a.Faults) != 1 || a.Faults[0].Reason() != "login_ended" {
				t.Errorf("%s: %s", id, a.Raw)
			}
		}
		reached["Mutation.verifyMfaAuthenticator(authenticatorId)"] = true
	})
	t.Run("EveryRootFieldWasAsked", func(t *testing.T) {
		for _, d := range roots(s) {
			for _, f := range d.Fields {
				for _, at := range fieldSlots(s, d.Name, f) {
					if !reached[at.String()] {
						t.Errorf("nobody asked %s as a stranger: no key may call it, and no trusted document of the console holds it; add a caller to e2e/strangers_test.go", at)
					}
				}
			}
		}
	})
	t.Run("NothingHappened", func(t *testing.T) {
		h := h.With(t)
		if c := h.Connection(world["connection"]); c.State != "LIVE" {
			t.Errorf("the connection is %s", c.State)
		}
		var seen struct {
			WebhookEndpoint struct{ Version int }
			Application     struct{ Version int }
		}
		h.Must(`query($e: ID!, $a: ID!) { webhookEndpoint(id: $e) { version } application(id: $a) { version } }`, map[string]any{"e": world["endpoint"], "a": world["application"]}, &seen)
		if seen.WebhookEndpoint.Version != 1 || seen.Application.Version != 2 {
			t.Errorf("strangers changed something: %+v", seen)
		}
	})
}

// operatorsAlone: what only operators may call answers a tenant's key and its owner the same, whether there is such an id or not.
func operatorsAlone(t *testing.T, h *harness.House, s *ast.Schema, world map[string]string, reached map[string]bool) {
	a := asker{"an owner's key", harness.Caller{Bearer: h.Addresses.APIKey}, world, world}
	fill := a.filler(t, h, s)
	socket := h.Connect(a.caller)
	for _, d := range roots(s) {
		for _, f := range d.Fields {
			if access := f.Directives.ForName("access"); access == nil || access.Arguments.ForName("to").Value.String() != "[OPERATOR]" {
				continue
			}
			for _, at := range fieldSlots(s, d.Name, f) {
				reached[at.String()] = true
				for _, kind := range kinds(t, s, at) {
					for _, id := range []string{world[kind], unknown[kind]()} {
						args := fill.arguments(d.Name, f, at, id)
						if d.Name == "Subscription" {
							if got := subscribe(t, socket, harness.Query{Text: text(s, d.Name, f, args), Variables: args}, id); !strings.Contains(got, `"caller_kind"`) {
								t.Errorf("%s with %q: %s", at, id, got)
							}
							continue
						}
						if got := h.Send(a.caller, harness.Query{Text: text(s, d.Name, f, args), Variables: args}); id == "" || len(got.Faults) != 1 || got.Faults[0].Code() != "FORBIDDEN" || got.Faults[0].Reason() != "caller_kind" {
							t.Errorf("%s with %q: %s", at, id, got.Raw)
						}
					}
				}
			}
		}
	}
}

// held: a widget may start what is free and its own, and learns of what is open elsewhere that it is, and nothing more (CN-69).
func held(t *testing.T, h *harness.House) {
	start := documentNamed(t, h, "widget", "documentsStartMutation")
	look := documentNamed(t, h, "widget", "documentsDomainCheckQuery")
	ask := func(c harness.Caller, input map[string]any) harness.Answer {
		input["applicationId"] = h.Addresses.ApplicationID
		return h.Send(c, harness.Query{Document: start, Variables: map[string]any{"input": input, "domain": "acme.lab", "applicationId": h.Addresses.ApplicationID}})
	}
	other, _ := h.Widget(map[string]any{"endUserRef": "customer-2"})
	a := ask(other, map[string]any{"hostname": "shop.acme.lab"})
	if len(a.Faults) != 1 || a.Faults[0].Code() != "CONFLICT" || a.Faults[0].Reason() != "held_elsewhere" || a.Faults[0].Field() != "hostname" || strings.Contains(string(a.Raw), "con_") || strings.Contains(string(a.Raw), "customer-1") {
		t.Errorf("another customer's open name: %s", a.Raw)
	}
	for field, value := range map[string]any{"metadata": map[string]any{"plan": "gold"}, "externalRef": "x", "endUserRef": "customer-1", "endUserEmail": "a@example.com", "labels": []string{"x"}, "recipeId": unknown["recipe"](), "upstream": map[string]any{"originUrl": h.Lab.Addresses.Origin}} {
		a := ask(other, map[string]any{"hostname": "free.acme.lab", field: value})
		if len(a.Faults) == 0 || a.Faults[0].Code() != "INVALID" || a.Faults[0].Field() != field {
			t.Errorf("%s from a widget: %s", field, a.Raw)
		}
	}
	if a := h.Send(other, harness.Query{Document: look, Variables: map[string]any{"hostname": "shop.acme.lab", "applicationId": h.Addresses.ApplicationID}}); strings.Contains(string(a.Raw), `"con_`) || strings.Contains(string(a.Raw), "customer-1") || len(a.Faults) > 0 {
		t.Errorf("looking at another customer's name: %.600s", a.Raw)
	}
	own, _ := h.Widget(map[string]any{"endUserRef": "customer-1"})
	if a := ask(own, map[string]any{"hostname": "shop.acme.lab"}); len(a.Faults) > 0 || !strings.Contains(string(a.Raw), `"con_`) {
		t.Errorf("the customer's own name: %s", a.Raw)
	}
	if a := h.Ask(`mutation($a: ID!) { createWidgetToken(input: {applicationId: $a}) { tokenId } }`, map[string]any{"a": h.Addresses.ApplicationID}); len(a.Faults) != 1 || a.Faults[0].Field() != "endUserRef" {
		t.Errorf("a token of nobody: %s", a.Raw)
	}
	one, _ := h.Widget(map[string]any{"endUserRef": "customer-3", "hostname": "only.acme.lab"})
	if a := ask(one, map[string]any{"hostname": "more.acme.lab"}); len(a.Faults) != 1 || a.Faults[0].Field() != "hostname" {
		t.Errorf("another name than the token's: %s", a.Raw)
	}
}

// walk asks every place for an id of every root field that keys may call.
func walk(t *testing.T, h *harness.House, s *ast.Schema, a asker, reached map[string]bool) {
	socket := h.Connect(a.caller)
	fill := a.filler(t, h, s)
	for _, d := range roots(s) {
		for _, f := range d.Fields {
			access := f.Directives.ForName("access")
			if access == nil || !strings.Contains(access.Arguments.ForName("to").Value.String(), "API_KEY") {
				continue
			}
			for _, at := range fieldSlots(s, d.Name, f) {
				reached[at.String()] = true
				for _, kind := range kinds(t, s, at) {
					foreign := a.foreign[kind]
					if foreign == "" {
						continue
					}
					fill := fill
					fill.text = steady(fill.text, fill.text("hostname"))
					ask := func(id string) string {
						args := fill.arguments(d.Name, f, at, id)
						q := harness.Query{Text: text(s, d.Name, f, args), Variables: args}
						if d.Name == "Subscription" {
							return subscribe(t, socket, q, id)
						}
						return plain(h.Send(a.caller, q).Raw, id)
					}
					judge(t, a.name+": "+at.String()+" with a "+kind, ask(foreign), ask(unknown[kind]()), f.Name, slices.Contains(narrows, at.String()))
				}
			}
		}
	}
}

// trusted asks every place for an id of every trusted document.
func trusted(t *testing.T, h *harness.House, s *ast.Schema, a asker, front string, reached map[string]bool) {
	socket := h.Connect(a.caller)
	fill := a.filler(t, h, s)
	for _, d := range documents(t, s, h.Documents(front)) {
		for _, use := range d.uses {
			if forOperators(s, d.op, use.root) {
				continue // operatorsAlone asks these
			}
			if use.root != "" {
				reached[use.place] = true
			}
			for _, kind := range kinds(t, s, use.slot) {
				foreign := a.foreign[kind]
				if foreign == "" {
					continue
				}
				fill := fill
				fill.text = steady(fill.text, fill.text("hostname"))
				ask := func(id string) string {
					vars := d.variables(fill)
					put(vars, use.slot, id)
					q := harness.Query{Document: d.id, Variables: vars}
					if d.op.Operation == ast.Subscription {
						return subscribe(t, socket, q, id)
					}
					return plain(h.Send(a.caller, q).Raw, id)
				}
				judge(t, a.name+": "+d.String()+" "+use.place+" with a "+kind, ask(foreign), ask(unknown[kind]()), use.root, slices.Contains(narrows, use.place))
			}
		}
	}
}

// forOperators says that a root field is for operators alone.
func forOperators(s *ast.Schema, op *ast.OperationDefinition, root string) bool {
	of := map[ast.Operation]*ast.Definition{ast.Query: s.Query, ast.Mutation: s.Mutation, ast.Subscription: s.Subscription}[op.Operation]
	f := of.Fields.ForName(root)
	if f == nil {
		return false
	}
	access := f.Directives.ForName("access")
	return access != nil && access.Arguments.ForName("to").Value.String() == "[OPERATOR]"
}

// steady answers one host name for both tries of a pair.
func steady(text func(string) string, hostname string) func(string) string {
	return func(name string) string {
		if name == "hostname" {
			return hostname
		}
		return text(name)
	}
}

// subscribe answers the first message of a subscription, in the form of an answer over HTTP.
func subscribe(t *testing.T, socket *harness.Socket, q harness.Query, id string) string {
	t.Helper()
	f := socket.Subscribe(q)
	defer f.Stop()
	m, ok := f.Next(10 * time.Second)
	switch {
	case !ok:
		t.Errorf("a subscription answered %s", m.Type)
		return m.Type
	case m.Type == "error":
		return plain([]byte(`{"errors":`+string(m.Payload)+`}`), id)
	case m.Type == "complete":
		return `{}`
	}
	return plain(m.Payload, id)
}

// second makes another application in the stage's organization.
func second(h *harness.House) (id ident.ApplicationID, recipe string) {
	var out struct {
		CreateApplication struct {
			Application struct {
				ID     ident.ApplicationID
				Recipe struct{ ID string }
			}
		}
	}
	h.Must(`mutation($in: CreateApplicationInput!) { createApplication(input: $in) { application { id recipe { id } } } }`, map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "name": "Second"}}, &out)
	return out.CreateApplication.Application.ID, out.CreateApplication.Application.Recipe.ID
}
