package lab

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/provider"
)

// otherCA is the identity in caa.lab's CAA: a CA that is not in the world.
const otherCA = "other-ca.example"

// EdgeZone is delegated to Addresses.Edge from the start; the product has to listen there.
const EdgeZone = "edge.lab"

// Anchor is the root's key as validators take it from their settings: key tag, algorithm, digest type and digest.
func (w *World) Anchor() string {
	ds := w.find(".").zone.DS()
	return fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
}

// populate makes the world at start.
func (w *World) populate() {
	p := w.plan
	w.root, w.tld = w.server("a.root-servers.lab.", p.root()), w.server("ns1.nic.lab.", p.tld())

	root := w.add(&hosted{servers: []*authority.Server{w.root}, zone: authority.NewZone(authority.Options{
		Apex: ".", NS: []string{w.root.Name}, Rname: "hostmaster.nic.lab", Now: w.Clock.Now, Signed: true,
	})})
	registry := map[string]*Zone{}
	for _, apex := range []string{"lab.", "co.lab.", "pages.lab."} {
		registry[apex] = w.add(&hosted{servers: []*authority.Server{w.tld}, zone: authority.NewZone(authority.Options{
			Apex: apex, NS: []string{w.tld.Name}, Rname: "hostmaster.nic.lab", Now: w.Clock.Now, Signed: true,
		})})
	}
	root.SetTTL("lab", "NS", 3600, w.tld.Name).SetTTL("ns1.nic.lab.", "A", 3600, p.tld().String())
	registry["lab."].SetTTL("ns1.nic", "A", 3600, p.tld().String()).SetTTL("a.root-servers", "A", 3600, p.root().String())
	for _, apex := range []string{"lab.", "co.lab.", "pages.lab."} {
		if apex != "lab." {
			registry["lab."].SetTTL(apex, "NS", 3600, w.tld.Name)
		}
		w.sign(apex)
	}

	w.company(&provider.Provider{Name: "plain", Title: "Plain DNS", Domain: "plain-dns.lab.", Append: true, About: "Two name servers and a form. It appends the domain to what you type."}, p.plain())
	w.company(&provider.Provider{Name: "flat", Title: "Flat DNS", Domain: "flat-dns.lab.", Flatten: w.flatten, About: "Flattens a CNAME at the apex: it answers the addresses of its target."}, p.flat())
	w.company(&provider.Provider{Name: "lagging", Title: "Lagging DNS", Domain: "lagging-dns.lab.", About: "Three name servers, one of which can take its time to hear of a change."}, p.lagging())
	w.company(&provider.Provider{Name: "parking", Title: "Parking Lot", Domain: "parking.lab.", About: "Domains that wait for a buyer."}, p.parking())

	for _, z := range []struct{ apex, provider string }{
		{"acme.lab", "plain"}, {"flat.lab", "flat"}, {"corp.lab", "lagging"}, {"shop.co.lab", "plain"}, {"wild.lab", "plain"},
		{"broken.lab", "plain"}, {"caa.lab", "plain"}, {"parked.lab", "parking"}, {"bogus.lab", "plain"},
	} {
		w.Register(z.apex, z.provider)
	}
	w.register("signed.lab", w.Provider("plain"), authority.Options{Signed: true})
	w.sign("signed.lab.")

	w.Zone("acme.lab").Set("@", "A", "127.0.0.200").Set("@", "MX", "10 mail.acme.lab").Set("mail", "A", "127.0.0.201").Set("@", "TXT", "v=spf1 mx -all")
	w.Zone("flat.lab").Set("www", "A", "127.0.0.200")
	w.Zone("corp.lab").Set("@", "A", "127.0.0.200")
	w.Zone("wild.lab").Set("*", "A", "127.0.0.200")
	w.Zone("signed.lab").Set("@", "A", "127.0.0.200")
	w.Zone("caa.lab").Set("@", "A", "127.0.0.200").Set("@", "CAA", `0 issue "`+otherCA+`"`)
	w.Zone("broken.lab").Fail(Lame())
	w.Zone("parked.lab").Set("@", "A", "127.0.0.202").Set("*", "A", "127.0.0.202")
	w.Zone("lab").Set("bogus", "DS", "12345 13 2 "+strings.Repeat("ab", 32))

	plain, flat := w.Provider("plain"), w.Provider("flat")
	mixed := []*authority.Server{plain.Servers[0], flat.Servers[0]}
	zone := plain.Create(authority.Options{Apex: "mixed.lab", NS: []string{mixed[0].Name, mixed[1].Name}})
	plain.Servers[1].Drop("mixed.lab")
	flat.Servers[0].Host(zone)
	w.add(&hosted{zone: zone, provider: plain, servers: mixed})
	w.delegate("mixed.lab", []string{mixed[0].Name, mixed[1].Name}, nil)
	w.DelegateEdge(EdgeZone, p.edge())
}

