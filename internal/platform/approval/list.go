package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/approvalq"
)

const (
	countedMost = 10_000
	lookedAt    = 200
	commitTime  = 10 * time.Second // a row may become visible so long after the instant that it carries
)

// ApprovalFilter narrows a list; what is nil or empty does not.
type ApprovalFilter struct {
	State  []ApprovalState
	Mine   *bool   // one's own requests
	ForMe  *bool   // other people's that wait for a word
	Action *string // of this kind
}

// reader answers whose requests the caller may see: nil is everybody's, for operators; everybody else sees their own.
func (s *Service) reader(ctx context.Context) (*uuid.UUID, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER && caller.Kind != authz.OPERATOR {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	err := s.Authz.Operate(ctx, mayRead)
	if fault.Is(err, fault.ForbiddenCode) {
		return new(caller.UserID.UUID()), nil
	}
	return nil, err
}

// List pages through requests, the newest first.
func (s *Service) List(ctx context.Context, f ApprovalFilter, a page.Args) (*ApprovalRequestPage, error) {
	own, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	caller := authz.From(ctx)
	p := approvalq.ListRequestsParams{Before: uuid.Max, RequesterID: own, States: []string{}, Most: int32(a.First) + 1}
	if a.After != nil {
		p.Before = a.After.ID
	}
	for _, state := range f.State {
		p.States = append(p.States, string(state))
	}
	if f.Mine != nil && *f.Mine {
		p.RequesterID = new(caller.UserID.UUID())
	}
	if f.ForMe != nil && *f.ForMe {
		p.NotOf, p.States = new(caller.UserID.UUID()), []string{string(Pending)}
	}
	if f.Action != nil {
		p.Action = *f.Action
	}
	if len(p.States) > 8 || len(p.Action) > 100 {
		return nil, fault.Invalid("filter", "too_long", "Ask for at most 8 states, and for an action of at most 100 characters.")
	}
	rows, err := s.q.ListRequests(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the requests: %w", err)
	}
	n, err := s.q.CountRequests(ctx, s.DB, approvalq.CountRequestsParams{RequesterID: p.RequesterID, NotOf: p.NotOf, States: p.States, Action: p.Action, Most: countedMost + 1})
	if err != nil {
		return nil, fmt.Errorf("count the requests: %w", err)
	}
	all := make([]*approvalq.RequestByIDRow, len(rows))
	for i, r := range rows {
		all[i] = (*approvalq.RequestByIDRow)(r)
	}
	out, err := s.shown(ctx, s.DB, caller, all)
	if err != nil {
		return nil, err
	}
	var total *int32
	if n <= countedMost {
		total = new(int32(n))
	}
	return new(page.Make(a, out, total, func(r *ApprovalRequest) page.Cursor { return page.Cursor{ID: r.ID.UUID()} })), nil
}

// Get reads one request that the caller may see.
func (s *Service) Get(ctx context.Context, id ident.ApprovalID) (*ApprovalRequest, error) {
	own, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.byID(ctx, s.DB, authz.From(ctx), id)
	if err != nil || own != nil && r.Requester.UserID.UUID() != *own {
		return nil, fault.NotFound("request").Because(err)
	}
	return r, nil
}

func (s *Service) byID(ctx context.Context, on approvalq.DBTX, caller authz.Principal, id ident.ApprovalID) (*ApprovalRequest, error) {
	row, err := s.q.RequestByID(ctx, on, approvalq.RequestByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("request")
	} else if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	out, err := s.shown(ctx, on, caller, []*approvalq.RequestByIDRow{row})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// shown adds what was decided, who may decide, and whether the caller may.
func (s *Service) shown(ctx context.Context, on approvalq.DBTX, caller authz.Principal, rows []*approvalq.RequestByIDRow) ([]*ApprovalRequest, error) {
	out := make([]*ApprovalRequest, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	requests := make([]*approvalq.ApprovalRequest, len(rows))
	for n, row := range rows {
		requests[n] = &row.ApprovalRequest
	}
	decisions, err := s.q.DecisionsOf(ctx, on, approvalq.DecisionsOfParams{Requests: ids(requests...)})
	if err != nil {
		return nil, fmt.Errorf("read the decisions: %w", err)
	}
	operators, err := s.q.Operators(ctx, on)
	if err != nil {
		return nil, fmt.Errorf("read the operators: %w", err)
	}
	now := s.DB.Now()
	for n, row := range rows {
		r := fromRow(row)
		for _, d := range decisions {
			if d.RequestID == row.ApprovalRequest.ID {
				r.Decisions = append(r.Decisions, &ApprovalDecision{By: &ApprovalPerson{ident.From[ident.UserID](d.UserID), d.Name}, Decision: Decision(d.Decision), Comment: d.Comment, At: d.At})
			}
		}
		if r.State == Pending {
			for _, o := range operators {
				if id := ident.From[ident.UserID](o.UserID); eligible(operators, &row.ApprovalRequest, id) {
					r.EligibleApprovers = append(r.EligibleApprovers, &ApprovalPerson{id, o.Name})
				}
			}
		}
		r.judge(caller, now)
		out[n] = r
	}
	return out, nil
}

// judge says whether the caller may agree, and else why not: for showing and hiding controls, never a grant.
func (r *ApprovalRequest) judge(caller authz.Principal, now time.Time) {
	switch {
	case r.State != Pending || !now.Before(r.ExpiresAt):
		r.WhyNot = new("decided")
	case r.Requester.UserID == caller.UserID:
		r.WhyNot = new("own_request")
	case !slices.ContainsFunc(r.EligibleApprovers, func(p *ApprovalPerson) bool { return p.UserID == caller.UserID }):
		r.WhyNot = new("not_eligible")
	default:
		r.CanIDecide = true
	}
}

func fromRow(row *approvalq.RequestByIDRow) *ApprovalRequest {
	r := row.ApprovalRequest
	return &ApprovalRequest{ID: ident.From[ident.ApprovalID](r.ID), Number: r.Number, Action: r.Action, SubjectID: ident.Any(r.Subject), SubjectLabel: r.SubjectLabel, State: ApprovalState(r.State),
		Input: r.Input, InputSha256: r.InputSha256, Reason: r.Reason, Requester: &ApprovalPerson{ident.From[ident.UserID](r.RequesterID), row.RequesterName}, CoolingOff: r.CoolingOff,
		Decisions: []*ApprovalDecision{}, EligibleApprovers: []*ApprovalPerson{},
		ExecuteNotBefore: r.ExecuteNotBefore, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, DecidedAt: r.DecidedAt, ExecutedAt: r.ExecutedAt, Failure: r.Failure, Version: r.Version}
}

func ids(requests ...*approvalq.ApprovalRequest) []uuid.UUID {
	out := make([]uuid.UUID, len(requests))
	for n, r := range requests {
		out[n] = r.ID
	}
	return out
}

// Watch is each request that the caller may see in its newest state, as often as that changes, from now on; with an id that one alone, and at once.
func (s *Service) Watch(ctx context.Context, id *ident.ApprovalID) (live.Feed[*ApprovalRequest], error) {
	w := &watch{s: s, asOf: s.DB.Now(), told: map[uuid.UUID]int32{}}
	if id != nil {
		if _, err := s.Get(ctx, *id); err != nil {
			return live.Feed[*ApprovalRequest]{}, err
		}
		w.id, w.asOf = new(id.UUID()), time.Unix(0, 0)
	} else if _, _, err := w.look(ctx); err != nil { // what is there now is known to the caller: it read the list
		return live.Feed[*ApprovalRequest]{}, err
	}
	return live.Feed[*ApprovalRequest]{Subjects: []string{changedHere}, Next: w.look}, nil
}

type watch struct {
	s    *Service
	id   *uuid.UUID
	asOf time.Time
	told map[uuid.UUID]int32 // versions
}

func (w *watch) look(ctx context.Context) (news []*ApprovalRequest, more bool, err error) {
	own, err := w.s.reader(ctx)
	if err != nil {
		return nil, false, err
	}
	now := w.s.DB.Now()
	rows, err := w.s.q.ChangedRequests(ctx, w.s.DB, approvalq.ChangedRequestsParams{Since: w.asOf.Add(-commitTime), ID: w.id, RequesterID: own, Most: lookedAt})
	if err != nil {
		return nil, false, fmt.Errorf("read what changed of the requests: %w", err)
	}
	seen, fresh := map[uuid.UUID]int32{}, []*approvalq.RequestByIDRow{}
	for _, r := range slices.Backward(rows) {
		if was, known := w.told[r.ApprovalRequest.ID]; !known || was != r.ApprovalRequest.Version {
			fresh = append(fresh, (*approvalq.RequestByIDRow)(r))
		}
		seen[r.ApprovalRequest.ID] = r.ApprovalRequest.Version
	}
	if news, err = w.s.shown(ctx, w.s.DB, authz.From(ctx), fresh); err != nil {
		return nil, false, err
	}
	if w.id == nil {
		w.asOf = now
	}
	maps.DeleteFunc(w.told, func(id uuid.UUID, _ int32) bool { _, still := seen[id]; return !still })
	maps.Copy(w.told, seen)
	return news, false, nil
}
