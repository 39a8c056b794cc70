package zoo

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Addresses that every world has: of the edge, of somebody else, and the target of the connection in question. The guard against private
// addresses holds in the zoo, and it refuses those that are for documentation.
const (
	Edge4, Edge6 = "9.8.0.10", "2620:fe:e::10"
	Foreign      = "9.8.0.7"
	Target       = "token.edge.lab"
)

// World is a small DNS of real servers on loopback: a signed root, "lab.", "co.lab.", the edge's zone, and what a shape adds. Servers have
// made-up public addresses; Places leads to their sockets.
type World struct {
	t TB

	mu      sync.Mutex
	now     time.Time
	servers map[string]*Server
	places  map[netip.Addr]netip.AddrPort
	signers map[string]*authority.Signer
	next    byte
	web     web
}

// TB is what a world needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Open starts a world that ends with the test. Any number may run at the same time.
func Open(t TB) *World {
	w := &World{
		t: t, servers: map[string]*Server{}, places: map[netip.Addr]netip.AddrPort{}, signers: map[string]*authority.Signer{},
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), next: 1,
		web: web{x509.NewCertPool(), map[netip.AddrPort]netip.AddrPort{}},
	}
	w.Zone(".", "", "a.root.lab")
	w.signers["."] = authority.NewSigner(".")
	w.Zone("lab", "", "ns1.nic.lab", "ns2.nic.lab")
	w.Sign("lab")
	w.Zone("co.lab", "", "ns1.nic.lab", "ns2.nic.lab")
	w.Sign("co.lab")
	w.Zone("edge.lab", "token 60 A "+Edge4+"\ntoken 60 AAAA "+Edge6+"\ntoken 60 CAA 0 issue \"ca.lab\"\n*.acme 60 TXT x", "ns1.edge.lab")
	return w
}

// Now is the world's clock; it stands still until it is moved.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Advance moves the clock.
func (w *World) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Places tells where a made-up address really is.
func (w *World) Places() map[netip.Addr]netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.places)
}

// Root is the root server.
func (w *World) Root() *Server { return w.Server("a.root.lab") }

// Anchor is the DS of the root's key.
func (w *World) Anchor() *dns.DS { return w.signers["."].DS() }

// Server gives the named server, and starts it at an IPv4 address when it is new.
func (w *World) Server(name string) *Server {
	if s := w.servers[dns.Fqdn(name)]; s != nil {
		return s
	}
	return w.ServerAt(name, netip.AddrFrom4([4]byte{9, 9, 0, w.next}))
}

// Server6 gives the named server, and starts it at an IPv6 address alone when it is new.
func (w *World) Server6(name string) *Server {
	return w.ServerAt(name, netip.MustParseAddr(fmt.Sprintf("2620:fe::%x", w.next)))
}

// Server46 gives the named server, and starts it at one address of each family when it is new.
func (w *World) Server46(name string) *Server {
	return w.ServerAt(name, netip.AddrFrom4([4]byte{9, 9, 0, w.next}), netip.MustParseAddr(fmt.Sprintf("2620:fe::%x", w.next)))
}

// ServerAt starts the named server at addresses, each with sockets of its own, and tells the registry its addresses.
func (w *World) ServerAt(name string, addrs ...netip.Addr) *Server {
	w.t.Helper()
	name = dns.Fqdn(name)
	if s := w.servers[name]; s != nil {
		return s
	}
	s := &Server{Name: name, Addrs: addrs, w: w, zones: map[string][]dns.RR{}, auth: authority.NewServer(name, w.Now)}
	w.next++
	w.servers[name] = s
	for _, a := range addrs {
		port, sockets, err := loopback.BindDNS(w.t.Context(), 0, []netip.Addr{here}, nil)
		if err != nil {
			w.t.Fatalf("start the server %s: %v", name, err)
		}
		w.t.Cleanup(loopback.ServeDNS(sockets[here], door{s, a}))
		w.mu.Lock()
		w.places[a] = netip.AddrPortFrom(here, uint16(port))
		w.mu.Unlock()
	}
	for _, nic := range w.Hosts("lab") {
		nic.Set("lab", append(nic.Records("lab"), w.Parse(".", s.glue())...))
	}
	return s
}

