package caa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// known are the property tags that every CA we use understands or may ignore by their own RFCs. Everything else is
// unknown, and denies where it is marked critical.
var known = []string{"issue", "issuewild", "iodef", "issuemail"}

// rules are what a relevant set says about one kind of certificate.
type rules struct {
	restricted  bool // false: anybody may issue
	wild        bool // the rules are issuewild ones
	issuers     []issuer
	unknownTag  string
	hasCritical bool
}

// issuer is one issue or issuewild property.
type issuer struct {
	domain  string // empty: nobody; also for a value that cannot be read
	account []string
	methods []string // values of validationmethods, one for each time the parameter stands there
}

// read picks what counts: issuewild properties for a wildcard if there are any, else issue properties (RFC 8659
// section 4.3).
func read(set []Record, wildcard bool) rules {
	var r rules
	var issue, issuewild []issuer
	for _, record := range set {
		tag := strings.ToLower(record.Tag)
		switch {
		case tag == "issue":
			issue = append(issue, parse(record.Value))
		case tag == "issuewild":
			issuewild = append(issuewild, parse(record.Value))
		case record.Flags&critical != 0 && !slices.Contains(known, tag):
			r.hasCritical, r.unknownTag = true, record.Tag
		}
	}
	r.issuers = issue
	if wildcard && len(issuewild) > 0 {
		r.issuers, r.wild = issuewild, true
	}
	r.restricted = len(r.issuers) > 0 || r.hasCritical
	return r
}

// parse reads an issue value (RFC 8659 section 4.2). One that does not follow the grammar names nobody, as the RFC
// demands: it restricts.
func parse(value string) issuer {
	head, rest, hasParams := strings.Cut(value, ";")
	domain := strings.ToLower(strings.Trim(head, " \t"))
	if domain != "" && !isDomain(domain) {
		return issuer{}
	}
	i := issuer{domain: strings.TrimSuffix(domain, ".")}
	if !hasParams || strings.Trim(rest, " \t") == "" {
		return i
	}
	for param := range strings.SplitSeq(rest, ";") {
		tag, val, ok := strings.Cut(param, "=")
		tag, val = strings.ToLower(strings.Trim(tag, " \t")), strings.Trim(val, " \t")
		if !ok || tag == "" || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.ContainsFunc(val, notPrintable) {
			if strings.Trim(param, " \t") == "" {
				continue // a semicolon too many is common and harmless
			}
			return issuer{}
		}
		switch tag {
		case "accounturi":
			i.account = append(i.account, val)
		case "validationmethods":
			i.methods = append(i.methods, val)
		}
	}
	return i
}

func notPrintable(r rune) bool { return r < 0x21 || r > 0x7e }

func isDomain(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

func (r rules) named() []string {
	out := []string{}
	for _, i := range r.issuers {
		if i.domain != "" && !slices.Contains(out, i.domain) {
			out = append(out, i.domain)
		}
	}
	return out
}

// judge decides for one CA: one property that names it, fits our account and leaves us a method is enough.
func (r rules) judge(ca CA, q Question) Verdict {
	v := Verdict{CA: ca.Name, Methods: []string{}}
	switch {
	case r.hasCritical:
		v.Reason = finding.CAACriticalUnknown
		return v
	case !r.restricted:
		v.Allowed, v.Methods = true, slices.Clone(q.Methods)
		return v
	}
	v.Reason = finding.CAAForbidden
	if q.Wildcard {
		v.Reason = finding.CAAWildcardForbidden
	}
	for _, i := range r.issuers {
		if !i.names(ca) {
			continue
		}
		if !i.fits(ca.AccountURI) {
			if v.Reason != finding.CAAMethodMismatch {
				v.Reason = finding.CAAAccountMismatch
			}
			continue
		}
		usable := i.usable(q.Methods)
		if len(usable) == 0 {
			v.Reason = finding.CAAMethodMismatch
			continue
		}
		for _, m := range usable {
			if !slices.Contains(v.Methods, m) {
				v.Methods = append(v.Methods, m)
			}
		}
	}
	if len(v.Methods) > 0 {
		v.Allowed, v.Reason = true, ""
	}
	return v
}

func (i issuer) names(ca CA) bool {
	return i.domain != "" && slices.ContainsFunc(ca.Identities, func(id string) bool { return strings.EqualFold(strings.TrimSuffix(id, "."), i.domain) })
}

// fits: no accounturi, or exactly ours. Several of them can never be met (RFC 8657 section 3).
func (i issuer) fits(account string) bool {
	return len(i.account) == 0 || len(i.account) == 1 && account != "" && i.account[0] == account
}

// usable are the methods among ours that validationmethods allows; all where it is absent (RFC 8657 section 4).
func (i issuer) usable(methods []string) []string {
	if len(i.methods) == 0 {
		return methods
	}
	if len(i.methods) > 1 {
		return nil
	}
	allowed := strings.Split(i.methods[0], ",")
	return slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return !slices.Contains(allowed, m) })
}

// explain picks the reason that is nearest to being allowed, and the record that mends it. The record goes to the host
// itself: a set there is found before those of its parents, so the rest of the zone stays as it is.
func (r rules) explain(q Question, result Result) (reason string, params map[string]any) {
	best := 0
	for n, v := range result.Verdicts {
		if rank(v.Reason) > rank(result.Verdicts[best].Reason) {
			best = n
		}
	}
	ca, reason := q.CAs[best], result.Verdicts[best].Reason
	params = map[string]any{"name": q.Found}
	if reason == finding.CAACriticalUnknown {
		params["tag"] = r.unknownTag
		return reason, params
	}
	params["addAt"] = q.Host
	add := Record{Tag: "issue"}
	if len(ca.Identities) > 0 {
		add.Value = ca.Identities[0]
	}
	if r.wild && q.Found == q.Host {
		add.Tag = "issuewild" // beside others of its kind; in a set of its own issue covers both
	}
	switch reason {
	case finding.CAAAccountMismatch:
		params["observed"] = strings.Join(r.bound(ca, func(i issuer) []string { return i.account }), ", ")
		if ca.AccountURI != "" {
			add.Value += "; accounturi=" + ca.AccountURI
		}
	case finding.CAAMethodMismatch:
		params["methods"] = r.bound(ca, func(i issuer) []string { return i.methods })
		add.Value += "; validationmethods=" + strings.Join(q.Methods, ",")
	default:
		params["allowed"] = r.named()
	}
	params["record"] = fmt.Sprintf("CAA %s", add)
	return reason, params
}

// bound collects what the properties that name ca bind it to.
func (r rules) bound(ca CA, what func(issuer) []string) []string {
	out := []string{}
	for _, i := range r.issuers {
		if i.names(ca) {
			out = append(out, what(i)...)
		}
	}
	return out
}

func rank(reason string) int {
	return slices.Index([]string{finding.CAACriticalUnknown, finding.CAAForbidden, finding.CAAWildcardForbidden, finding.CAAAccountMismatch, finding.CAAMethodMismatch}, reason)
}
