package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
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
