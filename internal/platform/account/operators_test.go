package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// house has operators: accounts, what waits for a second one, sessions and keys, joined as the assembly joins them.
type house struct {
	*spinetest.Bundle
	accounts  *account.Service
	approvals *approval.Service
	sessions  *session.Service
	keys      *apikey.Service
	ana, ben  ident.UserID // operators
	ahead     atomic.Int64
	mails     []string
	reset     []ident.UserID
	methods   map[ident.UserID][]string
	mu        sync.Mutex
}

// Methods and ResetTx make the house the keeper of second factors.
func (h *house) Methods(_ context.Context, _ accountq.DBTX, user ident.UserID) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.methods[user], nil
}

func (h *house) ResetTx(_ context.Context, _ *door.Effect, user ident.UserID, _ string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reset, h.methods[user] = append(h.reset, user), nil
	return nil
}

func operators(t *testing.T) *house {
	t.Helper()
	h := &house{Bundle: spinetest.New(t), methods: map[ident.UserID][]string{}}
	h.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) })
	h.Door.Guards = []door.Guard{billing.StepUp{}}
	h.sessions = &session.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Vault: h.Vault}
	h.keys = &apikey.Service{DB: h.DB, Door: h.Door, Authz: h.Authz}
	h.accounts = &account.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Factors: h,
		EndRights: func(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
			return errors.Join(h.sessions.EndAllTx(ctx, e, user, nil, reason), h.keys.EndAllTx(ctx, e, user, reason))
		},
		Told: func(_ context.Context, _ *door.Effect, user ident.UserID, roles []account.PlatformRole) error {
			h.mails = append(h.mails, fmt.Sprint(user, roles))
			return nil
		}}
	h.approvals = &approval.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Work: h.Work, Actions: []approval.Held{
		{Action: account.AssignRole, Run: approval.Agreed(h.accounts.AssignRoles)}, {Action: account.ResetFactors, Run: approval.Agreed(h.accounts.ResetMfa)}},
		Tell: func(_ context.Context, _ *door.Effect, n approval.News) error {
			h.mails = append(h.mails, fmt.Sprint("cooling off, to ", len(n.To)))
			return nil
		}}
	h.Door.Holder = h.approvals
	h.Join(h.accounts.Part(), h.approvals.Part(), h.sessions.Part(), h.keys.Part())
	h.Authz.Revoked().OnEnd(func(string) { h.sessions.Forget() })
	h.ana, h.ben = h.operator(t, "ana"), h.operator(t, "ben")
	return h
}

// operator makes a person with an organization, and an operator since an hour.
func (h *house) operator(t *testing.T, name string) ident.UserID {
	t.Helper()
	_, user := h.Organization(t, name)
	h.exec(t, "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'system:test', now() - interval '1 hour')", user.UUID())
	return user
}

func (h *house) person(t *testing.T, name string, methods ...string) ident.UserID {
	t.Helper()
	_, user := h.Organization(t, name)
	h.methods[user] = methods
	return user
}

func (h *house) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := h.DB.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// as is an operator who has just proved who they are.
func (h *house) as(t *testing.T, user ident.UserID) context.Context {
	return authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: user, SessionID: ident.New[ident.SessionID](h.DB.Now()), AAL: 2, AuthTime: h.DB.Now(), RequestID: "test", Locale: "en"})
}

