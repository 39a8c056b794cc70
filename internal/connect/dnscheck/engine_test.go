package dnscheck

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// TestCN1_QuestionsOfAnAnalysis holds the budget of a first look at a name: 40 questions for walk and records.
func TestCN1_QuestionsOfAnAnalysis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.zone("acme.lab", "www 300 A 198.51.100.7", "ns1.plain-dns.lab", "ns2.plain-dns.lab")
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	e := w.engine()
	e.Catalogue = catalogue
	var steps []string
	q := withTXT(sub("shop.acme.lab"))
	q.Progress = func(s analysis.Step) { steps = append(steps, s.Key+" "+s.State) }
	a, err := e.Analyze(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if a.Zone.Apex != "acme.lab" || len(a.Zone.NameServers) != 2 || a.Provider.Provider == nil || a.Provider.Provider.Slug != "plain" {
		t.Errorf("zone %+v, provider %+v", a.Zone, a.Provider)
	}
	if a.Questions > 40 || a.Questions != len(a.Observations) {
		t.Errorf("%d questions, %d observations", a.Questions, len(a.Observations))
	}
	want := []string{"delegation RUNNING", "provider RUNNING", "records RUNNING", "certificate RUNNING", "delegation DONE", "provider DONE", "records DONE", "certificate DONE"}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %v", steps)
	}
	first := a.Questions
	if a, err = e.Analyze(t.Context(), q); err != nil || a.Questions >= first {
		t.Errorf("the second look asks %d questions, the first %d, %v", a.Questions, first, err)
	}
}

// TestCN10_ResolversAreAskedLast proves DN-1: before the authorities have the record, no recursive resolver hears of the name.
func TestCN10_ResolversAreAskedLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme("")(w)
	r := &recursor{answer: func(m, r *dns.Msg) {
		r.Rcode = dns.RcodeNameError
		r.Ns = parse(t, ".", "acme.lab. 777 SOA ns1.plain.lab. hostmaster.acme.lab. 1 7200 900 1209600 900")
	}}
	e := w.engine()
	e.Settings.Resolvers = []Resolver{{Name: "res1", Region: "Frankfurt", Address: serve(t, r)}}
	q := sub("shop.acme.lab")
	q.AskResolvers = true
	for _, lines := range []string{"", "shop 300 A 198.51.100.7"} {
		w.add("acme.lab", lines, n1)
		if a, err := e.Analyze(t.Context(), q); err != nil || a.Eta != nil || len(r.asked()) != 0 {
			t.Fatalf("%v: the resolver was asked %v", err, r.asked())
		}
	}
	for _, s := range []string{n1, n2} {
		w.server(s).set("acme.lab.", slices.DeleteFunc(w.server(s).zones["acme.lab."], func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA }))
	}
	w.add("acme.lab", "shop 300 CNAME token.edge.lab.", n1)
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Verdict != analysis.Partial || len(r.asked()) != 0 {
		t.Fatalf("with the record on one server of two: %v %s, asked %v", err, a.Verdict, r.asked())
	}
	w.add("acme.lab", "shop 300 CNAME token.edge.lab.", n2)
	a, err := e.Analyze(t.Context(), q)
	if err != nil || len(r.asked()) != 1 {
		t.Fatal(err, r.asked())
	}
	if a.Eta == nil || a.Eta.Seconds != 777 || a.Eta.PerResolver[0].Reason != analysis.NegativeAnswer || !a.Eta.Until.Equal(w.now.Add(777*time.Second)) {
		t.Errorf("eta %+v", a.Eta)
	}
	if v := a.Resolvers[0]; v.Rcode != "NXDOMAIN" || *v.Region != "Frankfurt" {
		t.Errorf("view %+v", v)
	}
	for what, c := range map[string]struct {
		lines   string
		reason  analysis.EtaReason
		seconds int32
	}{
		"Old":     {"shop.acme.lab. 120 A 198.51.100.7", analysis.OldAnswer, 120},
		"OldName": {"shop.acme.lab. 90 CNAME former.lab.", analysis.OldAnswer, 90},
		"New":     {"shop.acme.lab. 90 CNAME token.edge.lab.\ntoken.edge.lab. 60 A " + edge4, analysis.UpToDate, 0},
	} {
		r.remember(t, c.lines)
		a, err := e.Analyze(t.Context(), q)
		if err != nil || a.Eta.Seconds != c.seconds || a.Eta.PerResolver[0].Reason != c.reason {
			t.Errorf("%s: %v %+v", what, err, a.Eta)
		}
	}
}

