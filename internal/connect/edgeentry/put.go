package edgeentry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

// Service writes the projection in the transactions of others, and reads it for the edges.
//
// The lock on the generation is held to the commit and stands in the way of every other change of the projection. So a transaction writes here as
// late as it can, and locks rows of its own (its connection's above all) before, never after.
type Service struct {
	DB    *db.DB
	Authz *authz.Authorizer // who may see the edges; nil: nobody asks
	Hub   Poker             // nil: nobody is told, edges find out within half a second
	Zone  string            // the edge zone, "edge.example.net"

	Vault *vault.Vault // seals what requests are signed with

	q edgeentryq.Queries
}

// Poker is what live.Hub is to this package.
type Poker interface {
	Poke(subject string, version int64)
}

// ErrHeld says that another connection's entry stands at the name. Claims are unique, so this is a mistake of the caller.
var ErrHeld = errors.New("the name has an entry of another connection")

// PutTx writes a name's entry as it is to be from the commit on. The same entry again writes nothing and takes no generation. The certificate that
// the same connection's name presents stays unless e names one (see PresentTx).
func (s *Service) PutTx(ctx context.Context, tx *db.Tx, e Entry) error {
	return s.change(ctx, tx, e.Hostname, e.ConnectionID, func(old *Entry) (Entry, bool) {
		if old != nil && old.ConnectionID == e.ConnectionID && old.Mode != Gone {
			if e.CertificateID == nil {
				e.CertificateID = old.CertificateID
			}
			if f := old.Route.Former; f != nil && f.Until.After(tx.Now) {
				e.Route.Former = f
			}
		}
		return e, true
	})
}

// When the edges switch to the new holder of a name: so that all of them know of it by then, and at the latest.
const (
	Switch       = 2 * time.Second
	SwitchLatest = 2 * time.Minute
)

// MoveTx writes the entry of a name that changes hands: it is e's from the commit on, and until an instant the edges go on with what the former connection had
// there, so that all of them switch at once. Within an organization the certificate comes along. Where the name has one and e brings none, the instant waits for
// one (see PresentTx), but not for ever.
// Without an entry of the former connection it is PutTx.
func (s *Service) MoveTx(ctx context.Context, tx *db.Tx, former ident.ConnectionID, e Entry) error {
	row, err := s.q.LockEntry(ctx, tx, edgeentryq.LockEntryParams{Hostname: e.Hostname})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("lock the edge entry of %s: %w", e.Hostname, err)
	}
	if err == nil && row.ConnectionID == former.UUID() && Mode(row.Mode) != Gone {
		old, err := fromRow(row)
		if err != nil {
			return err
		}
		old.Route.Former = nil
		if e.CertificateID == nil && old.OrgID == e.OrgID {
			e.CertificateID = old.CertificateID
		}
		at := tx.Now.Add(Switch)
		if old.CertificateID != nil && e.CertificateID == nil {
			at = tx.Now.Add(SwitchLatest)
		}
		e.Route.Former = &Former{Until: at, ConnectionID: old.ConnectionID, OrgID: old.OrgID, Mode: old.Mode, Serve: old.Serve, CertificateID: old.CertificateID, Route: old.Route}
	}
	if err := s.WithdrawTx(ctx, tx, e.Hostname, former); err != nil {
		return err
	}
	return s.PutTx(ctx, tx, e)
}

// PresentTx makes the edges present a certificate for the connection's name, and switch to it where the name has waited for that. Without an entry of the
// connection nothing happens.
func (s *Service) PresentTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID, certificate ident.CertificateID) error {
	return s.change(ctx, tx, hostname, connection, func(old *Entry) (Entry, bool) {
		if old == nil || old.Mode == Gone {
			return Entry{}, false
		}
		e := *old
		e.CertificateID = &certificate
		if f, at := old.Route.Former, tx.Now.Add(Switch); f != nil && f.Until.After(at) {
			sooner := *f
			sooner.Until = at
			e.Route.Former = &sooner
		}
		return e, true
	})
}

// WithholdTx takes a certificate away from what is presented at a name, whoever has the name by now: until there is another, its handshakes are refused. One that is
// not presented stays without effect.
func (s *Service) WithholdTx(ctx context.Context, tx *db.Tx, hostname string, certificate ident.CertificateID) error {
	row, err := s.q.LockEntry(ctx, tx, edgeentryq.LockEntryParams{Hostname: hostname})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("lock the edge entry of %s: %w", hostname, err)
	}
	return s.change(ctx, tx, hostname, ident.From[ident.ConnectionID](row.ConnectionID), func(old *Entry) (Entry, bool) {
		if old == nil || old.Mode == Gone || old.CertificateID == nil || *old.CertificateID != certificate {
			return Entry{}, false
		}
		e := *old
		e.CertificateID = nil
		return e, true
	})
}

// SuspendTx keeps the name's certificate and answers every request with 421; no certificate may be ordered.
func (s *Service) SuspendTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID) error {
	return s.change(ctx, tx, hostname, connection, func(old *Entry) (Entry, bool) {
		if old == nil || old.Mode == Gone {
			return Entry{}, false
		}
		e := *old
		e.Mode, e.Serve, e.CertAllowed = Suspended, false, false
		return e, true
	})
}

