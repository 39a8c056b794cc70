package edgedns

import (
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// readies are signed answers for targets as octets, since each target has signatures of its own. As with signatures, of two halves the older goes
// when the newer is full. Names that do not exist are not among them, so that a flood of such takes nobody's place.
type readies struct {
	mu            sync.RWMutex
	young, former map[string]ready
}

// ready is an answer, and for how long it is one.
type ready struct {
	section
	serial  uint32 // of the SOA in it; 0 when there is none
	version int64
	until   time.Time
}

const (
	readiesMost = 100_000 // in one half; about 40 MB
	readyLife   = time.Hour
)

func (c *readies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.former = nil, nil
}

// sealed is the signed answer to a plain question for a target; ok is false when it has to be made some other way.
func (s *Server) sealed(g *glance, p *pages) (out section, ok bool) {
	if g.co {
		return out, false
	}
	var buf [70]byte
	key := append(append(buf[:0], g.label()...), byte(g.qtype>>8), byte(g.qtype))
	now := s.now()
	fits := func(r ready) bool {
		return r.version == p.version && now.Before(r.until) && (r.serial == 0 || r.serial == s.zone.serial())
	}
	c := &s.ready
	c.mu.RLock()
	r, young := c.young[string(key)]
	if !young {
		r, ok = c.former[string(key)]
	}
	c.mu.RUnlock()
	if young && fits(r) {
		return r.section, true
	}
	if !ok || !fits(r) {
		if r, ok = s.makeReady(g, p, now); !ok {
			return out, false
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= readiesMost {
		c.former, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = make(map[string]ready, 64)
	}
	c.young[string(key)] = r
	return r.section, true
}

// makeReady takes the long way once, for the name in lower case: all that may be spelled otherwise is then a pointer into the question.
func (s *Server) makeReady(g *glance, p *pages, now time.Time) (r ready, ok bool) {
	label := string(g.label())
	if strings.ContainsAny(label, `.\`) { // would need to be escaped, and is no target
		return r, false
	}
	m := new(dns.Msg)
	m.SetQuestion(label+"."+s.zoneName()+".", g.qtype)
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetDo()
	m.Compress = true
	r.version, r.until, r.serial = p.version, now.Add(readyLife), s.zone.serial()
	_, sign := s.answer(m, m.Question[0], opt)
	if sign == nil || m.Rcode != dns.RcodeSuccess {
		return r, false
	}
	sign()
	if len(m.Ns) == 0 {
		r.serial = 0
	}
	octets, err := m.Pack()
	if err != nil {
		return r, false
	}
	r.section = section{octets: [][]byte{octets[g.end:]}, count: uint16(len(m.Answer)), proofs: uint16(len(m.Ns))}
	if g.qtype == dns.TypeA || g.qtype == dns.TypeAAAA {
		r.turns = int(p.sections[g.qtype].count)
	}
	return r, true
}
