package certificate

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// ImportCertificateInput is a certificate that the customer brings. The key is sealed at once and never answered.
type ImportCertificateInput struct {
	ConnectionID     ident.ConnectionID
	ChainPem         string
	KeyPem           secret.String
	CaaIdentity      *string // the customer's CA as CAA records name it: our target lets it issue from then on
	KeepAcmeFallback bool
	ClientMutationID *string

	bundle *bundle
}

// CertificatePayload answers a change of a certificate.
type CertificatePayload struct {
	Certificate *Certificate
	Connection  *connection.Connection
}

const (
	permission  = "certificate.write"
	bringsOwn   = "imported" // the column ca of what no CA of ours has signed
	identityMax = 253
)

// orgOf finds whose connection it is, for a caller who may see it; everybody else gets NOT_FOUND.
func (s *Service) orgOf(ctx context.Context, id ident.ConnectionID) (ident.OrgID, error) {
	c, err := s.Connections.Get(ctx, id)
	if err != nil {
		return ident.OrgID{}, err
	}
	if c == nil {
		return ident.OrgID{}, fault.NotFound("connection")
	}
	return c.OrgID, nil
}

// Import presents a certificate of the customer's own from now on. It takes the place of one that they brought before. A certificate of ours is kept and
// renewed beside it and takes over when theirs ends, unless the customer wants none.
func (s *Service) Import(ctx context.Context, in ImportCertificateInput) (*CertificatePayload, error) {
	id, err := door.Do(ctx, s.Door, door.Change[ImportCertificateInput, ident.CertificateID]{
		Action: door.Action{Name: "certificate.import", Permission: permission, StepUp: true},
		Org: func(ctx context.Context, in ImportCertificateInput) (ident.OrgID, error) {
			return s.orgOf(ctx, in.ConnectionID)
		},
		Key:      func(in ImportCertificateInput) *string { return in.ClientMutationID },
		Validate: s.validateImport,
		Do:       s.doImport,
	}, in)
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, id, in.ConnectionID)
}

func (s *Service) payload(ctx context.Context, id ident.CertificateID, con ident.ConnectionID) (*CertificatePayload, error) {
	crt, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.Connections.Get(ctx, con)
	if err != nil {
		return nil, err
	}
	return &CertificatePayload{crt, c}, nil
}

func (s *Service) validateImport(ctx context.Context, e *door.Effect, in *ImportCertificateInput) error {
	facts, err := s.facts(ctx, e.Tx, in.ConnectionID)
	if err != nil {
		return err
	}
	if in.CaaIdentity != nil {
		if *in.CaaIdentity = strings.ToLower(strings.TrimSpace(*in.CaaIdentity)); *in.CaaIdentity == "" {
			in.CaaIdentity = nil
		} else if n, err := hostname.Parse(*in.CaaIdentity, hostname.Policy{Lab: true}); err != nil || n.ASCII != *in.CaaIdentity || n.Wildcard || len(n.ASCII) > identityMax {
			return fault.Invalid("caaIdentity", "ca_identity", "This is how a CA names itself in CAA records: a domain name, such as ca.example.net.")
		}
	}
	in.bundle, err = readBundle(in.ChainPem, []byte(in.KeyPem.Reveal()), facts.Hostname, e.Tx.Now)
	return err
}

