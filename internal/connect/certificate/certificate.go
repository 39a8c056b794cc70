// Package certificate orders, renews and keeps the certificates of connections.
//
// A certificate is ordered before anybody connects: when a connection's DNS is verified, a row becomes due and a worker takes it (PREFLIGHT). A check
// younger than a minute must allow the order; the edges must have the name in force; the budget in front of the CA must have room (ORDERING). The CA
// looks at the challenge that any edge answers (VALIDATING), and the certificate is there (ISSUED). When the CA says so (RFC 9773), or at two thirds of
// its life, it is ordered again (RENEWING); the new one is on every edge before the old one is replaced. What fails waits and is tried again: a CA that is down fails nothing.
//
// Somebody may revoke it (REVOKED): it is presented no more from that moment on, another one is ordered, and the CA is told.
//
// A customer may bring a certificate of their own instead (IMPORTED). It is presented for as long as it is valid, people are warned before it ends, and
// one of ours takes over, where the customer left us one to keep.
//
// One worker at a time works on a row. It names the epoch of its turn with everything that it writes, and asks once more before it lets the CA sign.
package certificate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// Certificate is the noun; see the table certificate. The private key is never part of it.
type Certificate struct {
	ID               ident.CertificateID
	OrgID            ident.OrgID
	ConnectionID     ident.ConnectionID
	Names            []string
	Mode             ChallengeMode
	CA               string
	Status           CertificateStatus
	Issuer           *string
	Serial           *string
	NotBefore        *time.Time
	NotAfter         *time.Time
	DaysLeft         *int32 // whole days, negative after the end
	RenewAt          *time.Time
	NextAttemptAt    *time.Time // nil: nothing is planned
	Failures         int32      // in a row
	LastError        *finding.Finding
	AtRiskSince      *time.Time // nil: nothing is
	BreaksAt         *time.Time // when visitors meet a warning unless somebody acts; nil while nothing is at risk
	RevokeReason     *RevocationReason
	RevokedAt        *time.Time // by the CA; nil: it was not told yet, or is not to be
	Imported         bool       // the customer brought it
	KeepsFallback    bool       // of an imported one: a certificate of ours takes over when it ends
	CreatedAt        time.Time
	PreflightCheckID *ident.CheckID // the check that allowed the last order
}

func (*Certificate) IsNode() {}

// ChallengeMode is how the CA is shown that the name is ours to serve.
type ChallengeMode string

const (
	HTTP01         ChallengeMode = "HTTP_01"
	TLSALPN01      ChallengeMode = "TLS_ALPN_01"
	DNS01Delegated ChallengeMode = "DNS_01_DELEGATED" // at a name of the edge zone, to which the customer's _acme-challenge points
	DNSPersist01   ChallengeMode = "DNS_PERSIST_01"   // a TXT in the customer's zone that names our account
	Imported       ChallengeMode = "IMPORTED"         // none: the customer brought the certificate
)

// CertificateStatus is where a certificate stands.
type CertificateStatus string

const (
	None       CertificateStatus = "NONE"
	InCheck    CertificateStatus = "PREFLIGHT"
	Ordering   CertificateStatus = "ORDERING"
	Validating CertificateStatus = "VALIDATING"
	Issued     CertificateStatus = "ISSUED"
	Renewing   CertificateStatus = "RENEWING"
	Failed     CertificateStatus = "FAILED"
	Revoked    CertificateStatus = "REVOKED"
	Expired    CertificateStatus = "EXPIRED"
)

// CA is a certification authority that we order from.
type CA struct {
	Name       string         // ours, as it stands in rows and metrics: "letsencrypt". Never renamed: an account belongs to it
	Directory  string         // of ACME (RFC 8555)
	Identities []string       // how it names itself in CAA records, the one to recommend first
	Roots      *x509.CertPool // that verify its directory; nil: the system's
	EAB        *acme.EAB      // external account binding, where it asks for one
	Persist    bool           // it offers dns-persist-01
}

// Connections are what connection.Service is to this package.
type Connections interface {
	Get(ctx context.Context, id ident.ConnectionID) (*connection.Connection, error)
	Ready(ctx context.Context, id ident.ConnectionID, renewal bool) (*connection.Preflight, error)
	SetTLSTx(ctx context.Context, e *door.Effect, id ident.ConnectionID, to connection.TLS) error
	SetModeTx(ctx context.Context, e *door.Effect, id ident.ConnectionID, mode, persist string) (bool, error)
}

// Edge is what edgeentry.Service is to this package.
type Edge interface {
	Get(ctx context.Context, hostname string) (edgeentry.Entry, error)
	Acked(ctx context.Context, generation int64) (bool, error)
	PresentTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID, certificate ident.CertificateID) error
	WithholdTx(ctx context.Context, tx *db.Tx, hostname string, certificate ident.CertificateID) error
	Challenge(token string) string
	ChallengeTx(ctx context.Context, tx *db.Tx, name, digest string, connection ident.ConnectionID, until time.Time) (generation int64, err error)
	EndChallengesTx(ctx context.Context, tx *db.Tx, name string, digests ...string) error
	AllowIssuerTx(ctx context.Context, tx *db.Tx, token, identity string, connection ident.ConnectionID) error
}

