package dnscheck

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/lab/slow"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestFirstCheckOverALongWay counts ways to servers and back, not time: a first check, for which a person waits, goes at most three times to
// any server of the customer's zone, asks all of them at once, and needs at most forty questions.
func TestFirstCheckOverALongWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone    string
		verdict analysis.CheckVerdict
		rounds  int // in all: down from the root, and down to our own zone
	}{
		"Absent": {"", analysis.Absent, 6},
		"There":  {"shop 60 CNAME token.edge.lab.\n_nameplate.shop 60 TXT np-verify=abc", analysis.Correct, 6},
		"Wrong":  {"shop 60 CNAME other.acme.lab.\nother 60 A 9.8.0.7", analysis.Conflicting, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.acme(c.zone)
			way, at := &slow.Network{Delay: 250 * time.Millisecond}, map[string]netip.AddrPort{}
			for _, name := range []string{"a.root.lab", "ns1.nic.lab", "ns2.nic.lab", zoo.N1, zoo.N2, "ns1.edge.lab"} {
				s := w.Server(name)
				at[name] = w.Places()[s.Addr()]
				s.Move(way.Link(t, at[name]))
			}
			e := w.engine()
			e.Settings.InteractiveTimeout, e.CAs = 3*time.Second, func() []caa.CA { return []caa.CA{mainCA, secondCA} }
			q := withTXT(sub("shop.acme.lab"))
			q.First, q.Eager = true, true
			began := time.Now()
			a, err := e.Analyze(t.Context(), q)
			if err != nil || a.Verdict != c.verdict {
				t.Fatal(a.Verdict, codes(a), err)
			}
			t.Logf("%d questions, %s over a way of %s", a.Questions, time.Since(began).Round(time.Millisecond), way.Delay)
			if a.Questions > 40 {
				t.Errorf("%d questions", a.Questions)
			}
			all, rounds, soa := 0, map[netip.AddrPort]map[int]bool{}, map[int]int{}
			for _, q := range way.Questions() {
				all = max(all, q.Round)
				if rounds[q.To] == nil {
					rounds[q.To] = map[int]bool{}
				}
				rounds[q.To][q.Round] = true
				if q.Type == dns.TypeSOA {
					soa[q.Round]++
				}
			}
			for _, name := range []string{zoo.N1, zoo.N2} {
				if n := len(rounds[at[name]]); n > 3 {
					t.Errorf("%d ways to %s and back", n, name)
				}
			}
			if all > c.rounds {
				t.Errorf("%d ways one after the other", all)
			}
			if len(soa) != 1 {
				t.Errorf("the servers of the zone were asked one after the other: %v", soa)
			}
			if t.Failed() {
				for _, q := range way.Questions() {
					t.Log(q.Round, q.To, q.Name, dns.TypeToString[q.Type])
				}
			}
		})
	}
}
