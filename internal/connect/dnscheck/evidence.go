package dnscheck

import (
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// prove gives the findings that follow from several answers, or from the want of one, the observations that they rest on: every statement
// names some.
func (r *run) prove(seen []analysis.Observation) {
	servers := judge.Names(r.Delegation)
	delegates := func(o analysis.Observation) bool {
		return o.Type == "NS" && slices.ContainsFunc(o.Values, func(v string) bool { return slices.Contains(servers, v) })
	}
	by := map[string]func(analysis.Observation) bool{
		finding.MixedDNS: delegates, finding.ParkedDomain: delegates, finding.Subzone: delegates,
		finding.AllNSUnreachable: func(o analysis.Observation) bool { return o.Error != nil || delegates(o) },
		finding.NoNSAddress:      func(o analysis.Observation) bool { return slices.Contains(servers, o.Name) || delegates(o) },
		finding.CAALookupFailure: func(o analysis.Observation) bool { return o.Type == "CAA" },
	}
	for i := range r.Answer.Findings {
		f := &r.Answer.Findings[i]
		if len(f.Evidence) > 0 || by[f.Code] == nil {
			continue
		}
		for _, o := range seen {
			if by[f.Code](o) {
				f.Evidence = append(f.Evidence, o.ID)
			}
		}
		if len(f.Evidence) == 0 { // the delegation is remembered from an earlier analysis: what its servers answered shows it too
			for _, o := range seen {
				if slices.ContainsFunc(servers, func(s string) bool { return len(o.Source) > len(s) && o.Source[:len(s)] == s }) {
					f.Evidence = append(f.Evidence, o.ID)
				}
			}
		}
	}
}
