package session_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// aSecond is what is promised, and what a busy machine adds.
const aSecond = 1500 * time.Millisecond

type bundle struct {
	*spinetest.Bundle
	sessions *session.Service
	kek      vault.KEK
	clock    atomic.Int64
}

func (b *bundle) ahead(d time.Duration) { b.clock.Add(int64(d)) }

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t), kek: vault.GenerateKEK("session")}
	b.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	b.sessions = b.process()
	return b
}

// process is the service as another process has it, which remembers nothing.
func (b *bundle) process() *session.Service {
	return &session.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: vault.New(b.DB, b.kek)}
}

// start signs the owner in, with a browser of this name.
func (b *bundle) start(t *testing.T, agent string) (cookie string, id ident.SessionID) {
	t.Helper()
	ctx := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, IP: "2001:db8::7", Network: "2001:db8::/64", UserAgent: agent})
	_, err := door.Do(ctx, b.Door, door.Change[struct{}, struct{}]{Action: door.Action{Name: "test.start", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
		value, started, err := b.sessions.StartTx(ctx, e, b.User, &b.Org, "pwd")
		cookie, id = value.Reveal(), started
		return struct{}{}, err
	}}, struct{}{})
	if err != nil {
		t.Fatalf("start a session for %q: %v", agent, err)
	}
	return cookie, id
}

func (b *bundle) owner(ctx context.Context, id ident.SessionID) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: b.User, SessionID: id})
}

func (b *bundle) stepUp(t *testing.T, id ident.SessionID, cookie string) (string, error) {
	t.Helper()
	next, err := door.Do(b.owner(t.Context(), id), b.Door, door.Change[string, string]{Action: door.Action{Name: "test.step_up", Public: true}, Do: func(ctx context.Context, e *door.Effect, cookie string) (string, error) {
		next, err := b.sessions.StepUpTx(ctx, e, cookie)
		return next.Reveal(), err
	}}, cookie)
	return next, err
}

// alive asks a process that remembers nothing.
func (b *bundle) alive(t *testing.T, cookie string) *session.Session {
	t.Helper()
	found, err := b.process().Resolve(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestStart_KeepsAHashAndAnswersWhatItsOwnerSees(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0")
	s := b.alive(t, cookie)
	if s == nil || s.ID != id || s.UserID != b.User || s.OrgID != b.Org || s.Client != "Edge" || s.IP != "2001:db8::7" || s.Aal != 1 || !s.Current || s.Kind != session.Browser || s.SteppedUpAt == nil {
		t.Fatalf("%+v", s)
	}
	if left := s.ExpiresAt.Sub(b.DB.Now()); left > 8*time.Hour || left < 8*time.Hour-time.Minute {
		t.Errorf("ends in %s", left)
	}
	var dump string
	if err := b.DB.QueryRow(t.Context(), "select string_agg(s::text, '') || (select string_agg(e::text, '') from event e) from session s").Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump, strings.Split(cookie, ".")[2]) {
		t.Error("the database holds the secret")
	}
	current, err := b.sessions.Current(b.owner(t.Context(), id))
	if err != nil || current.ID != id {
		t.Errorf("%v, %v", current, err)
	}
	if nobody, err := b.sessions.Current(t.Context()); nobody != nil || err != nil {
		t.Errorf("%v, %v", nobody, err)
	}
}

func TestStart_TakesWhateverABrowserCallsItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, agent := range []string{"", "\xff\xfe\xfd", strings.Repeat("é", 399) + "€", strings.Repeat("€", 1000), strings.Repeat("a", 399) + "€", "'; drop table session; --"} {
		cookie, _ := b.start(t, agent)
		if s := b.alive(t, cookie); s == nil || len(s.UserAgent) > 400 {
			t.Errorf("%q: %v", agent, s)
		}
	}
}

func TestResolve_HostileCookiesAreNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "x")
	part := strings.Split(cookie, ".")
	other, _ := b.start(t, "x")
	for name, value := range map[string]string{
		"Empty": "", "Dots": "..", "NoSecret": part[0] + ".1.", "ShortSecret": part[0] + ".1.AAAA", "OtherSecret": part[0] + ".1." + strings.Split(other, ".")[2], "Future": part[0] + ".2." + part[2],
		"Zero": part[0] + ".0." + part[2], "Negative": part[0] + ".-1." + part[2], "Huge": part[0] + ".9223372036854775808." + part[2], "Plus": part[0] + ".+2." + part[2], "FourParts": cookie + ".x",
		"UnknownId": ident.New[ident.SessionID](time.Now()).String() + ".1." + part[2], "OtherKind": b.User.String() + ".1." + part[2], "Long": cookie + strings.Repeat("A", 1000), "Nul": part[0] + ".1.\x00", "Padding": cookie + "=",
	} {
		if s := b.alive(t, value); s != nil {
			t.Errorf("%s: somebody", name)
		}
	}
	if s := b.alive(t, cookie); s == nil || s.ID != id {
		t.Error("a hostile cookie ended the session")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sgn_01k9zzzzzzzzzzzzzzzzzzzzzz.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, value string) {
		id, generation, plain, ok := session.Parse(value)
		if ok && (id.IsZero() && generation > 0 && len(plain) != 32 || generation < 1) {
			t.Fatalf("%q was taken", value)
		}
	})
}

