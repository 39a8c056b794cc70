package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/lab"
)

// TestD3_ConnectFromConsole: a developer connects a domain in the console, and sees it go live without a reload.
func TestD3_ConnectFromConsole(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "D3", nil)
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
	c, _ := h.Live("acme.lab", "phone.acme.lab")
	h.Browser(t, "Phone", map[string]string{"connection": c.ID})
}

// TestD4_SpeaksArabic: every screen of the console runs from right to left in Arabic, with host names and values as they are.
func TestD4_SpeaksArabic(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c, _ := h.Live("acme.lab", "arabic.acme.lab")
	missing := h.StartConnection("missing.acme.lab")
	h.Browser(t, "Arabic", map[string]string{"connection": c.ID, "missing": missing.ID})
}
