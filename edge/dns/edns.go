package edgedns

import (
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// edns makes the OPT of the answer (nil when the question has none), sets m's rcode where the question's cannot be served, and says whether the
// client has proven with a cookie that it owns its address.
func (s *Server) edns(m, req *dns.Msg, client netip.Addr, udp bool) (opt *dns.OPT, proven bool) {
	var asked *dns.OPT
	for _, rr := range req.Extra {
		o, is := rr.(*dns.OPT)
		if is && asked != nil { // RFC 6891 section 6.1.1
			m.Rcode = dns.RcodeFormatError
			return nil, false
		}
		if is {
			asked = o
		}
	}
	if asked == nil {
		return nil, false
	}
	opt = &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(maxUDP)
	if asked.Do() {
		opt.SetDo()
	}
	if asked.Version() != 0 {
		m.Rcode = dns.RcodeBadVers
		return opt, false
	}
	opt.SetCo(asked.Co() && asked.Do())
	seen := false
	for _, option := range asked.Option {
		switch o := option.(type) {
		case *dns.EDNS0_COOKIE:
			if seen {
				continue
			}
			seen = true
			cookie, err := hex.DecodeString(o.Cookie)
			if err != nil || !wellFormed(len(cookie)) {
				m.Rcode = dns.RcodeFormatError
				return opt, false
			}
			var ours [clientCookie + serverCookie]byte
			proven = s.cookies.answer(&ours, cookie, client, time.Now())
			opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex.EncodeToString(ours[:])})
		case *dns.EDNS0_TCP_KEEPALIVE:
			if !udp { // RFC 7828 section 3.3.2: over UDP it is ignored
				opt.Option = append(opt.Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: uint16(tcpIdle / (100 * time.Millisecond))})
			}
		}
	}
	return opt, proven
}
