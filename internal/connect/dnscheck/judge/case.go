// Package judge says what the answers of a zone's servers mean: how far each expected record stands, what stands in its place and why, what
// is in the way, who owns the name, and what it all comes to.
//
// It asks nobody anything. Whoever asks fills in a Case; the same answers are always judged the same way.
package judge

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Words of record.RecordStatus.
const (
	Pending      = "PENDING"
	Partial      = "PARTIAL"
	OK           = "OK"
	WrongValue   = "WRONG_VALUE"
	WrongType    = "WRONG_TYPE"
	WrongName    = "WRONG_NAME"
	Conflict     = "CONFLICT"
	Flattened    = "FLATTENED"
	Shadowed     = "SHADOWED_BY_WILDCARD"
	Unverifiable = "UNVERIFIABLE"
)

// Right says that a status needs nothing more.
func Right(status string) bool { return status == OK || status == Flattened }

// Case is a question with what was learned about it. Answer grows with each thing that is judged.
type Case struct {
	Question   analysis.Question
	Host       string                   // canonical: lower case, with the final dot
	Owner      string                   // where the routing record stands: Host, or "*." before it
	Delegation tree.Cut                 // the zone that answers, as its parent delegates it
	EdgeZone   string                   // the zone of our targets
	Ours       []netip.Addr             // where our edge is
	Found      map[tree.Key]tree.Answer // by one server, beside what the matrix holds
	Wild       Wildcard
	Now        func() time.Time

	Answer analysis.Answer
}

type params = map[string]any

// Wildcard is what a name answers that nobody can have created.
type Wildcard struct {
	Exists bool
	Owner  string // "*.acme.com"
	Probe  string // the name that was asked for
	Sets   map[uint16][]string
}

// Names are the name servers of a delegation.
func Names(z tree.Cut) []string {
	out := []string{}
	for _, s := range z.Servers {
		out = append(out, tree.Plain(s.Name))
	}
	return out
}

// Zone is the apex of the zone that answers.
func (c *Case) Zone() string { return c.Delegation.Apex }

func (c *Case) isApex(name string) bool { return name == c.Zone() }

// Proof is where the ownership TXT stands. Of a name that is delegated to us it is above the cut: below it we would prove it to ourselves.
func (c *Case) Proof() tree.Key {
	at := c.Host
	if c.Delegates() {
		at = c.Zone()
	}
	return tree.Key{Name: "_nameplate." + at, Type: dns.TypeTXT}
}

// Unverifiable says of every record that nothing is known.
func (c *Case) Unverifiable() {
	c.Answer.Records = c.Answer.Records[:0]
	for _, x := range c.Question.Expected {
		c.Answer.Records = append(c.Answer.Records, analysis.RecordResult{Key: x.Key, Status: Unverifiable, Observed: []analysis.ServerRRset{}, Seen: []string{}})
	}
}

// Find notes a finding; the same code about the same name and address is said once.
func (c *Case) Find(f finding.Finding) {
	f.Evidence = tree.Distinct(f.Evidence...)
	for _, other := range c.Answer.Findings {
		if other.Code == f.Code && other.Params["name"] == f.Params["name"] && other.Params["address"] == f.Params["address"] {
			return
		}
	}
	c.Answer.Findings = append(c.Answer.Findings, f)
}

// shadowed says that a name shows exactly what the wildcard shows.
func (c *Case) shadowed(name string, v tree.View) bool {
	if !c.Wild.Exists || !tree.Within(tree.Parent(c.Wild.Probe), name) || name == tree.Parent(c.Wild.Probe) {
		return false
	}
	for _, t := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA} {
		if !slices.Equal(v.Sets[t], c.Wild.Sets[t]) && (len(v.Sets[dns.TypeCNAME]) == 0 || t == dns.TypeCNAME) {
			return false
		}
	}
	return true
}

// ForeignAt gives the addresses of others that stand at the name.
func (c *Case) ForeignAt() []netip.Addr {
	var out []string
	for _, s := range c.Answer.Existing {
		if tree.Full(s.Name) == c.Owner && (s.Type == "A" || s.Type == "AAAA") {
			out = append(out, c.Foreign(s.Values)...)
		}
	}
	return tree.AddressList(out)
}
