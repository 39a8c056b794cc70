package connection

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// succession is how a name comes from one locked connection to another outside a check: by an operator's word, or within an organization.
type succession struct {
	reason string // why the former one is archived
	within bool   // both are of one organization
	adopt  func() error
}

// succeed ends a connection whose claim another one has by now, and begins to verify that one. adopt, if there is one, is what the new one takes over once the
// former one has ended. What it answers writes to the edges, and comes last.
func (s *Service) succeed(ctx context.Context, e *door.Effect, from, to *Connection, how succession) (edges func() error, err error) {
	if err := s.endTx(ctx, e, from, how.reason); err != nil {
		return nil, err
	}
	e.Record(change(from, "connection.transferred", Transferred{1, from.Hostname, from.ApplicationID, "out", how.within}))
	before, o := *to, &to.Facets.Ownership
	if how.adopt != nil {
		if err := how.adopt(); err != nil {
			return nil, err
		}
	}
	o.Passes, o.PassedAt, o.Until, o.Moved = 0, nil, nil, !from.Facets.TLS.Certificate.IsZero()
	o.set(Verified, "", e.Tx.Now, nil)
	if err := s.settled(ctx, e, &before, to); err != nil {
		return nil, err
	}
	e.Record(change(to, "connection.transferred", Transferred{1, to.Hostname, to.ApplicationID, "in", how.within}))
	if err := s.makeDue(ctx, e, to, e.Tx.Now, analysis.TriggerManual); err != nil {
		return nil, err
	}
	app, err := s.around(ctx, e.Tx, to)
	if err != nil {
		return nil, err
	}
	return func() error {
		if err := s.retireTarget(ctx, e, from); err != nil {
			return err
		}
		if how.within {
			if err := s.Edge.TargetTx(ctx, e.Tx, to.TargetToken, to.ID); err != nil {
				return fmt.Errorf("move the target of %s: %w", from.ID, err)
			}
		}
		if to.delegated() {
			if err := s.answerFor(ctx, e, to); err != nil {
				return err
			}
		}
		return s.moveEntry(ctx, e, from, to, app)
	}, nil
}

// endBeside ends a companion whose main name went away: it would lead its visitors to somebody else. The edges' rows come last.
func (s *Service) endBeside(ctx context.Context, e *door.Effect, beside *Connection, reason string) (edges func() error, err error) {
	if err := s.releaseTx(ctx, e, beside, reason); err != nil {
		return nil, err
	}
	return func() error { return s.withdrawTx(ctx, e, beside) }, nil
}