func (h *house) roles(t *testing.T, user ident.UserID) []account.PlatformRole {
	t.Helper()
	u, err := h.accounts.Get(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return u.Roles
}

func (h *house) give(t *testing.T, by, to ident.UserID, roles ...account.PlatformRole) (*account.UserOutcome, error) {
	return h.accounts.AssignRoles(h.as(t, by), account.RolesInput{UserID: to, Roles: roles, Reason: "joins the team"})
}

func (h *house) request(t *testing.T, by ident.UserID, id string) *approval.ApprovalRequest {
	t.Helper()
	parsed, err := ident.Parse[ident.ApprovalID](id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.approvals.Get(h.as(t, by), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) decide(t *testing.T, by ident.UserID, r *approval.ApprovalRequest, d approval.Decision) error {
	_, err := h.approvals.Decide(h.as(t, by), approval.DecideApprovalInput{ID: r.ID, Decision: d, InputSha256: r.InputSha256})
	return err
}

func (h *house) drain(t *testing.T) {
	t.Helper()
	if err := h.Work.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func code(err error) string {
	if all := fault.All(err); len(all) == 1 {
		return string(all[0].Code) + " " + all[0].Reason
	}
	return fmt.Sprint(err)
}

func wants(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: %s, want %s (%v)", what, got, want, err)
	}
}

var operations = []account.PlatformRole{account.Standard, account.Operations}

func TestUsers1_AssignPlatformRoles(t *testing.T) {
	t.Parallel()
	t.Run("a/SelfGrant", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		_, err := h.give(t, h.ana, h.ana, account.Operations)
		wants(t, "oneself", err, "FORBIDDEN own_role")
		_, err = h.accounts.AssignRoles(spinetest.As(t.Context(), h.person(t, "mallory", "WEBAUTHN")), account.RolesInput{UserID: h.User, Roles: operations[1:]})
		wants(t, "somebody who is no operator", err, "FORBIDDEN ")
	})
	t.Run("b/ALiveSessionGainsTheRoleAtOnce", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		eve := h.person(t, "eve", "WEBAUTHN")
		cookie := h.signIn(t, eve)
		if s, err := h.sessions.Resolve(t.Context(), cookie); err != nil || s == nil || s.Operator {
			t.Fatalf("%+v, %v", s, err)
		}
		ended, stop := spinetest.Ended(h.Authz.Revoked(), authz.Principal{Kind: authz.USER, UserID: eve}.Holds()...)
		defer stop()
		out, err := h.give(t, h.ana, eve, account.Operations)
		if err != nil || out.Waiting == nil || out.Waiting.Kind != door.WaitingForApproval || out.User != nil {
			t.Fatalf("%+v, %v", out, err)
		}
		if got := h.roles(t, eve); !slices.Equal(got, operations[:1]) {
			t.Fatalf("the role came without a second operator: %v", got)
		}
		if err := h.decide(t, h.ben, h.request(t, h.ben, out.Waiting.RequestID), approval.Approve); err != nil {
			t.Fatal(err)
		}
		h.drain(t)
		if r := h.request(t, h.ana, out.Waiting.RequestID); r.State != approval.Executed || r.ExecutedAt == nil || len(r.Decisions) != 1 || r.Decisions[0].By.UserID != h.ben {
			t.Errorf("%+v", r)
		}
		s, err := h.sessions.Resolve(t.Context(), cookie)
		if err != nil || s == nil || !s.Operator {
			t.Errorf("the session that was open: %+v, %v", s, err)
		}
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			t.Error("the sockets that were open do not begin anew")
		}
		if !slices.Contains(h.mails, fmt.Sprint(eve, operations)) {
			t.Errorf("mails: %v", h.mails)
		}
		for _, a := range []string{"approval.requested", "approval.approved", "approval.executed", "account.role_assigned"} {
			if !slices.Contains(h.Actions(t), a) {
				t.Errorf("%s is not in the ledger", a)
			}
		}
		if _, err := (&event.Ledger{DB: h.DB}).Verify(t.Context(), h.DB, nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("c/ServiceIsForNobody", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		eve := h.person(t, "eve", "WEBAUTHN")
		_, err := h.give(t, h.ana, eve, account.Serving)
		wants(t, "SERVICE", err, "INVALID role_service")
		for what, roles := range map[string][]account.PlatformRole{"none": {}, "unknown": {"ROOT"}} {
			if _, err := h.give(t, h.ana, eve, roles...); !fault.Is(err, fault.InvalidCode) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if out, err := h.give(t, h.ana, eve, account.Standard); err != nil || out.Waiting != nil || out.User.ID != eve {
			t.Errorf("what everybody is: %+v, %v", out, err)
		}
		_, err = h.give(t, h.ana, ident.New[ident.UserID](time.Now()), account.Operations)
		wants(t, "an unknown person", err, "NOT_FOUND ")
		_, err = h.give(t, h.ana, h.person(t, "totp", "TOTP"), account.Operations)
		wants(t, "without a passkey", err, "PRECONDITION_FAILED passkey_needed")
		h.exec(t, "update app_user set access = 'SUSPENDED' where id = $1", eve.UUID())
		_, err = h.give(t, h.ana, eve, account.Operations)
		wants(t, "who is suspended", err, "PRECONDITION_FAILED not_a_person")
		stale := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: h.ana, AAL: 2, AuthTime: h.DB.Now().Add(-5*time.Minute - time.Second)})
		_, err = h.accounts.AssignRoles(stale, account.RolesInput{UserID: h.User, Roles: operations[:1]})
		wants(t, "a proof older than five minutes", err, "STEP_UP_REQUIRED ")
	})
	t.Run("d/OneOperatorAloneWaitsADay", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		h.exec(t, "delete from user_platform_role where user_id = $1", h.ben.UUID())
		eve := h.person(t, "eve", "WEBAUTHN")
		out, err := h.give(t, h.ana, eve, account.Operations)
		if err != nil || out.Waiting == nil || out.Waiting.Kind != door.CoolingOff || out.Waiting.Until.Sub(h.DB.Now()) < 24*time.Hour-time.Minute {
			t.Fatalf("%+v, %v", out, err)
		}
		if !slices.Equal(h.mails, []string{"cooling off, to 1"}) {
			t.Errorf("mails: %v", h.mails)
		}
		h.ahead.Store(int64(24*time.Hour - time.Minute))
		h.drain(t)
		if got := h.roles(t, eve); len(got) != 1 {
			t.Fatalf("before a day is over: %v", got)
		}
		h.ahead.Store(int64(24*time.Hour + time.Minute))
		h.drain(t)
		h.drain(t)
		if got := h.roles(t, eve); !slices.Equal(got, operations) {
			t.Errorf("after a day: %v", got)
		}
		given := 0
		for _, a := range h.Actions(t) {
			if a == "account.role_assigned" {
				given++
			}
		}
		if r := h.request(t, h.ana, out.Waiting.RequestID); r.State != approval.Executed || given != 1 {
			t.Errorf("%s, given %d times", r.State, given)
		}
	})
	t.Run("e/WhoAskedMayStopIt", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		eve := h.person(t, "eve", "WEBAUTHN")
		out, err := h.give(t, h.ana, eve, account.Operations)
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.give(t, h.ana, eve, account.Operations)
		if err != nil || again.Waiting.RequestID != out.Waiting.RequestID {
			t.Errorf("asked twice: %+v, %v", again, err)
		}
		_, err = h.give(t, h.ben, eve, account.Operations)
		wants(t, "asked by the other", err, "CONFLICT approval_open")
		r := h.request(t, h.ana, out.Waiting.RequestID)
		if _, err := h.approvals.Cancel(h.as(t, h.ben), r.ID); code(err) != "FORBIDDEN other_request" {
			t.Errorf("taken back by the other: %v", err)
		}
		if _, err := h.approvals.Cancel(h.as(t, h.ana), r.ID); err != nil {
			t.Fatal(err)
		}
		wants(t, "agreed to afterwards", h.decide(t, h.ben, r, approval.Approve), "PRECONDITION_FAILED approval_state")
		h.drain(t)
		if got := h.roles(t, eve); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestUsers2_UnassignPlatformRoles(t *testing.T) {
	t.Parallel()
	take := func(t *testing.T, h *house, by, from ident.UserID, roles ...account.PlatformRole) error {
		_, err := h.accounts.UnassignRoles(h.as(t, by), account.RolesInput{UserID: from, Roles: roles})
		return err
	}
	t.Run("a/Standard", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		wants(t, "STANDARD", take(t, h, h.ana, h.ben, account.Standard), "INVALID role_standard")
	})
	t.Run("b/LastOperator", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		cookie := h.signIn(t, h.ben)
		h.exec(t, "update session set aal = 2")
		if s, err := h.sessions.Resolve(t.Context(), cookie); err != nil || !s.Operator {
			t.Fatalf("%+v, %v", s, err)
		}
		if err := take(t, h, h.ana, h.ben, account.Operations); err != nil {
			t.Fatal(err)
		}
		if s, err := h.sessions.Resolve(t.Context(), cookie); err != nil || s == nil || s.Operator {
			t.Errorf("the session that was open: %+v, %v", s, err)
		}
		if err := take(t, h, h.ana, h.ben, account.Operations); err != nil {
			t.Errorf("what is not held: %v", err)
		}
		wants(t, "the last one", take(t, h, h.ana, h.ana, account.Operations), "PRECONDITION_FAILED last_operator")
		h.exec(t, "insert into user_platform_role values ($1, 'OPERATIONS', 'system:test', now())", h.ben.UUID())
		h.exec(t, "update app_user set access = 'SUSPENDED' where id = $1", h.ben.UUID())
		wants(t, "the last one who can sign in", take(t, h, h.ana, h.ana, account.Operations), "PRECONDITION_FAILED last_operator")
	})
	t.Run("c/BothAtTheSameMoment", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		for round := range 8 {
			h.exec(t, "insert into user_platform_role select u, 'OPERATIONS', 'system:test', now() from unnest($1::uuid[]) u on conflict do nothing", []string{h.ana.UUID().String(), h.ben.UUID().String()})
			var wg sync.WaitGroup
			var errs [2]error
			for n, pair := range [][2]ident.UserID{{h.ana, h.ben}, {h.ben, h.ana}} {
				wg.Go(func() { errs[n] = take(t, h, pair[0], pair[1], account.Operations) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d: %v, %v: not exactly one stayed", round, errs[0], errs[1])
			}
			wants(t, "the second", errors.Join(errs[0], errs[1]), "PRECONDITION_FAILED last_operator")
		}
	})
}

func TestUsers8_Inspect(t *testing.T) {
	t.Parallel()
	t.Run("a/LeavesATrace", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		u, err := h.accounts.Inspect(h.as(t, h.ana), h.User)
		if err != nil || u.Name != "acme" || *u.Email != "acme@example.com" || u.Kind != "PERSON" || u.Access != account.Enabled || !slices.Equal(u.PlatformRoles, operations[:1]) || u.LastSeenAt != nil {
			t.Fatalf("%+v, %v", u, err)
		}
		var actor string
		if err := h.DB.QueryRow(t.Context(), "select actor from event where action = 'account.read' and audited and subject = $1", h.User.String()).Scan(&actor); err != nil || actor != "operator:"+h.ana.String() {
			t.Errorf("%q, %v", actor, err)
		}
		orgs, err := h.accounts.OrganizationsOf(h.as(t, h.ana), h.User)
		if err != nil || len(orgs) != 1 || orgs[0].Slug != "acme" || len(orgs[0].Roles) != 3 {
			t.Errorf("%+v, %v", orgs, err)
		}
		_, err = h.accounts.Inspect(h.as(t, h.ana), ident.New[ident.UserID](time.Now()))
		wants(t, "an unknown person", err, "NOT_FOUND ")
		for name, ctx := range map[string]context.Context{"Person": h.As(t.Context()), "Nobody": t.Context(), "Key": authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: h.User, OrgID: h.Org, Scopes: []authz.Permission{"account.read_any"}})} {
			if _, err := h.accounts.Inspect(ctx, h.ben); !fault.Is(err, fault.ForbiddenCode) && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := h.accounts.List(ctx, account.UserFilter{}, page.Args{First: 10}); err == nil {
				t.Errorf("%s lists people", name)
			}
		}
	})
	t.Run("Search", func(t *testing.T) {
		t.Parallel()
		h := operators(t)
		for text, want := range map[string]int{"": 3, "ANA": 1, "@example.com": 3, "nobody": 0, h.ben.String(): 1, "%": 0, "_": 0, "' or 1=1 --": 0} {
			list, err := h.accounts.List(h.as(t, h.ana), account.UserFilter{Text: &text}, page.Args{First: 10})
			if err != nil || len(list.Nodes) != want || *list.TotalCount != int32(want) {
				t.Errorf("%q: %d, %v, want %d", text, len(list.Nodes), err, want)
			}
		}
		list, err := h.accounts.List(h.as(t, h.ana), account.UserFilter{Role: new(account.Operations)}, page.Args{First: 1})
		if err != nil || len(list.Nodes) != 1 || *list.TotalCount != 2 || !list.PageInfo.HasNextPage {
			t.Errorf("%+v, %v", list, err)
		}
		bad := "a\x00b"
		if _, err := h.accounts.List(h.as(t, h.ana), account.UserFilter{Text: &bad}, page.Args{First: 1}); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("a text that no database takes: %v", err)
		}
	})
}

