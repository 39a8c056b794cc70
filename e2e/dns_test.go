package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

type domainCheck struct {
	Hostname, UnicodeName, HostLabel, RegistrableDomain, PublicSuffix string
	IsApex, Registered                                                bool
	Zone                                                              *struct {
		Apex        string
		NameServers []struct{ Name, Address, Verdict string }
	}
	Provider struct {
		Provider   *struct{ Slug string }
		Confidence float64
	}
	Setup []struct {
		Type        string
		Available   bool
		Recommended bool
	}
	Findings []struct{ Code string }
	Queries  int
}

const checkFields = `hostname unicodeName hostLabel registrableDomain publicSuffix isApex registered zone { apex nameServers { name address verdict } } provider { provider { slug } confidence } setup { type available recommended } findings { code } queries`

func check(h *harness.House, host string) (domainCheck, harness.Answer) {
	var out struct{ DomainCheck domainCheck }
	a := h.Ask(`query($h: String!, $a: ID!) { domainCheck(hostname: $h, applicationId: $a) { `+checkFields+` } }`, map[string]any{"h": host, "a": h.Addresses.ApplicationID})
	if len(a.Faults) == 0 {
		decode(a.Data, &out)
	}
	return out.DomainCheck, a
}

// TestC1_EnterDomainSeeProvider: a customer types a name and learns who runs its DNS (CN-1, CN-5, CN-6, CN-7).
func TestC1_EnterDomainSeeProvider(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	t.Run("KnownProvider", func(t *testing.T) {
		c, a := check(h, "shop.acme.lab")
		if len(a.Faults) > 0 {
			t.Fatalf("%s", a.Raw)
		}
		if c.Zone == nil || c.Zone.Apex != "acme.lab" || len(c.Zone.NameServers) != 2 || c.Provider.Provider == nil || c.Provider.Provider.Slug != "plain" || len(c.Setup) == 0 || c.Setup[0].Type != "MANUAL" {
			t.Fatalf("got %+v", c)
		}
		if c.Queries > 40 {
			t.Errorf("%d questions, more than 40", c.Queries)
		}
	})
	for host, want := range map[string]struct {
		zone, registrable string
		apex              bool
	}{
		"acme.lab":           {"acme.lab", "acme.lab", true},
		"www.shop.co.lab":    {"shop.co.lab", "shop.co.lab", false},
		"shop.co.lab":        {"shop.co.lab", "shop.co.lab", true},
		"a.b.c.acme.lab":     {"acme.lab", "acme.lab", false},
		"shop.corp.lab":      {"corp.lab", "corp.lab", false},
		"shop.flat.lab":      {"flat.lab", "flat.lab", false},
		"https://ACME.lab/x": {"acme.lab", "acme.lab", true},
	} {
		t.Run("Zone/"+strings.ReplaceAll(host, "/", "_"), func(t *testing.T) {
			c, a := check(h, host)
			if len(a.Faults) > 0 || c.Zone == nil || c.Zone.Apex != want.zone || c.RegistrableDomain != want.registrable || c.IsApex != want.apex {
				t.Fatalf("got %+v %s", c, a.Raw)
			}
		})
	}
	for host, code := range map[string]string{"shop.gone.lab": "not_registered", "shop.broken.lab": "lame_delegation"} {
		t.Run("Finding/"+code, func(t *testing.T) {
			c, a := check(h, host)
			if !strings.Contains(fmt.Sprint(c.Findings), code) {
				t.Fatalf("got %+v %s", c.Findings, a.Raw)
			}
		})
	}
	t.Run("Unicode", func(t *testing.T) {
		c, _ := check(h, "https://Bücher.acme.lab/path")
		if c.Hostname != "xn--bcher-kva.acme.lab" || c.UnicodeName != "bücher.acme.lab" {
			t.Fatalf("got %q %q", c.Hostname, c.UnicodeName)
		}
	})
	for host, reason := range map[string]string{
		"": "hostname_empty", "_x.acme.lab": "hostname_underscore", "1.2.3.4": "hostname_ip_address", "intranet": "hostname_single_label", "co.lab": "hostname_public_suffix", "pages.lab": "hostname_public_suffix",
		"a..acme.lab": "label_empty", "x.edge.lab": "hostname_own_zone", "acme.test": "hostname_reserved_tld", "a b.acme.lab": "hostname_characters", strings.Repeat("a", 64) + ".acme.lab": "label_too_long",
	} {
		t.Run("Refused/"+reason+"/"+host[:min(len(host), 12)], func(t *testing.T) {
			if reason == "hostname_reserved_tld" {
				return // the lab profile allows reserved names; kit/hostname has the rule
			}
			_, a := check(h, host)
			if len(a.Faults) != 1 || a.Faults[0].Code() != "INVALID" || a.Faults[0].Reason() != reason || a.Faults[0].Field() != "hostname" {
				t.Fatalf("%q: %s", host, a.Raw)
			}
		})
	}
}

