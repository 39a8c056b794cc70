package certificate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const (
	edgesTime  = 10 * time.Second // for the live edges to acknowledge
	edgesEvery = 25 * time.Millisecond
	soon       = 2 * time.Second
	later      = time.Hour
)

// turn is one worker's go at one row.
type turn struct {
	claim   work.Claim
	row     *certificateq.TurnRow
	id      ident.CertificateID
	org     ident.OrgID
	con     ident.ConnectionID
	names   []string      // that the certificate is to hold
	wanted  ChallengeMode // the connection's
	mode    ChallengeMode // of the order: the wanted one, or another that CAA leaves
	free    bool          // the CA asked for this renewal: it costs no budget
	renewal bool
}

// run orders the certificate, or renews it.
func (s *Service) run(ctx context.Context, c work.Claim) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return fmt.Errorf("read the claim %q: %w", c.ID, err)
	}
	row, err := s.q.Turn(ctx, s.DB, certificateq.TurnParams{ID: id, Epoch: c.Epoch})
	if db.NotFound(err) {
		return nil // lost
	} else if err != nil {
		return fmt.Errorf("read the certificate %s: %w", c.ID, err)
	}
	t := &turn{claim: c, row: row, id: ident.From[ident.CertificateID](id), org: ident.From[ident.OrgID](row.Certificate.OrgID), con: ident.From[ident.ConnectionID](row.Certificate.ConnectionID),
		names: namesOf(row), wanted: ChallengeMode(row.TlsMode), mode: ChallengeMode(row.TlsMode), renewal: row.Certificate.SealedKey != nil}
	if CertificateStatus(row.Certificate.Status) == Revoked {
		return s.takeBack(ctx, t)
	}
	if ChallengeMode(row.Certificate.Mode) == Imported {
		return s.attend(ctx, t)
	}
	if t.renewal {
		newer, err := s.q.Replacement(ctx, s.DB, certificateq.ReplacementParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID(), After: row.Certificate.CreatedAt})
		if err == nil {
			return s.replace(ctx, t, newer) // its worker died between the issue and the swap
		} else if !db.NotFound(err) {
			return fmt.Errorf("look for a newer certificate: %w", err)
		}
	}
	switch connection.State(row.State) {
	case connection.Archived:
		return s.postpone(ctx, t, nil)
	case connection.Blocked, connection.Suspended, connection.Contested, connection.Failed: // CE-6
		return s.postpone(ctx, t, new(s.DB.Now().Add(later)))
	}
	ready, err := s.Connections.Ready(ctx, t.con, t.renewal)
	if err != nil {
		return errors.Join(fmt.Errorf("pre-flight of %s: %w", t.con, err), s.postpone(ctx, t, new(s.DB.Now().Add(backoff(1)))))
	}
	if !ready.OK {
		return s.unready(ctx, t, ready)
	}
	if there, err := s.edgesHave(ctx, t); err != nil || !there {
		return errors.Join(err, s.postpone(ctx, t, new(s.DB.Now().Add(soon))))
	}
	if len(s.CAs) == 0 {
		return errors.New("no CA is set")
	}
	if len(s.candidates(t, ready)) == 0 {
		return s.unready(ctx, t, &connection.Preflight{Connection: ready.Connection, Check: ready.Check, Reason: finding.CAAMethodMismatch})
	}
	ca, err := s.begin(ctx, t, ready)
	if e, is := errors.AsType[*exhausted](err); is {
		return s.exhausted(ctx, t, ca, e)
	} else if err != nil {
		return err
	}
	heardCtx, heard := listen(ctx)
	got, err := s.obtain(heardCtx, t, ca)
	switch {
	case errors.Is(err, work.ErrLost):
		return nil
	case errors.Is(err, errEdgesSilent):
		return s.postpone(ctx, t, new(s.DB.Now().Add(soon)))
	case err != nil && ctx.Err() != nil:
		return err // we stop, or lost the turn: the lease runs out and somebody looks again
	case err != nil:
		if e, is := errors.AsType[*exhausted](err); is {
			return s.exhausted(ctx, t, ca, e)
		}
		return s.failed(ctx, t, ca, classify(err, ca.Name, row.Hostname, heard.retryAfter, s.DB.Now()))
	}
	return s.issued(ctx, t, ca, got)
}

