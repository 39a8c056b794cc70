package edgedns

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// place is where a name lies: in which zone of ours, and below what.
type place struct {
	name  string // lower case, without the dot
	apex  string // of the zone
	label string // in front of the apex; "" for the apex itself
	token string // of a delegated sub-zone: its connection's; "" in the edge zone
}

// place finds a question's name; ours is false outside of all our zones.
func (s *Server) place(name string, now time.Time) (p place, ours bool) {
	p.name = strings.TrimSuffix(strings.ToLower(name), ".")
	p.apex = s.zoneName()
	if p.name == p.apex {
		return p, true
	}
	if p.label, ours = strings.CutSuffix(p.name, "."+p.apex); ours {
		return p, true
	}
	apex, of, found := s.zone.within(p.name, now)
	p.apex, p.token = apex, of.token
	p.label = strings.TrimSuffix(strings.TrimSuffix(p.name, apex), ".")
	return p, found
}

// node is what stands at a name.
type node struct {
	place
	apexes   bool         // SOA, NS
	hosts    []netip.Addr // addresses
	target   bool         // addresses of the edges, CAA, HTTPS
	issuers  []string     // of a target: CAs beside ours
	texts    []string
	textTTL  uint32
	negative uint32 // seconds that an absence may be kept here
}

// Names below these labels of the edge zone are there for a moment, and so is their absence.
const (
	challenges   = "acme"            // <token>.acme.<edge zone>: what a customer's _acme-challenge points at
	challengesIn = "_acme-challenge" // in a delegated sub-zone
)

// node says what stands at a place, and whether the name exists: one that has nothing itself exists when there is something below it
// (RFC 8020).
func (s *Server) node(p place, now time.Time) (n node, exists bool) {
	n = node{place: p, negative: ttlNegative}
	n.texts, n.textTTL = s.zone.textsAt(p.name, now)
	if p.token != "" {
		n.apexes = p.label == ""
		if p.label == challengesIn || strings.HasPrefix(p.label, challengesIn+".") {
			n.negative = ttlMoment
			return n, true
		}
		n.target = true // the apex, and everything below: it is the customer's, and a wildcard
		return n, true
	}
	if p.label == "" {
		n.apexes = true
		return n, true
	}
	if p.label == challenges { // there even while no order runs: who asks for it on the way to a challenge must not keep that there is nothing below
		return n, true
	}
	if strings.HasSuffix(p.label, "."+challenges) {
		n.negative = ttlMoment
		return n, len(n.texts) > 0
	}
	first, rest, deeper := strings.Cut(p.label, ".")
	for _, host := range s.nameServers() {
		if host.Label == first && (!deeper || s.zone.target(rest, now)) { // ns1.<edge zone>, and ns1.<token>.<edge zone> for sub-zones
			n.hosts = host.Addresses
			return n, true
		}
	}
	if s.zone.target(p.label, now) {
		n.target, n.issuers = true, s.zone.issuersOf(p.label, now)
		return n, true
	}
	return n, len(n.texts) > 0
}

// set is one RRset of a node; empty when there is none.
func (s *Server) set(n node, name string, qtype uint16) []dns.RR {
	switch qtype {
	case dns.TypeSOA:
		if n.apexes {
			return []dns.RR{s.soa(n.place, ttlStable)}
		}
	case dns.TypeNS:
		if n.apexes {
			return s.ns(n.place, name)
		}
	case dns.TypeTXT:
		return txt(name, n.texts, n.textTTL)
	case dns.TypeA:
		return addresses(name, qtype, n.addresses(s.V4))
	case dns.TypeAAAA:
		return addresses(name, qtype, n.addresses(s.V6))
	case dns.TypeCAA:
		if n.target {
			return s.caa(name, n.issuers)
		}
	case dns.TypeHTTPS:
		if n.target && s.HTTPS {
			return https(name)
		}
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		if n.apexes && n.token == "" {
			return s.signing.records(name, qtype)
		}
	}
	return nil
}

// addresses are those of a name server, or the edges' at a target: whatever a row says, a target answers with nothing else (EZ-6).
func (n node) addresses(edges []netip.Addr) []netip.Addr {
	if n.target {
		return edges
	}
	return n.hosts
}

// types are those that a node has, for proofs of absence, in ascending order.
func (s *Server) types(n node, name string) (out []uint16) {
	for _, t := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeAAAA, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeHTTPS, dns.TypeCAA} {
		if len(s.set(n, name, t)) > 0 {
			out = append(out, t)
		}
	}
	return out
}
