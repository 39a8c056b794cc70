package connection

import (
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// proof says what the answer proves. Where a TXT is asked for (apex, policy), it alone counts.
func proof(a *analysis.Answer, lines []*record.Record, byTarget bool) claim.Proof {
	asked := slices.ContainsFunc(lines, func(r *record.Record) bool {
		return r.Purpose == record.Ownership && r.Requirement == record.Required && r.Key != record.TransferKey && r.Key != record.DefenceKey
	})
	switch {
	case a.Verdict == analysis.CouldNotAsk:
		return claim.None
	case a.Ownership.Delegated:
		return claim.Delegated
	case a.Ownership.TXT:
		return claim.TXT
	case a.Ownership.Target && !asked && byTarget:
		return claim.Target
	case stands(lines, record.TransferKey):
		return claim.Transfer
	}
	return claim.None
}

// reduce says what an answer means for the facets; the lines are matched already.
func reduce(con ident.ConnectionID, a *analysis.Answer, asked analysis.ProbeWanted, lines []*record.Record, kept []*record.Conflict, standing claim.Standing) Seen {
	j := record.Judge(lines)
	s := Seen{Asked: a.Verdict != analysis.CouldNotAsk || says(a, finding.AllNSUnreachable), Present: j.Any, Proven: standing.Holds, Held: standing.Held, Refused: standing.Held && refused(standing, con), Person: person(a.Findings), Why: j.Why}
	if j.Servers.Of > 0 {
		s.Servers = &j.Servers
	}
	s.Routed, s.Reached = j.Routed || j.Servers.Have > 0, slices.ContainsFunc(a.Probes, analysis.ProbeResult.Reached)
	if line := record.ChallengeOf(lines); line != nil {
		s.Challenge = Outcome{Made: true, Passed: line.Status.Stands()}
		if !s.Challenge.Passed {
			s.Challenge.Why = finding.RecordAbsent
			if line.Finding != nil {
				s.Challenge.Why = line.Finding.Code
			}
		}
	}
	if record.Delegates(lines) { // its challenges are answered in the zone that was handed over
		s.Challenge = Outcome{Made: true, Passed: j.Routed, Why: j.Why}
	}
	conflict := blockingConflict(a, kept)
	switch {
	case conflict != "":
		s.DNS, s.Why = Conflicting, conflict
	case a.Verdict == analysis.Conflicting && !j.Routed:
		s.DNS = Conflicting
	case j.Routed:
		s.DNS, s.Why = Correct, ""
	case j.Servers.Have > 0 || a.Verdict == analysis.Partial && j.Any:
		s.DNS = Partial
	case says(a, finding.AllNSUnreachable):
		s.DNS, s.Why = Absent, finding.AllNSUnreachable // nobody finds the name now, whatever stands in the zone
	default:
		s.DNS = Absent
	}
	for _, f := range a.Findings {
		if f.Facet == finding.TLS && f.Severity == finding.Blocking && s.Rules == "" {
			s.Rules = f.Code
		}
	}
	s.Proxied = slices.ContainsFunc(a.Probes, func(p analysis.ProbeResult) bool {
		return p.Result == analysis.ProbeViaProxy || p.Result == analysis.ProbeLoopRisk
	})
	if len(a.Probes) > 0 {
		o := outcome(a.Probes, asked.HTTPS)
		if asked.HTTPS {
			s.HTTPS = o
		} else {
			s.HTTP = o
		}
	}
	return s
}

// theirs says that our side could ask and their servers said nothing: none of them answers at all, which counts as a failing pass, or none has
// an answer to the questions that decide, which moves nothing and is told.
func theirs(a *analysis.Answer) bool {
	return says(a, finding.AllNSUnreachable) || says(a, finding.NSFailing)
}

func says(a *analysis.Answer, code string) bool {
	return slices.ContainsFunc(a.Findings, func(f finding.Finding) bool { return f.Code == code })
}

// blockingConflict is the code of the first conflict that stands in the way, of those that the person did not choose to keep.
func blockingConflict(a *analysis.Answer, kept []*record.Conflict) string {
	for _, c := range a.Conflicts {
		keep := slices.ContainsFunc(kept, func(k *record.Conflict) bool {
			return k.Kind == c.Kind && k.Name == c.Name && string(k.Type) == c.Type && k.Resolution != nil && *k.Resolution == record.Keep
		})
		if c.Severity == finding.Blocking && !keep {
			return c.Kind
		}
	}
	return ""
}

// outcome is what the probes say together: every address must answer. Before there is a certificate, http is what counts, or TLS alone where http is closed;
// afterwards https, and http is no more than told.
func outcome(probes []analysis.ProbeResult, https bool) Outcome {
	o := Outcome{Made: true, Passed: true}
	if !https && analysis.TLSAlone(probes) {
		return o
	}
	for _, p := range probes {
		if p.Reached() || https && p.Over == analysis.OverHTTP {
			continue
		}
		o.Passed = false
		if o.Why == "" {
			o.Why = probeCode(p, https)
		}
	}
	return o
}

func probeCode(p analysis.ProbeResult, https bool) string {
	switch {
	case p.Result == analysis.ProbeOtherServer:
		return finding.OtherServer
	case p.Result == analysis.ProbeRedirect:
		return finding.RedirectElsewhere
	case p.Result == analysis.ProbeTLSError:
		return finding.ProbeTLSError
	case p.Family == 6:
		return finding.IPv6Unreachable
	case https:
		return finding.HTTPSUnreachable
	}
	return finding.HTTPUnreachable
}

// findingsOf are what the connection shows after the answer: those of the answer and what only we know. A pass that looked at the deciding records
// alone keeps what a full one had said about the rest.
func findingsOf(c *Connection, a *analysis.Answer, depth analysis.Depth, standing claim.Standing) []finding.Finding {
	out := slices.Clone(a.Findings)
	has := func(code string) bool {
		return slices.ContainsFunc(out, func(f finding.Finding) bool { return f.Code == code })
	}
	if depth != analysis.Full {
		for _, f := range c.Findings {
			if f.Severity != finding.Blocking && (f.Facet != finding.Edge || f.Code == finding.HTTPClosed) && !has(f.Code) && f.Code != finding.RecordAbsent && f.Code != finding.RecordPartial {
				out = append(out, f)
			}
		}
	}
	if t := c.Facets.TLS; t.CheckID == nil && (t.Value == BlockedTLS || t.Value == AtRisk || t.Value == Expired) {
		for _, f := range c.Findings { // what the certificate said is the certificate's to take back
			if f.Facet == finding.TLS && f.Code == t.why() && !has(f.Code) {
				out = append(out, f)
			}
		}
	}
	if f := claimFinding(c, standing); f != nil && !has(f.Code) {
		out = append(out, *f)
	}
	if out == nil {
		out = []finding.Finding{}
	}
	return out
}
