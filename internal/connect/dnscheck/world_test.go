package dnscheck

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// world is a small DNS of real servers on loopback: a root, "lab.", "co.lab.", and what a test adds. Servers have made-up public
// addresses, which the engine's address map leads to their sockets.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	servers map[string]*peer
	places  map[netip.Addr]netip.AddrPort
	now     time.Time
	next    byte
}

// peer is one name server. Its zones are its own, so that servers of one zone can disagree.
type peer struct {
	w     *world
	name  string
	addr  netip.Addr
	zones map[string][]dns.RR
	fault func(m, reply *dns.Msg, tcp bool) *dns.Msg // may change or drop (nil) the reply
	log   []string                                   // "type name"
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, servers: map[string]*peer{}, places: map[netip.Addr]netip.AddrPort{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), next: 1}
	w.zone(".", "", "a.root.lab")
	w.zone("lab", "", "ns1.nic.lab", "ns2.nic.lab")
	w.zone("co.lab", "", "ns1.nic.lab")
	w.zone("edge.lab", "token"+" 60 A 203.0.113.10\ntoken 60 AAAA 2001:db8:e::10\ntoken 60 CAA 0 issue \"ca.lab\"\n*.acme 60 TXT x", "ns1.edge.lab")
	return w
}

// server gives the named server and starts it when it is new.
func (w *world) server(name string) *peer {
	name = dns.Fqdn(name)
	if s := w.servers[name]; s != nil {
		return s
	}
	s := &peer{w: w, name: name, addr: netip.AddrFrom4([4]byte{9, 9, 0, w.next}), zones: map[string][]dns.RR{}}
	w.next++
	w.servers[name] = s
	w.places[s.addr] = serve(w.t, s)
	for _, nic := range w.hosts("lab.") {
		nic.set("lab.", append(nic.zones["lab."], parse(w.t, ".", fmt.Sprintf("%s 3600 A %s", s.name, s.addr))...))
	}
	return s
}

// serve starts a handler on UDP and TCP of one free port.
func serve(t *testing.T, h dns.Handler) netip.AddrPort {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue
		}
		var started sync.WaitGroup
		for _, srv := range []*dns.Server{{Listener: l, Handler: h}, {PacketConn: p, Handler: h}} {
			started.Add(1)
			srv.NotifyStartedFunc = started.Done
			done := make(chan struct{})
			go func() { defer close(done); _ = srv.ActivateAndServe() }()
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_ = srv.ShutdownContext(ctx)
				<-done
			})
		}
		started.Wait()
		return netip.MustParseAddrPort(l.Addr().String())
	}
	t.Fatal("no free port")
	return netip.AddrPort{}
}

// zone puts a zone on servers and delegates it from the zone above. Lines are relative to the zone: "shop 300 CNAME token.edge.lab."
func (w *world) zone(apex, lines string, servers ...string) {
	w.t.Helper()
	apex = dns.Fqdn(apex)
	text := "@ 300 SOA " + dns.Fqdn(servers[0]) + " hostmaster." + strings.TrimPrefix(apex, ".") + " 1 7200 900 1209600 900\n"
	for _, s := range servers {
		text += "@ 3600 NS " + dns.Fqdn(s) + "\n"
	}
	for _, name := range servers {
		s := w.server(name)
		if dns.IsSubDomain(apex, s.name) {
			text += fmt.Sprintf("%s 3600 A %s\n", s.name, s.addr)
		}
	}
	for _, name := range servers {
		s := w.server(name)
		s.set(apex, parse(w.t, apex, text+lines))
	}
	if apex == "." {
		return
	}
	above := apex
	for above = tree.Parent(above); ; above = tree.Parent(above) {
		parents := w.hosts(above)
		for _, p := range parents {
			for _, name := range servers {
				w.server(name)
			}
			rrs := p.zones[above]
			for _, name := range servers {
				rrs = append(rrs, parse(w.t, apex, "@ 3600 NS "+dns.Fqdn(name))...)
				if s := w.server(name); above != "lab." && dns.IsSubDomain(above, s.name) && !w.inside(above, s.name, apex) {
					rrs = append(rrs, parse(w.t, apex, fmt.Sprintf("%s 3600 A %s", s.name, s.addr))...)
				}
			}
			p.set(above, rrs)
		}
		if len(parents) > 0 {
			return
		}
	}
}

// inside says that a server's name lies in another zone below above, whose glue is not apex's to give.
func (w *world) inside(above, name, apex string) bool {
	for n := name; n != above; n = tree.Parent(n) {
		if n != apex && len(w.hosts(n)) > 0 {
			return true
		}
	}
	return false
}

func (w *world) hosts(apex string) []*peer {
	var out []*peer
	for _, s := range w.servers {
		if s.zones[apex] != nil {
			out = append(out, s)
		}
	}
	return out
}

// set adds lines to a zone on the servers named, or on all.
func (w *world) add(apex, lines string, servers ...string) {
	for _, s := range w.hosts(dns.Fqdn(apex)) {
		if len(servers) == 0 || slices.Contains(servers, tree.Plain(s.name)) {
			s.set(dns.Fqdn(apex), append(s.zones[dns.Fqdn(apex)], parse(w.t, dns.Fqdn(apex), lines)...))
		}
	}
}

