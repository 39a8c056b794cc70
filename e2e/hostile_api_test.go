package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/vektah/gqlparser/v2/ast"
)

// sentinel stands for a secret that somebody sent to the wrong place: it must not come back, and not be kept.
const sentinel = "sentinel-hunter2-9f1c"

// TestHostile_GraphQL: bodies and texts that nobody should send are refused in words, keep nothing, repeat nothing, and the process lives.
func TestHostile_GraphQL(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	key := harness.Caller{Bearer: h.Addresses.APIKey}
	browser := h.SignIn()
	widget, _ := h.Widget(map[string]any{"endUserRef": "customer-1"})
	before := counts(t, h)

	t.Run("Body", func(t *testing.T) {
		h := h.With(t)
		secret := `"` + sentinel + `"`
		for _, c := range []struct {
			name, body string
			status     int
		}{
			{"Empty", "", 400}, {"NotJSON", sentinel, 400}, {"Broken", `{"query":"{ viewer { userId } }","variables":{"password":` + secret, 400}, {"BrokenString", `{"query":"` + sentinel, 400},
			{"Array", `[{"query":` + secret + `}]`, 400}, {"Number", "5", 400}, {"Null", "null", 400}, {"Twice", `{"query":"{ health { name } }"}{"x":` + secret + `}`, 400}, {"Trailing", `{"query":"{ health { name } }"} ` + sentinel, 400},
			{"QueryIsNumber", `{"query":5,"x":` + secret + `}`, 400}, {"QueryIsObject", `{"query":{"a":` + secret + `}}`, 400}, {"VariablesAreText", `{"query":"{ health { name } }","variables":` + secret + `}`, 400},
			{"VariablesAreList", `{"query":"{ health { name } }","variables":[` + secret + `]}`, 400}, {"OperationNameIsList", `{"query":"{ health { name } }","operationName":[` + secret + `]}`, 400},
			{"ExtensionsAreText", `{"query":"{ health { name } }","extensions":` + secret + `}`, 400}, {"NoQuery", `{"variables":{"a":` + secret + `}}`, 400}, {"NotUTF8", "{\"query\":\"\xff\xfe\",\"x\":" + secret, 400},
			{"NestedLists", `{"query":"{ health { name } }","variables":{"a":` + strings.Repeat("[", 200_000) + secret + strings.Repeat("]", 200_000) + `}}`, 400},
			{"NestedObjects", `{"query":"{ health { name } }","variables":{"a":` + strings.Repeat(`{"a":`, 100_000) + secret + strings.Repeat("}", 100_000) + `}}`, 400},
			{"TwoMebibytes", `{"query":"{ health { name } } #` + strings.Repeat("x", 2<<20) + `"}`, 413}, {"HugeVariable", `{"query":"{ health { name } }","variables":{"a":"` + strings.Repeat("x", 2<<20) + `"}}`, 413},
		} {
			for transport, accept := range map[string]string{"": "application/json", "Stream": "text/event-stream", "New": "application/graphql-response+json"} {
				t.Run(c.name+transport, func(t *testing.T) {
					h := h.With(t)
					res, raw := h.Post(key, []byte(c.body), "Accept", accept)
					if res.StatusCode != c.status && !(transport == "Stream" && res.StatusCode == 400) {
						t.Errorf("answered with %d %.300s", res.StatusCode, raw)
					}
					var a struct {
						Data   json.RawMessage
						Errors []harness.Fault
					}
					if err := json.Unmarshal(raw, &a); err != nil || a.Data != nil || len(a.Errors) != 1 || a.Errors[0].Message == "" || a.Errors[0].Code() != "INVALID" {
						t.Errorf("the answer is no clear error: %.300s", raw)
					}
					if strings.Contains(string(raw), sentinel) {
						t.Errorf("the answer repeats the body: %.300s", raw)
					}
				})
			}
		}
	})
	t.Run("Head", func(t *testing.T) {
		h := h.With(t)
		body := []byte(`{"query":"{ health { name } }"}`)
		for _, c := range []struct {
			name, header, value string
			status              int
		}{
			{"Form", "Content-Type", "application/x-www-form-urlencoded", 415}, {"Multipart", "Content-Type", "multipart/form-data; boundary=x", 415}, {"Text", "Content-Type", "text/plain", 415}, {"NoType", "Content-Type", "", 415},
			{"Latin1", "Content-Type", "application/json; charset=iso-8859-1", 415}, {"BrokenType", "Content-Type", "application/json; charset", 415}, {"Picture", "Accept", "image/png", 406},
			{"NoBearer", "Authorization", "Bearer ", 401}, {"LongBearer", "Authorization", "Bearer " + strings.Repeat("a", 20_000), 401}, {"WrongKey", "Authorization", "Bearer npk_aaaaaaaaaaaa_" + sentinel, 401},
			{"NoneJWT", "Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", 401},
		} {
			t.Run(c.name, func(t *testing.T) {
				h := h.With(t)
				res, raw := h.Post(key, body, c.header, c.value)
				if res.StatusCode != c.status || !strings.Contains(string(raw), `"errors"`) || strings.Contains(string(raw), sentinel) {
					t.Errorf("answered with %d %.300s", res.StatusCode, raw)
				}
			})
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, "PROPFIND"} {
			r, _ := http.NewRequestWithContext(t.Context(), method, h.Addresses.GraphQL+"?query=%7Bhealth%7Bname%7D%7D", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusMethodNotAllowed && res.StatusCode != http.StatusForbidden {
				t.Errorf("%s is answered with %d", method, res.StatusCode)
			}
		}
	})
	t.Run("Text", func(t *testing.T) {
		h := h.With(t)
		for _, c := range []struct{ name, text, reason string }{
			{"Unreadable", "{ viewer {", "parse_failed"}, {"Unknown", "{ nothing }", "validation_failed"}, {"Empty", " ", ""}, {"OnlyAComment", "# " + sentinel, ""},
			{"Deep", "{ connections(organizationId: \"x\") { nodes " + strings.Repeat("{ application { connections { nodes ", 30) + "{ id }" + strings.Repeat(" } } }", 30) + " } }", ""},
			{"Brackets", strings.Repeat("{ a ", 40_000), ""}, {"Lists", "{ explain(code: " + strings.Repeat("[", 30_000) + "}", ""}, {"Types", "query($a: " + strings.Repeat("[", 30_000) + ") { health { name } }", ""},
			{"Aliases", "{ " + aliases(5_000) + " }", ""}, {"ManyRoots", "{ " + aliases(40) + " }", "root_fields"}, {"Expensive", `{ connections(organizationId: "` + h.Addresses.OrganizationID + `", first: 100) { nodes { checks(first: 100) { nodes { observations { id } } } } } }`, "cost_exceeded"},
			{"Cycle", "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "validation_failed"}, {"SelfCycle", "{ ...a } fragment a on Query { health { name } ...a }", "validation_failed"},
			{"Doubling", doubling(60), ""}, {"DoublingValid", doublingValid(27), ""}, {"ManyOperations", strings.Repeat("query a { health { name } } ", 300), ""},
			{"Directives", "{ health " + strings.Repeat("@skip(if: false) ", 4_000) + "{ name } }", ""}, {"Conflicts", "{ " + strings.Repeat("x: health { name } x: viewer { userId } ", 600) + " }", ""},
			{"Variables", "query(" + many("$v%d: Int = 1 ", 2_000) + ") { health { name } }", ""}, {"Subscription", "subscription { viewerChanged { userId } }", "subscription_transport"}, {"Nul", "{ health { \x00 } }", "parse_failed"},
		} {
			t.Run(c.name, func(t *testing.T) {
				h := h.With(t)
				began := time.Now()
				body, _ := json.Marshal(harness.Query{Text: c.text})
				res, raw := h.Post(key, body)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("refusing it took %s", took)
				}
				var a harness.Answer
				if err := json.Unmarshal(raw, &a); err != nil || len(a.Faults) == 0 || res.StatusCode >= 500 {
					t.Fatalf("answered with %d %.300s", res.StatusCode, raw)
				}
				if f := a.Faults[0]; f.Code() != "INVALID" || c.reason != "" && f.Reason() != c.reason {
					t.Errorf("refused with %s %s %q", f.Code(), f.Reason(), f.Message)
				}
				if strings.Contains(string(raw), sentinel) || len(raw) > 64<<10 {
					t.Errorf("the answer has %d bytes: %.300s", len(raw), raw)
				}
			})
		}
	})
	t.Run("Documents", func(t *testing.T) {
		h := h.With(t)
		nobody := "sha256:" + strings.Repeat("0", 64)
		free := harness.Query{Text: `{ viewer { userId } }`}
		for name, c := range map[string]struct {
			caller       harness.Caller
			q            harness.Query
			code, reason string
		}{
			"UnknownByKey": {key, harness.Query{Document: nobody}, "NOT_FOUND", "persisted_document_not_found"}, "UnknownByBrowser": {browser, harness.Query{Document: nobody}, "NOT_FOUND", "persisted_document_not_found"},
			"UnknownByWidget": {widget, harness.Query{Document: nobody}, "NOT_FOUND", "persisted_document_not_found"}, "TextByBrowser": {browser, free, "FORBIDDEN", "free_text_refused"}, "TextByWidget": {widget, free, "FORBIDDEN", "free_text_refused"},
			"TextBesideAnID":  {browser, harness.Query{Text: `mutation { deleteApiKey(id: "x") { ok } }`, Document: nobody}, "NOT_FOUND", "persisted_document_not_found"},
			"ConsoleByWidget": {widget, harness.Query{Document: documentNamed(t, h, "console", "KeysListQuery"), Variables: map[string]any{"organizationId": h.Addresses.OrganizationID}}, "NOT_FOUND", "persisted_document_not_found"},
			"Garbage":         {key, harness.Query{Document: "../../etc/passwd"}, "NOT_FOUND", "persisted_document_not_found"},
		} {
			t.Run(name, func(t *testing.T) {
				h := h.With(t)
				a := h.Send(c.caller, c.q)
				if len(a.Faults) != 1 || a.Faults[0].Code() != c.code || a.Faults[0].Reason() != c.reason || len(a.Data) != 0 {
					t.Errorf("answered with %d %s", a.Status, a.Raw)
				}
			})
		}
		t.Run("WithoutCSRF", func(t *testing.T) {
			h := h.With(t)
			forged := browser
			forged.CSRF = ""
			if a := h.Send(forged, harness.Query{Document: documentNamed(t, h, "console", "KeysTableDeleteMutation"), Variables: map[string]any{"id": "key_x"}}); a.Status != 403 || a.Faults[0].Reason() != "csrf" {
				t.Errorf("%d %s", a.Status, a.Raw)
			}
		})
		t.Run("IntrospectionByAnybody", func(t *testing.T) {
			h := h.With(t)
			if a := h.AskAs("", `{ __schema { types { name } } }`, nil); len(a.Faults) == 0 || strings.Contains(string(a.Raw), "StartConnectionInput") {
				t.Errorf("%.300s", a.Raw)
			}
			if a := h.Ask(`{ __schema { types { name fields { name type { name ofType { name ofType { name ofType { name } } } } } } } }`, nil); len(a.Faults) > 0 {
				t.Errorf("keys may introspect: %.300s", a.Raw)
			}
		})
	})
	t.Run("NothingKept", func(t *testing.T) {
		h := h.With(t)
		for table, n := range counts(t, h) {
			if before[table] != n {
				t.Errorf("%s had %d rows and has %d", table, before[table], n)
			}
		}
		if strings.Contains(h.Logs.String(), sentinel) {
			t.Error("the log repeats what was sent")
		}
		if strings.Contains(h.Logs.String(), "level=ERROR") {
			t.Errorf("refusals are errors of ours in the log:\n%s", h.Logs)
		}
		alive(t, h)
	})
}

// TestHostile_EveryText puts hostile text into every place of every root field that takes text, and hostile numbers into pages: a refusal in words or an
// answer, and never a crash.
func TestHostile_EveryText(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	s := schema(t)
	key, _ := h.Key(nil)
	own := map[string]string{"organization": h.Addresses.OrganizationID, "application": h.Addresses.ApplicationID, "connection": h.StartConnection("text.acme.lab").ID}
	ids := func(at slot) string {
		for _, kind := range kinds(t, s, at) {
			if id := own[kind]; id != "" {
				return id
			}
			return unknown[kind]()
		}
		return ""
	}
	socket := h.Connect(key)
	for name, hostile := range map[string]string{
		"Nul": "a\x00b", "Empty": "", "Long": strings.Repeat("a", 100_000), "Quote": `'; drop table connection; --`, "Braces": `{{.}}${x}%s%n`, "Newlines": "a\r\nX: y", "Bidi": "\u202egnp.exe", "Surrogate": "\ufffd\U0010ffff",
		"Script": `<script>alert(1)</script>`, "Path": "../../../etc/passwd", "URL": "http://169.254.169.254/latest/", "Spaces": " \t ", "Zalgo": strings.Repeat("e\u0301", 3000), "Dots": strings.Repeat(".", 300), "Star": "*.*.acme.lab",
		"Punycode": "xn--" + strings.Repeat("9", 59) + ".acme.lab", "Cursor": "eyJzIjoiIiwiaSI6IiJ9",
	} {
		t.Run(name, func(t *testing.T) {
			h := h.With(t)
			fill := filler{schema: s, own: ids, text: func(string) string { return hostile }}
			each(s, func(root *ast.Definition, f *ast.FieldDefinition) {
				if asks[f.Name] && name != "Nul" && name != "Punycode" && name != "Long" || tails[f.Name] && (name == "Empty" || len(words(s, f)) == 0) {
					return
				}
				ask(t, h, key, socket, s, root, f, fill)
			})
		})
	}
	for name, hostile := range map[string]string{"Nul": "a\x00b", "Long": strings.Repeat("a", 100_000)} {
		t.Run("OneAtATime/"+name, func(t *testing.T) { // else the first refusal hides what the others would have met
			h := h.With(t)
			fill := filler{schema: s, own: ids}
			each(s, func(root *ast.Definition, f *ast.FieldDefinition) {
				for _, place := range words(s, f) {
					if asks[f.Name] {
						continue
					}
					fill.text = func(name string) string {
						if name == place {
							return hostile
						}
						return benign(h, name)
					}
					ask(t, h, key, socket, s, root, f, fill)
				}
			})
		})
	}
	if strings.Contains(h.Logs.String(), "panic") {
		t.Errorf("something crashed:\n%s", h.Logs)
	}
	alive(t, h)
}

// tails are the subscriptions that tell only what comes: without a cursor they wait.
var tails = map[string]bool{"auditAppended": true, "incidentsChanged": true, "webhookMessages": true}

// asks are the fields that ask the network, within a budget.
var asks = map[string]bool{"domainCheck": true, "checkProgress": true}

// each visits the root fields that a key may call.
func each(s *ast.Schema, do func(root *ast.Definition, f *ast.FieldDefinition)) {
	for _, root := range roots(s) {
		for _, f := range root.Fields {
			if access := f.Directives.ForName("access"); access != nil {
				if to := access.Arguments.ForName("to").Value.String(); strings.Contains(to, "API_KEY") || strings.Contains(to, "PUBLIC") {
					do(root, f)
				}
			}
		}
	}
}

// words are the names of all places for text of a field.
func words(s *ast.Schema, f *ast.FieldDefinition) []string {
	found := map[string]bool{}
	var walk func(name string, typ *ast.Type)
	walk = func(name string, typ *ast.Type) {
		switch d := s.Types[typ.Name()]; {
		case d.Kind == ast.InputObject:
			for _, m := range d.Fields {
				walk(m.Name, m.Type)
			}
		case typ.Name() == "String" || typ.Name() == "Email":
			found[name] = true
		}
	}
	for _, a := range f.Arguments {
		walk(a.Name, a.Type)
	}
	return slices.Sorted(maps.Keys(found))
}

// benign is a text that belongs there.
func benign(h *harness.House, name string) string {
	switch name {
	case "hostname":
		return "text.acme.lab"
	case "url", "upstreamUrl", "originUrl":
		return h.Lab.Addresses.Hooks + "/text"
	case "topic", "topics":
		return "connection.live"
	case "scopes":
		return "connection.read"
	case "locale":
		return "en"
	case "slug", "defaultSubdomain":
		return strings.ToLower(rand.Text()[:10])
	case "customHost":
		return "origin.example"
	case "allowedOrigins", "origin":
		return h.Addresses.HostPage[:len("http://")+strings.IndexAny(h.Addresses.HostPage[len("http://"):]+"/", "/")]
	case "endUserEmail":
		return "somebody@example.com"
	case "clientMutationId":
		return rand.Text()
	case "after":
		return ""
	}
	return "text"
}

// ask sends one field with everything that it takes.
func ask(t *testing.T, h *harness.House, key harness.Caller, socket *harness.Socket, s *ast.Schema, root *ast.Definition, f *ast.FieldDefinition, fill filler) {
	t.Helper()
	args := map[string]any{}
	for _, a := range f.Arguments {
		args[a.Name] = fill.everything(root.Name, f.Name, a.Type, a.Name)
	}
	q := harness.Query{Text: text(s, root.Name, f, args), Variables: args}
	if root.Name == "Subscription" {
		if got := subscribe(t, socket, q, ""); strings.Contains(got, "INTERNAL") {
			t.Errorf("%s: %s", f.Name, got)
		}
		return
	}
	a := h.Send(key, q)
	for _, fault := range a.Faults {
		if fault.Code() == "INTERNAL" || fault.Code() == "" || fault.Message == "" {
			sent, _ := json.Marshal(args)
			t.Errorf("%s with %.300s: %.500s", f.Name, sent, a.Raw)
		}
		if fault.Reason() == "validation_failed" {
			t.Errorf("%s was not asked well: %.300s", f.Name, a.Raw)
		}
	}
	if len(a.Faults) > 0 && len(a.Raw) > 32<<10 {
		t.Errorf("%s answers a refusal with %d bytes", f.Name, len(a.Raw))
	}
}

// everything is a value with all members, not only those that are required.
func (f filler) everything(parent, field string, typ *ast.Type, path ...string) any {
	d := f.schema.Types[typ.Name()]
	if typ.Elem != nil {
		return []any{f.everything(parent, field, typ.Elem, path...)}
	}
	if d.Kind != ast.InputObject {
		return f.value(parent, field, typ, path...)
	}
	in := map[string]any{}
	for _, m := range d.Fields {
		if strings.HasPrefix(m.Name, "clear") {
			continue
		}
		in[m.Name] = f.everything(parent, field, m.Type, append(slices.Clone(path), m.Name)...)
	}
	return in
}
