package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// TestO5_SecretsSafe: after a customer's and a developer's whole way through the product, nothing that was ever secret can be read anywhere it does not
// belong: no table, no key of Redis, no line of the log, no metric, no webhook, no answer (CN-66).
func TestO5_SecretsSafe(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	h := harness.Start(t, func(c *stage.Config) { c.LogLevel, c.Redis = "debug", redis.Addr() })
	secrets, answers := way(t, h)
	places := map[string]string{"the log": h.Logs.String(), "the metrics": fetch(t, h.Addresses.Metrics), "redis": redis.Dump()}
	for n, hook := range h.Lab.Hooks.Requests("") {
		raw, err := json.Marshal(hook)
		if err != nil {
			t.Fatal(err)
		}
		places[fmt.Sprintf("webhook %s %d", hook.Path, n+1)] = string(raw)
	}
	for table, text := range dump(t, h) {
		places["table "+table] = text
	}
	for name, text := range answers {
		places["answer "+name] = text
	}
	for _, place := range []string{"the log", "the metrics", "table event", "table session", "table api_key", "table widget_token", "table certificate", "table webhook_attempt", "webhook /secrets 1", "answer timeline"} {
		if len(places[place]) == 0 {
			t.Errorf("%s is empty: this search means nothing", place)
		}
	}
	for place, text := range places {
		for name, forms := range secrets {
			for form, s := range forms {
				if at := strings.Index(text, s); at >= 0 {
					t.Errorf("%s holds %s (%s): …%s<here>", place, name, form, text[max(0, at-80):at])
				}
			}
		}
		for _, pem := range []string{"PRIVATE KEY", hex.EncodeToString([]byte("PRIVATE KEY"))} {
			if strings.Contains(text, pem) {
				t.Errorf("%s holds a private key in PEM", place)
			}
		}
	}
	t.Logf("%d secrets were looked for in %d places", len(secrets), len(places))
}

// forms are the shapes in which a secret could lie about.
func forms(raw []byte) map[string]string {
	f := map[string]string{"hex": hex.EncodeToString(raw), "base64": base64.RawStdEncoding.EncodeToString(raw), "base64url": base64.RawURLEncoding.EncodeToString(raw)}
	if text := string(raw); strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		f["as it is"], f["in an address"] = text, url.QueryEscape(text)
	}
	return f
}

