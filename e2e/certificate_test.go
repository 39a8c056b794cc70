package e2e_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

type obtained struct {
	State, CertificateMode string
	Certificate            *struct {
		Status, Mode, Serial string
		Names                []string
		Imported             bool
	}
	Cutover *struct{ TLSDowntimeSeconds int }
}

func obtainedOf(h *harness.House, id string) obtained {
	var out struct{ Connection obtained }
	h.Must(`query($id: ID!) { connection(id: $id) { state certificateMode certificate { status mode serial names imported } cutover { tlsDowntimeSeconds } } }`, map[string]any{"id": id}, &out)
	return out.Connection
}

func setCertificateMode(h *harness.House, id, mode string) harness.Connection {
	var out struct {
		SetCertificateMode struct{ Connection harness.Connection }
	}
	h.Must(`mutation($id: ID!, $mode: ChallengeMode!) { setCertificateMode(connectionId: $id, mode: $mode) { connection { id records { key type fqdn value status requirement } } } }`, map[string]any{"id": id, "mode": mode}, &out)
	return out.SetCertificateMode.Connection
}

// setLines writes the lines of a connection whose keys are named.
func setLines(h *harness.House, zone string, c harness.Connection, keys ...string) {
	for _, r := range c.Records {
		if slices.Contains(keys, r.Key) {
			name := "@"
			if r.Fqdn != zone {
				name = strings.TrimSuffix(r.Fqdn, "."+zone)
			}
			h.Lab.Zone(zone).Set(name, r.Type, r.Value)
		}
	}
}

func asksFor(c harness.Connection, key string) bool {
	for _, r := range c.Records {
		if r.Key == key {
			return true
		}
	}
	return false
}

// CN-22 and N9: the certificate is there before the name moves. Ten visitors a second meet a valid one across the change, and the report says 0 s.
func TestCN22_CertificateBeforeTheCutover(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("moving.acme.lab")
	h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	c = setCertificateMode(h, c.ID, "DNS_01_DELEGATED")
	setLines(h, "acme.lab", c, "certificate", "ownership")
	h.Until("the certificate is there before the name moves", 40*time.Second, func() (bool, string) {
		got := obtainedOf(h, c.ID)
		return got.Certificate != nil && got.Certificate.Status == "ISSUED", got.State
	})
	if got := obtainedOf(h, c.ID); got.State == "LIVE" || got.Certificate.Mode != "DNS_01_DELEGATED" || got.Cutover != nil {
		t.Errorf("%+v", got)
	}
	h.Until("the edge presents it", 5*time.Second, func() (bool, string) {
		_, _, err := h.Visit("moving.acme.lab", "/")
		return err == nil, ""
	})
	ctx, stop := context.WithCancel(t.Context())
	var visits, failed atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, _, err := h.Visit("moving.acme.lab", "/"); err != nil && ctx.Err() == nil {
				failed.Add(1)
			}
			visits.Add(1)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	setLines(h, "acme.lab", c, "routing")
	h.State(c.ID, 30*time.Second, "LIVE")
	stop()
	<-done
	if visits.Load() < 10 || failed.Load() != 0 {
		t.Errorf("%d of %d visits failed", failed.Load(), visits.Load())
	}
	if got := obtainedOf(h, c.ID); got.Cutover == nil || got.Cutover.TLSDowntimeSeconds != 0 {
		t.Errorf("the report: %+v", got.Cutover)
	}
	if n := len(h.Lab.CA("main").OrdersFor("moving.acme.lab")); n != 1 {
		t.Errorf("%d orders", n)
	}
	other, _ := h.Live("acme.lab", "plain.acme.lab")
	if got := obtainedOf(h, other.ID); got.Cutover == nil || got.Cutover.TLSDowntimeSeconds < 1 {
		t.Errorf("who moves first and is secured then has a gap: %+v", got.Cutover)
	}
}

