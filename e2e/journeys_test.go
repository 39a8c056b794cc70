package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestC4_ProgressToLive is a browser, real DNS packets, a real ACME order and a real TLS request.
func TestC4_ProgressToLive(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "C4", nil)
	res, _, err := h.Visit("shop.acme.lab", "/")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the name is live and does not answer: %v %v", res, err)
	}
	if n := len(h.Lab.CA("main").OrdersFor("shop.acme.lab")); n != 1 {
		t.Errorf("%d orders for one name", n)
	}
}

// TestC3_ManualRecords: the records are right for the provider's own form, and typing them there is enough.
func TestC3_ManualRecords(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("records.acme.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	if len(c.Records) != 1 || c.Records[0].Type != "CNAME" || c.Records[0].Display.Name != "records" || c.Records[0].Value != c.Target {
		t.Fatalf("records %+v", c.Records)
	}
	apex := h.StartConnection("acme.lab")
	apex = h.State(apex.ID, 10*time.Second, "ACTION_REQUIRED")
	kinds := map[string]bool{}
	for _, r := range apex.Records {
		kinds[r.Type] = true
		if r.Type == "TXT" && r.Display.Name != "_nameplate" {
			t.Errorf("the TXT is to be typed at %q", r.Display.Name)
		}
	}
	if !kinds["TXT"] || !kinds["A"] {
		t.Fatalf("the apex asks for %v", kinds)
	}
}

// TestC5_InTheWidget: a mistake is named in words and corrected in place.
func TestC5_InTheWidget(t *testing.T) {
	browse(t, "C5")
}

// TestC6_KeepMyPlace: closing asks, a reload continues, a lost connection recovers.
func TestC6_KeepMyPlace(t *testing.T) {
	browse(t, "C6")
}

// TestD10_EmbedSafely: a foreign page is refused at every door, whatever token it holds (CN-42a).
func TestD10_EmbedSafely(t *testing.T) {
	browse(t, "D10")
}