func (s *peer) set(apex string, rrs []dns.RR) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.zones[apex] = rrs
}

func parse(t *testing.T, apex, text string) []dns.RR {
	t.Helper()
	p := dns.NewZoneParser(strings.NewReader(text+"\n"), apex, "")
	var out []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out = append(out, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return out
}

func (s *peer) ServeDNS(out dns.ResponseWriter, m *dns.Msg) {
	tcp := out.LocalAddr().Network() == "tcp"
	s.w.mu.Lock()
	s.log = append(s.log, dns.TypeToString[m.Question[0].Qtype]+" "+dns.CanonicalName(m.Question[0].Name))
	reply := s.reply(m)
	fault := s.fault
	s.w.mu.Unlock()
	if fault != nil {
		reply = fault(m, reply, tcp)
	}
	if reply == nil {
		return
	}
	if !tcp {
		reply.Truncate(1232)
	}
	_ = out.WriteMsg(reply)
}

// reply answers as RFC 1034 section 4.3.2 says.
func (s *peer) reply(m *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(m)
	q := m.Question[0]
	name := dns.CanonicalName(q.Name)
	apex := ""
	for n := name; ; n = tree.Parent(n) {
		if s.zones[n] != nil && !(n == name && q.Qtype == dns.TypeDS && n != ".") {
			apex = n
			break
		}
		if n == "." {
			break
		}
	}
	if apex == "" {
		r.Rcode = dns.RcodeRefused
		return r
	}
	zone := s.zones[apex]
	r.Authoritative = true
	for n := name; n != apex; n = tree.Parent(n) {
		if n == name && q.Qtype == dns.TypeDS {
			continue
		}
		if ns := pick(zone, n, dns.TypeNS); len(ns) > 0 {
			r.Authoritative, r.Ns = false, ns
			for _, rr := range ns {
				r.Extra = append(r.Extra, pick(zone, rr.(*dns.NS).Ns, dns.TypeA)...)
			}
			return r
		}
	}
	source := name
	if !exists(zone, name) {
		for source = "*." + tree.Parent(name); !exists(zone, source[2:]); source = "*." + tree.Parent(source[2:]) {
		}
	}
	for _, t := range []uint16{q.Qtype, dns.TypeCNAME} {
		if found := pick(zone, source, t); len(found) > 0 {
			for _, rr := range found {
				c := dns.Copy(rr)
				c.Header().Name = q.Name
				r.Answer = append(r.Answer, c)
			}
			return r
		}
	}
	if !exists(zone, source) {
		r.Rcode = dns.RcodeNameError
	}
	r.Ns = pick(zone, apex, dns.TypeSOA)
	return r
}

func pick(zone []dns.RR, name string, qtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range zone {
		if dns.CanonicalName(rr.Header().Name) == dns.CanonicalName(name) && rr.Header().Rrtype == qtype {
			out = append(out, rr)
		}
	}
	return out
}

func exists(zone []dns.RR, name string) bool {
	return slices.ContainsFunc(zone, func(rr dns.RR) bool { return dns.IsSubDomain(name, dns.CanonicalName(rr.Header().Name)) })
}

// asked lists the questions that servers got about a name.
func (w *world) asked(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.servers {
		for _, l := range s.log {
			if strings.HasSuffix(l, " "+dns.Fqdn(name)) {
				n++
			}
		}
	}
	return n
}

const edge4, edge6 = "203.0.113.10", "2001:db8:e::10"

func (w *world) engine() *Engine {
	root := w.server("a.root.lab")
	w.mu.Lock() // what the test did to the servers is done
	defer w.mu.Unlock()
	return &Engine{
		Settings: Settings{
			RootHints: []Hint{{Name: "a.root.lab", Addresses: []netip.Addr{root.addr}}}, AddressMap: w.places, EdgeZone: "edge.lab",
			Timeout: 300 * time.Millisecond, InteractiveTimeout: 300 * time.Millisecond, PerServerQPS: 10_000, Burst: 10_000,
			EdgeV4: []netip.Addr{netip.MustParseAddr(edge4)}, EdgeV6: []netip.Addr{netip.MustParseAddr(edge6)},
		},
		Now: func() time.Time { return w.now },
	}
}

func cname(host string) analysis.Expected {
	return analysis.Expected{Key: "cname", Type: "CNAME", FQDN: host, Value: "token.edge.lab", Purpose: "ROUTING", Requirement: "REQUIRED"}
}

func sub(host string) analysis.Question {
	return analysis.Question{
		Hostname: host, Registrable: "acme.lab", Target: "token.edge.lab", EdgeZone: "edge.lab", Interactive: true,
		Expected: []analysis.Expected{cname(host)},
	}
}

func (w *world) analyze(q analysis.Question) analysis.Answer {
	w.t.Helper()
	a, err := w.engine().Analyze(w.t.Context(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func codes(a analysis.Answer) []string {
	out := []string{}
	for _, f := range a.Findings {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return out
}
