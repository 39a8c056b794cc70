package record

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
)

var (
	sub      = Host{Name: "shop.acme.co.lab", Label: "shop", Registrable: "acme.co.lab", PublicSuffix: "co.lab"}
	apex     = Host{Name: "acme.lab", Registrable: "acme.lab", PublicSuffix: "lab", Apex: true}
	wildcard = Host{Name: "*.shop.acme.lab", Label: "*.shop", Registrable: "acme.lab", PublicSuffix: "lab", Wildcard: true}
	vars     = Vars{Target: "tok.edge.lab", VerificationToken: "ver", Application: "shop", EdgeV4: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
		EdgeV6: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}
)

func plan(t *testing.T, h Host, v Vars, lines ...recipe.RecordTemplate) []*Record {
	t.Helper()
	if lines == nil {
		lines = recipe.Default()
	}
	out, err := Plan(&recipe.Recipe{Records: lines}, h, v)
	if err != nil {
		t.Fatal(err)
	}
	var ps []*Record
	for n := range out {
		ps = append(ps, &out[n])
	}
	return ps
}

func brief(lines []*Record) (out []string) {
	for _, r := range lines {
		out = append(out, r.Key+" "+string(r.Type)+" "+r.FQDN+" "+r.Value)
	}
	return out
}

func TestPlan(t *testing.T) {
	t.Parallel()
	noV6, txt := vars, vars
	noV6.EdgeV6, txt.TXT = nil, true
	for name, c := range map[string]struct {
		h    Host
		v    Vars
		want []string
	}{
		"Subdomain":           {sub, vars, []string{"routing CNAME shop.acme.co.lab tok.edge.lab"}},
		"SubdomainWithPolicy": {sub, txt, []string{"routing CNAME shop.acme.co.lab tok.edge.lab", "ownership TXT _nameplate.shop.acme.co.lab np-verify=ver"}},
		"Apex": {apex, vars, []string{"apex-alias ALIAS acme.lab tok.edge.lab", "apex-a A acme.lab 192.0.2.1", "apex-a-2 A acme.lab 192.0.2.2", "apex-aaaa AAAA acme.lab 2001:db8::1",
			"ownership TXT _nameplate.acme.lab np-verify=ver"}},
		"ApexWithoutIPv6": {apex, noV6, []string{"apex-alias ALIAS acme.lab tok.edge.lab", "apex-a A acme.lab 192.0.2.1", "apex-a-2 A acme.lab 192.0.2.2",
			"ownership TXT _nameplate.acme.lab np-verify=ver"}},
		"Wildcard": {wildcard, vars, []string{"routing CNAME *.shop.acme.lab tok.edge.lab"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := brief(plan(t, c.h, c.v)); !slices.Equal(got, c.want) {
				t.Fatalf("%q", got)
			}
		})
	}
}

func TestPlan_TheApexAlwaysNeedsTheTXT(t *testing.T) {
	t.Parallel()
	got := plan(t, apex, vars, recipe.RecordTemplate{Key: "a", Type: "A", Purpose: "ROUTING", Name: "{host}", Value: "{edge_v4}", TTL: 300, Requirement: "REQUIRED"})
	if last := got[len(got)-1]; last.Purpose != Ownership || last.Requirement != Required {
		t.Fatalf("%q", brief(got))
	}
}

