package credential_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

const right = "correct horse battery"

type bundle struct {
	*spinetest.Bundle
	*credential.Service
	clock atomic.Int64
}

func (b *bundle) ahead(d time.Duration) { b.clock.Add(int64(d)) }

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t)}
	b.Bundle.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	b.Service = service(b.Bundle, b.Bundle.DB, b.Bundle.Door)
	if err := b.set(t, right); err != nil {
		t.Fatal(err)
	}
	return b
}

func service(b *spinetest.Bundle, d *db.DB, by *door.Door) *credential.Service {
	sessions := &session.Service{DB: d, Door: by, Authz: b.Authz, Vault: b.Vault}
	return &credential.Service{DB: d, Door: by, Vault: b.Vault, Limit: limit.New(nil), Sessions: sessions, Factors: &factor.Service{DB: d, Door: by, Vault: b.Vault, Limit: limit.New(nil), Sessions: sessions},
		Home: func(context.Context, ident.UserID) (*ident.OrgID, error) { return &b.Org, nil }}
}

func (b *bundle) set(t *testing.T, password string) error {
	t.Helper()
	return b.Bundle.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		phc, err := b.Service.Hash(ctx, secret.New(password))
		if err != nil {
			return err
		}
		return b.SetTx(ctx, tx, b.User, phc)
	})
}

// from is a stranger of a network.
func from(ctx context.Context, network string) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.PUBLIC, Network: network, IP: strings.TrimSuffix(network, "/64"), RequestID: "test"})
}

func (b *bundle) try(t *testing.T, name, password string) error {
	t.Helper()
	b.Limit = limit.New(nil) // the other limit is its own test
	_, err := b.SignIn(from(t.Context(), "198.51.100.7"), name, secret.New(password))
	return err
}

// wait answers the seconds of a RATE_LIMITED; -1 for anything else.
func wait(err error) int {
	for _, f := range fault.All(err) {
		if f.Code == fault.RateLimitedCode {
			return f.Meta["retryAfter"].(int)
		}
	}
	return -1
}

// Not parallel: it counts the hashes of the whole process.
func TestSignIn_KnownAndUnknownNamesCostTheSame(t *testing.T) {
	b := setup(t)
	d, asked := dbtest.Counted(t, b.Bundle.DB)
	ledger := &event.Ledger{DB: d, Hub: b.Hub, Work: &work.Runner{DB: d}}
	s := service(b.Bundle, d, &door.Door{DB: d, Authz: b.Authz, Ledger: ledger, Vault: b.Bundle.Vault, Hub: b.Hub})
	cost := func(n int, name string) (int64, []string) {
		asked.Take()
		before := credential.Hashed()
		_, err := s.SignIn(from(t.Context(), fmt.Sprintf("198.51.100.%d", n)), name, secret.New("wrong horse battery"))
		if f := fault.All(err); len(f) != 1 || f[0].Reason != "credentials" {
			t.Fatalf("%s: %v", name, err)
		}
		return credential.Hashed() - before, asked.Take()
	}
	cost(1, "warm@example.com")
	if _, err := b.Bundle.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id <> $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	known, asksKnown := cost(2, "acme@example.com")
	unknown, asksUnknown := cost(2, "nobody@example.com")
	if known != 1 || unknown != 1 {
		t.Errorf("%d hashes for a known name, %d for an unknown one", known, unknown)
	}
	if !slices.Equal(asksKnown, asksUnknown) || len(asksKnown) < 4 {
		t.Errorf("a known name asks\n%s\nan unknown one\n%s", strings.Join(asksKnown, "\n"), strings.Join(asksUnknown, "\n"))
	}
}

