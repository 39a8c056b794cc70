package authz_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

var grants = []authz.Grant{
	{Permission: "connection.read", Roles: []authz.Role{authz.Member, authz.Owner}, Widget: []string{"ANY"}},
	{Permission: "connection.start", Roles: []authz.Role{authz.Member}, Widget: []string{"START", "SETUP"}},
	{Permission: "apikey.revoke", Roles: []authz.Role{authz.Owner}},
	{Permission: "billing.change", Roles: []authz.Role{authz.BillingAdmin}},
}

// aSecond is what is promised, and what a busy machine adds.
const aSecond = 1500 * time.Millisecond

type bundle struct {
	*spinetest.Bundle
	other ident.OrgID
	them  ident.UserID
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t)}
	b.Authz.Add(grants...)
	b.other, b.them = b.Organization(t, "globex")
	return b
}

func (b *bundle) member(t *testing.T, roles ...string) ident.UserID {
	t.Helper()
	_, user := b.Organization(t, strings.ToLower(strings.ReplaceAll(strings.Join(roles, "-"), "_", "-")))
	if _, err := b.DB.Exec(t.Context(), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, now())", ident.V7(time.Now()), b.Org.UUID(), user.UUID(), roles); err != nil {
		t.Fatal(err)
	}
	return user
}

// answer says in a word what Authorize says.
func answer(err error) string {
	switch {
	case err == nil:
		return "yes"
	case len(fault.All(err)) == 1:
		return string(fault.All(err)[0].Code)
	}
	return err.Error()
}

func as(t *testing.T, p authz.Principal) context.Context { return authz.With(t.Context(), p) }

func TestAuthorize_RolesAreSetsAndNoLadder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for roles, want := range map[string][4]string{
		"MEMBER": {"yes", "yes", "FORBIDDEN", "FORBIDDEN"}, "OWNER": {"yes", "FORBIDDEN", "yes", "FORBIDDEN"}, "BILLING_ADMIN": {"FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "yes"}, "MEMBER,OWNER": {"yes", "yes", "yes", "FORBIDDEN"},
	} {
		ctx := spinetest.As(t.Context(), b.member(t, strings.Split(roles, ",")...))
		for n, g := range grants {
			scope, err := b.Authz.Authorize(ctx, g.Permission, b.Org)
			if got := answer(err); got != want[n] {
				t.Errorf("%s, %s: %s", roles, g.Permission, got)
			}
			if err == nil && (scope.Org() != b.Org || scope.OrgUUID() != b.Org.UUID() || !scope.Covers(ident.New[ident.ApplicationID](time.Now()))) || err != nil && !scope.Org().IsZero() {
				t.Errorf("%s, %s: scope %+v", roles, g.Permission, scope)
			}
		}
		if _, err := b.Authz.Enter(ctx, b.Org); err != nil {
			t.Errorf("%s cannot change what is their own: %v", roles, err)
		}
	}
}