func TestResolve_AnEndIsSeenWithinASecondElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "x")
	here, there := b.process(), b.process()
	there.Authz = authz.New(b.DB) // another process, whose log of revocations does not even run
	for _, s := range []*session.Service{here, there} {
		if found, err := s.Resolve(t.Context(), cookie); found == nil || err != nil {
			t.Fatal(found, err)
		}
	}
	if err := here.End(b.owner(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if found, _ := here.Resolve(t.Context(), cookie); found != nil {
		t.Error("this process remembers what it ended itself")
	}
	began := time.Now()
	until(t, "another process remembers it", func() bool { found, _ := there.Resolve(t.Context(), cookie); return found == nil })
	if took := time.Since(began); took > aSecond {
		t.Errorf("another process honoured it for %s", took)
	}
	if err := here.End(b.owner(t.Context(), id)); err != nil {
		t.Errorf("a second end: %v", err)
	}
}

func TestResolve_SuspendedIsOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, _ := b.start(t, "x")
	if _, err := b.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	if b.alive(t, cookie) != nil {
		t.Error("still in")
	}
}

func TestLife_EightHoursWithoutUseSevenDaysInAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unused, _ := b.start(t, "x")
	used, _ := b.start(t, "x")
	b.ahead(8*time.Hour - time.Second)
	if s := b.alive(t, used); s == nil || s.ExpiresAt.Sub(b.DB.Now()) < 7*time.Hour {
		t.Fatalf("a second before the end: %+v", s)
	}
	b.ahead(time.Second)
	if b.alive(t, unused) != nil {
		t.Error("eight hours without use")
	}
	for b.clock.Load() < int64(7*24*time.Hour-7*time.Hour) {
		b.ahead(7 * time.Hour)
		if b.alive(t, used) == nil {
			t.Fatalf("a session in use ended after %s", time.Duration(b.clock.Load()))
		}
	}
	if s := b.alive(t, used); s.ExpiresAt.After(s.CreatedAt.Add(7 * 24 * time.Hour)) {
		t.Errorf("it says that it lives until %s", s.ExpiresAt)
	}
	b.ahead(7 * time.Hour)
	if b.alive(t, used) != nil {
		t.Error("it lives longer than a week")
	}
}

func TestRotation_OfTheSigningKeyLeavesSessionsAlive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := vault.New(b.DB, b.kek).Signer(t.Context(), vault.Session); err != nil {
		t.Fatal(err)
	}
	b.ahead(29 * 24 * time.Hour)
	b.sessions = b.process()
	cookie, id := b.start(t, "x")
	csrf, err := b.sessions.CSRF(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		b.ahead(7 * time.Hour)
		if b.alive(t, cookie) == nil {
			t.Fatal("it ended")
		}
	}
	if _, err := vault.New(b.DB, b.kek).Signer(t.Context(), vault.Session); err != nil { // a month is over: a new key
		t.Fatal(err)
	}
	b.sessions = b.process()
	next, err := b.stepUp(t, id, cookie)
	if err != nil || b.alive(t, next) == nil || b.alive(t, cookie) == nil {
		t.Fatalf("after the rotation: %v", err)
	}
	if ok, err := b.process().CheckCSRF(t.Context(), id, csrf); !ok || err != nil {
		t.Errorf("the value of CSRF: %v, %v", ok, err)
	}
}

func TestCSRF_BelongsToOneSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, one := b.start(t, "x")
	_, two := b.start(t, "x")
	value, err := b.sessions.CSRF(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]bool{value: true, "": false, "AAAA": false, value + "A": false, "%": false, value[1:]: false} {
		if got, err := b.sessions.CheckCSRF(t.Context(), one, given); got != want || err != nil {
			t.Errorf("%q: %v, %v", given, got, err)
		}
	}
	if ok, _ := b.sessions.CheckCSRF(t.Context(), two, value); ok {
		t.Error("another session's value counts")
	}
}

func TestResolve_RemembersNoMoreThanItShould(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "x")
	if found, err := b.sessions.Resolve(t.Context(), cookie); found == nil || err != nil {
		t.Fatal(found, err)
	}
	for n := range 50 {
		if found, err := b.sessions.Resolve(t.Context(), fmt.Sprintf("%s.1.%043d", id, n)); found != nil || err != nil {
			t.Fatal(found, err)
		}
	}
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return b.Authz.Revoke(ctx, tx, b.User.String(), "suspended")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	if found, _ := b.sessions.Resolve(t.Context(), cookie); found != nil {
		t.Error("the person's rights ended, and the session is still remembered")
	}
}

func until(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	end := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal(otherwise)
		}
	}
}
