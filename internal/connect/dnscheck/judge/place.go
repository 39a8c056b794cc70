package judge

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Misnamed is a place where a record ends up when a form or a person gets its name wrong.
type Misnamed struct {
	Code, Name string
	Types      []uint16 // that would show the record there
}

// Places lists where to look for a record that is not where it should be.
func (c *Case) Places(x analysis.Expected) []Misnamed {
	name := tree.Full(x.FQDN)
	types := map[string][]uint16{"CNAME": {dns.TypeCNAME}, "ALIAS": {dns.TypeA}, "A": {dns.TypeA}, "AAAA": {dns.TypeAAAA}, "TXT": {dns.TypeTXT}}[x.Type]
	var out []Misnamed
	add := func(code, at string) {
		if _, ok := dns.IsDomainName(at); !ok || len(at) > 254 || at == name || !tree.Within(c.Zone(), at) {
			return
		}
		for _, m := range out {
			if m.Name == at {
				return
			}
		}
		out = append(out, Misnamed{code, at, types})
	}
	add(finding.WrongNameDoubled, name+c.Zone())
	if reg := c.Question.Registrable; reg != "" && tree.Full(reg) != c.Zone() {
		add(finding.WrongNameDoubled, name+tree.Full(reg))
	}
	if bare, ok := strings.CutPrefix(name, "_"); ok {
		add(finding.WrongNamePrefix, bare)
	}
	if x.Purpose == "ROUTING" {
		if bare, ok := strings.CutPrefix(name, "www."); ok {
			add(finding.WrongNameWWW, bare)
		} else if name == c.Zone() {
			add(finding.WrongNameWWW, "www."+name)
		}
	}
	return out
}

// Misplaced says that the answer to a question at a place holds the record that should stand elsewhere; nil when it does not.
func (c *Case) Misplaced(x analysis.Expected, place Misnamed, qtype uint16, a tree.Answer) *finding.Finding {
	moved := x
	moved.FQDN = tree.Plain(place.Name)
	if !c.HasIn(moved, place.Name, qtype, a) {
		return nil
	}
	host := strings.TrimSuffix(strings.TrimSuffix(x.FQDN, tree.Plain(c.Zone())), ".")
	if host == "" {
		host = "@"
	}
	return new(finding.New(place.Code, params{"observedName": tree.Plain(place.Name), "name": x.FQDN, "host": host}, a.ID))
}

// HasIn says that one answer by itself holds the record.
func (c *Case) HasIn(x analysis.Expected, name string, qtype uint16, a tree.Answer) bool {
	return c.has(x, name, func(k tree.Key) tree.Answer {
		if k.Type == qtype || k.Type == dns.TypeCNAME {
			return a
		}
		return tree.Answer{}
	})
}
