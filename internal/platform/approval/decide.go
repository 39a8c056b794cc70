package approval

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/approvalq"
)

// DecideApprovalInput is a second person's word about what was shown: the hash says which.
type DecideApprovalInput struct {
	ID               ident.ApprovalID
	Decision         Decision
	InputSha256      string
	Comment          *string
	ClientMutationID *string `json:"-"`
}

// ApprovalPayload is the request after a word about it.
type ApprovalPayload struct{ Request *ApprovalRequest }

// Decide lets an operator agree to another's request, or stop it. The word is final.
func (s *Service) Decide(ctx context.Context, in DecideApprovalInput) (*ApprovalPayload, error) {
	if s.Limit != nil {
		if err := s.Limit.Allow(ctx, perPerson, authz.From(ctx).Actor()); err != nil {
			return nil, err
		}
	}
	return door.Do(ctx, s.Door, door.Change[DecideApprovalInput, *ApprovalPayload]{
		Action: door.Action{Name: "approval.decide", Own: true, Operator: true, StepUp: true}, // who may decide is asked below: to nobody else is there anything
		Key:    func(in DecideApprovalInput) *string { return in.ClientMutationID },
		Validate: func(_ context.Context, _ *door.Effect, in *DecideApprovalInput) error {
			comment, err := words("comment", in.Comment)
			in.Comment = comment
			return err
		},
		Do: s.decide,
	}, in)
}

func (s *Service) decide(ctx context.Context, e *door.Effect, in DecideApprovalInput) (*ApprovalPayload, error) {
	r, err := s.lock(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	own := r.RequesterID == e.Caller.UserID.UUID()
	if err := s.Authz.Operate(ctx, mayDecide); err != nil && !own {
		if s.Authz.Operate(ctx, mayRead) == nil {
			return nil, err
		}
		return nil, fault.NotFound("request")
	}
	operators, err := s.q.Operators(ctx, e.Tx)
	if err != nil {
		return nil, fmt.Errorf("read the operators: %w", err)
	}
	switch {
	case own:
		return nil, fault.Refused("own_request", "This is your own request: somebody else decides about it.")
	case ApprovalState(r.State) != Pending:
		return nil, fault.Precondition("approval_state", "This request was decided already: it is %s.", r.State).With("state", r.State)
	case !e.Tx.Now.Before(r.ExpiresAt):
		return nil, fault.Precondition("approval_state", "This request is too old. Let it be made again.").With("state", Expired)
	case in.InputSha256 != r.InputSha256:
		return nil, fault.Conflict("inputSha256", "approval_changed", "What you looked at is not what this request says. Load it again.")
	case in.Decision == Approve && !eligible(operators, r, e.Caller.UserID):
		return nil, fault.Refused("not_eligible", "You became an operator after this was asked. You can stop it; agreeing is for who was one before.")
	}
	p := approvalq.AddDecisionParams{RequestID: r.ID, UserID: e.Caller.UserID.UUID(), Decision: string(in.Decision), Comment: in.Comment, InputSha256: in.InputSha256, SessionID: e.Caller.SessionID.UUID(), At: e.Tx.Now}
	if e.Caller.IP != "" {
		p.Ip = &e.Caller.IP
	}
	if err := s.q.AddDecision(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("note the decision: %w", err)
	}
	to := Rejected
	if in.Decision == Approve {
		to = Approved
	}
	return s.moved(ctx, e, r, to)
}

// Cancel takes one's own request back, as long as it waits.
func (s *Service) Cancel(ctx context.Context, id ident.ApprovalID) (*ApprovalPayload, error) {
	return door.Do(ctx, s.Door, door.Change[ident.ApprovalID, *ApprovalPayload]{
		Action: door.Action{Name: "approval.cancel", Own: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.ApprovalID) (*ApprovalPayload, error) {
			r, err := s.lock(ctx, e, id)
			if err != nil {
				return nil, err
			}
			if r.RequesterID != e.Caller.UserID.UUID() {
				if s.Authz.Operate(ctx, mayRead) != nil { // nobody else learns of it
					return nil, fault.NotFound("request")
				}
				return nil, fault.Refused("other_request", "Only who asked can take a request back. You can reject it.")
			}
			if ApprovalState(r.State) != Pending {
				return nil, fault.Precondition("approval_state", "This request was decided already: it is %s.", r.State).With("state", r.State)
			}
			return s.moved(ctx, e, r, Canceled)
		},
	}, id)
}

func (s *Service) lock(ctx context.Context, e *door.Effect, id ident.ApprovalID) (*approvalq.ApprovalRequest, error) {
	r, err := s.q.LockRequest(ctx, e.Tx, approvalq.LockRequestParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("request")
	} else if err != nil {
		return nil, fmt.Errorf("find the request: %w", err)
	}
	return r, nil
}

func (s *Service) moved(ctx context.Context, e *door.Effect, r *approvalq.ApprovalRequest, to ApprovalState) (*ApprovalPayload, error) {
	if err := s.move(ctx, e, r, to, nil); err != nil {
		return nil, err
	}
	out, err := s.byID(ctx, e.Tx, e.Caller, ident.From[ident.ApprovalID](r.ID))
	return &ApprovalPayload{out}, err
}

// words trims what a person wrote; nothing is nil.
func words(field string, text *string) (*string, error) {
	if text == nil {
		return nil, nil
	}
	t := strings.TrimSpace(*text)
	if utf8.RuneCountInString(t) > longest || strings.ContainsRune(t, 0) || !utf8.ValidString(t) {
		return nil, fault.Invalid(field, "too_long", "Write at most %d characters.", longest)
	}
	if t == "" {
		return nil, nil
	}
	return &t, nil
}
