package rest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web/rest"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

var update = flag.Bool("update", false, "write docs/openapi.json and the list in docs/rest.md anew")

const described = "../../../docs/openapi.json"

// ran is what a door asked to run.
type ran struct {
	document  string
	variables map[string]any
}

// newDoor is a door whose operations are answered by answer.
func newDoor(t *testing.T, answer *graphql.Response) (*rest.Door, *[]ran) {
	t.Helper()
	var calls []ran
	d, err := rest.New(gql.NewExecutableSchema(gql.Config{}).Schema(), func(_ http.ResponseWriter, _ *http.Request, document string, variables map[string]any) *graphql.Response {
		calls = append(calls, ran{document, variables})
		return answer
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, &calls
}

func send(d *rest.Door, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r.WithContext(authz.With(r.Context(), authz.Principal{Kind: authz.MACHINE})))
	return w
}

// TestOpenAPI holds docs/openapi.json, which generators read, to the table and the schema: write it with -update.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	d, _ := newDoor(t, nil)
	w := send(d, "GET", "/v1/openapi.json", "")
	if *update {
		if err := os.WriteFile(described, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(described)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" {
		t.Error("docs/openapi.json is not what the server answers: go test ./internal/web/rest -run OpenAPI -update")
	}
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]map[string]any
		Webhooks   map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(kept, &doc); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for path, at := range doc.Paths {
		for method, op := range at {
			id, _ := op["operationId"].(string)
			if ids[id] || op["summary"] == "." || len(op["responses"].(map[string]any)) < 2 {
				t.Errorf("%s %s: %v", method, path, op)
			}
			ids[id] = true
			parameters, _ := op["parameters"].([]any)
			for _, p := range parameters {
				if p := p.(map[string]any); p["description"] == "" && p["name"] != "at" {
					t.Errorf("%s %s: the parameter %s says nothing", method, path, p["name"])
				}
			}
		}
	}
	if len(ids) < 35 || len(doc.Webhooks) != len(message.All) || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("%d operations, %d webhooks", len(ids), len(doc.Webhooks))
	}
	var refer func(v any)
	refer = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, one := range v {
				refer(one)
			}
		case []any:
			for _, one := range v {
				refer(one)
			}
		}
	}
	var all any
	_ = json.Unmarshal(kept, &all)
	refer(all)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("https://nameplate.example/openapi.json", all); err != nil {
		t.Fatal(err)
	}
	for name := range doc.Components.Schemas {
		if _, err := c.Compile("https://nameplate.example/openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s is no JSON Schema: %v", name, err)
		}
	}
	for _, topic := range message.All {
		pointer := "https://nameplate.example/openapi.json#/webhooks/" + topic.Name + "/post/requestBody/content/application~1json/schema"
		s, err := c.Compile(pointer)
		if err != nil {
			t.Fatal(err)
		}
		example, _ := jsonschema.UnmarshalJSON(bytes.NewReader(topic.Sample()))
		if err := s.Validate(example); err != nil {
			t.Errorf("the example of %s: %v", topic.Name, err)
		}
	}
}

// TestDoc holds the list of addresses in docs/rest.md to the table: write it with -update.
func TestDoc(t *testing.T) {
	t.Parallel()
	const page, mark = "../../../docs/rest.md", "<!-- made by go test ./internal/web/rest -run Doc -update -->\n"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(raw), mark)
	if !found {
		t.Fatal("the page has no mark")
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Summary, OperationID string
		}
	}
	d, _ := newDoor(t, nil)
	if err := json.Unmarshal(send(d, "GET", "/v1/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	want := before + mark + "\n| Address | Does |\n|---|---|\n"
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range []string{"get", "post", "patch", "delete"} {
			if op, ok := doc.Paths[path][method]; ok {
				want += fmt.Sprintf("| `%s %s` | %s |\n", strings.ToUpper(method), path, op.Summary)
			}
		}
	}
	want += "| `GET /v1/openapi.json` | This description. |\n"
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("docs/rest.md does not list what there is: go test ./internal/web/rest -run Doc -update")
	}
}

