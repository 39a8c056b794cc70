package dnscheck

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/lab"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// inLab is the engine in the lab's internet, with our edge zone served where the lab delegates it to.
func inLab(t *testing.T) (*lab.World, *Engine) {
	t.Helper()
	w := lab.Start(t)
	edge := authority.NewZone(authority.Options{Apex: "edge.lab", NS: []string{"ns1.edge.lab"}, Now: w.Clock.Now})
	for typ, value := range map[string]string{"A": "127.0.0.1", "CAA": `0 issue "ca.lab"`} {
		if err := edge.Put(lab.RRset{Name: "token", Type: typ, TTL: 60, Values: []string{value}}); err != nil {
			t.Fatal(err)
		}
	}
	s := authority.NewServer("ns1.edge.lab", w.Clock.Now)
	s.Host(edge)
	addrs := []netip.Addr{}
	for _, a := range w.Addresses.Edge {
		addrs = append(addrs, a.Addr())
	}
	_, sockets, err := loopback.BindDNS(t.Context(), w.Addresses.DNSPort, addrs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, sock := range sockets {
		t.Cleanup(loopback.ServeDNS(sock, s))
	}
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{
		Catalogue: catalogue, Now: w.Clock.Now, CAs: func() []caa.CA { return []caa.CA{{Name: "main", Identities: []string{"ca.lab"}}} },
		Settings: Settings{
			RootHints: []Hint{{Name: "a.root-servers.lab", Addresses: []netip.Addr{w.Addresses.Root.Addr()}}}, Port: w.Addresses.DNSPort, AllowPrivate: true,
			EdgeV4: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, EdgeZone: "edge.lab",
		},
	}
	for i, r := range w.Addresses.Recursors {
		e.Settings.Resolvers = append(e.Settings.Resolvers, Resolver{Name: "res" + string(rune('1'+i)), Address: r})
	}
	return w, e
}

func labQuestion(host, registrable string) analysis.Question {
	q := sub(host)
	q.Registrable, q.AskResolvers = registrable, true
	return q
}

func labApex(host string) analysis.Question {
	q := apexQuestion(host)
	q.Expected = slices.DeleteFunc(q.Expected, func(x analysis.Expected) bool { return x.Type == "AAAA" })
	q.Expected[1].Value = "127.0.0.1"
	return q
}

func TestLab(t *testing.T) {
	t.Parallel()
	w, e := inLab(t)
	look := func(t *testing.T, q analysis.Question) analysis.Answer {
		t.Helper()
		a, err := e.Analyze(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct{ host, registrable, zone, provider, want string }{
		{"shop.acme.lab", "acme.lab", "acme.lab", "plain", "record_absent"},
		{"www.flat.lab", "flat.lab", "flat.lab", "flat", "cname_collision wrong_type"},
		{"a.b.corp.lab", "corp.lab", "corp.lab", "lagging", "record_absent"},
		{"www.shop.co.lab", "shop.co.lab", "shop.co.lab", "plain", "record_absent"},
		{"shop.wild.lab", "wild.lab", "wild.lab", "plain", "shadowed_by_wildcard"},
		{"www.gone.lab", "gone.lab", "", "", "not_registered"},
		{"www.broken.lab", "broken.lab", "broken.lab", "", "lame_delegation"},
		{"www.parked.lab", "parked.lab", "parked.lab", "parking-lot", "parked_domain shadowed_by_wildcard"},
		{"www.signed.lab", "signed.lab", "signed.lab", "plain", "record_absent"},
		{"www.bogus.lab", "bogus.lab", "bogus.lab", "plain", "dnssec_bogus record_absent"},
		{"www.mixed.lab", "mixed.lab", "mixed.lab", "", "mixed_dns record_absent"},
		{"www.caa.lab", "caa.lab", "caa.lab", "plain", "record_absent"},
	} {
		t.Run("CN5_"+c.host, func(t *testing.T) {
			a := look(t, labQuestion(c.host, c.registrable))
			got := ""
			if a.Provider.Provider != nil {
				got = a.Provider.Provider.Slug
			}
			if zoneOf(a) != c.zone || c.provider != "" && got != c.provider || strings.Join(codes(a), " ") != c.want {
				t.Errorf("zone %q, provider %q, %v", zoneOf(a), got, codes(a))
			}
			if len(w.Recursor(1).Log(c.host+"."))+len(w.Recursor(2).Log(c.host+".")) != 0 {
				t.Error("a resolver was asked before the authorities had the record")
			}
		})
	}
	t.Run("CN6_OneOfTwoSilent", func(t *testing.T) {
		w.Register("six.lab", "plain")
		w.Zone("six.lab").Set("shop", "CNAME", "token.edge.lab").Fail(lab.Timeout("ns2"))
		a := look(t, labQuestion("shop.six.lab", "six.lab"))
		if a.Verdict != analysis.Correct || !slices.Contains(codes(a), finding.NSUnreachable) {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
	})
	t.Run("CN8_OneOfTwoHasIt", func(t *testing.T) {
		w.Register("eight.lab", "plain")
		w.Zone("eight.lab").On("ns1").Set("shop", "CNAME", "token.edge.lab")
		a := look(t, labQuestion("shop.eight.lab", "eight.lab"))
		if r := a.Records[0]; a.Verdict != analysis.Partial || r.Have != 1 || r.Of != 2 || !slices.Contains(codes(a), finding.SerialMismatch) {
			t.Errorf("%s %+v %v", a.Verdict, r, codes(a))
		}
		w.Zone("eight.lab").On("ns2").Set("shop", "CNAME", "token.edge.lab")
		if a := look(t, labQuestion("shop.eight.lab", "eight.lab")); a.Verdict != analysis.Correct {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
	})
	t.Run("CN9_NegativeCache", func(t *testing.T) {
		w.Register("nine.lab", "plain")
		w.Recursor(1).Lookup(t.Context(), "shop.nine.lab.", 1) // somebody was too early
		w.Clock.Advance(100 * time.Second)
		w.Zone("nine.lab").Set("shop", "CNAME", "token.edge.lab")
		a := look(t, labQuestion("shop.nine.lab", "nine.lab"))
		if a.Verdict != analysis.Correct || a.Eta == nil || a.Eta.Seconds < 798 || a.Eta.Seconds > 800 {
			t.Fatalf("%s %+v", a.Verdict, a.Eta)
		}
		if r := a.Eta.PerResolver; r[0].Reason != analysis.NegativeAnswer || r[1].Reason != analysis.UpToDate {
			t.Errorf("%+v", r)
		}
	})
	t.Run("CN12_CN13_CN14_Apex", func(t *testing.T) {
		z := w.Register("thirteen.lab", "flat")
		z.Set("@", "ALIAS", "token.edge.lab")
		a := look(t, labApex("thirteen.lab"))
		if a.Records[0].Status != judge.Flattened || !slices.Contains(codes(a), finding.OwnershipUnproven) || a.Ownership.TXT {
			t.Errorf("%+v %v", a.Records, codes(a))
		}
		z.Set("_nameplate", "TXT", "np-verify=abc")
		if a = look(t, labApex("thirteen.lab")); a.Verdict != analysis.Correct || !a.Ownership.TXT {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
		z.Delete("@", "ALIAS").Set("@", "A", "127.0.0.1").Set("@", "AAAA", "::2")
		if a = look(t, labApex("thirteen.lab")); a.Verdict != analysis.Conflicting || !slices.Contains(codes(a), finding.StaleAAAA) {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
	})
	t.Run("CN15_CN16_CAA", func(t *testing.T) {
		z := w.Zone("caa.lab").Set("shop", "CNAME", "token.edge.lab").Set("@", "A", "127.0.0.1").Set("_nameplate", "TXT", "np-verify=abc")
		if a := look(t, labQuestion("shop.caa.lab", "caa.lab")); a.Verdict != analysis.Correct || a.Caa == nil || len(a.Caa.Allowed) != 1 {
			t.Errorf("%s %v %+v", a.Verdict, codes(a), a.Caa)
		}
		a := look(t, labApex("caa.lab"))
		if a.Verdict != analysis.Correct || !slices.Contains(codes(a), finding.CAAForbidden) {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
		z.Fail(lab.ServfailCAA())
		if a = look(t, labApex("caa.lab")); !slices.Contains(codes(a), finding.CAALookupFailure) {
			t.Errorf("%v", codes(a))
		}
	})
	t.Run("Truncated", func(t *testing.T) {
		w.Register("cut.lab", "plain")
		w.Zone("cut.lab").Set("shop", "CNAME", "token.edge.lab").Fail(lab.Truncate())
		if a := look(t, labQuestion("shop.cut.lab", "cut.lab")); a.Verdict != analysis.Correct {
			t.Errorf("%s %v", a.Verdict, codes(a))
		}
	})
}

// BenchmarkAnalyze is a first look at a name, as domainCheck makes it.
func BenchmarkAnalyze(b *testing.B) {
	w := lab.Start(b)
	e := &Engine{Now: w.Clock.Now, CAs: func() []caa.CA { return []caa.CA{{Name: "main", Identities: []string{"ca.lab"}}} }, Settings: Settings{
		RootHints: []Hint{{Name: "a.root-servers.lab", Addresses: []netip.Addr{w.Addresses.Root.Addr()}}}, Port: w.Addresses.DNSPort, AllowPrivate: true,
		PerServerQPS: 1 << 20, Burst: 1 << 20, EdgeZone: "edge.lab",
	}}
	q, questions := labQuestion("shop.acme.lab", "acme.lab"), 0
	q.Target = ""
	for b.Loop() {
		a, err := e.Analyze(b.Context(), q)
		if err != nil || a.Verdict != analysis.Absent {
			b.Fatal(err, a.Verdict)
		}
		questions += a.Questions
	}
	b.ReportMetric(float64(questions)/float64(b.N), "questions/op")
}
