package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nameplate-dev/nameplate/lab"
)

// send makes one request and returns status and body; redirects are not followed.
func send(t *testing.T, method, address, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b) + res.Header.Get("Location")
}

func TestProviderAPI(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	base := w.Addresses.Zones + "/acme.lab"
	if code, body := send(t, "PUT", base+"/shop/CNAME", `{"ttl":60,"values":["tok.edge.lab"]}`); code != 200 || !strings.Contains(body, `"ttl":60`) {
		t.Fatalf("PUT: %d %s", code, body)
	}
	if got := w.Zone("acme.lab").Get("shop", "CNAME"); len(got) != 1 {
		t.Errorf("stored %v", got)
	}
	if m := ask(t, server(w, "plain", "ns2"), "shop.acme.lab", "CNAME"); short(m.Answer) != "shop.acme.lab. CNAME tok.edge.lab." || m.Answer[0].Header().Ttl != 60 {
		t.Errorf("served %v", m.Answer)
	}
	send(t, "PUT", base+"/@/A", `{"values":["127.0.0.1","127.0.0.2"]}`)
	send(t, "PUT", base+"/_nameplate/TXT", `{"ttl":60,"values":["np-verify=abc"]}`)
	code, body := send(t, "GET", base, "")
	for _, want := range []string{`"zone":"acme.lab"`, `{"name":"@","type":"A","ttl":300,"values":["127.0.0.1","127.0.0.2"]}`, `{"name":"_nameplate","type":"TXT","ttl":60,"values":["np-verify=abc"]}`, `{"name":"shop","type":"CNAME","ttl":60,"values":["tok.edge.lab"]}`} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("GET: %d, %s is missing in %s", code, want, body)
		}
	}
	for range 2 {
		if code, _ := send(t, "DELETE", base+"/shop/CNAME", ""); code != 204 {
			t.Errorf("DELETE: %d", code)
		}
	}
	if m := ask(t, server(w, "plain", "ns1"), "shop.acme.lab", "CNAME"); len(m.Answer) != 0 {
		t.Errorf("deleted, but served %v", m.Answer)
	}
	w.Provider("plain").Fail(lab.RejectRecord(2))
	first, _ := send(t, "PUT", base+"/a/A", `{"values":["127.0.0.1"]}`)
	second, _ := send(t, "PUT", base+"/b/A", `{"values":["127.0.0.1"]}`)
	third, _ := send(t, "PUT", base+"/c/A", `{"values":["127.0.0.1"]}`)
	if first != 200 || second != 422 || third != 200 {
		t.Errorf("with the second change refused: %d %d %d", first, second, third)
	}
}

