package dnscheck

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// records judges what was asked for, and looks for what went astray.
func (r *run) records(ctx context.Context, z tree.Cut, m *tree.Matrix) {
	for _, x := range r.q.Expected {
		r.ans.Records = append(r.ans.Records, r.judge(x, m))
	}
	if r.q.Depth == analysis.Light {
		r.ownership(m)
		return
	}
	if r.q.Depth == analysis.Full {
		r.searchMisnamed(ctx, z)
		r.searchElsewhere(ctx, z)
	}
	r.conflicts(m)
	r.checkChain(ctx)
	r.failing(m)
	r.ownership(m)
	for i, x := range r.q.Expected {
		if f := r.ans.Records[i].Finding; f != nil && r.counts(x) && (right(r.ans.Records[i].Status) || !r.satisfied(x)) {
			r.find(*f)
		}
	}
	r.existing(m)
	r.ans.Apex.Flattened = slices.ContainsFunc(r.ans.Records, func(res analysis.RecordResult) bool { return res.Status == statusFlattened })
	state, text := "DONE", "records_read"
	if slices.ContainsFunc(r.ans.Findings, func(f finding.Finding) bool { return f.Facet == finding.DNS && f.NeedsPerson() }) {
		state = "WARNING"
	}
	if r.q.Depth == analysis.Full {
		r.step("records", state, text, params{"conflicts": len(r.ans.Conflicts)})
	}
}

// failing tells of servers that serve the zone and yet have no answer to some of the questions that decide.
func (r *run) failing(m *tree.Matrix) {
	type about struct {
		servers, types []string
		ids            []ident.ObservationID
	}
	names, seen := []string{}, map[string]*about{}
	for _, c := range m.Columns {
		for i, k := range c.Missed {
			if seen[k.Name] == nil {
				names, seen[k.Name] = append(names, k.Name), &about{}
			}
			b := seen[k.Name]
			b.servers, b.types, b.ids = append(b.servers, c.String()), append(b.types, dns.TypeToString[k.Type]), append(b.ids, c.Failed[i].ID)
		}
	}
	for _, name := range names {
		if slices.ContainsFunc(r.ans.Records, func(res analysis.RecordResult) bool {
			return res.Finding != nil && res.Finding.Code == finding.CNAMEChain && res.Finding.Params["name"] == tree.Plain(name)
		}) {
			continue // a loop has no end that a server could answer with
		}
		b := seen[name]
		slices.Sort(b.servers)
		slices.Sort(b.types)
		r.find(finding.New(finding.NSFailing, params{"name": tree.Plain(name), "servers": slices.Compact(b.servers), "types": slices.Compact(b.types)}, b.ids...))
	}
}

// checkChain follows the alias that stands in the place of ours, to say when it leads nowhere.
func (r *run) checkChain(ctx context.Context) {
	if r.q.Depth != analysis.Full {
		return
	}
	for i, x := range r.q.Expected {
		res := &r.ans.Records[i]
		if x.Type != "CNAME" || res.Status != statusWrongValue || x.Purpose != "ROUTING" {
			continue
		}
		got, err := r.Resolve(ctx, tree.Deciding, tree.Full(x.FQDN), dns.TypeA)
		if !errors.Is(err, tree.ErrChain) {
			continue
		}
		chain := make([]string, len(got.Chain))
		for n, name := range got.Chain {
			chain[n] = tree.Plain(name)
		}
		res.Finding = new(finding.New(finding.CNAMEChain, params{"name": x.FQDN, "chain": chain}, got.IDs...))
	}
}