func TestAuthorize_StrangersCannotTellForeignFromUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unknown := ident.New[ident.OrgID](time.Now())
	for name, p := range map[string]authz.Principal{
		"Person":        {Kind: authz.USER, UserID: b.User},
		"Key":           {Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org, Scopes: []authz.Permission{"connection.read", "nothing.at_all"}},
		"KeyOfTheirs":   {Kind: authz.API_KEY, UserID: b.them, OrgID: b.Org, Scopes: []authz.Permission{"connection.read"}}, // its person never belonged here
		"Widget":        {Kind: authz.WIDGET, OrgID: b.Org, Widget: &authz.WidgetClaims{Scopes: []string{"START"}}},
		"WidgetOfNone":  {Kind: authz.WIDGET, Widget: &authz.WidgetClaims{Scopes: []string{"START"}}},
		"BrokenWidget":  {Kind: authz.WIDGET, OrgID: b.other},
		"UnboundKey":    {Kind: authz.API_KEY, UserID: b.them, Scopes: []authz.Permission{"connection.read"}},
		"Machine":       {Kind: authz.MACHINE, UserID: b.User, OrgID: b.Org},
		"ServiceNobody": {Kind: authz.SERVICE},
		"NoKind":        {},
	} {
		for _, permission := range []authz.Permission{"connection.read", authz.SelfRead} {
			_, foreign := b.Authz.Authorize(as(t, p), permission, b.other)
			_, none := b.Authz.Authorize(as(t, p), permission, unknown)
			if answer(foreign) != "NOT_FOUND" || foreign.Error() != none.Error() {
				t.Errorf("%s: %v for a foreign one, %v for an unknown one", name, foreign, none)
			}
		}
		if list, err := b.Authz.Permissions(as(t, p), b.other); err != nil || len(list) != 0 {
			t.Errorf("%s may %v, %v", name, list, err)
		}
		if _, err := b.Authz.Enter(as(t, p), b.other); answer(err) != "NOT_FOUND" {
			t.Errorf("%s enters: %v", name, err)
		}
	}
	if _, err := b.Authz.Authorize(t.Context(), "connection.read", b.Org); answer(err) != "UNAUTHENTICATED" {
		t.Errorf("nobody: %v", err)
	}
	if _, err := b.Authz.Authorize(b.As(t.Context()), "connection.read", ident.OrgID{}); answer(err) != "NOT_FOUND" {
		t.Errorf("no organization: %v", err)
	}
	if _, err := b.Authz.Authorize(b.As(t.Context()), "no.such", b.Org); err == nil || len(fault.All(err)) != 0 {
		t.Errorf("a permission that nobody grants: %v", err)
	}
}

func TestAuthorize_KeysHaveTheirScopesAndNeverMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.member(t, "OWNER")
	app, other := ident.New[ident.ApplicationID](time.Now()), ident.New[ident.ApplicationID](time.Now().Add(time.Second))
	for name, c := range map[string]struct {
		user   ident.UserID
		scopes []authz.Permission
		want   [4]string
	}{
		"None":         {b.User, nil, [4]string{"FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}},
		"Some":         {b.User, []authz.Permission{"connection.read", "billing.change"}, [4]string{"yes", "FORBIDDEN", "FORBIDDEN", "yes"}},
		"BeyondPerson": {owner, []authz.Permission{"connection.start", "apikey.revoke", "billing.change"}, [4]string{"FORBIDDEN", "FORBIDDEN", "yes", "FORBIDDEN"}},
		"Wildcard":     {b.User, []authz.Permission{"*", "connection.*", "ANY"}, [4]string{"FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}},
	} {
		ctx := as(t, authz.Principal{Kind: authz.API_KEY, UserID: c.user, OrgID: b.Org, Scopes: c.scopes, ApplicationID: app})
		for n, g := range grants {
			scope, err := b.Authz.Authorize(ctx, g.Permission, b.Org)
			if got := answer(err); got != c.want[n] {
				t.Errorf("%s, %s: %s", name, g.Permission, got)
			}
			if err == nil && (!scope.Covers(app) || scope.Covers(other) || scope.Covers(ident.ApplicationID{}) || scope.Application() != app) {
				t.Errorf("%s: scope %+v", name, scope)
			}
		}
		if _, err := b.Authz.Enter(ctx, b.Org); answer(err) != "FORBIDDEN" {
			t.Errorf("%s changes what is its person's: %v", name, err)
		}
	}
	if _, err := b.Authz.Enter(as(t, authz.Principal{Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org, Scopes: []authz.Permission{authz.SelfWrite}}), b.Org); err != nil {
		t.Errorf("with self.write: %v", err)
	}
}

func TestAuthorize_WidgetsHaveWhatTheirTokenSays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for scopes, want := range map[string][4]string{"": {"yes", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}, "START": {"yes", "yes", "FORBIDDEN", "FORBIDDEN"}, "SETUP": {"yes", "yes", "FORBIDDEN", "FORBIDDEN"}, "ANY": {"yes", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}} {
		ctx := as(t, authz.Principal{Kind: authz.WIDGET, OrgID: b.Org, Widget: &authz.WidgetClaims{Scopes: strings.Fields(scopes)}})
		for n, g := range grants {
			if _, err := b.Authz.Authorize(ctx, g.Permission, b.Org); answer(err) != want[n] {
				t.Errorf("%q, %s: %v", scopes, g.Permission, err)
			}
		}
		if _, err := b.Authz.Enter(ctx, b.Org); answer(err) != "FORBIDDEN" {
			t.Errorf("%q has something of its own: %v", scopes, err)
		}
	}
}

func TestAuthorize_TheProductItselfMayDoEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := authz.System(authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, ApplicationID: ident.New[ident.ApplicationID](time.Now()), RequestID: "r", Locale: "de", Widget: &authz.WidgetClaims{}}), "check")
	scope, err := b.Authz.Authorize(ctx, "", b.Org)
	if err != nil || !scope.Application().IsZero() {
		t.Errorf("%+v, %v", scope, err)
	}
	if p := authz.From(ctx); p.Actor() != "system:check" || p.RequestID != "r" || p.Locale != "de" || p.Widget != nil {
		t.Errorf("%+v", p)
	}
}