// recursor is a recursive resolver with a memory that the test writes.
type recursor struct {
	mu     sync.Mutex
	log    []string
	answer func(m, r *dns.Msg)
}

func (r *recursor) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

func (r *recursor) remember(t *testing.T, lines string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(m, r *dns.Msg) { r.Answer = parse(t, ".", lines) }
}

func (r *recursor) ServeDNS(out dns.ResponseWriter, m *dns.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, m.Question[0].String())
	reply := new(dns.Msg)
	reply.SetReply(m)
	reply.RecursionAvailable = true
	r.answer(m, reply)
	_ = out.WriteMsg(reply)
}

// TestCN67_OurOwnSide tells a failure of ours from one of the customer's.
func TestCN67_OurOwnSide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt func(w *world)
		depth   analysis.Depth
		verdict analysis.CheckVerdict
		code    string
	}{
		"NothingAnswers": {func(w *world) {
			for _, s := range w.servers {
				s.fault = silent
			}
		}, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"RegistrySilent":   {func(w *world) { w.server("ns1.nic.lab").fault, w.server("ns2.nic.lab").fault = silent, silent }, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"RegistryServfail": {func(w *world) { w.server("ns1.nic.lab").fault, w.server("ns2.nic.lab").fault = code(2), code(2) }, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"ZoneSilent":       {func(w *world) { w.server(n1).fault, w.server(n2).fault = silent, silent }, analysis.Full, analysis.Absent, finding.AllNSUnreachable},
		"LightNothing": {func(w *world) {
			for _, s := range w.servers {
				s.fault = silent
			}
		}, analysis.Light, analysis.CouldNotAsk, finding.CouldNotAsk},
		"LightZoneSilent": {func(w *world) { w.server(n1).fault, w.server(n2).fault = silent, silent }, analysis.Light, analysis.Absent, finding.AllNSUnreachable},
		"WatchNothing": {func(w *world) {
			for _, s := range w.servers {
				s.fault = silent
			}
		}, analysis.Watch, analysis.CouldNotAsk, finding.CouldNotAsk},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			acme("shop 300 CNAME token.edge.lab.")(w)
			e := w.engine()
			q := sub("shop.acme.lab")
			before, err := e.Analyze(t.Context(), q)
			if err != nil || before.Verdict != analysis.Correct {
				t.Fatal(err, before.Verdict)
			}
			w.mu.Lock()
			c.breakIt(w)
			w.mu.Unlock()
			if c.depth == analysis.Full {
				e = w.engine() // without what it remembers
			}
			q.Depth, q.Zone = c.depth, before.Zone
			a, err := e.Analyze(t.Context(), q)
			if err != nil || a.Verdict != c.verdict || !slices.Contains(codes(a), c.code) || a.Records[0].Status != statusUnverifiable {
				t.Errorf("%v %s %v %v", err, a.Verdict, codes(a), a.Records)
			}
		})
	}
}