func TestPlan_RefusesWhatNobodyCouldType(t *testing.T) {
	t.Parallel()
	line := recipe.RecordTemplate{Key: "x", Type: "TXT", Purpose: "ROUTING", Name: "{host}", Value: "v", Requirement: "REQUIRED"}
	for name, change := range map[string]func(*recipe.RecordTemplate){
		"UnknownVariable": func(l *recipe.RecordTemplate) { l.Value = "{secret}" },
		"OpenBrace":       func(l *recipe.RecordTemplate) { l.Value = "{target" },
		"ForeignName":     func(l *recipe.RecordTemplate) { l.Name = "victim.example" },
		"SuffixTrick":     func(l *recipe.RecordTemplate) { l.Name = "evil{domain}" },
		"LongValue":       func(l *recipe.RecordTemplate) { l.Value = strings.Repeat("x", 5000) },
		"NothingApplies":  func(l *recipe.RecordTemplate) { l.AppliesWhen = new("wildcard") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := line
			change(&l)
			if lines, err := Plan(&recipe.Recipe{Records: []recipe.RecordTemplate{l}}, sub, vars); err == nil {
				t.Fatalf("%+v", lines)
			}
		})
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("{host}", "{target}", "apex or not wildcard")
	f.Add("_x.{domain}", "{", " and  or not ")
	f.Fuzz(func(t *testing.T, name, value, when string) {
		lines, err := Plan(&recipe.Recipe{Records: []recipe.RecordTemplate{{Key: "k", Type: "TXT", Purpose: "ROUTING", Name: name, Value: value, AppliesWhen: &when, Requirement: "REQUIRED"}}}, sub, vars)
		for _, l := range lines {
			if err != nil || l.FQDN != sub.Registrable && !strings.HasSuffix(l.FQDN, "."+sub.Registrable) || len(l.Value) > longest {
				t.Fatalf("%+v %v", l, err)
			}
		}
	})
}

func TestApplies(t *testing.T) {
	t.Parallel()
	for when, want := range map[string][3]bool{ // sub-domain, apex, wildcard
		"": {true, true, true}, "always": {true, true, true}, "apex": {false, true, false}, "subdomain or wildcard": {true, false, true}, "not apex": {true, false, true},
		"always and not wildcard": {true, true, false}, "apex and subdomain": {false, false, false}, "nonsense": {false, false, false}, "not apex and not wildcard or apex": {true, true, false},
	} {
		if got := [3]bool{applies(&when, sub), applies(&when, apex), applies(&when, wildcard)}; got != want {
			t.Errorf("%q: %v, want %v", when, got, want)
		}
	}
}

func TestPresent_InTheProvidersDialect(t *testing.T) {
	t.Parallel()
	forms := map[string]*provider.Dialect{
		"unknown":    nil,
		"relative":   {ApexName: "@", RelativeNames: true, TrailingDot: provider.Allowed},
		"bind":       {ApexName: "{domain}", TrailingDot: provider.Needed},
		"full":       {ApexName: "{domain}", TrailingDot: provider.Refused},
		"empty apex": {ApexName: "", RelativeNames: true, AppendsZone: true, TrailingDot: provider.Refused},
		"appends":    {ApexName: "@", AppendsZone: true, TrailingDot: provider.Allowed},
	}
	for name, c := range map[string]struct {
		form, fqdn, zone, typed, value string
		hint                           bool
	}{
		"UnknownSub":     {"unknown", "shop.acme.lab", "acme.lab", "shop", "tok.edge.lab", true},
		"UnknownApex":    {"unknown", "acme.lab", "acme.lab", "@", "tok.edge.lab", true},
		"RelativeSub":    {"relative", "shop.acme.lab", "acme.lab", "shop", "tok.edge.lab", false},
		"RelativeInZone": {"relative", "a.shop.acme.lab", "shop.acme.lab", "a", "tok.edge.lab", false},
		"FullWithDots":   {"bind", "shop.acme.lab", "acme.lab", "shop.acme.lab.", "tok.edge.lab.", false},
		"FullNoDots":     {"full", "shop.acme.lab", "acme.lab", "shop.acme.lab", "tok.edge.lab", false},
		"FullApex":       {"full", "acme.lab", "acme.lab", "acme.lab", "tok.edge.lab", false},
		"EmptyApex":      {"empty apex", "acme.lab", "acme.lab", "", "tok.edge.lab", true},
		"NeverDoubled":   {"appends", "shop.acme.lab", "acme.lab", "shop", "tok.edge.lab", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, locale := range []string{"en", "de-AT"} {
				r := &Record{Type: CNAME, FQDN: c.fqdn, Value: "tok.edge.lab", TTL: 300}
				Present([]*Record{r}, View{Zone: c.zone, Dialect: forms[c.form], Locale: locale})
				d := r.Display()
				if d.Name != c.typed || d.Value != c.value || r.Name != c.typed || (d.Hint != nil) != c.hint || d.TTL != "300" {
					t.Fatalf("%+v", d)
				}
				if want := "CNAME\t" + c.typed + "\t" + c.value + "\t300"; d.CopyAll != want {
					t.Fatalf("%q", d.CopyAll)
				}
				if want := c.fqdn + ". 300 IN CNAME tok.edge.lab."; d.BindLine != want {
					t.Fatalf("%q", d.BindLine)
				}
			}
		})
	}
}