func TestProviderAPIHostileInput(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	base := w.Addresses.Zones
	before := fmt.Sprint(w.Zone("acme.lab").All(), w.Zone("acme.lab").Serial())
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		field              string
	}{
		"Unknown zone":         {"PUT", "/none.lab/a/A", `{"values":["127.0.0.1"]}`, 404, "zone"},
		"Zone of another":      {"PUT", "/flat.lab/a/A", `{"values":["127.0.0.1"]}`, 404, "zone"},
		"No JSON":              {"PUT", "/acme.lab/a/A", `values`, 400, ""},
		"Two objects":          {"PUT", "/acme.lab/a/A", `{"values":["127.0.0.1"]}{}`, 400, ""},
		"Unknown member":       {"PUT", "/acme.lab/a/A", `{"values":["127.0.0.1"],"x":1}`, 400, ""},
		"Text as values":       {"PUT", "/acme.lab/a/A", `{"values":"127.0.0.1"}`, 422, "values"},
		"No values":            {"PUT", "/acme.lab/a/A", `{}`, 422, "values"},
		"Null":                 {"PUT", "/acme.lab/a/A", `null`, 422, "values"},
		"Negative TTL":         {"PUT", "/acme.lab/a/A", `{"ttl":-1,"values":["127.0.0.1"]}`, 422, "ttl"},
		"Huge TTL":             {"PUT", "/acme.lab/a/A", `{"ttl":99999999999,"values":["127.0.0.1"]}`, 422, "ttl"},
		"Second value wrong":   {"PUT", "/acme.lab/a/A", `{"values":["127.0.0.1","x"]}`, 422, "values[1]"},
		"Zone file in a value": {"PUT", "/acme.lab/a/TXT", `{"values":["x\n@ A 1.2.3.4"]}`, 422, "values[0]"},
		"Zero octet":           {"PUT", "/acme.lab/a/CNAME", `{"values":["a\u0000b.lab"]}`, 422, "values[0]"},
		"Slash in the name":    {"PUT", "/acme.lab/a%2Fb/A", `{"values":["127.0.0.1"]}`, 422, "name"},
		"Foreign name":         {"PUT", "/acme.lab/x.flat.lab./A", `{"values":["127.0.0.1"]}`, 422, "name"},
		"Type":                 {"PUT", "/acme.lab/a/BOGUS", `{"values":["x"]}`, 422, "type"},
		"ALIAS at plain":       {"PUT", "/acme.lab/@/ALIAS", `{"values":["x.lab"]}`, 422, "type"},
		"Name servers":         {"PUT", "/acme.lab/@/NS", `{"values":["evil.lab"]}`, 422, "type"},
		"Delete name servers":  {"DELETE", "/acme.lab/@/NS", ``, 422, "type"},
		"Large body":           {"PUT", "/acme.lab/a/TXT", `{"values":["` + strings.Repeat("x", 70<<10) + `"]}`, 413, ""},
		"Method":               {"POST", "/acme.lab/a/A", `{}`, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, body := send(t, c.method, base+c.path, c.body)
			if code != c.code || c.field != "" && !strings.Contains(body, `"field":"`+c.field+`"`) {
				t.Errorf("%d %s, want %d and field %q", code, body, c.code, c.field)
			}
		})
	}
	if after := fmt.Sprint(w.Zone("acme.lab").All(), w.Zone("acme.lab").Serial()); after != before {
		t.Errorf("something was stored:\n%s\n%s", before, after)
	}
	if code, _ := send(t, "GET", base+"/acme.lab", "", "Host", "evil.example"); code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign Host: %d", code)
	}
	if code, _ := send(t, "PUT", base+"/acme.lab/a/A", `{"values":["127.0.0.1"]}`, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
		t.Errorf("a foreign page: %d", code)
	}
}

