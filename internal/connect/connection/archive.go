package connection

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// ArchiveConnectionPayload answers an archiving.
type ArchiveConnectionPayload struct {
	Connection *Connection
	Waiting    *door.Waiting
}

// Ended is the payload of connection.archived.
type Ended struct {
	V             int                 `json:"v"`
	Hostname      string              `json:"hostname"`
	ApplicationID ident.ApplicationID `json:"applicationId"`
	From          State               `json:"from"`
	Reason        string              `json:"reason"`

	RevokeCertificate bool `json:"revokeCertificate,omitempty"` // its certificates are taken back too
}

// ArchiveOption is what else an archiving does.
type ArchiveOption string

// RevokeCertificate also takes back the certificates of ours that the name has. Nobody presents them any more in any case: it is for those who want that
// recorded at the CA. A certificate that the customer brought is theirs.
const RevokeCertificate ArchiveOption = "revoke_certificate"

type archiveInput struct {
	ID              ident.ConnectionID
	ConfirmHostname *string
	Options         []ArchiveOption
}

// Archive disconnects a name for good (T18): the edges stop within a second of the commit, the claim is free, the target proves nothing any more. A
// person who ends a live name types it. Archiving again answers the archived connection.
func (s *Service) Archive(ctx context.Context, id ident.ConnectionID, confirmHostname *string, options ...ArchiveOption) (*ArchiveConnectionPayload, error) {
	c, err := door.Do(ctx, s.Door, door.Change[archiveInput, *Connection]{
		Action: door.Action{Name: "connection.archive", Permission: "connection.archive"},
		Org:    orgOf(s, "connection.archive", func(in archiveInput) ident.ConnectionID { return in.ID }),
		Do: func(ctx context.Context, e *door.Effect, in archiveInput) (*Connection, error) {
			c, err := s.lock(ctx, e.Tx, e.Scope.Org(), in.ID)
			if err != nil {
				return nil, err
			}
			if c.State == Archived {
				e.Quiet()
				return c, nil
			}
			typed := strings.ToLower(strings.TrimSpace(deref(in.ConfirmHostname)))
			needed := c.LiveAt != nil && e.Caller.Kind == authz.USER
			if typed != c.Hostname && typed != strings.ToLower(c.UnicodeName) && (typed != "" || needed) {
				return nil, fault.Invalid("confirmHostname", "confirm", "Type %s to disconnect it.", c.UnicodeName)
			}
			return c, s.ArchiveTx(ctx, e, c, "disconnected", in.Options...)
		},
	}, archiveInput{id, confirmHostname, options})
	if err != nil {
		return nil, err
	}
	return &ArchiveConnectionPayload{Connection: c}, nil
}

// ArchiveTx ends a locked connection, with its companion, inside a change of the caller's. The edges' rows come last: everybody else waits for them.
func (s *Service) ArchiveTx(ctx context.Context, e *door.Effect, c *Connection, reason string, options ...ArchiveOption) error {
	companion, err := s.companionTx(ctx, e.Tx, c)
	if err != nil {
		return err
	}
	ending := []*Connection{c}
	if companion != nil {
		ending = append(ending, companion)
	}
	for _, c := range ending {
		if err := s.releaseTx(ctx, e, c, reason, options...); err != nil {
			return err
		}
	}
	for _, c := range ending {
		if err := s.withdrawTx(ctx, e, c); err != nil {
			return err
		}
	}
	return nil
}

// releaseTx ends a connection and gives its name up.
func (s *Service) releaseTx(ctx context.Context, e *door.Effect, c *Connection, reason string, options ...ArchiveOption) error {
	if err := s.endTx(ctx, e, c, reason, options...); err != nil {
		return err
	}
	return s.Claims.ReleaseTx(ctx, e.Tx, c.Hostname, c.ID)
}

// withdrawTx takes what ended from the edges.
func (s *Service) withdrawTx(ctx context.Context, e *door.Effect, c *Connection) error {
	if err := s.Edge.WithdrawTx(ctx, e.Tx, c.Hostname, c.ID); err != nil {
		return fmt.Errorf("withdraw %s from the edges: %w", c.Hostname, err)
	}
	return s.retireTarget(ctx, e, c)
}

