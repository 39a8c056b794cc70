package door_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// TestRefusals_OneRowForActorActionAndMinute: whoever is not allowed to is told so at once, and when the minute is over one chained row says how often. It stands
// with whose member or key it was, and a stranger's with the stranger.
func TestRefusals_OneRowForActorActionAndMinute(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	now := time.Now().UTC().Truncate(time.Minute).Add(10 * time.Second)
	b.DB.SetClock(func() time.Time { return now })
	org, other := b.Organization(t, "other")
	key := ident.New[ident.KeyID](now)
	person := func(user ident.UserID) context.Context {
		return authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: user, IP: "192.0.2.7", RequestID: "first"})
	}
	program := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, KeyID: key, UserID: other, OrgID: org, Scopes: []authz.Permission{"thing.make"}})
	pay := thing(b)
	pay.Action.Name, pay.Action.Permission = "thing.pay", "thing.pay"
	limited := thing(b)
	limited.Action = door.Action{Name: "thing.own", Own: true}
	limited.Do = func(context.Context, *door.Effect, input) (*output, error) {
		return nil, errors.Join(fault.Refused("session_limited", "Not in this session."))
	}
	unknown := thing(b)
	unknown.Org = func(context.Context, input) (ident.OrgID, error) { return ident.OrgID{}, fault.NotFound("thing") }
	refuse := func(ctx context.Context, c door.Change[input, *output], code fault.Code) {
		t.Helper()
		if _, err := door.Do(ctx, b.Door, c, input{Org: b.Org, Name: "x"}); !fault.Is(err, code) {
			t.Errorf("%s: %v", c.Action.Name, err)
		}
	}
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() { refuse(person(b.User), pay, fault.ForbiddenCode) })
	}
	wg.Wait()
	refuse(person(other), thing(b), fault.NotFoundCode)
	refuse(program, thing(b), fault.NotFoundCode)
	refuse(program, thing(b), fault.NotFoundCode)
	refuse(person(b.User), limited, fault.ForbiddenCode)
	refuse(person(b.User), unknown, fault.NotFoundCode) // nobody has it
	refuse(t.Context(), thing(b), fault.Unauthenticated)
	if err := b.Door.Denied(program, "thing.operate", fault.Refused("caller_kind", "Not with a key.")); !fault.Is(err, fault.ForbiddenCode) {
		t.Error(err)
	}
	if _, err := door.Do(person(b.User), b.Door, thing(b), input{Org: b.Org}); !fault.Is(err, fault.InvalidCode) {
		t.Error(err)
	}
	gone, leave := context.WithCancel(person(b.User))
	late := pay
	late.Org = func(context.Context, input) (ident.OrgID, error) { leave(); return b.Org, nil } // hangs up before the answer
	refuse(person(b.User), late, fault.ForbiddenCode)
	_, _ = door.Do(gone, b.Door, late, input{Org: b.Org, Name: "x"})

	told := func() string {
		t.Helper()
		if err := b.Door.Refusals().Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := b.DB.Query(t.Context(), "select actor, coalesce(org_id::text, ''), chain, payload->>'permission', payload->>'times', coalesce(context->>'ip', ''), request_id from event where action = 'access.refused' and audited order by payload->>'tried', actor")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var out []string
		for rows.Next() {
			var actor, in, chain, permission, times, ip, request string
			if err := rows.Scan(&actor, &in, &chain, &permission, &times, &ip, &request); err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintln(actor, in, chain, permission, times, ip, request))
		}
		return strings.Join(out, "")
	}
	if got := told(); got != "" {
		t.Fatalf("the minute is not over: %s", got)
	}
	now = now.Add(time.Minute)
	want := fmt.Sprintln("key:"+key.String(), org.UUID(), org, "thing.make", 2, "", "") +
		fmt.Sprintln("user:"+other.String(), "", other, "thing.make", 1, "192.0.2.7", "first") +
		fmt.Sprintln("key:"+key.String(), org.UUID(), org, "thing.operate", 1, "", "") +
		fmt.Sprintln("user:"+b.User.String(), "", b.User, "thing.own", 1, "192.0.2.7", "first") +
		fmt.Sprintln("user:"+b.User.String(), b.Org.UUID(), b.Org, "thing.pay", 32, "192.0.2.7", "first")
	for n := range 2 {
		if got := told(); got != want {
			t.Errorf("round %d: got\n%swant\n%s", n, got, want)
		}
	}
	if n, err := b.Ledger.Verify(t.Context(), b.DB, nil); err != nil || n != 5 {
		t.Errorf("%d rows: %v", n, err)
	}
	refuse(person(b.User), pay, fault.ForbiddenCode)
	now = now.Add(time.Minute)
	if got := told(); strings.Count(got, "\n") != 6 {
		t.Errorf("the next minute has a row of its own: %s", got)
	}
}