func TestDepths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme("")(w)
	e := w.engine()
	q := sub("shop.acme.lab")
	before, err := e.Analyze(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	q.Depth, q.Zone = analysis.Light, before.Zone
	light := func() analysis.Answer {
		t.Helper()
		a, err := e.Analyze(t.Context(), q)
		if err != nil || a.Questions != 2 {
			t.Fatalf("%v: a light pass asks one question of each server, not %d", err, a.Questions)
		}
		return a
	}
	if a := light(); a.Records[0].Status != statusPending || a.Verdict != analysis.Absent || len(a.Records[0].Seen) != 0 {
		t.Errorf("%+v", a)
	}
	w.add("acme.lab", "shop 300 CNAME token.edge.lab", n1)
	if a := light(); a.Records[0].Status != statusPending || !slices.Equal(a.Records[0].Seen, []string{"token.edge.lab.acme.lab"}) {
		t.Errorf("a wrong value is news: %+v", a.Records)
	}
	w.server(n1).set("acme.lab.", slices.Clone(w.server(n2).zones["acme.lab."]))
	w.add("acme.lab", "shop 300 CNAME token.edge.lab.", n1)
	if a := light(); a.Records[0].Status != statusPartial || a.Records[0].Have != 1 || a.Verdict != analysis.Partial {
		t.Errorf("%+v", a)
	}
	w.add("acme.lab", "shop 300 CNAME token.edge.lab.", n2)
	if a := light(); a.Records[0].Status != statusOK || a.Verdict != analysis.Correct || !a.Ownership.Target {
		t.Errorf("%+v", a)
	}
	q.Depth = analysis.Watch
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Questions != 8 || a.Verdict != analysis.Correct {
		t.Errorf("%v: a watch pass asks what decides, %d questions, %s", err, a.Questions, a.Verdict)
	}
	w.now = w.now.Add(time.Hour)
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Questions != 11 || a.Verdict != analysis.Correct {
		t.Errorf("%v: with the delegation forgotten it walks again, %d questions, %s", err, a.Questions, a.Verdict)
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	t.Run("Questions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var names []string
		for i := range 13 {
			names = append(names, fmt.Sprintf("ns%d.plain.lab", i))
		}
		w.zone("acme.lab", "", names...)
		q := sub("shop.acme.lab")
		for i := range 30 {
			x := cname(fmt.Sprintf("h%d.acme.lab", i))
			q.Expected = append(q.Expected, x)
		}
		a := w.analyze(q)
		if a.Questions != tree.MaxQuestions || a.Verdict != analysis.CouldNotAsk || !slices.Contains(codes(a), finding.AnalysisIncomplete) {
			t.Errorf("%d questions, %s %v", a.Questions, a.Verdict, codes(a))
		}
	})
	t.Run("Time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		acme("")(w)
		w.server(n1).fault, w.server(n2).fault = silent, silent
		e := w.engine()
		e.Settings.InteractiveTimeout = time.Minute
		start := time.Now()
		a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
		if d := time.Since(start); err != nil || d > 4*time.Second || a.Verdict != analysis.CouldNotAsk || !slices.Contains(codes(a), finding.AnalysisIncomplete) {
			t.Errorf("%v after %s: %s %v", err, d, a.Verdict, codes(a))
		}
	})
	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.engine().Analyze(ctx, sub("shop.acme.lab")); err == nil {
			t.Error("an analysis that nobody waits for has an answer")
		}
	})
}

func TestQuestionsThatAreNone(t *testing.T) {
	t.Parallel()
	e := newWorld(t).engine()
	for _, host := range []string{"", ".", strings.Repeat("a", 64) + ".lab", strings.Repeat("abcdefgh.", 40) + "lab", "a..lab"} {
		if _, err := e.Analyze(t.Context(), analysis.Question{Hostname: host}); err == nil {
			t.Errorf("%q was analysed", host)
		}
	}
	if _, err := e.Analyze(t.Context(), analysis.Question{Hostname: "shop.acme.lab", Depth: analysis.Light}); err == nil {
		t.Error("a light pass without a zone")
	}
}

// TestPrivateGlue is the guard against a zone that points us at our own network.
func TestPrivateGlue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("lab", "acme 3600 NS ns.acme.lab.\nns.acme 3600 A 127.0.0.1\nns.acme 3600 A 10.0.0.1\nns.acme 3600 AAAA ::1")
	a := w.analyze(sub("shop.acme.lab"))
	if a.Verdict != analysis.Absent || !slices.Contains(codes(a), finding.NoNSAddress) {
		t.Errorf("%s %v", a.Verdict, codes(a))
	}
}

// TestGlueOfStrangers: a zone's servers say nothing about names outside their parent's zone.
func TestGlueOfStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme("shop 300 CNAME token.edge.lab.")(w)
	evil := w.server("ns1.evil.lab")
	w.zone("evil.lab", "shop 300 CNAME token.edge.lab.", "ns1.evil.lab")
	evil.fault = func(m, r *dns.Msg, tcp bool) *dns.Msg {
		if strings.EqualFold(m.Question[0].Name, "sub.evil.lab.") {
			r.Authoritative, r.Answer, r.Rcode = false, nil, dns.RcodeSuccess
			r.Ns = parse(t, ".", "sub.evil.lab. 3600 NS "+n1+".\nacme.lab. 3600 NS ns1.evil.lab.")
			r.Extra = parse(t, ".", n1+". 3600 A "+evil.addr.String())
		}
		return r
	}
	e := w.engine()
	q := sub("sub.evil.lab")
	q.Registrable = "evil.lab"
	if _, err := e.Analyze(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
	if err != nil || a.Verdict != analysis.Correct || a.Zone.NameServers[0].Address != w.server(n1).addr.String() {
		t.Errorf("%v: acme.lab is asked at %+v", err, a.Zone)
	}
}