// endTx is what an end means for the connection itself: not for its claim, nor for the edges.
func (s *Service) endTx(ctx context.Context, e *door.Effect, c *Connection, reason string, options ...ArchiveOption) error {
	from, now := c.State, e.Tx.Now
	c.ArchivedAt, c.LiveAt, c.GraceUntil, c.WindowEndsAt, c.AttentionUntil = &now, nil, nil, nil, nil
	c.Facets.Ownership.Until = nil
	c.Facets.Edge.set(Off, "", now, nil)
	c.Settle(now, s.rules())
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return err
	}
	for _, kind := range []string{checkKind, timerKind} {
		if err := s.setDue(ctx, e.Tx, c, kind, never); err != nil {
			return err
		}
	}
	app, err := s.around(ctx, e.Tx, c)
	if err != nil {
		return err
	}
	if app.live && c.CompanionOf == nil {
		if err := s.giveBack(ctx, e, c.OrgID); err != nil {
			return err
		}
	}
	e.Record(change(c, "connection.archived", Ended{V: 1, Hostname: c.Hostname, ApplicationID: c.ApplicationID, From: from, Reason: reason,
		RevokeCertificate: slices.Contains(options, RevokeCertificate)}))
	return nil
}

// giveBack counts one connection less for an organization, which is another one than the change's where a name changes hands.
func (s *Service) giveBack(ctx context.Context, e *door.Effect, org ident.OrgID) error {
	if e.Scope.Org() == org {
		return e.Give(ctx, "connections", 1)
	}
	return s.Door.JoinTx(ctx, e.Tx, "transfer", org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		return e.Give(ctx, "connections", 1)
	})
}

// retireTarget lets an ended connection's target answer for a while, so that visitors get a clear no, and never again.
func (s *Service) retireTarget(ctx context.Context, e *door.Effect, c *Connection) error {
	if err := s.answerNoMore(ctx, e, c); err != nil {
		return err
	}
	now := e.Tx.Now
	until := now.Add(cmp.Or(s.Settings.Tombstone, tombstone))
	if err := s.q.RetireTarget(ctx, e.Tx, connectionq.RetireTargetParams{Token: c.TargetToken, OrgID: c.OrgID.UUID(), Now: now, Until: until}); err != nil {
		return fmt.Errorf("retire the target of %s: %w", c.ID, err)
	}
	if err := s.Edge.RetireTargetTx(ctx, e.Tx, c.TargetToken, until); err != nil {
		return fmt.Errorf("retire the target of %s: %w", c.ID, err)
	}
	return nil
}

// CountOpen is how many connections of an application are not archived.
func (s *Service) CountOpen(ctx context.Context, tx *db.Tx, org ident.OrgID, app ident.ApplicationID) (open int64, err error) {
	rows, err := s.q.CountByState(ctx, tx, connectionq.CountByStateParams{OrgID: org.UUID(), ApplicationID: app.UUID()})
	if err != nil {
		return 0, fmt.Errorf("count the connections of %s: %w", app, err)
	}
	for _, r := range rows {
		if State(r.State) != Archived {
			open += int64(r.Count)
		}
	}
	return open, nil
}

// ArchiveOfTx ends every open connection of an application, inside the change that archives it.
func (s *Service) ArchiveOfTx(ctx context.Context, e *door.Effect, app ident.ApplicationID) error {
	ids, err := s.q.OpenConnectionsOf(ctx, e.Tx, connectionq.OpenConnectionsOfParams{OrgID: e.Scope.OrgUUID(), ApplicationID: app.UUID()})
	if err != nil {
		return fmt.Errorf("list the open connections of %s: %w", app, err)
	}
	cons, err := s.lockAll(ctx, e, ids)
	if err != nil {
		return err
	}
	for _, c := range cons {
		if c.State == Archived || c.CompanionOf != nil { // which ends with its main connection
			continue
		}
		if err := s.ArchiveTx(ctx, e, c, "application_archived"); err != nil {
			return err
		}
	}
	return nil
}