var here = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Servers lists all, by name.
func (w *World) Servers() []*Server {
	out := []*Server{}
	for _, s := range w.servers {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Server) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Zone puts a zone on servers and delegates it from the zone above. Lines are relative to the zone: "shop 300 CNAME token.edge.lab."
func (w *World) Zone(apex, lines string, servers ...string) {
	w.t.Helper()
	apex = dns.Fqdn(apex)
	text := "@ 300 SOA " + dns.Fqdn(servers[0]) + " hostmaster." + strings.TrimPrefix(apex, ".") + " 1 7200 900 1209600 900\n"
	for _, s := range servers {
		text += "@ 3600 NS " + dns.Fqdn(s) + "\n"
	}
	for _, name := range servers {
		if s := w.Server(name); dns.IsSubDomain(apex, s.Name) {
			text += s.glue()
		}
	}
	for _, name := range servers {
		w.Server(name).Set(apex, w.Parse(apex, text+lines))
	}
	if apex == "." {
		return
	}
	above := w.above(apex)
	lines = ""
	for _, name := range servers {
		s := w.Server(name)
		lines += apex + " 3600 NS " + s.Name + "\n"
		if above != "lab." && dns.IsSubDomain(above, s.Name) && !w.inside(above, s.Name, apex) {
			lines += s.glue()
		}
	}
	w.Add(above, lines)
}

// above is the zone in which an apex is delegated.
func (w *World) above(apex string) string {
	for n := parent(apex); ; n = parent(n) {
		if len(w.Hosts(n)) > 0 {
			return n
		}
	}
}

// inside says that a server's name lies in another zone below above, whose glue is not apex's to give.
func (w *World) inside(above, name, apex string) bool {
	for n := name; n != above; n = parent(n) {
		if n != apex && len(w.Hosts(n)) > 0 {
			return true
		}
	}
	return false
}

// Hosts lists the servers that have a zone.
func (w *World) Hosts(apex string) []*Server {
	var out []*Server
	for _, s := range w.Servers() {
		if s.Records(apex) != nil {
			out = append(out, s)
		}
	}
	return out
}

// Add adds lines to a zone on the servers named, or on all.
func (w *World) Add(apex, lines string, servers ...string) {
	w.t.Helper()
	for _, s := range w.Hosts(apex) {
		if len(servers) == 0 || slices.Contains(servers, strings.TrimSuffix(s.Name, ".")) {
			s.Set(apex, append(s.Records(apex), w.Parse(dns.Fqdn(apex), lines)...))
		}
	}
}

// Sign signs a zone on all its servers with keys of its own, and puts the DS into the zone above.
func (w *World) Sign(apex string) *authority.Signer {
	apex = dns.Fqdn(apex)
	signer := w.Keys(apex)
	ds := signer.DS()
	w.Add(w.above(apex), fmt.Sprintf("%s 3600 DS %d %d %d %s", apex, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
	return signer
}

// Keys signs a zone without telling the zone above.
func (w *World) Keys(apex string) *authority.Signer {
	apex = dns.Fqdn(apex)
	w.signers[apex] = authority.NewSigner(apex)
	for _, s := range w.Hosts(apex) {
		s.Set(apex, s.Records(apex))
	}
	return w.signers[apex]
}

// Lie makes servers lie, or all of a world when none is named.
func (w *World) Lie(l Lie, servers ...string) {
	for _, s := range w.Servers() {
		if len(servers) == 0 || slices.Contains(servers, strings.TrimSuffix(s.Name, ".")) {
			s.Lie(l)
		}
	}
}

// Parse reads lines of a zone file.
func (w *World) Parse(apex, text string) []dns.RR {
	w.t.Helper()
	p := dns.NewZoneParser(strings.NewReader(text+"\n"), apex, "")
	var out []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out = append(out, rr)
	}
	if err := p.Err(); err != nil {
		w.t.Fatalf("parse %q: %v", text, err)
	}
	return out
}

// Asked counts the questions that servers got about a name.
func (w *World) Asked(name string) int {
	n := 0
	for _, s := range w.servers {
		n += len(s.auth.Log(dns.Fqdn(name)))
	}
	return n
}

func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}
