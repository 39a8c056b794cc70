package edge

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// EZ-1: the edge zone has the generation that the node acknowledges, and goes on with it while the database is away.
func TestDatabaseAway_TheZoneGoesOnAnswering(t *testing.T) {
	t.Parallel()
	w := newWorld()
	n := start(t, w, func(e *Edge) {
		e.DNS = &edgedns.Server{Zone: "edge.lab", Listeners: []string{"127.0.0.1:0"}, V4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	})
	ask := func(name string, qtype uint16) *dns.Msg {
		t.Helper()
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(name, qtype), n.DNS.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for k, label := range []string{"first", "second"} {
		w.set(func() {
			w.generation++
			w.records = append(w.records, edgeentry.ZoneRecord{FQDN: label + ".edge.lab", Type: edgeentry.TypeTarget, Generation: w.generation})
		})
		n.until("the generation is acknowledged", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.acked == w.generation })
		if m := ask(label+".edge.lab.", dns.TypeA); len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "192.0.2.1" {
			t.Errorf("acknowledged, and not answered: %s", m)
		}
		if m := ask("edge.lab.", dns.TypeSOA); m.Answer[0].(*dns.SOA).Serial != uint32(k+1) {
			t.Error(m)
		}
	}
	w.set(func() { w.down = errors.New("away") })
	began := time.Now()
	for time.Since(began) < 2*lookEvery { // it has noticed by then
		if m := ask("first.edge.lab.", dns.TypeA); len(m.Answer) != 1 {
			t.Fatal(m)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	if m := ask("third.edge.lab.", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Error(m)
	}
	w.set(func() { w.down = nil })
}
