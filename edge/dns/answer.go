package edgedns

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"

	"github.com/miekg/dns"
)

// Seconds that answers may be kept.
const (
	ttlAddress  = 60
	ttlStable   = 300 // NS, CAA, SOA, keys
	ttlNegative = 30
	ttlMoment   = 1 // the absence of a challenge: it may be there a second later

	soaRefresh = 3600 // of a secondary that somebody runs
	soaRetry   = 600
	soaExpire  = 604800
	hostmaster = "hostmaster"
)

// answer fills m for its one question: everything but EDNS and size. The owner's name in an answer is spelled as it was asked, upper and lower case
// included, because resolvers use that as a cookie of their own. It says what the answer costs, and how
// it is signed; nil when it is not. That is what takes time, so it is done for those alone who can afford the answer.
func (s *Server) answer(m *dns.Msg, q dns.Question, opt *dns.OPT) (price float64, sign func()) {
	now := s.now()
	p, ours := s.place(q.Name, now)
	switch {
	case q.Qclass != dns.ClassINET, !ours, q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
		return dear, nil
	case q.Qtype == dns.TypeOPT, q.Qtype == dns.TypeTSIG, q.Qtype == dns.TypeTKEY, q.Qtype == dns.TypeNone, q.Qtype == dns.TypeMAILA, q.Qtype == dns.TypeMAILB:
		m.Rcode = dns.RcodeFormatError // never the type of a question (RFC 6895 section 3.1)
		return dear, nil
	case q.Qtype == dns.TypeNXNAME: // nor that (RFC 9824 section 3.5)
		m.Rcode = dns.RcodeFormatError
		if opt != nil {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeInvalidQueryType})
		}
		return dear, nil
	}
	m.Authoritative, price = true, cheap
	n, exists := s.node(p, now)
	records := s.set(n, q.Name, q.Qtype)
	if exists && p.token == "" && (q.Qtype == dns.TypeNSEC || q.Qtype == dns.TypeRRSIG) {
		records = s.proof(n, q)
	}
	switch {
	case !exists:
		price, m.Rcode = dear, dns.RcodeNameError
		m.Ns = []dns.RR{s.soa(p, n.negative)}
	case q.Qtype == dns.TypeANY: // RFC 8482 section 4.2
		m.Answer = []dns.RR{&dns.HINFO{Hdr: header(q.Name, dns.TypeHINFO, ttlStable), Cpu: "RFC8482"}}
	case len(records) == 0:
		m.Ns = []dns.RR{s.soa(p, n.negative)}
	default:
		m.Answer = records
		if q.Qtype == dns.TypeNS && p.token == "" {
			for _, host := range s.nameServers() {
				name := host.Label + "." + p.apex + "."
				m.Extra = append(m.Extra, addresses(name, dns.TypeA, host.Addresses)...)
				m.Extra = append(m.Extra, addresses(name, dns.TypeAAAA, host.Addresses)...)
			}
		}
	}
	if opt != nil && opt.Do() && p.token == "" && len(s.signing.all()) > 0 {
		return price, func() { s.sign(m, q, n, exists, opt) }
	}
	if opt != nil {
		opt.SetCo(false)
	}
	return price, nil
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

// caa names every CA that we order from, bound to our account there where it is known, and those of the customer's own. It is what makes a
// customer's CNAME immune to the CAA of the customer's own domain: a CA looks here first (RFC 8659 section 3).
func (s *Server) caa(name string, issuers []string) []dns.RR {
	var out []dns.RR
	add := func(value string) {
		out = append(out, &dns.CAA{Hdr: header(name, dns.TypeCAA, ttlStable), Tag: "issue", Value: value})
	}
	if s.CAs != nil {
		for _, ca := range s.CAs() {
			value := ca.Identity
			if ca.AccountURI != "" {
				value += "; accounturi=" + ca.AccountURI
			}
			add(value)
		}
	}
	for _, identity := range issuers {
		add(identity)
	}
	return out
}

// https says that the name is reached over TLS, and by which protocols (RFC 9460).
func https(name string) []dns.RR {
	return []dns.RR{&dns.HTTPS{SVCB: dns.SVCB{Hdr: header(name, dns.TypeHTTPS, ttlAddress), Priority: 1, Target: ".", Value: []dns.SVCBKeyValue{&dns.SVCBAlpn{Alpn: []string{"h2", "http/1.1"}}}}}}
}

// txt makes a record of each text, in strings of 255 octets (RFC 1035 section 3.3.14).
func txt(name string, texts []string, ttl uint32) []dns.RR {
	var out []dns.RR
	for _, t := range texts {
		rr := &dns.TXT{Hdr: header(name, dns.TypeTXT, ttl)}
		for part := range slices.Chunk([]byte(t), 255) {
			rr.Txt = append(rr.Txt, escape(part))
		}
		if t == "" {
			rr.Txt = []string{""}
		}
		out = append(out, rr)
	}
	return out
}

// escape writes octets as miekg/dns reads them.
func escape(octets []byte) string {
	var out []byte
	for _, b := range octets {
		if b == '"' || b == '\\' {
			out = append(out, '\\')
		}
		out = append(out, b)
	}
	return string(out)
}

func (s *Server) ns(p place, name string) []dns.RR {
	var out []dns.RR
	for _, host := range s.nameServers() {
		out = append(out, &dns.NS{Hdr: header(name, dns.TypeNS, ttlStable), Ns: s.host(p, host.Label)})
	}
	return out
}

// host is the name of a zone's name server: a sub-zone's contain its connection's token, which is how its delegation proves whose it is.
func (s *Server) host(p place, label string) string {
	if p.token != "" {
		label += "." + p.token
	}
	return label + "." + s.zoneName() + "."
}

// soa says with its serial how new the projection is that we answer from.
func (s *Server) soa(p place, ttl uint32) dns.RR {
	return &dns.SOA{
		Hdr: header(p.apex+".", dns.TypeSOA, ttl), Ns: s.host(p, s.nameServers()[0].Label), Mbox: hostmaster + "." + s.zoneName() + ".",
		Serial: s.zone.serial(), Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: ttlNegative,
	}
}

func (s *Server) nameServers() []NameServer {
	if len(s.NameServers) == 0 {
		s.prepare()
	}
	return s.NameServers
}

// DefaultNameServers are those of an installation that names none: ns1, ns2 and so on at the edges' own addresses, two at least, since a
// delegation to one alone is refused by some parents. Each has an address of both families where there are any.
func DefaultNameServers(v4, v6 []netip.Addr) []NameServer {
	out := make([]NameServer, min(13, max(2, len(v4), len(v6))))
	for n := range out {
		out[n].Label = "ns" + strconv.Itoa(n+1)
		if len(v4) > 0 {
			out[n].Addresses = append(out[n].Addresses, v4[n%len(v4)])
		}
		if len(v6) > 0 {
			out[n].Addresses = append(out[n].Addresses, v6[n%len(v6)])
		}
	}
	return out
}