// CN-20: a wildcard from nothing to LIVE, proven by the alias that the customer adds once.
func TestCN20_AWildcardGoesLive(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	refused := func(name string) {
		t.Helper()
		a := h.Ask(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { created } }`, map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": name}})
		if len(a.Faults) != 1 || !strings.Contains(string(a.Raw), "wildcard_not_allowed") {
			t.Errorf("%s: %s", name, a.Raw)
		}
	}
	refused("*.wild.acme.lab")
	setApplication(t, h, "wildcards", true)
	c := h.StartConnection("*.wild.acme.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	if got := obtainedOf(h, c.ID); got.CertificateMode != "DNS_01_DELEGATED" {
		t.Errorf("%+v", got)
	}
	setLines(h, "acme.lab", c, "routing", "certificate")
	h.State(c.ID, 60*time.Second, "LIVE")
	got := obtainedOf(h, c.ID)
	if !slices.Equal(got.Certificate.Names, []string{"*.wild.acme.lab"}) {
		t.Errorf("it holds %v", got.Certificate.Names)
	}
	res, _, err := h.Visit("any.wild.acme.lab", "/")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v %v", res, err)
	}
	if _, _, err := h.Visit("wild.acme.lab", "/"); err == nil {
		t.Error("the name itself is not part of it")
	}

	setApplication(t, h, "wildcards", false)
	refused("*.other.acme.lab")
	if c := h.Connection(c.ID); c.State != "LIVE" {
		t.Errorf("the one that is connected is %s", c.State)
	}
	if res, _, err := h.Visit("another.wild.acme.lab", "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the one that is connected answers %v %v", res, err)
	}
}

// setApplication changes one setting of the lab's application, by the API.
func setApplication(t *testing.T, h *harness.House, setting string, to any) {
	t.Helper()
	var app struct{ Application struct{ Version int } }
	h.Must(`query($id: ID!) { application(id: $id) { version } }`, map[string]any{"id": h.Addresses.ApplicationID}, &app)
	h.Must(`mutation($in: UpdateApplicationInput!) { updateApplication(input: $in) { application { version } } }`,
		map[string]any{"in": map[string]any{"id": h.Addresses.ApplicationID, "version": app.Application.Version, setting: to}}, &struct{}{})
}

// CN-17: a CAA record that leaves CAs the DNS alone makes us ask for the line, and the name goes live by it.
func TestCN17_CAAChoosesTheChallenge(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	zone := h.Lab.Zone("acme.lab")
	zone.Set("@", "CAA", `0 issue "`+h.Lab.CA("main").Identity+`; validationmethods=dns-01"`)
	c := h.StartConnection("acme.lab")
	c = h.State(c.ID, 15*time.Second, "ACTION_REQUIRED")
	h.Until("the line in the DNS is asked for", 15*time.Second, func() (bool, string) {
		c = h.Connection(c.ID)
		return obtainedOf(h, c.ID).CertificateMode == "DNS_01_DELEGATED" && asksFor(c, "certificate"), ""
	})
	setLines(h, "acme.lab", c, "apex-a", "apex-aaaa", "ownership", "certificate")
	h.State(c.ID, 60*time.Second, "LIVE")
	if got := obtainedOf(h, c.ID); got.Certificate.Mode != "DNS_01_DELEGATED" {
		t.Errorf("%+v", got)
	}
}

// CN-21: one text in the customer's zone names our account, and stays.
func TestCN21_OneTextThatStays(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("persist.acme.lab")
	h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	c = setCertificateMode(h, c.ID, "DNS_PERSIST_01")
	setLines(h, "acme.lab", c, "certificate", "ownership", "routing")
	h.State(c.ID, 60*time.Second, "LIVE")
	if got := obtainedOf(h, c.ID); got.Certificate.Mode != "DNS_PERSIST_01" || got.CertificateMode != "DNS_PERSIST_01" {
		t.Errorf("%+v", got)
	}
}

// TestO3_Certificates: one name cannot be renewed, because no CA answers; the console lists it first and says until when. The certificate of another is revoked
// there: visitors get the next one, and the CA knows.
func TestO3_Certificates(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	risky, _ := h.Live("acme.lab", "risky.acme.lab")
	padlock, _ := h.Live("acme.lab", "padlock.acme.lab")
	serial := obtainedOf(h, padlock.ID).Certificate.Serial
	exec := func(sql, id string) {
		t.Helper()
		con, err := ident.Parse[ident.ConnectionID](id)
		if err == nil {
			_, err = h.App.DB.Exec(t.Context(), sql, con.UUID())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	down := func(down bool) { h.Lab.CA("main").SetDown(down); h.Lab.CA("second").SetDown(down) }
	down(true)
	exec("update certificate set due_at = now(), not_before = now() - interval '70 days', not_after = now() + interval '20 days' where connection_id = $1", risky.ID)
	type list struct {
		Certificates struct {
			TotalCount int
			Nodes      []struct {
				BreaksAt, NotAfter string
				LastError          struct{ Code string }
				Connection         struct{ Hostname string }
			}
		}
	}
	var got list
	h.Until("the name is at risk", 20*time.Second, func() (bool, string) {
		got = list{}
		h.Must(`query($org: ID!) { certificates(organizationId: $org, atRisk: true) { totalCount nodes { breaksAt notAfter lastError { code } connection { hostname } } } }`, map[string]any{"org": h.Addresses.OrganizationID}, &got)
		return got.Certificates.TotalCount == 1, ""
	})
	if c := got.Certificates.Nodes[0]; c.Connection.Hostname != "risky.acme.lab" || c.LastError.Code != "ca_unavailable" || c.BreaksAt != c.NotAfter {
		t.Errorf("%+v", c)
	}
	exec("update certificate set due_at = now() + interval '1 hour' where connection_id = $1 and at_risk_since is not null", risky.ID)
	down(false)
	h.Browser(t, "Certificates", map[string]string{"connection": padlock.ID, "padlock": "padlock.acme.lab", "risky": "risky.acme.lab"})
	if c := obtainedOf(h, padlock.ID).Certificate; c.Status != "ISSUED" || c.Serial == serial {
		t.Errorf("%+v after %s", c, serial)
	}
	if why, revoked := h.Lab.CA("main").Revoked(serial); !revoked || why != 4 {
		t.Errorf("the CA: %t for %d", revoked, why)
	}
	if res, _, err := h.Visit("padlock.acme.lab", "/"); err != nil || res.TLS.PeerCertificates[0].SerialNumber.Text(16) == serial {
		t.Errorf("visitors meet %v %v", res, err)
	}
}