func TestSetAccess_EndsEverythingOfAPerson(t *testing.T) {
	t.Parallel()
	h := operators(t)
	eve := h.person(t, "eve")
	set := func(by, who ident.UserID, to account.UserAccess, reason string) error {
		_, err := h.accounts.SetAccess(h.as(t, by), account.AccessInput{UserID: who, Access: to, Reason: reason})
		return err
	}
	wants(t, "oneself", set(h.ana, h.ana, account.Suspended, "x"), "PRECONDITION_FAILED own_access")
	wants(t, "without a reason", set(h.ana, eve, account.Suspended, "  "), "INVALID reason")
	cookie := h.signIn(t, eve)
	s, err := h.sessions.Resolve(t.Context(), cookie)
	if err != nil || s == nil {
		t.Fatal(err)
	}
	h.exec(t, "insert into api_key (id, lookup, last_four, secret_hash, user_id, org_id, description, created_at) values ($1, 'l', '1234', '\\x00', $2, (select org_id from membership where user_id = $2), 'k', now())", ident.V7(time.Now()), eve.UUID())
	ended, stop := spinetest.Ended(h.Authz.Revoked(), s.ID.String())
	defer stop()
	if err := set(h.ana, eve, account.Suspended, "stolen cards"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("the session's sockets stay open")
	}
	if s, err := h.sessions.Resolve(t.Context(), cookie); err != nil || s != nil {
		t.Errorf("the session still counts: %+v, %v", s, err)
	}
	u, err := h.accounts.Inspect(h.as(t, h.ana), eve)
	if err != nil || u.Access != account.Suspended || *u.AccessReason != "stolen cards" || u.ApiKeys != 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if err := set(h.ana, eve, account.Suspended, "again"); err != nil {
		t.Errorf("twice: %v", err)
	}
	if err := set(h.ben, eve, account.Enabled, "a mistake"); err != nil {
		t.Fatal(err)
	}
	if s, err := h.sessions.Resolve(t.Context(), cookie); err != nil || s != nil {
		t.Errorf("the old session is back: %+v, %v", s, err)
	}
	if s, err := h.sessions.Resolve(t.Context(), h.signIn(t, eve)); err != nil || s == nil {
		t.Errorf("a new one: %+v, %v", s, err)
	}
	if err := set(h.ana, h.ben, account.Suspended, "gone"); err != nil {
		t.Fatal(err)
	}
	h.exec(t, "update user_platform_role set role = 'STANDARD' where user_id = $1", h.ben.UUID())
	wants(t, "the last operator", set(h.ben, h.ana, account.Suspended, "gone"), "PRECONDITION_FAILED last_operator")
}

