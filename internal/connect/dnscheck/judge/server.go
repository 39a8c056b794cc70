package judge

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Servers turns the servers' verdicts into the zone's view and its findings. works says whether our own side can ask anybody; it is called
// when no server of the zone answered. Where nothing can be known of the records, the answer's verdict is set.
func (c *Case) Servers(m *tree.Matrix, works func() bool) {
	z := c.Delegation
	c.Answer.Zone = m.View(z.Chain)
	c.Answer.Zone.Dnssec = c.Answer.Dnssec
	s := sort(m)
	apex, working := tree.Plain(z.Apex), len(m.Responsive()) > 0
	note := func(code string, p params, ids []ident.ObservationID) {
		f := finding.New(code, p, ids...)
		if working && f.Severity == finding.Blocking {
			f = f.As(finding.Warning) // the others answer, and so does the domain
		}
		c.Find(f)
	}
	switch {
	case working && len(s.silent) > 0:
		note(finding.NSUnreachable, params{"k": max(s.gone, 1), "n": len(z.Servers), "servers": s.silent}, s.silentIDs)
	case m.Short && !working:
		c.Answer.Verdict = analysis.CouldNotAsk
		c.Unverifiable()
		return
	case len(s.lame) == 0 && !working && (m.Ours > 0 && len(s.silent) == 0 || !works()):
		c.CouldNotAsk()
		return
	case len(s.lame) == 0 && !working && len(m.NoAddress) < len(z.Servers):
		if len(s.silent) == 0 {
			s.silent = Names(z) // not even their names' own servers answered
		}
		note(finding.AllNSUnreachable, params{"zone": apex, "servers": s.silent}, s.silentIDs)
	}
	if len(s.lame) > 0 {
		note(finding.LameDelegation, params{"zone": apex, "servers": s.lame, "rcode": s.rcode}, s.lameIDs)
	}
	if len(m.NoAddress) > 0 {
		note(finding.NoNSAddress, params{"zone": apex, "servers": m.NoAddress}, nil)
	}
	if len(s.slow) > 0 {
		note(finding.NSSlow, params{"servers": s.slow}, s.slowIDs)
	}
	if len(c.Answer.Zone.Serials) > 1 {
		var ids []ident.ObservationID
		for _, column := range m.Responsive() {
			ids = append(ids, column.ID)
		}
		note(finding.SerialMismatch, params{"zone": apex, "serials": c.Answer.Zone.Serials}, ids)
	}
	if !working {
		// A server that says it does not know the zone has said something. One that says nothing has not: the records may stand.
		if c.Answer.Verdict = analysis.Absent; len(s.lame) == 0 && len(m.NoAddress) < len(z.Servers) {
			c.Answer.Verdict = analysis.CouldNotAsk
		}
		c.Unverifiable()
		return
	}
	c.compareParent(z)
	if reg := c.Question.Registrable; reg != "" && tree.Below(tree.Full(reg), z.Apex) {
		c.Find(finding.New(finding.Subzone, params{"zone": apex, "name": c.Question.Hostname}))
	}
}

// sorted are the servers by what is wrong with them, each with the observations that say so.
type sorted struct {
	silent, lame, slow          []string
	silentIDs, lameIDs, slowIDs []ident.ObservationID
	rcode                       string // of the last that is lame
	gone                        int    // names none of whose addresses answered
}

func sort(m *tree.Matrix) sorted {
	s := sorted{silent: []string{}, lame: []string{}, slow: []string{}}
	answered := map[string]bool{}
	for _, column := range m.Columns {
		switch column.Verdict {
		case analysis.ServerTimeout:
			s.silent, s.silentIDs = append(s.silent, column.String()), append(s.silentIDs, column.ID)
		case analysis.ServerRefused, analysis.ServerServfail, analysis.ServerLame:
			s.lame, s.lameIDs, s.rcode = append(s.lame, column.String()), append(s.lameIDs, column.ID), column.Rcode
		case analysis.ServerSlow:
			s.slow, s.slowIDs = append(s.slow, column.String()), append(s.slowIDs, column.ID)
		}
		answered[column.Name] = answered[column.Name] || column.Responsive()
	}
	for _, ok := range answered {
		if !ok {
			s.gone++
		}
	}
	return s
}

// CouldNotAsk says that our own side reaches nobody: nothing is known, and nothing is wrong with the domain.
func (c *Case) CouldNotAsk() {
	c.Find(finding.New(finding.CouldNotAsk, nil))
	c.Answer.Verdict = analysis.CouldNotAsk
	c.Unverifiable()
}

// compareParent tells when the zone names other servers than its parent does: resolvers use both.
func (c *Case) compareParent(z tree.Cut) {
	a, ok := c.Found[tree.Key{Name: z.Apex, Type: dns.TypeNS}]
	if !ok {
		return
	}
	child, above := tree.Values(a.At(z.Apex, dns.TypeNS)), Names(z)
	slices.Sort(above)
	if len(child) > 0 && !slices.Equal(child, above) {
		c.Find(finding.New(finding.ParentChildNSMismatch, params{"zone": tree.Plain(z.Apex), "parent": above, "child": child}, a.ID))
	}
}

// Failing tells of servers that serve the zone and yet have no answer to some of the questions that decide.
func (c *Case) Failing(m *tree.Matrix) {
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
		if slices.ContainsFunc(c.Answer.Records, func(res analysis.RecordResult) bool {
			return res.Finding != nil && res.Finding.Code == finding.CNAMEChain && res.Finding.Params["name"] == tree.Plain(name)
		}) {
			continue // a loop has no end that a server could answer with
		}
		b := seen[name]
		slices.Sort(b.servers)
		slices.Sort(b.types)
		c.Find(finding.New(finding.NSFailing, params{"name": tree.Plain(name), "servers": slices.Compact(b.servers), "types": slices.Compact(b.types)}, b.ids...))
	}
}