func TestPermissions_ListsInOrderWhatAuthorizeAllows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, p := range map[string]authz.Principal{
		"Owner":  {Kind: authz.USER, UserID: b.User},
		"Member": {Kind: authz.USER, UserID: b.member(t, "MEMBER")},
		"Key":    {Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org, Scopes: []authz.Permission{"connection.start", "self.read"}},
		"Widget": {Kind: authz.WIDGET, OrgID: b.Org, Widget: &authz.WidgetClaims{Scopes: []string{"START"}}},
		"Nobody": {Kind: authz.PUBLIC},
	} {
		list, err := b.Authz.Permissions(as(t, p), b.Org)
		if err != nil || !slices.IsSorted(list) || list == nil {
			t.Errorf("%s: %v, %v", name, list, err)
		}
		for _, g := range b.Authz.Grants() {
			_, err := b.Authz.Authorize(as(t, p), g.Permission, b.Org)
			if (err == nil) != slices.Contains(list, g.Permission) {
				t.Errorf("%s: the list says %v of %s, Authorize %v", name, !slices.Contains(list, g.Permission), g.Permission, err)
			}
		}
	}
}

func TestAdd_APermissionTwiceIsAMistakeAtStart(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("nothing said")
		}
	}()
	authz.New(nil, grants[0], grants[0])
}

func TestPrincipal_NamesActorsAndWhatEndsThem(t *testing.T) {
	t.Parallel()
	now := time.Now()
	user, session, key, token := ident.New[ident.UserID](now), ident.New[ident.SessionID](now), ident.New[ident.KeyID](now), ident.New[ident.WidgetTokenID](now)
	for _, c := range []struct {
		p        authz.Principal
		actor    string
		subjects []string
		person   bool
	}{
		{authz.Principal{Kind: authz.USER, UserID: user, SessionID: session}, "user:" + user.String(), []string{user.String(), session.String()}, true},
		{authz.Principal{Kind: authz.API_KEY, UserID: user, KeyID: key}, "key:" + key.String(), []string{user.String(), key.String()}, false},
		{authz.Principal{Kind: authz.WIDGET, Widget: &authz.WidgetClaims{TokenID: token}}, "widget:" + token.String(), []string{token.String()}, true},
		{authz.Principal{Kind: authz.PUBLIC, Network: "192.0.2.1"}, "public:192.0.2.1", nil, false},
		{authz.Principal{Kind: authz.MACHINE, UserID: user}, "machine:" + user.String(), []string{user.String()}, false},
		{authz.Principal{Kind: authz.OPERATOR, UserID: user}, "operator:" + user.String(), []string{user.String()}, true},
	} {
		if c.p.Actor() != c.actor || !slices.Equal(c.p.Subjects(), c.subjects) || c.p.Person() != c.person {
			t.Errorf("%s: %s %v %v", c.p.Kind, c.p.Actor(), c.p.Subjects(), c.p.Person())
		}
	}
	if p := authz.From(t.Context()); p.Kind != authz.PUBLIC {
		t.Errorf("nobody is %s", p.Kind)
	}
}

