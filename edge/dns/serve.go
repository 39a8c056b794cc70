package edgedns

import (
	"net/netip"
	"runtime/debug"
	"sync/atomic"

	"github.com/miekg/dns"
)

// serve answers one well-formed question.
func (s *Server) serve(w dns.ResponseWriter, req *dns.Msg) {
	defer s.survive()
	client := addrPort(w.RemoteAddr()).Addr().Unmap()
	if s.transfer(w, req, client) {
		return
	}
	if m := s.reply(req, client, w.LocalAddr().Network() == "udp"); m != nil {
		_ = w.WriteMsg(m) // the client is gone
	}
}

// survive keeps one packet from ending the server.
func (s *Server) survive() {
	if p := recover(); p != nil {
		s.Log.Error("answer a question of the edge zone", "panic", p, "stack", string(debug.Stack()))
	}
}

// reply is the answer to a question; nil when there is to be none.
func (s *Server) reply(req *dns.Msg, client netip.Addr, udp bool) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(req)
	if len(req.Question) == 0 { // announced in the header and missing
		m.Rcode = dns.RcodeFormatError
		return m
	}
	q := req.Question[0]
	m.RecursionDesired, m.Compress = req.RecursionDesired, true
	opt, proven := s.edns(m, req, client, udp)
	price, sign := dear, func() {}
	if m.Rcode == dns.RcodeSuccess {
		var signs func()
		if price, signs = s.answer(m, q, opt); signs != nil {
			sign = signs
		}
	}
	over := udp && !proven && !s.affords(client, price)
	if !over {
		sign()
	}
	s.count(q.Qtype, m.Rcode)
	if over && !s.slipped() {
		return nil
	}
	if opt != nil {
		opt.SetExtendedRcode(uint16(m.Rcode))
		m.Extra = append(m.Extra, opt)
	}
	if over {
		empty(m)
	}
	if udp {
		m.Truncate(size(req))
	}
	return m
}

// What an answer costs its network: what a flood consists of is four times as dear as a real answer.
const (
	cheap = 1.0
	dear  = 4.0
)

// affords takes an answer's price from the client's network.
func (s *Server) affords(client netip.Addr, price float64) bool {
	return client.IsLoopback() || s.limit.Take(client, price)
}

// size is what the client can take over UDP, and we send.
func size(req *dns.Msg) int {
	opt := req.IsEdns0()
	if opt == nil {
		return dns.MinMsgSize
	}
	return min(max(int(opt.UDPSize()), dns.MinMsgSize), maxUDP)
}

// slip counts the answers over the limit.
type slip struct{ n atomic.Uint32 }

// slipped says whether an answer over the limit is to be sent after all, empty and truncated: every second is. A resolver whose address is forged
// is hit by half as many packets as were sent in its name, none of them larger; a real one asks again over TCP.
func (s *Server) slipped() bool { return s.slip.n.Add(1)%2 == 1 }

func empty(m *dns.Msg) {
	opt := m.IsEdns0()
	m.Answer, m.Ns, m.Extra = nil, nil, nil
	if opt != nil {
		m.Extra = []dns.RR{opt}
	}
	m.Rcode, m.Truncated = dns.RcodeSuccess, true
}
