// Package connection is a customer's own host name, hooked up to an application: the heart of the product.
//
// A connection begins as DRAFT and is analysed within seconds (shown as ANALYZING meanwhile). Then it says what the person has to do
// (ACTION_REQUIRED), or that what they did is on its way (VERIFYING: k of n name servers have it). When every responsive name server agrees in
// two passes two seconds apart and the name is proven to be the customer's, the certificate is ordered (SECURING). When the certificate is there
// and a real HTTPS request through the edge has answered with our nonce on every address of the name, it is LIVE.
//
// A live connection that changes becomes DEGRADED: it goes on serving, a clock runs, and it is LIVE again as soon as everything stands. One that
// is never finished becomes FAILED when its window ends, and one click starts it again. ARCHIVED is the end: a returning customer starts a new
// connection with a new target and proves again.
//
// The state is never set by hand. Four facets (ownership, dns, tls, edge) are folded from what checks and certificates say, with their own
// memory against flapping, and the state is a pure function of them and of a few stored times (Headline). Whatever moves anything writes one
// event in the same transaction; a check that finds nothing new writes none.
package connection

import (
	"encoding/json"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
)

// Connection is the noun; see the table connection.
type Connection struct {
	ID                ident.ConnectionID
	OrgID             ident.OrgID
	ApplicationID     ident.ApplicationID
	RecipeID          ident.RecipeID
	Version           int32
	Hostname          string
	UnicodeName       string
	HostLabel         string
	RegistrableDomain string
	PublicSuffix      string
	ZoneApex          *string
	IsApex            bool
	IsWildcard        bool

	Life

	SetupType          *SetupType
	Mechanism          *Mechanism
	SetupOrigin        SetupOrigin
	ProviderSlug       *string
	ProviderConfidence *float64
	TargetToken        string
	Target             string // TargetToken in the edge zone
	VerificationToken  string
	TLSMode            string
	Upstream           *application.Upstream // nil: the application's
	CompanionOf        *ident.ConnectionID   // where it leads its visitors; nil: nowhere, it serves them
	ExternalRef        *string
	EndUserRef         *string
	EndUserEmail       *string
	Metadata           json.RawMessage
	Labels             []string
	Findings           []finding.Finding
	Eta                *analysis.Eta
	NextCheckAt        *time.Time
	CheckedAt          *time.Time // when it was looked at last
	FreshUntil         *time.Time // until when what was seen then counts; nil: nobody looks after it
	CreatedBy          string
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

func (*Connection) IsNode() {}

// Base is the name below a wildcard's asterisk, and the name itself for all others.
func (c *Connection) Base() string {
	return record.Host{Name: c.Hostname, Wildcard: c.IsWildcard}.Base()
}

// TransferAt is when a contested name moves from this connection, or to it; nil when nobody contests it.
func (c *Connection) TransferAt() *time.Time { return c.Facets.Ownership.Until }

// Open says that the connection is not archived.
func (c *Connection) Open() bool { return c.ArchivedAt == nil }

// State is the headline; see Headline.
type State string

const (
	Draft          State = "DRAFT"
	Analyzing      State = "ANALYZING"
	ActionRequired State = "ACTION_REQUIRED"
	Applying       State = "APPLYING"
	Verifying      State = "VERIFYING"
	Securing       State = "SECURING"
	Live           State = "LIVE"
	Degraded       State = "DEGRADED"
	Suspended      State = "SUSPENDED"
	Failed         State = "FAILED"
	Blocked        State = "BLOCKED"
	Contested      State = "CONTESTED"
	Archived       State = "ARCHIVED"
)

// ConnectionState is State's name in GraphQL.
type ConnectionState = State

// States are all of them, in the order in which they are shown.
var States = []State{Draft, Analyzing, ActionRequired, Applying, Verifying, Securing, Live, Degraded, Suspended, Failed, Blocked, Contested, Archived}

// SetupType is how the authority to write the records was obtained. MANUAL and DELEGATION are offered yet.
type SetupType string

const (
	Manual     SetupType = "MANUAL"
	Delegation SetupType = "DELEGATION" // the name and all below it are handed over to our name servers; see delegation.go
)

// Mechanism is how records are written. NONE: the person does it.
type Mechanism string

const (
	NoMechanism  Mechanism = "NONE"
	NSDelegation Mechanism = "NS_DELEGATION"
)

// SetupOrigin is where a connection was started.
type SetupOrigin string

const (
	FromWidget  SetupOrigin = "WIDGET"
	FromConsole SetupOrigin = "CONSOLE"
	FromAPI     SetupOrigin = "API"
)

type (
	ConnectionPage = page.Of[*Connection]
	ConnectionEdge = page.Edge[*Connection]
)

// StateCount is how many connections of an organization or an application are in a state.
type StateCount struct {
	State State
	Count int32
}
