package tree

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
	ErrSilent    = errors.New("no server of the zone answered")
	ErrLame      = errors.New("no server of the zone answers for it")
	ErrNoAddress = errors.New("no server of the zone has an address")
	ErrLoop      = errors.New("the names of the servers depend on each other")
	ErrOurs      = errors.New("our own network reaches no server of the zone")
)

const (
	maxCuts    = 20
	maxDepth   = 8  // of name servers whose names have to be resolved first
	maxServers = 13 // names of one zone
	maxAddrs   = 4  // of one name
)

// Cut is a delegated zone as its parent describes it.
type Cut struct {
	Apex    string
	Chain   []string // from the root to the apex
	Servers []NameServer
	expires time.Time
}

// NameServer is one name of the delegation.
type NameServer struct {
	Name  string
	Addrs []netip.Addr // glue in the parent's bailiwick, or resolved
}

// Found is the end of a walk: the deepest cut above a name and what its server said about the name.
type Found struct {
	Cut   Cut
	Rcode int
	Last  Answer
	Err   error // why the zone's servers could not be asked
}

// Walk finds the zone of a name from the root down (RFC 1034 section 5.3.3, without recursion and without trusting anybody outside the
// chain of delegations). fresh passes over remembered delegations below the top-level domains.
func (r *Session) Walk(ctx context.Context, name string, fresh bool) Found {
	return r.walk(ctx, name, fresh, nil)
}

func (r *Session) walk(ctx context.Context, name string, fresh bool, path []string) Found {
	r.mu.Lock()
	f, ok := r.zones[name]
	r.mu.Unlock()
	if ok {
		return f
	}
	f = r.descend(ctx, name, r.tree.closest(name, fresh), path)
	if f.Err == nil {
		r.mu.Lock()
		r.zones[name] = f
		r.mu.Unlock()
	}
	return f
}

func (r *Session) descend(ctx context.Context, name string, z Cut, path []string) Found {
	goal, target := name, name
	for range maxCuts {
		a, err := r.askZone(ctx, Walking, z, target, dns.TypeNS, path)
		if first, ok := r.firstLink(ctx, Walking, z, target, a, err, path); ok {
			a, err = first, nil
		}
		if err != nil {
			if errors.Is(err, ErrSilent) || errors.Is(err, ErrLame) && a.Rcode == dns.RcodeSuccess {
				r.mu.Lock()
				r.mute[z.Apex] = err
				r.mu.Unlock()
			}
			return Found{Cut: z, Err: err}
		}
		ns, owner := a.At(target, dns.TypeNS), target
		if len(ns) == 0 {
			ns, owner = referral(z.Apex, target, a)
		}
		soa := a.SOA()
		switch {
		case len(ns) > 0 && Below(z.Apex, owner):
			z, target = r.tree.remember(r.delegate(z, owner, ns, a)), goal
		case len(a.Aliases(target)) > 0 && Below(z.Apex, Parent(target)):
			goal = Parent(target) // nothing is delegated at a CNAME, but one server of parent and child may hide a cut above it
			target = goal
		case soa != nil && Below(z.Apex, soa.Hdr.Name) && Below(soa.Hdr.Name, target):
			target = soa.Hdr.Name // one server of parent and child: it answers for the child without a referral
		default:
			return Found{Cut: z, Rcode: a.Rcode, Last: a}
		}
	}
	return Found{Cut: z, Err: ErrLoop}
}

// firstLink asks for the CNAME alone, where a server failed: PowerDNS gives up on a chain that it cannot follow to its end, whatever type
// is asked for, and knows its first link all the same.
func (r *Session) firstLink(ctx context.Context, st Stage, z Cut, name string, a Answer, why error, path []string) (Answer, bool) {
	if !errors.Is(why, ErrLame) || a.Rcode != dns.RcodeServerFailure || !Below(z.Apex, name) {
		return Answer{}, false
	}
	first, err := r.askZone(ctx, st, z, name, dns.TypeCNAME, path)
	return first, err == nil && len(first.Aliases(name)) > 0
}

// referral gives the NS records that delegate a zone below apex and at or above name.
func referral(apex, name string, a Answer) ([]dns.RR, string) {
	if a.Rcode != dns.RcodeSuccess || len(a.Answer) > 0 {
		return nil, ""
	}
	var ns []dns.RR
	owner := ""
	for _, rr := range a.Authority {
		if o := rr.Header().Name; rr.Header().Rrtype == dns.TypeNS && Below(apex, o) && Within(o, name) && (owner == "" || o == owner) {
			ns, owner = append(ns, rr), o
		}
	}
	return ns, owner
}

// delegate makes the cut. Addresses are taken from the same message, and only for names inside the zone that answered: whoever is
// asked about one zone says nothing about another.
func (r *Session) delegate(z Cut, owner string, ns []dns.RR, a Answer) Cut {
	next := Cut{Apex: owner, Chain: append(slices.Clone(z.Chain), owner)}
	ttl := uint32(86400)
	for _, rr := range ns {
		ttl = min(ttl, rr.Header().Ttl)
		name := dns.CanonicalName(rr.(*dns.NS).Ns)
		if len(next.Servers) == maxServers || slices.ContainsFunc(next.Servers, func(s NameServer) bool { return s.Name == name }) {
			continue
		}
		s := NameServer{Name: name}
		if Within(z.Apex, name) {
			for _, extra := range a.Additional {
				if addr, ok := Address(extra); ok && extra.Header().Name == name && len(s.Addrs) < maxAddrs && !slices.Contains(s.Addrs, addr) {
					s.Addrs = append(s.Addrs, addr)
				}
			}
		}
		next.Servers = append(next.Servers, s)
	}
	slices.SortFunc(next.Servers, func(a, b NameServer) int { return compareNames(a.Name, b.Name) })
	next.expires = r.tree.Now().Add(time.Duration(ttl) * time.Second)
	return next
}

