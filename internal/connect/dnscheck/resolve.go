package dnscheck

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

var errChain = errors.New("the chain of CNAMEs is a loop or too long")

// resolution is what a name leads to, by authoritative answers alone.
type resolution struct {
	chain []string // names on the way, the asked one first
	set   []dns.RR
	rcode int
	ids   []ident.ObservationID
}

// resolve follows CNAMEs through all zones they lead to, at most ten.
func (r *run) resolve(ctx context.Context, st stage, name string, qtype uint16) (resolution, error) {
	var out resolution
	for {
		if slices.Contains(out.chain, name) || len(out.chain) > wire.MaxChain {
			return out, errChain
		}
		out.chain = append(out.chain, name)
		z, err := r.zoneOf(ctx, name)
		if err != nil {
			return out, err
		}
		a, err := r.askZone(ctx, st, z, name, qtype, nil)
		out.rcode, out.ids = a.Rcode, evidenceOf(append(out.ids, a.id)...)
		if err != nil {
			return out, err
		}
		if out.set = a.At(name, qtype); len(out.set) > 0 {
			return out, nil
		}
		next := a.Aliases(name)
		if len(next) == 0 {
			return out, nil
		}
		name = next[0]
	}
}

// zoneOf finds the zone that a name lies in. Names on the way down to the host's zone are known from its walk.
func (r *run) zoneOf(ctx context.Context, name string) (cut, error) {
	r.mu.Lock()
	main, ok := r.zones[r.host]
	r.mu.Unlock()
	if ok && within(name, r.host) {
		if within(main.cut.apex, name) {
			return main.cut, nil
		}
		if z := r.e.closest(name, false); slices.Contains(main.cut.chain, z.apex) {
			return z, nil
		}
	}
	f := r.walk(ctx, name, false, nil)
	return f.cut, f.err
}

// resolveAddresses gives the IPv4 and IPv6 addresses of a name.
func (r *run) resolveAddresses(ctx context.Context, name string) ([]netip.Addr, []ident.ObservationID, error) {
	var lists [2]resolution
	var errs [2]error
	var wg sync.WaitGroup
	if _, err := r.zoneOf(ctx, name); err != nil { // once for both questions
		return nil, nil, err
	}
	for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		wg.Go(func() { lists[i], errs[i] = r.resolve(ctx, deciding, name, t) })
	}
	wg.Wait()
	var out []netip.Addr
	for _, l := range lists {
		for _, rr := range l.set {
			if a, ok := address(rr); ok && !slices.Contains(out, a.Unmap()) {
				out = append(out, a.Unmap())
			}
		}
	}
	return out, slices.Concat(lists[0].ids, lists[1].ids), errors.Join(errs[:]...)
}
