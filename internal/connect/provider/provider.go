// Package provider knows the companies that run DNS for others: how to recognise them by a zone's name servers, what
// their forms want to be typed into, and what they can do at the apex.
//
// What it knows is data: catalogue.json, one row per provider, which an operator can replace or extend. A row whose
// claims nobody has tried at the provider itself (no verified_at) is never trusted more than 60 %.
package provider

import (
	"net/url"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// ApexMethod is a way to point the apex of a domain at us, where no CNAME may stand.
type ApexMethod string

const (
	Alias          ApexMethod = "ALIAS"           // a pseudo record (ALIAS, ANAME) that the provider resolves itself
	FlattenedCNAME ApexMethod = "FLATTENED_CNAME" // a CNAME typed at the apex and answered as addresses
	Address        ApexMethod = "ADDRESS"         // A and AAAA with our addresses; works everywhere
)

// TrailingDot says what becomes of a dot after a target.
type TrailingDot string

const (
	Needed  TrailingDot = "NEEDED"  // without it the zone is appended
	Allowed TrailingDot = "ALLOWED" // makes no difference
	Refused TrailingDot = "REFUSED" // the form does not take it
)

// Dialect is how a provider's form wants names and values.
type Dialect struct {
	ApexName      string      `json:"apexName"`      // what stands for the apex: "@", "" or the full name ("{domain}")
	RelativeNames bool        `json:"relativeNames"` // "shop" rather than "shop.acme.com"
	AppendsZone   bool        `json:"appendsZone"`   // whatever is typed, the zone is put behind it: full names get doubled
	TrailingDot   TrailingDot `json:"trailingDot"`
	Notes         []string    `json:"notes"` // English; what else surprises people there
	Form          Form        `json:"form"`  // what its form calls the fields; nil when nobody wrote that down
}

// DomainConnectSupport says whether the provider lets us set records with the person's consent.
type DomainConnectSupport struct {
	Sync              bool `json:"sync"`
	Async             bool `json:"async"`
	SignatureRequired bool `json:"signatureRequired"`
}

// GuideStep is one thing to do at the provider's.
type GuideStep struct {
	Text     string
	ImageAlt *string
	URL      *string
}

// Provider is one row of the catalogue.
type Provider struct {
	ID            ident.Any
	Slug          string
	Name          string
	Apex          []ApexMethod
	DomainConnect DomainConnectSupport
	Dialect       Dialect
	VerifiedAt    *time.Time
	// Confidence that a match by name servers alone deserves.
	Confidence float64
	// Parking: the servers belong to a service that shows advertisements on domains waiting for a buyer.
	Parking bool

	nsSuffixes []string
	nsPatterns []pattern
	soa        []string
	console    string
	guide      map[string][]string
}

// NodeID is the id by which a provider is addressed from outside.
func NodeID(slug string) ident.Any { return ident.Any("pvd_" + slug) }

// SlugOf is the slug inside a node id, and false for the id of something else.
func SlugOf(id ident.Any) (string, bool) { return strings.CutPrefix(string(id), "pvd_") }

// ConsoleURL is where the domain's records are edited; nil where we do not know.
func (p *Provider) ConsoleURL(domain string) *string {
	if p.console == "" {
		return nil
	}
	return new(strings.ReplaceAll(p.console, "{domain}", url.PathEscape(domain)))
}

// SupportsAlias: the apex can follow our target by name, so that a change of our addresses needs nobody.
func (p *Provider) SupportsAlias() bool {
	for _, m := range p.Apex {
		if m == Alias || m == FlattenedCNAME {
			return true
		}
	}
	return false
}

// FullName as ApexName: the form wants the domain itself.
const FullName = "{domain}"

// UnknownDialect is for providers that nobody knows: relative names, and the sentence that goes with them.
var UnknownDialect = Dialect{
	ApexName: "@", RelativeNames: true, TrailingDot: Allowed,
	Notes: []string{"If your provider wants the full name, use the full name shown beneath."},
}

// AutoConfigures: we can write the records at this provider ourselves. So far a person does it everywhere.
func (p *Provider) AutoConfigures() bool { return false }
