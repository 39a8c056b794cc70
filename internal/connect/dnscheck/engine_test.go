package dnscheck

import (
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
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/lab/loopback"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestCN1_QuestionsOfAnAnalysis holds the budget of a first look at a name: 40 questions for walk and records.
func TestCN1_QuestionsOfAnAnalysis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("www 300 A 198.51.100.7")
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
	w.acme("")
	r := &recursor{answer: func(m, r *dns.Msg) {
		r.Rcode = dns.RcodeNameError
		r.Ns = w.Parse(".", "acme.lab. 777 SOA ns1.plain.lab. hostmaster.acme.lab. 1 7200 900 1209600 900")
	}}
	e := w.engine()
	e.Settings.Resolvers = []Resolver{{Name: "res1", Region: "Frankfurt", Address: listen(t, r)}}
	q := sub("shop.acme.lab")
	q.AskResolvers = true
	for _, lines := range []string{"", "shop 300 A 198.51.100.7"} {
		w.Add("acme.lab", lines, zoo.N1)
		if a, err := e.Analyze(t.Context(), q); err != nil || a.Eta != nil || len(r.asked()) != 0 {
			t.Fatalf("%v: the resolver was asked %v", err, r.asked())
		}
	}
	for _, s := range []string{zoo.N1, zoo.N2} {
		w.Server(s).Remove("acme.lab", func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA })
	}
	w.Add("acme.lab", "shop 300 CNAME token.edge.lab.", zoo.N1)
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Verdict != analysis.Partial || len(r.asked()) != 0 {
		t.Fatalf("with the record on one server of two: %v %s, asked %v", err, a.Verdict, r.asked())
	}
	w.Add("acme.lab", "shop 300 CNAME token.edge.lab.", zoo.N2)
	a, err := e.Analyze(t.Context(), q)
	if err != nil || len(r.asked()) != 1 {
		t.Fatal(err, r.asked())
	}
	if a.Eta == nil || a.Eta.Seconds != 777 || a.Eta.PerResolver[0].Reason != analysis.NegativeAnswer || !a.Eta.Until.Equal(w.Now().Add(777*time.Second)) {
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
		"New":     {"shop.acme.lab. 90 CNAME token.edge.lab.\ntoken.edge.lab. 60 A " + zoo.Edge4, analysis.UpToDate, 0},
	} {
		r.remember(w, c.lines)
		a, err := e.Analyze(t.Context(), q)
		if err != nil || a.Eta.Seconds != c.seconds || a.Eta.PerResolver[0].Reason != c.reason {
			t.Errorf("%s: %v %+v", what, err, a.Eta)
		}
	}
}

// listen answers with a handler on a free port.
func listen(t *testing.T, h dns.Handler) netip.AddrPort {
	t.Helper()
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{here}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(loopback.ServeDNS(sockets[here], h))
	return netip.AddrPortFrom(here, uint16(port))
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

func (r *recursor) remember(w *world, lines string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(m, r *dns.Msg) { r.Answer = w.Parse(".", lines) }
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
		"NothingAnswers":   {func(w *world) { w.Lie(zoo.Silent) }, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"RegistrySilent":   {func(w *world) { w.Lie(zoo.Silent, "ns1.nic.lab", "ns2.nic.lab") }, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"RegistryServfail": {func(w *world) { w.Lie(zoo.Code(dns.RcodeServerFailure), "ns1.nic.lab", "ns2.nic.lab") }, analysis.Full, analysis.CouldNotAsk, finding.CouldNotAsk},
		"ZoneSilent":       {func(w *world) { w.Lie(zoo.Silent, zoo.N1, zoo.N2) }, analysis.Full, analysis.CouldNotAsk, finding.AllNSUnreachable},
		"LightNothing":     {func(w *world) { w.Lie(zoo.Silent) }, analysis.Light, analysis.CouldNotAsk, finding.CouldNotAsk},
		"LightZoneSilent":  {func(w *world) { w.Lie(zoo.Silent, zoo.N1, zoo.N2) }, analysis.Light, analysis.CouldNotAsk, finding.AllNSUnreachable},
		"WatchNothing":     {func(w *world) { w.Lie(zoo.Silent) }, analysis.Watch, analysis.CouldNotAsk, finding.CouldNotAsk},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.acme("shop 300 CNAME token.edge.lab.")
			e := w.engine()
			q := sub("shop.acme.lab")
			before, err := e.Analyze(t.Context(), q)
			if err != nil || before.Verdict != analysis.Correct {
				t.Fatal(err, before.Verdict)
			}
			c.breakIt(w)
			if c.depth == analysis.Full {
				e = w.engine() // without what it remembers
			}
			q.Depth, q.Zone = c.depth, before.Zone
			a, err := e.Analyze(t.Context(), q)
			if err != nil || a.Verdict != c.verdict || !slices.Contains(codes(a), c.code) || a.Records[0].Status != judge.Unverifiable {
				t.Errorf("%v %s %v %v", err, a.Verdict, codes(a), a.Records)
			}
		})
	}
}

