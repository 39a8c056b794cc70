package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
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

	owner := h.MailAbout(t, stage.Email, "is live")
	if owner.Subject != host+" is live" || !strings.HasPrefix(owner.Link(), h.Addresses.Console+"/"+stage.Organization+"/domains/con_") {
		t.Errorf("the owner reads %q, which leads to %s", owner.Subject, owner.Link())
	}
	if m := h.Mail(t, customer); m.Subject != host+" is live" || m.Link() != "https://"+host || !strings.Contains(m.Raw, "Acme Shop Builder") {
		t.Errorf("the customer reads %q from\n%.200s", m.Subject, m.Raw)
	}
}

// TestMails_Operators: an operator finds a mail that bounced and the address that nothing goes to; a signed report of the outside moves another. Tenants reach nothing of it.
func TestMails_Operators(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	const host = "shop.acme.lab"
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { id } } }`,
		map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": host, "endUserEmail": "bounce@bakery.example"}}, &struct{}{})
	var list struct {
		Connections struct{ Nodes []struct{ ID string } }
	}
	h.Must(`query($o: ID!) { connections(organizationId: $o, first: 10, filter: { text: "shop" }) { nodes { id } } }`, map[string]any{"o": h.Addresses.OrganizationID}, &list)
	c := h.State(list.Connections.Nodes[0].ID, 10*time.Second, "ACTION_REQUIRED")
	h.AddRecords("acme.lab", c)
	h.State(c.ID, 30*time.Second, "LIVE")
	owner := h.MailAbout(t, stage.Email, "is live")

	us := h.SignIn()
	operate(t, h, h.User)
	ask := func(text string, v map[string]any, out any, header ...string) harness.Answer {
		t.Helper()
		body, _ := json.Marshal(harness.Query{Text: text, Variables: v})
		_, raw := h.Post(us, body, header...)
		a := harness.Answer{Raw: raw}
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if out != nil && (len(a.Faults) > 0 || json.Unmarshal(a.Data, out) != nil) {
			t.Fatalf("refused: %s", raw)
		}
		return a
	}
	operator := []string{"X-Nameplate-Explorer", "1"}
	type seen struct {
		OpsEmailDeliveries struct {
			Nodes []struct{ ID, To, State, Template, ReceiptID, FailedReason string }
		}
		OpsSuppressions struct {
			Nodes []struct{ Recipient, Reason string }
		}
	}
	const look = `query($tag: [String!]) { opsEmailDeliveries(filter: { tags: $tag }) { nodes { id to state template receiptId failedReason } } opsSuppressions { nodes { recipient reason } } }`
	var got seen
	h.Until("the bounce is known", 10*time.Second, func() (bool, string) {
		got = seen{}
		ask(look, map[string]any{"tag": []string{c.ID}}, &got, operator...)
		return len(got.OpsSuppressions.Nodes) == 1 && len(got.OpsEmailDeliveries.Nodes) == 2, fmt.Sprintf("%+v", got)
	})
	if x := got.OpsSuppressions.Nodes[0]; x.Recipient != "bounce@bakery.example" || x.Reason != "bounce" {
		t.Errorf("%+v", x)
	}
	id := ""
	for _, d := range got.OpsEmailDeliveries.Nodes {
		if d.To == stage.Email {
			id = d.ReceiptID
		} else if d.State != "BOUNCED" || d.Template != "domain_live" || !strings.Contains(d.FailedReason, "no such mailbox") {
			t.Errorf("%+v", d)
		}
	}
	if id == "" || !strings.Contains(owner.Raw, "<"+id+">") {
		t.Errorf("the Message-ID %q does not stand in the mail\n%.300s", id, owner.Raw)
	}

	post := func(secret string) int {
		body, at := fmt.Appendf(nil, `{"reports": [{"kind": "delivered", "messageId": %q}]}`, id), time.Now().Unix()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Addresses.Console+"/hooks/mail", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(mail.Signature, fmt.Sprintf("t=%d,v1=%x", at, mail.Sign(secret, at, body)))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if a, b := post("somebody else's"), post(stage.HookSecret); a != http.StatusUnauthorized || b != http.StatusNoContent {
		t.Errorf("the hook answers %d and %d", a, b)
	}
	got = seen{}
	ask(look, map[string]any{"tag": []string{c.ID}}, &got, operator...)
	if !slices.ContainsFunc(got.OpsEmailDeliveries.Nodes, func(d struct{ ID, To, State, Template, ReceiptID, FailedReason string }) bool {
		return d.To == stage.Email && d.State == "DELIVERED"
	}) {
		t.Errorf("%+v", got)
	}
	if a := h.Ask(look, nil); len(a.Faults) == 0 || a.Faults[0].Code() != "FORBIDDEN" {
		t.Errorf("a tenant's key: %s", a.Raw)
	}
}
