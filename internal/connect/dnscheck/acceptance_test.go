package dnscheck

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestCN5_ZonesAndRelativeNames: the zone that answers, and a record's name as it is typed there.
func TestCN5_ZonesAndRelativeNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, apex := range []string{"acme.lab", "eu.acme.lab", "a.b.eu.acme.lab", "shop.co.lab", "pages.lab", "me.pages.lab", "xn--bcher-kva.lab"} {
		w.Zone(apex, "", zoo.N1, zoo.N2)
	}
	e := w.engine()
	extra := hostname.Policy{Lab: true, Extra: []string{"co.lab", "private:pages.lab"}}
	for _, c := range []struct{ typed, zone, registrable, relative string }{
		{"acme.lab", "acme.lab", "acme.lab", "@"},
		{"shop.acme.lab", "acme.lab", "acme.lab", "shop"},
		{"a.b.acme.lab", "acme.lab", "acme.lab", "a.b"},
		{"eu.acme.lab", "eu.acme.lab", "acme.lab", "@"},
		{"shop.eu.acme.lab", "eu.acme.lab", "acme.lab", "shop"},
		{"b.eu.acme.lab", "eu.acme.lab", "acme.lab", "b"},
		{"x.a.b.eu.acme.lab", "a.b.eu.acme.lab", "acme.lab", "x"},
		{"shop.co.lab", "shop.co.lab", "shop.co.lab", "@"},
		{"www.shop.co.lab", "shop.co.lab", "shop.co.lab", "www"},
		{"me.pages.lab", "me.pages.lab", "me.pages.lab", "@"},
		{"www.me.pages.lab", "me.pages.lab", "me.pages.lab", "www"},
		{"Bücher.lab", "xn--bcher-kva.lab", "xn--bcher-kva.lab", "@"},
	} {
		n, err := hostname.Parse(c.typed, extra)
		if err != nil {
			t.Fatal(c.typed, err)
		}
		a, err := e.Analyze(t.Context(), analysis.Question{Hostname: n.ASCII, Apex: n.Apex, Registrable: n.Registrable, Interactive: true})
		if err != nil || zoneOf(a) != c.zone || n.Registrable != c.registrable {
			t.Errorf("%s lies in %q, of %q (%v)", c.typed, zoneOf(a), n.Registrable, err)
		}
		relative := strings.TrimSuffix(strings.TrimSuffix(n.ASCII, zoneOf(a)), ".")
		if relative == "" {
			relative = "@"
		}
		if relative != c.relative {
			t.Errorf("%s is typed as %q in %s", c.typed, relative, c.zone)
		}
	}
}

// TestCN11_EachMistakeItsOwnCode: what people get wrong, each with a code, a sentence and a fix in every language.
func TestCN11_EachMistakeItsOwnCode(t *testing.T) {
	t.Parallel()
	for lines, code := range map[string]string{
		"shop 300 CNAME www.elsewhere.lab.":        finding.WrongValue,
		"shop 300 A " + zoo.Foreign:                finding.WrongType,
		"shop.acme.lab 300 CNAME token.edge.lab.":  finding.WrongNameDoubled,
		"shop 300 CNAME token.edge.lab":            finding.TargetMissingDot,
		"shop 300 CNAME https://token.edge.lab.":   finding.ValueWithScheme,
		`shop 300 CNAME \"token.edge.lab\".`:       finding.ValueQuoted,
		`shop 300 CNAME token.edge.lab\032please.`: finding.ValueTrailingText,
	} {
		w := newWorld(t)
		w.acme(lines)
		a := w.analyze(sub("shop.acme.lab"))
		r := a.Records[0]
		if r.Finding == nil || r.Finding.Code != code {
			t.Errorf("%s is %+v", lines, r.Finding)
			continue
		}
		said := map[string]bool{}
		for _, locale := range []string{"en", "de"} {
			x := r.Finding.Explain(locale)
			if x.Title == "" || len(x.Steps) == 0 || said[x.Title] || strings.Contains(x.Title+x.Body+strings.Join(x.Steps, ""), "…") {
				t.Errorf("%s is said as %+v", code, x)
			}
			said[x.Title] = true
		}
	}
}

