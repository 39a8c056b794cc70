// Package audit shows who did what, and proves that nobody changed what is shown.
//
// The audit log is no log of its own: it is the audited rows of the one ledger (spine/event), which were written in the transaction of the change that they
// tell of. Here they get words in the reader's language, names for ids, search and filters. Each row continues the row before it by a hash; every five minutes
// each chain that moved gets a signed checkpoint, the root of a Merkle tree over the hashes (RFC 9162), which is also written to a file outside of the
// database. A row that was changed, taken out or put in by hand is found by the hashes, and newest rows that were cut off by the file.
//
// Who reads leaves a row too: audit.read, once in ten minutes for each reader.
package audit

import (
	"encoding/json"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

const (
	mayRead      authz.Permission = "audit.read"
	mayExport    authz.Permission = "audit.export"
	mayReadAny   authz.Permission = "audit.read_any"
	mayExportAny authz.Permission = "audit.export_any"
	maySee       authz.Permission = "event.read_any"
	mayRedeliver authz.Permission = "event.redeliver"
)

// Audit is an audited row of the ledger, as people read it.
type Audit struct {
	ID             ident.EventID
	Cursor         string
	Chain          string
	Seq            int32
	At             time.Time
	OrganizationID *ident.OrgID
	Actor          *AuditActor
	Action         string
	Outcome        AuditOutcome
	Subject        string
	SubjectLabel   *string
	Args           json.RawMessage
	IP             *string
	UserAgent      *string
	RequestID      string
	Region         string
	Hash           string // hexadecimal, as PrevHash
	PrevHash       string

	names map[string]string // what the ids in Args are called, by the member's name
}

// AuditOutcome says how it ended.
type AuditOutcome string

const (
	OK      AuditOutcome = "OK"
	Refused AuditOutcome = "REFUSED"
	Failed  AuditOutcome = "FAILED"
)

// AuditActorKind is what kind of actor it was.
type AuditActorKind string

const (
	Anonymous AuditActorKind = "ANONYMOUS"
	User      AuditActorKind = "USER"
	Widget    AuditActorKind = "WIDGET"
	Key       AuditActorKind = "API_KEY"
	Machine   AuditActorKind = "MACHINE"
	Account   AuditActorKind = "SERVICE"
	Operator  AuditActorKind = "OPERATOR"
	System    AuditActorKind = "SYSTEM"
)

// AuditActor is who did something.
type AuditActor struct {
	ID             *string // nil for the product itself and for who is nobody
	Kind           AuditActorKind
	Label          string // a name; "" when there is none to show
	ImpersonatedBy *ident.UserID
}

type (
	AuditPage = page.Of[*Audit]
	AuditEdge = page.Edge[*Audit]
)

// AuditFilter narrows a list; what is nil or empty does not.
type AuditFilter struct {
	OrganizationID *ident.OrgID
	Since          *time.Time // nil: 14 days ago
	Until          *time.Time
	ActorID        *string
	Action         []string
	Subject        *string
	Outcome        *AuditOutcome
	RequestID      *string
	Text           *string
}

// Service reads the audit log, proves it and carries it away. Its fields are set by the assembly.
type Service struct {
	DB     *db.DB
	Door   *door.Door
	Authz  *authz.Authorizer
	Ledger *event.Ledger
	Vault  *vault.Vault
	Hub    *live.Hub

	Console     string // address of the console, for links
	Origin      string // names the log in checkpoints, such as console.example.com/audit
	Checkpoints string // file that checkpoints are added to; "": they stay in the database

	q auditq.Queries
}

// Part is what the audit log contributes.
func (s *Service) Part() part.Part {
	owners := []authz.Role{authz.Owner}
	return part.Part{
		Name: "audit",
		Grants: []authz.Grant{
			{Permission: mayRead, Roles: owners, What: "read who did what in the organization, and prove it"},
			{Permission: mayExport, Roles: owners, What: "carry the audit log away"},
			{Permission: mayReadAny, Operator: true, What: "read who did what anywhere, and prove it"},
			{Permission: mayExportAny, Operator: true, What: "carry any audit log away"},
			{Permission: maySee, Operator: true, What: "see the ledger, and how far its readers are"},
			{Permission: mayRedeliver, Operator: true, What: "let a reader of the ledger go on where it stands still"},
		},
		Periodics: []work.Periodic{
			{Kind: "audit.checkpoint", Every: 5 * time.Minute, Do: s.checkpoint},
			{Kind: "audit.index", Every: indexEvery, Do: s.index},
			{Kind: "audit.verify", Every: 24 * time.Hour, Do: s.verify},
			{Kind: "audit.forget_exports", Every: time.Hour, Do: s.forgetExports},
		},
		Routes: []part.Route{{Pattern: "GET /audit/export/{token}", Handler: s.download()}},
	}
}