func (s *Service) facts(ctx context.Context, tx *db.Tx, con ident.ConnectionID) (*certificateq.OrgOfConnectionRow, error) {
	facts, err := s.q.OrgOfConnection(ctx, tx, certificateq.OrgOfConnectionParams{ID: con.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the connection %s: %w", con, err)
	}
	if connection.State(facts.State) == connection.Archived {
		return nil, fault.Precondition("state", "This does not fit the state of the domain.").With("state", facts.State)
	}
	return facts, nil
}

func (s *Service) doImport(ctx context.Context, e *door.Effect, in ImportCertificateInput) (ident.CertificateID, error) {
	var none ident.CertificateID
	facts, err := s.facts(ctx, e.Tx, in.ConnectionID)
	if err != nil {
		return none, err
	}
	ours, former, err := s.lockBoth(ctx, e.Tx, e.Scope.Org(), in.ConnectionID)
	if err != nil {
		return none, err
	}
	id, leaf := ident.New[ident.CertificateID](e.Tx.Now), in.bundle.leaf
	sealed, err := s.Vault.Seal(ctx, e.Tx, e.Scope.Org(), sealedKey, id.String(), in.bundle.key)
	if err != nil {
		return none, fmt.Errorf("seal the key of %s: %w", id, err)
	}
	serial, issuer := leaf.SerialNumber.Text(16), cmp.Or(leaf.Issuer.CommonName, leaf.Issuer.String())
	next := warnNext(leaf.NotAfter, e.Tx.Now)
	p := certificateq.AddCertificateParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID(), ConnectionID: in.ConnectionID.UUID(), Names: leaf.DNSNames, Mode: string(Imported), Ca: bringsOwn, Status: string(Issued),
		ChainPem: &in.bundle.chain, SealedKey: sealed, Issuer: &issuer, Serial: &serial, NotBefore: &leaf.NotBefore, NotAfter: &leaf.NotAfter, DueAt: &next, KeepFallback: in.KeepAcmeFallback, Now: e.Tx.Now}
	if err := s.q.AddCertificate(ctx, e.Tx, p); err != nil {
		return none, fmt.Errorf("keep the certificate %s: %w", id, err)
	}
	if former != nil {
		if err := s.succeed(ctx, e.Tx, former, id); err != nil {
			return none, err
		}
	}
	if ours != nil && !in.KeepAcmeFallback {
		if err := s.q.Park(ctx, e.Tx, certificateq.ParkParams{ID: ours.ID, OrgID: ours.OrgID}); err != nil {
			return none, fmt.Errorf("end the renewals of %s: %w", ours.ID, err)
		}
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "certificate.imported", Subject: id.String(), Version: 1, Stream: in.ConnectionID.String(), Audited: true,
		Payload: map[string]any{"hostname": facts.Hostname, "names": leaf.DNSNames, "issuer": issuer, "serial": serial, "notAfter": leaf.NotAfter, "keepAcmeFallback": in.KeepAcmeFallback}})
	if err := s.Connections.SetTLSTx(ctx, e, in.ConnectionID, connection.TLS{Value: connection.Issued, Certificate: id}); err != nil {
		return none, err
	}
	if in.CaaIdentity != nil {
		if err := s.Edge.AllowIssuerTx(ctx, e.Tx, facts.TargetToken, *in.CaaIdentity, in.ConnectionID); err != nil {
			return none, err
		}
	}
	e.After(func() { s.Work.Poke(queue) })
	return id, s.Edge.PresentTx(ctx, e.Tx, facts.Hostname, in.ConnectionID, id)
}

// lockBoth locks the certificate of ours and the customer's own, in this order; nil where there is none.
func (s *Service) lockBoth(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) (ours, imported *certificateq.Certificate, err error) {
	ours, err = s.q.LockOpen(ctx, tx, certificateq.LockOpenParams{ConnectionID: con.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		ours = nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("find the certificate of %s: %w", con, err)
	}
	imported, err = s.q.LockImported(ctx, tx, certificateq.LockImportedParams{ConnectionID: con.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		imported = nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("find the imported certificate of %s: %w", con, err)
	}
	return ours, imported, nil
}

func (s *Service) succeed(ctx context.Context, tx *db.Tx, old *certificateq.Certificate, by ident.CertificateID) error {
	if err := s.q.Succeed(ctx, tx, certificateq.SucceedParams{ID: old.ID, OrgID: old.OrgID, ReplacedBy: by.UUID()}); err != nil {
		return fmt.Errorf("replace the certificate %s: %w", old.ID, err)
	}
	return nil
}

// hidden says that the connection presents a certificate that its customer brought: what becomes of ours is no news to visitors.
func (s *Service) hidden(ctx context.Context, tx *db.Tx, t *turn) (bool, error) {
	if ChallengeMode(t.row.Certificate.Mode) == Imported {
		return false, nil
	}
	row, err := s.q.LockImported(ctx, tx, certificateq.LockImportedParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID()})
	if db.NotFound(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("find the imported certificate of %s: %w", t.con, err)
	}
	return row.NotAfter.After(tx.Now), nil
}
