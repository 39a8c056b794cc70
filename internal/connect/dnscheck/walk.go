package dnscheck

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
)

// What a zone's servers can do to us as a whole.
var (
	errSilent    = errors.New("no server of the zone answered")
	errLame      = errors.New("no server of the zone answers for it")
	errNoAddress = errors.New("no server of the zone has an address")
	errLoop      = errors.New("the names of the servers depend on each other")
	errOurs      = errors.New("our own network reaches no server of the zone")
)

const (
	maxCuts    = 20
	maxDepth   = 8  // of name servers whose names have to be resolved first
	maxServers = 13 // names of one zone
	maxAddrs   = 4  // of one name
)

// cut is a delegated zone as its parent describes it.
type cut struct {
	apex    string
	chain   []string // from the root to apex
	servers []nameServer
	expires time.Time
}

type nameServer struct {
	name  string
	addrs []netip.Addr // glue in the parent's bailiwick, or resolved
}

// found is the end of a walk: the deepest cut above a name and what its server said about the name.
type found struct {
	cut   cut
	rcode int
	last  answer
	err   error // why the zone's servers could not be asked
}

// walk finds the zone of a name from the root down (RFC 1034 section 5.3.3, without recursion and without trusting anybody outside the
// chain of delegations). fresh passes over remembered delegations below the top-level domains.
func (r *run) walk(ctx context.Context, name string, fresh bool, path []string) found {
	r.mu.Lock()
	f, ok := r.zones[name]
	r.mu.Unlock()
	if ok {
		return f
	}
	f = r.descend(ctx, name, r.e.closest(name, fresh), path)
	if f.err == nil {
		r.mu.Lock()
		r.zones[name] = f
		r.mu.Unlock()
	}
	return f
}

func (r *run) descend(ctx context.Context, name string, z cut, path []string) found {
	goal, target := name, name
	for range maxCuts {
		a, err := r.askZone(ctx, walking, z, target, dns.TypeNS, path)
		if err != nil {
			return found{cut: z, err: err}
		}
		ns, owner := a.At(target, dns.TypeNS), target
		if len(ns) == 0 {
			ns, owner = referral(z.apex, target, a)
		}
		soa := a.SOA()
		switch {
		case len(ns) > 0 && below(z.apex, owner):
			z, target = r.e.remember(r.delegate(z, owner, ns, a)), goal
		case len(a.Aliases(target)) > 0 && below(z.apex, parent(target)):
			goal = parent(target) // nothing is delegated at a CNAME, but one server of parent and child may hide a cut above it
			target = goal
		case soa != nil && below(z.apex, soa.Hdr.Name) && below(soa.Hdr.Name, target):
			target = soa.Hdr.Name // one server of parent and child: it answers for the child without a referral
		default:
			return found{cut: z, rcode: a.Rcode, last: a}
		}
	}
	return found{cut: z, err: errLoop}
}

// referral gives the NS records that delegate a zone below apex and at or above name.
func referral(apex, name string, a answer) ([]dns.RR, string) {
	if a.Rcode != dns.RcodeSuccess || len(a.Answer) > 0 {
		return nil, ""
	}
	var ns []dns.RR
	owner := ""
	for _, rr := range a.Authority {
		if o := rr.Header().Name; rr.Header().Rrtype == dns.TypeNS && below(apex, o) && within(o, name) && (owner == "" || o == owner) {
			ns, owner = append(ns, rr), o
		}
	}
	return ns, owner
}

// delegate makes the cut. Addresses are taken from the same message, and only for names inside the zone that answered: whoever is
// asked about one zone says nothing about another.
func (r *run) delegate(z cut, owner string, ns []dns.RR, a answer) cut {
	next := cut{apex: owner, chain: append(slices.Clone(z.chain), owner)}
	ttl := uint32(86400)
	for _, rr := range ns {
		ttl = min(ttl, rr.Header().Ttl)
		name := dns.CanonicalName(rr.(*dns.NS).Ns)
		if len(next.servers) == maxServers || slices.ContainsFunc(next.servers, func(s nameServer) bool { return s.name == name }) {
			continue
		}
		s := nameServer{name: name}
		if within(z.apex, name) {
			for _, extra := range a.Additional {
				if addr, ok := address(extra); ok && extra.Header().Name == name && len(s.addrs) < maxAddrs && !slices.Contains(s.addrs, addr) {
					s.addrs = append(s.addrs, addr)
				}
			}
		}
		next.servers = append(next.servers, s)
	}
	slices.SortFunc(next.servers, func(a, b nameServer) int { return compareNames(a.name, b.name) })
	next.expires = r.e.now().Add(time.Duration(ttl) * time.Second)
	return next
}

