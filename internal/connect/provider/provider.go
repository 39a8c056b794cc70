// Package provider knows the companies that run DNS for others: how to recognise them by a zone's name servers, what
// their forms want to be typed into, and what they can do at the apex.
//
// What it knows is data: catalogue/<slug>.json, one file a provider, held against schema.json; an operator can replace
// and add rows with a file of their own. A row says where it was taken from. One that nobody has tried at the provider
// itself (no verifiedAt) is trusted 60 % where a source tells the name servers, and 50 % where it is general knowledge.
package provider

import (
	"net/url"
	"slices"
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
	TXTQuotes     *TextQuotes `json:"txtQuotes"` // nil: nobody knows
	Fields        FieldNames  `json:"fields"`
	TTL           TTLRange    `json:"ttl"`
	Records       []string    `json:"records"` // the types it offers; nil: nobody knows
	Notes         []string    `json:"notes"`   // English; what else surprises people there
}

// TextQuotes says what becomes of quotation marks around the text of a TXT.
type TextQuotes string

const (
	QuotesNeeded  TextQuotes = "NEEDED"  // without them the form refuses the text, or takes its first word
	QuotesAllowed TextQuotes = "ALLOWED" // they make no difference
	QuotesRefused TextQuotes = "REFUSED" // they would become part of the text
)

// FieldNames are what the fields of the form are called there; nil where nobody knows, or there is no such field.
type FieldNames struct {
	Name     *string `json:"name"`
	Value    *string `json:"value"`
	TTL      *string `json:"ttl"`
	Priority *string `json:"priority"`
}

// TTLRange are seconds; nil where nobody knows.
type TTLRange struct {
	Minimum *int32 `json:"minimum"`
	Default *int32 `json:"default"`
}

// Offers says whether records of a type can be added; known is false where nobody knows.
func (d Dialect) Offers(kind string) (offers, known bool) {
	return slices.Contains(d.Records, kind), d.Records != nil
}

// ProviderCapabilities are what the provider can do beside its form; nil where nobody knows.
type ProviderCapabilities struct {
	API    *bool `json:"api"`    // records can be written through a public API
	DNSSEC *bool `json:"dnssec"` // it signs zones
	Proxy  *bool `json:"proxy"`  // it can stand in front of the site and hide where a name points
	IPv6   *bool `json:"ipv6"`   // its name servers answer over IPv6
}

// ProviderClaim is a part of a row that a source bears out.
type ProviderClaim string

const (
	Detection ProviderClaim = "DETECTION"
	Console   ProviderClaim = "CONSOLE"
	Form      ProviderClaim = "FORM"
	Apex      ProviderClaim = "APEX"
	Abilities ProviderClaim = "CAPABILITIES"
)

// ProviderSource is a page that somebody read, and the day.
type ProviderSource struct {
	URL    string
	Claims []ProviderClaim
	ReadAt time.Time
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
	Country       *string // ISO 3166-1 alpha-2
	Apex          []ApexMethod
	DomainConnect DomainConnectSupport
	Dialect       Dialect
	Capabilities  ProviderCapabilities
	Sources       []ProviderSource
	CheckedAt     *time.Time // the day the latest source was read
	VerifiedAt    *time.Time // the day somebody tried it at the provider
	// Confidence that a match by name servers alone deserves.
	Confidence float64
	// Parking: the servers belong to a service that shows advertisements on domains waiting for a buyer.
	Parking bool

	nsSuffixes []string
	nsPatterns []pattern
	soa        []string
	// connectHosts are the hosts of its Domain Connect service.
	connectHosts []string
	console      string
	guide        map[string][]string
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

// Bears says whether a source bears out a part of the row.
func (p *Provider) Bears(c ProviderClaim) bool {
	return slices.ContainsFunc(p.Sources, func(s ProviderSource) bool { return slices.Contains(s.Claims, c) })
}

// NameServers are the rules by which its servers are known: domains with everything below them, and regular expressions.
func (p *Provider) NameServers() []string {
	out := slices.Clone(p.nsSuffixes)
	for _, n := range p.nsPatterns {
		out = append(out, n.re.String())
	}
	return out
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
