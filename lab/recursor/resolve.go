package recursor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// session answers one question. What it learned on the way holds for the whole question, also when its TTL
// is 0 or the resolver has no cache.
type session struct {
	r     *Recursor
	sets  map[key]entry
	zones map[string]delegation
	asked int
}

type result struct {
	rcode  int
	answer []dns.RR
	soa    []dns.RR
}

// Limits of one question: CNAMEs followed, nested look-ups of name servers, packets sent.
const (
	maxChain = 10
	maxDepth = 8
	maxAsked = 100
)

var errNobody = errors.New("no server of the zone gave an answer")

func (r *Recursor) session() *session {
	return &session{r: r, sets: map[key]entry{}, zones: map[string]delegation{}}
}

// resolve follows CNAMEs until there is an answer or the proof that there is none.
func (s *session) resolve(ctx context.Context, name string, qtype uint16, depth int) result {
	var res result
	for range maxChain {
		if e, ok := s.get(key{name, qtype}); ok {
			s.show(&res, e)
			return res
		}
		if e, ok := s.get(key{name, 0}); ok {
			s.show(&res, e)
			res.rcode = dns.RcodeNameError
			return res
		}
		if e, ok := s.get(key{name, dns.TypeCNAME}); ok && len(e.rrs) > 0 {
			s.show(&res, e)
			name = dns.CanonicalName(e.rrs[0].(*dns.CNAME).Target)
			continue
		}
		if err := s.iterate(ctx, name, qtype, depth); err != nil {
			return result{rcode: dns.RcodeServerFailure}
		}
	}
	return result{rcode: dns.RcodeServerFailure}
}

// show appends an entry with the time it has left.
func (s *session) show(res *result, e entry) {
	left := uint32(max(0, e.expires.Sub(s.r.Now())+time.Second-1) / time.Second)
	add := func(to *[]dns.RR, rr dns.RR) {
		c := dns.Copy(rr)
		c.Header().Ttl = min(c.Header().Ttl, left)
		*to = append(*to, c)
	}
	for _, rr := range e.rrs {
		add(&res.answer, rr)
	}
	if e.soa != nil {
		add(&res.soa, e.soa)
	}
}

// iterate goes down from the deepest known delegation and stores what the zone's servers answer, so that
// the next look at the stored sets makes progress.
func (s *session) iterate(ctx context.Context, name string, qtype uint16, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("look up name servers more than %d deep", maxDepth)
	}
	zone := s.closest(name, qtype)
	for range 32 {
		m, err := s.askZone(ctx, zone, name, qtype, depth)
		if err != nil {
			return err
		}
		next, ok := referral(m, zone.apex, name)
		if !ok {
			return s.learn(m, zone.apex, name, qtype)
		}
		next.expires = s.r.Now().Add(time.Duration(m.Ns[0].Header().Ttl) * time.Second)
		s.zones[next.apex] = next
		if s.r.cache != nil {
			s.r.cache.delegate(next)
		}
		zone = next
	}
	return fmt.Errorf("follow referrals for %s: too many", name)
}

// closest is the deepest delegation known above the name; a DS lives above its own name.
func (s *session) closest(name string, qtype uint16) delegation {
	if qtype == dns.TypeDS && name != "." {
		name = parent(name)
	}
	for n := name; n != "."; n = parent(n) {
		if d, ok := s.zones[n]; ok {
			return d
		}
		if s.r.cache != nil {
			if d, ok := s.r.cache.delegation(n); ok {
				return d
			}
		}
	}
	return delegation{apex: ".", servers: []nameServer{{addrs: []string{s.r.Root.Addr().String()}}}}
}

