package edgedns

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Seconds that answers may be kept.
const (
	ttlAddress  = 60
	ttlStable   = 300 // NS, CAA, SOA
	ttlNegative = 30
)

// answer fills m for its one question: everything but EDNS and size. The owner's name in an answer is spelled as it was asked, upper and lower case
// included, because resolvers use that as a cookie of their own.
func (s *Server) answer(m *dns.Msg, q dns.Question) {
	label, ours := s.label(q.Name)
	switch {
	case q.Qclass != dns.ClassINET, !ours, q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
		return
	case q.Qtype == dns.TypeOPT, q.Qtype == dns.TypeTSIG, q.Qtype == dns.TypeTKEY, q.Qtype == dns.TypeNone, q.Qtype == dns.TypeMAILA, q.Qtype == dns.TypeMAILB:
		m.Rcode = dns.RcodeFormatError // never the type of a question (RFC 6895 section 3.1)
		return
	}
	m.Authoritative = true
	records, exists := s.records(q.Name, label, q.Qtype)
	switch {
	case !exists:
		m.Rcode = dns.RcodeNameError
		m.Ns = []dns.RR{s.soa(ttlNegative)}
	case q.Qtype == dns.TypeANY:
		m.Answer = []dns.RR{&dns.HINFO{Hdr: header(q.Name, dns.TypeHINFO, ttlStable), Cpu: "RFC8482"}}
	case len(records) == 0:
		m.Ns = []dns.RR{s.soa(ttlNegative)}
	default:
		m.Answer = records
		if q.Qtype == dns.TypeNS {
			for _, host := range s.nameServers() {
				m.Extra = append(m.Extra, addresses(host.Label+"."+s.zoneName()+".", dns.TypeA, host.Addresses)...)
				m.Extra = append(m.Extra, addresses(host.Label+"."+s.zoneName()+".", dns.TypeAAAA, host.Addresses)...)
			}
		}
	}
}

// label is the part of a name in front of the zone, in lower case, "" for the zone itself.
func (s *Server) label(name string) (string, bool) {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == s.zoneName() {
		return "", true
	}
	return strings.CutSuffix(name, "."+s.zoneName())
}

// records are those of one type at one name of the zone, and whether the name exists at all.
func (s *Server) records(name, label string, qtype uint16) ([]dns.RR, bool) {
	if label == "" {
		switch qtype {
		case dns.TypeSOA:
			return []dns.RR{s.soa(ttlStable)}, true
		case dns.TypeNS:
			return s.ns(name), true
		}
		return nil, true
	}
	for _, host := range s.nameServers() {
		if host.Label == label {
			return addresses(name, qtype, host.Addresses), true
		}
	}
	if !s.zone.target(label, s.now()) {
		return nil, false
	}
	switch qtype {
	case dns.TypeA:
		return addresses(name, qtype, s.V4), true
	case dns.TypeAAAA:
		return addresses(name, qtype, s.V6), true
	case dns.TypeCAA:
		return s.caa(name), true
	}
	return nil, true
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// addresses are those of the wanted family, beginning anywhere, so that clients which take the first spread over all.
func addresses(name string, qtype uint16, all []netip.Addr) []dns.RR {
	var out []dns.RR
	for _, a := range all {
		switch {
		case qtype == dns.TypeA && a.Is4():
			out = append(out, &dns.A{Hdr: header(name, qtype, ttlAddress), A: a.AsSlice()})
		case qtype == dns.TypeAAAA && a.Is6():
			out = append(out, &dns.AAAA{Hdr: header(name, qtype, ttlAddress), AAAA: a.AsSlice()})
		}
	}
	if len(out) > 1 {
		n := rand.IntN(len(out))
		out = slices.Concat(out[n:], out[:n])
	}
	return out
}

// caa names every CA that we order from, bound to our account there where it is known. It is what makes a customer's CNAME immune to the CAA of
// the customer's own domain: a CA looks here first (RFC 8659 section 3).
func (s *Server) caa(name string) []dns.RR {
	var out []dns.RR
	if s.CAs == nil {
		return nil
	}
	for _, ca := range s.CAs() {
		value := ca.Identity
		if ca.AccountURI != "" {
			value += "; accounturi=" + ca.AccountURI
		}
		out = append(out, &dns.CAA{Hdr: header(name, dns.TypeCAA, ttlStable), Tag: "issue", Value: value})
	}
	return out
}

func (s *Server) ns(name string) []dns.RR {
	var out []dns.RR
	for _, host := range s.nameServers() {
		out = append(out, &dns.NS{Hdr: header(name, dns.TypeNS, ttlStable), Ns: host.Label + "." + s.zoneName() + "."})
	}
	return out
}

// soa says with its serial how new the projection is that we answer from.
func (s *Server) soa(ttl uint32) dns.RR {
	zone := s.zoneName() + "."
	return &dns.SOA{
		Hdr: header(zone, dns.TypeSOA, ttl), Ns: s.nameServers()[0].Label + "." + zone, Mbox: "hostmaster." + zone,
		Serial: s.zone.serial(), Refresh: 3600, Retry: 600, Expire: 604800, Minttl: ttlNegative,
	}
}

func (s *Server) nameServers() []NameServer {
	if len(s.NameServers) > 0 {
		return s.NameServers
	}
	return []NameServer{{Label: "ns1", Addresses: slices.Concat(s.V4, s.V6)}}
}

// typeLabel keeps the metric's label to a few values.
func typeLabel(qtype uint16) string {
	switch qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeANY, dns.TypeDS, dns.TypeDNSKEY:
		return dns.TypeToString[qtype]
	}
	return "other"
}

func rcodeLabel(rcode int) string { return cmp.Or(dns.RcodeToString[rcode], "other") }
