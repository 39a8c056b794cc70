package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/lab"
)

// TestD3_ConnectFromConsole: a developer connects a domain in the console, and sees it go live without a reload.
func TestD3_ConnectFromConsole(t *testing.T) {
	browse(t, "D3")
}

// TestD1_Applications: applications, keys (D2), providers (D6) and webhook endpoints (D7) as a developer meets them in the console.
func TestD1_Applications(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "D1", map[string]string{"hooks": strings.TrimSuffix(h.Lab.Addresses.Hooks, "/")})
}

// TestD4_BrokenZoneHealed: four outcomes side by side, the mistake letter by letter, the fix in the words of the provider's own form, the evidence one
// key away; and the domain goes live once it is mended.
func TestD4_BrokenZoneHealed(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Lab.Provider("lagging").Fail(lab.Timeout("ns3"))
	c := h.StartConnection("heal.corp.lab")
	h.Browser(t, "D4", map[string]string{"connection": c.ID, "host": "heal.corp.lab", "zone": "corp.lab", "target": c.Target})
	if res, _, err := h.Visit("heal.corp.lab", "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the name is live and does not answer: %v %v", res, err)
	}
}

// TestD4_FitsAPhone: every screen of the console at 390 pixels, in the dark, is complete and accessible.
func TestD4_FitsAPhone(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	endpoint, delivery := listened(h)
	c, _ := h.Live("acme.lab", "phone.acme.lab")
	h.Browser(t, "Phone", map[string]string{"connection": c.ID, "endpoint": endpoint, "delivery": delivery})
}

// TestD4_SpeaksArabic: every screen of the console runs from right to left in Arabic, with host names and values as they are.
func TestD4_SpeaksArabic(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	endpoint, delivery := listened(h)
	c, _ := h.Live("acme.lab", "arabic.acme.lab")
	missing := h.StartConnection("missing.acme.lab")
	h.Browser(t, "Arabic", map[string]string{"connection": c.ID, "missing": missing.ID, "endpoint": endpoint, "delivery": delivery})
}

// listened makes a webhook endpoint that has got a message, and is paused with one that it missed.
func listened(h *harness.House) (endpoint, delivery string) {
	var made struct {
		CreateWebhookEndpoint struct{ Endpoint struct{ ID string } }
		SendTestWebhook       struct{ ID string }
	}
	h.Must(`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id } } }`,
		map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "url": strings.TrimSuffix(h.Lab.Addresses.Hooks, "/") + "/screens", "topics": []string{"*"}}}, &made)
	endpoint = made.CreateWebhookEndpoint.Endpoint.ID
	h.Must(`mutation($id: ID!) { sendTestWebhook(id: $id) { id } }`, map[string]any{"id": endpoint}, &made)
	h.Until("the test arrived", 20*time.Second, func() (bool, string) { return len(h.Lab.Hooks.Requests("/screens")) == 1, "" })
	h.Must(`mutation($id: ID!) { updateWebhookEndpoint(input: { id: $id, version: 1, status: DISABLED }) { endpoint { id } } }`, map[string]any{"id": endpoint}, &made)
	return endpoint, made.SendTestWebhook.ID
}
