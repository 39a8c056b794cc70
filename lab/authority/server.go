package authority

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/querylog"
)

// Server is one authoritative name server. It hosts any number of zones and has faults of its own.
type Server struct {
	Name string // "ns1.plain-dns.lab."
	Addr string // its address, for people
	Now  func() time.Time

	log querylog.Log

	mu     sync.RWMutex
	zones  map[string]*Zone
	faults []Fault
	broken map[string][]Fault // by zone
}

// maxUDP is what we offer and send at most over UDP (DNS flag day 2020).
const maxUDP = 1232

// NewServer makes a server without zones. It answers REFUSED until it hosts one.
func NewServer(name string, now func() time.Time) *Server {
	return &Server{Name: dns.CanonicalName(name), Now: now, zones: map[string]*Zone{}, broken: map[string][]Fault{}}
}

// Host makes the server authoritative for z.
func (s *Server) Host(z *Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[z.apex] = z
}

// Drop ends it.
func (s *Server) Drop(apex string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, dns.CanonicalName(apex))
}

// Hosts says whether the server knows the zone.
func (s *Server) Hosts(apex string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.zones[dns.CanonicalName(apex)] != nil
}

// Fail adds faults; those that name other servers, or the provider's API, are not for this one.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// FailZone adds faults that hold for one zone.
func (s *Server) FailZone(apex string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	apex = dns.CanonicalName(apex)
	s.broken[apex] = append(s.broken[apex], faults...)
}

// Heal ends the faults of the server.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// HealZone ends the faults of one zone.
func (s *Server) HealZone(apex string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.broken, dns.CanonicalName(apex))
}

// Faults lists what is wrong with this server for a zone.
func (s *Server) Faults(apex string) []Fault {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Concat(s.faults, s.broken[dns.CanonicalName(apex)])
	return slices.DeleteFunc(all, func(f Fault) bool { return !f.at(s.Name) })
}

// Log lists the questions for a name, oldest first.
func (s *Server) Log(name string) []querylog.Query { return s.log.For(name) }

// Recent lists the last questions for all names, oldest first.
func (s *Server) Recent() []querylog.Query { return s.log.All() }

// Asked counts the questions since the start.
func (s *Server) Asked() int { return s.log.Total() }

// zone finds the zone that answers: the deepest that contains the name; a DS question at a zone's apex
// belongs to the parent (RFC 4035 section 3.1.4.1).
func (s *Server) zone(q dns.Question) *Zone {
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := dns.CanonicalName(q.Name)
	if q.Qtype == dns.TypeDS && name != "." {
		if p := s.deepest(parent(name)); p != nil {
			return p
		}
	}
	return s.deepest(name)
}

func (s *Server) deepest(name string) *Zone {
	for n := name; ; n = parent(n) {
		if z := s.zones[n]; z != nil {
			return z
		}
		if n == "." {
			return nil
		}
	}
}

// ServeDNS answers one question.
func (s *Server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	transport := w.LocalAddr().Network()
	entry := querylog.Query{At: s.Now(), Server: s.Name, Transport: transport, From: host(w.RemoteAddr())}
	if len(r.Question) > 0 {
		entry.Name, entry.Type = r.Question[0].Name, dns.Type(r.Question[0].Qtype).String()
	}
	m := s.reply(r, transport)
	if m != nil {
		entry.Rcode = dns.RcodeToString[m.Rcode]
	}
	s.log.Add(entry)
	if m != nil {
		_ = w.WriteMsg(m)
	}
}

// reply makes the message, or nil when the server stays silent.
func (s *Server) reply(r *dns.Msg, transport string) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(r)
	size, do := dns.MinMsgSize, false
	if opt := r.IsEdns0(); opt != nil {
		size, do = max(size, min(int(opt.UDPSize()), maxUDP)), opt.Do()
		m.SetEdns0(maxUDP, do)
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
	}
	switch {
	case r.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
		return m
	case len(r.Question) != 1:
		m.Rcode = dns.RcodeFormatError
		return m
	}
	q := r.Question[0]
	z := s.zone(q)
	apex := ""
	if z != nil {
		apex = z.apex
	}
	aa, cut, silent := true, false, false
	for _, f := range s.Faults(apex) {
		switch f.Kind {
		case Timeout:
			silent = true
		case Refused:
			m.Rcode = dns.RcodeRefused
		case Servfail:
			m.Rcode = dns.RcodeServerFailure
		case ServfailCAA:
			if q.Qtype == dns.TypeCAA {
				m.Rcode = dns.RcodeServerFailure
			}
		case Lame:
			aa = false
		case Truncate:
			cut = transport == "udp"
		case Slow:
			<-time.After(cmp.Or(f.Delay, time.Second))
		}
	}
	switch {
	case silent:
		return nil
	case m.Rcode != dns.RcodeSuccess:
		return m
	case cut:
		m.Truncated = true
		return m
	case z == nil, q.Qclass != dns.ClassINET, q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
		return m
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	a := z.view(s.Name).answer(ctx, q, do)
	m.Rcode, m.Authoritative = a.rcode, a.authoritative && aa
	m.Answer, m.Ns, m.Extra = a.answer, a.ns, append(a.extra, m.Extra...)
	m.Compress = true
	if transport == "udp" {
		m.Truncate(size)
	}
	return m
}

func host(a net.Addr) string {
	h, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return h
}
