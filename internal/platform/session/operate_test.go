package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// TestOperators_EndSessions: one of somebody's sessions or all of them, browsers and programs, with a reason that stays on record; nobody else may.
func TestOperators_EndSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Join(b.sessions.Part())
	b.Authz.Add(authz.Grant{Permission: "account.read_any", Operator: true}) // given by accounts
	ops := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: ident.New[ident.UserID](time.Now()), AAL: 2, AuthTime: time.Now()})
	one, first := b.start(t, "x")
	two, _ := b.start(t, "x")
	tokens, program := b.program(t, b.User)
	for name, c := range map[string]struct {
		ctx    context.Context
		user   ident.UserID
		id     *ident.SessionID
		reason string
		want   fault.Code
	}{
		"Nobody": {t.Context(), b.User, nil, "x", fault.Unauthenticated}, "Person": {b.owner(t.Context(), first), b.User, nil, "x", fault.ForbiddenCode}, "NoReason": {ops, b.User, nil, " ", fault.InvalidCode},
		"LongReason": {ops, b.User, nil, strings.Repeat("x", 501), fault.InvalidCode}, "UnknownUser": {ops, ident.New[ident.UserID](time.Now()), nil, "x", fault.NotFoundCode},
		"SessionOfAnother": {ops, ident.New[ident.UserID](time.Now()), &first, "x", fault.NotFoundCode}, "UnknownSession": {ops, b.User, new(ident.New[ident.SessionID](time.Now())), "x", fault.NotFoundCode},
	} {
		if err := b.sessions.RevokeAny(c.ctx, c.user, c.id, c.reason); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := b.sessions.OfUser(ops, b.User); err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	ended, stop := spinetest.Ended(b.Authz.Revoked(), first.String())
	defer stop()
	if err := b.sessions.RevokeAny(ops, b.User, &first, "a stolen telephone"); err != nil || b.alive(t, one) != nil || b.alive(t, two) == nil {
		t.Errorf("one of them: %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("its sockets were not told")
	}
	if err := b.sessions.RevokeAny(ops, b.User, &program, "a stolen telephone"); err != nil || b.speaks(t, tokens.Access) {
		t.Errorf("a program: %v", err)
	}
	if err := b.sessions.RevokeAny(ops, b.User, nil, "all of them"); err != nil || b.alive(t, two) != nil {
		t.Errorf("all: %v", err)
	}
	if left, err := b.sessions.OfUser(ops, b.User); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	var reason string
	if err := b.DB.QueryRow(t.Context(), "select payload->>'reason' from event where action = 'session.revoked' order by id limit 1").Scan(&reason); err != nil || reason != "a stolen telephone" {
		t.Errorf("on record is %q, %v", reason, err)
	}
}

// TestOperator_TakesTwoFactorsAndEndsSooner: the role counts in a session of two factors alone, not where an organization's own provider vouched, and such a session ends
// after half an hour without use and after twelve hours.
func TestOperator_TakesTwoFactorsAndEndsSooner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.DB.Exec(t.Context(), "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'test', now())", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	change := func(do func(ctx context.Context, e *door.Effect) error) {
		t.Helper()
		_, err := door.Do(t.Context(), b.Door, door.Change[struct{}, struct{}]{Action: door.Action{Name: "test.change", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			e.Quiet()
			return struct{}{}, do(ctx, e)
		}}, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
	}
	cookie, id := b.start(t, "x")
	if s := b.alive(t, cookie); s != nil {
		t.Fatalf("one factor: %+v", s)
	}
	change(func(ctx context.Context, e *door.Effect) error {
		return b.sessions.RaiseTx(ctx, e, id, []string{"pwd", "otp", "mfa"})
	})
	if s := b.alive(t, cookie); s == nil || !s.Operator || s.Aal != 2 || s.ExpiresAt.Sub(b.DB.Now()) > 30*time.Minute {
		t.Fatalf("two factors: %+v", s)
	}
	limited, other := b.start(t, "x")
	change(func(ctx context.Context, e *door.Effect) error {
		if err := b.sessions.RaiseTx(ctx, e, other, []string{"mfa"}); err != nil {
			return err
		}
		return b.sessions.LimitTx(ctx, e, other, b.Org)
	})
	if s := b.alive(t, limited); s == nil || s.Operator {
		t.Errorf("by the word of an organization's provider: %+v", s)
	}
	idle, third := b.start(t, "x")
	change(func(ctx context.Context, e *door.Effect) error {
		return b.sessions.RaiseTx(ctx, e, third, []string{"pwd", "otp", "mfa"})
	})
	if b.alive(t, idle) == nil {
		t.Fatal("two factors, and not used yet")
	}
	for b.clock.Load() < int64(11*time.Hour+30*time.Minute) {
		b.ahead(20 * time.Minute)
		if b.alive(t, cookie) == nil {
			t.Fatalf("in use, it ended after %s", time.Duration(b.clock.Load()))
		}
		if b.clock.Load() >= int64(30*time.Minute) && b.alive(t, idle) != nil {
			t.Fatal("half an hour without use")
		}
	}
	b.ahead(30 * time.Minute)
	if b.alive(t, cookie) != nil {
		t.Error("it lives longer than twelve hours")
	}
}
