// Package finding knows everything that can be noticed about a domain, and how to say it.
//
// A finding is one thing that an analysis, an order or a visit to the edge noticed. It has a code, which is public
// API and never renamed; the table in codes.go says how bad it is, which part of the connection it is about, who can
// do something about it and which details belong to it. The catalogue in text/ says the same thing in words, once per
// language; widget, console, mail and webhook all take their sentences from there.
//
// Reasons why an input or a caller is refused are in the same table and catalogue, so that explain(code) answers for
// them too.
package finding

import (
	"slices"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// FindingSeverity says what a finding does to the connection.
type FindingSeverity string

const (
	Info     FindingSeverity = "INFO"     // good to know
	Warning  FindingSeverity = "WARNING"  // works, but look at it
	Blocking FindingSeverity = "BLOCKING" // does not get on until this is mended
)

// Facet is the part of a connection that a finding is about.
type Facet string

const (
	Ownership Facet = "OWNERSHIP"
	DNS       Facet = "DNS"
	TLS       Facet = "TLS"
	Edge      Facet = "EDGE"
	Email     Facet = "EMAIL"
	Setup     Facet = "SETUP"
)

// Who can do something about it.
type Who string

const (
	Customer  Who = "CUSTOMER"  // whoever connects the domain
	Developer Who = "DEVELOPER" // whoever built the application
	Operator  Who = "OPERATOR"  // whoever runs this installation
	Provider  Who = "PROVIDER"  // whoever runs the domain's DNS
)

// Finding is one thing we noticed. Params hold only what may be shown to everybody who may see the connection.
type Finding struct {
	Code     string                `json:"code"`
	Severity FindingSeverity       `json:"severity"`
	Facet    Facet                 `json:"facet"`
	Params   map[string]any        `json:"params"`
	Evidence []ident.ObservationID `json:"evidence"`
}

// New fills in severity and facet from the table. A code that is not in it is a mistake in the program and panics.
func New(code string, params map[string]any, evidence ...ident.ObservationID) Finding {
	spec, ok := Lookup(code)
	if !ok {
		panic("finding: no such code: " + code)
	}
	if params == nil {
		params = map[string]any{}
	}
	if evidence == nil {
		evidence = []ident.ObservationID{}
	}
	return Finding{Code: code, Severity: spec.Severity, Facet: spec.Facet, Params: params, Evidence: evidence}
}

// As answers the finding with another severity, for the few codes whose weight depends on what else was seen.
func (f Finding) As(s FindingSeverity) Finding {
	f.Severity = s
	return f
}

// NeedsPerson: somebody has to act before the connection gets on. A record that is merely not there yet does not
// count, since the person may just have added it.
func (f Finding) NeedsPerson() bool {
	return f.Severity == Blocking && f.Code != RecordAbsent && f.Code != OwnershipUnproven
}

// Problems names the details that the table asks for and the finding lacks ("-name"), and those it holds without being
// asked ("+name"). For the tests of whoever makes findings: a lacking detail is an ellipsis in somebody's sentence.
func (f Finding) Problems() []string {
	var out []string
	spec, _ := Lookup(f.Code)
	for _, name := range spec.Names() {
		if _, ok := f.Params[name]; !ok {
			out = append(out, "-"+name)
		}
	}
	for name := range f.Params {
		if !slices.Contains(spec.Names(), name) {
			out = append(out, "+"+name)
		}
	}
	slices.Sort(out)
	return out
}

// Explain is the finding in words.
func (f Finding) Explain(tag string) Explanation {
	e, _ := Explain(f.Code, tag, f.Params)
	return e
}

// Sentence is the finding in one line.
func (f Finding) Sentence(tag string) string { return Sentence(f.Code, tag, f.Params) }