// process is the authorizer of another process over the same database, with its log of revocations running.
func process(t *testing.T, b *bundle) *authz.Authorizer {
	t.Helper()
	d, err := db.Open(t.Context(), b.DB.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	a := authz.New(d, grants...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Revoked().Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a
}

func (b *bundle) revoke(t *testing.T, subjects ...string) {
	t.Helper()
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, s := range subjects {
			if err := b.Authz.Revoke(ctx, tx, s, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func told(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func within(t *testing.T, c <-chan struct{}, d time.Duration, what string) {
	t.Helper()
	began := time.Now()
	select {
	case <-c:
		if took := time.Since(began); took > d {
			t.Errorf("%s after %s", what, took)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: never", what)
	}
}

func TestRevoke_ReachesEveryProcessWithinASecondWithoutRedis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	there := process(t, b)
	here, stopHere := spinetest.Ended(b.Authz.Revoked(), "usr_1", "sgn_1")
	elsewhere, stopThere := spinetest.Ended(there.Revoked(), "sgn_1")
	beside, stopBeside := spinetest.Ended(there.Revoked(), "sgn_2")
	defer stopHere()
	defer stopThere()
	defer stopBeside()
	b.revoke(t, "sgn_1")
	if !told(here) {
		t.Error("this process was not told at the commit")
	}
	within(t, elsewhere, aSecond, "the other process was told")
	if told(beside) {
		t.Error("somebody else was told")
	}
	for name, a := range map[string]*authz.Authorizer{"here": b.Authz, "there": there} {
		if !a.Revoked().Ended("x", "sgn_1") || a.Revoked().Ended("sgn_2") {
			t.Errorf("%s: Ended is wrong", name)
		}
		late, stop := spinetest.Ended(a.Revoked(), "sgn_1")
		if !told(late) {
			t.Errorf("%s: who watches just after the end is not told", name)
		}
		stop()
		stop()
	}
}

// A process that starts, or whose first look comes late, has missed nothing.
func TestRevoke_ReachesAProcessThatStartsLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.revoke(t, "sgn_1")
	c, stop := spinetest.Ended(process(t, b).Revoked(), "sgn_1")
	defer stop()
	within(t, c, aSecond, "the process that started later was told")
}

func TestRevoke_OfARolledBackChangeIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	there := process(t, b)
	c, stop := spinetest.Ended(there.Revoked(), "sgn_1", "sgn_2")
	defer stop()
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := b.Authz.Revoke(ctx, tx, "sgn_1", "test"); err != nil {
			return err
		}
		return context.Canceled
	})
	if err != context.Canceled {
		t.Fatal(err)
	}
	last, stopLast := spinetest.Ended(there.Revoked(), "sgn_3")
	defer stopLast()
	b.revoke(t, "sgn_3")
	within(t, last, aSecond, "a later end was told")
	if told(c) || b.Authz.Revoked().Ended("sgn_1") || there.Revoked().Ended("sgn_1") {
		t.Error("a right ended that did not end")
	}
}

func TestRevoke_InASlowTransactionIsNotLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	there := process(t, b)
	slow, stopSlow := spinetest.Ended(there.Revoked(), "sgn_slow")
	quick, stopQuick := spinetest.Ended(there.Revoked(), "sgn_quick")
	defer stopSlow()
	defer stopQuick()
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := b.Authz.Revoke(ctx, tx, "sgn_slow", "test"); err != nil {
			return err
		}
		b.revoke(t, "sgn_quick") // begins later, commits earlier
		within(t, quick, aSecond, "the quick one was told")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	within(t, slow, aSecond, "the slow one was told")
}

func TestRevoke_DropsWhatIsRememberedAboutRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "MEMBER")
	there := process(t, b)
	ctx := spinetest.As(t.Context(), member)
	for _, a := range []*authz.Authorizer{b.Authz, there} {
		if _, err := a.Authorize(ctx, "connection.read", b.Org); err != nil {
			t.Fatal(err)
		}
	}
	var dropped sync.WaitGroup
	dropped.Add(1)
	there.Revoked().OnEnd(func(subject string) {
		if subject == member.String() {
			dropped.Done()
		}
	})
	if _, err := b.DB.Exec(t.Context(), "delete from membership where user_id = $1 and org_id = $2", member.UUID(), b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.revoke(t, member.String())
	if _, err := b.Authz.Authorize(ctx, "connection.read", b.Org); answer(err) != "NOT_FOUND" {
		t.Errorf("here: %v", err)
	}
	for answer(errOf(there.Authorize(ctx, "connection.read", b.Org))) == "yes" {
		if time.Since(began) > aSecond {
			t.Fatal("there it is honoured for more than a second")
		}
	}
	dropped.Wait()
}

