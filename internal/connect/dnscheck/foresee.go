package dnscheck

import (
	"context"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
)

// foresee asks with everything else what is wanted only when a record is missing or wrong, as at a first look it mostly is: a person waits,
// and one after the other these questions would each cost the way to the server and back. The session remembers the answers.
func (r *run) foresee(ctx context.Context, z tree.Cut) {
	var wg sync.WaitGroup
	for _, x := range r.Question.Expected {
		if x.Requirement == "REMOVE" || x.Value == "" {
			continue
		}
		for _, place := range r.Places(x) {
			for _, qtype := range place.Types {
				wg.Go(func() { _, _ = r.AskZone(ctx, tree.Walking, z, place.Name, qtype) }) // who wants it sees how it failed
			}
		}
	}
	if r.e.CAs != nil {
		for name := tree.Parent(r.Host); tree.Within(z.Apex, name); name = tree.Parent(name) { // where the climb for CAA leads
			wg.Go(func() { _, _ = r.AskZone(ctx, tree.Walking, z, name, dns.TypeCAA) })
		}
	}
	wg.Go(func() { _, _ = r.Resolve(ctx, tree.Deciding, r.Owner, dns.TypeA) }) // where an alias in the place of ours leads
	wg.Wait()
}
