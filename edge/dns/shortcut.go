package edgedns

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Almost every question is one for a target. All targets answer alike, so their answers are prepared, and such a question is answered from octets
// to octets, without a message in between and without memory: 100,000 connections take no more of it than one. What is not so plain (other names,
// signatures, odd options, answers that are too long) takes the way of reply, which answers the same; TestShortcut_AnswersAsReplyDoes compares.

// pages are the prepared answers.
type pages struct {
	apex     []byte // of the zone, as it lies in a packet
	sections map[uint16]section
	mname    string // label of the first name server
	reserved map[string]bool
	version  int64 // another one when the answers are others
}

// section is an answer's records, whose owner is always the question's name. There is one for each record that may be the first.
type section struct {
	octets [][]byte
	count  uint16
	proofs uint16 // records of authority behind the answers
	turns  int    // so many addresses begin it, any of which may be the first; 0: it stays as it is
}

// turned copies an answer so that another of its addresses is the first.
func turned(out, octets []byte, turns, turn int) int {
	if turns < 2 {
		return copy(out, octets)
	}
	size := addressHead + int(binary.BigEndian.Uint16(octets[addressHead-2:]))
	from, end := turn%turns*size, turns*size
	n := copy(out, octets[from:end])
	n += copy(out[n:], octets[:from])
	return n + copy(out[n:], octets[end:])
}

// owner points at the question's name (RFC 1035 section 4.1.4).
var owner = []byte{0xc0, headerSize}

const (
	headerSize  = 12
	optSize     = 11
	addressHead = 12                                       // of a record whose owner is a pointer, before its data
	soaSize     = 2 + 10 + 2*(1+2) + len(hostmaster) + 5*4 // as absent writes it, without the server's label
)

// setPages prepares the answers. Run does it every second, because the CAs come from elsewhere.
func (s *Server) setPages() {
	p := &pages{sections: map[uint16]section{}, mname: s.nameServers()[0].Label, reserved: map[string]bool{challenges: true}}
	for label := range strings.SplitSeq(s.zoneName(), ".") {
		p.apex = append(append(p.apex, byte(len(label))), label...)
	}
	p.apex = append(p.apex, 0)
	for _, host := range s.nameServers() {
		p.reserved[host.Label] = true
	}
	n := node{place: place{apex: s.zoneName()}, target: true}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeHTTPS} {
		p.sections[t] = packed(s.set(n, ".", t))
	}
	// What targets never have. Other types are seldom asked for.
	for _, t := range []uint16{dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeDS} {
		p.sections[t] = section{}
	}
	if old := s.quick.Load(); old == nil || !reflect.DeepEqual(old.sections, p.sections) {
		p.version = s.versions.Add(1)
	} else {
		p.version = old.version
	}
	s.quick.Store(p)
}

// packed is a set as octets behind the owner's pointer.
func packed(set []dns.RR) (out section) {
	records := make([][]byte, 0, len(set))
	for _, rr := range set {
		buf := make([]byte, dns.Len(rr)+1)
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return section{}
		}
		records = append(records, append(append([]byte{}, owner...), buf[1:end]...)) // 1: the root's name, with which it was made
	}
	slices.SortFunc(records, bytes.Compare) // addresses begin anywhere, and the same set is to be the same octets
	out.count = uint16(len(records))
	for first := range records {
		var octets []byte
		for n := range records {
			octets = append(octets, records[(first+n)%len(records)]...)
		}
		out.octets = append(out.octets, octets)
	}
	return out
}

// glance is what can be seen of a plain question for a name right below the zone.
type glance struct {
	qtype  uint16
	end    int // of the question
	zone   int // where the zone's name begins
	lower  [63]byte
	length int // of the label
	edns   bool
	do, co bool
	size   int
	cookie []byte
}

// label is what stands before the zone's name, in lower case.
func (g *glance) label() []byte { return g.lower[:g.length] }

// read looks at a packet; false when it is not plain, or not well-formed.
func (g *glance) read(in, apex []byte) bool {
	// QR, opcode, TC and the counts, as accept has them; AA, RA, Z and AD mean nothing in a question.
	if len(in) < headerSize+5 || in[2]&0xfa != 0 || in[3]&0x0f != 0 || binary.BigEndian.Uint32(in[4:]) != 1<<16 || in[8]|in[9]|in[10] != 0 || in[11] > 1 {
		return false
	}
	length := int(in[headerSize])
	g.zone = headerSize + 1 + length
	g.end = g.zone + len(apex) + 4
	if length == 0 || length > 63 || len(in) < g.end {
		return false
	}
	for n, b := range in[headerSize+1 : g.zone] {
		g.lower[n] = lower(b)
	}
	g.length = length
	for n, b := range apex {
		if lower(in[g.zone+n]) != b { // lengths of labels are below 64, where there are no letters
			return false
		}
	}
	g.qtype = binary.BigEndian.Uint16(in[g.end-4:])
	if binary.BigEndian.Uint16(in[g.end-2:]) != dns.ClassINET {
		return false
	}
	g.size = dns.MinMsgSize
	if in[11] == 0 {
		return len(in) == g.end
	}
	return g.opt(in[g.end:])
}

