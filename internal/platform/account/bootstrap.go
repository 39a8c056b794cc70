package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// firstOperators is how many are made from the command line: two, who can watch each other from then on.
const firstOperators = 2

// RoomTx says how many of the first operators are missing. Two command lines at the same moment wait for each other here.
func (s *Service) RoomTx(ctx context.Context, e *door.Effect) (int, error) {
	if err := s.q.LockOperators(ctx, e.Tx); err != nil {
		return 0, fmt.Errorf("wait for other changes of operators: %w", err)
	}
	n, err := s.q.OperatorsBeside(ctx, e.Tx, accountq.OperatorsBesideParams{ID: uuid.Nil})
	if err != nil {
		return 0, fmt.Errorf("count the operators: %w", err)
	}
	return max(0, firstOperators-int(n)), nil
}

// ByAddressTx finds the account of an address; nil when there is none. One that cannot sign in, or whose address nobody confirmed, is refused: whoever wrote
// the address down would get the role.
func (s *Service) ByAddressTx(ctx context.Context, e *door.Effect, email string) (*ident.UserID, error) {
	r, err := s.q.UserByAddress(ctx, e.Tx, accountq.UserByAddressParams{Email: email})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the account of an address: %w", err)
	}
	if r.Access != string(Enabled) || !r.Verified {
		return nil, fault.Precondition("account_unfit", "The account of %s is suspended, or its address was never confirmed.", email)
	}
	return new(ident.From[ident.UserID](r.ID)), nil
}

// BootstrapTx makes somebody one of the first operators.
func (s *Service) BootstrapTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	r, err := s.q.LockUser(ctx, e.Tx, accountq.LockUserParams{ID: user.UUID()})
	if err != nil {
		return fmt.Errorf("lock the account %s: %w", user, err)
	}
	if err := s.GrantTx(ctx, e, user, Operations); err != nil {
		return err
	}
	version := r.RightsVersion + 1
	e.Record(
		event.Change{Action: givenEvent, Subject: user.String(), Version: version, Stream: rightsOf(user), Chain: chain, Payload: map[string]any{"v": 1, "role": Operations}, Audited: true},
		event.Change{Action: "admin.bootstrapped", Subject: user.String(), Version: 1, Stream: chain, Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
	if err := s.q.SetRightsVersion(ctx, e.Tx, accountq.SetRightsVersionParams{ID: user.UUID(), RightsVersion: version}); err != nil {
		return fmt.Errorf("note the change of roles: %w", err)
	}
	return s.renew(ctx, e, user, givenEvent)
}
