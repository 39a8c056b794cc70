package dnscheck

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// discover asks one responsive server for what stands beside the records that decide.
func (r *run) discover(ctx context.Context, z tree.Cut, decided []tree.Key) {
	types := []uint16{dns.TypeTXT, dns.TypeMX, dns.TypeCAA, dns.TypeNS, dns.TypeHTTPS}
	if r.Question.Wildcard || len(r.Question.Expected) == 0 {
		types = append([]uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA}, types...)
	}
	var wg sync.WaitGroup
	for _, t := range types {
		k := tree.Key{Name: r.Owner, Type: t}
		if slices.Contains(decided, k) || r.knows(k) {
			continue
		}
		wg.Go(func() {
			if a, err := r.AskZone(ctx, tree.Walking, z, k.Name, k.Type); err == nil {
				r.mu.Lock()
				r.Found[k] = a
				r.mu.Unlock()
			}
		})
	}
	if r.Host != z.Apex {
		wg.Go(func() {
			if a, err := r.AskZone(ctx, tree.Walking, z, z.Apex, dns.TypeNS); err == nil {
				r.mu.Lock()
				r.Found[tree.Key{Name: z.Apex, Type: dns.TypeNS}] = a
				r.mu.Unlock()
			}
		})
	}
	if !r.Question.Wildcard {
		wg.Go(func() { r.probeWildcard(ctx, z) })
	}
	wg.Wait()
}

// knows says that an answer of discovery is there already.
func (r *run) knows(k tree.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.Found[k]
	return ok
}

// probeWildcard asks for a name beside the host (at the apex: below it) that nobody has made.
func (r *run) probeWildcard(ctx context.Context, z tree.Cut) {
	above := tree.Parent(r.Host)
	if r.Host == z.Apex {
		above = z.Apex
	}
	var random [4]byte
	_, _ = rand.Read(random[:])
	w := judge.Wildcard{Owner: "*." + tree.Plain(above), Probe: "np-" + hex.EncodeToString(random[:]) + "." + above, Sets: map[uint16][]string{}}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := r.AskZone(ctx, tree.Walking, z, w.Probe, t)
		if err != nil || !a.Authoritative || a.Rcode != dns.RcodeSuccess {
			break
		}
		w.Exists = true
		for _, got := range []uint16{t, dns.TypeCNAME} {
			if list := tree.Values(a.At(w.Probe, got)); len(list) > 0 {
				w.Sets[got] = list
			}
		}
		if len(w.Sets[dns.TypeCNAME]) > 0 {
			break
		}
	}
	r.mu.Lock()
	r.Wild = w
	r.mu.Unlock()
}
