package edgedns

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const recordsPerMessage = 200 // well below what a message over TCP holds

// transfer gives the whole edge zone to a secondary of the operator's (RFC 5936), and says whether this was a question for it. Everybody else, and
// everybody over UDP, is refused as any question that we do not answer; so are transfers of customers' sub-zones, and of a signed zone, whose proofs
// of absence are made for each question. There is no history: who asks for what changed gets everything (RFC 1995 section 4).
func (s *Server) transfer(w dns.ResponseWriter, req *dns.Msg, client netip.Addr) bool {
	if w.LocalAddr().Network() == "udp" || len(req.Question) != 1 || s.Keys != nil {
		return false
	}
	q := req.Question[0]
	p, ours := s.place(q.Name, s.now())
	if q.Qtype != dns.TypeAXFR && q.Qtype != dns.TypeIXFR || q.Qclass != dns.ClassINET || !ours || p.token != "" || p.label != "" {
		return false
	}
	if !slices.ContainsFunc(s.Transfers, func(n netip.Prefix) bool { return n.Contains(client) }) {
		return false
	}
	messages, done := make(chan *dns.Envelope), make(chan struct{})
	go func() {
		defer close(messages)
		for rrs := range slices.Chunk(s.everything(), recordsPerMessage) {
			select {
			case messages <- &dns.Envelope{RR: rrs}:
			case <-done: // the client is gone
				return
			}
		}
	}()
	err := new(dns.Transfer).Out(w, req, messages)
	close(done)
	if err != nil {
		s.Log.Info("the edge zone was not copied to the end", "to", client, "err", err)
	}
	s.count(q.Qtype, dns.RcodeSuccess)
	return true
}

// everything is the edge zone as it is now, from its SOA to its SOA.
func (s *Server) everything() []dns.RR {
	now, zone := s.now(), s.zoneName()
	s.zone.mu.RLock()
	names := []string{zone}
	for _, host := range s.nameServers() {
		names = append(names, host.Label+"."+zone)
	}
	for label := range s.zone.targets {
		names = append(names, label+"."+zone)
	}
	for name := range s.zone.texts {
		if strings.HasSuffix(name, "."+zone) {
			names = append(names, name)
		}
	}
	for _, sub := range s.zone.subzones {
		for _, host := range s.nameServers() {
			names = append(names, host.Label+"."+sub.token+"."+zone)
		}
	}
	s.zone.mu.RUnlock()
	soa := s.soa(place{apex: zone}, ttlStable)
	out := []dns.RR{soa}
	sorted := map[string]bool{}
	for _, name := range names {
		sorted[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(sorted)) {
		p, _ := s.place(name, now)
		n, _ := s.node(p, now)
		for _, t := range s.types(n, name+".") {
			if t != dns.TypeSOA {
				out = append(out, s.set(n, name+".", t)...)
			}
		}
	}
	return append(out, soa)
}
