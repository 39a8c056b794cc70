package judge

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/mailpolicy"
)

// explain says what stands in the place of a record that no server has.
func (c *Case) explain(x analysis.Expected, name string, v tree.View) (code, status string, p params) {
	want := tree.Canonical(x.Type, x.Value)
	addrs := append(slices.Clone(v.Sets[dns.TypeA]), v.Sets[dns.TypeAAAA]...)
	aliases := v.Sets[dns.TypeCNAME]
	switch {
	case handing(x):
		return c.explainNS(x, v)
	case len(v.Servers) > 0:
		return finding.NSBelow, Conflict, params{"servers": v.Servers}
	case x.Requirement == "REMOVE":
		if x.Type == "AAAA" {
			return finding.StaleAAAA, Conflict, params{"addresses": v.Sets[dns.TypeAAAA]}
		}
		return finding.WrongType, Conflict, params{"type": x.Type, "desiredType": "", "desired": ""}
	case len(aliases)+len(addrs) > 0 && c.shadowed(name, v):
		return finding.ShadowedByWildcard, Shadowed, params{"wildcard": c.Wild.Owner}
	case mail(x):
		return c.explainMail(x, v)
	case x.Type == "CNAME":
		return c.explainCNAME(x, v, want, addrs)
	case len(aliases) > 0 && (x.Type == "ALIAS" || x.Type == "A" || x.Type == "AAAA") && c.isApex(name):
		return finding.IllegalApexCNAME, Conflict, params{}
	case len(aliases) > 0:
		return finding.WrongType, WrongType, params{"type": "CNAME", "desiredType": x.Type, "desired": x.Value}
	case x.Type == "ALIAS" && len(addrs) > 0, x.Type == "AAAA" && v.Has(dns.TypeAAAA):
		if v4 := v.Sets[dns.TypeA]; len(v4) > 0 && len(c.Foreign(v4)) == 0 {
			return finding.StaleAAAA, Conflict, params{"addresses": c.Foreign(v.Sets[dns.TypeAAAA])}
		}
		return finding.ForeignAddress, Conflict, params{"addresses": c.Foreign(addrs)}
	case x.Type == "A" && v.Has(dns.TypeA):
		if list := v.Sets[dns.TypeA]; slices.Contains(list, want) {
			return finding.ForeignAddress, Conflict, params{"addresses": c.Foreign(list)}
		}
		if x.Requirement == "ONE_OF" { // which of the ways is taken is the person's to choose: these addresses are wrong in all of them
			return finding.ForeignAddress, WrongValue, params{"addresses": c.Foreign(addrs)}
		}
		return finding.WrongValue, WrongValue, wrong(x, strings.Join(v.Sets[dns.TypeA], ", "))
	case x.Type == "TXT":
		return c.explainTXT(x, v, want)
	}
	return finding.RecordAbsent, Pending, params{}
}

// wrong is the difference between what was seen and what should stand.
func wrong(x analysis.Expected, seen string) params {
	return params{"observed": brief(seen), "desired": x.Value}
}

// brief keeps what fits a sentence.
func brief(s string) string {
	if cut := []rune(s); len(cut) > 200 {
		return string(cut[:200]) + "…"
	}
	return s
}

func (c *Case) explainCNAME(x analysis.Expected, v tree.View, want string, addrs []string) (code, status string, p params) {
	aliases := v.Sets[dns.TypeCNAME]
	switch {
	case challenge(x) && v.Has(dns.TypeTXT):
		return finding.ACMEChallengeTXTAndCNAME, Conflict, params{}
	case v.Multiple:
		return finding.MultipleCNAME, Conflict, params{"values": aliases}
	case slices.Contains(aliases, want) && len(addrs) > 0:
		return finding.CNAMECollision, Conflict, params{"types": present(v, dns.TypeA, dns.TypeAAAA)}
	case len(aliases) > 0:
		aliases = slices.DeleteFunc(aliases, func(a string) bool { return a == want })
		return flaw(aliases[0], want, tree.Plain(c.Zone()), c.EdgeZone), WrongValue, wrong(x, aliases[0])
	case len(addrs) > 0 && len(c.Foreign(addrs)) == 0:
		return finding.TargetAsAddress, WrongType, params{"addresses": addrs, "desired": x.Value}
	case len(addrs) > 0:
		return finding.WrongType, WrongType, params{"type": present(v, dns.TypeA, dns.TypeAAAA)[0], "desiredType": "CNAME", "desired": x.Value}
	}
	return finding.RecordAbsent, Pending, params{}
}

// explainTXT looks for a value that was meant to be ours among the others, which may stand beside it.
func (c *Case) explainTXT(x analysis.Expected, v tree.View, want string) (code, status string, p params) {
	key, _, _ := strings.Cut(want, "=")
	for _, seen := range v.Sets[dns.TypeTXT] {
		bare := strings.Trim(strings.TrimSpace(seen), `"'`)
		switch {
		case bare == want && bare != seen:
			return finding.ValueQuoted, WrongValue, wrong(x, seen)
		case strings.HasPrefix(bare, want):
			return finding.ValueTrailingText, WrongValue, wrong(x, seen)
		case strings.HasPrefix(strings.ToLower(bare), strings.ToLower(key)+"="):
			if x.Purpose == "OWNERSHIP" {
				return finding.OwnershipTXTWrong, WrongValue, params{"observed": brief(seen), "record": line(x)}
			}
			return finding.WrongValue, WrongValue, wrong(x, seen)
		}
	}
	return finding.RecordAbsent, Pending, params{}
}

// line is a record as one line of text.
func line(x analysis.Expected) string {
	v := x.Value
	if x.Type == "TXT" {
		v = mailpolicy.Quote(v)
	}
	return x.FQDN + " " + x.Type + " " + v
}

// flaw names what is wrong with the target of a CNAME.
func flaw(seen, want, zone, edgeZone string) string {
	bare := strings.TrimSuffix(strings.TrimSuffix(seen, "."+zone), ".")
	switch {
	case bare == want:
		return finding.TargetMissingDot
	case strings.Contains(seen, "://"), strings.Contains(seen, "/"):
		return finding.ValueWithScheme
	case strings.ContainsAny(seen, `"'`):
		return finding.ValueQuoted
	case strings.ContainsAny(bare, " \t,;") || strings.HasPrefix(bare, want):
		return finding.ValueTrailingText
	case edgeZone != "" && strings.HasSuffix(bare, "."+edgeZone):
		return finding.TargetOfOtherConnection
	}
	return finding.WrongValue
}

func present(v tree.View, types ...uint16) []string {
	var out []string
	for _, t := range types {
		if v.Has(t) {
			out = append(out, dns.TypeToString[t])
		}
	}
	return out
}
