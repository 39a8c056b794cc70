package judge

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// handing says that an expected record delegates the name in question to us (N17).
func handing(x analysis.Expected) bool { return x.Type == "NS" && x.Purpose == "DELEGATION" }

// Delegates says that the question is about a name that is to be delegated to us as a whole. What decides then stands in the zone above it, and the
// zone below is ours.
func (c *Case) Delegates() bool { return slices.ContainsFunc(c.Question.Expected, handing) }

// Delegated says that every server of the zone above delegates the name to us and to nobody else.
func (c *Case) Delegated() bool {
	some := false
	for i, x := range c.Question.Expected {
		if !handing(x) {
			continue
		}
		if some = i < len(c.Answer.Records) && c.Answer.Records[i].Status == OK; !some {
			return false
		}
	}
	return some
}

// Above is the name whose zone the records stand in: the one above a name that is to be delegated, and the name itself for all others.
func (c *Case) Above() string {
	if c.Delegates() {
		return tree.Parent(c.Host)
	}
	return c.Host
}

// referred are the servers that an answer delegates a name to. Who answers for the name itself delegates it to nobody: the same records at the top of
// a zone of its own there lead no visitor to us.
func referred(name string, a tree.Answer) []string {
	if a.Authoritative {
		return nil
	}
	list := a.At(name, dns.TypeNS)
	for _, rr := range a.Authority {
		if rr.Header().Rrtype == dns.TypeNS && rr.Header().Name == name {
			list = append(list, rr)
		}
	}
	return tree.Values(list)
}

// hands says that one server delegates the name to the expected server and to none that was not asked for.
func (c *Case) hands(x analysis.Expected, name string, a tree.Answer) bool {
	list := referred(name, a)
	return slices.Contains(list, tree.Canonical("NS", x.Value)) && !slices.ContainsFunc(list, func(s string) bool { return !c.ourServer(x.FQDN, s) })
}

func (c *Case) ourServer(fqdn, server string) bool {
	return slices.ContainsFunc(c.Question.Expected, func(x analysis.Expected) bool {
		return handing(x) && x.FQDN == fqdn && tree.Canonical("NS", x.Value) == server
	})
}

// explainNS says who has the name instead of us. A server of ours that is missing among ours is not there yet.
func (c *Case) explainNS(x analysis.Expected, v tree.View) (code, status string, p params) {
	list := slices.Concat(v.Servers, v.Sets[dns.TypeNS])
	others := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return c.ourServer(x.FQDN, s) })
	if len(others) == 0 && len(v.Sets[dns.TypeNS]) == 0 {
		return finding.RecordAbsent, Pending, params{}
	}
	return finding.WrongValue, WrongValue, wrong(x, strings.Join(list, ", "))
}