func TestPresent_LongTXTInPieces(t *testing.T) {
	t.Parallel()
	r := &Record{Type: TXT, FQDN: "acme.lab", Value: strings.Repeat("x", 300) + `"\`, TTL: 60}
	Present([]*Record{r}, View{Zone: "acme.lab"})
	if want := `acme.lab. 60 IN TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `\"\\"`; r.Display().BindLine != want {
		t.Fatalf("%q", r.Display().BindLine)
	}
	if r.Display().Value != r.Value {
		t.Fatal("what is typed into a form has no quotes of ours")
	}
}

func seen(status string, have, of int32, code string) analysis.RecordResult {
	s := analysis.RecordResult{Status: status, Have: have, Of: of, Seen: []string{}}
	if code != "" {
		s.Finding = new(finding.New(code, nil))
	}
	return s
}

func TestMatchAndJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ok, absent := seen("OK", 2, 2, ""), seen("PENDING", 0, 2, finding.RecordAbsent)
	for name, c := range map[string]struct {
		h      Host
		seen   map[string]analysis.RecordResult
		routed bool
		why    string
		have   int32
	}{
		"Nothing":              {sub, map[string]analysis.RecordResult{"routing": absent}, false, finding.RecordAbsent, 0},
		"Half":                 {sub, map[string]analysis.RecordResult{"routing": seen("PARTIAL", 1, 2, finding.RecordPartial)}, false, finding.RecordPartial, 1},
		"Stands":               {sub, map[string]analysis.RecordResult{"routing": ok}, true, "", 2},
		"Proxied":              {sub, map[string]analysis.RecordResult{"routing": seen("PROXIED", 2, 2, finding.Proxied)}, true, "", 2},
		"Wrong":                {sub, map[string]analysis.RecordResult{"routing": seen("WRONG_VALUE", 0, 2, finding.WrongValue)}, false, finding.WrongValue, 0},
		"ApexByAlias":          {apex, map[string]analysis.RecordResult{"apex-alias": seen("FLATTENED", 2, 2, finding.RecordFlattened), "apex-a": absent, "apex-a-2": absent, "apex-aaaa": absent}, true, "", 2},
		"ApexByAddresses":      {apex, map[string]analysis.RecordResult{"apex-alias": absent, "apex-a": ok, "apex-a-2": ok, "apex-aaaa": ok}, true, "", 2},
		"ApexWithoutIPv6":      {apex, map[string]analysis.RecordResult{"apex-alias": absent, "apex-a": ok, "apex-a-2": ok, "apex-aaaa": absent}, true, "", 2},
		"ApexForeignIPv6":      {apex, map[string]analysis.RecordResult{"apex-alias": absent, "apex-a": ok, "apex-a-2": ok, "apex-aaaa": seen("CONFLICT", 0, 2, finding.StaleAAAA)}, false, finding.StaleAAAA, 2},
		"ApexHalfTheAddresses": {apex, map[string]analysis.RecordResult{"apex-alias": absent, "apex-a": ok, "apex-a-2": absent, "apex-aaaa": absent}, false, "", 2},
		"ApexNothing":          {apex, map[string]analysis.RecordResult{"apex-alias": absent, "apex-a": absent, "apex-a-2": absent, "apex-aaaa": absent}, false, finding.RecordAbsent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := plan(t, c.h, vars)
			var all []analysis.RecordResult
			for key, s := range c.seen {
				s.Key = key
				all = append(all, s)
			}
			moved := Match(lines, all, now, nil)
			if again := Match(lines, all, now.Add(time.Hour), nil); len(again) != 0 {
				t.Fatalf("the same again is no news: %+v", again)
			}
			if len(moved) == 0 || News(lines, all) {
				t.Fatalf("moved %+v", moved)
			}
			j := Judge(lines)
			if j.Routed != c.routed || c.why != "" && j.Why != c.why || j.Servers.Have != c.have || c.routed && j.Why != "" {
				t.Fatalf("%+v", j)
			}
			for _, r := range lines {
				if r.Status.Stands() && (r.FirstSeenAt == nil || !r.FirstSeenAt.Equal(now) || r.Writer == nil) {
					t.Fatalf("%+v", r)
				}
			}
		})
	}
}

