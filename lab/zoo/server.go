package zoo

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/authority"
)

// Server is one name server. Its zones are its own, so that servers of one zone can disagree.
type Server struct {
	Name  string
	Addrs []netip.Addr

	w    *World
	auth *authority.Server

	mu    sync.Mutex
	zones map[string][]dns.RR
	lie   Lie
	noise func(packet []byte) []byte
}

// Lie changes what a server answers, or drops it (nil).
type Lie func(q Query, r *dns.Msg) *dns.Msg

// Query is what a lie knows of the question.
type Query struct {
	*dns.Msg
	World *World
	TCP   bool
	At    netip.Addr // the address that was asked
}

// Type is the type that was asked for.
func (q Query) Type() uint16 { return q.Question[0].Qtype }

// Name is the name that was asked for, in lower case.
func (q Query) Name() string { return dns.CanonicalName(q.Question[0].Name) }

// Addr is the server's first address.
func (s *Server) Addr() netip.Addr { return s.Addrs[0] }

// Lie makes the server lie from now on; nil makes it honest.
func (s *Server) Lie(l Lie) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lie = l
}

// Noise changes the octets of what the server sends from now on, after its lies; an empty packet is not sent.
func (s *Server) Noise(change func(packet []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noise = change
}

// Records are what the server has of a zone, nil when it does not serve it.
func (s *Server) Records(apex string) []dns.RR {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.zones[dns.Fqdn(apex)])
}

// Set replaces the zone on this server alone.
func (s *Server) Set(apex string, rrs []dns.RR) {
	apex = dns.Fqdn(apex)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[apex] = rrs
	s.auth.Host(authority.Load(authority.Options{Apex: apex, Now: s.w.Now, Signer: s.w.signers[apex]}, rrs))
}

// Remove takes records out of the zone on this server alone.
func (s *Server) Remove(apex string, gone func(dns.RR) bool) {
	s.Set(apex, slices.DeleteFunc(s.Records(apex), gone))
}

// Honest says that the server neither lies nor garbles.
func (s *Server) Honest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lie == nil && s.noise == nil
}

// Replica says that two servers have the same zones with the same records.
func (s *Server) Replica(of *Server) bool {
	same := func(a, b []dns.RR) bool {
		return slices.EqualFunc(a, b, func(x, y dns.RR) bool { return x.String() == y.String() })
	}
	return maps.EqualFunc(s.copies(), of.copies(), same)
}

func (s *Server) copies() map[string][]dns.RR {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.zones)
}

// Files are the server's zones as zone files, by apex, and whether one of them is signed.
func (s *Server) Files() (files map[string]string, signed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files = map[string]string{}
	for apex, rrs := range s.zones {
		signer := s.w.signers[apex]
		signed = signed || signer != nil
		lines := []string{}
		for _, rr := range authority.Load(authority.Options{Apex: apex, Now: s.w.Now, Signer: signer}, rrs).Records() {
			lines = append(lines, rr.String())
		}
		slices.Sort(lines)
		files[apex] = strings.Join(slices.Compact(lines), "\n") + "\n"
	}
	return files, signed
}

// Move leads the server's addresses to another server, which has to have its zones.
func (s *Server) Move(at netip.AddrPort) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, a := range s.Addrs {
		s.w.places[a] = at
	}
}

// Drop ends serving a zone: the server refuses it.
func (s *Server) Drop(apex string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, dns.Fqdn(apex))
	s.auth.Drop(apex)
}

// glue is the server's name with its addresses.
func (s *Server) glue() string {
	var out strings.Builder
	for _, a := range s.Addrs {
		typ := " 3600 A "
		if a.Is6() {
			typ = " 3600 AAAA "
		}
		out.WriteString(s.Name + typ + a.String() + "\n")
	}
	return out.String()
}

// door is a server at one of its addresses.
type door struct {
	s  *Server
	at netip.Addr
}

// ServeDNS answers honestly, and then lies.
func (d door) ServeDNS(out dns.ResponseWriter, m *dns.Msg) {
	honest := &recorder{ResponseWriter: out}
	d.s.auth.ServeDNS(honest, m)
	d.s.mu.Lock()
	lie, noise := d.s.lie, d.s.noise
	d.s.mu.Unlock()
	reply := honest.reply
	if lie != nil && reply != nil {
		reply = lie(Query{m, d.s.w, out.LocalAddr().Network() == "tcp", d.at}, reply)
	}
	switch {
	case reply == nil:
	case noise == nil:
		_ = out.WriteMsg(reply)
	default:
		packet, err := reply.Pack()
		if err == nil {
			if packet = noise(packet); len(packet) > 0 {
				_, _ = out.Write(packet)
			}
		}
	}
}

// recorder keeps the answer instead of sending it.
type recorder struct {
	dns.ResponseWriter
	reply *dns.Msg
}

func (r *recorder) WriteMsg(m *dns.Msg) error {
	r.reply = m.Copy() // what it shares with the zone is not a liar's to change
	return nil
}