func errOf(_ authz.Scope, err error) error { return err }

func TestRoles_AreRememberedForASecondAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "MEMBER")
	ctx := spinetest.As(t.Context(), member)
	if _, err := b.Authz.Authorize(ctx, "connection.read", b.Org); err != nil {
		t.Fatal(err)
	}
	// Nobody says that the right ended: an administrator's own SQL.
	if _, err := b.DB.Exec(t.Context(), "delete from membership where user_id = $1 and org_id = $2", member.UUID(), b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for answer(errOf(b.Authz.Authorize(ctx, "connection.read", b.Org))) == "yes" {
		if time.Since(began) > aSecond {
			t.Fatal("it is honoured for more than a second")
		}
	}
}

func TestAwait_ManySubjectsAndManyWaiters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.Authz.Revoked()
	var all []<-chan struct{}
	var stops []func()
	for n := range 500 {
		c, stop := spinetest.Ended(r, "usr_1", fmt.Sprintf("sgn_%d", n))
		all, stops = append(all, c), append(stops, stop)
	}
	b.revoke(t, "sgn_7", "sgn_7")
	for n, c := range all {
		if told(c) != (n == 7) {
			t.Fatalf("watcher %d was told: %v", n, told(c))
		}
	}
	stops[8]()
	b.revoke(t, "usr_1")
	for n, c := range all {
		if told(c) != (n != 8) {
			t.Fatalf("watcher %d was told: %v", n, told(c))
		}
	}
	for _, stop := range stops {
		stop()
	}
}

func TestRun_SurvivesADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d, err := db.Open(t.Context(), b.DB.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if err := authz.New(d).Revoked().Run(ctx); err != nil {
		t.Errorf("%v", err)
	}
}

// TestOperate: what belongs to no organization is for operators who hold the permission, and for work of the product.
func TestOperate(t *testing.T) {
	t.Parallel()
	a := authz.New(nil, authz.Grant{Permission: "message.read_any", Operator: true, What: "x"}, authz.Grant{Permission: "connection.read", Roles: []authz.Role{authz.Owner}, What: "x"})
	for name, c := range map[string]struct {
		caller authz.Principal
		p      authz.Permission
		want   fault.Code
	}{
		"Operator":             {authz.Principal{Kind: authz.OPERATOR}, "message.read_any", ""},
		"System":               {authz.Principal{Kind: authz.SYSTEM}, "message.read_any", ""},
		"OperatorWithout":      {authz.Principal{Kind: authz.OPERATOR}, "connection.read", fault.ForbiddenCode},
		"Person":               {authz.Principal{Kind: authz.USER, AAL: 2}, "message.read_any", fault.ForbiddenCode},
		"KeyThatNamesTheScope": {authz.Principal{Kind: authz.API_KEY, Scopes: []authz.Permission{"message.read_any"}}, "message.read_any", fault.ForbiddenCode},
		"Nobody":               {authz.Principal{Kind: authz.PUBLIC}, "message.read_any", fault.Unauthenticated},
	} {
		err := a.Operate(authz.With(t.Context(), c.caller), c.p)
		if (err == nil) != (c.want == "") || err != nil && !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Operate(authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR}), "message.raed_any"); err == nil {
		t.Error("a permission that nobody grants was given")
	}
}
