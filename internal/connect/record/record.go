// Package record is what must stand in a customer's DNS for one connection, line by line, with what we saw of each.
//
// The lines are planned once, from the recipe, when the connection starts, and every check brings their statuses up to date. A person sees a line
// as their own provider wants it typed. Nobody edits lines: they are derived.
package record

import (
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Record is one line.
type Record struct {
	ID           ident.RecordID
	OrgID        ident.OrgID
	ConnectionID ident.ConnectionID
	Key          string
	Type         RecordType
	Purpose      RecordPurpose
	Requirement  Requirement
	Group        *string // set when Requirement is ONE_OF: the lines of a group are alternatives
	Name         string  // as this provider wants it typed; see Present
	FQDN         string  // lower case, no trailing dot
	Value        string  // canonical: no trailing dot, no quotes
	TTL          int32
	Priority     *int32
	Position     int32
	Status       RecordStatus
	StatusSince  time.Time
	Servers      *analysis.Ratio // those that have it, of those that answered; nil before the first check
	Observed     []ObservedRRset
	Seen         []string // values of its own type over all servers, by which passes are compared
	Finding      *finding.Finding
	Writer       *RecordWriter
	AppliedAt    *time.Time
	FirstSeenAt  *time.Time
	EtaAt        *time.Time
	Eta          *analysis.Eta // EtaAt as a person reads it; see Present
	Later        bool          // Value is words: what is to be typed is not known yet, and nothing can be copied

	view *View // of the last Present
}

func (*Record) IsNode() {}

// RecordType is what a line is; ALIAS, SPF_MERGE and REDIRECT are no types of the DNS but of providers' forms.
type RecordType string

const (
	A     RecordType = "A"
	AAAA  RecordType = "AAAA"
	CNAME RecordType = "CNAME"
	ALIAS RecordType = "ALIAS" // ALIAS, ANAME or flattened CNAME
	TXT   RecordType = "TXT"
	MX    RecordType = "MX"
	CAA   RecordType = "CAA"
	NS    RecordType = "NS"
	SRV   RecordType = "SRV"
)

// RecordPurpose says what a line is for.
type RecordPurpose string

const (
	Routing        RecordPurpose = "ROUTING"
	Ownership      RecordPurpose = "OWNERSHIP"
	ACMEDelegation RecordPurpose = "ACME_DELEGATION" // lets us answer a CA's DNS challenges
	ACMEPersist    RecordPurpose = "ACME_PERSIST"    // names our account to a CA
	Delegation     RecordPurpose = "DELEGATION"      // hands the name and all below it over to our name servers
)

// Requirement says how much a line matters. REMOVE: it must not exist.
type Requirement string

const (
	Required    Requirement = "REQUIRED"
	OneOf       Requirement = "ONE_OF"
	Recommended Requirement = "RECOMMENDED"
	Optional    Requirement = "OPTIONAL"
	Remove      Requirement = "REMOVE"
)

// RecordStatus is what the last check saw.
type RecordStatus string

const (
	Pending      RecordStatus = "PENDING"
	Partial      RecordStatus = "PARTIAL"
	OK           RecordStatus = "OK"
	WrongValue   RecordStatus = "WRONG_VALUE"
	WrongType    RecordStatus = "WRONG_TYPE"
	WrongName    RecordStatus = "WRONG_NAME"
	InConflict   RecordStatus = "CONFLICT"
	Flattened    RecordStatus = "FLATTENED"
	Proxied      RecordStatus = "PROXIED"
	Shadowed     RecordStatus = "SHADOWED_BY_WILDCARD"
	Unverifiable RecordStatus = "UNVERIFIABLE"
	Merged       RecordStatus = "MERGED"
	Waived       RecordStatus = "WAIVED"
)

// Stands says that the line needs nothing more.
func (s RecordStatus) Stands() bool {
	return s == OK || s == Flattened || s == Proxied || s == Merged || s == Waived
}

// RecordWriter is who wrote a line.
type RecordWriter string

const Customer RecordWriter = "CUSTOMER"

// ObservedRRset is what one server answers for a line's name and type.
type ObservedRRset struct {
	Server        string        `json:"server"`
	Values        []string      `json:"values"`
	TTL           *int32        `json:"ttl,omitempty"`
	Rcode         string        `json:"rcode"`
	Authoritative bool          `json:"authoritative"`
	At            time.Time     `json:"at"`
	Outcome       AnswerOutcome `json:"-"` // see Present
}

// Conflict is something in the way of a line. Kind is a finding code.
type Conflict struct {
	ID           ident.ConflictID
	OrgID        ident.OrgID
	ConnectionID ident.ConnectionID
	Kind         string
	Severity     finding.FindingSeverity
	Name         string
	Type         RecordType
	Existing     []string
	Desired      *string
	Resolution   *Resolution // what the person chose; doing it is theirs, and the next check sees it
	Choices      []Resolution
	SeenAt       time.Time
	ResolvedAt   *time.Time
}

func (*Conflict) IsNode() {}

// Params are the details that the explanation of a conflict speaks of.
func (c *Conflict) Params() map[string]any {
	p := map[string]any{"name": c.Name, "type": string(c.Type), "observed": strings.Join(c.Existing, ", "), "addresses": c.Existing}
	if c.Desired != nil {
		p["desired"] = *c.Desired
	}
	return p
}

// Resolution is what to do about a conflict.
type Resolution string

const (
	Replace Resolution = "REPLACE"
	Delete  Resolution = "DELETE"
	Merge   Resolution = "MERGE"
	Keep    Resolution = "KEEP"
)

// Host is the name that lines are planned for.
type Host struct {
	Name         string // lower-case A-labels; begins with "*." for a wildcard
	Label        string // relative to Registrable; "" at the apex
	Registrable  string
	PublicSuffix string
	Apex         bool
	Wildcard     bool
}

// Base is the name below a wildcard's asterisk, and the name itself for all others.
func (h Host) Base() string { return strings.TrimPrefix(h.Name, "*.") }
