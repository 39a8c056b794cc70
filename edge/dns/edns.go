package edgedns

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// edns makes the OPT of the answer (nil when the question has none), sets m's rcode where the question's cannot be served, and says whether the
// client has proven with a cookie that it owns its address.
func (s *Server) edns(m, req *dns.Msg, client netip.Addr) (opt *dns.OPT, proven bool) {
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
	for _, option := range asked.Option {
		c, is := option.(*dns.EDNS0_COOKIE)
		if !is {
			continue
		}
		cookie, err := hex.DecodeString(c.Cookie)
		if err != nil || !wellFormed(len(cookie)) { // RFC 7873 section 5.2.2
			m.Rcode = dns.RcodeFormatError
			return opt, false
		}
		now := time.Now()
		proven = s.cookies.valid(cookie, client, now)
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex.EncodeToString(s.cookies.make(cookie[:clientCookie], client, now))})
		break
	}
	return opt, proven
}

const (
	clientCookie = 8
	serverCookie = 16
	cookieLife   = time.Hour
)

// wellFormed is 8 octets of the client's, or these and 8 to 32 of some server's.
func wellFormed(n int) bool { return n == clientCookie || n >= clientCookie+8 && n <= clientCookie+32 }

// cookies makes and knows DNS cookies (RFC 7873, in the shape of RFC 9018): a time and a MAC over client cookie, time and address. Each node has a
// secret of its own; a cookie of another node counts as none, and costs the client one more answer under the limit.
type cookies struct{ secret [32]byte }

// make is the client's cookie with ours for it.
func (c *cookies) make(client []byte, addr netip.Addr, at time.Time) []byte {
	out := append(make([]byte, 0, clientCookie+serverCookie), client...)
	out = append(out, 1, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(at.Unix()))
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write(out)
	mac.Write(addr.AsSlice())
	return append(out, mac.Sum(nil)[:8]...)
}

func (c *cookies) valid(cookie []byte, addr netip.Addr, now time.Time) bool {
	if len(cookie) != clientCookie+serverCookie {
		return false
	}
	at := time.Unix(int64(binary.BigEndian.Uint32(cookie[12:16])), 0)
	age := now.Sub(at)
	return age > -5*time.Minute && age < cookieLife && subtle.ConstantTimeCompare(cookie, c.make(cookie[:clientCookie], addr, at)) == 1
}
