package approval_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// blast is a change that takes two people: it counts how often it happened.
type blast struct {
	Target           string
	Size             int
	ClientMutationID *string `json:"-"`
}

type answer struct {
	Done    bool
	Waiting *door.Waiting
}

type site struct {
	*spinetest.Bundle
	approvals      *approval.Service
	ana, ben, carl ident.UserID
	ahead          atomic.Int64
	version        atomic.Int32
	happened       atomic.Int32
	fail           atomic.Pointer[fault.Fault]
}

func setUp(t *testing.T) *site {
	t.Helper()
	s := &site{Bundle: spinetest.New(t, part.Part{Name: "test", Grants: []authz.Grant{{Permission: "test.blast", Operator: true, What: "x"}}})}
	s.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) })
	s.Door.Guards = []door.Guard{billing.StepUp{}}
	s.approvals = &approval.Service{DB: s.DB, Door: s.Door, Authz: s.Authz, Work: s.Work, Limit: limit.New(nil), Actions: []approval.Held{{Action: "test.blast", Field: "blast", Run: func(ctx context.Context, raw json.RawMessage) error {
		var in blast
		if err := json.Unmarshal(raw, &in); err != nil {
			return err
		}
		_, err := s.blast(ctx, in)
		return err
	}}}}
	s.Door.Holder = s.approvals
	s.Join(s.approvals.Part())
	s.ana, s.ben, s.carl = s.operator(t, "ana"), s.operator(t, "ben"), s.operator(t, "carl")
	return s
}

func (s *site) operator(t *testing.T, name string) ident.UserID {
	t.Helper()
	_, user := s.Organization(t, name)
	s.sql(t, "insert into user_platform_role values ($1, 'OPERATIONS', 'system:test', now() - interval '1 hour')", user.UUID())
	return user
}

func (s *site) sql(t *testing.T, text string, args ...any) {
	t.Helper()
	if _, err := s.DB.Exec(t.Context(), text, args...); err != nil {
		t.Fatal(err)
	}
}

func (s *site) as(t *testing.T, user ident.UserID) context.Context {
	return authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: user, SessionID: ident.New[ident.SessionID](s.DB.Now()), AAL: 2, AuthTime: s.DB.Now(), RequestID: "test", Locale: "en"})
}

func (s *site) blast(ctx context.Context, in blast) (*answer, error) {
	return door.Do(ctx, s.Door, door.Change[blast, *answer]{
		Action: door.Action{Name: "test.blast", Permission: "test.blast", Operator: true, StepUp: true},
		Key:    func(in blast) *string { return in.ClientMutationID },
		Ask: func(_ context.Context, _ *door.Effect, in blast) (*door.Ask, error) {
			return &door.Ask{Subject: in.Target, Label: in.Target, Version: s.version.Load(), Reason: "it is in the way"}, nil
		},
		Waits: func(w *door.Waiting) *answer { return &answer{Waiting: w} },
		Do: func(_ context.Context, e *door.Effect, in blast) (*answer, error) {
			if f := s.fail.Load(); f != nil {
				return nil, f
			}
			e.Record(event.Change{Action: "test.blasted", Subject: in.Target, Version: 1, Payload: map[string]any{"v": 1, "size": in.Size}})
			e.After(func() { s.happened.Add(1) })
			return &answer{Done: true}, nil
		},
	}, in)
}

func (s *site) ask(t *testing.T, by ident.UserID) *approval.ApprovalRequest {
	t.Helper()
	out, err := s.blast(s.as(t, by), blast{Target: "usr_rock", Size: 3})
	if err != nil || out.Done || out.Waiting == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	return s.get(t, out.Waiting.RequestID)
}

