package dnscheck

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// wildcard is what a name answers that nobody can have created.
type wildcard struct {
	exists bool
	owner  string // "*.acme.com"
	probe  string
	sets   map[uint16][]string
}

// discover asks one responsive server for what stands beside the records that decide.
func (r *run) discover(ctx context.Context, z tree.Cut, decided []tree.Key) {
	types := []uint16{dns.TypeTXT, dns.TypeMX, dns.TypeCAA, dns.TypeNS, dns.TypeHTTPS}
	if r.q.Wildcard || len(r.q.Expected) == 0 {
		types = append([]uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA}, types...)
	}
	var wg sync.WaitGroup
	for _, t := range types {
		k := tree.Key{Name: r.owner, Type: t}
		if slices.Contains(decided, k) || r.knows(k) {
			continue
		}
		wg.Go(func() {
			if a, err := r.AskZone(ctx, tree.Walking, z, k.Name, k.Type); err == nil {
				r.mu.Lock()
				r.found[k] = a
				r.mu.Unlock()
			}
		})
	}
	if r.host != z.Apex {
		wg.Go(func() {
			if a, err := r.AskZone(ctx, tree.Walking, z, z.Apex, dns.TypeNS); err == nil {
				r.mu.Lock()
				r.found[tree.Key{Name: z.Apex, Type: dns.TypeNS}] = a
				r.mu.Unlock()
			}
		})
	}
	if !r.q.Wildcard {
		wg.Go(func() { r.probeWildcard(ctx, z) })
	}
	wg.Wait()
}

// knows says that an answer of discovery is there already.
func (r *run) knows(k tree.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.found[k]
	return ok
}

// probeWildcard asks for a name beside the host (at the apex: below it) that nobody has made.
func (r *run) probeWildcard(ctx context.Context, z tree.Cut) {
	above := tree.Parent(r.host)
	if r.host == z.Apex {
		above = z.Apex
	}
	var random [4]byte
	_, _ = rand.Read(random[:])
	w := wildcard{owner: "*." + tree.Plain(above), probe: "np-" + hex.EncodeToString(random[:]) + "." + above, sets: map[uint16][]string{}}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.AskZone(ctx, tree.Walking, z, w.probe, t)
		if err != nil || !a.Authoritative || a.Rcode != dns.RcodeSuccess {
			break
		}
		w.exists = true
		for _, got := range []uint16{t, dns.TypeCNAME} {
			if list := tree.Values(a.At(w.probe, got)); len(list) > 0 {
				w.sets[got] = list
			}
		}
		if len(w.sets[dns.TypeCNAME]) > 0 {
			break
		}
	}
	r.mu.Lock()
	r.wild = w
	r.mu.Unlock()
}

// shadowed says that a name shows exactly what the wildcard shows.
func (r *run) shadowed(name string, v tree.View) bool {
	if !r.wild.exists || !tree.Within(tree.Parent(r.wild.probe), name) || name == tree.Parent(r.wild.probe) {
		return false
	}
	for _, t := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA} {
		if !slices.Equal(v.Sets[t], r.wild.sets[t]) && (len(v.Sets[dns.TypeCNAME]) == 0 || t == dns.TypeCNAME) {
			return false
		}
	}
	return true
}
