package certificate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// A certificate that the customer brought cannot be renewed by us: people are warned so long before it ends, and again.
var warnings = []time.Duration{30 * day, 14 * day, 7 * day, 3 * day, day}

const (
	day      = 24 * time.Hour
	overlaps = time.Hour // before its end a certificate of ours takes over, where there is one
)

// warnNext is when a turn is due: the next warning, then the moment at which ours takes over, then the end.
func warnNext(notAfter, now time.Time) time.Time {
	for _, w := range append(append([]time.Duration{}, warnings...), overlaps) {
		if at := notAfter.Add(-w); at.After(now) {
			return at
		}
	}
	return notAfter
}

// attend is a turn of a certificate that the customer brought: warn, let ours take over, or say that it has ended.
func (s *Service) attend(ctx context.Context, t *turn) error {
	row := &t.row.Certificate
	return s.Door.System(ctx, "certificate", t.org, func(ctx context.Context, e *door.Effect) error {
		ours, imported, err := s.lockBoth(ctx, e.Tx, t.org, t.con)
		if err != nil {
			return err
		}
		if imported == nil || imported.ID != row.ID || imported.Epoch != t.claim.Epoch {
			return door.ErrNothing
		}
		left := row.NotAfter.Sub(e.Tx.Now)
		if left <= overlaps && row.KeepFallback && ours != nil && ours.SealedKey != nil && ours.NotAfter.After(e.Tx.Now) {
			return s.takeOver(ctx, e, t, ours, imported)
		}
		next := certificateq.PostponeParams{ID: row.ID, OrgID: row.OrgID, Epoch: t.claim.Epoch, Status: string(Issued), LastError: row.LastError}
		told, facet := "certificate.expiring", connection.TLS{Value: connection.Issued, Certificate: t.id}
		risk := row.AtRiskSince
		if risk == nil {
			risk = &e.Tx.Now
		}
		switch {
		case left <= 0:
			ended := finding.New(finding.CertificateExpired, map[string]any{"name": t.row.Hostname})
			facet = connection.TLS{Value: connection.Expired, Reason: ended.Code, Finding: &ended}
			next.AtRiskSince = risk
			if next.Status, told = string(Expired), "certificate.expired"; row.Status == string(Expired) {
				told = ""
			}
			if row.KeepFallback { // ours is late: it is presented as soon as it is there
				next.DueAt = new(e.Tx.Now.Add(time.Minute))
			}
		case left > warnings[0]: // the clock was moved
			next.DueAt = new(warnNext(*row.NotAfter, e.Tx.Now))
			told = ""
		default:
			ends := finding.New(finding.CertificateExpiring, map[string]any{"name": t.row.Hostname, "daysLeft": daysLeft(row.NotAfter, e.Tx.Now)})
			if facet.Finding = &ends; row.KeepFallback && ours != nil && ours.SealedKey != nil {
				facet.Finding, told = nil, "" // nothing will break, so nobody needs to do anything
			} else if next.LastError, err = json.Marshal(ends); err != nil {
				return err
			} else {
				next.AtRiskSince = risk
			}
			next.DueAt = new(warnNext(*row.NotAfter, e.Tx.Now))
		}
		if n, err := s.q.Postpone(ctx, e.Tx, next); err != nil {
			return fmt.Errorf("postpone the certificate %s: %w", t.id, err)
		} else if n == 0 {
			return door.ErrNothing
		}
		if e.Quiet(); told != "" {
			e.Record(event.Change{OrgID: t.org, Action: told, Subject: t.id.String(), Version: 1, Stream: t.con.String(),
				Payload: map[string]any{"hostname": t.row.Hostname, "names": row.Names, "imported": true, "notAfter": row.NotAfter, "daysLeft": daysLeft(row.NotAfter, e.Tx.Now)}})
		}
		if row.KeepFallback && ours == nil { // never ordered, or revoked
			if err := s.orderTx(ctx, e.Tx, t.org, t.con); err != nil {
				return err
			}
		}
		return s.Connections.SetTLSTx(ctx, e, t.con, facet)
	})
}

// takeOver presents our certificate in the place of the customer's.
func (s *Service) takeOver(ctx context.Context, e *door.Effect, t *turn, ours, imported *certificateq.Certificate) error {
	id := ident.From[ident.CertificateID](ours.ID)
	if err := s.succeed(ctx, e.Tx, imported, id); err != nil {
		return err
	}
	e.Record(event.Change{OrgID: t.org, Action: "certificate.renewed", Subject: id.String(), Version: 1, Stream: t.con.String(),
		Payload: map[string]any{"ca": ours.Ca, "names": ours.Names, "serial": ours.Serial, "notAfter": ours.NotAfter, "tookOverFrom": t.id.String()}})
	if err := s.Connections.SetTLSTx(ctx, e, t.con, connection.TLS{Value: connection.Issued, Certificate: id}); err != nil {
		return err
	}
	return s.Edge.PresentTx(ctx, e.Tx, t.row.Hostname, t.con, id)
}
