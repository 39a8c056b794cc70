// Package edgeentry is the projection: all that an edge needs to serve, and nothing else.
//
// Every name that we answer for has one entry: may a certificate be ordered for it, is it served, and where its requests go. Every connection has
// one name in the edge zone, its target. Whoever changes a connection writes the entry and the target here, in the transaction of that change.
//
// Every such transaction locks the one row of edge_generation, adds one and stamps what it wrote, so generations become visible in the order of
// their numbers. An edge that has read generation 8 knows all of 7. Edges read what is newer than theirs, and say how far they have come.
package edgeentry

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Subject is poked when the projection has a newer generation.
const Subject = "edge:generation"

// Alive is how long an edge counts after its last heartbeat.
const Alive = 10 * time.Second

// Mode says what an edge does with requests for a name.
type Mode string

const (
	Proxy     Mode = "PROXY"     // to the upstream, once the entry says Serve
	Suspended Mode = "SUSPENDED" // the handshake succeeds, every request gets 421
	Gone      Mode = "GONE"      // withdrawn: the handshake is refused. The row stays 30 days, so that edges learn it from a delta
)

// Entry is one name.
type Entry struct {
	Hostname      string // lower-case A-label without trailing dot
	ConnectionID  ident.ConnectionID
	OrgID         ident.OrgID
	Serve         bool // requests may reach the upstream; ownership is verified or contested (I1)
	CertAllowed   bool // a certificate may be ordered (I1): what Ask answers
	Mode          Mode
	Route         Route
	CertificateID *ident.CertificateID // what to present; nil until there is one
	Generation    int64                // set when written
	UpdatedAt     time.Time            // set when written
}

// Route says where requests go and what the origin and a branded page learn.
type Route struct {
	Upstream     *Upstream          `json:"upstream,omitempty"` // nil: the application has not set one
	Application  string             `json:"application"`        // its name, for people
	ConnectionID ident.ConnectionID `json:"connectionId"`
	CustomerRef  string             `json:"customerRef,omitempty"` // the developer's external reference

	ApplicationID ident.ApplicationID `json:"applicationId,omitzero"` // whose secret signs the requests
	HSTSMaxAge    int32               `json:"hstsMaxAge,omitempty"`   // seconds for which browsers are told to come by https alone; 0: they are told nothing

	// ProxiedBy is the slug of the provider whose proxy the connection's last probe saw in front of us (VIA_PROXY), "" when there was none.
	// It matters for one thing: a request on port 80 from that provider's addresses that came to it over https is not redirected (RU-30).
	ProxiedBy string `json:"proxiedBy,omitempty"`

	// Companion makes the name lead its visitors to another one in an upstream's place; nil: it does not.
	Companion *Companion `json:"companion,omitempty"`
	// Below says that names one label below are served like the name itself, unless they have entries of their own.
	Below bool `json:"below,omitempty"`

	// Former is what stands at the name for a moment longer, when it has just changed hands.
	Former *Former `json:"former,omitempty"`
}

// Companion is where a name leads its visitors.
type Companion struct {
	To     string             `json:"to"`     // an exact name
	Of     ident.ConnectionID `json:"of"`     // whose it must be: nobody is led to whoever holds the name next
	Status int32              `json:"status"` // 308 or 301
}

// Former is the end of an entry whose name went to another connection.
type Former struct {
	Until         time.Time            `json:"until"` // all edges switch then; nothing is ordered for it any more
	ConnectionID  ident.ConnectionID   `json:"connectionId"`
	OrgID         ident.OrgID          `json:"orgId"`
	Mode          Mode                 `json:"mode"`
	Serve         bool                 `json:"serve"`
	CertificateID *ident.CertificateID `json:"certificateId,omitempty"`
	Route         Route                `json:"route"`
}

// Entry is the former entry as it was, but for certificates.
func (f *Former) Entry(hostname string) Entry {
	return Entry{Hostname: hostname, ConnectionID: f.ConnectionID, OrgID: f.OrgID, Serve: f.Serve, Mode: f.Mode, Route: f.Route, CertificateID: f.CertificateID}
}

// Upstream is an origin.
type Upstream struct {
	OriginURL         string  `json:"originUrl"`
	HostHeader        string  `json:"hostHeader"` // CUSTOMER, UPSTREAM or CUSTOM
	CustomHost        *string `json:"customHost,omitempty"`
	ConnectTimeoutMs  int32   `json:"connectTimeoutMs"`
	ResponseTimeoutMs int32   `json:"responseTimeoutMs"`
	TLSVerify         bool    `json:"tlsVerify"`
}

// ZoneRecord is one row of the edge zone. A target is a row of type TARGET; its addresses and CAA are computed when answering.
type ZoneRecord struct {
	FQDN       string // lower case, no trailing dot
	Type       string
	Value      string
	TTL        int32
	Owner      string // the connection's id
	Generation int64
	ExpiresAt  *time.Time // not answered from then on
}

// Types of rows.
const (
	TypeTarget     = "TARGET"     // a connection's target; no value
	TypeText       = "TXT"        // one text: the answer to a challenge, a part of a public key
	TypeIssuer     = "CAA"        // at a target: the domain name of a CA that may issue beside ours
	TypeDelegation = "DELEGATION" // a customer's sub-zone that is delegated to us; the value is the connection's token
	TypeKey        = "KEY"        // at the zone itself: a key that signs it, sealed
)

// Snapshot is what changed between two generations, or everything.
type Snapshot struct {
	Generation int64
	Entries    []Entry
	Records    []ZoneRecord
	Secrets    []Secret
}