func (s *site) get(t *testing.T, id string) *approval.ApprovalRequest {
	t.Helper()
	parsed, err := ident.Parse[ident.ApprovalID](id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.approvals.Get(s.as(t, s.carl), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *site) decide(t *testing.T, by ident.UserID, r *approval.ApprovalRequest, d approval.Decision) error {
	_, err := s.approvals.Decide(s.as(t, by), approval.DecideApprovalInput{ID: r.ID, Decision: d, InputSha256: r.InputSha256})
	return err
}

func (s *site) drain(t *testing.T) {
	t.Helper()
	if err := s.Work.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *site) stands(t *testing.T, r *approval.ApprovalRequest, want approval.ApprovalState, times int32) *approval.ApprovalRequest {
	t.Helper()
	now := s.get(t, r.ID.String())
	if now.State != want || s.happened.Load() != times {
		failure := ""
		if now.Failure != nil {
			failure = *now.Failure
		}
		t.Errorf("it is %s (%s) and happened %d times, want %s and %d", now.State, failure, s.happened.Load(), want, times)
	}
	return now
}

func said(err error) string {
	if all := fault.All(err); len(all) == 1 {
		return string(all[0].Code) + " " + all[0].Reason
	}
	return fmt.Sprint(err)
}

func TestApproval_TakesAnotherPerson(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	r := s.ask(t, s.ana)
	if r.InputSha256 == "" || string(r.Input) == "" || len(r.EligibleApprovers) != 2 || !r.CanIDecide || r.Requester.UserID != s.ana || r.CoolingOff {
		t.Errorf("%+v", r)
	}
	if got := said(s.decide(t, s.ana, r, approval.Approve)); got != "FORBIDDEN own_request" {
		t.Errorf("one's own: %s", got)
	}
	_, err := s.DB.Exec(t.Context(), "insert into approval_decision (request_id, user_id, decision, input_sha256, session_id, at) values ($1, $2, 'APPROVE', $3, $1, now())", r.ID.UUID(), s.ana.UUID(), r.InputSha256)
	if err == nil || !strings.Contains(err.Error(), "who asks cannot decide") {
		t.Errorf("one's own, behind the program's back: %v", err)
	}
	_, err = s.approvals.Decide(s.as(t, s.ben), approval.DecideApprovalInput{ID: r.ID, Decision: approval.Approve, InputSha256: strings.Repeat("0", 64)})
	if got := said(err); got != "CONFLICT approval_changed" {
		t.Errorf("another input: %s", got)
	}
	if got := said(s.decide(t, s.User, r, approval.Approve)); got != "FORBIDDEN not_eligible" && got != "NOT_FOUND " {
		t.Errorf("a stranger who calls themselves an operator: %s", got)
	}
	stale := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: s.ben, AAL: 2, AuthTime: s.DB.Now().Add(-6 * time.Minute)})
	if _, err := s.approvals.Decide(stale, approval.DecideApprovalInput{ID: r.ID, Decision: approval.Approve, InputSha256: r.InputSha256}); !fault.Is(err, fault.StepUpCode) {
		t.Errorf("with an old proof: %v", err)
	}
	s.drain(t)
	s.stands(t, r, approval.Pending, 0)
	if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
		t.Fatal(err)
	}
	s.stands(t, r, approval.Approved, 0)
	s.drain(t)
	s.drain(t)
	s.stands(t, r, approval.Executed, 1)
	if _, err := s.DB.Exec(t.Context(), "update approval_decision set decision = 'REJECT'"); err == nil {
		t.Error("a decision can be changed")
	}
	var actor string
	if err := s.DB.QueryRow(t.Context(), "select actor from event where action = 'test.blasted'").Scan(&actor); err != nil || actor != "operator:"+s.ana.String() {
		t.Errorf("it was done by %q, %v", actor, err)
	}
}

func TestApproval_IsUsedOnce(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	for round := range int32(5) {
		r := s.ask(t, s.ana)
		var wg sync.WaitGroup
		var errs [2]error
		for n, by := range []ident.UserID{s.ben, s.carl} {
			wg.Go(func() { errs[n] = s.decide(t, by, r, approval.Approve) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("two words at one moment: %v, %v", errs[0], errs[1])
		}
		for range 4 {
			wg.Go(func() { s.drain(t) })
		}
		wg.Wait()
		s.stands(t, r, approval.Executed, round+1)
	}
}

func TestApproval_StaleExpiredAndLost(t *testing.T) {
	t.Parallel()
	t.Run("SubjectChanged", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.version.Add(1)
		s.drain(t)
		s.stands(t, r, approval.Stale, 0)
	})
	t.Run("NobodySpoke", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		s.ahead.Store(int64(24*time.Hour + time.Second))
		if got := said(s.decide(t, s.ben, r, approval.Approve)); got != "PRECONDITION_FAILED approval_state" {
			t.Errorf("too late, though no worker ran: %s", got)
		}
		s.drain(t)
		s.stands(t, r, approval.Expired, 0)
	})
	t.Run("NotRunInTime", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.ahead.Store(int64(4*time.Hour + time.Minute))
		s.drain(t)
		s.stands(t, r, approval.Expired, 0)
	})
	t.Run("WhoAgreedIsGone", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.sql(t, "delete from user_platform_role where user_id = $1", s.ben.UUID())
		s.drain(t)
		if now := s.stands(t, r, approval.Failed, 0); now.Failure == nil || *now.Failure != "approver_lost" {
			t.Errorf("%+v", now)
		}
	})
	t.Run("WhoAskedIsGone", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.sql(t, "update app_user set access = 'SUSPENDED' where id = $1", s.ana.UUID())
		s.drain(t)
		s.stands(t, r, approval.Failed, 0)
	})
	t.Run("OperatorSinceThen", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		_, dora := s.Organization(t, "dora")
		s.sql(t, "insert into user_platform_role values ($1, 'OPERATIONS', $2, now() + interval '1 second')", dora.UUID(), "operator:"+s.ana.String())
		if got := said(s.decide(t, dora, r, approval.Approve)); got != "FORBIDDEN not_eligible" {
			t.Errorf("agreeing: %s", got)
		}
		if err := s.decide(t, dora, r, approval.Reject); err != nil {
			t.Errorf("stopping: %v", err)
		}
		s.drain(t)
		s.stands(t, r, approval.Rejected, 0)
	})
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.fail.Store(fault.Precondition("gone", "The rock is gone."))
		s.drain(t)
		if now := s.stands(t, r, approval.Failed, 0); now.Failure == nil || !strings.Contains(*now.Failure, "The rock is gone.") {
			t.Errorf("%+v", now)
		}
	})
	t.Run("TamperedInput", func(t *testing.T) {
		t.Parallel()
		s := setUp(t)
		r := s.ask(t, s.ana)
		if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
			t.Fatal(err)
		}
		s.sql(t, `update approval_request set input = '{"Target": "usr_rock", "Size": 9000}'`)
		s.drain(t)
		s.stands(t, r, approval.Failed, 0)
	})
}