// TestCN17_AnotherAccountOrMethod: a set that is bound to another account refuses us, and one that is bound to a method makes us take it.
func TestCN17_AnotherAccountOrMethod(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set     string
		modes   []string
		methods []string
		code    string
	}{
		{`0 issue "ca.lab; accounturi=https://ca.lab/acct/2"`, nil, []string{}, finding.CAAAccountMismatch},
		{`0 issue "ca.lab; accounturi=https://ca.lab/acct/1"`, nil, []string{"http-01", "tls-alpn-01"}, ""},
		{`0 issue "ca.lab; validationmethods=dns-01"`, nil, []string{}, finding.CAAMethodMismatch},
		{`0 issue "ca.lab; validationmethods=dns-01"`, []string{"http-01", "dns-01"}, []string{"dns-01"}, ""},
	} {
		w := newWorld(t)
		w.acme("@ 300 A " + zoo.Edge4 + "\n@ 300 AAAA " + zoo.Edge6 + "\n_nameplate 300 TXT np-verify=abc\n@ 300 CAA " + c.set)
		e := w.engine()
		e.CAs = func() []caa.CA { return []caa.CA{mainCA} }
		q := apexQuestion("acme.lab")
		q.Modes = c.modes
		a, err := e.Analyze(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if a.Caa == nil || !slices.Equal(a.Caa.Methods, c.methods) || c.code == "" && slices.ContainsFunc(a.Findings, finding.Finding.NeedsPerson) || c.code != "" && !slices.Contains(codes(a), c.code) {
			t.Errorf("%s with %v: %+v %v", c.set, c.modes, a.Caa, codes(a))
		}
	}
}

// TestCN18_RegistrarsDS: a DS without a key breaks the domain and names the registrar's side; taking it away mends it.
func TestCN18_RegistrarsDS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("shop 300 CNAME token.edge.lab.")
	w.Add("lab", "acme 3600 DS 1 13 2 "+strings.Repeat("ab", 32))
	e := w.engine()
	look := func() analysis.Answer {
		t.Helper()
		a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := look()
	i := slices.IndexFunc(a.Findings, func(f finding.Finding) bool { return f.Code == finding.DNSSECBogus })
	if i < 0 || a.Dnssec != analysis.DnssecDSWithoutDNSKEY || a.Findings[i].Severity != finding.Blocking {
		t.Fatalf("%s %v", a.Dnssec, codes(a))
	}
	if steps := strings.Join(a.Findings[i].Explain("en").Steps, " "); !strings.Contains(steps, "DS") {
		t.Errorf("the advice is %q", steps)
	}
	for _, nic := range w.Hosts("lab") {
		nic.Remove("lab", func(rr dns.RR) bool { return rr.Header().Name == "acme.lab." && rr.Header().Rrtype == dns.TypeDS })
	}
	if a = look(); len(codes(a)) != 0 || a.Dnssec != analysis.DnssecUnsigned || a.Verdict != analysis.Correct {
		t.Errorf("%s %s %v", a.Verdict, a.Dnssec, codes(a))
	}
}

// TestCN68_AThousandWatchedConnections stay inside what one server may be asked: light passes wait for their turn, and all get it.
func TestCN68_AThousandWatchedConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Zone("acme.lab", "", zoo.N1)
	e := w.engine()
	e.Settings.PerServerQPS, e.Settings.Burst, e.Settings.PerZoneQPS, e.Settings.ZoneBurst = 1000, 50, 100_000, 100_000
	e.Settings.Timeout, e.Settings.InteractiveTimeout = 2*time.Second, 2*time.Second
	first, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
	if err != nil {
		t.Fatal(err)
	}
	const watched = 1000
	began, before := time.Now(), w.Asked("shop.acme.lab")
	var wg sync.WaitGroup
	answers := make([]analysis.Answer, watched)
	for i := range answers {
		wg.Go(func() {
			q := sub("shop.acme.lab")
			q.Depth, q.Zone = analysis.Light, first.Zone
			answers[i], _ = e.Analyze(t.Context(), q)
		})
	}
	wg.Wait()
	took := time.Since(began)
	asked := w.Asked("shop.acme.lab") - before
	if most := 50 + int(took.Seconds()*1000) + 1; asked > most {
		t.Errorf("%d questions in %s, at most %d are allowed", asked, took, most)
	}
	served := 0
	for _, a := range answers {
		if a.Verdict != analysis.CouldNotAsk {
			served++ // by a question of its own, or by one that was under way
		}
		if len(a.Records) != 1 || a.Records[0].Status != judge.Pending && a.Verdict != analysis.CouldNotAsk {
			t.Fatalf("%s %+v", a.Verdict, a.Records)
		}
	}
	if served < watched/2 {
		t.Errorf("only %d of %d passes had an answer", served, watched)
	}
}