func TestResetMfa_TakesTwoPeople(t *testing.T) {
	t.Parallel()
	h := operators(t)
	eve := h.person(t, "eve", "TOTP")
	reset := func(by, who ident.UserID) (*account.UserOutcome, error) {
		return h.accounts.ResetMfa(h.as(t, by), account.ResetInput{UserID: who, Reason: "lost the phone"})
	}
	_, err := reset(h.ana, h.ana)
	wants(t, "oneself", err, "FORBIDDEN own_factors")
	_, err = reset(h.ana, h.User)
	wants(t, "who has none", err, "PRECONDITION_FAILED no_factors")
	out, err := reset(h.ana, eve)
	if err != nil || out.Waiting == nil || len(h.reset) > 0 {
		t.Fatalf("%+v, %v, reset %v", out, err, h.reset)
	}
	if err := h.decide(t, h.ben, h.request(t, h.ben, out.Waiting.RequestID), approval.Approve); err != nil {
		t.Fatal(err)
	}
	h.drain(t)
	if !slices.Equal(h.reset, []ident.UserID{eve}) {
		t.Errorf("reset: %v", h.reset)
	}
}

func (h *house) signIn(t *testing.T, user ident.UserID) string {
	t.Helper()
	value, err := door.Do(t.Context(), h.Door, door.Change[ident.UserID, string]{Action: door.Action{Name: "test.sign_in", Public: true},
		Do: func(ctx context.Context, e *door.Effect, user ident.UserID) (string, error) {
			cookie, _, err := h.sessions.StartTx(ctx, e, user, nil, "pwd", "hwk")
			if err != nil {
				return "", err
			}
			_, err = e.Tx.Exec(ctx, "update session set aal = 2 where user_id = $1", user.UUID())
			return cookie.Reveal(), err
		}}, user)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
