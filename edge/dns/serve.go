package edgedns

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/miekg/dns"
)

// serve answers one well-formed question.
func (s *Server) serve(w dns.ResponseWriter, req *dns.Msg) {
	defer func() {
		if p := recover(); p != nil { // one packet must not end the server
			s.Log.Error("answer a question of the edge zone", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	client := addrPort(w.RemoteAddr()).Addr().Unmap()
	udp := w.LocalAddr().Network() == "udp"
	m := new(dns.Msg)
	m.SetReply(req)
	if len(req.Question) == 0 { // announced in the header and missing
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m)
		return
	}
	q := req.Question[0]
	m.RecursionDesired, m.Compress = req.RecursionDesired, true
	opt, proven := s.edns(m, req, client)
	if m.Rcode == dns.RcodeSuccess {
		s.answer(m, q)
	}
	if opt != nil {
		opt.SetExtendedRcode(uint16(m.Rcode))
		m.Extra = append(m.Extra, opt)
	}
	s.questions.WithLabelValues(typeLabel(q.Qtype), rcodeLabel(m.Rcode)).Inc()
	if udp {
		if !proven && !client.IsLoopback() && !s.limit.Take(client, cost(m.Rcode)) && !s.slipped(m) {
			return
		}
		m.Truncate(size(req))
	}
	_ = w.WriteMsg(m) // the client is gone
}

// cost makes what a flood consists of four times as dear as a real answer.
func cost(rcode int) float64 {
	if rcode == dns.RcodeSuccess {
		return 1
	}
	return 4
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

// slipped turns every second answer over the limit into an empty truncated one and says whether m is to be sent. A resolver whose address is
// forged is hit by half as many packets as were sent in its name, none of them larger; a real one asks again over TCP.
func (s *Server) slipped(m *dns.Msg) bool {
	if s.slip.n.Add(1)%2 == 0 {
		return false
	}
	opt := m.IsEdns0()
	m.Answer, m.Ns, m.Extra = nil, nil, nil
	if opt != nil {
		m.Extra = []dns.RR{opt}
	}
	m.Rcode, m.Truncated = dns.RcodeSuccess, true
	return true
}