func TestDepths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("")
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
	if a := light(); a.Records[0].Status != judge.Pending || a.Verdict != analysis.Absent || len(a.Records[0].Seen) != 0 {
		t.Errorf("%+v", a)
	}
	w.Add("acme.lab", "shop 300 CNAME token.edge.lab", zoo.N1)
	if a := light(); a.Records[0].Status != judge.Pending || !slices.Equal(a.Records[0].Seen, []string{"token.edge.lab.acme.lab"}) {
		t.Errorf("a wrong value is news: %+v", a.Records)
	}
	w.Server(zoo.N1).Set("acme.lab", w.Server(zoo.N2).Records("acme.lab"))
	w.Add("acme.lab", "shop 300 CNAME token.edge.lab.", zoo.N1)
	if a := light(); a.Records[0].Status != judge.Partial || a.Records[0].Have != 1 || a.Verdict != analysis.Partial {
		t.Errorf("%+v", a)
	}
	w.Add("acme.lab", "shop 300 CNAME token.edge.lab.", zoo.N2)
	if a := light(); a.Records[0].Status != judge.OK || a.Verdict != analysis.Correct || !a.Ownership.Target {
		t.Errorf("%+v", a)
	}
	q.Depth = analysis.Watch
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Questions != 8 || a.Verdict != analysis.Correct {
		t.Errorf("%v: a watch pass asks what decides, %d questions, %s", err, a.Questions, a.Verdict)
	}
	w.Advance(time.Hour)
	if a, err := e.Analyze(t.Context(), q); err != nil || a.Questions != 11 || a.Verdict != analysis.Correct {
		t.Errorf("%v: with the delegation forgotten it walks again, %d questions, %s", err, a.Questions, a.Verdict)
	}
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

// TestGlueOfStrangers: a zone's servers say nothing about names outside their parent's zone.
func TestGlueOfStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("shop 300 CNAME token.edge.lab.")
	evil := w.Server("ns1.evil.lab")
	w.Zone("evil.lab", "shop 300 CNAME token.edge.lab.", "ns1.evil.lab")
	evil.Lie(func(q zoo.Query, r *dns.Msg) *dns.Msg {
		if q.Name() == "sub.evil.lab." {
			r.Authoritative, r.Answer, r.Rcode = false, nil, dns.RcodeSuccess
			r.Ns = w.Parse(".", "sub.evil.lab. 3600 NS "+zoo.N1+".\nacme.lab. 3600 NS ns1.evil.lab.")
			r.Extra = w.Parse(".", zoo.N1+". 3600 A "+evil.Addr().String())
		}
		return r
	})
	e := w.engine()
	q := sub("sub.evil.lab")
	q.Registrable = "evil.lab"
	if _, err := e.Analyze(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
	if err != nil || a.Verdict != analysis.Correct || a.Zone.NameServers[0].Address != w.Server(zoo.N1).Addr().String() {
		t.Errorf("%v: acme.lab is asked at %+v", err, a.Zone)
	}
}

// TestProbe sends the probe through a whole analysis to an edge of the test's.
func TestProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.acme("shop 300 CNAME token.edge.lab.")
	edge := w.Server("ns1.edge.lab")
	edge.Remove("edge.lab", func(rr dns.RR) bool { return strings.HasPrefix(rr.Header().Name, "token.") })
	w.Add("edge.lab", "token 60 A 127.0.0.1")
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
	e.Settings.ProbeMap = nil
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
