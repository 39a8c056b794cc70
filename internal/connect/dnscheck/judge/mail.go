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

// mail says that a record is about mail, where what is right is more than one value: an SPF record is shared with other senders, a key may
// be broken into lines, any DMARC record will do.
func mail(x analysis.Expected) bool {
	switch x.Purpose {
	case "SPF", "DKIM", "DMARC", "MX":
		return x.Requirement != "REMOVE"
	}
	return false
}

// hasMail says that one server's records of the type do what an expected record of mail is for.
func hasMail(x analysis.Expected, list []string) bool {
	switch x.Purpose {
	case "SPF":
		record, ours, err := senders(x, list)
		return err == nil && len(record) > 0 && mailpolicy.Allows(record, ours)
	case "DKIM":
		if x.Type == "CNAME" {
			return slices.Equal(list, []string{tree.Canonical("CNAME", x.Value)})
		}
		return len(list) == 1 && mailpolicy.SameKey(list[0], x.Value)
	case "DMARC":
		policies := mailpolicy.Policies(list)
		if len(policies) != 1 {
			return false
		}
		_, err := mailpolicy.ParseDMARC(policies[0])
		return err == nil
	}
	return slices.Contains(list, tree.Canonical("MX", x.Value))
}

// senders reads the one SPF record of a name, nil when there is none or more than one, and the senders that should stand in it.
func senders(x analysis.Expected, list []string) (record, ours []mailpolicy.Term, err error) {
	text, _ := strings.CutPrefix(x.Value, "v=spf1")
	if ours, err = mailpolicy.ParseTerms(text); err != nil {
		return nil, nil, err
	}
	if found := mailpolicy.Records(list); len(found) == 1 {
		record, err = mailpolicy.ParseSPF(found[0])
	}
	return record, ours, err
}

// explainMail says what is wrong with a record of mail that no server has as it should be.
func (c *Case) explainMail(x analysis.Expected, v tree.View) (code, status string, p params) {
	txt := v.Sets[dns.TypeTXT]
	selector, _, _ := strings.Cut(x.FQDN, ".")
	switch x.Purpose {
	case "SPF":
		return explainSPF(x, txt)
	case "DKIM":
		p = params{"selector": selector, "record": line(x)}
		if len(txt)+len(v.Sets[dns.TypeCNAME]) == 0 {
			return finding.DKIMMissing, Pending, p
		}
		return finding.DKIMMismatch, WrongValue, p
	case "DMARC":
		switch found := mailpolicy.Policies(txt); len(found) {
		case 0:
			return finding.DMARCMissing, Pending, params{"record": line(x)}
		case 1:
			_, err := mailpolicy.ParseDMARC(found[0])
			return finding.DMARCInvalid, WrongValue, params{"observed": brief(found[0]), "detail": reason(err)}
		default:
			return finding.DMARCInvalid, WrongValue, params{"observed": brief(strings.Join(found, "; ")), "detail": "there is more than one"}
		}
	}
	if list := v.Sets[dns.TypeMX]; len(list) > 0 {
		return finding.MXForeign, WrongValue, params{"values": list, "desired": x.Value}
	}
	return finding.RecordAbsent, Pending, params{}
}

func explainSPF(x analysis.Expected, txt []string) (code, status string, p params) {
	found := mailpolicy.Records(txt)
	record, ours, err := senders(x, txt)
	desired := x
	desired.Type = "TXT"
	switch {
	case len(found) > 1:
		all := []mailpolicy.Term{}
		for _, text := range found {
			if terms, err := mailpolicy.ParseSPF(text); err == nil {
				all = union(all, terms)
			}
		}
		desired.Value = mailpolicy.Merge(all, ours)
		return finding.SPFMultiple, Conflict, params{"values": found, "record": line(desired)}
	case err != nil && len(found) == 1:
		return finding.SPFSyntax, WrongValue, params{"observed": brief(found[0]), "detail": reason(err)}
	}
	desired.Value = mailpolicy.Merge(record, ours)
	status = Pending
	if len(found) == 1 {
		status = WrongValue
	}
	return finding.SPFMissing, status, params{"record": line(desired)}
}

// merged is the SPF record that should stand, with ours in what stands there.
func (c *Case) merged(x analysis.Expected, v tree.View) (string, bool) {
	record, ours, err := senders(x, v.Sets[dns.TypeTXT])
	return mailpolicy.Merge(record, ours), err == nil
}

// union puts the senders of one record before the end of another, whose end stays when it has one.
func union(all, more []mailpolicy.Term) []mailpolicy.Term {
	if len(all) == 0 {
		return more
	}
	out, err := mailpolicy.ParseSPF(mailpolicy.Merge(all, more))
	if err != nil {
		return all
	}
	return out
}

// reason is an error as part of a sentence.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return brief(err.Error())
}

// foreignMX are the other servers that take mail beside ours.
func foreignMX(x analysis.Expected, seen []string) []string {
	if x.Purpose != "MX" || !mail(x) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s == tree.Canonical("MX", x.Value) })
}

// Sending gives the SPF record that stands at a name as it should, to be measured; nil when there is none.
func (c *Case) Sending(x analysis.Expected, m *tree.Matrix) []mailpolicy.Term {
	if x.Purpose != "SPF" || !mail(x) {
		return nil
	}
	v := tree.Look(tree.Full(x.FQDN), m.Responsive(), c.Found)
	record, ours, err := senders(x, v.Sets[dns.TypeTXT])
	if err != nil || len(mailpolicy.Records(v.Sets[dns.TypeTXT])) != 1 {
		return nil
	}
	merged, err := mailpolicy.ParseSPF(mailpolicy.Merge(record, ours))
	if err != nil {
		return nil
	}
	return merged
}

// Measured says what an SPF record costs those who receive mail, where it is too much. Nobody reads such a record to its end, so that it
// does not stand, whoever has it.
func (c *Case) Measured(i int, cost mailpolicy.Cost, m *tree.Matrix) {
	ids := tree.Look(tree.Full(c.Question.Expected[i].FQDN), m.Responsive(), nil).IDs
	x, res := c.Question.Expected[i], &c.Answer.Records[i]
	switch {
	case cost.Lookups > mailpolicy.MaxLookups || cost.Loop:
		res.Status = Conflict
		res.Finding = new(finding.New(finding.SPFLookupLimit, params{"name": x.FQDN, "count": cost.Lookups, "limit": mailpolicy.MaxLookups}, ids...))
	case cost.Void > mailpolicy.MaxVoid && !cost.Unknown:
		c.Find(finding.New(finding.SPFVoidLookups, params{"name": x.FQDN, "count": cost.Void}, ids...))
	}
}