// TestRequests: a request becomes the variables of one document, and nothing else.
func TestRequests(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	n := func(s string) json.Number { return json.Number(s) }
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		want                 ran
	}{
		"List":         {"GET", "/v1/webhooks?organizationId=org_x", "", nil, ran{"WebhookEndpoints", m{"organizationId": "org_x"}}},
		"One":          {"GET", "/v1/webhooks/whk_x", "", nil, ran{"WebhookEndpoint", m{"id": "whk_x"}}},
		"Head":         {"HEAD", "/v1/webhooks/whk_x", "", nil, ran{"WebhookEndpoint", m{"id": "whk_x"}}},
		"Escaped":      {"GET", "/v1/explain/a%20b", "", nil, ran{"Explain", m{"code": "a b"}}},
		"Create":       {"POST", "/v1/webhooks", `{"organizationId":"org_x","url":"https://a.example","topics":["*"]}`, nil, ran{"CreateWebhookEndpoint", m{"input": m{"organizationId": "org_x", "url": "https://a.example", "topics": []any{"*"}}}}},
		"Change":       {"PATCH", "/v1/webhooks/whk_x", `{"version":3,"status":"DISABLED"}`, nil, ran{"UpdateWebhookEndpoint", m{"input": m{"id": "whk_x", "version": n("3"), "status": "DISABLED"}}}},
		"IfMatch":      {"PATCH", "/v1/webhooks/whk_x", `{"status":"DISABLED"}`, []string{"If-Match", `"3"`}, ran{"UpdateWebhookEndpoint", m{"input": m{"id": "whk_x", "version": n("3"), "status": "DISABLED"}}}},
		"IfMatchTwice": {"PATCH", "/v1/webhooks/whk_x", `{"version":3}`, []string{"If-Match", `"3"`}, ran{"UpdateWebhookEndpoint", m{"input": m{"id": "whk_x", "version": n("3")}}}},
		"Delete":       {"DELETE", "/v1/webhooks/whk_x", "", nil, ran{"DeleteWebhookEndpoint", m{"id": "whk_x"}}},
		"VerbOfApp":    {"POST", "/v1/applications/app_x:rotate-edge-secret", "", nil, ran{"RotateEdgeSecret", m{"id": "app_x"}}},
		"Verb":         {"POST", "/v1/webhooks/whk_x:rotate-secret", `{"overlapHours":0}`, nil, ran{"RotateWebhookSecret", m{"id": "whk_x", "overlapHours": n("0")}}},
		"VerbAlone":    {"POST", "/v1/webhooks/whk_x:test", "", nil, ran{"SendTestWebhook", m{"id": "whk_x"}}},
		"VerbBelow":    {"POST", "/v1/webhooks/whk_x/deliveries:replay", `{"window":{"from":"a","to":"b"},"states":["FAILED"]}`, nil, ran{"ReplayDeliveries", m{"id": "whk_x", "window": m{"from": "a", "to": "b"}, "states": []any{"FAILED"}}}},
		"Deliveries": {"GET", "/v1/webhooks/whk_x/deliveries?state=FAILED,SKIPPED&state=RETRYING&from=a&to=b&first=5&after=c&topic=t", "", nil,
			ran{"WebhookDeliveries", m{"id": "whk_x", "state": []any{"FAILED", "SKIPPED", "RETRYING"}, "window": m{"from": "a", "to": "b"}, "first": n("5"), "after": "c", "topic": "t"}}},
		"Moment": {"GET", "/v1/webhooks/whk_x/replays/2026-11-20T23:59:59Z", "", nil, ran{"WebhookReplay", m{"id": "whk_x", "at": "2026-11-20T23:59:59Z"}}},
		"Members": {"GET", "/v1/connections?organizationId=org_x&state=LIVE&text=shop&field=HOSTNAME&descending=false", "", nil,
			ran{"Connections", m{"organizationId": "org_x", "filter": m{"state": []any{"LIVE"}, "text": "shop"}, "orderBy": m{"field": "HOSTNAME", "descending": false}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, calls := newDoor(t, &graphql.Response{Data: []byte(`{}`)})
			w := send(d, c.method, c.target, c.body, c.headers...)
			if len(*calls) != 1 || !reflect.DeepEqual((*calls)[0], c.want) {
				t.Errorf("%v, want %v: %s", *calls, c.want, w.Body)
			}
		})
	}
}

// TestOrganization: a key names its organization, unless the request does.
func TestOrganization(t *testing.T) {
	t.Parallel()
	d, calls := newDoor(t, &graphql.Response{Data: []byte(`{}`)})
	org, err := ident.Parse[ident.OrgID]("org_01k9s6v0z8e2r8n3b0m4q7t5ya")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/v1/webhooks", "/v1/webhooks?organizationId=org_other"} {
		r := httptest.NewRequest("GET", target, nil)
		d.ServeHTTP(httptest.NewRecorder(), r.WithContext(authz.With(r.Context(), authz.Principal{Kind: authz.API_KEY, OrgID: org})))
	}
	if len(*calls) != 2 || (*calls)[0].variables["organizationId"] != org.String() || (*calls)[1].variables["organizationId"] != "org_other" {
		t.Errorf("%v", *calls)
	}
}

