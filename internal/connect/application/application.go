// Package application is one product surface of a SaaS that offers "use your own domain": who may embed the widget, what its customers must
// have in DNS, and where the traffic goes.
//
// An application is created with a published default recipe, changed with optimistic versions, and archived when no connection of it is open
// any more (or together with them). An archived application answers nothing, and its name may be used again.
package application

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
)

// Application is the noun; see the table application.
type Application struct {
	ID               ident.ApplicationID
	OrgID            ident.OrgID
	Slug             string
	Name             string
	Environment      Environment
	Version          int32
	PublicKey        string // np_pk_…
	AllowedOrigins   []string
	RecipeID         ident.RecipeID
	Upstream         *Upstream // nil until set: the edge then answers a branded page
	OwnershipPolicy  OwnershipPolicy
	SubdomainRule    SubdomainRule
	Wildcards        bool                   // whether *.acme.com may be connected; those that are stay when this is taken back
	MonitorPolicyID  *ident.MonitorPolicyID // how its live names are looked after; nil: as the product does
	DefaultSubdomain *string
	Companion        CompanionMode // which names take the other one of www and the domain along
	CompanionStatus  int32         // what a companion leads visitors on with: 308 or 301
	HSTSMaxAge       int32         // seconds for which browsers are told to come by https alone; 0: they are told nothing
	EdgeSecretAt     *time.Time    // when the secret was made that requests to the origin are signed with; nil: they are not signed
	CreatedAt        time.Time
	UpdatedAt        time.Time
	ArchivedAt       *time.Time
}

func (*Application) IsNode() {}

// Environment says whether an application serves customers or is for trying things out.
type Environment string

const (
	Live Environment = "LIVE"
	Test Environment = "TEST"
)

// SubdomainRule says which names a customer may connect.
type SubdomainRule string

const (
	SubdomainOptional  SubdomainRule = "OPTIONAL"
	SubdomainRequired  SubdomainRule = "REQUIRED"
	SubdomainForbidden SubdomainRule = "FORBIDDEN"
)

// CompanionMode says which of a pair (www and the domain itself) visitors end at: the other one is the companion, which leads them there.
type CompanionMode string

const (
	AskCompanion CompanionMode = "ASK"  // whoever connects a name of a pair is offered the other one
	EndAtWWW     CompanionMode = "WWW"  // a www takes its domain along
	EndAtApex    CompanionMode = "APEX" // a domain takes its www along
	NoCompanion  CompanionMode = "NONE" // none is offered
)

// OwnershipPolicy says what proves that a name is the customer's; at least one of the two.
type OwnershipPolicy struct {
	TargetToken bool // the CNAME to the connection's own target proves it
	TxtRequired bool // a TXT record is asked for in every case
}

// HostHeader says which Host the origin gets.
type HostHeader string

const (
	HostCustomer HostHeader = "CUSTOMER"
	HostUpstream HostHeader = "UPSTREAM"
	HostCustom   HostHeader = "CUSTOM"
)

// Upstream is where the edge sends requests.
type Upstream struct {
	OriginURL         string     `json:"originUrl"`
	HostHeader        HostHeader `json:"hostHeader"`
	CustomHost        *string    `json:"customHost,omitempty"`
	ConnectTimeoutMs  int32      `json:"connectTimeoutMs"`
	ResponseTimeoutMs int32      `json:"responseTimeoutMs"`
	TLSVerify         bool       `json:"tlsVerify"`
}

type (
	ApplicationPage = page.Of[*Application]
	ApplicationEdge = page.Edge[*Application]
)
