package wire

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

var (
	errStray = errors.New("not the answer to this question") // keep waiting for the real one
	errTCP   = errors.New("ask again over tcp")
	errEDNS  = errors.New("ask again without edns")

	errCookie = errors.New("ask again with the cookie that was given")
)

// maxRecords bounds an answer before it is unpacked: compression can make a small message large.
const maxRecords = 400

// MaxChain is how many CNAMEs are followed (RFC 1034 section 3.6.2 asks for a bound and names none).
const MaxChain = 10

// newQuery makes the message. Over UDP the letter case of the name is random: 0x20 adds bits that a forger has to guess.
func newQuery(q Question, edns, shuffle bool, cookie string) *dns.Msg {
	m := new(dns.Msg)
	var random [2 + 255]byte
	_, _ = rand.Read(random[:]) // never fails
	m.Id = binary.BigEndian.Uint16(random[:2])
	m.RecursionDesired = q.Recurse
	name := []byte(q.Name)
	for i, b := range name {
		if shuffle && i < 255 && 'a' <= b && b <= 'z' && random[2+i]&1 == 1 {
			name[i] = b - 'a' + 'A'
		}
	}
	m.Question = []dns.Question{{Name: string(name), Qtype: q.Type, Qclass: dns.ClassINET}}
	if edns {
		m.SetEdns0(maxUDP, !q.Recurse)
		if cookie != "" {
			opt := m.IsEdns0()
			opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
		}
	}
	return m
}

// read turns a packet into the reply to sent, or says why it is none.
func read(packet []byte, sent *dns.Msg, udp bool) (Reply, error) {
	if len(packet) < 12 {
		return Reply{}, errStray
	}
	id, bits := binary.BigEndian.Uint16(packet), binary.BigEndian.Uint16(packet[2:])
	if id != sent.Id || bits&(1<<15) == 0 || bits>>11&0xf != dns.OpcodeQuery {
		return Reply{}, errStray
	}
	rcode, truncated := int(bits&0xf), bits&(1<<9) != 0
	questions := binary.BigEndian.Uint16(packet[4:])
	if sent.IsEdns0() != nil && questions == 0 && (rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented) {
		return Reply{}, errEDNS
	}
	records := 0
	for at := 6; at < 12; at += 2 {
		records += int(binary.BigEndian.Uint16(packet[at:]))
	}
	if questions != 1 || records > maxRecords {
		return Reply{}, ErrGarbled
	}
	m := new(dns.Msg)
	err := m.Unpack(packet)
	if len(m.Question) != 1 {
		return Reply{}, again(udp)
	}
	asked, got := sent.Question[0], m.Question[0]
	switch {
	case got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || !strings.EqualFold(got.Name, asked.Name):
		return Reply{}, errStray
	case udp && got.Name != asked.Name:
		return Reply{}, errTCP // a server that does not keep the case, or a forger: TCP tells them apart
	case forged(cookieOf(sent), cookieOf(m)):
		return Reply{}, errStray
	case udp && len(cookieOf(sent)) > serverCookie && cookieOf(m) == "":
		return Reply{}, errTCP // it knew us, and now it does not: another machine of the same server, or a forger
	case udp && truncated:
		return Reply{}, errTCP
	case err != nil:
		return Reply{}, again(udp)
	}
	if opt := m.IsEdns0(); opt != nil {
		rcode = m.Rcode
	}
	if sent.IsEdns0() != nil {
		switch rcode {
		case dns.RcodeBadCookie:
			return Reply{cookie: cookieOf(m)}, errCookie
		case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
			return Reply{}, errEDNS
		}
	}
	return Reply{
		Rcode: rcode, Authoritative: m.Authoritative, cookie: cookieOf(m),
		Answer:     chain(m.Answer, asked.Name, asked.Qtype),
		Authority:  keep(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeRRSIG }),
		Signatures: signatures(slices.Concat(m.Answer, m.Ns)),
		Additional: keep(m.Extra, func(rr dns.RR) bool { t := rr.Header().Rrtype; return t == dns.TypeA || t == dns.TypeAAAA }),
	}, nil
}

// forged says that a cookie came back that is not ours.
func forged(sent, got string) bool {
	return sent != "" && got != "" && !strings.EqualFold(sent[:serverCookie], got[:serverCookie])
}

func again(udp bool) error {
	if udp {
		return errTCP
	}
	return ErrGarbled
}

// keep drops records of other classes, and makes owner names canonical.
func keep(rrs []dns.RR, wanted func(dns.RR) bool) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if rr == nil || rr.Header().Class != dns.ClassINET || !wanted(rr) {
			continue
		}
		rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		out = append(out, rr)
	}
	return out
}

// signatures are the RRSIGs of an answer, over whatever.
func signatures(rrs []dns.RR) []*dns.RRSIG {
	var out []*dns.RRSIG
	for _, rr := range keep(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) {
		if sig, ok := rr.(*dns.RRSIG); ok {
			out = append(out, sig)
		}
	}
	return out
}

// chain keeps the records that answer the question: those at the name, and at the names its CNAMEs lead to.
func chain(rrs []dns.RR, name string, qtype uint16) []dns.RR {
	rrs = keep(rrs, func(rr dns.RR) bool { t := rr.Header().Rrtype; return t == qtype || t == dns.TypeCNAME })
	on := map[string]bool{dns.CanonicalName(name): true}
	for range MaxChain {
		grown := false
		for _, rr := range rrs {
			if c, ok := rr.(*dns.CNAME); ok && on[c.Hdr.Name] && !on[dns.CanonicalName(c.Target)] {
				on[dns.CanonicalName(c.Target)], grown = true, true
			}
		}
		if !grown {
			break
		}
	}
	return keep(rrs, func(rr dns.RR) bool { return on[rr.Header().Name] })
}

// At gives the records of one type at one name of the answer.
func (r Reply) At(name string, qtype uint16) []dns.RR {
	return keep(r.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == qtype && rr.Header().Name == name })
}

// Aliases gives the targets of the CNAMEs at a name: none, one, or several at a server that should know better.
func (r Reply) Aliases(name string) []string {
	var out []string
	for _, rr := range r.At(name, dns.TypeCNAME) {
		out = append(out, dns.CanonicalName(rr.(*dns.CNAME).Target))
	}
	return out
}

// SOA gives the zone's start of authority from the authority section of a negative answer.
func (r Reply) SOA() *dns.SOA {
	for _, rr := range r.Authority {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}