// TestWidgets: who comes with a widget token is not asked for what it must not read, so that a change that was made is answered.
func TestWidgets(t *testing.T) {
	t.Parallel()
	d, calls := newDoor(t, &graphql.Response{Data: []byte(`{}`)})
	for _, kind := range []authz.Kind{authz.WIDGET, authz.API_KEY} {
		r := httptest.NewRequest("GET", "/v1/connections/con_x", nil)
		d.ServeHTTP(httptest.NewRecorder(), r.WithContext(authz.With(r.Context(), authz.Principal{Kind: kind})))
	}
	if len(*calls) != 2 || (*calls)[0].variables["widget"] != true || (*calls)[1].variables["widget"] != nil {
		t.Errorf("%v", *calls)
	}
	for _, target := range []string{"/v1/connections/con_x?widget=true", "/v1/connections/con_x?widget=false"} {
		if w := send(d, "GET", target, ""); w.Code != 422 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// TestNobody: who brings no credential is told so before anything is read.
func TestNobody(t *testing.T) {
	t.Parallel()
	d, calls := newDoor(t, &graphql.Response{Data: []byte(`{}`)})
	for target, status := range map[string]int{"/v1/webhooks?nonsense=1": 401, "/v1/webhook-topics": 404} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != status || (status == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if len(*calls) != 1 {
		t.Errorf("it ran %v", *calls)
	}
}

// TestHostileRequests: what is no request of the table runs nothing, and says why as a problem.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.CopyN(z, zeros{}, 8<<20)
	_ = z.Close()
	good := `{"organizationId":"org_x","url":"https://a.example","topics":["*"]}`
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		status               int
		reason, field        string
	}{
		"Nowhere":         {"GET", "/v1/nothing", "", nil, 404, "", ""},
		"Above":           {"GET", "/v1/", "", nil, 404, "", ""},
		"Slash":           {"GET", "/v1/webhooks/", "", nil, 404, "", ""},
		"TwoSlashes":      {"GET", "/v1//webhooks", "", nil, 404, "", ""},
		"Below":           {"GET", "/v1/webhooks/whk_x/deliveries/more", "", nil, 404, "", ""},
		"NoSuchVerb":      {"POST", "/v1/webhooks/whk_x:explode", "", nil, 404, "", ""},
		"VerbInVerb":      {"POST", "/v1/webhooks/whk_x:a:test", "", nil, 404, "", ""},
		"HiddenColon":     {"GET", "/v1/webhooks/whk_x%3Atest", "", nil, 404, "", ""},
		"BrokenUTF8":      {"GET", "/v1/webhooks/%ff", "", nil, 404, "", ""},
		"Method":          {"PUT", "/v1/webhooks/whk_x", good, nil, 405, "method", ""},
		"MethodOfVerb":    {"GET", "/v1/webhooks/whk_x:test", "", nil, 405, "method", ""},
		"Trace":           {"TRACE", "/v1/webhooks", "", nil, 405, "method", ""},
		"MediaType":       {"POST", "/v1/webhooks", good, []string{"Content-Type", "text/plain"}, 415, "content_type", ""},
		"Form":            {"POST", "/v1/webhooks", "url=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type", ""},
		"Encoding":        {"POST", "/v1/webhooks", good, []string{"Content-Encoding", "br"}, 415, "content_encoding", ""},
		"NoGzip":          {"POST", "/v1/webhooks", good, []string{"Content-Encoding", "gzip"}, 400, "body", ""},
		"GzipBomb":        {"POST", "/v1/webhooks", packed.String(), []string{"Content-Encoding", "gzip"}, 413, "too_large", ""},
		"Large":           {"POST", "/v1/webhooks", `{"url":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "too_large", ""},
		"Deep":            {"POST", "/v1/webhooks", `{"filter":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, nil, 400, "json", ""},
		"NoJSON":          {"POST", "/v1/webhooks", `{"url":`, nil, 400, "json", ""},
		"List":            {"POST", "/v1/webhooks", `[]`, nil, 400, "json", ""},
		"Two":             {"POST", "/v1/webhooks", good + good, nil, 400, "json", ""},
		"MemberTwice":     {"POST", "/v1/webhooks", `{"url":"a","url":"b"}`, nil, 400, "json", ""},
		"UnknownMember":   {"POST", "/v1/webhooks", `{"organizationId":"org_x","url":"https://a.example","topics":["*"],"secret":"x"}`, nil, 422, "unknown_member", "secret"},
		"OtherSpelling":   {"POST", "/v1/webhooks", `{"organizationid":"org_x"}`, nil, 422, "unknown_member", "organizationid"},
		"InAddress":       {"PATCH", "/v1/webhooks/whk_x", `{"id":"whk_y","version":1}`, nil, 422, "in_address", "id"},
		"InAddressOfVerb": {"POST", "/v1/webhooks/whk_x:test", `{"id":"whk_y"}`, nil, 422, "in_address", "id"},
		"Missing":         {"POST", "/v1/webhooks", `{"organizationId":"org_x","topics":["*"]}`, nil, 422, "required", "url"},
		"MissingNull":     {"POST", "/v1/webhooks", `{"organizationId":"org_x","topics":["*"],"url":null}`, nil, 422, "required", "url"},
		"NoOrganization":  {"GET", "/v1/webhooks", "", nil, 422, "required", "organizationId"},
		"NoVersion":       {"PATCH", "/v1/webhooks/whk_x", `{"status":"DISABLED"}`, nil, 422, "required", "version"},
		"IfMatchWeak":     {"PATCH", "/v1/webhooks/whk_x", `{}`, []string{"If-Match", `W/"3"`}, 422, "if_match", "version"},
		"IfMatchAny":      {"PATCH", "/v1/webhooks/whk_x", `{}`, []string{"If-Match", `*`}, 422, "if_match", "version"},
		"IfMatchOther":    {"PATCH", "/v1/webhooks/whk_x", `{"version":4}`, []string{"If-Match", `"3"`}, 422, "if_match", "version"},
		"IfMatchText":     {"PATCH", "/v1/webhooks/whk_x", `{"version":"3"}`, []string{"If-Match", `"3"`}, 422, "if_match", "version"},
		"Parameter":       {"GET", "/v1/webhooks/whk_x/deliveries?limit=5", "", nil, 422, "unknown_parameter", "limit"},
		"ParameterOfPath": {"GET", "/v1/webhooks/whk_x?id=whk_y", "", nil, 422, "unknown_parameter", "id"},
		"OnAChange":       {"DELETE", "/v1/webhooks/whk_x?force=true", "", nil, 422, "unknown_parameter", "force"},
		"Twice":           {"GET", "/v1/webhooks/whk_x/deliveries?first=5&first=6", "", nil, 422, "repeated", "first"},
		"NoNumber":        {"GET", "/v1/webhooks/whk_x/deliveries?first=five", "", nil, 422, "number", "first"},
		"HugeNumber":      {"GET", "/v1/webhooks/whk_x/deliveries?first=99999999999999999999", "", nil, 422, "number", "first"},
		"NoBoolean":       {"GET", "/v1/keys?includeInactive=yes", "", nil, 422, "boolean", "includeInactive"},
		"Many":            {"GET", "/v1/webhooks/whk_x/deliveries?state=" + strings.Repeat("FAILED,", 200), "", nil, 422, "repeated", "state"},
		"NUL":             {"GET", "/v1/webhooks/whk_x/deliveries?topic=%00", "", nil, 422, "text", "topic"},
		"QueryBroken":     {"GET", "/v1/webhooks/whk_x/deliveries?topic=%zz", "", nil, 422, "address", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, calls := newDoor(t, &graphql.Response{Data: []byte(`{}`)})
			w := send(d, c.method, c.target, c.body, c.headers...)
			var p struct {
				Type, Title, Code, Reason, Field string
				Status                           int
				Errors                           []map[string]any
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if len(*calls) != 0 || w.Code != c.status || p.Status != c.status || p.Reason != c.reason || p.Field != c.field || p.Type != "about:blank" || p.Title == "" || len(p.Errors) == 0 {
				t.Errorf("it ran %v and answered %s", *calls, w.Body)
			}
			if (c.status == 405) != (w.Header().Get("Allow") != "") || w.Body.Len() > 8<<10 {
				t.Errorf("%v, %d bytes", w.Header(), w.Body.Len())
			}
		})
	}
	t.Run("ManyUnknown", func(t *testing.T) {
		t.Parallel()
		d, _ := newDoor(t, nil)
		var b strings.Builder
		for n := range 5000 {
			fmt.Fprintf(&b, `,"%s%d":1`, strings.Repeat("x", 150), n)
		}
		if w := send(d, "POST", "/v1/webhooks", "{"+b.String()[1:]+"}"); w.Code != 422 || w.Body.Len() > 16<<10 {
			t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestAnswers: one field of what came is the answer; statuses and headers say the rest.
func TestAnswers(t *testing.T) {
	t.Parallel()
	refusal := func(code fault.Code, more map[string]any) *graphql.Response {
		e := &gqlerror.Error{Message: "No.", Extensions: map[string]any{"code": string(code)}}
		for k, v := range more {
			e.Extensions[k] = v
		}
		return &graphql.Response{Errors: gqlerror.List{e}}
	}
	data := func(text string) *graphql.Response { return &graphql.Response{Data: []byte(text)} }
	create := `{"organizationId":"org_x","url":"https://a.example","topics":["*"]}`
	page := `{"webhookEndpoint":{"deliveries":{"nodes":[{"id":"dlv_x"}],"pageInfo":{"hasNextPage":%t,"endCursor":"c/1"},"totalCount":null}}}`
	for name, c := range map[string]struct {
		method, target, body string
		answer               *graphql.Response
		status               int
		want                 string // "" for a problem
		headers              map[string]string
	}{
		"Object":       {"GET", "/v1/webhooks/whk_x", "", data(`{"webhookEndpoint":{"version":3,"id":"whk_x"}}`), 200, `{"version":3,"id":"whk_x"}`, map[string]string{"ETag": `"3"`, "Cache-Control": "no-store"}},
		"Null":         {"GET", "/v1/webhooks/whk_x", "", data(`{"webhookEndpoint":null}`), 404, "", nil},
		"OfAnother":    {"GET", "/v1/deliveries/con_x", "", data(`{"node":{}}`), 404, "", nil},
		"NullAbove":    {"GET", "/v1/webhooks/whk_x/deliveries", "", data(`{"webhookEndpoint":null}`), 404, "", nil},
		"List":         {"GET", "/v1/webhook-topics", "", data(`{"webhookTopics":[1,2]}`), 200, `{"data":[1,2]}`, nil},
		"EmptyList":    {"GET", "/v1/webhook-topics", "", data(`{"webhookTopics":[]}`), 200, `{"data":[]}`, nil},
		"Page":         {"GET", "/v1/webhooks/whk_x/deliveries?first=1&state=FAILED", "", data(fmt.Sprintf(page, true)), 200, `{"data":[{"id":"dlv_x"}],"pageInfo":{"hasNextPage":true,"endCursor":"c/1"},"totalCount":null}`, map[string]string{"Link": `</v1/webhooks/whk_x/deliveries?after=c%2F1&first=1&state=FAILED>; rel="next"`}},
		"LastPage":     {"GET", "/v1/webhooks/whk_x/deliveries", "", data(fmt.Sprintf(page, false)), 200, `{"data":[{"id":"dlv_x"}],"pageInfo":{"hasNextPage":false,"endCursor":"c/1"},"totalCount":null}`, map[string]string{"Link": ""}},
		"Made":         {"POST", "/v1/webhooks", create, data(`{"createWebhookEndpoint":{"endpoint":{"id":"whk_x","version":1},"secret":"s"}}`), 201, `{"endpoint":{"id":"whk_x","version":1},"secret":"s"}`, map[string]string{"Location": "/v1/webhooks/whk_x", "ETag": `"1"`}},
		"MadeDelivery": {"POST", "/v1/webhooks/whk_x:test", "", data(`{"sendTestWebhook":{"id":"dlv_x"}}`), 201, `{"id":"dlv_x"}`, map[string]string{"Location": "/v1/deliveries/dlv_x"}},
		"ThereAlready": {"POST", "/v1/connections", `{"applicationId":"app_x","hostname":"a.example"}`, data(`{"startConnection":{"created":false,"connection":{"id":"con_x","version":1}}}`), 200, `{"created":false,"connection":{"id":"con_x","version":1}}`, map[string]string{"Location": ""}},
		"Waiting":      {"POST", "/v1/connections/con_x:archive", "", data(`{"archiveConnection":{"connection":null,"waiting":{"kind":"APPROVAL"}}}`), 202, `{"connection":null,"waiting":{"kind":"APPROVAL"}}`, nil},
		"Gone":         {"DELETE", "/v1/webhooks/whk_x", "", data(`{"deleteWebhookEndpoint":{"ok":true}}`), 204, "", nil},
		"Nobody":       {"GET", "/v1/webhooks/whk_x", "", refusal(fault.Unauthenticated, nil), 401, "", map[string]string{"WWW-Authenticate": "Bearer"}},
		"Forbidden":    {"GET", "/v1/webhooks/whk_x", "", refusal(fault.ForbiddenCode, nil), 403, "", nil},
		"StepUp":       {"GET", "/v1/webhooks/whk_x", "", refusal(fault.StepUpCode, nil), 403, "", nil},
		"NotFound":     {"GET", "/v1/webhooks/whk_x", "", refusal(fault.NotFoundCode, nil), 404, "", nil},
		"Invalid":      {"GET", "/v1/webhooks/whk_x", "", refusal(fault.InvalidCode, nil), 422, "", nil},
		"Conflict":     {"GET", "/v1/webhooks/whk_x", "", refusal(fault.ConflictCode, nil), 409, "", nil},
		"Precondition": {"GET", "/v1/webhooks/whk_x", "", refusal(fault.PreconditionCode, nil), 412, "", nil},
		"Version":      {"GET", "/v1/webhooks/whk_x", "", refusal(fault.VersionConflictCode, nil), 412, "", nil},
		"Entitlement":  {"GET", "/v1/webhooks/whk_x", "", refusal(fault.EntitlementCode, nil), 402, "", nil},
		"Quota":        {"GET", "/v1/webhooks/whk_x", "", refusal(fault.QuotaCode, nil), 402, "", nil},
		"Locked":       {"GET", "/v1/webhooks/whk_x", "", refusal(fault.LockedCode, nil), 423, "", nil},
		"RateLimited":  {"GET", "/v1/webhooks/whk_x", "", refusal(fault.RateLimitedCode, map[string]any{"retryAfter": 7}), 429, "", map[string]string{"Retry-After": "7"}},
		"Unavailable":  {"GET", "/v1/webhooks/whk_x", "", refusal(fault.UnavailableCode, map[string]any{"retryAfter": 1}), 503, "", map[string]string{"Retry-After": "1"}},
		"Internal":     {"GET", "/v1/webhooks/whk_x", "", refusal(fault.Internal, map[string]any{"ref": "x"}), 500, "", nil},
		"Half":         {"GET", "/v1/webhooks/whk_x", "", &graphql.Response{Data: []byte(`{"webhookEndpoint":{"id":"whk_x"}}`), Errors: refusal(fault.Internal, nil).Errors}, 500, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := newDoor(t, c.answer)
			w := send(d, c.method, c.target, c.body)
			got := strings.TrimSpace(w.Body.String())
			if w.Code != c.status || c.want != "" && got != c.want {
				t.Errorf("%d %s, want %d %s", w.Code, got, c.status, c.want)
			}
			if (c.status >= 400) != (w.Header().Get("Content-Type") == "application/problem+json") {
				t.Errorf("the answer is %s", w.Header().Get("Content-Type"))
			}
			for name, want := range c.headers {
				if w.Header().Get(name) != want {
					t.Errorf("%s is %q, want %q", name, w.Header().Get(name), want)
				}
			}
		})
	}
	t.Run("FieldOfAVariable", func(t *testing.T) {
		t.Parallel()
		e := &gqlerror.Error{Message: "input: variable.input.topics[2] must be a String", Path: ast.Path{ast.PathName("variable"), ast.PathName("input"), ast.PathName("topics"), ast.PathIndex(2)},
			Extensions: map[string]any{"code": "INVALID", "reason": "variables"}}
		d, _ := newDoor(t, &graphql.Response{Errors: gqlerror.List{e}})
		if w := send(d, "POST", "/v1/webhooks", create); w.Code != 422 || !strings.Contains(w.Body.String(), `"field":"topics.2"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestDocuments: every operation in documents/ belongs to a row, so that none is left behind.
func TestDocuments(t *testing.T) {
	t.Parallel()
	names := rest.Documents()
	raw, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range names {
		if !strings.Contains(string(raw), `operation: "`+name+`"`) {
			t.Errorf("%s is run by no row", name)
		}
	}
	list, _ := filepath.Glob("documents/*.graphql")
	if len(names) < 35 || len(list) < 5 || !slices.IsSorted(list) {
		t.Errorf("%d operations in %d files", len(names), len(list))
	}
}
