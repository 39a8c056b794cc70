package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is docs/openapi.json, by which every answer is judged.
type described struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	Paths    map[string]map[string]struct {
		Security  []map[string]any
		Responses map[string]struct{ Content map[string]any }
	}
}

func readDescribed(t *testing.T) *described {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := &described{t: t, compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(raw, d); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("https://nameplate.example/openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	return d
}

// restAnswer is what an address answered.
type restAnswer struct {
	status int
	header http.Header
	raw    []byte
	object map[string]any
}

// text goes down into an answer: "endpoint.id".
func (a restAnswer) text(field string) string {
	var at any = a.object
	for name := range strings.SplitSeq(field, ".") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	s, _ := at.(string)
	return s
}

// restCaller asks the addresses, and holds every answer to the description.
type restCaller struct {
	*harness.House
	*described
	bearer, cookie string
}

// send asks an address; id is what stands for its names, with a space between two.
func (c restCaller) send(method, path, id, query, body string, header ...string) restAnswer {
	c.t.Helper()
	one, at, _ := strings.Cut(id, " ")
	target := c.Addresses.Console + strings.NewReplacer("{id}", one, "{slug}", one, "{code}", one, "{at}", at).Replace(path)
	r, err := http.NewRequestWithContext(c.t.Context(), method, target+query, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	a := restAnswer{status: res.StatusCode, header: res.Header}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		c.t.Fatal(err)
	}
	c.judge(method, path, &a)
	return a
}

// judge holds an answer to what the description promises of the address.
func (c restCaller) judge(method, path string, a *restAnswer) {
	c.t.Helper()
	status, kind := fmt.Sprint(a.status), "application/json"
	if a.status >= 400 {
		status, kind = "default", "application/problem+json"
	}
	promised, ok := c.Paths[path][strings.ToLower(method)].Responses[status]
	if !ok {
		c.t.Errorf("%s %s answered %d, which docs/openapi.json does not know: %s", method, path, a.status, a.raw)
		return
	}
	if len(promised.Content) == 0 {
		if len(a.raw) > 0 {
			c.t.Errorf("%s %s has a body: %s", method, path, a.raw)
		}
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	s, err := c.compiler.Compile("https://nameplate.example/openapi.json#/paths/" + escape(path) + "/" + strings.ToLower(method) + "/responses/" + status + "/content/" + escape(kind) + "/schema")
	if err != nil {
		c.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.raw))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil || a.header.Get("Content-Type") != kind {
		c.t.Errorf("%s %s answered %d %s %s, and docs/openapi.json says otherwise: %v", method, path, a.status, a.header.Get("Content-Type"), a.raw, err)
	}
	_ = json.Unmarshal(a.raw, &a.object)
}

// TestCN60_RESTAliases: every address answers what the description says, to its owner alone; to a stranger what is there looks like what is not.
func TestCN60_RESTAliases(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	whole, _ := h.Key(nil)
	own := restCaller{House: h, described: readDescribed(t), bearer: whole.Bearer}
	must := func(want int, a restAnswer) restAnswer {
		t.Helper()
		if a.status != want {
			t.Errorf("%d, want %d: %s", a.status, want, a.raw)
		}
		return a
	}
	asked := map[string]bool{}
	ask := func(want int, address, id, query, body string, header ...string) restAnswer {
		t.Helper()
		asked[address] = true
		method, path, _ := strings.Cut(address, " ")
		return must(want, own.send(method, path, id, query, body, header...))
	}

	// What there is, made and read over REST alone.
	app := ask(201, "POST /v1/applications", "", "", `{"name":"Second","environment":"TEST"}`)
	appID := app.text("application.id")
	if app.header.Get("Location") != "/v1/applications/"+appID || app.header.Get("ETag") == "" {
		t.Errorf("made: %v", app.header)
	}
	ask(200, "PATCH /v1/applications/{id}", appID, "", `{"name":"Second shop"}`, "If-Match", app.header.Get("ETag"))
	ask(412, "PATCH /v1/applications/{id}", appID, "", `{"name":"Third shop"}`, "If-Match", `"99"`)
	ask(200, "GET /v1/applications/{id}", appID, "", "")
	ask(200, "GET /v1/applications/{id}/recipes", appID, "", "")
	ask(403, "POST /v1/applications/{id}:archive", appID, "", `{"confirmName":"Second shop"}`) // a person does that
	signed, again := ask(200, "POST /v1/applications/{id}:rotate-edge-secret", appID, "", `{"overlapHours":1}`), ask(200, "POST /v1/applications/{id}:rotate-edge-secret", appID, "", "")
	if signed.text("secret") == again.text("secret") || again.text("previousUntil") == "" || again.text("application.edgeSecretAt") == "" {
		t.Errorf("the edge secret: %s, then %s", signed.raw, again.raw)
	}
	ask(422, "POST /v1/applications/{id}:rotate-edge-secret", appID, "", `{"overlapHours":169}`)
	first := ask(200, "GET /v1/applications", "", "?first=1", "")
	link, ok := strings.CutSuffix(strings.TrimPrefix(first.header.Get("Link"), "</v1/applications"), `>; rel="next"`)
	if !ok {
		t.Fatalf("Link: %q", first.header.Get("Link"))
	}
	second := ask(200, "GET /v1/applications", "", link, "")
	if second.header.Get("Link") != "" || len(second.object["data"].([]any)) != 1 || bytes.Equal(first.raw, second.raw) {
		t.Errorf("the second page: %v %s", second.header, second.raw)
	}
	ask(422, "GET /v1/applications", "", "?first=101", "")
	ask(422, "GET /v1/applications", "", "?after=nonsense", "")

	key := ask(201, "POST /v1/keys", "", "", `{"description":"child","scopes":["webhook.read"]}`)
	ask(200, "GET /v1/keys", "", "?includeInactive=true", "")

	hooks := strings.TrimSuffix(h.Lab.Addresses.Hooks, "/") + "/rest"
	create := `{"url":"` + hooks + `","topics":["connection.*"]}`
	hook := ask(201, "POST /v1/webhooks", "", "", create, "Idempotency-Key", "hook-1")
	hookID := hook.text("endpoint.id")

	ask(200, "POST /v1/domains:check", "", "", `{"hostname":"rest.acme.lab","applicationId":"`+appID+`"}`)
	con := ask(201, "POST /v1/connections", "", "", `{"hostname":"rest.acme.lab","applicationId":"`+h.Addresses.ApplicationID+`","endUserRef":"u1"}`)
	conID := con.text("connection.id")
	ask(200, "POST /v1/connections", "", "", `{"hostname":"rest.acme.lab","applicationId":"`+h.Addresses.ApplicationID+`","endUserRef":"u1"}`)
	ask(422, "POST /v1/connections", "", "", `{"hostname":"no name","applicationId":"`+h.Addresses.ApplicationID+`"}`)
	ask(200, "GET /v1/connections", "", "?text=rest&state=DRAFT,VERIFYING,ACTION_REQUIRED", "")
	ask(422, "GET /v1/connections", "", "?state=NONSENSE", "")
	h.Until("saved over the version that was read", 20*time.Second, func() (bool, string) {
		read := ask(200, "GET /v1/connections/{id}", conID, "", "")
		asked["PATCH /v1/connections/{id}"] = true
		saved := own.send("PATCH", "/v1/connections/{id}", conID, "", fmt.Sprintf(`{"version":%v,"externalRef":"e1"}`, read.object["version"]))
		if saved.status != 412 { // a check came in between: read and save again, as an integrator does
			must(200, saved)
		}
		return saved.status != 412, string(saved.raw)
	})
	for _, below := range []string{"records", "diff", "events", "checks"} {
		ask(200, "GET /v1/connections/{id}/"+below, conID, "", "")
	}
	ask(404, "GET /v1/connections/{id}/certificate", conID, "", "")
	ask(200, "GET /v1/certificates", "", "?atRisk=true", "")
	ask(200, "POST /v1/connections/{id}/records:check", conID, "", "")
	ask(200, "POST /v1/connections/{id}:verify", conID, "", "")
	ask(200, "POST /v1/connections/{id}:retry", conID, "", "")
	ask(200, "POST /v1/connections/{id}:certificate-mode", conID, "", `{"mode":"HTTP_01"}`)
	ask(422, "POST /v1/connections/{id}:certificate-mode", conID, "", `{"mode":"NONSENSE"}`)
	ask(422, "POST /v1/connections/{id}/certificate", conID, "", `{"chainPem":"no PEM","keyPem":"no PEM"}`)

	ask(200, "GET /v1/providers", "", "?text=cloud", "")
	ask(200, "GET /v1/providers/{slug}", "cloudflare", "", "")
	ask(404, "GET /v1/providers/{slug}", "nobody", "", "")

	if again := ask(201, "POST /v1/webhooks", "", "", create, "Idempotency-Key", "hook-1"); again.text("endpoint.id") != hookID || again.text("secret") != hook.text("secret") {
		t.Errorf("the same key made another: %s", again.raw)
	}
	if reused := ask(409, "POST /v1/webhooks", "", "", `{"url":"`+hooks+`2","topics":["*"]}`, "Idempotency-Key", "hook-1"); reused.text("reason") != "idempotency_key_reused" {
		t.Errorf("%s", reused.raw)
	}
	if list := ask(200, "GET /v1/webhooks", "", "", ""); len(list.object["data"].([]any)) != 1 {
		t.Errorf("the list: %s", list.raw)
	}
	ask(200, "GET /v1/webhooks/{id}", hookID, "", "")
	test := ask(201, "POST /v1/webhooks/{id}:test", hookID, "", `{"topic":"connection.live"}`)
	dlvID := test.text("id")
	ask(422, "POST /v1/webhooks/{id}:test", hookID, "", `{"topic":"nothing"}`)
	one := restAnswer{}
	h.Until("the test has arrived", 20*time.Second, func() (bool, string) {
		one = ask(200, "GET /v1/deliveries/{id}", dlvID, "", "")
		return one.text("state") == "SUCCEEDED", string(one.raw)
	})
	if attempts, _ := one.object["attempts"].([]any); len(attempts) != 1 || attempts[0].(map[string]any)["status"] != float64(200) {
		t.Errorf("the attempts: %s", one.raw)
	}
	ask(201, "POST /v1/deliveries/{id}:replay", dlvID, "", "")
	if log := ask(200, "GET /v1/webhooks/{id}/deliveries", hookID, "?state=SUCCEEDED,PENDING,RETRYING&topic=connection.live&first=1", ""); len(log.object["data"].([]any)) != 1 || log.header.Get("Link") == "" {
		t.Errorf("the log: %s", log.raw)
	}
	many := ask(200, "POST /v1/webhooks/{id}/deliveries:replay", hookID, "", `{"window":{"from":"2020-01-01T00:00:00Z","to":"2100-01-01T00:00:00Z"},"states":["SUCCEEDED"]}`)
	if far := ask(200, "GET /v1/webhooks/{id}/replays/{at}", hookID+" "+many.text("replay.at"), "", ""); far.object["queued"] != many.object["queued"] {
		t.Errorf("how far it is: %s", far.raw)
	}
	rotated := ask(200, "POST /v1/webhooks/{id}:rotate-secret", hookID, "", `{"overlapHours":1}`)
	if rotated.text("secret") == hook.text("secret") || rotated.text("endpoint.previousSecretUntil") == "" {
		t.Errorf("%s", rotated.raw)
	}
	ask(200, "PATCH /v1/webhooks/{id}", hookID, "", `{"status":"DISABLED"}`, "If-Match", rotated.header.Get("ETag"))
	ask(412, "POST /v1/webhooks/{id}:test", hookID, "", "")
	ask(200, "GET /v1/webhook-topics", "", "", "")
	ask(200, "GET /v1/explain/{code}", "record_absent", "?locale=de", "")

	token := ask(201, "POST /v1/tokens", "", "", `{"applicationId":"`+h.Addresses.ApplicationID+`","endUserRef":"u1"}`)

	// Other callers.
	stranger, nobody, widget, cookie, narrow := own, own, own, own, own
	stranger.bearer, nobody.bearer, widget.bearer = h.Tenant("stranger").Key.Bearer, "", token.text("token")
	cookie.bearer, cookie.cookie = "", "__Host-np_s="+h.SignIn().Cookie
	narrow.bearer = key.text("secret")
	ids := map[string]string{"applications": appID, "connections": conID, "webhooks": hookID, "deliveries": dlvID, "keys": key.text("apiKey.id"), "tokens": token.text("tokenId")}
	unknownOf := map[string]string{"applications": "application", "connections": "connection", "webhooks": "endpoint", "deliveries": "delivery", "keys": "key", "tokens": "token"}
	bodies := map[string]string{
		"PATCH /v1/applications/{id}": `{"version":1,"name":"x"}`, "POST /v1/applications/{id}:archive": `{"confirmName":"x"}`, "PATCH /v1/connections/{id}": `{"version":1}`, "PATCH /v1/webhooks/{id}": `{"version":1}`,
		"POST /v1/webhooks/{id}/deliveries:replay": `{"window":{"from":"2020-01-01T00:00:00Z","to":"2100-01-01T00:00:00Z"}}`, "POST /v1/domains:check": `{"hostname":"a.acme.lab","applicationId":"` + appID + `"}`,
		"POST /v1/connections/{id}:certificate-mode": `{"mode":"HTTP_01"}`, "POST /v1/connections/{id}/certificate": `{"chainPem":"x","keyPem":"x"}`,
		"POST /v1/applications": `{"name":"x"}`, "POST /v1/keys": `{"description":"x"}`, "POST /v1/connections": `{"hostname":"a.acme.lab","applicationId":"` + appID + `"}`, "POST /v1/webhooks": create, "POST /v1/tokens": `{"applicationId":"` + appID + `"}`,
	}
	same := func(a restAnswer) string {
		delete(a.object, "requestId")
		delete(a.object, "errors")
		raw, _ := json.Marshal(a.object)
		return string(raw)
	}
	for path, at := range own.Paths {
		for method, op := range at {
			address := strings.ToUpper(method) + " " + path
			noun := strings.Split(strings.Split(path, "/")[2], ":")[0]
			id := ids[noun]
			if noun == "explain" || noun == "providers" {
				id = "x"
			}
			public := slices.ContainsFunc(op.Security, func(s map[string]any) bool { return len(s) == 0 })
			if strings.Contains(path, "{at}") {
				id += " 2026-01-01T00:00:00Z"
			}
			for name, c := range map[string]restCaller{"nobody": nobody, "cookie": cookie} {
				if a := c.send(strings.ToUpper(method), path, id, "", bodies[address]); !public && a.status != 401 || public && a.status == 401 {
					t.Errorf("%s %s: %d %s", name, address, a.status, a.raw)
				}
			}
			if ids[noun] == "" || !strings.Contains(path, "{id}") {
				continue
			}
			a, b := stranger.send(strings.ToUpper(method), path, id, "", bodies[address]), stranger.send(strings.ToUpper(method), path, unknown[unknownOf[noun]]()+" 2026-01-01T00:00:00Z", "", bodies[address])
			if a.status != b.status || same(a) != same(b) || a.status != 404 && a.status != 403 && address != "DELETE /v1/tokens/{id}" {
				t.Errorf("a stranger at %s: %d %s, and of what is not there %d %s", address, a.status, a.raw, b.status, b.raw)
			}
		}
	}
	must(404, stranger.send("POST", "/v1/connections", "", "", `{"hostname":"b.acme.lab","applicationId":"`+h.Addresses.ApplicationID+`"}`))
	must(200, narrow.send("GET", "/v1/webhooks", "", "", ""))
	must(403, narrow.send("POST", "/v1/webhooks", "", "", create))
	must(403, widget.send("GET", "/v1/webhooks", "", "?organizationId="+h.Addresses.OrganizationID, ""))
	seen := must(200, widget.send("GET", "/v1/connections/{id}", conID, "", ""))
	if seen.object["externalRef"] != nil || seen.object["application"] != nil || seen.text("hostname") != "rest.acme.lab" {
		t.Errorf("a widget reads %s", seen.raw)
	}
	must(200, widget.send("GET", "/v1/connections/{id}/records", conID, "", ""))
	started := must(201, widget.send("POST", "/v1/connections", "", "", `{"hostname":"rest2.acme.lab","applicationId":"`+h.Addresses.ApplicationID+`"}`))
	if started.text("connection.id") == "" {
		t.Errorf("a widget starts %s", started.raw)
	}
	must(422, own.send("GET", "/v1/webhooks/{id}", conID, "", "")) // of another kind
	must(404, own.send("GET", "/v1/deliveries/{id}", conID, "", ""))

	// The ends.
	ask(200, "POST /v1/connections/{id}:archive", conID, "", `{"confirmHostname":"rest.acme.lab"}`)
	ask(204, "DELETE /v1/webhooks/{id}", hookID, "", "")
	ask(404, "GET /v1/webhooks/{id}", hookID, "", "")
	ask(404, "GET /v1/deliveries/{id}", dlvID, "", "")
	ask(204, "DELETE /v1/keys/{id}", key.text("apiKey.id"), "", "")
	ask(204, "DELETE /v1/tokens/{id}", token.text("tokenId"), "", "")
	for path, at := range own.Paths {
		for method := range at {
			if address := strings.ToUpper(method) + " " + path; !asked[address] {
				t.Errorf("%s was not asked here: add it, so that its answer is held to docs/openapi.json", address)
			}
		}
	}
}
