package domaincheck_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/domainconnect"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/lab"
)

// TestCN3_DomainConnectIsDiscovered: what a zone names as its Domain Connect service counts when the service knows the zone, and else for nothing.
func TestCN3_DomainConnectIsDiscovered(t *testing.T) {
	t.Parallel()
	w, b := lab.Start(t), setup(t)
	serveEdgeZone(t, w)
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	b.S.Engine = &dnscheck.Engine{
		Catalogue: catalogue, Now: w.Clock.Now, Offer: domainconnect.New(catalogue, safehttp.Options{AllowLoopbackHTTP: true}).Offer,
		Settings: dnscheck.Settings{RootHints: []dnscheck.Hint{{Name: "a.root-servers.lab", Addresses: []netip.Addr{w.Addresses.Root.Addr()}}}, Port: w.Addresses.DNSPort,
			AllowPrivate: true, EdgeV4: b.S.Settings.EdgeV4, EdgeZone: "edge.lab"},
	}
	ask := func(service string) *domaincheck.DomainCheck {
		t.Helper()
		w.Zone("acme.lab").Set("_domainconnect", "TXT", service)
		d := b.check(t, "shop.acme.lab")
		if p := d.Provider.Provider; p == nil || p.Slug != "plain" {
			t.Fatalf("%s: the provider is %+v", service, p)
		}
		if d.Queries > 40 {
			t.Errorf("%s: %d questions", service, d.Queries)
		}
		return d
	}
	named := func(d *domaincheck.DomainCheck) bool {
		return slices.ContainsFunc(d.Provider.Evidence, func(e provider.ProviderEvidence) bool { return e.Kind == provider.EvidenceDomainConnect })
	}
	at := strings.TrimPrefix(w.Addresses.Providers, "http://") + "/domain-connect/"
	d := ask(at + "plain")
	if o := d.Provider.DomainConnect; o == nil || !o.Sync || o.Async || !named(d) || d.Provider.Confidence < 0.99 {
		t.Errorf("offered %+v, %+v", o, d.Provider)
	}
	without := ask(at + "flat") // a service that does not have the zone, as after a move
	for service, d := range map[string]*domaincheck.DomainCheck{"404": without, "nobody's": ask("evil.example/v2"), "nonsense": ask("see https://example.org")} {
		if d.Provider.DomainConnect != nil || named(d) {
			t.Errorf("%s: offered %+v by %+v", service, d.Provider.DomainConnect, d.Provider.Evidence)
		}
		for _, f := range d.Findings {
			if f.Severity == "BLOCKING" {
				t.Errorf("%s: %s blocks", service, f.Code)
			}
		}
	}
}