func (w *World) server(name string, addr netip.Addr) *authority.Server {
	s := authority.NewServer(name, w.Clock.Now)
	s.Addr = addr.String()
	return s
}

// company founds a provider: its servers, and the zone in which they have their names.
func (w *World) company(p *provider.Provider, addrs []netip.Addr) {
	p.Now = w.Clock.Now
	glue := map[string]netip.Addr{}
	for i, a := range addrs {
		s := w.server(fmt.Sprintf("ns%d.%s", i+1, p.Domain), a)
		p.Servers, glue[s.Name] = append(p.Servers, s), a
	}
	w.providers[p.Name] = p
	own := w.add(&hosted{zone: p.Create(authority.Options{Apex: p.Domain}), provider: p, servers: p.Servers})
	for name, a := range glue {
		own.SetTTL(name, "A", 3600, a.String())
	}
	w.delegate(p.Domain, slices.Sorted(maps.Keys(glue)), glue)
}

// Register buys a domain below lab, co.lab or pages.lab (or below a zone that exists) and gives it a zone at
// a provider.
func (w *World) Register(name, provider string) *Zone {
	return w.register(name, w.Provider(provider), authority.Options{})
}

func (w *World) register(name string, p *provider.Provider, o authority.Options) *Zone {
	o.Apex = name
	z := w.add(&hosted{zone: p.Create(o), provider: p, servers: p.Servers})
	w.delegate(name, p.NameServers(), nil)
	return z
}

// Expire takes a domain out of its parent zone, as after an unpaid bill. The provider keeps the zone.
func (w *World) Expire(name string) {
	apex := dns.CanonicalName(name)
	w.parent(apex).Delete(apex, "NS").Delete(apex, "DS")
}

// Delegate sets the name servers of a zone at its parent, with their addresses. A server without a valid
// address must have its name elsewhere in the world.
func (w *World) Delegate(zone string, servers map[string]netip.Addr) {
	w.delegate(zone, slices.Sorted(maps.Keys(servers)), servers)
}

// DelegateEdge delegates a zone to name servers ns1, ns2, … inside it at the given addresses, on the world's
// DNS port: the product's own name servers.
func (w *World) DelegateEdge(zone string, addrs []netip.Addr) {
	servers := map[string]netip.Addr{}
	for i, a := range addrs {
		servers[fmt.Sprintf("ns%d.%s", i+1, dns.CanonicalName(zone))] = a
	}
	w.Delegate(zone, servers)
}

func (w *World) delegate(zone string, servers []string, glue map[string]netip.Addr) {
	apex := dns.CanonicalName(zone)
	up := w.parent(apex).SetTTL(apex, "NS", 3600, servers...)
	for name, a := range glue {
		if dns.IsSubDomain(up.h.zone.Apex(), dns.CanonicalName(name)) && a.IsValid() {
			up.SetTTL(dns.CanonicalName(name), "A", 3600, a.String())
		}
	}
}

// sign puts the DS of a signed zone into its parent.
func (w *World) sign(apex string) {
	ds := w.find(apex).zone.DS()
	w.parent(apex).SetTTL(apex, "DS", 3600, fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
}

// parent is the deepest zone of the world above a name.
func (w *World) parent(apex string) *Zone {
	for name := apex; name != "."; {
		i, end := dns.NextLabel(name, 0)
		if name = name[i:]; end {
			name = "."
		}
		if h := w.find(name); h != nil {
			return &Zone{w, h}
		}
	}
	panic("lab: the root has no parent")
}

func (w *World) add(h *hosted) *Zone {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.zones[h.zone.Apex()] = h
	for _, s := range h.servers {
		s.Host(h.zone)
	}
	return &Zone{w, h}
}

// flatten is the resolver behind the provider flat's ALIAS.
func (w *World) flatten(ctx context.Context, target string, qtype uint16) ([]dns.RR, bool) {
	rrs, rcode := w.resolver.Lookup(ctx, target, qtype)
	rrs = slices.DeleteFunc(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype != qtype })
	return rrs, rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError
}