// ownership says which proof stands on all servers that answered, at least half of the zone's.
func (r *run) ownership(m *tree.Matrix) {
	for i, x := range r.q.Expected {
		if r.ans.Records[i].Status != statusOK {
			continue
		}
		r.ans.Ownership.Target = r.ans.Ownership.Target || x.Type == "CNAME" && r.q.Target != "" && tree.Full(x.FQDN) == r.owner && tree.Plain(tree.Full(x.Value)) == tree.Plain(tree.Full(r.q.Target))
		r.ans.Ownership.TXT = r.ans.Ownership.TXT || x.Type == "TXT" && r.q.Verification != "" && x.Value == r.q.Verification && tree.Full(x.FQDN) == r.proof().Name
	}
	if r.q.Verification == "" || r.q.Depth == analysis.Light || r.ans.Ownership.TXT {
		return
	}
	k := r.proof()
	t := m.Tally([]tree.Key{k}, func(get func(tree.Key) tree.Answer) bool {
		return slices.Contains(tree.Values(get(k).At(k.Name, k.Type)), r.q.Verification)
	})
	r.ans.Ownership.TXT = t.Of > 0 && t.Have == t.Of && t.Quorum
	routed := slices.ContainsFunc(r.ans.Records, func(res analysis.RecordResult) bool { return right(res.Status) })
	if !r.ans.Ownership.TXT && !r.ans.Ownership.Target && routed {
		r.find(finding.New(finding.OwnershipUnproven, params{"name": r.q.Hostname, "record": tree.Plain(k.Name) + ` TXT "` + r.q.Verification + `"`}, t.Proof...))
	}
}

// counts says that a record is needed for the connection to work.
func (r *run) counts(x analysis.Expected) bool {
	return x.Requirement == "REQUIRED" || x.Requirement == "REMOVE" || x.Requirement == "ONE_OF" || x.Requirement == ""
}

// satisfied says that a record stands, or that another way of its group does. The addresses of a group are one way together.
func (r *run) satisfied(x analysis.Expected) bool {
	if x.Requirement != "ONE_OF" {
		i := slices.IndexFunc(r.q.Expected, func(y analysis.Expected) bool { return y == x })
		return right(r.ans.Records[i].Status)
	}
	addresses, all := 0, true
	for i, y := range r.q.Expected {
		if y.Requirement != "ONE_OF" || y.Group != x.Group {
			continue
		}
		ok := right(r.ans.Records[i].Status)
		switch {
		case y.Type == "A" || y.Type == "AAAA":
			addresses++
			all = all && ok
		case ok:
			return true
		}
	}
	return addresses > 0 && all
}

// verdict sums up the records; servers and delegation have had their say before.
func (r *run) verdict(m *tree.Matrix) analysis.CheckVerdict {
	needed, done, begun, broken := 0, 0, false, false
	for i, x := range r.q.Expected {
		if !r.counts(x) {
			continue
		}
		needed++
		res := r.ans.Records[i]
		begun = begun || res.Have > 0 || right(res.Status) && x.Requirement != "REMOVE"
		switch {
		case r.satisfied(x):
			done++
		case res.Finding != nil && res.Finding.NeedsPerson():
			broken = true
		}
	}
	for _, c := range r.ans.Conflicts {
		broken = broken || c.Severity == finding.Blocking
	}
	unknown := slices.ContainsFunc(r.ans.Records, func(res analysis.RecordResult) bool { return res.Status == statusUnverifiable })
	switch {
	case m.Short && (unknown || done < needed):
		return analysis.CouldNotAsk // what was not asked for is not absent
	case unknown && done < needed && !broken:
		return analysis.CouldNotAsk // neither is what no server would say
	case broken:
		return analysis.Conflicting
	case needed > 0 && done == needed:
		return analysis.Correct
	case begun:
		return analysis.Partial
	}
	return analysis.Absent
}

// existing lists what stands at the names in question, for the difference that is shown to the person.
func (r *run) existing(m *tree.Matrix) {
	list := []string{r.owner}
	for _, x := range r.q.Expected {
		if n := tree.Full(x.FQDN); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, name := range list {
		v := tree.Look(name, m.Responsive(), r.found)
		for _, t := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeCAA, dns.TypeNS, dns.TypeHTTPS} {
			if v.Has(t) {
				r.ans.Existing = append(r.ans.Existing, analysis.RRset{Name: tree.Plain(name), Type: dns.TypeToString[t], Values: v.Sets[t], TTL: v.TTL})
			}
		}
	}
}
