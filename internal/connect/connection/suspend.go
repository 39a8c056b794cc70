package connection

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// OrganizationDeleted is why the connections of a deleted organization are suspended, and why they are archived in the end.
const OrganizationDeleted = "organization_deleted"

// atOnce is how many connections one transaction suspends, restores or archives: the edges wait for its end, and a customer may have thousands.
const atOnce = 100

// suspend stops a connection without giving up its name: the edges answer 421, nobody looks, nothing is ordered. A live period ends.
func (l *Life) suspend(reason string, now time.Time) {
	l.SuspendedAt, l.StateReason = &now, &reason
	l.LiveAt, l.GraceUntil, l.AttentionUntil, l.Ladder = nil, nil, nil, Ladder{}
	if l.serves() {
		l.Facets.Edge.set(SuspendedEdge, "", now, nil)
	}
}

// resume begins a suspended connection anew (T15): ownership and certificate stand, everything else is looked at again, as after "I added them".
func (l *Life) resume(now time.Time, r Rules) {
	l.SuspendedAt, l.FailedAt, l.StateReason, l.Person = nil, nil, nil, ""
	l.PassCount, l.LastPassAt, l.FailCount, l.FirstFailAt = 0, nil, 0, nil
	l.VerifyingSince, l.WindowEndsAt = &now, new(now.Add(r.Window))
	l.attend(now, r)
	l.Facets.DNS.set(Absent, "", now, nil)
	l.Facets.DNS.Servers = nil
	if l.Facets.TLS.Value == BlockedTLS {
		l.Facets.TLS.set(NoTLS, "", now, nil)
	}
	l.Facets.Edge.set(Off, "", now, nil)
	if l.serves() {
		l.Facets.Edge.set(Staged, "", now, nil)
	}
}

// follow brings the connections of an organization in line with whether it is there, a hundred in each transaction (RU-29): while it is deleted they are
// suspended, when it was restored they are verified anew.
func (s *Service) follow(ctx context.Context, tx *db.Tx, r event.Row) error {
	if r.OrgID.IsZero() || r.Subject != r.OrgID.String() {
		return nil
	}
	share, do, name := s.q.ConnectionsToSuspend, s.suspendTx, "suspend"
	if r.Action == "organization.restored" {
		share, do, name = s.connectionsToResume, s.resumeTx, "resume"
	}
	n, err := s.each(ctx, tx, name, r.OrgID, share, do)
	if err == nil && n == atOnce {
		err = event.ErrMore
	}
	return err
}

// connectionsToResume has ConnectionsToSuspend's form.
func (s *Service) connectionsToResume(ctx context.Context, on connectionq.DBTX, p connectionq.ConnectionsToSuspendParams) ([]uuid.UUID, error) {
	return s.q.ConnectionsToResume(ctx, on, connectionq.ConnectionsToResumeParams{OrgID: p.OrgID, Reason: p.Reason, Most: p.Most})
}

// each does one thing with some of an organization's connections, inside a transaction of the caller's, and answers with how many.
func (s *Service) each(ctx context.Context, tx *db.Tx, name string, org ident.OrgID, share func(context.Context, connectionq.DBTX, connectionq.ConnectionsToSuspendParams) ([]uuid.UUID, error),
	do func(context.Context, *door.Effect, *Connection) error) (n int, err error) {
	err = s.Door.JoinTx(ctx, tx, name, org, func(ctx context.Context, e *door.Effect) error {
		ids, err := share(ctx, e.Tx, connectionq.ConnectionsToSuspendParams{OrgID: org.UUID(), Reason: OrganizationDeleted, Most: atOnce})
		if err != nil {
			return fmt.Errorf("list the connections of %s: %w", org, err)
		}
		cons, err := s.lockAll(ctx, e, ids)
		if err != nil {
			return err
		}
		if n = len(cons); n == 0 {
			e.Quiet()
		}
		for _, c := range cons {
			if err := do(ctx, e, c); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (s *Service) suspendTx(ctx context.Context, e *door.Effect, c *Connection) error {
	if c.ArchivedAt != nil || c.SuspendedAt != nil && !c.left() {
		return nil // it ended while we waited for it
	}
	before := *c
	c.suspend(OrganizationDeleted, e.Tx.Now)
	if err := s.settled(ctx, e, &before, c); err != nil {
		return err
	}
	for _, kind := range []string{checkKind, timerKind} {
		if err := s.setDue(ctx, e.Tx, c, kind, never); err != nil {
			return err
		}
	}
	if err := s.Edge.SuspendTx(ctx, e.Tx, c.Hostname, c.ID); err != nil {
		return fmt.Errorf("suspend %s at the edges: %w", c.Hostname, err)
	}
	return nil
}

func (s *Service) resumeTx(ctx context.Context, e *door.Effect, c *Connection) error {
	if c.ArchivedAt != nil || c.SuspendedAt == nil {
		return nil
	}
	before := *c
	c.Findings = nil
	c.resume(e.Tx.Now, s.rules())
	if err := s.settled(ctx, e, &before, c); err != nil {
		return err
	}
	if err := s.setDue(ctx, e.Tx, c, timerKind, *c.WindowEndsAt); err != nil {
		return err
	}
	if err := s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual); err != nil {
		return err
	}
	app, err := s.around(ctx, e.Tx, c)
	if err != nil {
		return err
	}
	return s.putEntry(ctx, e, c, app)
}

// settled is settleVerb for changes that are always told.
func (s *Service) settled(ctx context.Context, e *door.Effect, before, c *Connection) error {
	_, action := c.Settle(e.Tx.Now, s.rules())
	action = cmp.Or(action, "connection.checked")
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return err
	}
	m := news(before, c)
	m.tell(action, c)
	e.Record(change(c, action, m))
	return nil
}

// ArchiveSomeTx ends up to a hundred open connections of an organization that is gone for good, inside the change that ends it, and says whether it ended any.
// Until it answers false there are more.
func (s *Service) ArchiveSomeTx(ctx context.Context, e *door.Effect, org ident.OrgID) (any bool, err error) {
	ids, err := s.q.OpenConnectionsOfOrganization(ctx, e.Tx, connectionq.OpenConnectionsOfOrganizationParams{OrgID: org.UUID(), Most: atOnce})
	if err != nil {
		return false, fmt.Errorf("list the connections of %s: %w", org, err)
	}
	all, err := s.withCompanions(ctx, e.Tx, org, ids)
	if err != nil {
		return false, err
	}
	cons, err := s.lockAll(ctx, e, all)
	if err != nil {
		return false, err
	}
	for _, c := range cons {
		if c.ArchivedAt != nil || c.CompanionOf != nil { // which ends with its main connection
			continue
		}
		if err := s.ArchiveTx(ctx, e, c, OrganizationDeleted); err != nil {
			return false, err
		}
	}
	return len(cons) > 0, nil
}
