package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gowebpki/jcs"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/approvalq"
)

// What ends a request that was agreed to instead of its effect.
var (
	errStale   = errors.New("the subject has changed since")
	errExpired = errors.New("its time is over")
	errLost    = errors.New("who agreed is no operator any more")
	errOther   = errors.New("this is not what was agreed to")
	errOver    = errors.New("it ran, or was stopped")
)

type grantKey struct{}

// canonical is an input as it is hashed and kept (RFC 8785).
func canonical(input []byte) (text []byte, sum string, err error) {
	text, err = jcs.Transform(input)
	if err != nil {
		return nil, "", fmt.Errorf("read the input: %w", err)
	}
	h := sha256.Sum256(text)
	return text, hex.EncodeToString(h[:]), nil
}

// Hold keeps a call as a request, or uses up the one that it runs under. Asking the same again is answered by the request that waits.
func (s *Service) Hold(ctx context.Context, e *door.Effect, c door.Call) (*door.Waiting, error) {
	if _, known := s.action(c.Action.Name); !known {
		return nil, fmt.Errorf("%s has to wait, and nobody says how it runs afterwards", c.Action.Name)
	}
	input, sum, err := canonical(c.Input)
	if err != nil {
		return nil, err
	}
	if id, granted := ctx.Value(grantKey{}).(ident.ApprovalID); granted {
		return nil, s.use(ctx, e, id, c, sum)
	}
	operators, err := s.q.Operators(ctx, e.Tx)
	if err != nil {
		return nil, fmt.Errorf("count the operators: %w", err)
	}
	id := ident.New[ident.ApprovalID](e.Tx.Now)
	p := approvalq.AddRequestParams{ID: id.UUID(), Action: c.Action.Name, Subject: c.Subject, SubjectLabel: c.Label, SubjectVersion: c.Version, Input: input, InputSha256: sum,
		RequesterID: e.Caller.UserID.UUID(), Requester: e.Caller.Actor(), Required: required, CoolingOff: len(operators) < 2, ExpiresAt: e.Tx.Now.Add(lives), Now: e.Tx.Now, DueAt: e.Tx.Now.Add(lives)}
	if c.Reason != "" {
		p.Reason = &c.Reason
	}
	if p.CoolingOff {
		p.ExecuteNotBefore, p.ExpiresAt, p.DueAt = new(e.Tx.Now.Add(coolsFor)), e.Tx.Now.Add(coolsFor+lives), e.Tx.Now.Add(coolsFor)
	}
	n, err := s.q.AddRequest(ctx, e.Tx, p)
	if err != nil {
		return nil, fmt.Errorf("keep the request: %w", err)
	}
	if n == 0 {
		return s.again(ctx, e, c, sum)
	}
	s.record(e, "approval.requested", id, 1, map[string]any{"v": 1, "action": c.Action.Name, "subject": c.Subject, "sha256": sum, "coolingOff": p.CoolingOff})
	if p.CoolingOff && s.Tell != nil {
		if err := s.Tell(ctx, e, s.news(id, p, operators)); err != nil {
			return nil, err
		}
	}
	r, err := s.q.LockRequest(ctx, e.Tx, approvalq.LockRequestParams{ID: id.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return waiting(r), nil
}

func (s *Service) news(id ident.ApprovalID, p approvalq.AddRequestParams, operators []*approvalq.OperatorsRow) News {
	n := News{Request: id, Action: p.Action, Until: *p.ExecuteNotBefore}
	for _, o := range operators {
		n.To = append(n.To, ident.From[ident.UserID](o.UserID))
		if o.UserID == p.RequesterID {
			n.Requester = o.Name
		}
	}
	return n
}

// again answers for a call whose kind waits already for the same subject.
func (s *Service) again(ctx context.Context, e *door.Effect, c door.Call, sum string) (*door.Waiting, error) {
	r, err := s.q.OpenRequest(ctx, e.Tx, approvalq.OpenRequestParams{Action: c.Action.Name, Subject: c.Subject})
	if db.NotFound(err) {
		return nil, fault.Precondition("approval_decided", "A request like this was decided a moment ago. Look at it under Approvals, and ask again if it is still needed.")
	} else if err != nil {
		return nil, fmt.Errorf("find the open request: %w", err)
	}
	if r.InputSha256 != sum || r.RequesterID != e.Caller.UserID.UUID() {
		return nil, fault.Conflict("", "approval_open", "Another request of this kind waits already: number %d under Approvals. Decide it first.", r.Number).
			With("requestId", ident.From[ident.ApprovalID](r.ID).String())
	}
	e.Quiet()
	return waiting(r), nil
}

// use lets the call run that the request was made for, and ends the request with the call's own transaction.
func (s *Service) use(ctx context.Context, e *door.Effect, id ident.ApprovalID, c door.Call, sum string) error {
	r, err := s.q.LockRequest(ctx, e.Tx, approvalq.LockRequestParams{ID: id.UUID()})
	if err != nil {
		return fmt.Errorf("find the request: %w", err)
	}
	if err := s.usable(ctx, e.Tx, r); err != nil {
		return err
	}
	switch {
	case r.Action != c.Action.Name || r.InputSha256 != sum || r.Subject != c.Subject || r.RequesterID != e.Caller.UserID.UUID():
		return errOther
	case r.SubjectVersion != c.Version:
		return errStale
	}
	return s.move(ctx, e, r, Executed, nil)
}

// usable says why a request may not run now.
func (s *Service) usable(ctx context.Context, tx *db.Tx, r *approvalq.ApprovalRequest) error {
	switch ApprovalState(r.State) {
	case Pending:
		if !r.CoolingOff || tx.Now.Before(*r.ExecuteNotBefore) {
			return errOver
		}
		if !tx.Now.Before(r.ExpiresAt) {
			return errExpired
		}
		return nil
	case Approved:
		if !tx.Now.Before(*r.ExecuteBy) {
			return errExpired
		}
	default:
		return errOver
	}
	decisions, err := s.q.DecisionsOf(ctx, tx, approvalq.DecisionsOfParams{Requests: ids(r)})
	if err != nil {
		return fmt.Errorf("read the decisions: %w", err)
	}
	operators, err := s.q.Operators(ctx, tx)
	if err != nil {
		return fmt.Errorf("read the operators: %w", err)
	}
	still := 0
	for _, d := range decisions {
		if Decision(d.Decision) == Approve && eligible(operators, r, ident.From[ident.UserID](d.UserID)) {
			still++
		}
	}
	if still < int(r.Required) {
		return errLost
	}
	return nil
}

// move writes where a request stands now, and says so in the ledger.
func (s *Service) move(ctx context.Context, e *door.Effect, r *approvalq.ApprovalRequest, to ApprovalState, failure *string) error {
	p := approvalq.MoveRequestParams{ID: r.ID, State: string(to), Failure: failure, Now: e.Tx.Now}
	switch to {
	case Approved:
		p.DecidedAt, p.ExecuteBy, p.DueAt = &e.Tx.Now, new(e.Tx.Now.Add(runsWithin)), &e.Tx.Now
		e.After(func() { s.Work.Poke(queueName) })
	case Rejected, Canceled:
		p.DecidedAt = &e.Tx.Now
	case Executed:
		p.ExecutedAt = &e.Tx.Now
	}
	if err := s.q.MoveRequest(ctx, e.Tx, p); err != nil {
		return fmt.Errorf("move the request: %w", err)
	}
	payload := map[string]any{"v": 1, "action": r.Action, "subject": r.Subject, "sha256": r.InputSha256}
	if failure != nil {
		payload["failure"] = *failure
	}
	s.record(e, "approval."+strings.ToLower(string(to)), ident.From[ident.ApprovalID](r.ID), r.Version+1, payload)
	return nil
}

func (s *Service) record(e *door.Effect, action string, id ident.ApprovalID, version int32, payload map[string]any) {
	e.Record(event.Change{Action: action, Subject: id.String(), Version: version, Chain: chain, Payload: payload, Audited: true})
	e.Poke(changedHere, 0)
}

// Stands answers how a wait stands now.
func (s *Service) Stands(ctx context.Context, tx *db.Tx, id string) (*door.Waiting, error) {
	parsed, err := ident.Parse[ident.ApprovalID](id)
	if err != nil {
		return nil, err
	}
	r, err := s.q.LockRequest(ctx, tx, approvalq.LockRequestParams{ID: parsed.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return waiting(r), nil
}

// waiting says in a sentence how a request stands.
func waiting(r *approvalq.ApprovalRequest) *door.Waiting {
	w := &door.Waiting{Kind: door.WaitingForApproval, RequestID: ident.From[ident.ApprovalID](r.ID).String(), Until: &r.ExpiresAt}
	if r.CoolingOff {
		w.Kind, w.Until = door.CoolingOff, r.ExecuteNotBefore
	}
	switch state := ApprovalState(r.State); {
	case state == Pending && r.CoolingOff:
		w.Message = "There is no second operator to agree. This runs by itself at " + r.ExecuteNotBefore.UTC().Format(time.RFC3339) + ", unless somebody stops it."
	case state == Pending:
		w.Message = "Another operator has to agree."
	case state == Approved:
		w.Message = "Another operator has agreed. This runs in a moment."
	default:
		w.Message, w.Until = "This request has ended: "+strings.ToLower(string(state))+".", nil
	}
	return w
}

// eligible says whether somebody may agree to a request: an operator since before it was made, and so not by the hand of who asked.
func eligible(operators []*approvalq.OperatorsRow, r *approvalq.ApprovalRequest, user ident.UserID) bool {
	return user.UUID() != r.RequesterID && slices.ContainsFunc(operators, func(o *approvalq.OperatorsRow) bool {
		return o.UserID == user.UUID() && !o.GrantedAt.After(r.CreatedAt)
	})
}