// askZone is AskZone for a walk, which may ask the same again. path holds the names of servers that are being resolved above it.
func (r *Session) askZone(ctx context.Context, st Stage, z Cut, name string, qtype uint16, path []string) (Answer, error) {
	r.mu.Lock()
	mute := r.mute[z.Apex]
	r.mu.Unlock()
	if mute != nil {
		return Answer{}, mute
	}
	list, names := r.candidates(z)
	alone := len(list)+len(names) == 1
	worst, bad := ErrNoAddress, Answer{}
	var quiet []Server
	try := func(list []Server, by transport) (Answer, bool, error) {
		for _, s := range list {
			a, err := r.ask(ctx, st, z.Apex, s, name, qtype, by)
			switch {
			case errors.Is(err, ErrBudget) || errors.Is(err, wire.ErrStopped):
				return a, false, ErrBudget
			case errors.Is(err, wire.ErrPrivate):
			case errors.Is(err, wire.ErrOurs):
				worst = graver(worst, ErrOurs)
			case errors.Is(err, wire.ErrSilent):
				worst, quiet = graver(worst, ErrSilent), append(quiet, s)
			case err != nil || !answers(z.Apex, a):
				worst, bad = graver(worst, ErrLame), a
			default:
				r.mu.Lock()
				r.good[z.Apex] = s.Addr
				r.mu.Unlock()
				return a, true, nil
			}
		}
		return Answer{}, false, nil
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
		if errors.Is(err, ErrBudget) {
			return Answer{}, err
		}
		if err != nil {
			worst = graver(worst, err)
			continue
		}
		list = list[:0]
		for _, addr := range addrs {
			list = append(list, Server{ns, addr})
		}
		if a, ok, err := try(list, first); ok || err != nil {
			return a, err
		}
	}
	if !alone {
		if a, ok, err := try(slices.Clone(quiet[:min(2, len(quiet))]), tcpOnly); ok || err != nil {
			return a, err
		}
	}
	return bad, worst
}

// candidates gives the addresses that are known, the silent ones last, and the names whose addresses are not.
func (r *Session) candidates(z Cut) (list []Server, names []string) {
	for _, s := range z.Servers {
		addrs := s.Addrs
		if len(addrs) == 0 {
			addrs = r.tree.addressesOf(s.Name)
		}
		if len(addrs) == 0 {
			names = append(names, s.Name)
		}
		for _, a := range addrs {
			list = append(list, Server{s.Name, a})
		}
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	r.mu.Lock()
	defer r.mu.Unlock()
	rank := func(s Server) int {
		switch {
		case r.silent[s.Addr]:
			return 2
		case r.good[z.Apex] == s.Addr:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Server) int { return rank(a) - rank(b) })
	return list, names
}

// graver keeps what says most about why a zone cannot be asked: an answer that is none says more than silence.
func graver(a, b error) error {
	rank := []error{ErrNoAddress, ErrLoop, ErrOurs, ErrSilent, ErrLame}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}

// answers says that the reply is one of a server of the zone: authoritative, or a referral to a zone below. The code of an answer that begins
// with a CNAME speaks of the end of the chain (RFC 6604 section 3): a server that fails there still answers for the name.
func answers(apex string, a Answer) bool {
	if a.Authoritative && a.Rcode == dns.RcodeServerFailure && len(a.Answer) > 0 {
		return true
	}
	if a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError {
		return false
	}
	if a.Authoritative {
		return true
	}
	return slices.ContainsFunc(a.Authority, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeNS && Below(apex, rr.Header().Name)
	}) && len(a.Answer) == 0
}

// addresses resolves the name of a name server. path holds the names that are being resolved above it.
func (r *Session) addresses(ctx context.Context, name string, path []string) ([]netip.Addr, error) {
	if got := r.tree.addressesOf(name); len(got) > 0 {
		return got, nil
	}
	if slices.Contains(path, name) || len(path) >= maxDepth {
		return nil, ErrLoop
	}
	path = append(slices.Clone(path), name)
	f := r.walk(ctx, name, false, path)
	if f.Err != nil {
		return nil, f.Err
	}
	var out []netip.Addr
	ttl := uint32(86400)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.askZone(ctx, Walking, f.Cut, name, qtype, path)
		if err != nil {
			if len(out) > 0 {
				break
			}
			return nil, err
		}
		for _, rr := range a.At(name, qtype) {
			if addr, ok := Address(rr); ok && len(out) < maxAddrs {
				out, ttl = append(out, addr), min(ttl, rr.Header().Ttl)
			}
		}
		if a.Rcode == dns.RcodeNameError {
			break // there is no such name, whatever else is asked for (RFC 8020)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoAddress
	}
	r.tree.rememberAddresses(name, out, time.Duration(ttl)*time.Second)
	return out, nil
}
