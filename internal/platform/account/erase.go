package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// Erasure is what the end of an account means elsewhere; the assembly fills it in.
type Erasure struct {
	// Email is the address that the person types as proof; "" for who has none.
	Email func(ctx context.Context, user ident.UserID) (string, error)
	// Steps run one after the other in the transaction. The first that refuses ends it all.
	Steps []func(ctx context.Context, e *door.Effect, user ident.UserID) error
	// Refused says in words what the database refused at the commit.
	Refused func(err error) error
}

// Erase ends the caller's account for good: what is personal is overwritten; sessions, keys, memberships and the person's own organization end. Rows and
// ledger stay, without a name. PRECONDITION_FAILED with what to do while an organization would be left without an owner or without who pays.
func (s *Service) Erase(ctx context.Context, confirmEmail string) error {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return fault.Forbidden(string(authz.SelfWrite))
	}
	address, err := s.Erasure.Email(ctx, caller.UserID)
	if err != nil {
		return err
	}
	_, err = door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "account.erase", Own: true, StepUp: true},
		Validate: func(_ context.Context, _ *door.Effect, typed *string) error {
			if address == "" || !strings.EqualFold(strings.TrimSpace(*typed), address) {
				return fault.Invalid("confirmEmail", "confirm_email", "Type your own address, %s, to erase the account.", address)
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, _ string) (struct{}, error) {
			_, roles, err := s.target(ctx, e, caller.UserID)
			if err == nil && slices.Contains(roles, Operations) {
				err = s.another(ctx, e, caller.UserID)
			}
			if err != nil {
				return struct{}{}, err
			}
			u, err := s.byID(ctx, e.Tx, caller.UserID)
			if err != nil {
				return struct{}{}, err
			}
			for _, step := range s.Erasure.Steps {
				if err := step(ctx, e, u.ID); err != nil {
					return struct{}{}, err
				}
			}
			if err := s.q.EraseUser(ctx, e.Tx, accountq.EraseUserParams{ID: u.ID.UUID()}); err != nil {
				return struct{}{}, fmt.Errorf("erase the account: %w", err)
			}
			e.Record(event.Change{Action: "account.erased", Subject: u.ID.String(), Version: u.Version + 1, Payload: map[string]any{"v": 1}, Audited: true})
			return struct{}{}, nil
		},
	}, confirmEmail)
	if err != nil && s.Erasure.Refused != nil {
		err = s.Erasure.Refused(err)
	}
	return err
}
