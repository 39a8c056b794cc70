package e2e_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/lab"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestO2_EdgeHTTPS: a name goes live by itself, a visitor gets the origin over TLS, and nothing is ordered when the first visitor comes (CN-19, CN-29).
func TestO2_EdgeHTTPS(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	began := time.Now()
	c := h.StartConnection("shop.acme.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	if d := time.Since(began); d > 9*time.Second {
		t.Errorf("the records were there after %s; 3 s were promised", d)
	}
	if _, _, err := h.Visit("shop.acme.lab", "/"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("before ownership is proven: %v", err)
	}
	h.AddRecords("acme.lab", c)
	began = time.Now()
	c = h.State(c.ID, 30*time.Second, "LIVE")
	if d := time.Since(began); d > 24*time.Second {
		t.Errorf("LIVE %s after the records were set; 8 s were promised", d)
	}
	orders := len(h.Lab.CA("main").OrdersFor("shop.acme.lab"))
	res, body, err := h.Visit("shop.acme.lab", "/hello?x=1")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("visit: %v %v", res, err)
	}
	if !strings.Contains(string(body), "/hello") {
		t.Errorf("the origin did not see the path: %s", body)
	}
	if got := len(h.Lab.CA("main").OrdersFor("shop.acme.lab")); got != orders || got != 1 {
		t.Errorf("%d orders before the first visitor, %d after", orders, got)
	}
	if c.Certificate == nil || c.Certificate.Status != "ISSUED" || len(c.Certificate.Names) != 1 || c.Certificate.Names[0] != "shop.acme.lab" {
		t.Errorf("certificate %+v", c.Certificate)
	}
	t.Run("HTTPRedirects", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.Addresses.EdgeHTTP+"/a?b=c", nil)
		r.Host = "shop.acme.lab"
		res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusPermanentRedirect || !strings.HasSuffix(res.Header.Get("Location"), "/a?b=c") || !strings.HasPrefix(res.Header.Get("Location"), "https://shop.acme.lab") {
			t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
		}
	})
	t.Run("UnknownName", func(t *testing.T) {
		_, err := tls.Dial("tcp", h.Addresses.EdgeHTTPS, &tls.Config{ServerName: "nobody.example", InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ArchivedNameIsGone", func(t *testing.T) {
		var out struct {
			ArchiveConnection struct{ Connection harness.Connection }
		}
		h.Must(`mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "shop.acme.lab") { connection { id state } } }`, map[string]any{"id": c.ID}, &out)
		if out.ArchiveConnection.Connection.State != "ARCHIVED" {
			t.Fatalf("state %s", out.ArchiveConnection.Connection.State)
		}
		h.Until("the edge refuses the archived name", 5*time.Second, func() (bool, string) {
			_, _, err := h.Visit("shop.acme.lab", "/")
			return err != nil && strings.Contains(err.Error(), "unrecognized name"), ""
		})
		again := h.StartConnection("shop.acme.lab")
		if again.ID == c.ID || again.Target == c.Target {
			t.Errorf("a target was handed out twice (CN-28)")
		}
		again = h.State(again.ID, 15*time.Second, "ACTION_REQUIRED")
		if f := again.Facets["ownership"]; f.Value == "VERIFIED" || f.Value == "verified" {
			t.Errorf("the dangling CNAME to the old target proves something: %+v", f)
		}
	})
}

// TestC4_ApexByAddress: the apex goes live by ALIAS with the TXT proof.
func TestC4_ApexByAddress(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("flat.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	h.AddRecords("flat.lab", c)
	c = h.State(c.ID, 45*time.Second, "LIVE")
	for _, r := range c.Records {
		if r.Type == "ALIAS" && r.Status != "FLATTENED" && r.Status != "OK" {
			t.Errorf("the ALIAS line is %s", r.Status)
		}
	}
}

// TestO3_MetricsAndRenewalRisk: what operators watch is there, and /readyz answers.
func TestO3_MetricsAndRenewalRisk(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Live("acme.lab", "metered.acme.lab")
	get := func(url string) (int, string) {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		buf := make([]byte, 32<<10)
		for {
			n, err := res.Body.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				break
			}
		}
		return res.StatusCode, b.String()
	}
	_, text := get(h.Addresses.Metrics)
	for _, name := range []string{"nameplate_connection_connections{state=\"LIVE\"} 1", "nameplate_dnscheck_checks_total", "nameplate_certificate_days_left", "nameplate_acme_budget_remaining", "nameplate_edge_handshakes_total", "nameplate_webhook_lag_seconds", "nameplate_edgedns_questions_total", "nameplate_graph_operation_seconds_count{kind=\"mutation\"", "nameplate_graph_peers "} {
		if !strings.Contains(text, name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	if strings.Contains(text, "metered.acme.lab") {
		t.Error("a host name is a label")
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(h.Addresses.Console + path); code != http.StatusOK {
			t.Errorf("%s answers %d %s", path, code, body)
		}
	}
}

// TestD7_WebhooksDeliverRetryReplay: an integrator's endpoint hears that a name is live, also after failing at first, and once more on demand.
func TestD7_WebhooksDeliverRetryReplay(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	var made struct {
		CreateWebhookEndpoint struct {
			Endpoint struct{ ID string }
			Secret   string
		}
	}
	h.Must(`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id } secret } }`,
		map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "url": strings.TrimSuffix(h.Lab.Addresses.Hooks, "/") + "/acme", "topics": []string{"connection.live"}}}, &made)
	if !strings.HasPrefix(made.CreateWebhookEndpoint.Secret, "whsec_") {
		t.Fatalf("secret %q", made.CreateWebhookEndpoint.Secret)
	}
	h.Lab.Hooks.SetAnswer(lab.HookAnswer{Status: 500})
	c, _ := h.Live("acme.lab", "hooked.acme.lab")
	h.Until("the hook arrived", 20*time.Second, func() (bool, string) {
		return len(h.Lab.Hooks.Requests("/acme")) == 1, ""
	})
	h.Lab.Hooks.SetAnswer(lab.HookAnswer{Status: 200})
	h.Until("it is tried again", 30*time.Second, func() (bool, string) { return len(h.Lab.Hooks.Requests("/acme")) == 2, "" })
	wh, err := standardwebhooks.NewWebhook(made.CreateWebhookEndpoint.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range h.Lab.Hooks.Requests("/acme") {
		if err := wh.VerifyIgnoringTimestamp([]byte(r.Body), r.Headers); err != nil || r.Headers.Get("webhook-id") != h.Lab.Hooks.Requests("/acme")[0].Headers.Get("webhook-id") {
			t.Errorf("the attempt %+v: %v", r, err)
		}
	}
	first := h.Lab.Hooks.Requests("/acme")[0]
	body, _ := json.Marshal(first)
	if !strings.Contains(string(body), c.ID) && !strings.Contains(string(body), "connection.live") {
		t.Errorf("the hook says %s", body)
	}
	var list struct {
		WebhookEndpoint struct {
			Deliveries struct {
				Nodes []struct{ ID, State, Topic string }
			}
		}
	}
	h.Must(`query($id: ID!) { webhookEndpoint(id: $id) { deliveries { nodes { id state topic } } } }`, map[string]any{"id": made.CreateWebhookEndpoint.Endpoint.ID}, &list)
	if n := list.WebhookEndpoint.Deliveries.Nodes; len(n) != 1 || n[0].Topic != "connection.live" {
		t.Fatalf("deliveries %+v", n)
	}
	var replay struct{ ReplayDelivery struct{ ID string } }
	h.Must(`mutation($id: ID!) { replayDelivery(id: $id) { id } }`, map[string]any{"id": list.WebhookEndpoint.Deliveries.Nodes[0].ID}, &replay)
	h.Until("the replay arrived", 20*time.Second, func() (bool, string) { return len(h.Lab.Hooks.Requests("/acme")) == 3, "" })
	again := h.Lab.Hooks.Requests("/acme")
	if again[0].Headers.Get("webhook-id") == "" || again[0].Headers.Get("webhook-id") != again[2].Headers.Get("webhook-id") || again[0].Body != again[2].Body {
		t.Errorf("the replay differs: %+v %+v", again[0], again[2])
	}
}
