package dnscheck

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/lab/realdns"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// quirks are what makes answer otherwise than our own servers, and what is then true. Knot and PowerDNS load a CNAME beside other data and
// answer the CNAME alone: the other data are gone for everybody. PowerDNS says nothing of a chain that is too long for it but its links one
// by one, and that costs the questions that CAA would need.
var quirks = map[string]zoo.Shape{
	"Knot/CNAMEAndAddress":           {Verdict: "CORRECT", Says: "cname:OK"},
	"PowerDNS/CNAMEAndAddress":       {Verdict: "CORRECT", Says: "cname:OK"},
	"Knot/ChallengeAndFormerTXT":     {Verdict: "CORRECT", Says: "cname:OK challenge:OK"},
	"PowerDNS/ChallengeAndFormerTXT": {Verdict: "CORRECT", Says: "cname:OK challenge:OK"},
	"PowerDNS/ChainTooLong":          {Verdict: "CONFLICTING", Says: "analysis_incomplete cname:WRONG_VALUE cname_chain"},
}

// TestZooOnRealServers shows the engine the shapes of the zoo with the customer's zones on servers that others wrote, as far as they can be
// had there: without lies, and with the same data on all servers. make test/dns-real asks for it.
func TestZooOnRealServers(t *testing.T) {
	if os.Getenv("NAMEPLATE_DNS_REAL") == "" {
		t.Skip("make test/dns-real runs it: it needs BIND, Knot and PowerDNS")
	}
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range realdns.Kinds {
		var tried atomic.Int32
		t.Run(kind.Name, func(t *testing.T) {
			for _, s := range zoo.Shapes() {
				t.Run(s.Name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					s.Make(w.World)
					if !w.replace(t, kind) {
						t.SkipNow()
					}
					tried.Add(1)
					e := w.engine()
					e.Catalogue, e.CAs = catalogue, func() []caa.CA { return []caa.CA{mainCA, secondCA} }
					a, err := e.Analyze(t.Context(), question(s.Ask))
					if err != nil {
						t.Fatal(err)
					}
					if q, ok := quirks[kind.Name+"/"+s.Name]; ok {
						s.Verdict, s.Says = q.Verdict, q.Says
					}
					got := codes(a)
					for _, r := range a.Records {
						got = append(got, r.Key+":"+r.Status)
					}
					slices.Sort(got)
					want := strings.Fields(s.Says)
					slices.Sort(want)
					if !slices.Equal(want, got) || string(a.Verdict) != s.Verdict || zoneOf(a) != s.Zone || providerOf(a) != s.Provider {
						t.Errorf("%s %q %q, want %s %q %q\n got %v\nwant %v", a.Verdict, zoneOf(a), providerOf(a), s.Verdict, s.Zone, s.Provider, got, want)
					}
				})
			}
		})
		if n := tried.Load(); n < 60 {
			t.Errorf("only %d shapes could be had on %s", n, kind.Name)
		}
	}
}

// replace puts the zones of the customer's provider on a server of a make. It answers false when the shape cannot be had there.
func (w *world) replace(t *testing.T, kind realdns.Kind) bool {
	t.Helper()
	var replicas []*zoo.Server
	var zones map[string]string
	for _, s := range w.Servers() {
		if !s.Honest() {
			return false
		}
		if name := strings.TrimSuffix(s.Name, "."); !slices.Contains([]string{zoo.N1, zoo.N2, zoo.N3}, name) && !strings.HasSuffix(name, ".acme.lab") {
			continue
		}
		files, signed := s.Files()
		switch {
		case len(files) == 0:
			continue
		case signed && !kind.Signed, len(replicas) > 0 && !s.Replica(replicas[0]):
			return false
		}
		for apex := range files {
			if dns.CountLabel(apex) < 2 {
				return false
			}
		}
		zones, replicas = files, append(replicas, s)
	}
	if len(replicas) == 0 {
		return false
	}
	at, ok := kind.Start(t, zones)
	for _, s := range replicas {
		s.Move(at)
	}
	return ok
}