func address(rr dns.RR) (netip.Addr, bool) {
	var raw []byte
	switch rr := rr.(type) {
	case *dns.A:
		raw = rr.A.To4()
	case *dns.AAAA:
		raw = rr.AAAA.To16()
	}
	return netip.AddrFromSlice(raw)
}

// askZone asks one responsive server of a zone: whoever answered last, then the others in random order over UDP, then over TCP those
// that were silent. With errLame comes the last answer that was none.
func (r *run) askZone(ctx context.Context, st stage, z cut, name string, qtype uint16, path []string) (answer, error) {
	list, names := r.candidates(z)
	alone := len(list)+len(names) == 1
	worst, bad := errNoAddress, answer{}
	var mute []server
	try := func(list []server, by transport) (answer, bool, error) {
		for _, s := range list {
			a, err := r.ask(ctx, st, s, name, qtype, by)
			switch {
			case errors.Is(err, errBudget) || errors.Is(err, wire.ErrStopped):
				return a, false, errBudget
			case errors.Is(err, wire.ErrPrivate):
			case errors.Is(err, wire.ErrOurs):
				worst = graver(worst, errOurs)
			case errors.Is(err, wire.ErrSilent):
				worst, mute = graver(worst, errSilent), append(mute, s)
			case err != nil || !answers(z.apex, a):
				worst, bad = graver(worst, errLame), a
			default:
				r.mu.Lock()
				r.good[z.apex] = s.addr
				r.mu.Unlock()
				return a, true, nil
			}
		}
		return answer{}, false, nil
	}
	first := udpOnly
	if alone {
		first = udpThenTCP
	}
	if a, ok, err := try(list, first); ok || err != nil {
		return a, err
	}
	for _, ns := range names {
		addrs, err := r.addresses(ctx, ns, path)
		if errors.Is(err, errBudget) {
			return answer{}, err
		}
		if err != nil {
			worst = graver(worst, err)
			continue
		}
		list = list[:0]
		for _, addr := range addrs {
			list = append(list, server{ns, addr})
		}
		if a, ok, err := try(list, first); ok || err != nil {
			return a, err
		}
	}
	if !alone {
		if a, ok, err := try(slices.Clone(mute[:min(2, len(mute))]), tcpOnly); ok || err != nil {
			return a, err
		}
	}
	return bad, worst
}

// candidates gives the addresses that are known, the silent ones last, and the names whose addresses are not.
func (r *run) candidates(z cut) (list []server, names []string) {
	for _, s := range z.servers {
		addrs := s.addrs
		if len(addrs) == 0 {
			addrs = r.e.addressesOf(s.name)
		}
		if len(addrs) == 0 {
			names = append(names, s.name)
		}
		for _, a := range addrs {
			list = append(list, server{s.name, a})
		}
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	r.mu.Lock()
	defer r.mu.Unlock()
	rank := func(s server) int {
		switch {
		case r.silent[s.addr]:
			return 2
		case r.good[z.apex] == s.addr:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b server) int { return rank(a) - rank(b) })
	return list, names
}

// graver keeps what says most about why a zone cannot be asked: an answer that is none says more than silence.
func graver(a, b error) error {
	rank := []error{errNoAddress, errLoop, errOurs, errSilent, errLame}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}

// answers says that the reply is one of a server of the zone: authoritative, or a referral to a zone below.
func answers(apex string, a answer) bool {
	if a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError {
		return false
	}
	if a.Authoritative {
		return true
	}
	return slices.ContainsFunc(a.Authority, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeNS && below(apex, rr.Header().Name)
	}) && len(a.Answer) == 0
}

// addresses resolves the name of a name server. path holds the names that are being resolved above it.
func (r *run) addresses(ctx context.Context, name string, path []string) ([]netip.Addr, error) {
	if got := r.e.addressesOf(name); len(got) > 0 {
		return got, nil
	}
	if slices.Contains(path, name) || len(path) >= maxDepth {
		return nil, errLoop
	}
	path = append(slices.Clone(path), name)
	f := r.walk(ctx, name, false, path)
	if f.err != nil {
		return nil, f.err
	}
	var out []netip.Addr
	ttl := uint32(86400)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.askZone(ctx, walking, f.cut, name, qtype, path)
		if err != nil {
			if len(out) > 0 {
				break
			}
			return nil, err
		}
		for _, rr := range a.At(name, qtype) {
			if addr, ok := address(rr); ok && len(out) < maxAddrs {
				out, ttl = append(out, addr), min(ttl, rr.Header().Ttl)
			}
		}
	}
	if len(out) == 0 {
		return nil, errNoAddress
	}
	r.e.rememberAddresses(name, out, time.Duration(ttl)*time.Second)
	return out, nil
}
