package connection

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// runTimer ends the window of a connection that was not finished (T16), and archives one whose customer left long ago.
func (s *Service) runTimer(ctx context.Context, t turn) error {
	return s.Door.System(ctx, "timer", t.org, func(ctx context.Context, e *door.Effect) error {
		c, err := s.lock(ctx, e.Tx, t.org, t.con)
		if err != nil {
			return err
		}
		held := connectionq.HoldDueParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID(), Kind: t.kind, Epoch: t.epoch}
		if _, err := s.q.HoldDue(ctx, e.Tx, held); db.NotFound(err) {
			return door.ErrNothing
		} else if err != nil {
			return fmt.Errorf("hold the timer of %s: %w", t.con, err)
		}
		next := never
		switch {
		case c.left():
			if until := c.SuspendedAt.Add(s.rules().Left); until.After(e.Tx.Now) {
				next = until
			} else if err := s.ArchiveTx(ctx, e, c, CustomerLeft); err != nil {
				return err
			}
		case c.WindowEndsAt == nil:
		case c.WindowEndsAt.After(e.Tx.Now):
			next = *c.WindowEndsAt
		case c.State == Draft: // never answered once: we could not ask, which is not the person's fault
			next = e.Tx.Now.Add(s.rules().Again)
		case c.State == ActionRequired || c.State == Verifying:
			if err := s.giveUp(ctx, e, c); err != nil {
				return err
			}
		}
		e.Quiet()
		_, err = s.q.FinishDue(ctx, e.Tx, connectionq.FinishDueParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID(), Kind: t.kind, Epoch: t.epoch, DueAt: next})
		if err != nil {
			return fmt.Errorf("end the timer of %s: %w", t.con, err)
		}
		return nil
	})
}

// giveUp stops looking: what was on its way never came everywhere, or nothing was added.
func (s *Service) giveUp(ctx context.Context, e *door.Effect, c *Connection) error {
	before := *c
	reason := finding.SetupIncomplete
	if c.State == Verifying {
		reason = finding.PropagationTimeout
	}
	c.FailedAt, c.StateReason = &e.Tx.Now, &reason
	if err := s.settleVerb(ctx, e, &before, c); err != nil {
		return err
	}
	return s.setDue(ctx, e.Tx, c, checkKind, never)
}
