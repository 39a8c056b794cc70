// Package recursor plays the resolvers of the world's internet providers: it walks from the root like they
// do, and remembers answers and the absence of answers for as long as they do, on a clock that can be moved.
// It does not validate DNSSEC.
package recursor

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/querylog"
)

// Recursor is one resolver. Its methods may be called at the same time.
type Recursor struct {
	Name   string
	Region string         // shown beside its view, "Frankfurt"
	Addr   netip.AddrPort // where it listens
	Root   netip.AddrPort // the only hint; every other name server is asked on the same port
	Now    func() time.Time

	log   querylog.Log
	cache *cache // nil: it remembers nothing between questions
}

// New makes a resolver that caches.
func New(name, region string, addr, root netip.AddrPort, now func() time.Time) *Recursor {
	return &Recursor{Name: name, Region: region, Addr: addr, Root: root, Now: now, cache: newCache(now)}
}

// NewUncached makes one that asks the authorities anew for each question, as a CA's resolver should.
func NewUncached(name string, addr, root netip.AddrPort, now func() time.Time) *Recursor {
	return &Recursor{Name: name, Addr: addr, Root: root, Now: now}
}

// Log lists the questions that clients put for a name, oldest first.
func (r *Recursor) Log(name string) []querylog.Query { return r.log.For(name) }

// Recent lists the last questions for all names, oldest first.
func (r *Recursor) Recent() []querylog.Query { return r.log.All() }

// Flush forgets everything.
func (r *Recursor) Flush() {
	if r.cache != nil {
		r.cache.flush()
	}
}

// Remembers lists what the cache holds for a name, without asking anybody.
func (r *Recursor) Remembers(name string) []Memory {
	if r.cache == nil {
		return nil
	}
	return r.cache.memories(dns.CanonicalName(name))
}

// questionTime bounds one question of a client, patience the wait for one server.
const (
	questionTime = 5 * time.Second
	patience     = 700 * time.Millisecond
)

// Lookup resolves without a client: answer records after following CNAMEs, and the response code.
func (r *Recursor) Lookup(ctx context.Context, name string, qtype uint16) ([]dns.RR, int) {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	res := r.session().resolve(ctx, dns.CanonicalName(name), qtype, 0)
	return res.answer, res.rcode
}

// ServeDNS answers one client.
func (r *Recursor) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, min(int(opt.UDPSize()), 1232))
		m.SetEdns0(1232, false)
	}
	transport := w.LocalAddr().Network()
	entry := querylog.Query{At: r.Now(), Server: r.Name, Transport: transport}
	if host, _, err := net.SplitHostPort(w.RemoteAddr().String()); err == nil {
		entry.From = host
	}
	switch {
	case q.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(q.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	case !q.RecursionDesired, q.Question[0].Qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	default:
		ctx, cancel := context.WithTimeout(context.Background(), questionTime)
		defer cancel()
		res := r.session().resolve(ctx, dns.CanonicalName(q.Question[0].Name), q.Question[0].Qtype, 0)
		m.Rcode, m.Answer, m.Ns = res.rcode, res.answer, res.soa
	}
	if len(q.Question) > 0 {
		entry.Name, entry.Type = q.Question[0].Name, dns.Type(q.Question[0].Qtype).String()
	}
	entry.Rcode = dns.RcodeToString[m.Rcode]
	r.log.Add(entry)
	m.Compress = true
	if transport == "udp" {
		m.Truncate(size)
	}
	_ = w.WriteMsg(m)
}
