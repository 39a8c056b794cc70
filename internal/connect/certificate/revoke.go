package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// RevocationReason is why a certificate is revoked (RFC 5280 section 5.3.1). Those are offered that a subscriber may give.
type RevocationReason string

const (
	Unspecified          RevocationReason = "UNSPECIFIED"
	KeyCompromise        RevocationReason = "KEY_COMPROMISE"
	AffiliationChanged   RevocationReason = "AFFILIATION_CHANGED"
	Superseded           RevocationReason = "SUPERSEDED"
	CessationOfOperation RevocationReason = "CESSATION_OF_OPERATION"
)

var revocationCodes = map[RevocationReason]int{Unspecified: acme.ReasonUnspecified, KeyCompromise: acme.ReasonKeyCompromise, AffiliationChanged: acme.ReasonAffiliationChanged,
	Superseded: acme.ReasonSuperseded, CessationOfOperation: acme.ReasonCessationOfOperation}

type revokeInput struct {
	ID         ident.CertificateID
	Connection ident.ConnectionID
	Reason     RevocationReason
}

// Revoke ends a certificate for good. No edge presents it within a second of the commit; another one is ordered at once where the name may have one, and until
// that is there its handshakes are refused. The CA is told afterwards, again and again until it has heard. A certificate that was replaced can be revoked
// too. One that has ended, or was revoked, answers CONFLICT; one that the customer brought is their CA's to revoke.
func (s *Service) Revoke(ctx context.Context, id ident.CertificateID, reason RevocationReason) (*CertificatePayload, error) {
	c, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fault.NotFound("certificate")
	}
	_, err = door.Do(ctx, s.Door, door.Change[revokeInput, ident.CertificateID]{
		Action: door.Action{Name: "certificate.revoke", Permission: permission, StepUp: true},
		Org:    func(ctx context.Context, in revokeInput) (ident.OrgID, error) { return s.orgOf(ctx, in.Connection) },
		Do:     s.revoke,
	}, revokeInput{id, c.ConnectionID, reason})
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, id, c.ConnectionID)
}

func (s *Service) revoke(ctx context.Context, e *door.Effect, in revokeInput) (ident.CertificateID, error) {
	org := e.Scope.Org()
	if _, _, err := s.lockBoth(ctx, e.Tx, org, in.Connection); err != nil {
		return in.ID, err
	}
	row, err := s.q.LockCertificate(ctx, e.Tx, certificateq.LockCertificateParams{ID: in.ID.UUID(), OrgID: org.UUID(), Now: e.Tx.Now})
	if db.NotFound(err) {
		return in.ID, fault.NotFound("certificate")
	} else if err != nil {
		return in.ID, fmt.Errorf("lock the certificate %s: %w", in.ID, err)
	}
	c := &row.Certificate
	switch {
	case ChallengeMode(c.Mode) == Imported:
		return in.ID, fault.Invalid("id", "imported", "The customer brought this certificate: ask the authority that issued it. setCertificateMode puts one of ours in its place.")
	case CertificateStatus(c.Status) == Revoked:
		return in.ID, fault.Conflict("id", "revoked", "This certificate was revoked already.")
	case c.SealedKey == nil:
		return in.ID, fault.Precondition("not_issued", "There is no certificate yet that could be revoked.")
	case !c.NotAfter.After(e.Tx.Now):
		return in.ID, fault.Precondition("expired", "This certificate has ended: nobody accepts it any more.")
	}
	if err := s.q.Revoke(ctx, e.Tx, certificateq.RevokeParams{ID: c.ID, OrgID: c.OrgID, Reason: string(in.Reason), Now: e.Tx.Now}); err != nil {
		return in.ID, fmt.Errorf("revoke the certificate %s: %w", in.ID, err)
	}
	e.Record(event.Change{OrgID: org, Action: "certificate.revoked", Subject: in.ID.String(), Version: 1, Stream: in.Connection.String(), Audited: true,
		Payload: map[string]any{"hostname": row.Hostname, "names": c.Names, "ca": c.Ca, "serial": c.Serial, "notAfter": c.NotAfter, "revokeReason": in.Reason}})
	e.After(func() { s.Work.Poke(queue) })
	if err := s.Edge.WithholdTx(ctx, e.Tx, row.Hostname, in.ID); err != nil {
		return in.ID, err
	}
	if c.ReplacedBy != nil {
		return in.ID, nil
	}
	if err := s.orderTx(ctx, e.Tx, org, in.Connection); err != nil || row.Hidden {
		return in.ID, err
	}
	return in.ID, s.Connections.SetTLSTx(ctx, e, in.Connection, connection.TLS{Value: connection.Renewing})
}

// revokeAllTx revokes what an archived connection leaves behind.
func (s *Service) revokeAllTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) error {
	n, err := s.q.RevokeAll(ctx, tx, certificateq.RevokeAllParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Reason: string(CessationOfOperation), Now: tx.Now})
	if err != nil {
		return fmt.Errorf("revoke the certificates of %s: %w", con, err)
	}
	if n > 0 {
		tx.AfterCommit(func() { s.Work.Poke(queue) })
	}
	return nil
}

// takeBack is a turn of a revoked certificate: its CA is told (RFC 8555 section 7.6), until it has heard or the certificate has ended.
func (s *Service) takeBack(ctx context.Context, t *turn) error {
	row := &t.row.Certificate
	if !row.NotAfter.After(s.DB.Now()) {
		return s.postpone(ctx, t, nil)
	}
	at := slices.IndexFunc(s.CAs, func(ca CA) bool { return ca.Name == row.Ca })
	err := fmt.Errorf("%s is none of the CAs any more", row.Ca)
	if at >= 0 {
		err = s.tellCA(ctx, t, s.CAs[at])
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		count := row.Failures + 1
		s.log().WarnContext(ctx, "a certificate is not revoked yet", "certificate", t.id, "ca", row.Ca, "tries", count, "err", err)
		row.Failures = count
		return s.postpone(ctx, t, new(s.DB.Now().Add(backoff(count))))
	}
	return s.Door.System(ctx, "certificate", t.org, func(ctx context.Context, e *door.Effect) error {
		n, err := s.q.TakenBack(ctx, e.Tx, certificateq.TakenBackParams{ID: row.ID, OrgID: row.OrgID, Epoch: t.claim.Epoch, Now: e.Tx.Now})
		if err != nil {
			return fmt.Errorf("note the revocation of %s: %w", t.id, err)
		} else if n == 0 {
			return door.ErrNothing
		}
		e.Record(event.Change{OrgID: t.org, Action: "certificate.taken_back", Subject: t.id.String(), Version: 1, Stream: t.con.String(), Payload: map[string]any{"hostname": t.row.Hostname, "ca": row.Ca, "serial": row.Serial}})
		return nil
	})
}

func (s *Service) tellCA(ctx context.Context, t *turn, ca CA) error {
	leaf, err := leafOf(t.row.Certificate.ChainPem)
	if err != nil {
		return err
	}
	account, err := s.account(ctx, ca)
	if err != nil {
		return err
	}
	code := revocationCodes[RevocationReason(*t.row.Certificate.RevokeReason)]
	err = s.client(ca).RevokeCertificate(ctx, account, leaf, nil, code)
	if p, is := errors.AsType[acme.Problem](err); is && strings.HasSuffix(p.Type, ":alreadyRevoked") {
		return nil
	}
	return attribute(err, "revoke "+t.id.String(), ca.Name)
}
