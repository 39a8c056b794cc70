package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/approvalq"
)

// queue runs what was agreed to or has cooled off, and ends what nobody spoke about.
func (s *Service) queue() work.Queue {
	return work.Queue{
		Name: queueName, Batch: 4, Concurrency: 2, Timeout: 30 * time.Second,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := s.q.TakeRequests(ctx, tx, approvalq.TakeRequestsParams{Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, err
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				claims[n] = work.Claim{ID: ident.From[ident.ApprovalID](r.ID).String(), Epoch: r.Epoch, Data: r.ID}
			}
			return claims, nil
		},
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			n, err := s.q.ExtendRequest(ctx, on, approvalq.ExtendRequestParams{ID: c.Data.(uuid.UUID), Epoch: c.Epoch, Until: until})
			return n == 1, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) { return s.q.NextRequest(ctx, on) },
		Run: func(ctx context.Context, c work.Claim) error {
			return s.turn(ctx, ident.From[ident.ApprovalID](c.Data.(uuid.UUID)))
		},
	}
}

// turn does what a request is due for. Two turns of one request do no harm: the change itself uses the request up.
func (s *Service) turn(ctx context.Context, id ident.ApprovalID) error {
	row, err := s.q.RequestByID(ctx, s.DB, approvalq.RequestByIDParams{ID: id.UUID()})
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	r, now := &row.ApprovalRequest, s.DB.Now()
	switch state := ApprovalState(r.State); {
	case state == Pending && !now.Before(r.ExpiresAt), state == Approved && !now.Before(*r.ExecuteBy):
		return s.end(ctx, id, Expired, nil)
	case state == Pending && (!r.CoolingOff || now.Before(*r.ExecuteNotBefore)):
		return nil
	case state != Pending && state != Approved:
		return nil
	}
	return s.judge(ctx, id, s.execute(ctx, r))
}

// judge says what an attempt means for the request. What is no refusal is tried again when the lease is over.
func (s *Service) judge(ctx context.Context, id ident.ApprovalID, err error) error {
	faults := fault.All(err)
	switch {
	case err == nil || errors.Is(err, errOver):
		return nil
	case errors.Is(err, errOther):
		return s.end(ctx, id, Failed, new("input_changed"))
	case errors.Is(err, errStale):
		return s.end(ctx, id, Stale, new("subject_changed"))
	case errors.Is(err, errExpired):
		return s.end(ctx, id, Expired, nil)
	case errors.Is(err, errLost):
		return s.end(ctx, id, Failed, new("approver_lost"))
	case len(faults) > 0 && faults[0].Code != fault.UnavailableCode:
		return s.end(ctx, id, Failed, new(string(faults[0].Code)+": "+faults[0].Message))
	}
	return err
}

// execute makes the change in the name of who asked, with the rights that this person has now. The proof of who asks was given with the request.
func (s *Service) execute(ctx context.Context, r *approvalq.ApprovalRequest) error {
	action, known := s.action(r.Action)
	if !known {
		return fault.Precondition("action_gone", "This version of the product has no %s.", r.Action)
	}
	operators, err := s.q.Operators(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("read the operators: %w", err)
	}
	caller := authz.Principal{Kind: authz.USER, UserID: ident.From[ident.UserID](r.RequesterID), AAL: 1, AuthTime: s.DB.Now(), RequestID: ident.From[ident.ApprovalID](r.ID).String()}
	for _, o := range operators {
		if o.UserID == r.RequesterID {
			caller.Kind, caller.AAL = authz.OPERATOR, 2
		}
	}
	ctx = context.WithValue(authz.With(ctx, caller), grantKey{}, ident.From[ident.ApprovalID](r.ID))
	return action.Run(ctx, r.Input)
}

// end closes a request that does not run, unless somebody else was faster.
func (s *Service) end(ctx context.Context, id ident.ApprovalID, to ApprovalState, failure *string) error {
	_, err := door.Do(authz.System(ctx, "approval"), s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "approval.end", Public: true}, // the caller is work of the product
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			r, err := s.lock(ctx, e, id)
			if err != nil {
				return struct{}{}, err
			}
			if state := ApprovalState(r.State); state != Pending && state != Approved {
				e.Quiet()
				return struct{}{}, nil
			}
			return struct{}{}, s.move(ctx, e, r, to, failure)
		},
	}, struct{}{})
	return err
}
