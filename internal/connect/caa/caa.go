// Package caa decides whether a domain's CAA records let one of our certification authorities issue for a name
// (RFC 8659), for our account and with our methods (RFC 8657), and which record to add where they do not.
//
// It is pure: whoever asks the DNS climbs along Climb, follows CNAMEs at each name, and hands over the first set that
// is not empty. A name whose CNAME leads to one of our targets has the set of that target, which allows us; so
// sub-domains need nothing once they point here.
package caa

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

const critical = 0x80

// Record is one CAA record. Tag and Value come from the wire, unescaped.
type Record struct {
	Flags uint8
	Tag   string
	Value string
}

// String is the record as it is typed into a zone: 0 issue "ca.example.net".
func (r Record) String() string {
	return fmt.Sprintf("%d %s %s", r.Flags, r.Tag, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(r.Value)+`"`)
}

// CA is one of our certification authorities.
type CA struct {
	Name       string   // ours: "main"
	Identities []string // what it reads as itself in CAA records, the one to recommend first
	AccountURI string   // of our account there; empty before there is one
}

// Question is what to decide.
type Question struct {
	Host     string   // lower case, without "*."
	Wildcard bool     // the certificate is for *.Host
	Found    string   // the name at which the relevant set stands
	Set      []Record // the relevant set; empty where there is none up to the root
	CAs      []CA     // in the order of our preference
	Methods  []string // ACME challenge types that we can use, preferred first: "http-01"
}

// Verdict is the decision for one CA.
type Verdict struct {
	CA      string
	Allowed bool
	Methods []string // those of the question that the set lets this CA use
	Reason  string   // finding code, where not allowed
}

// Result holds a verdict for each CA, in the order of the question.
type Result struct {
	Verdicts []Verdict
	// Named are the identities that the set lets issue, ours and others'.
	Named  []string
	reason string
	params map[string]any
}

// Allowed are the CAs that may issue, preferred first.
func (r Result) Allowed() []Verdict {
	return slices.DeleteFunc(slices.Clone(r.Verdicts), func(v Verdict) bool { return !v.Allowed })
}

// Finding says why no CA is allowed and what to add; false where one is.
func (r Result) Finding(evidence ...ident.ObservationID) (finding.Finding, bool) {
	if r.reason == "" {
		return finding.Finding{}, false
	}
	return finding.New(r.reason, r.params, evidence...), true
}

// LookupFailure is the finding for a name whose servers fail on CAA questions: a CA has to refuse then (RFC 8659
// section 3, and the CA/Browser Forum's requirements 3.2.2.8).
func LookupFailure(name, rcode string, evidence ...ident.ObservationID) finding.Finding {
	return finding.New(finding.CAALookupFailure, map[string]any{"name": name, "rcode": rcode}, evidence...)
}

// Climb lists the names to ask for CAA, in order: the host and its parents, without the root (RFC 8659 section 3).
func Climb(host string) []string {
	var out []string
	for name := strings.TrimSuffix(host, "."); name != ""; {
		out = append(out, name)
		_, name, _ = strings.Cut(name, ".")
	}
	return out
}

// Evaluate decides.
func Evaluate(q Question) Result {
	set := read(q.Set, q.Wildcard)
	r := Result{Named: set.named()}
	for _, ca := range q.CAs {
		r.Verdicts = append(r.Verdicts, set.judge(ca, q))
	}
	if len(r.Allowed()) == 0 && len(q.CAs) > 0 {
		r.reason, r.params = set.explain(q, r)
	}
	return r
}
