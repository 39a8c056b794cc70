package dnscheck

import (
	"context"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// behindProxy looks whether the foreign addresses that stand in the place of our routing record are those of a proxy that leads to our edge.
// Such a proxy hides the CNAME that the person added, so that the DNS alone looks wrong. The name works then, and the record counts as
// flattened; who owns the name is for the TXT to prove.
func (r *run) behindProxy(ctx context.Context, m *tree.Matrix) {
	i := slices.IndexFunc(r.Question.Expected, func(x analysis.Expected) bool {
		return (x.Type == "CNAME" || x.Type == "ALIAS") && x.Purpose == "ROUTING" && tree.Full(x.FQDN) == r.Owner
	})
	if i < 0 || r.Question.Wildcard || r.e.Nonce == nil || r.Question.Target == "" || r.Question.Depth == analysis.Light {
		return
	}
	res := &r.Answer.Records[i]
	if res.Finding == nil || !slices.Contains([]string{finding.WrongType, finding.ForeignAddress}, res.Finding.Code) || len(r.ForeignAt()) == 0 {
		return
	}
	known, wanted := len(r.Answer.Findings), r.Question.Probe
	if !wanted.HTTP && !wanted.HTTPS {
		wanted.HTTP = true // nothing but a visit tells a proxy from a stranger, also before anybody wants to know who answers
	}
	r.probe(ctx, wanted)
	passed := func(p analysis.ProbeResult) bool {
		return p.Result == analysis.ProbeViaProxy || p.Result == analysis.ProbeLoopRisk
	}
	if len(r.Answer.Probes) == 0 || slices.ContainsFunc(r.Answer.Probes, func(p analysis.ProbeResult) bool { return !passed(p) }) {
		// That others answer at others' addresses is said already; that they send visitors on is not.
		more := slices.Clone(r.Answer.Findings[known:])
		r.Answer.Findings = r.Answer.Findings[:known]
		for _, f := range more {
			if f.Code == finding.RedirectElsewhere {
				r.Find(finding.New(finding.RedirectService, f.Params, f.Evidence...))
			}
		}
		return
	}
	r.Proxied(i, m)
}
