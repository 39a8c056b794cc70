package account

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// RegisterMachineTx makes the account of a machine; by is who stands for it, nil when nobody does.
func (s *Service) RegisterMachineTx(ctx context.Context, e *door.Effect, by *ident.UserID) (ident.UserID, error) {
	id := ident.New[ident.UserID](e.Tx.Now)
	p := accountq.AddMachineParams{ID: id.UUID(), CreatedAt: e.Tx.Now}
	if by != nil {
		p.CreatedBy = new(by.UUID())
	}
	if err := s.q.AddMachine(ctx, e.Tx, p); err != nil {
		return id, fmt.Errorf("add the machine: %w", err)
	}
	e.Record(event.Change{Action: "account.registered", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "kind": "MACHINE"}, Audited: true})
	return id, nil
}

// EraseMachineTx ends the account of a machine. Its row stays, for the ledger's sake.
func (s *Service) EraseMachineTx(ctx context.Context, e *door.Effect, id ident.UserID) error {
	if _, err := s.q.EraseMachine(ctx, e.Tx, accountq.EraseMachineParams{ID: id.UUID()}); err != nil {
		return fmt.Errorf("erase the machine: %w", err)
	}
	e.Record(event.Change{Action: "account.erased", Subject: id.String(), Version: 2, Payload: map[string]any{"v": 1}, Audited: true})
	return nil
}
