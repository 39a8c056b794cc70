// Package domaincheck answers, before there is a connection: what is this name, who runs its DNS, what would have to be added, and what is in the way.
//
// A check reads and keeps nothing. It asks the same engine as the checks of a connection, with the records that the application's recipe would ask
// for; since a connection's own target and proof exist only once it is started, these stand in the answer as words. It never tells whether another
// tenant holds the name: the one existing connection that it names is the caller's own.
package domaincheck

import (
	"context"
	"net/netip"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
)

// DomainCheck is what we found out about a name.
type DomainCheck struct {
	Hostname          string
	UnicodeName       string
	Typed             string
	HostLabel         string
	IsApex            bool
	IsWildcard        bool
	RegistrableDomain string
	PublicSuffix      string
	PublicSuffixIcann bool
	Registered        bool
	Zone              *analysis.ZoneView
	Provider          provider.ProviderMatch
	Setup             []SetupOption
	Best              string // a word of connection.SetupType
	Apex              ApexSupport
	Records           []*record.Record
	Conflicts         []*record.Conflict
	Findings          []finding.Finding
	Suggestions       []Suggestion
	Companion         *CompanionOffer
	Existing          *ExistingConnection
	DurationMs        int32
	Queries           int32
}

// SetupOption is one way to get the records into the zone. Type and Mechanism are words of connection.SetupType and connection.Mechanism.
type SetupOption struct {
	Type            string
	Mechanism       string
	Recommended     bool
	Available       bool
	Reason          *string
	SecondsEstimate int32
	SharesWithUs    []string
}

// CompanionOffer is the other name of a pair, which a start can take along.
type CompanionOffer struct {
	Hostname string
	Mode     application.CompanionMode // what a start is told
	Chosen   bool                      // the application takes it along by itself
}

// ApexSupport says how the domain itself could be pointed at us at this provider.
type ApexSupport struct {
	Supported bool
	How       []provider.ApexMethod
	Message   *string
}

// Suggestion is another name that the person may have meant. It is offered and never taken.
type Suggestion struct {
	Kind     SuggestionKind
	Hostname string
	Text     string
}

type SuggestionKind string

const (
	WWW       SuggestionKind = "WWW"
	Apex      SuggestionKind = "APEX"
	Typo      SuggestionKind = "TYPO"
	Subdomain SuggestionKind = "SUBDOMAIN"
)

// ExistingConnection is the caller's own open connection of the name.
type ExistingConnection struct {
	ConnectionID ident.ConnectionID
	Resumable    bool
}

// DomainCheckStep is one row of a running analysis. The last one has the key "result" and carries it.
type DomainCheckStep struct {
	Key    string
	State  string // WAITING RUNNING DONE WARNING FAILED
	Text   string
	Result *DomainCheck
}

// Applications reads an application, whoever asks. NOT_FOUND for an unknown id.
type Applications interface {
	Find(ctx context.Context, id ident.ApplicationID) (*application.Application, error)
}

// Recipes reads a version of a recipe. NOT_FOUND for an unknown id.
type Recipes interface {
	Find(ctx context.Context, id ident.RecipeID) (*recipe.Recipe, error)
}

// Engine is the DNS engine. That it could not ask is a verdict and no error.
type Engine interface {
	Analyze(ctx context.Context, q analysis.Question) (analysis.Answer, error)
}

// Settings are those of the installation.
type Settings struct {
	EdgeZone       string
	EdgeV4, EdgeV6 []netip.Addr
	Delegation     bool // names may be handed over to our name servers
	Hostnames      hostname.Policy
}

// Service makes checks. Its fields are set by the assembly.
type Service struct {
	Authz        *authz.Authorizer
	Limit        *limit.Limiter
	Applications Applications
	Recipes      Recipes
	Engine       Engine
	Settings     Settings
	// Existing answers the caller's own open connection of a name; nil for none and for somebody else's. The caller was authorised for the application.
	Existing func(ctx context.Context, app *application.Application, hostname string) (*ExistingConnection, error)
}

// Part is what domain checks contribute; connection.check is granted by connection.
func (s *Service) Part() part.Part { return part.Part{Name: "domaincheck"} }