func TestSignIn_StartsASessionAndSaysWhatFailedBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		if err := b.try(t, "acme@example.com", "wrong horse battery"); !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
	}
	in, err := b.SignIn(from(t.Context(), "198.51.100.7"), "ACME@example.com ", secret.New(right))
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", in, *in, *in); strings.Contains(text, strings.Split(in.Cookie.Reveal(), ".")[2]) {
		t.Errorf("the secret shows: %s", text)
	}
	var failed int
	if err := b.Bundle.DB.QueryRow(t.Context(), "select (payload->>'failedBefore')::int from event where action = 'credential.authenticated'").Scan(&failed); err != nil || failed != 3 {
		t.Errorf("%d failures before, %v", failed, err)
	}
	if got := b.Actions(t); !slices.Equal(got[3:], []string{"session.started", "credential.authenticated"}) || got[0] != "credential.refused_invalid" {
		t.Errorf("the ledger says %v", got)
	}
	var rows int
	if err := b.Bundle.DB.QueryRow(t.Context(), "select count(*) from event where payload::text ilike '%acme%' or coalesce(context::text, '') ilike '%acme%'").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows of the ledger hold the name typed, %v", rows, err)
	}
}

func TestSignIn_WaitsDoubleUpToTenMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"acme@example.com", "nobody@example.com"} {
		var waits []int
		for n := range 14 {
			if err := b.try(t, name, "wrong horse battery"); !fault.Is(err, fault.Unauthenticated) {
				t.Fatalf("mistake %d of %s: %v", n+1, name, err)
			}
			if n >= 4 {
				w := wait(b.try(t, name, right)) // the right password waits like any other
				waits = append(waits, w)
				b.ahead(time.Duration(w) * time.Second)
			}
		}
		if !slices.Equal(waits, []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 600}) {
			t.Errorf("%s waits %v", name, waits)
		}
	}
	b.ahead(time.Hour + time.Second)
	if err := b.try(t, "acme@example.com", "wrong horse battery"); !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
	if err := b.try(t, "acme@example.com", right); err != nil {
		t.Errorf("an hour later one mistake blocks: %v", err)
	}
}

func TestSignIn_ManyTriesAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		network string
		name    func(n int) string
		allowed int
	}{
		"OneName":    {"198.51.100.1", func(int) string { return "somebody@example.com" }, 10},
		"OneNetwork": {"2001:db8::/64", func(n int) string { return fmt.Sprintf("p%d@example.com", n) }, 100},
	} {
		b.Limit = limit.New(nil)
		for n := range c.allowed + 1 {
			ctx, cancel := context.WithCancel(from(t.Context(), c.network))
			if c.allowed == 100 {
				cancel() // what is counted is counted before anything is hashed
			}
			_, err := b.SignIn(ctx, c.name(n), secret.New("wrong horse battery"))
			cancel()
			b.ahead(10 * time.Minute) // past the growing wait
			if limited := wait(err) > 0; limited != (n == c.allowed) {
				t.Fatalf("%s: try %d: %v", name, n+1, err)
			}
		}
	}
}

func TestSignIn_WithoutSomebodyWhoCountsNobodyGetsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Bundle.DB.Close()
	if _, err := b.SignIn(from(t.Context(), "198.51.100.7"), "acme@example.com", secret.New(right)); err == nil || len(fault.All(err)) != 0 {
		t.Errorf("with the database away: %v", err)
	}
}

func TestPwd1c_RightPasswordOfASuspendedAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Bundle.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	if err := b.try(t, "acme@example.com", "wrong horse battery"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a wrong one: %v", err)
	}
	if err := b.try(t, "acme@example.com", right); !fault.Is(err, fault.LockedCode) || fault.All(err)[0].Reason != "suspended" {
		t.Errorf("the right one: %v", err)
	}
}

func TestPwd1e_RehashAtTodaysCost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" // of "password"
	if _, err := b.Bundle.DB.Exec(t.Context(), "update password_credential set phc = $2 where user_id = $1", b.User.UUID(), old); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.try(t, "acme@example.com", "password"); err != nil {
			t.Fatal(err)
		}
	}
	var phc string
	if err := b.Bundle.DB.QueryRow(t.Context(), "select phc from password_credential where user_id = $1 and version = 2", b.User.UUID()).Scan(&phc); err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=47104,t=1,p=1$") {
		t.Errorf("%s, %v", phc, err)
	}
}

