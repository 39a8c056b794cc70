package domaincheck_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
	"github.com/nameplate-dev/nameplate/lab"
	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// TestCN1_DomainCheck: real packets from the root down.
func TestCN1_DomainCheck(t *testing.T) {
	t.Parallel()
	w, b := lab.Start(t), setup(t)
	serveEdgeZone(t, w)
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	b.S.Engine = &dnscheck.Engine{
		Catalogue: catalogue, Now: w.Clock.Now, CAs: func() []caa.CA { return []caa.CA{{Name: "main", Identities: []string{"ca.lab"}}} },
		Settings: dnscheck.Settings{RootHints: []dnscheck.Hint{{Name: "a.root-servers.lab", Addresses: []netip.Addr{w.Addresses.Root.Addr()}}}, Port: w.Addresses.DNSPort,
			AllowPrivate: true, PerServerQPS: 10_000, Burst: 10_000, // twenty checks in a row are no person's doing
			EdgeV4: b.S.Settings.EdgeV4, EdgeZone: "edge.lab"},
	}
	var took []time.Duration
	for range 20 {
		began := time.Now()
		d := b.check(t, "shop.acme.lab")
		took = append(took, time.Since(began))
		if d.Zone == nil || d.Zone.Apex != "acme.lab" || len(d.Zone.NameServers) != 2 || d.Provider.Provider == nil || d.Provider.Provider.Slug != "plain" {
			t.Fatalf("zone %+v, provider %+v", d.Zone, d.Provider.Provider)
		}
		if len(d.Setup) != 1 || !d.Setup[0].Available || d.Queries > 40 {
			t.Fatalf("set-up %+v after %d questions", d.Setup, d.Queries)
		}
	}
	slices.Sort(took)
	if p95 := took[18]; p95 > 3*300*time.Millisecond {
		t.Errorf("p95 is %s", p95)
	}
	t.Run("NotRegistered", func(t *testing.T) {
		in, err := b.S.Progress(b.As(t.Context()), b.App.ID, "www.gone.lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]string{}
		for m := range livetest.Channel(t.Context(), b.Hub, in) {
			if m.Err != nil {
				t.Fatal(m.Err)
			}
			states[m.Value.Key] = m.Value.State
			if r := m.Value.Result; r != nil && (r.Registered || !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Code == finding.NotRegistered })) {
				t.Errorf("findings %v", r.Findings)
			}
		}
		if states["delegation"] != "FAILED" || states["provider"] != "WAITING" || states["method"] != "FAILED" || states["result"] != "DONE" {
			t.Errorf("states %v", states)
		}
	})
	t.Run("Apex", func(t *testing.T) {
		if d := b.check(t, "acme.lab"); !d.IsApex || !d.Apex.Supported || len(d.Records) < 3 {
			t.Errorf("apex %+v with %d records", d.Apex, len(d.Records))
		}
	})
	t.Run("Held", func(t *testing.T) {
		w.Zone("acme.lab").Set("taken", "CNAME", "somebodyelsestarget.edge.lab")
		d := b.check(t, "taken.acme.lab")
		if d.Existing != nil || d.Records[0].Status != "WRONG_VALUE" {
			t.Errorf("record %s", d.Records[0].Status)
		}
	})
}

// serveEdgeZone answers for our own zone where the lab delegates it to, as the edge does.
func serveEdgeZone(t *testing.T, w *lab.World) {
	t.Helper()
	s := authority.NewServer("ns1.edge.lab", w.Clock.Now)
	s.Host(authority.NewZone(authority.Options{Apex: "edge.lab", NS: []string{"ns1.edge.lab"}, Now: w.Clock.Now}))
	var addrs []netip.Addr
	for _, a := range w.Addresses.Edge {
		addrs = append(addrs, a.Addr())
	}
	_, sockets, err := loopback.BindDNS(t.Context(), w.Addresses.DNSPort, addrs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, socket := range sockets {
		t.Cleanup(loopback.ServeDNS(socket, s))
	}
}