// edgesHave says that the name may have a certificate (I1) and that every live edge knows it: then any of them answers the CA.
func (s *Service) edgesHave(ctx context.Context, t *turn) (bool, error) {
	entry, err := s.Edge.Get(ctx, t.row.Hostname)
	if db.NotFound(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if entry.ConnectionID != t.con || entry.Mode != edgeentry.Proxy || !entry.CertAllowed && !t.renewal {
		return false, nil
	}
	return s.acked(ctx, entry.Generation)
}

func (s *Service) acked(ctx context.Context, generation int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, edgesTime)
	defer cancel()
	tick := time.NewTicker(edgesEvery)
	defer tick.Stop()
	for {
		all, err := s.Edge.Acked(ctx, generation)
		if all {
			return true, nil
		}
		if err != nil && ctx.Err() == nil {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick.C:
		}
	}
}

// begin takes the budget at the first CA that may and can, and notes that an order is under way.
func (s *Service) begin(ctx context.Context, t *turn, ready *connection.Preflight) (CA, error) {
	candidates := s.candidates(t, ready)
	var full *exhausted
	for _, one := range candidates {
		ca := one.ca
		t.mode, t.free = one.mode, s.exempt(ctx, t, ca)
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			p := certificateq.BeginParams{ID: t.id.UUID(), OrgID: t.org.UUID(), Epoch: t.claim.Epoch, Status: string(Ordering), Ca: ca.Name, Mode: string(t.mode), Names: t.names}
			if t.renewal { // the row keeps what it is until its successor is in force
				p.Status, p.Ca, p.Mode, p.Names = string(Renewing), t.row.Certificate.Ca, t.row.Certificate.Mode, t.row.Certificate.Names
			}
			if ready.Check != nil {
				p.PreflightCheckID = new(ready.Check.ID.UUID())
			}
			if n, err := s.q.Begin(ctx, tx, p); err != nil {
				return fmt.Errorf("begin an order: %w", err)
			} else if n == 0 {
				return work.ErrLost
			}
			return s.spend(ctx, tx, t, ca.Name)
		})
		e, is := errors.AsType[*exhausted](err)
		if !is || e.name {
			return ca, err
		}
		if full == nil || full.until.IsZero() || !e.until.IsZero() && e.until.Before(full.until) {
			full = e
		}
	}
	return candidates[0].ca, full
}

// namesOf are the names of the next certificate. A wildcard's holds the name above it too, when the same organization has proven that one (RU-28); that of a
// name which was handed over to us holds what is below it, unless somebody else has proven that.
func namesOf(row *certificateq.TurnRow) []string {
	switch {
	case row.Delegated && !row.WildcardTaken:
		return []string{row.Hostname, "*." + row.Hostname}
	case row.IsWildcard && row.HoldsBase:
		return []string{row.Hostname, strings.TrimPrefix(row.Hostname, "*.")}
	}
	return []string{row.Hostname}
}