func TestStepUp_WrongPasswordIsKeptOnThePersonsChain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in, err := b.SignIn(from(t.Context(), "198.51.100.7"), "acme@example.com", secret.New(right))
	if err != nil {
		t.Fatal(err)
	}
	ctx := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User, SessionID: in.Session, Network: "198.51.100.7"})
	for name, p := range map[string]string{"Wrong": "wrong horse battery", "Empty": "", "Long": strings.Repeat("a", 1<<20)} {
		if _, err := b.StepUp(ctx, in.Cookie.Reveal(), secret.New(p)); !fault.Is(err, fault.InvalidCode) || fault.All(err)[0].Field != "password" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var chain string
	if err := b.Bundle.DB.QueryRow(t.Context(), "select chain from event where action = 'credential.step_up_refused' limit 1").Scan(&chain); err != nil || chain != b.User.String() {
		t.Errorf("chain %q, %v", chain, err)
	}
	next, err := b.StepUp(ctx, in.Cookie.Reveal(), secret.New(right))
	if err != nil || next.Cookie.Equal(in.Cookie) || next.Session != in.Session {
		t.Fatalf("%v", err)
	}
	for range 6 {
		b.StepUp(ctx, next.Cookie.Reveal(), secret.New("wrong horse battery"))
	}
	if _, err := b.StepUp(ctx, next.Cookie.Reveal(), secret.New(right)); wait(err) < 1 {
		t.Errorf("the eleventh try in five minutes: %v", err)
	}
	if _, err := b.StepUp(from(t.Context(), "198.51.100.7"), in.Cookie.Reveal(), secret.New(right)); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody proved to be somebody: %v", err)
	}
}

func TestPwd1f_PasswordsAreTakenByteForByte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, password := range []string{strings.Repeat("ab1 ", 32), "trailing space ", "пароль с пробелами", "\x00\xff but twelve"} {
		if err := b.set(t, password); err != nil {
			t.Fatal(err)
		}
		if err := b.try(t, "acme@example.com", password); err != nil {
			t.Errorf("%q does not open: %v", password, err)
		}
		if err := b.try(t, "acme@example.com", strings.TrimSpace(password)+"x"); err == nil {
			t.Errorf("another opens for %q", password)
		}
	}
	if err := b.try(t, "acme@example.com", "trailing space"); err == nil {
		t.Error("a space at the end does not count")
	}
}

func TestCheck_WhatIsAskedOfAPassword(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"": "password_length", strings.Repeat("x", 11): "password_length", strings.Repeat("ä", 12): "password_common", strings.Repeat("a1b2c3 ", 40): "password_length",
		"password1234": "password_common", "qwertyuiop12": "password_common", "iloveyou1234": "password_common", "P@ssw0rd1234": "password_common", "123456789012": "password_common",
		"aaaaaaaaaaaa": "password_common", "letmein letmein": "password_common", "Ana.Maria2024": "password_context", "nameplate2024": "password_context", "anamaria@example": "password_context",
		"correct horse battery": "", "dorn im auge 1998": "", "mWq8!rt2Zp0x": "", "пароль с пробелами": "", strings.Repeat("kt7 ", 60): "",
	} {
		got := ""
		if f := fault.All(errors.Join(credential.Check("password", secret.New(password), "ana.maria@example.com", "Ana", "Maria")...)); len(f) > 0 {
			got = f[0].Reason
		}
		if got != want {
			t.Errorf("%q: %q, not %q", password, got, want)
		}
	}
}

func TestSweep_ForgetsFailuresThatCountNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	left := func() (n int) {
		t.Helper()
		if err := b.Part().Periodics[0].Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Bundle.DB.QueryRow(t.Context(), "select count(*) from sign_in_failure").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 5 {
		_ = b.try(t, "nobody@example.com", "wrong horse battery")
	}
	b.ahead(59 * time.Minute)
	if n := left(); n != 1 {
		t.Errorf("%d rows after 59 minutes", n)
	}
	b.ahead(time.Minute + time.Second)
	if n := left(); n != 0 {
		t.Errorf("%d rows after an hour", n)
	}
}
