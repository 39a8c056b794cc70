package e2e_test

import (
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

func hasFinding(c harness.Connection, code string) bool {
	for _, f := range c.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// 13.2: a firewall keeps port 80 shut. The pre-flight finds our edge over TLS, the certificate comes by TLS-ALPN-01, the name goes live and is renewed the same
// way; that http:// links do not work is told, and stops nothing.
func TestClosed_Port80GoesLiveByTLSALPN(t *testing.T) {
	t.Parallel()
	h := harness.Start(t, func(c *stage.Config) { c.Closed.HTTP = true })
	c := h.StartConnection("shop.acme.lab")
	h.AddRecords("acme.lab", h.State(c.ID, 10*time.Second, "ACTION_REQUIRED"))
	c = h.State(c.ID, 60*time.Second, "LIVE")
	got := obtainedOf(h, c.ID)
	if got.Certificate == nil || got.Certificate.Mode != "TLS_ALPN_01" || got.CertificateMode != "HTTP_01" {
		t.Errorf("%+v %+v", got, got.Certificate)
	}
	if !hasFinding(c, "http_closed") || hasFinding(c, "http_unreachable") {
		t.Errorf("told: %+v", c.Findings)
	}
	if n := len(h.Lab.CA("main").OrdersFor("shop.acme.lab")); n != 1 {
		t.Errorf("%d orders", n)
	}
	presented := func() string {
		res, _, err := h.Visit("shop.acme.lab", "/")
		if err != nil || res.TLS == nil {
			t.Fatalf("a visitor: %v", err)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.String()
	}
	first := presented()
	con, err := ident.Parse[ident.ConnectionID](c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.App.DB.Exec(t.Context(), "update certificate set due_at = now() where connection_id = $1", con.UUID()); err != nil {
		t.Fatal(err)
	}
	h.Until("visitors are shown the next certificate", 30*time.Second, func() (bool, string) { return presented() != first, "the first" })
	var proven int
	if err := h.App.DB.QueryRow(t.Context(), "select count(*) from certificate where connection_id = $1 and mode = 'TLS_ALPN_01' and serial is not null", con.UUID()).Scan(&proven); err != nil || proven != 2 {
		t.Errorf("%d certificates over port 443, %v", proven, err)
	}
	serial := got.Certificate.Serial
	h.Until("the API speaks of the next certificate", 15*time.Second, func() (bool, string) {
		got = obtainedOf(h, c.ID)
		return got.Certificate != nil && got.Certificate.Serial != serial, serial
	})
	if c = h.Connection(c.ID); c.State != "LIVE" {
		t.Errorf("%s %+v", c.State, c.Findings)
	}
}

// CE-1: with both ports shut nothing is ordered, and what is in the way is said.
func TestClosed_BothPortsOrderNothing(t *testing.T) {
	t.Parallel()
	h := harness.Start(t, func(c *stage.Config) { c.Closed = stage.Closed{HTTP: true, HTTPS: true} })
	c := h.StartConnection("shop.acme.lab")
	h.AddRecords("acme.lab", h.State(c.ID, 10*time.Second, "ACTION_REQUIRED"))
	c = h.Finding(c.ID, "http_unreachable", 30*time.Second)
	if c = h.State(c.ID, 30*time.Second, "ACTION_REQUIRED"); hasFinding(c, "http_closed") {
		t.Errorf("told: %+v", c.Findings)
	}
	if n := len(h.Lab.CA("main").Orders()) + len(h.Lab.CA("second").Orders()); n != 0 {
		t.Errorf("%d orders", n)
	}
}