// issued keeps what the CA gave. A first certificate is the row's own; a renewal is a row of its own, and the old one is replaced when every live
// edge has the new one in force (CE-7).
func (s *Service) issued(ctx context.Context, t *turn, ca CA, got *signed) error {
	id := t.id
	if t.renewal {
		id = ident.New[ident.CertificateID](s.DB.Now())
	}
	sealed, err := s.Vault.Seal(ctx, s.DB, t.org, sealedKey, id.String(), got.key)
	if err != nil {
		return fmt.Errorf("seal the key of %s: %w", id, err)
	}
	renewAt := renewalTime(got.leaf.NotBefore, got.leaf.NotAfter, rand.Float64())
	if at, err := s.suggested(ctx, ca.Name, got.leaf, renewAt); err == nil {
		renewAt = at
	} else {
		s.log().Debug("the CA did not say when to renew", "ca", ca.Name, "err", err)
	}
	issuer, serial := cmp.Or(got.leaf.Issuer.CommonName, got.leaf.Issuer.String()), got.leaf.SerialNumber.Text(16)
	action := "certificate.issued"
	kept := false
	err = s.Door.System(ctx, "certificate", t.org, func(ctx context.Context, e *door.Effect) error {
		var n int64
		var err error
		kept = false
		if t.renewal {
			action = "certificate.renewed"
			n, err = s.q.Begin(ctx, e.Tx, certificateq.BeginParams{ID: t.id.UUID(), OrgID: t.org.UUID(), Epoch: t.claim.Epoch, Status: string(Renewing), Ca: t.row.Certificate.Ca,
				Mode: t.row.Certificate.Mode, Names: t.row.Certificate.Names, PreflightCheckID: t.row.Certificate.PreflightCheckID})
			if err == nil && n == 1 {
				err = s.q.AddCertificate(ctx, e.Tx, certificateq.AddCertificateParams{ID: id.UUID(), OrgID: t.org.UUID(), ConnectionID: t.con.UUID(), Names: t.names, Mode: string(t.mode),
					KeepFallback: true, Ca: ca.Name, Status: string(Issued), ChainPem: &got.chain, SealedKey: sealed, Issuer: &issuer, Serial: &serial, NotBefore: &got.leaf.NotBefore, NotAfter: &got.leaf.NotAfter,
					RenewAt: &renewAt, DueAt: &renewAt, Now: e.Tx.Now})
			}
		} else {
			n, err = s.q.Issued(ctx, e.Tx, certificateq.IssuedParams{ID: id.UUID(), OrgID: t.org.UUID(), Epoch: t.claim.Epoch, ChainPem: &got.chain, SealedKey: sealed, Issuer: &issuer, Serial: &serial,
				NotBefore: &got.leaf.NotBefore, NotAfter: &got.leaf.NotAfter, RenewAt: &renewAt})
		}
		if err != nil {
			return fmt.Errorf("keep the certificate %s: %w", id, err)
		} else if n == 0 {
			return door.ErrNothing
		}
		e.Record(event.Change{OrgID: t.org, Action: action, Subject: id.String(), Version: 1, Stream: t.con.String(),
			Payload: map[string]any{"ca": ca.Name, "names": t.names, "serial": serial, "notAfter": got.leaf.NotAfter}})
		hidden, err := s.hidden(ctx, e.Tx, t)
		if err != nil {
			return err
		}
		if !hidden {
			if err := s.Connections.SetTLSTx(ctx, e, t.con, connection.TLS{Value: connection.Issued, Certificate: id}); err != nil {
				return err
			}
		}
		if err := s.praise(ctx, e.Tx, ca.Name, t.row.Hostname); err != nil {
			return err
		}
		if kept = true; hidden {
			return nil
		}
		return s.Edge.PresentTx(ctx, e.Tx, t.row.Hostname, t.con, id)
	})
	if err != nil {
		return err
	}
	if !kept {
		return nil
	}
	s.metrics.order(ca.Name, t.mode, cmp.Or(action[len("certificate."):], "issued"))
	s.Work.Ring(queue)
	if t.renewal {
		return s.replace(ctx, t, id.UUID())
	}
	return nil
}

// replace ends an old certificate when the new one is in force everywhere. Until then it stays, and the next turn asks again.
func (s *Service) replace(ctx context.Context, t *turn, newer uuid.UUID) error {
	entry, err := s.Edge.Get(ctx, t.row.Hostname)
	if err != nil && !db.NotFound(err) {
		return err
	}
	if err == nil && entry.ConnectionID == t.con && entry.Mode != edgeentry.Gone {
		if there, err := s.acked(ctx, entry.Generation); err != nil || !there {
			return errors.Join(err, s.postpone(ctx, t, new(s.DB.Now().Add(soon))))
		}
	}
	_, err = s.q.Replace(ctx, s.DB, certificateq.ReplaceParams{ID: t.id.UUID(), OrgID: t.org.UUID(), Epoch: t.claim.Epoch, ReplacedBy: newer})
	if err != nil {
		return fmt.Errorf("replace the certificate %s: %w", t.id, err)
	}
	return nil
}

// renewalTime is two thirds of the real lifetime, moved by up to a twentieth of it either way, so that what was issued together is not renewed
// together. chance is from 0 to 1.
func renewalTime(notBefore, notAfter time.Time, chance float64) time.Time {
	life := notAfter.Sub(notBefore)
	return notBefore.Add(life*2/3 + time.Duration((chance-0.5)*float64(life)/10)).UTC().Truncate(time.Microsecond)
}
