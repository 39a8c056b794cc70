package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

type setupOption struct {
	Type, Mechanism, Reason string
	Available               bool
}

// setupOf are the ways that a look at a name offers.
func setupOf(h *harness.House, host string) []setupOption {
	var out struct{ DomainCheck struct{ Setup []setupOption } }
	h.Must(`query($app: ID!, $host: String!) { domainCheck(applicationId: $app, hostname: $host) { setup { type mechanism available reason } } }`, map[string]any{"app": h.Addresses.ApplicationID, "host": host}, &out)
	return out.DomainCheck.Setup
}

// askEdgeZone puts a question to one of our name servers.
func askEdgeZone(t *testing.T, h *harness.House, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), h.Lab.Addresses.Edge[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCN54_ADelegatedNameGoesLive: the customer delegates a name by two NS records, and that is all: it goes live with a certificate for itself and everything
// below it, our servers answer for the zone, and a name below works over TLS without another record. It ends with the connection.
func TestCN54_ADelegatedNameGoesLive(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	const host = "apps.acme.lab"
	offer := setupOf(h, host)
	if at := slices.IndexFunc(offer, func(o setupOption) bool { return o.Type == "DELEGATION" }); at < 0 || !offer[at].Available || offer[at].Mechanism != "NS_DELEGATION" {
		t.Errorf("offered: %+v", offer)
	}
	if offer := setupOf(h, "acme.lab"); slices.ContainsFunc(offer, func(o setupOption) bool { return o.Type == "DELEGATION" && (o.Available || o.Reason == "") }) {
		t.Errorf("a domain itself is offered %+v", offer)
	}

	c := h.StartConnection(host) // at first by a CNAME, as usual; then the customer changes their mind
	h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	var out struct {
		StartConnection struct {
			Created    bool
			Connection harness.Connection
		}
	}
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { created connection { id records { key type fqdn value status requirement } } } }`,
		map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": host, "preferredMethod": "DELEGATION"}}, &out)
	if got := out.StartConnection; got.Created || got.Connection.ID != c.ID || len(got.Connection.Records) != 2 {
		t.Fatalf("%+v", got)
	}
	var servers []string
	for _, r := range out.StartConnection.Connection.Records {
		if r.Type != "NS" || r.Fqdn != host {
			t.Errorf("%+v", r)
		}
		servers = append(servers, r.Value)
	}
	if m := askEdgeZone(t, h, host, dns.TypeSOA); m.Rcode != dns.RcodeRefused {
		t.Errorf("before anything is proven: %s", m)
	}

	h.Lab.Zone("acme.lab").Set("apps", "NS", servers...)
	h.State(c.ID, 60*time.Second, "LIVE")
	if got := obtainedOf(h, c.ID); got.Certificate.Mode != "DNS_01_DELEGATED" || !slices.Equal(got.Certificate.Names, []string{host, "*." + host}) {
		t.Errorf("%+v", got.Certificate)
	}
	for _, name := range []string{host, "any." + host} {
		res, _, err := h.Visit(name, "/")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", name, res, err)
		}
	}
	if _, _, err := h.Visit("two.levels."+host, "/"); err == nil {
		t.Error("no certificate reaches two labels deep")
	}
	for qtype, want := range map[uint16]string{dns.TypeSOA: servers[0], dns.TypeNS: servers[1], dns.TypeCAA: h.Lab.CA("main").Identity, dns.TypeA: "127.0.0.1"} {
		if m := askEdgeZone(t, h, host, qtype); !m.Authoritative || !strings.Contains(fmt.Sprint(m.Answer), want) {
			t.Errorf("%s: %s", dns.TypeToString[qtype], m)
		}
	}
	if m := askEdgeZone(t, h, "any."+host, dns.TypeA); len(m.Answer) == 0 {
		t.Errorf("below: %s", m)
	}
	if got := h.Connection(c.ID); len(got.Records) != 2 {
		t.Errorf("%d records are asked for", len(got.Records))
	}

	h.Must(`mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "apps.acme.lab") { connection { state } } }`, map[string]any{"id": c.ID}, &struct{}{})
	h.Until("our servers answer for it no more", 5*time.Second, func() (bool, string) {
		m := askEdgeZone(t, h, host, dns.TypeSOA)
		return m.Rcode == dns.RcodeRefused, m.String()
	})
	rows, err := h.App.Ledger.Stream(t.Context(), h.App.DB, c.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var audited []string
	for _, r := range rows {
		if r.Audited && strings.HasPrefix(r.Action, "edge_zone.") {
			audited = append(audited, r.Action)
		}
	}
	if !slices.Equal(audited, []string{"edge_zone.delegated", "edge_zone.removed"}) {
		t.Errorf("the audit log has %v", audited)
	}
}

// TestC3_HandTheNameOver: the same with a person at both screens.
func TestC3_HandTheNameOver(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("team.acme.lab")
	h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	h.Browser(t, "Delegation", map[string]string{"connection": c.ID})
	if res, _, err := h.Visit("any.apps.acme.lab", "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v %v", res, err)
	}
}
