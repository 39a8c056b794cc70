package dnscheck

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// asked counts the questions that reach the servers of a provider.
type asked struct {
	mu  sync.Mutex
	all map[string]int // by server
}

func count(w *world, servers ...string) *asked {
	c := &asked{all: map[string]int{}}
	for _, name := range servers {
		w.Server(name).Lie(func(_ zoo.Query, r *dns.Msg) *dns.Msg {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.all[name]++
			return r
		})
	}
	return c
}

func (c *asked) most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, of := range c.all {
		n = max(n, of)
	}
	return n
}

// TestFiftyNamesStartAtOneProvider: its servers answer no more often than the budget allows, which is far less than fifty names want at
// once. They are served one after the other, so that the first is done when hardly more than its own questions were asked, every one is
// done, and none is asked for much more than once.
//
// It runs alone: a hundred analyses at once would make the time-outs of tests beside it fail.
func TestFiftyNamesStartAtOneProvider(t *testing.T) {
	const names, each = 50, 12 // questions of one name to one server
	for situation, at := range map[string]func(n int) (host, zone string){
		"OfOneZone":  func(n int) (string, string) { return fmt.Sprintf("shop%d.acme.lab", n), "acme.lab" },
		"OfZoneEach": func(n int) (string, string) { return fmt.Sprintf("shop.acme%d.lab", n), fmt.Sprintf("acme%d.lab", n) },
	} {
		t.Run(situation, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			zones := map[string]string{}
			for n := range names {
				host, zone := at(n)
				label := strings.TrimSuffix(host, "."+zone)
				zones[zone] += fmt.Sprintf("%s 60 CNAME token.edge.lab.\n_nameplate.%[1]s 60 TXT np-verify=abc\n", label)
			}
			for zone, lines := range zones {
				w.Zone(zone, lines, zoo.N1, zoo.N2)
			}
			reached := count(w, zoo.N1, zoo.N2)
			e := w.engine()
			e.Settings.PerServerQPS, e.Settings.Burst, e.Settings.PerZoneQPS = 200, 15, 1000
			var mu sync.Mutex
			var done []int // questions that had reached a server when the next name was done
			again := 0
			var wg sync.WaitGroup
			for n := range names {
				wg.Go(func() {
					host, zone := at(n)
					q := withTXT(sub(host))
					q.Registrable = zone
					for q.First = true; ; {
						a, err := e.Analyze(t.Context(), q)
						mu.Lock()
						switch {
						case err != nil:
							t.Error(err)
						case a.Verdict == analysis.Correct:
							done = append(done, reached.most())
						case a.Verdict == analysis.CouldNotAsk && again < 10*names:
							again++ // its time ended before its turn came
							mu.Unlock()
							continue
						default:
							t.Errorf("%s: %s after %d repeated analyses", q.Hostname, a.Verdict, again)
						}
						mu.Unlock()
						return
					}
				})
			}
			wg.Wait()
			all := reached.most()
			if all > names*each {
				t.Errorf("%d names cost a server %d questions", names, all)
			}
			// Were all served alike, nobody would be done before nearly everything was asked.
			for n, most := range map[int]int{0: all * 2 / 3, names / 2: all * 9 / 10} {
				if done[n] > most {
					t.Errorf("%d names were done only when a server had %d questions of %d", n+1, done[n], all)
				}
			}
		})
	}
}