// Service is everything that is done with certificates. Its fields are set by the assembly.
type Service struct {
	DB          *db.DB
	Door        *door.Door
	Authz       *authz.Authorizer
	Vault       *vault.Vault
	Work        *work.Runner
	Connections Connections
	Edge        Edge
	CAs         []CA     // in the order of preference
	Contact     []string // "mailto:…", of the accounts
	Budgets     Budgets  // zero: DefaultBudgets
	// Answers asks every name server of the edge zone for texts at a name, and answers nil when they have them; nil: nobody is asked, the edges' word is enough.
	Answers func(ctx context.Context, name string, texts []string) error
	Metrics *metric.Set
	Log     *slog.Logger

	q       certificateq.Queries
	once    sync.Once
	metrics metrics
	clients sync.Map // by the CA's name: *acme.Client
	issuers atomic.Pointer[[]Issuer]
	wanted  sync.Map // by connection: when it was asked for last
}

func (s *Service) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Get reads one certificate that the caller may see; NOT_FOUND for all others.
func (s *Service) Get(ctx context.Context, id ident.CertificateID) (*Certificate, error) {
	owner, err := s.q.OrgOfCertificate(ctx, s.DB, certificateq.OrgOfCertificateParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the certificate %s: %w", id, err)
	}
	scope, err := s.Authz.Authorize(ctx, "connection.read", ident.From[ident.OrgID](owner.OrgID))
	if err != nil {
		return nil, err
	}
	row, err := s.q.CertificateByID(ctx, s.DB, certificateq.CertificateByIDParams{ID: id.UUID(), OrgID: scope.OrgUUID()})
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", id, err)
	}
	if _, err := s.Connections.Get(ctx, ident.From[ident.ConnectionID](row.ConnectionID)); err != nil {
		return nil, err // a narrowed key and a widget see the certificates of their own connections alone
	}
	return fromRow(row, s.DB.Now())
}

// ByConnection reads the certificates of connections of one organization, the newest first. The caller may see the connections.
func (s *Service) ByConnection(ctx context.Context, org ident.OrgID, ids []ident.ConnectionID) (map[ident.ConnectionID][]*Certificate, error) {
	scope, err := s.Authz.Authorize(ctx, "connection.read", org)
	if err != nil {
		return nil, err
	}
	p := certificateq.CertificatesOfParams{OrgID: scope.OrgUUID()}
	for _, id := range ids {
		p.ConnectionIds = append(p.ConnectionIds, id.UUID())
	}
	rows, err := s.q.CertificatesOf(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("read the certificates of %d connections: %w", len(ids), err)
	}
	out, now := make(map[ident.ConnectionID][]*Certificate, len(ids)), s.DB.Now()
	for _, row := range rows {
		c, err := fromRow(row, now)
		if err != nil {
			return nil, err
		}
		out[c.ConnectionID] = append(out[c.ConnectionID], c)
	}
	return out, nil
}

func fromRow(r *certificateq.Certificate, now time.Time) (*Certificate, error) {
	c := &Certificate{
		ID: ident.From[ident.CertificateID](r.ID), OrgID: ident.From[ident.OrgID](r.OrgID), ConnectionID: ident.From[ident.ConnectionID](r.ConnectionID), Names: r.Names,
		Mode: ChallengeMode(r.Mode), CA: r.Ca, Status: CertificateStatus(r.Status), Issuer: r.Issuer, Serial: r.Serial, NotBefore: r.NotBefore, NotAfter: r.NotAfter,
		RenewAt: r.RenewAt, NextAttemptAt: r.DueAt, Failures: r.Failures, AtRiskSince: r.AtRiskSince, RevokedAt: r.RevokedAt, CreatedAt: r.CreatedAt,
	}
	if r.AtRiskSince != nil {
		c.BreaksAt = r.NotAfter
	}
	if r.RevokeReason != nil {
		c.RevokeReason = new(RevocationReason(*r.RevokeReason))
	}
	if c.Mode == Imported {
		c.Imported, c.KeepsFallback, c.NextAttemptAt = true, r.KeepFallback, nil
	}
	if r.NotAfter != nil {
		c.DaysLeft = new(int32(r.NotAfter.Sub(now) / (24 * time.Hour)))
		if now.After(*r.NotAfter) && c.Status == Issued {
			c.Status = Expired
		}
	}
	if r.PreflightCheckID != nil {
		c.PreflightCheckID = new(ident.From[ident.CheckID](*r.PreflightCheckID))
	}
	if r.LastError != nil {
		c.LastError = &finding.Finding{}
		if err := json.Unmarshal(r.LastError, c.LastError); err != nil {
			return nil, fmt.Errorf("read the last error of %s: %w", c.ID, err)
		}
	}
	return c, nil
}
