package dnscheck

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// behindProxy looks whether the foreign addresses that stand in the place of our routing record are those of a proxy that leads to our edge.
// Such a proxy hides the CNAME that the person added, so that the DNS alone looks wrong. The name works then, and the record counts as
// flattened; who owns the name is for the TXT to prove.
func (r *run) behindProxy(ctx context.Context, m *tree.Matrix) {
	i := slices.IndexFunc(r.q.Expected, func(x analysis.Expected) bool {
		return (x.Type == "CNAME" || x.Type == "ALIAS") && x.Purpose == "ROUTING" && tree.Full(x.FQDN) == r.owner
	})
	if i < 0 || r.q.Wildcard || r.e.Nonce == nil || r.q.Target == "" || r.q.Depth == analysis.Light {
		return
	}
	x, res := r.q.Expected[i], &r.ans.Records[i]
	if res.Finding == nil || !slices.Contains([]string{finding.WrongType, finding.ForeignAddress}, res.Finding.Code) || len(r.foreignAt()) == 0 {
		return
	}
	known, wanted := len(r.ans.Findings), r.q.Probe
	if !wanted.HTTP && !wanted.HTTPS {
		wanted.HTTP = true // nothing but a visit tells a proxy from a stranger, also before anybody wants to know who answers
	}
	r.probe(ctx, wanted)
	passed := func(p analysis.ProbeResult) bool {
		return p.Result == analysis.ProbeViaProxy || p.Result == analysis.ProbeLoopRisk
	}
	if len(r.ans.Probes) == 0 || slices.ContainsFunc(r.ans.Probes, func(p analysis.ProbeResult) bool { return !passed(p) }) {
		// That others answer at others' addresses is said already; that they send visitors on is not.
		more := slices.Clone(r.ans.Findings[known:])
		r.ans.Findings = append(r.ans.Findings[:known], slices.DeleteFunc(more, func(f finding.Finding) bool { return f.Code != finding.RedirectElsewhere })...)
		return
	}
	res.Status, res.Finding, res.Have = statusFlattened, nil, res.Of
	replaced := []string{finding.WrongType, finding.WrongValue, finding.ForeignAddress, finding.CNAMECollision, finding.RecordAbsent}
	r.ans.Findings = slices.DeleteFunc(r.ans.Findings, func(f finding.Finding) bool {
		return slices.Contains(replaced, f.Code) && f.Params["name"] == x.FQDN
	})
	r.ans.Conflicts = slices.DeleteFunc(r.ans.Conflicts, func(c analysis.ConflictSeen) bool {
		return slices.Contains(replaced, c.Kind) && c.Name == x.FQDN
	})
	r.ownership(m)
}

// foreignAt gives the addresses of others that stand at the name.
func (r *run) foreignAt() []netip.Addr {
	var out []string
	for _, s := range r.ans.Existing {
		if tree.Full(s.Name) == r.owner && (s.Type == "A" || s.Type == "AAAA") {
			out = append(out, r.foreign(s.Values)...)
		}
	}
	return tree.AddressList(out)
}