func TestDnssec(t *testing.T) {
	t.Parallel()
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "acme.lab.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	if _, err := key.Generate(256); err != nil {
		t.Fatal(err)
	}
	good := key.ToDS(dns.SHA256).String()
	bad := "acme.lab. 300 IN DS 1 13 2 " + strings.Repeat("ab", 32)
	strange := "acme.lab. 300 IN DS 1 13 99 abcd"
	for name, c := range map[string]struct {
		ds, dnskey string
		state      analysis.DnssecState
		bogus      bool
	}{
		"Unsigned":      {"", "", analysis.DnssecUnsigned, false},
		"Signed":        {good, key.String(), analysis.DnssecSignedOK, false},
		"NoKeys":        {good, "", analysis.DnssecDSWithoutDNSKEY, true},
		"OtherKeys":     {bad, key.String(), analysis.DnssecDSMismatch, true},
		"OneOfTwoFits":  {bad + "\n" + good, key.String(), analysis.DnssecSignedOK, false},
		"StrangeDigest": {strange, key.String(), analysis.DnssecUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			acme("shop 300 CNAME token.edge.lab.\n" + c.dnskey)(w)
			w.add("lab", c.ds)
			a := w.analyze(sub("shop.acme.lab"))
			if a.Dnssec != c.state || a.Zone.Dnssec != c.state || slices.Contains(codes(a), finding.DNSSECBogus) != c.bogus {
				t.Errorf("%s, %v", a.Dnssec, codes(a))
			}
		})
	}
}

// TestProbe sends the probe through a whole analysis to an edge of the test's.
func TestProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme("shop 300 CNAME token.edge.lab.")(w)
	for _, s := range w.hosts("edge.lab.") {
		s.set("edge.lab.", append(slices.DeleteFunc(s.zones["edge.lab."], func(rr dns.RR) bool {
			return rr.Header().Rrtype == dns.TypeA && strings.HasPrefix(rr.Header().Name, "token.") || rr.Header().Rrtype == dns.TypeAAAA
		}), parse(t, ".", "token.edge.lab. 60 A 127.0.0.1")...))
	}
	e := w.engine()
	var answer func(http.ResponseWriter, *http.Request)
	h := http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.Host != "shop.acme.lab" || in.URL.Path != "/.well-known/nameplate/now" {
			t.Errorf("asked for %s%s", in.Host, in.URL.Path)
		}
		answer(out, in)
	})
	plainEdge, secureEdge := httptest.NewServer(h), httptest.NewUnstartedServer(h)
	t.Cleanup(plainEdge.Close)
	secureEdge.StartTLS()
	t.Cleanup(secureEdge.Close)
	port := func(s *httptest.Server) int { return int(netip.MustParseAddrPort(s.Listener.Addr().String()).Port()) }
	e.Settings.ProbeHTTPPort, e.Settings.ProbeHTTPSPort = port(plainEdge), port(secureEdge)
	e.Settings.EdgeV4 = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	e.Settings.AllowPrivate = true
	e.Nonce = func(host string) []string { return []string{"now", "before"} }
	q := sub("shop.acme.lab")
	q.Probe = analysis.ProbeWanted{HTTP: true}
	run := func() analysis.Answer {
		t.Helper()
		a, err := e.Analyze(t.Context(), q)
		if err != nil || len(a.Probes) != 1 {
			t.Fatal(err, a.Probes, codes(a))
		}
		return a
	}
	answer = func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "before edge-1") }
	if a := run(); a.Probes[0].Result != analysis.ProbeOK || a.Probes[0].Family != 4 || len(codes(a)) != 0 {
		t.Errorf("%+v %v", a.Probes, codes(a))
	}
	answer = func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "hello") }
	if a := run(); a.Probes[0].Result != analysis.ProbeOtherServer || !slices.Equal(codes(a), []string{finding.OtherServer}) {
		t.Errorf("%+v %v", a.Probes, codes(a))
	}
	q.Probe = analysis.ProbeWanted{HTTPS: true}
	if a := run(); a.Probes[0].Result != analysis.ProbeTLSError || !slices.Equal(codes(a), []string{finding.ProbeTLSError}) {
		t.Errorf("a certificate of nobody we trust: %+v %v", a.Probes, codes(a))
	}
	secureEdge.Close()
	if a := run(); a.Probes[0].Result != analysis.ProbeRefused || !slices.Equal(codes(a), []string{finding.HTTPSUnreachable}) {
		t.Errorf("%+v %v", a.Probes, codes(a))
	}

}

