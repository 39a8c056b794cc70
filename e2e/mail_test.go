package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
)

// TestMails_OfADomain: its owner reads that it is live, why it broke, and that it works again; the customer who left an address too.
func TestMails_OfADomain(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	const customer, host = "customer@bakery.example", "shop.acme.lab"
	var out struct {
		StartConnection struct{ Connection harness.Connection }
	}
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { id } } }`,
		map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": host, "endUserEmail": customer}}, &out)
	c := h.State(out.StartConnection.Connection.ID, 10*time.Second, "ACTION_REQUIRED")
	h.AddRecords("acme.lab", c)
	h.State(c.ID, 30*time.Second, "LIVE")

	owner := h.Mail(t, stage.Email)
	if owner.Subject != host+" is live" || !strings.HasPrefix(owner.Link(), h.Addresses.Console+"/"+stage.Organization+"/domains/con_") {
		t.Errorf("the owner reads %q, which leads to %s", owner.Subject, owner.Link())
	}
	if m := h.Mail(t, customer); m.Subject != host+" is live" || m.Link() != "https://"+host || !strings.Contains(m.Raw, "Acme Shop Builder") {
		t.Errorf("the customer reads %q from\n%.200s", m.Subject, m.Raw)
	}
}