func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// askZone asks the zone's servers in random order until one gives a usable answer.
func (s *session) askZone(ctx context.Context, zone delegation, name string, qtype uint16, depth int) (*dns.Msg, error) {
	servers := slices.Clone(zone.servers)
	rand.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	err := errNobody
	for _, ns := range servers {
		if ns.addrs == nil {
			if dns.IsSubDomain(zone.apex, ns.name) && zone.apex != "." {
				continue // inside the zone that it serves and without glue: unreachable
			}
			for _, rr := range s.resolve(ctx, ns.name, dns.TypeA, depth+1).answer {
				if a, ok := rr.(*dns.A); ok {
					ns.addrs = append(ns.addrs, a.A.String())
				}
			}
		}
		for _, addr := range ns.addrs {
			m, e := s.exchange(ctx, addr, name, qtype)
			switch {
			case e != nil:
				err = e
			case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
				err = fmt.Errorf("ask %s for %s: %s", addr, name, dns.RcodeToString[m.Rcode])
			case usable(m, zone.apex, name):
				return m, nil
			default:
				err = fmt.Errorf("ask %s for %s: lame", addr, name)
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return nil, err
}

func usable(m *dns.Msg, apex, name string) bool {
	_, ok := referral(m, apex, name)
	return ok || m.Authoritative
}

func (s *session) exchange(ctx context.Context, addr, name string, qtype uint16) (*dns.Msg, error) {
	if s.asked++; s.asked > maxAsked {
		return nil, fmt.Errorf("resolve %s: more than %d questions", name, maxAsked)
	}
	q := new(dns.Msg)
	q.SetQuestion(name, qtype)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	at := net.JoinHostPort(addr, strconv.Itoa(int(s.r.Root.Port())))
	c := dns.Client{Net: "udp", Timeout: patience}
	m, _, err := c.ExchangeContext(ctx, q, at)
	if err == nil && m.Truncated {
		c.Net = "tcp"
		m, _, err = c.ExchangeContext(ctx, q, at)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", at, name, err)
	}
	return m, nil
}

// referral reads the delegation to a deeper zone out of an answer without authority.
func referral(m *dns.Msg, apex, name string) (delegation, bool) {
	if m.Authoritative || len(m.Answer) > 0 {
		return delegation{}, false
	}
	d := delegation{}
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		owner := dns.CanonicalName(ns.Hdr.Name)
		if owner == apex || !dns.IsSubDomain(apex, owner) || !dns.IsSubDomain(owner, name) {
			return delegation{}, false
		}
		d.apex = owner
		server := nameServer{name: dns.CanonicalName(ns.Ns)}
		for _, x := range m.Extra {
			if a, ok := x.(*dns.A); ok && dns.CanonicalName(a.Hdr.Name) == server.name {
				server.addrs = append(server.addrs, a.A.String())
			}
		}
		d.servers = append(d.servers, server)
	}
	return d, len(d.servers) > 0
}

// learn stores an authoritative answer: every set of the zone in it, and, when the chain ends without one,
// the absence for min(SOA TTL, SOA minimum) seconds (RFC 2308 section 5).
func (s *session) learn(m *dns.Msg, apex, name string, qtype uint16) error {
	sets := map[key][]dns.RR{}
	for _, rr := range m.Answer {
		h := rr.Header()
		if k := (key{dns.CanonicalName(h.Name), h.Rrtype}); dns.IsSubDomain(apex, k.name) {
			sets[k] = append(sets[k], rr)
		}
	}
	for k, set := range sets {
		s.put(k, entry{rrs: set}, set[0].Header().Ttl)
	}
	last := name
	for range maxChain {
		if sets[key{last, qtype}] != nil {
			return nil
		}
		c := sets[key{last, dns.TypeCNAME}]
		if c == nil {
			break
		}
		if last = dns.CanonicalName(c[0].(*dns.CNAME).Target); !dns.IsSubDomain(apex, last) {
			return nil
		}
	}
	for _, rr := range m.Ns {
		soa, ok := rr.(*dns.SOA)
		if !ok {
			continue
		}
		k := key{last, qtype}
		if m.Rcode == dns.RcodeNameError {
			k.typ = 0
		}
		s.put(k, entry{soa: soa}, min(soa.Hdr.Ttl, soa.Minttl))
		return nil
	}
	if last != name {
		return nil // the chain leads below another cut of the same servers: ask again from there
	}
	return errNobody
}

func (s *session) get(k key) (entry, bool) {
	if e, ok := s.sets[k]; ok {
		return e, true
	}
	if s.r.cache != nil {
		return s.r.cache.get(k)
	}
	return entry{}, false
}

func (s *session) put(k key, e entry, ttl uint32) {
	e.expires = s.r.Now().Add(time.Duration(ttl) * time.Second)
	s.sets[k] = e
	if s.r.cache != nil {
		s.r.cache.put(k, e)
	}
}

// Authority is one name server of a zone.
type Authority struct {
	Name string
	Addr string
}

// Authorities finds the deepest zone that is delegated above a name, and its servers, without the cache.
func (r *Recursor) Authorities(ctx context.Context, name string) (apex string, servers []Authority) {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	bare := &Recursor{Root: r.Root, Now: r.Now}
	s := bare.session()
	name = dns.CanonicalName(name)
	s.resolve(ctx, name, dns.TypeSOA, 0)
	zone := s.closest(name, dns.TypeSOA)
	for _, ns := range zone.servers {
		if ns.addrs == nil {
			for _, rr := range s.resolve(ctx, ns.name, dns.TypeA, 1).answer {
				if a, ok := rr.(*dns.A); ok {
					ns.addrs = append(ns.addrs, a.A.String())
				}
			}
		}
		for _, a := range ns.addrs {
			servers = append(servers, Authority{ns.name, a})
		}
	}
	slices.SortFunc(servers, func(a, b Authority) int { return cmp.Compare(a.Name+a.Addr, b.Name+b.Addr) })
	return zone.apex, servers
}