func TestApproval_RepeatsAnswerHowItStands(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	key := "k1"
	in := blast{Target: "usr_rock", Size: 3, ClientMutationID: &key}
	first, err := s.blast(s.as(t, s.ana), in)
	if err != nil || first.Waiting == nil {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := s.blast(s.as(t, s.ana), in); err != nil || again.Waiting == nil || again.Waiting.RequestID != first.Waiting.RequestID {
		t.Errorf("%+v, %v", again, err)
	}
	r := s.get(t, first.Waiting.RequestID)
	if err := s.decide(t, s.ben, r, approval.Approve); err != nil {
		t.Fatal(err)
	}
	s.drain(t)
	after, err := s.blast(s.as(t, s.ana), in)
	if err != nil || after.Waiting == nil || !strings.Contains(after.Waiting.Message, "executed") || s.happened.Load() != 1 {
		t.Errorf("%+v, %v, happened %d", after.Waiting, err, s.happened.Load())
	}
	in.Size = 4
	if _, err := s.blast(s.as(t, s.ana), in); said(err) != "CONFLICT idempotency_key_reused" {
		t.Errorf("another input under the key: %v", err)
	}
}

func TestApproval_ListsAndHostileInput(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	r := s.ask(t, s.ana)
	list := func(user ident.UserID, f approval.ApprovalFilter) int {
		out, err := s.approvals.List(s.as(t, user), f, page.Args{First: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Nodes)
	}
	yes := true
	if list(s.ana, approval.ApprovalFilter{ForMe: &yes}) != 0 || list(s.ben, approval.ApprovalFilter{ForMe: &yes}) != 1 || list(s.ana, approval.ApprovalFilter{Mine: &yes}) != 1 || list(s.ben, approval.ApprovalFilter{State: []approval.ApprovalState{approval.Executed}}) != 0 {
		t.Error("the lists are wrong")
	}
	person := spinetest.As(t.Context(), s.User)
	if out, err := s.approvals.List(person, approval.ApprovalFilter{}, page.Args{First: 10}); err != nil || len(out.Nodes) != 0 {
		t.Errorf("somebody else sees %+v, %v", out, err)
	}
	unknown := ident.New[ident.ApprovalID](time.Now())
	for name, id := range map[string]ident.ApprovalID{"Foreign": r.ID, "Unknown": unknown} {
		if _, err := s.approvals.Get(person, id); said(err) != "NOT_FOUND " {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.approvals.Cancel(person, id); said(err) != "NOT_FOUND " {
			t.Errorf("%s is taken back: %v", name, err)
		}
		if _, err := s.approvals.Decide(person, approval.DecideApprovalInput{ID: id, Decision: approval.Approve, InputSha256: r.InputSha256}); said(err) != "NOT_FOUND " {
			t.Errorf("%s is decided: %v", name, err)
		}
	}
	for _, comment := range []string{strings.Repeat("x", 501), "a\x00b", "\xff"} {
		if _, err := s.approvals.Decide(s.as(t, s.ben), approval.DecideApprovalInput{ID: r.ID, Decision: approval.Reject, InputSha256: r.InputSha256, Comment: &comment}); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%.5q: %v", comment, err)
		}
	}
	limited := false
	for range 30 {
		_, err := s.approvals.Decide(s.as(t, s.carl), approval.DecideApprovalInput{ID: unknown, Decision: approval.Approve})
		limited = limited || fault.Is(err, fault.RateLimitedCode)
	}
	if !limited {
		t.Error("nobody stops who decides thirty times in a moment")
	}
	if !slices.Contains(s.Actions(t), "approval.requested") {
		t.Error("it is not in the ledger")
	}
}
