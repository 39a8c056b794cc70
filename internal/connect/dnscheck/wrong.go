package dnscheck

import (
	"context"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// misnamed is a place where a record ends up when a form or a person gets its name wrong.
type misnamed struct{ code, name string }

// places lists where to look for a record that is not where it should be.
func (r *run) places(x analysis.Expected) []misnamed {
	name := tree.Full(x.FQDN)
	var out []misnamed
	add := func(code, at string) {
		if _, ok := dns.IsDomainName(at); !ok || len(at) > 254 || at == name || !tree.Within(r.zone, at) {
			return
		}
		for _, m := range out {
			if m.name == at {
				return
			}
		}
		out = append(out, misnamed{code, at})
	}
	add(finding.WrongNameDoubled, name+r.zone)
	if reg := r.q.Registrable; reg != "" && tree.Full(reg) != r.zone {
		add(finding.WrongNameDoubled, name+tree.Full(reg))
	}
	if bare, ok := strings.CutPrefix(name, "_"); ok {
		add(finding.WrongNamePrefix, bare)
	}
	if x.Purpose == "ROUTING" {
		if bare, ok := strings.CutPrefix(name, "www."); ok {
			add(finding.WrongNameWWW, bare)
		} else if name == r.zone {
			add(finding.WrongNameWWW, "www."+name)
		}
	}
	return out
}

// searchMisnamed looks for the records that nobody has at their name, at one responsive server, and for nothing but their own value: what
// else stands at those names is not our business.
func (r *run) searchMisnamed(ctx context.Context, z tree.Cut) {
	var wg sync.WaitGroup
	for i, x := range r.q.Expected {
		res := &r.ans.Records[i]
		if res.Status != statusPending || x.Requirement == "REMOVE" || x.Value == "" {
			continue
		}
		wg.Go(func() {
			for _, place := range r.places(x) {
				if f := r.searchAt(ctx, z, x, place); f != nil {
					res.Status, res.Finding = statusWrongName, f
					return
				}
			}
		})
	}
	wg.Wait()
}

func (r *run) searchAt(ctx context.Context, z tree.Cut, x analysis.Expected, place misnamed) *finding.Finding {
	types := map[string][]uint16{"CNAME": {dns.TypeCNAME}, "ALIAS": {dns.TypeA}, "A": {dns.TypeA}, "AAAA": {dns.TypeAAAA}, "TXT": {dns.TypeTXT}}[x.Type]
	for _, qtype := range types {
		a, err := r.AskZone(ctx, tree.Walking, z, place.name, qtype)
		if err != nil || !a.Authoritative {
			continue
		}
		moved := x
		moved.FQDN = tree.Plain(place.name)
		if !r.has(moved, place.name, func(k tree.Key) tree.Answer {
			if k.Type == qtype || k.Type == dns.TypeCNAME {
				return a
			}
			return tree.Answer{}
		}) {
			continue
		}
		host := strings.TrimSuffix(strings.TrimSuffix(x.FQDN, tree.Plain(r.zone)), ".")
		if host == "" {
			host = "@"
		}
		return new(finding.New(place.code, params{"observedName": tree.Plain(place.name), "name": x.FQDN, "host": host}, a.ID))
	}
	return nil
}
