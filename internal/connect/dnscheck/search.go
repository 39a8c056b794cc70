package dnscheck

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// searchMisnamed looks for the records that nobody has at their name, at one responsive server, and for nothing but their own value: what
// else stands at those names is not our business.
func (r *run) searchMisnamed(ctx context.Context, z tree.Cut) {
	var wg sync.WaitGroup
	for i, x := range r.Question.Expected {
		res := &r.Answer.Records[i]
		if res.Status != judge.Pending || x.Requirement == "REMOVE" || x.Value == "" {
			continue
		}
		wg.Go(func() {
			for _, place := range r.Places(x) {
				if f := r.searchAt(ctx, z, x, place); f != nil {
					res.Status, res.Finding = judge.WrongName, f
					return
				}
			}
		})
	}
	wg.Wait()
}

func (r *run) searchAt(ctx context.Context, z tree.Cut, x analysis.Expected, place judge.Misnamed) *finding.Finding {
	for _, qtype := range place.Types {
		a, err := r.AskZone(ctx, tree.Walking, z, place.Name, qtype)
		if err != nil || !a.Authoritative {
			continue
		}
		if f := r.Misplaced(x, place, qtype, a); f != nil {
			return f
		}
	}
	return nil
}

const maxFormer = 4 // servers of another set that are asked

// searchElsewhere looks for the records that nobody has at the servers that do not count: those of the zone's own NS set that the
// registry does not know, and those that answered for the domain before. Whoever edits a zone there sees the record and nobody else does.
func (r *run) searchElsewhere(ctx context.Context, z tree.Cut) {
	delegated := judge.Names(z)
	var others []string
	add := func(server string) {
		if !slices.Contains(delegated, server) && !slices.Contains(others, server) && len(others) < maxFormer {
			others = append(others, server)
		}
	}
	if a, ok := r.Found[tree.Key{Name: z.Apex, Type: dns.TypeNS}]; ok {
		for _, server := range tree.Values(a.At(z.Apex, dns.TypeNS)) {
			add(server)
		}
	}
	if r.Question.Zone != nil && tree.Full(r.Question.Zone.Apex) == z.Apex {
		for _, server := range r.Question.Zone.NameServers {
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
	for i, x := range r.Question.Expected {
		asks := r.Needs(x)
		status := r.Answer.Records[i].Status
		if status != judge.Pending && status != judge.Shadowed || x.Requirement == "REMOVE" || len(asks) == 0 {
			continue
		}
		a, err := r.AskServers(ctx, z.Apex, full, asks[0].Name, asks[0].Type)
		if err != nil || !r.HasIn(x, asks[0].Name, asks[0].Type, a) {
			continue
		}
		r.Find(finding.New(finding.WrongZone, params{"name": x.FQDN, "provider": r.operator(others), "other": r.operator(delegated)}, a.ID))
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
