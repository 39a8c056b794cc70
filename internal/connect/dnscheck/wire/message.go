package wire

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

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

// query is a question as it was sent.
type query struct {
	Question
	packet []byte
	end    int    // of the question's section in the packet
	cookie string // hexadecimal; "" for none
	edns   bool
}

// head is a message's header (RFC 1035 section 4.1.1).
const head = 12

// newQuery makes the message. Over UDP the letter case of the name is random: 0x20 adds bits that a forger has to guess.
func newQuery(q Question, edns, shuffle bool, cookie string) (*query, error) {
	var random [2 + 255/8 + 1]byte // the id, and a bit for each octet of the name
	_, _ = rand.Read(random[:])    // never fails
	name := head + len(q.Name) + 1 // the wire form is one longer than the text, at most
	out := &query{Question: q, cookie: cookie, edns: edns, packet: make([]byte, name, name+4+11+4+len(cookie)/2)}
	end, err := dns.PackDomainName(q.Name, out.packet, head, nil, false)
	if err != nil {
		return nil, fmt.Errorf("pack %q: %w", q.Name, err)
	}
	p := out.packet[:end]
	copy(p, random[:2])
	if q.Recurse {
		p[2] = 1
	}
	p[5] = 1 // question
	for i, b := range p[head:] {
		if shuffle && 'a' <= b && b <= 'z' && random[2+i/8]>>(i%8)&1 == 1 { // lengths of labels are below 64, and so no letters
			p[head+i] = b - 'a' + 'A'
		}
	}
	p = binary.BigEndian.AppendUint16(p, q.Type)
	p = binary.BigEndian.AppendUint16(p, dns.ClassINET)
	out.end = len(p)
	if edns { // RFC 6891 section 6.1.2: the root as the name, the size in place of the class, DO in the TTL, then options
		p[11] = 1
		p = append(p, 0, 0, byte(dns.TypeOPT), maxUDP>>8, maxUDP&0xff, 0, 0, 0, 0)
		if !q.Recurse {
			p[len(p)-2] = 0x80
		}
		option, _ := hex.DecodeString(cookie) // cookies are kept well formed
		if len(option) > 0 {
			p = binary.BigEndian.AppendUint16(p, uint16(4+len(option)))
			p = binary.BigEndian.AppendUint16(p, dns.EDNS0COOKIE)
		}
		p = binary.BigEndian.AppendUint16(p, uint16(len(option)))
		p = append(p, option...)
	}
	out.packet = p
	return out, nil
}

func (q *query) id() uint16 { return binary.BigEndian.Uint16(q.packet) }

// renumber draws another id.
func (q *query) renumber() { _, _ = rand.Read(q.packet[:2]) }

// idOf reads the id of a packet that is long enough to be a message.
func idOf(packet []byte) (uint16, bool) {
	if len(packet) < head {
		return 0, false
	}
	return binary.BigEndian.Uint16(packet), true
}

// read turns a packet into the reply to sent, or says why it is none.
func read(packet []byte, sent *query, udp bool) (Reply, error) {
	id, ok := idOf(packet)
	if !ok {
		return Reply{}, errStray
	}
	bits := binary.BigEndian.Uint16(packet[2:])
	if id != sent.id() || bits&(1<<15) == 0 || bits>>11&0xf != dns.OpcodeQuery {
		return Reply{}, errStray
	}
	rcode, truncated := int(bits&0xf), bits&(1<<9) != 0
	questions := binary.BigEndian.Uint16(packet[4:])
	if sent.edns && questions == 0 && (rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented) {
		return Reply{}, errEDNS
	}
	records := 0
	for at := 6; at < head; at += 2 {
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
	cookie, got := cookieOf(m), m.Question[0]
	same := len(packet) >= sent.end && bytes.Equal(packet[head:sent.end], sent.packet[head:sent.end]) // to the case of the letters
	switch {
	case got.Qtype != sent.Type || got.Qclass != dns.ClassINET || !same && !strings.EqualFold(got.Name, sent.Name):
		return Reply{}, errStray
	case udp && !same:
		return Reply{}, errTCP // a server that does not keep the case, or a forger: TCP tells them apart
	case forged(sent.cookie, cookie):
		return Reply{}, errStray
	case udp && len(sent.cookie) > serverCookie && cookie == "":
		return Reply{}, errTCP // it knew us, and now it does not: another machine of the same server, or a forger
	case udp && truncated:
		return Reply{}, errTCP
	case err != nil:
		return Reply{}, again(udp)
	}
	if m.IsEdns0() != nil {
		rcode = m.Rcode
	}
	if sent.edns {
		switch rcode {
		case dns.RcodeBadCookie:
			return Reply{cookie: cookie}, errCookie
		case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
			return Reply{}, errEDNS
		}
	}
	if same {
		spell(m, got.Name, sent.Name)
	}
	signed := signatures(m.Answer, m.Ns)
	return Reply{
		Rcode: rcode, Authoritative: m.Authoritative, cookie: cookie,
		Answer:     chain(m.Answer, sent.Name, sent.Type),
		Authority:  keep(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeRRSIG }),
		Signatures: signed,
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

// spell gives the records at the name that was asked its canonical spelling: nearly all of them, and the others cost a new string each.
func spell(m *dns.Msg, asked, canonical string) {
	for _, rrs := range [...][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range rrs {
			if h := rr.Header(); h.Name == asked {
				h.Name = canonical
			}
		}
	}
}

// keep drops records of other classes, and makes owner names canonical. What it gives lies in rrs.
func keep(rrs []dns.RR, wanted func(dns.RR) bool) []dns.RR {
	out := rrs[:0]
	for _, rr := range rrs {
		if rr == nil || rr.Header().Class != dns.ClassINET || !wanted(rr) {
			continue
		}
		if h := rr.Header(); strings.ContainsFunc(h.Name, unicode.IsUpper) {
			h.Name = dns.CanonicalName(h.Name)
		}
		out = append(out, rr)
	}
	return out
}

// signatures are the RRSIGs of an answer, over whatever.
func signatures(sections ...[]dns.RR) []*dns.RRSIG {
	var out []*dns.RRSIG
	for _, rrs := range sections {
		for _, rr := range rrs {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.Hdr.Class == dns.ClassINET {
				sig.Hdr.Name = dns.CanonicalName(sig.Hdr.Name)
				out = append(out, sig)
			}
		}
	}
	return out
}

// chain keeps the records that answer the question: those at the name, and at the names its CNAMEs lead to.
func chain(rrs []dns.RR, name string, qtype uint16) []dns.RR {
	rrs = keep(rrs, func(rr dns.RR) bool { t := rr.Header().Rrtype; return t == qtype || t == dns.TypeCNAME })
	on := []string{dns.CanonicalName(name)}
	for range MaxChain {
		grown := false
		for _, rr := range rrs {
			if c, ok := rr.(*dns.CNAME); ok && slices.Contains(on, c.Hdr.Name) {
				if target := dns.CanonicalName(c.Target); !slices.Contains(on, target) {
					on, grown = append(on, target), true
				}
			}
		}
		if !grown {
			break
		}
	}
	return slices.DeleteFunc(rrs, func(rr dns.RR) bool { return !slices.Contains(on, rr.Header().Name) })
}

// At gives the records of one type at one name of the answer.
func (r Reply) At(name string, qtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range r.Answer {
		if rr.Header().Rrtype == qtype && rr.Header().Name == name {
			out = append(out, rr)
		}
	}
	return out
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
