package dnscheck

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
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

// searched are the types that are asked for at a wrong name.
var searched = map[string][]uint16{"CNAME": {dns.TypeCNAME}, "ALIAS": {dns.TypeA}, "A": {dns.TypeA}, "AAAA": {dns.TypeAAAA}, "TXT": {dns.TypeTXT}}

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
	for _, qtype := range searched[x.Type] {
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

const maxFormer = 4 // servers of another set that are asked

// searchElsewhere looks for the records that nobody has at the servers that do not count: those of the zone's own NS set that the
// registry does not know, and those that answered for the domain before. Whoever edits a zone there sees the record and nobody else does.
func (r *run) searchElsewhere(ctx context.Context, z tree.Cut) {
	delegated := names(z)
	var others []string
	add := func(server string) {
		if !slices.Contains(delegated, server) && !slices.Contains(others, server) && len(others) < maxFormer {
			others = append(others, server)
		}
	}
	if a, ok := r.found[tree.Key{Name: z.Apex, Type: dns.TypeNS}]; ok {
		for _, server := range tree.Values(a.At(z.Apex, dns.TypeNS)) {
			add(server)
		}
	}
	if r.q.Zone != nil && tree.Full(r.q.Zone.Apex) == z.Apex {
		for _, server := range r.q.Zone.NameServers {
			add(server.Name)
		}
	}
	if len(others) == 0 {
		return
	}
	full := make([]string, len(others))
	for i, server := range others {
		full[i] = tree.Full(server)
	}
	for i, x := range r.q.Expected {
		asks := r.needs(x)
		status := r.ans.Records[i].Status
		if status != statusPending && status != statusShadowed || x.Requirement == "REMOVE" || len(asks) == 0 {
			continue
		}
		a, err := r.AskServers(ctx, z.Apex, full, asks[0].Name, asks[0].Type)
		if err != nil || !r.has(x, asks[0].Name, func(k tree.Key) tree.Answer {
			if k.Type == asks[0].Type {
				return a
			}
			return tree.Answer{}
		}) {
			continue
		}
		r.find(finding.New(finding.WrongZone, params{"name": x.FQDN, "provider": r.operator(others), "other": r.operator(delegated)}, a.ID))
	}
}

// operator names who runs servers, by the catalogue or else by the servers themselves.
func (r *run) operator(servers []string) string {
	if r.e.Catalogue != nil {
		if m := r.e.Catalogue.Detect(provider.Evidence{NameServers: servers}); m.Provider != nil {
			return m.Provider.Name
		}
	}
	return strings.Join(servers, ", ")
}