// way walks through the product with secrets in the hand, and answers them, and what the product says later to those who may ask.
func way(t *testing.T, h *harness.House) (map[string]map[string]string, map[string]string) {
	t.Helper()
	browser := h.SignIn()
	var hook struct {
		CreateWebhookEndpoint struct {
			Endpoint struct{ ID string }
			Secret   string
		}
	}
	h.Must(`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id } secret } }`, map[string]any{"in": map[string]any{
		"organizationId": h.Addresses.OrganizationID, "url": h.Lab.Addresses.Hooks + "/secrets", "topics": []string{"*", "connection.checked", "record.status_changed"}, "clientMutationId": "once-hook"}}, &hook)
	key := h.Send(browser, harness.Query{Document: documentNamed(t, h, "console", "KeyDialogCreateMutation"), Variables: map[string]any{"input": map[string]any{
		"description": "made in the console", "organizationId": h.Addresses.OrganizationID, "scopes": []string{"connection.read"}, "clientMutationId": "once-key"}}})
	var made struct {
		CreateAPIKey struct {
			Secret string
			APIKey struct{ ID string }
		}
	}
	if decode(key.Data, &made); made.CreateAPIKey.Secret == "" {
		t.Fatalf("no key was made: %s", key.Raw)
	}
	widget, tokenID := h.Widget(map[string]any{"endUserRef": "customer-1", "clientMutationId": "once-token"})
	socket := h.Connect(widget)
	started := h.Send(widget, harness.Query{Document: documentNamed(t, h, "widget", "documentsStartMutation"), Variables: map[string]any{
		"input": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": "secret.acme.lab"}, "domain": "acme.lab", "applicationId": h.Addresses.ApplicationID}})
	var start struct {
		StartConnection struct{ Connection harness.Connection }
	}
	decode(started.Data, &start)
	id := start.StartConnection.Connection.ID
	socket.Subscribe(harness.Query{Document: documentNamed(t, h, "widget", "documentsProgressSubscription"), Variables: map[string]any{"id": id, "domain": "acme.lab", "applicationId": h.Addresses.ApplicationID}})
	h.AddRecords("acme.lab", h.State(id, 10*time.Second, "ACTION_REQUIRED"))
	c := h.State(id, 30*time.Second, "LIVE")
	mistakes(t, h, browser, made.CreateAPIKey.Secret, widget.Bearer)
	if _, _, err := h.Visit("secret.acme.lab", "/", "Authorization", "Bearer "+sentinel, "Cookie", "visitor="+sentinel); err != nil {
		t.Fatal(err)
	}
	h.Until("the hooks arrived", 30*time.Second, func() (bool, string) {
		for _, r := range h.Lab.Hooks.Requests("/secrets") {
			if strings.Contains(r.Body, "connection.live") {
				return true, ""
			}
		}
		return false, ""
	})
	signOut(t, h, browser)
	h.Must(`mutation($id: ID!) { revokeWidgetToken(tokenId: $id) { ok } }`, map[string]any{"id": tokenID}, &struct{}{})

	secrets := map[string]map[string]string{}
	note := func(name, s string) {
		if len(s) < 8 {
			t.Fatalf("the way gave no %s: %q", name, s)
		}
		secrets[name] = forms([]byte(s))
	}
	hidden := func(k string) string { return strings.SplitN(k, "_", 3)[2] } // npk_, the name and _ come first; what is hidden may hold a _ of its own
	note("the seeded API key", hidden(h.Addresses.APIKey))
	note("the console's API key", hidden(made.CreateAPIKey.Secret))
	note("the widget token's signature", widget.Bearer[strings.LastIndexByte(widget.Bearer, '.')+1:])
	note("the session cookie", browser.Cookie)
	note("the CSRF value", browser.CSRF)
	note("the password", stage.Password)
	note("the webhook's secret", strings.TrimPrefix(hook.CreateWebhookEndpoint.Secret, "whsec_"))
	note("what visitors and strangers sent", sentinel)
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hook.CreateWebhookEndpoint.Secret, "whsec_")); err == nil {
		secrets["the webhook's secret, decoded"] = forms(raw)
	}
	for name, raw := range keys(t, h, c.Certificate.ID) {
		secrets[name] = forms(raw)
	}
	kek, err := os.ReadFile(filepath.Join(filepath.Dir(h.Addresses.CARoot), "kek"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(strings.TrimSpace(string(kek)), ":")
	note("the key-encryption key", text)
	return secrets, later(h, id, hook.CreateWebhookEndpoint.Endpoint.ID)
}

// mistakes send secrets to where they do not belong.
func mistakes(t *testing.T, h *harness.House, browser harness.Caller, key, token string) {
	t.Helper()
	for _, body := range []string{`{"username":"` + stage.Email + `","password":"` + sentinel + `"}`, `{"username":"` + sentinel + `","password":"` + sentinel + `"}`, `{"username":"a","password":["` + sentinel + `"]}`, `{"password":"` + sentinel} {
		res, err := http.Post(h.Addresses.Console+"/auth/sign-in", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode < 400 || bytes.Contains(raw, []byte(sentinel)) {
			t.Errorf("sign-in answered %d %s", res.StatusCode, raw)
		}
	}
	for _, address := range []string{"/graphql?token=" + token, "/" + stage.Organization + "/keys?key=" + key, "/widget/v1/" + sentinel + "?session=" + browser.Cookie, "/.well-known/" + sentinel} {
		if res, err := http.Get(h.Addresses.Console + address); err == nil {
			res.Body.Close()
		}
	}
	for _, wrong := range []harness.Caller{{Bearer: sentinel}, {Bearer: key + "x"}, {Bearer: token + "x"}, {Cookie: sentinel}, {Bearer: key, Origin: "https://evil.example"}} {
		h.Post(wrong, []byte(`{"query":"{ viewer { userId } }"}`))
	}
	if _, _, err := h.Visit("stranger.acme.lab", "/"); err == nil { // so that the log has a line at least
		t.Error("a name that is not ours was served")
	}
	h.Ask(`query($x: String!) { explain(code: $x) { title } }`, map[string]any{"x": []string{sentinel}})
	h.Ask(`{ connection(id: "`+sentinel+`") { id } }`, nil)
}

// later is what those who may ask are told.
func later(h *harness.House, connection, endpoint string) map[string]string {
	out := map[string]string{}
	for name, q := range map[string]harness.Query{
		"keys":      {Text: `query($o: ID!) { apiKeys(organizationId: $o, includeInactive: true) { nodes { id prefix lastFour description scopes } } }`, Variables: map[string]any{"o": h.Addresses.OrganizationID}},
		"endpoint":  {Text: `query($e: ID!) { webhookEndpoint(id: $e) { id secretHint deliveries(first: 50) { nodes { payload attempts { requestHeaders responseHeaders responseBody error } } } } }`, Variables: map[string]any{"e": endpoint}},
		"timeline":  {Text: `query($c: ID!) { connection(id: $c) { metadata certificate { id serial } certificates { id serial } timeline(first: 100) { nodes { data text actor } } checks { nodes { id findings { params } } } } }`, Variables: map[string]any{"c": connection}},
		"providers": {Text: `{ webhookTopics { topic example } }`},
		"endpoints": {Text: `query($o: ID!) { webhookEndpoints(organizationId: $o) { id secretHint url } }`, Variables: map[string]any{"o": h.Addresses.OrganizationID}},
	} {
		out[name] = string(h.Send(harness.Caller{Bearer: h.Addresses.APIKey}, q).Raw)
	}
	return out
}

// keys are the private keys behind a certificate and behind our signatures.
func keys(t *testing.T, h *harness.House, id string) map[string][]byte {
	t.Helper()
	cert, err := ident.Parse[ident.CertificateID](id)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := h.App.Certificates.Load(t.Context(), cert)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{"the certificate's private key": private(t, loaded)}
	der, err := x509.MarshalPKCS8PrivateKey(loaded.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	out["the certificate's private key as PKCS #8"] = der
	for _, use := range []vault.Purpose{vault.WidgetToken, vault.Nonce, vault.CSRF, vault.Session} {
		s, err := h.App.Vault.Signer(t.Context(), use)
		if err != nil {
			t.Fatal(err)
		}
		out["the signing key of "+string(use)] = s.Private().Seed()
	}
	return out
}

// private is the number that nobody may know.
func private(t *testing.T, c *tls.Certificate) []byte {
	t.Helper()
	switch k := c.PrivateKey.(type) {
	case *ecdsa.PrivateKey:
		raw, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	case *rsa.PrivateKey:
		return k.Primes[0].Bytes()
	}
	t.Fatalf("a private key of type %T", c.PrivateKey)
	return nil
}

// dump is the text of every table.
func dump(t *testing.T, h *harness.House) map[string]string {
	t.Helper()
	rows, err := h.App.DB.Query(t.Context(), `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema') order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range tables {
		rows, err := h.App.DB.Query(t.Context(), "select t::text from "+table+" t")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimPrefix(table, "public.")] = strings.Join(lines, "\n")
	}
	return out
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
