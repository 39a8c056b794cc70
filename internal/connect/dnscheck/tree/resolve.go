package tree

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// ErrChain ends the Resolution of a name that leads nowhere.
var ErrChain = errors.New("the chain of CNAMEs is a loop or too long")

// Resolution is what a name leads to, by authoritative answers alone.
type Resolution struct {
	Chain []string // names on the way, the asked one first
	Set   []dns.RR
	Rcode int
	IDs   []ident.ObservationID
}

// Resolve follows CNAMEs through all zones they lead to, at most ten.
func (r *Session) Resolve(ctx context.Context, st Stage, name string, qtype uint16) (Resolution, error) {
	var out Resolution
	var z Cut
	for {
		if slices.Contains(out.Chain, name) || len(out.Chain) > wire.MaxChain {
			return out, ErrChain
		}
		beside := len(out.Chain) > 0 && Parent(name) == Parent(out.Chain[len(out.Chain)-1]) // and so in the same zone, or delegated itself
		out.Chain = append(out.Chain, name)
		var a Answer
		var err error
		if beside {
			a, err = r.AskZone(ctx, st, z, name, qtype)
		}
		if !beside || err == nil && !a.Authoritative {
			if z, err = r.ZoneOf(ctx, name); err != nil {
				return out, err
			}
			a, err = r.AskZone(ctx, st, z, name, qtype)
		}
		if first, ok := r.firstLink(ctx, st, z, name, a, err, nil); ok {
			a, err = first, nil
		}
		out.Rcode, out.IDs = a.Rcode, Distinct(append(out.IDs, a.ID)...)
		if err != nil {
			return out, err
		}
		if out.Set = a.At(name, qtype); len(out.Set) > 0 {
			return out, nil
		}
		next := a.Aliases(name)
		if len(next) == 0 {
			return out, nil
		}
		name = next[0]
	}
}

// ZoneOf finds the zone that a name lies in. Names on the way down to the host's zone are known from its walk.
func (r *Session) ZoneOf(ctx context.Context, name string) (Cut, error) {
	r.mu.Lock()
	home, ok := r.zones[r.host]
	r.mu.Unlock()
	if ok && Within(name, r.host) {
		if Within(home.Cut.Apex, name) {
			return home.Cut, nil
		}
		if z := r.tree.closest(name, false); slices.Contains(home.Cut.Chain, z.Apex) {
			return z, nil
		}
	}
	f := r.Walk(ctx, name, false)
	return f.Cut, f.Err
}

// ResolveAddresses gives the IPv4 and IPv6 addresses of a name.
func (r *Session) ResolveAddresses(ctx context.Context, name string) ([]netip.Addr, []ident.ObservationID, error) {
	var lists [2]Resolution
	var errs [2]error
	var wg sync.WaitGroup
	if _, err := r.ZoneOf(ctx, name); err != nil { // once for both questions
		return nil, nil, err
	}
	for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		wg.Go(func() { lists[i], errs[i] = r.Resolve(ctx, Deciding, name, t) })
	}
	wg.Wait()
	var out []netip.Addr
	for _, l := range lists {
		for _, rr := range l.Set {
			if a, ok := Address(rr); ok && !slices.Contains(out, a.Unmap()) {
				out = append(out, a.Unmap())
			}
		}
	}
	return out, slices.Concat(lists[0].IDs, lists[1].IDs), errors.Join(errs[:]...)
}

// Distinct lists observations without repetition, and without those that are none.
func Distinct(ids ...ident.ObservationID) []ident.ObservationID {
	out := []ident.ObservationID{}
	for _, id := range ids {
		if !id.IsZero() && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// AskServers asks servers about a zone that they need not be delegated: the first that answers with authority.
func (r *Session) AskServers(ctx context.Context, zone string, servers []string, name string, qtype uint16) (Answer, error) {
	err := ErrNoAddress
	for _, s := range servers {
		addrs, failed := r.addresses(ctx, s, nil)
		if failed != nil {
			err = failed
		}
		for _, addr := range addrs {
			a, failed := r.ask(ctx, Walking, zone, Server{s, addr}, name, qtype, udpOnly)
			if failed == nil && a.Authoritative && answers(zone, a) {
				return a, nil
			}
			err = failed
		}
	}
	return Answer{}, err
}