var mainCA, secondCA = caa.CA{Name: "main", Identities: []string{"ca.lab"}, AccountURI: "https://ca.lab/acct/1"}, caa.CA{Name: "second", Identities: []string{"ca2.lab"}}

func TestCAA(t *testing.T) {
	t.Parallel()
	const foreign = "\n@ 300 CAA 0 issue \"other.lab\""
	addresses := "@ 300 A " + edge4 + "\n@ 300 AAAA " + edge6 + "\n_nameplate 300 TXT np-verify=abc"
	shop := "shop 300 CNAME token.edge.lab."
	servfail := func(m, r *dns.Msg, tcp bool) *dns.Msg {
		if m.Question[0].Qtype == dns.TypeCAA {
			r.Rcode, r.Answer, r.Ns = dns.RcodeServerFailure, nil, nil
		}
		return r
	}
	for name, c := range map[string]struct {
		world func(w *world)
		q     analysis.Question
		want  string // finding, "" for none
		at    string // where the relevant set stands
		allow string
	}{
		"None":                          {acme(addresses), apexQuestion("acme.lab"), "", "", "ca.lab ca2.lab"},
		"CN15_ForbiddenAtTheApex":       {acme(addresses + foreign), apexQuestion("acme.lab"), finding.CAAForbidden, "acme.lab", ""},
		"CN53_SecondAllowed":            {acme(addresses + "\n@ 300 CAA 0 issue \"ca2.lab\""), apexQuestion("acme.lab"), "", "acme.lab", "ca2.lab"},
		"CN16_OurTargetsSetCounts":      {acme(shop + foreign), sub("shop.acme.lab"), "", "token.edge.lab", "ca.lab"},
		"CN16_BeforeTheRecordStands":    {acme(foreign), sub("shop.acme.lab"), "", "token.edge.lab", "ca.lab"},
		"BeforeThereIsATarget":          {acme(foreign), with(sub("shop.acme.lab"), func(q *analysis.Question) { q.Target = "" }), "", "acme.lab", ""},
		"AddressAtASubdomain":           {acme("shop 300 A " + edge4 + foreign), with(sub("shop.acme.lab"), func(q *analysis.Question) { q.Expected[0].Type, q.Expected[0].Value = "A", edge4 }), finding.CAAForbidden, "acme.lab", ""},
		"AtTheRegistry":                 {func(w *world) { acme(addresses)(w); w.add("lab", foreign) }, apexQuestion("acme.lab"), finding.CAAForbidden, "lab", ""},
		"CN17_AnotherAccount":           {acme(addresses + "\n@ 300 CAA 0 issue \"ca.lab; accounturi=https://ca.lab/acct/2\""), apexQuestion("acme.lab"), finding.CAAAccountMismatch, "acme.lab", ""},
		"CN17_AnotherMethod":            {acme(addresses + "\n@ 300 CAA 0 issue \"ca.lab; validationmethods=dns-01\""), apexQuestion("acme.lab"), finding.CAAMethodMismatch, "acme.lab", ""},
		"CriticalUnknown":               {acme(addresses + "\n@ 300 CAA 128 future \"x\""), apexQuestion("acme.lab"), finding.CAACriticalUnknown, "acme.lab", ""},
		"ServersFail":                   {func(w *world) { acme(addresses)(w); w.server(n1).fault, w.server(n2).fault = servfail, servfail }, apexQuestion("acme.lab"), finding.CAALookupFailure, "", "-"},
		"ServersFailButTheTargetCounts": {func(w *world) { acme("")(w); w.server(n1).fault, w.server(n2).fault = servfail, servfail }, sub("shop.acme.lab"), "", "token.edge.lab", "ca.lab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.world(w)
			e := w.engine()
			e.CAs = func() []caa.CA { return []caa.CA{mainCA, secondCA} }
			a, err := e.Analyze(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range a.Findings {
				if f.Facet == finding.TLS {
					got = f.Code
				}
			}
			if got != c.want || a.Questions > 45 {
				t.Errorf("%v, %d questions", codes(a), a.Questions)
			}
			if c.allow == "-" {
				return
			}
			if a.Caa == nil || strings.Join(a.Caa.Allowed, " ") != c.allow || (a.Caa.RelevantName == nil) != (c.at == "") || c.at != "" && *a.Caa.RelevantName != c.at {
				t.Errorf("%+v", a.Caa)
			}
		})
	}
}