func TestNews_OfALightPass(t *testing.T) {
	t.Parallel()
	lines := plan(t, sub, vars)
	full := seen("WRONG_VALUE", 0, 2, finding.WrongValue)
	full.Key, full.Seen = "routing", []string{"elsewhere.example"}
	Match(lines, []analysis.RecordResult{full}, time.Now(), nil)
	light := analysis.RecordResult{Key: "routing", Status: "PENDING", Have: 0, Of: 2, Seen: []string{"elsewhere.example"}}
	if News(lines, []analysis.RecordResult{light}) {
		t.Fatal("the same wrong value is no news")
	}
	deaf := light
	deaf.Of, deaf.Seen = 0, []string{}
	if News(lines, []analysis.RecordResult{deaf}) {
		t.Fatal("nobody answered: that is no news")
	}
	other := light
	other.Seen = []string{"tok.edge.lab.acme.lab"}
	if !News(lines, []analysis.RecordResult{other}) {
		t.Fatal("another value is news")
	}
	half := light
	half.Have, half.Seen = 1, []string{"tok.edge.lab"}
	if !News(lines, []analysis.RecordResult{half}) {
		t.Fatal("a server more is news")
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	lines := plan(t, apex, vars)
	Match(lines, []analysis.RecordResult{
		{Key: "apex-a", Status: "WRONG_VALUE", Of: 2, Observed: []analysis.ServerRRset{{Server: "ns1", Values: []string{"198.51.100.7"}}, {Server: "ns2", Values: []string{"198.51.100.7"}}}, Seen: []string{"198.51.100.7"},
			Finding: new(finding.New(finding.WrongValue, nil))},
		{Key: "ownership", Status: "OK", Have: 2, Of: 2},
	}, time.Now(), nil)
	Present(lines, View{Zone: "acme.lab"})
	conflicts := []*Conflict{
		{Kind: finding.StaleAAAA, Severity: finding.Blocking, Name: "acme.lab", Type: AAAA, Existing: []string{"2001:db8::dead"}},
		{Kind: finding.MXLostIfCNAME, Severity: finding.Warning, Name: "acme.lab", Type: MX, Existing: []string{"mx.acme.lab"}},
	}
	d := Diff(lines, conflicts, View{Zone: "acme.lab"})
	if len(d.Keep) != 1 || d.Keep[0].Type != TXT || !d.MailUntouched {
		t.Fatalf("%+v", d)
	}
	if len(d.Remove) != 1 || d.Remove[0].Type != AAAA || d.Remove[0].Reason != finding.StaleAAAA {
		t.Fatalf("remove %+v", d.Remove)
	}
	for _, l := range d.Add {
		if l.Type == A || l.Type == ALIAS && len(d.Change) > 0 {
			t.Fatalf("two alternatives of one group: %+v", d)
		}
	}
	conflicts[1].Severity = finding.Blocking
	if d = Diff(lines, conflicts, View{Zone: "acme.lab"}); d.MailUntouched {
		t.Fatal("an MX that has to go is said")
	}
}
