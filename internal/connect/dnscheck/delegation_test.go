package dnscheck

import (
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/lab"
	"github.com/nameplate-dev/nameplate/lab/authority"
)

// delegating asks for a name that is to be handed over to two servers of one connection.
func delegating(host string) analysis.Question {
	q := analysis.Question{Hostname: host, Registrable: host[strings.Index(host, ".")+1:], Target: "token.edge.lab", EdgeZone: "edge.lab", Verification: "np-verify=abc", Modes: []string{"dns-01"}}
	for _, server := range []string{"ns1", "ns2"} {
		q.Expected = append(q.Expected, analysis.Expected{Key: server, Type: "NS", FQDN: host, Value: server + ".token.edge.lab", Purpose: "DELEGATION", Requirement: "REQUIRED"})
	}
	return q
}

// TestCN54_TheZoneAboveDecides: a name counts as handed over when all servers of the zone above delegate it to this connection's servers and to no others. What
// stands below the cut proves nothing.
func TestCN54_TheZoneAboveDecides(t *testing.T) {
	t.Parallel()
	w, e := inLab(t)
	look := func(host string) analysis.Answer {
		t.Helper()
		q := delegating(host)
		a, err := e.Analyze(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		q.Depth, q.Zone = analysis.Light, a.Zone
		light, err := e.Analyze(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range light.Records {
			if full := a.Records[i]; full.Have != r.Have || full.Of != r.Of {
				t.Errorf("%s: a light pass sees %d of %d, a full one %d of %d", host, r.Have, r.Of, full.Have, full.Of)
			}
		}
		return a
	}
	ours := []string{"ns1.token.edge.lab", "ns2.token.edge.lab"}
	for name, c := range map[string]struct {
		set       func(z *lab.Zone)
		verdict   analysis.CheckVerdict
		statuses  string
		code      string
		delegated bool
	}{
		"absent":  {func(*lab.Zone) {}, analysis.Absent, "PENDING PENDING", finding.RecordAbsent, false},
		"one":     {func(z *lab.Zone) { z.Set("apps", "NS", ours[0]) }, analysis.Partial, "OK PENDING", finding.RecordAbsent, false},
		"right":   {func(z *lab.Zone) { z.Set("apps", "NS", ours...) }, analysis.Correct, "OK OK", "", true},
		"behind":  {func(z *lab.Zone) { z.On("ns1").Set("apps", "NS", ours...) }, analysis.Partial, "PARTIAL PARTIAL", finding.RecordPartial, false},
		"others":  {func(z *lab.Zone) { z.Set("apps", "NS", "ns1.plain.lab", "ns2.plain.lab") }, analysis.Conflicting, "WRONG_VALUE WRONG_VALUE", finding.WrongValue, false},
		"shared":  {func(z *lab.Zone) { z.Set("apps", "NS", append([]string{"ns1.plain.lab"}, ours...)...) }, analysis.Conflicting, "WRONG_VALUE WRONG_VALUE", finding.WrongValue, false},
		"rival":   {func(z *lab.Zone) { z.Set("apps", "NS", ours[0], "ns1.other.edge.lab") }, analysis.Conflicting, "WRONG_VALUE WRONG_VALUE", finding.WrongValue, false},
		"address": {func(z *lab.Zone) { z.Set("apps", "A", "192.0.2.9") }, analysis.Absent, "PENDING PENDING", finding.RecordAbsent, false},
	} {
		t.Run(name, func(t *testing.T) {
			zone := name + ".lab"
			w.Register(zone, "plain")
			c.set(w.Zone(zone))
			a := look("apps." + zone)
			var statuses []string
			for _, r := range a.Records {
				statuses = append(statuses, r.Status)
			}
			if a.Verdict != c.verdict || strings.Join(statuses, " ") != c.statuses || a.Ownership.Delegated != c.delegated || a.Ownership.Target || a.Ownership.TXT {
				t.Errorf("%s %v %+v %v", a.Verdict, statuses, a.Ownership, codes(a))
			}
			if c.code != "" && !strings.Contains(strings.Join(codes(a), " "), c.code) {
				t.Errorf("%v, without %s", codes(a), c.code)
			}
			if zoneOf(a) != zone {
				t.Errorf("the zone is %s", zoneOf(a))
			}
		})
	}
	t.Run("TextAboveTheCut", func(t *testing.T) {
		w.Zone("right.lab").Set("_nameplate", "TXT", "np-verify=abc")
		if a := look("apps.right.lab"); !a.Ownership.TXT || !a.Ownership.Delegated {
			t.Errorf("%+v", a.Ownership)
		}
	})
	t.Run("ForgottenDS", func(t *testing.T) {
		w.Zone("right.lab").Set("apps", "DS", "12345 13 2 "+strings.Repeat("ab", 32))
		if a := look("apps.right.lab"); a.Verdict != analysis.Correct { // the parent is not signed: nobody validates
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
		w.Zone("signed.lab").Set("apps", "NS", ours...)
		if a := look("apps.signed.lab"); strings.Contains(strings.Join(codes(a), " "), "dnssec") || !a.Ownership.Delegated {
			t.Errorf("%v", codes(a))
		}
		w.Zone("signed.lab").Set("late", "NS", ours...).Set("late", "DS", "12345 13 2 "+strings.Repeat("ab", 32))
		if a := look("late.signed.lab"); !strings.Contains(strings.Join(codes(a), " "), finding.DNSSECBogus) {
			t.Errorf("%v, and validators refuse the name", codes(a))
		}
	})
}

// A zone of the customer's own at the same servers is no delegation, whatever NS records it has at its top.
func TestCN54_AZoneOfTheirOwn(t *testing.T) {
	t.Parallel()
	w, e := inLab(t)
	w.Register("own.lab", "plain")
	w.Provider("plain").Create(authority.Options{Apex: "apps.own.lab", NS: []string{"ns1.token.edge.lab", "ns2.token.edge.lab"}})
	a, err := e.Analyze(t.Context(), delegating("apps.own.lab"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Ownership.Delegated || a.Verdict == analysis.Correct || a.Records[0].Status == "OK" {
		t.Errorf("%s %+v", a.Verdict, a.Records)
	}
}