func TestProviderPage(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	post := func(provider, zone string, form ...string) (int, string) {
		v := url.Values{"do": {"add"}, "ttl": {"300"}}
		for i := 0; i < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		return send(t, "POST", w.Addresses.Providers+"/"+provider+"/"+zone, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	for name, c := range map[string]struct {
		provider, zone, typ, name, value string
		at, want                         string // empty: refused
	}{
		"Final dot":             {"plain", "acme.lab", "CNAME", "shop", "tok.edge.lab.", "shop", "tok.edge.lab."},
		"Appends to the target": {"plain", "acme.lab", "CNAME", "oops", "tok.edge.lab", "oops", "tok.edge.lab.acme.lab."},
		"Doubles the name":      {"plain", "acme.lab", "TXT", "full.acme.lab", "x", "full.acme.lab", "x"},
		"Full name elsewhere":   {"flat", "flat.lab", "CNAME", "shop.flat.lab", "tok.edge.lab", "shop", "tok.edge.lab"},
		"CNAME beside others":   {"plain", "acme.lab", "CNAME", "@", "tok.edge.lab.", "", ""},
		"Bad address":           {"plain", "acme.lab", "A", "bad", "1.2.3", "", ""},
		"Markup":                {"plain", "acme.lab", "TXT", "<script>", "x", "", ""},
		"Name servers":          {"plain", "acme.lab", "NS", "@", "evil.lab.", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, body := post(c.provider, c.zone, "type", c.typ, "name", c.name, "value", c.value)
			if c.want == "" {
				if code != 422 || !strings.Contains(body, `id="problem"`) || strings.Contains(body, "<script>") {
					t.Errorf("%d %s", code, body)
				}
				return
			}
			if got := w.Zone(c.zone).Get(c.at, c.typ); code != 303 || len(got) != 1 || got[0] != c.want {
				t.Errorf("%d, stored %v, want %q at %q", code, got, c.want, c.at)
			}
		})
	}
	if code, body := send(t, "GET", w.Addresses.Providers+"/plain/acme.lab", ""); code != 200 || !strings.Contains(body, "tok.edge.lab.acme.lab.") {
		t.Errorf("the page shows %d %s", code, body)
	}
	post("plain", "acme.lab", "do", "delete", "type", "CNAME", "name", "shop", "value", "tok.edge.lab.")
	if got := w.Zone("acme.lab").Get("shop", "CNAME"); got != nil {
		t.Errorf("deleted, but %v", got)
	}
	for _, path := range []string{"/plain/", "/flat/flat.lab", "/lagging/corp.lab", "/parking/parked.lab", "/look.css"} {
		if code, _ := send(t, "GET", w.Addresses.Providers+path, ""); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := send(t, "GET", w.Addresses.Providers+"/plain/none.lab", ""); code != 404 {
		t.Errorf("unknown zone: %d", code)
	}
}

func TestMailSink(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	mail := "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nYour domain is live =E2=9C=93\r\n" +
		"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<b>live</b>\r\n--b--\r\n"
	if err := smtp.SendMail(w.Addresses.SMTP, nil, "app@acme.lab", []string{"ana@example.com"}, []byte(mail)); err != nil {
		t.Fatal(err)
	}
	got := w.Mail.Messages("ANA@example.com")
	if len(got) != 1 || got[0].Subject != "Grüße" || !strings.Contains(got[0].Text, "live ✓") || got[0].HTML == "" {
		t.Errorf("messages %+v", got)
	}
	if err := smtp.SendMail(w.Addresses.SMTP, nil, "app@acme.lab", []string{"bounce@example.com"}, []byte(mail)); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("bounce: %v", err)
	}
	if _, body := send(t, "GET", w.Addresses.Mail+"/messages?to=ana@example.com", ""); !strings.Contains(body, `"subject":"Grüße"`) {
		t.Errorf("list %s", body)
	}
	if _, body := send(t, "GET", w.Addresses.Mail, ""); !strings.Contains(body, "Grüße") {
		t.Errorf("page %s", body)
	}
	if code, _ := send(t, "DELETE", w.Addresses.Mail+"/messages", ""); code != 204 || len(w.Mail.Messages("")) != 0 {
		t.Error("not emptied")
	}
}

func TestWebhookSink(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	hooks := w.Addresses.Hooks
	news := w.Hooks.News()
	if code, _ := send(t, "POST", hooks+"/hooks", `{"a":1}`, "Webhook-Id", "msg_1"); code != 200 {
		t.Errorf("first: %d", code)
	}
	select {
	case <-news:
	case <-time.After(time.Second):
		t.Error("no news of the arrival")
	}
	w.Hooks.SetAnswer(lab.HookAnswer{Status: 429, RetryAfter: 7})
	if code, _ := send(t, "POST", hooks+"/hooks", `{"a":2}`); code != 429 {
		t.Errorf("limited: %d", code)
	}
	if code, _ := send(t, "POST", hooks+"/x/status/410", ""); code != 410 {
		t.Errorf("by its path: %d", code)
	}
	if code, _ := send(t, "PUT", hooks+"/_answer", `{"status":99}`); code != 422 || w.Hooks.Answer().Status != 429 {
		t.Errorf("a status that is none: %d", code)
	}
	send(t, "PUT", hooks+"/_answer", `{"status":500}`)
	if code, _ := send(t, "POST", hooks+"/hooks", ""); code != 500 {
		t.Errorf("set over HTTP: %d", code)
	}
	got := w.Hooks.Requests("/hooks")
	if len(got) != 3 || got[0].Body != `{"a":1}` || got[0].Headers.Get("Webhook-Id") != "msg_1" || got[1].Status != 429 {
		t.Errorf("requests %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", hooks+"/hang", nil)
	if _, err := http.DefaultTransport.RoundTrip(req); err == nil {
		t.Error("a hanging hook answered")
	}
	var list struct{ Requests []struct{ Path string } }
	_, body := send(t, "GET", hooks+"/_requests", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Requests) != 5 {
		t.Errorf("list %s: %v", body, err)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	_, body := send(t, "POST", w.Addresses.Origin+"/a/b?c=d", "hello", "Host", "shop.acme.lab", "Nameplate-Host", "shop.acme.lab")
	var e struct {
		Method, Host, Path, Query, Body string
		Headers                         http.Header
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Method != "POST" || e.Host != "shop.acme.lab" || e.Path != "/a/b" || e.Query != "c=d" || e.Body != "hello" || e.Headers.Get("Nameplate-Host") == "" {
		t.Errorf("echo %s: %v", body, err)
	}
	if _, body := send(t, "GET", w.Addresses.Origin, "", "Accept", "text/html", "Host", "shop.acme.lab", "X-Test", "<b>"); !strings.Contains(body, "<h1>") || strings.Contains(body, "<b>GET</b><b>") || strings.Contains(body, "<dd><b></dd>") {
		t.Errorf("page %s", body)
	}
	if code, _ := send(t, "GET", w.Addresses.Origin+"/status/503", ""); code != 503 {
		t.Errorf("status: %d", code)
	}
	if code, body := send(t, "GET", w.Addresses.Origin+"/slow?chunks=3&every=1ms", ""); code != 200 || strings.Count(body, "chunk") != 3 {
		t.Errorf("slow: %s", body)
	}
	c, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(w.Addresses.Origin, "http", "ws", 1)+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.ReadMessage(); err != nil || string(got) != "hi" {
		t.Errorf("socket: %q %v", got, err)
	}
}

func TestHostPageAndItsTwin(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	if _, body := send(t, "GET", w.Addresses.HostPage, ""); strings.Contains(body, "nameplate-connect") {
		t.Error("the widget is there before the product")
	}
	if code, _ := send(t, "POST", w.Addresses.HostPage+"/token", `{"user":"ana"}`); code != 502 {
		t.Errorf("a token before the product: %d", code)
	}
	var asked struct {
		Variables struct{ Input map[string]any }
	}
	var bearer string
	product := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		bearer = r.Header.Get("Authorization")
		_ = json.NewDecoder(r.Body).Decode(&asked)
		_, _ = io.WriteString(rw, `{"data":{"createWidgetToken":{"token":"tok","expiresAt":"2030-01-01T00:00:00Z"}}}`)
	}))
	defer product.Close()
	w.Embed(lab.Embed{GraphQL: product.URL + "/graphql", GraphQLWS: strings.Replace(product.URL, "http", "ws", 1) + "/graphql", WidgetOrigin: product.URL, PublicKey: "pk_test", ApplicationID: "app_1", APIKey: "npk_secret"})
	for _, site := range []string{w.Addresses.HostPage, w.Addresses.EvilPage} {
		_, body := send(t, "GET", site+"?locale=de&user=bob&domain=%22%3E%3Cscript%3E", "")
		for _, want := range []string{`src="` + product.URL + `/widget/v1/connect.js"`, `public-key="pk_test"`, `api="` + product.URL + `"`, `locale="de"`, `data-user="bob"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %s is missing in %s", site, want, body)
			}
		}
		if strings.Contains(body, "npk_secret") || strings.Contains(body, "<script>\"") || strings.Contains(body, `"><script>`) {
			t.Errorf("%s leaks or is injected: %s", site, body)
		}
		code, body := send(t, "POST", site+"/token", `{"user":"bob"}`)
		if code != 200 || body != "{\"expiresAt\":\"2030-01-01T00:00:00Z\",\"token\":\"tok\"}\n" {
			t.Errorf("%s: token %d %s", site, code, body)
		}
		// The twin holds a token that was made for the good page.
		if in := asked.Variables.Input; bearer != "Bearer npk_secret" || in["applicationId"] != "app_1" || in["endUserRef"] != "bob" || in["origin"] != w.Addresses.HostPage {
			t.Errorf("%s asked with %v", site, in)
		}
	}
	if code, _ := send(t, "POST", w.Addresses.HostPage+"/token", `{"user":"<x>"}`); code != 422 {
		t.Errorf("a strange user: %d", code)
	}
	if code, _ := send(t, "POST", w.Addresses.HostPage+"/token", `{"user":"ana"}`, "Sec-Fetch-Site", "cross-site"); code != 403 {
		t.Errorf("from a foreign page: %d", code)
	}
}

func TestLabPage(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	page := w.Addresses.Page
	_, body := send(t, "GET", page, "")
	for _, want := range []string{"acme.lab", "The product is starting", "ns1.plain-dns.lab", "Nothing was ordered yet"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing on the page", want)
		}
	}
	w.Embed(lab.Embed{GraphQL: "http://localhost:1/graphql", Console: "http://localhost:1", ConsoleEmail: "dev@acme.lab", ConsolePassword: "pass", Links: []lab.Link{{Label: "Explorer", URL: "http://localhost:1/x", About: "GraphQL"}}})
	_, body = send(t, "GET", page, "")
	for _, want := range []string{"dev@acme.lab", "Explorer", w.Addresses.HostPage, "Connect your domain"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing on the page", want)
		}
	}
	form := func(path, body string) string {
		t.Helper()
		code, back := send(t, "POST", page+path, body, "Content-Type", "application/x-www-form-urlencoded")
		if code != 303 {
			t.Errorf("%s: %d %s", path, code, back)
		}
		return back
	}
	form("/clock", "by=72h")
	form("/fault", "server=plain/ns1.plain-dns.lab&kind=refused")
	form("/lag", "server=lagging/ns3.lagging-dns.lab&by=1h")
	form("/ca", "ca=main&do=down")
	form("/hooks", "status=500")
	form("/register", "name=my-shop.lab&provider=plain")
	_, live := send(t, "GET", page+"/live", "")
	for _, want := range []string{"72h ahead", "refused", "lags 1h<", "CA main: down", "webhook sink: 500", "my-shop.lab"} {
		if !strings.Contains(live, want) {
			t.Errorf("%q is missing in %s", want, live)
		}
	}
	form("/heal", "provider=plain")
	for _, bad := range []string{"/clock by=-1h", "/clock by=x", "/fault server=none&kind=refused", "/fault server=plain&kind=none", "/ca ca=none&do=up", "/hooks status=9", "/register name=acme.lab&provider=plain", "/register name=co.lab&provider=plain", "/register name=a.b.lab&provider=plain", "/register name=ok.lab&provider=none", "/lag server=plain&by=1s"} {
		path, values, _ := strings.Cut(bad, " ")
		if back := form(path, values); !strings.HasPrefix(back, "/?problem=") {
			t.Errorf("%s: %s", bad, back)
		}
	}
	w.Zone("acme.lab").On("ns1").Set("shop", "CNAME", "tok.edge.lab")
	_, body = send(t, "GET", page+"/answers?name=shop.acme.lab&type=CNAME", "")
	if !strings.Contains(body, "tok.edge.lab.") || !strings.Contains(body, "NXDOMAIN") || !strings.Contains(body, "nothing about this name") {
		t.Errorf("answers %s", body)
	}
	if n := len(w.Recursor(1).Log("shop.acme.lab")); n != 0 {
		t.Errorf("the page asked a resolver %d times", n)
	}
	if code, _ := send(t, "GET", page+"/answers?name=&type=X", ""); code != 422 {
		t.Errorf("no name: %d", code)
	}
	if code, body := send(t, "GET", page+"/visit?host=%3Cscript%3E", ""); code != 502 || strings.Contains(body, "<script>\"") {
		t.Errorf("visit of nonsense: %d", code)
	}
	if _, body := send(t, "GET", page+"/ca.pem", ""); strings.Count(body, "BEGIN CERTIFICATE") != 2 {
		t.Errorf("roots %s", body)
	}
	if code, body := send(t, "GET", page+"/panel.js", ""); code != 200 || !bytes.Contains([]byte(body), []byte("/live")) {
		t.Errorf("script: %d", code)
	}
}