// TestC4_OneServerOnly: a record on one of two servers is PARTIAL and never SECURING; on the second server it turns right within seconds (CN-8).
func TestC4_OneServerOnly(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("shop.acme.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	h.Lab.Zone("acme.lab").On("ns1").Set("shop", "CNAME", c.Target)
	h.Until("the record is partial", 15*time.Second, func() (bool, string) {
		c = h.Connection(c.ID)
		r := c.Records[0]
		return r.Status == "PARTIAL" && r.Servers != nil && r.Servers.Have == 1 && r.Servers.Of == 2, fmt.Sprintf("%+v", r)
	})
	if c.State != "VERIFYING" && c.State != "ACTION_REQUIRED" {
		t.Fatalf("state %s with one server of two", c.State)
	}
	h.Lab.Zone("acme.lab").Set("shop", "CNAME", c.Target)
	h.State(c.ID, 30*time.Second, "LIVE")
}

// TestC4_NegativeCache: a recursor that remembers the absence does not keep a name from going live, and nobody asked it before the authorities had the
// record (CN-9, CN-10).
func TestC4_NegativeCache(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("cached.acme.lab")
	c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
	for n := 1; n <= 2; n++ {
		if log := h.Lab.Recursor(n).Log("cached.acme.lab."); len(log) != 0 {
			t.Fatalf("recursor %d was asked before the authorities had the record: %v", n, log)
		}
	}
	prime(t, h.Lab.Recursor(1).Addr, "cached.acme.lab.")
	h.AddRecords("acme.lab", c)
	c = h.State(c.ID, 30*time.Second, "LIVE")
	h.Until("an ETA from the negative answer", 10*time.Second, func() (bool, string) {
		c = h.Connection(c.ID)
		if c.Eta == nil {
			return false, "no eta"
		}
		for _, r := range c.Eta.PerResolver {
			if r.Reason == "NEGATIVE_ANSWER" && r.Seconds > 0 {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v", c.Eta)
	})
}

// TestC5_RecoverOrSwitch: each mistake has its own code and its own way out, and correcting it leads on (CN-11, CN-12, CN-14, CN-15, CN-16).
func TestC5_RecoverOrSwitch(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	for _, m := range []struct {
		name, host, zone, code string
		wrong                  func(c harness.Connection)
		right                  func(c harness.Connection)
	}{
		{name: "WrongValue", host: "wrong.acme.lab", zone: "acme.lab", code: "wrong_value", wrong: func(harness.Connection) { h.Lab.Zone("acme.lab").Set("wrong", "CNAME", "other.example.lab") }},
		{name: "WrongType", host: "typed.acme.lab", zone: "acme.lab", code: "target_as_address",
			wrong: func(harness.Connection) { h.Lab.Zone("acme.lab").Set("typed", "A", "127.0.0.1") },
			right: func(harness.Connection) { h.Lab.Zone("acme.lab").Delete("typed", "A") }},
		{name: "Doubled", host: "doubled.acme.lab", zone: "acme.lab", code: "wrong_name_doubled",
			wrong: func(c harness.Connection) { h.Lab.Zone("acme.lab").Set("doubled.acme.lab", "CNAME", c.Target) }},
		{name: "MissingDot", host: "dotless.acme.lab", zone: "acme.lab", code: "target_missing_dot",
			wrong: func(c harness.Connection) { h.Lab.Zone("acme.lab").Set("dotless", "CNAME", c.Target+".acme.lab") }},
		{name: "Wildcard", host: "any.wild.lab", zone: "wild.lab", code: "shadowed_by_wildcard", wrong: func(harness.Connection) {}},
	} {
		t.Run(m.name, func(t *testing.T) {
			c := h.StartConnection(m.host)
			c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
			m.wrong(c)
			c = h.Finding(c.ID, m.code, 20*time.Second)
			if m.right != nil {
				m.right(c)
			}
			h.AddRecords(m.zone, c)
			h.State(c.ID, 45*time.Second, "LIVE")
		})
	}
	t.Run("StaleAAAA", func(t *testing.T) {
		orders := len(h.Lab.CA("main").Orders())
		c := h.StartConnection("acme.lab")
		c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
		for _, r := range c.Records {
			if r.Type == "A" || r.Type == "TXT" {
				h.Lab.Zone("acme.lab").Set(map[string]string{"A": "@", "TXT": "_nameplate"}[r.Type], r.Type, r.Value)
			}
		}
		h.Lab.Zone("acme.lab").Set("@", "AAAA", "2001:db8::1")
		h.Finding(c.ID, "stale_aaaa", 20*time.Second)
		if got := len(h.Lab.CA("main").Orders()); got != orders {
			t.Fatalf("%d orders were made although CAs would reach another server over IPv6", got-orders)
		}
	})
	t.Run("CAAForAnotherCA", func(t *testing.T) {
		c := h.StartConnection("caa.lab")
		c = h.State(c.ID, 10*time.Second, "ACTION_REQUIRED")
		for _, r := range c.Records {
			if r.Type == "A" || r.Type == "AAAA" || r.Type == "TXT" {
				h.Lab.Zone("caa.lab").Set(map[string]string{"A": "@", "AAAA": "@", "TXT": "_nameplate"}[r.Type], r.Type, r.Value)
			}
		}
		h.Finding(c.ID, "caa_forbidden", 20*time.Second)
		if n := len(h.Lab.CA("main").OrdersFor("caa.lab")); n != 0 {
			t.Fatalf("%d orders against the CAA", n)
		}
		sub := h.StartConnection("www.caa.lab")
		sub = h.State(sub.ID, 10*time.Second, "ACTION_REQUIRED")
		h.AddRecords("caa.lab", sub)
		h.State(sub.ID, 30*time.Second, "LIVE") // the target publishes its own CAA
	})
}