// opt reads the OPT that ends a packet (RFC 6891 section 6.1.2).
func (g *glance) opt(in []byte) bool {
	if len(in) < optSize || in[0] != 0 || binary.BigEndian.Uint16(in[1:]) != dns.TypeOPT || in[5] != 0 || in[6] != 0 || int(binary.BigEndian.Uint16(in[9:])) != len(in)-optSize {
		return false
	}
	g.edns, g.do = true, in[7]&0x80 != 0
	g.co = g.do && in[7]&0x40 != 0
	g.size = min(max(int(binary.BigEndian.Uint16(in[3:])), dns.MinMsgSize), maxUDP)
	for in = in[optSize:]; len(in) > 0; {
		if len(in) < 4 {
			return false
		}
		code, length := binary.BigEndian.Uint16(in), int(binary.BigEndian.Uint16(in[2:]))
		if len(in) < 4+length {
			return false
		}
		switch code {
		case dns.EDNS0COOKIE:
			if g.cookie != nil || !wellFormed(length) {
				return false
			}
			g.cookie = in[4 : 4+length]
		case dns.EDNS0PADDING, dns.EDNS0NSID, dns.EDNS0SUBNET, dns.EDNS0EXPIRE: // answered without
		default:
			return false
		}
		in = in[4+length:]
	}
	return true
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// shortcut answers a plain question. n is 0 when there is to be no answer; done is false when it takes the long way.
func (s *Server) shortcut(out, in []byte, client netip.Addr) (n int, done bool) {
	p := s.quick.Load()
	var g glance
	if p == nil || !g.read(in, p.apex) {
		return 0, false
	}
	records, prepared := p.sections[g.qtype]
	target, plain := s.zone.plain(g.label(), s.zoneName(), s.now())
	if !prepared || !plain || !target && (g.lower[0] == '_' || p.reserved[string(g.label())]) {
		return 0, false
	}
	rcode, price, body := dns.RcodeSuccess, cheap, section{}
	turn := int(in[0])<<8 | int(in[1]) // ids of questions are random
	switch {
	case g.do && len(s.signing.all()) > 0:
		var ok bool
		if !target {
			return 0, false
		}
		if body, ok = s.sealed(&g, p); !ok {
			return 0, false
		}
	case !target:
		rcode, price = dns.RcodeNameError, dear
	case records.count > 0:
		body = section{octets: records.octets[turn%len(records.octets):], count: records.count}
	}
	length := soaSize + len(p.mname) // of an absence
	if len(body.octets) > 0 {
		length = len(body.octets[0])
	}
	if g.end+length+optSize+4+clientCookie+serverCookie > g.size {
		return 0, false
	}
	var cookie [clientCookie + serverCookie]byte
	proven := g.cookie != nil && s.cookies.answer(&cookie, g.cookie, client, time.Now())
	s.count(g.qtype, rcode)
	over := !proven && !s.affords(client, price)
	if over && !s.slipped() {
		return 0, true
	}
	copy(out, in[:g.end])
	clear(out[6:headerSize])
	out[2], out[3] = 0x84|in[2]&1, in[3]&0x10|byte(rcode) // QR, AA, RD; CD
	n = g.end
	switch {
	case over:
		out[2] |= 0x02
		out[3] &= 0xf0
	case len(body.octets) > 0:
		binary.BigEndian.PutUint16(out[6:], body.count)
		binary.BigEndian.PutUint16(out[8:], body.proofs)
		n += turned(out[n:], body.octets[0], body.turns, turn)
	default:
		out[9] = 1
		n += p.absent(out[n:], g.zone, s.zone.serial())
	}
	if g.edns {
		out[11] = 1
		n += g.answerOPT(out[n:], &cookie)
	}
	return n, true
}

// absent writes the zone's SOA as proof that there is nothing (RFC 2308), its names as pointers to the zone's within the question.
func (p *pages) absent(out []byte, zone int, serial uint32) int {
	b := out[:0]
	at := uint16(0xc000 | zone)
	record := func(v ...uint32) {
		for _, v := range v {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	b = binary.BigEndian.AppendUint16(b, at)
	b = binary.BigEndian.AppendUint16(b, dns.TypeSOA)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, ttlNegative)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.mname)+len(hostmaster)+2*3+5*4))
	b = append(append(b, byte(len(p.mname))), p.mname...)
	b = binary.BigEndian.AppendUint16(b, at)
	b = append(append(b, byte(len(hostmaster))), hostmaster...)
	b = binary.BigEndian.AppendUint16(b, at)
	record(serial, soaRefresh, soaRetry, soaExpire, ttlNegative)
	return len(b)
}

// answerOPT leaves CO out: absences that have it take the long way.
func (g *glance) answerOPT(out []byte, cookie *[clientCookie + serverCookie]byte) int {
	b := append(out[:0], 0, 0, byte(dns.TypeOPT), byte(maxUDP>>8), byte(maxUDP&0xff), 0, 0, 0, 0, 0, 0)
	if g.do {
		b[7] = 0x80
	}
	if g.cookie != nil {
		b[10] = 4 + byte(len(cookie))
		b = append(b, 0, byte(dns.EDNS0COOKIE), 0, byte(len(cookie)))
		b = append(b, cookie[:]...)
	}
	return len(b)
}
