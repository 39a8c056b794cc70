// Package bench measures what people wait for: from a record at their provider to a live name, from a worker's write to their screen, and from a name
// typed to what we know of it. Each benchmark takes its samples itself and reports their quantiles; `make bench` runs each once. The figures stand in
// docs/benchmarks.md.
package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// samples are durations, or anything else that is measured one by one.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, float64(d)/float64(time.Millisecond)) }

// quantile is the smallest value that q of all do not exceed.
func (s samples) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// report writes quantiles in a unit, and how many samples they are taken from.
func (s samples) report(b *testing.B, unit string, quantiles ...float64) {
	b.Helper()
	for _, q := range quantiles {
		b.ReportMetric(s.quantile(q), fmt.Sprintf("%s-p%g", unit, q*100))
	}
	b.ReportMetric(s.quantile(1), unit+"-max")
	b.ReportMetric(float64(len(s)), "samples")
	b.ReportMetric(0, "ns/op") // says nothing here
}

// BenchmarkRecordToLive: seconds from the record at the provider to LIVE, checks, order, certificate, edge and probe included; one name after the other,
// nobody watching.
func BenchmarkRecordToLive(b *testing.B) {
	h := harness.Start(b)
	for b.Loop() {
		var all samples
		for n := range 10 {
			c := h.StartConnection(fmt.Sprintf("one%d.acme.lab", n))
			c = h.State(c.ID, 30*time.Second, "ACTION_REQUIRED")
			h.AddRecords("acme.lab", c)
			began := time.Now()
			h.State(c.ID, 60*time.Second, "LIVE")
			all.add(time.Since(began))
		}
		all.report(b, "ms", 0.5, 0.95)
	}
}

// BenchmarkRecordToLiveTogether: the same for several names at one provider whose records are set at one time.
func BenchmarkRecordToLiveTogether(b *testing.B) {
	for _, names := range []int{3, 5, 10} {
		b.Run(strconv.Itoa(names), func(b *testing.B) { together(b, names) })
	}
}

func together(b *testing.B, names int) {
	h := harness.Start(b)
	for b.Loop() {
		changes := h.Connect(harness.Caller{Bearer: h.Addresses.APIKey}).Subscribe(harness.Query{
			Text: `subscription($o: ID!) { connectionsChanged(organizationId: $o) { connection { id state } } }`, Variables: map[string]any{"o": h.Addresses.OrganizationID}})
		var ready []harness.Connection
		for n := range names {
			ready = append(ready, h.StartConnection(fmt.Sprintf("many%d.acme.lab", n)))
		}
		for n, c := range ready {
			ready[n] = h.State(c.ID, 60*time.Second, "ACTION_REQUIRED")
		}
		began := time.Now()
		for _, c := range ready {
			h.AddRecords("acme.lab", c)
		}
		var all samples
		for live := map[string]bool{}; len(live) < names; {
			var m struct {
				ConnectionsChanged struct{ Connection *struct{ ID, State string } }
			}
			at := changes.Data(120*time.Second, &m).At
			if c := m.ConnectionsChanged.Connection; c != nil && c.State == "LIVE" && !live[c.ID] {
				live[c.ID] = true
				all.add(at.Sub(began))
			}
		}
		all.report(b, "ms", 0.5, 0.95)
	}
}

// BenchmarkWriteToClient: from the commit of a worker's transaction to its message in the client's hand, over sockets and pokes through Redis; each of ten
// connections is watched by five clients.
func BenchmarkWriteToClient(b *testing.B) {
	const watched, clients, writes = 10, 5, 1000
	h := harness.Start(b)
	ids, feeds := make([]ident.ConnectionID, watched), make([][]*harness.Feed, watched)
	for n := range watched {
		c := h.StartConnection(fmt.Sprintf("watched%d.acme.lab", n))
		var err error
		if ids[n], err = ident.Parse[ident.ConnectionID](c.ID); err != nil {
			b.Fatal(err)
		}
	}
	for _, id := range ids {
		h.State(id.String(), 60*time.Second, "ACTION_REQUIRED")
	}
	for range clients {
		socket := h.Connect(harness.Caller{Bearer: h.Addresses.APIKey})
		for n, id := range ids {
			feeds[n] = append(feeds[n], socket.Subscribe(harness.Query{Text: `subscription($id: ID!) { connectionEvents(id: $id) { sequence type } }`, Variables: map[string]any{"id": id.String()}}))
		}
	}
	for b.Loop() {
		var all samples
		for n := range writes {
			id := ids[n%watched]
			var committed time.Time
			err := h.App.Door.System(b.Context(), "bench", h.Org, func(_ context.Context, e *door.Effect) error {
				e.Record(event.Change{OrgID: h.Org, Action: "bench.written", Subject: id.String(), Stream: id.String(), Version: 1, Payload: map[string]any{"v": 1, "n": n}})
				e.Tx.AfterCommit(func() { committed = time.Now() })
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range feeds[n%watched] {
				for {
					var m struct{ ConnectionEvents struct{ Type string } }
					if at := f.Data(20*time.Second, &m).At; m.ConnectionEvents.Type == "bench.written" {
						all.add(max(0, at.Sub(committed)))
						break
					}
				}
			}
		}
		all.report(b, "ms", 0.5, 0.99)
	}
}

// BenchmarkDomainCheck: from a name typed to everything that can be known of it before a connection, and the DNS questions that it took; a name of its own
// each time. One check every second: more would measure how politely the engine treats a name server (20 questions a second, 50 at once).
func BenchmarkDomainCheck(b *testing.B) {
	const checks = 60
	h := harness.Start(b)
	pace := time.NewTicker(time.Second)
	defer pace.Stop()
	for b.Loop() {
		var all, asked samples
		for n := range checks {
			var out struct{ DomainCheck struct{ Queries int } }
			<-pace.C
			began := time.Now()
			h.Must(`query($h: String!, $a: ID!) { domainCheck(hostname: $h, applicationId: $a) { hostname zone { apex nameServers { name verdict } } provider { provider { slug } } setup { type available } records { fqdn type value } findings { code } queries } }`,
				map[string]any{"h": fmt.Sprintf("check%d.acme.lab", n), "a": h.Addresses.ApplicationID}, &out)
			all.add(time.Since(began))
			asked = append(asked, float64(out.DomainCheck.Queries))
		}
		all.report(b, "ms", 0.5, 0.95)
		b.ReportMetric(asked[0], "questions-first")
		b.ReportMetric(asked[1:].quantile(0.5), "questions-p50")
		b.ReportMetric(asked.quantile(1), "questions-max")
	}
}