// WithdrawTx ends the name: from a second after the commit on every edge refuses its handshakes. Without an entry of the connection nothing
// happens, so whoever archives a connection that never held its name may call it too.
func (s *Service) WithdrawTx(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID) error {
	err := s.change(ctx, tx, hostname, connection, func(old *Entry) (Entry, bool) {
		if old == nil || old.Mode == Gone {
			return Entry{}, false
		}
		return Entry{Hostname: hostname, ConnectionID: connection, OrgID: old.OrgID, Mode: Gone, Route: Route{ConnectionID: connection}}, true
	})
	if errors.Is(err, ErrHeld) {
		return nil
	}
	return err
}

// change locks the name's entry, asks what it is to be, and writes it under a new generation where it is news.
func (s *Service) change(ctx context.Context, tx *db.Tx, hostname string, connection ident.ConnectionID, to func(old *Entry) (Entry, bool)) error {
	var old *Entry
	row, err := s.q.LockEntry(ctx, tx, edgeentryq.LockEntryParams{Hostname: hostname})
	switch {
	case err == nil:
		e, err := fromRow(row)
		if err != nil {
			return err
		}
		if e.ConnectionID != connection && e.Mode != Gone {
			return fmt.Errorf("write the edge entry of %s for %s: %w", hostname, connection, ErrHeld)
		}
		if e.ConnectionID == connection || e.Mode != Gone {
			old = &e
		}
	case !db.NotFound(err):
		return fmt.Errorf("lock the edge entry of %s: %w", hostname, err)
	}
	e, wanted := to(old)
	if !wanted {
		return nil
	}
	route, err := json.Marshal(e.Route)
	if err != nil {
		return fmt.Errorf("write the route of %s: %w", hostname, err)
	}
	if old != nil && same(*old, e, route) {
		return nil
	}
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return err
	}
	p := edgeentryq.PutEntryParams{
		Hostname: e.Hostname, ConnectionID: e.ConnectionID.UUID(), OrgID: e.OrgID.UUID(), Serve: e.Serve, CertAllowed: e.CertAllowed, Mode: string(e.Mode),
		Route: route, Generation: generation, Now: tx.Now,
	}
	if e.CertificateID != nil {
		p.CertificateID = new(e.CertificateID.UUID())
	}
	switch n, err := s.q.PutEntry(ctx, tx, p); {
	case err != nil:
		return fmt.Errorf("write the edge entry of %s: %w", hostname, err)
	case n == 0:
		return fmt.Errorf("write the edge entry of %s for %s: %w", hostname, connection, ErrHeld)
	}
	return nil
}

func same(old, e Entry, route []byte) bool {
	before, err := json.Marshal(old.Route)
	if err != nil || !bytes.Equal(before, route) {
		return false
	}
	certificate := (old.CertificateID == nil) == (e.CertificateID == nil) && (e.CertificateID == nil || *old.CertificateID == *e.CertificateID)
	return certificate && old.ConnectionID == e.ConnectionID && old.OrgID == e.OrgID && old.Serve == e.Serve && old.CertAllowed == e.CertAllowed && old.Mode == e.Mode
}

// TargetTx makes the edge zone answer for a connection's target, from within a second of the commit on.
func (s *Service) TargetTx(ctx context.Context, tx *db.Tx, token string, connection ident.ConnectionID) error {
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return err
	}
	p := edgeentryq.PutRecordParams{Fqdn: s.Target(token), Type: TypeTarget, Ttl: 60, Owner: connection.String(), Generation: generation}
	if err := s.q.PutRecord(ctx, tx, p); err != nil {
		return fmt.Errorf("write the target of %s: %w", connection, err)
	}
	return nil
}

// RetireTargetTx lets a target answer until a time and never again.
func (s *Service) RetireTargetTx(ctx context.Context, tx *db.Tx, token string, answerUntil time.Time) error {
	generation, err := s.advance(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := s.q.ExpireRecord(ctx, tx, edgeentryq.ExpireRecordParams{Fqdn: s.Target(token), Type: TypeTarget, ExpiresAt: answerUntil, Generation: generation}); err != nil {
		return fmt.Errorf("retire a target: %w", err)
	}
	return nil
}

// Target is a token's name in the edge zone, lower case and without trailing dot.
func (s *Service) Target(token string) string {
	return token + "." + s.apex()
}

func (s *Service) advance(ctx context.Context, tx *db.Tx) (int64, error) {
	generation, err := s.q.Advance(ctx, tx)
	if err != nil {
		return 0, fmt.Errorf("take the projection's next generation: %w", err)
	}
	if s.Hub != nil {
		tx.AfterCommit(func() { s.Hub.Poke(Subject, generation) })
	}
	return generation, nil
}

func fromRow(r *edgeentryq.EdgeEntry) (Entry, error) {
	e := Entry{
		Hostname: r.Hostname, ConnectionID: ident.From[ident.ConnectionID](r.ConnectionID), OrgID: ident.From[ident.OrgID](r.OrgID), Serve: r.Serve,
		CertAllowed: r.CertAllowed, Mode: Mode(r.Mode), Generation: r.Generation, UpdatedAt: r.UpdatedAt,
	}
	if r.CertificateID != nil && *r.CertificateID != uuid.Nil {
		e.CertificateID = new(ident.From[ident.CertificateID](*r.CertificateID))
	}
	if err := json.Unmarshal(r.Route, &e.Route); err != nil {
		return Entry{}, fmt.Errorf("read the route of %s: %w", r.Hostname, err)
	}
	return e, nil
}
