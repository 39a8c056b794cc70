package judge

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Ownership says which proof stands on all servers that answered, at least half of the zone's.
func (c *Case) Ownership(m *tree.Matrix) {
	for i, x := range c.Question.Expected {
		if c.Answer.Records[i].Status != OK {
			continue
		}
		c.Answer.Ownership.Target = c.Answer.Ownership.Target || x.Type == "CNAME" && c.Question.Target != "" && tree.Full(x.FQDN) == c.Owner && tree.Plain(tree.Full(x.Value)) == tree.Plain(tree.Full(c.Question.Target))
		c.Answer.Ownership.TXT = c.Answer.Ownership.TXT || x.Type == "TXT" && c.Question.Verification != "" && x.Value == c.Question.Verification && tree.Full(x.FQDN) == c.Proof().Name
	}
	c.Answer.Ownership.Delegated = c.Delegated()
	if c.Question.Verification == "" || c.Question.Depth == analysis.Light || c.Answer.Ownership.TXT {
		return
	}
	k := c.Proof()
	t := m.Tally([]tree.Key{k}, func(get func(tree.Key) tree.Answer) bool {
		return slices.Contains(tree.Values(get(k).At(k.Name, k.Type)), c.Question.Verification)
	})
	c.Answer.Ownership.TXT = t.Of > 0 && t.Have == t.Of && t.Quorum
	routed := slices.ContainsFunc(c.Answer.Records, func(res analysis.RecordResult) bool { return Right(res.Status) })
	if !c.Answer.Ownership.TXT && !c.Answer.Ownership.Target && !c.Delegates() && routed && t.Of > 0 { // what nobody would say is not missing
		c.Find(finding.New(finding.OwnershipUnproven, params{"name": c.Question.Hostname, "record": tree.Plain(k.Name) + ` TXT "` + c.Question.Verification + `"`}, t.Proof...))
	}
}

// Counts says that a record is needed for the connection to work.
func (c *Case) Counts(x analysis.Expected) bool {
	return x.Requirement == "REQUIRED" || x.Requirement == "REMOVE" || x.Requirement == "ONE_OF" || x.Requirement == ""
}

// Satisfied says that a record stands, or that another way of its group does. The addresses of a group are one way together.
func (c *Case) Satisfied(x analysis.Expected) bool {
	if x.Requirement != "ONE_OF" {
		i := slices.IndexFunc(c.Question.Expected, func(y analysis.Expected) bool { return y == x })
		return Right(c.Answer.Records[i].Status)
	}
	addresses, all := 0, true
	for i, y := range c.Question.Expected {
		if y.Requirement != "ONE_OF" || y.Group != x.Group {
			continue
		}
		ok := Right(c.Answer.Records[i].Status)
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

// Verdict sums up the records; servers and delegation have had their say before.
func (c *Case) Verdict(m *tree.Matrix) analysis.CheckVerdict {
	needed, done, begun, broken, unknown := 0, 0, false, false, false
	for i, x := range c.Question.Expected {
		if !c.Counts(x) {
			continue
		}
		needed++
		res := c.Answer.Records[i]
		begun = begun || res.Have > 0 || Right(res.Status) && x.Requirement != "REMOVE"
		switch {
		case c.Satisfied(x):
			done++
		case res.Status == Unverifiable:
			unknown = true
		case res.Finding != nil && res.Finding.NeedsPerson():
			broken = true
		}
	}
	for _, seen := range c.Answer.Conflicts {
		broken = broken || seen.Severity == finding.Blocking
	}
	switch {
	case m.Short && done < needed:
		return analysis.CouldNotAsk // what was not asked for is not absent
	case unknown && !broken:
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

const maxShown = 50 // values of one RRset

// Existing lists what stands at the names in question, for the difference that is shown to the person.
func (c *Case) Existing(m *tree.Matrix) {
	list := []string{c.Owner}
	for _, x := range c.Question.Expected {
		if n := tree.Full(x.FQDN); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, name := range list {
		v := tree.Look(name, m.Responsive(), c.Found)
		for _, t := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeCAA, dns.TypeNS, dns.TypeHTTPS} {
			if v.Has(t) {
				c.Answer.Existing = append(c.Answer.Existing, analysis.RRset{Name: tree.Plain(name), Type: dns.TypeToString[t], Values: v.Sets[t][:min(len(v.Sets[t]), maxShown)], TTL: v.TTLs[t]})
			}
		}
	}
}

// Routed gives the routing record that stands on every server that answered, or the delegation that leads to us in its place.
func (c *Case) Routed() (analysis.Expected, bool) {
	if c.Delegated() {
		return c.Question.Expected[slices.IndexFunc(c.Question.Expected, handing)], true
	}
	for i, x := range c.Question.Expected {
		if x.Purpose == "ROUTING" && x.Requirement != "REMOVE" && tree.Full(x.FQDN) == c.Owner && Right(c.Answer.Records[i].Status) && c.Satisfied(x) {
			return x, true
		}
	}
	return analysis.Expected{}, false
}

// Proxied takes back what was said against a routing record, when a proxy that leads to our edge answers in its place.
func (c *Case) Proxied(i int, m *tree.Matrix) {
	x, res := c.Question.Expected[i], &c.Answer.Records[i]
	res.Status, res.Finding, res.Have = Flattened, nil, res.Of
	replaced := []string{finding.WrongType, finding.WrongValue, finding.ForeignAddress, finding.CNAMECollision, finding.RecordAbsent}
	c.Answer.Findings = slices.DeleteFunc(c.Answer.Findings, func(f finding.Finding) bool {
		return slices.Contains(replaced, f.Code) && f.Params["name"] == x.FQDN
	})
	c.Answer.Conflicts = slices.DeleteFunc(c.Answer.Conflicts, func(seen analysis.ConflictSeen) bool {
		return slices.Contains(replaced, seen.Kind) && seen.Name == x.FQDN
	})
	c.Ownership(m)
}
