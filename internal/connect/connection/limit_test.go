package connection_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/redis/go-redis/v9"
)

// limited counts in a Redis whose clock the answer moves.
func limited(t *testing.T, b *bundle) (pass func(time.Duration)) {
	t.Helper()
	m := miniredis.RunT(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr()})
	t.Cleanup(func() { c.Close() })
	now := b.Clock.Now()
	m.SetTime(now)
	b.S.Limit = limit.New(c)
	return func(d time.Duration) {
		now = now.Add(d)
		m.SetTime(now)
	}
}

// refusedFor says for how many seconds a limit refuses; 0: it does not.
func refusedFor(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	f := fault.All(err)
	if len(f) != 1 || f[0].Code != fault.RateLimitedCode {
		t.Fatalf("%v", err)
	}
	s, _ := f[0].Meta["retryAfter"].(int)
	if s < 1 {
		t.Fatalf("refused without saying for how long: %+v", f[0])
	}
	return s
}

// key is an API key of the bundle's organization.
func key(t *testing.T, b *bundle) context.Context {
	p := authz.From(b.As(t.Context()))
	return authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: p.UserID, KeyID: ident.New[ident.KeyID](time.Now()), OrgID: b.Org,
		Scopes: []authz.Permission{"connection.start", "connection.read", "connection.check"}})
}

func TestStart_IsLimitedForEachCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller  func(*testing.T, *bundle) context.Context
		allowed int
		wait    int // until the next one, in seconds
	}{
		"WidgetToken": {func(t *testing.T, b *bundle) context.Context {
			return widget(t, b, authz.WidgetClaims{EndUserRef: "ann"})
		}, 20, 180},
		"Key": {key, 600, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			pass, caller := limited(t, b), c.caller(t, b)
			start := func(ctx context.Context, host string) error {
				_, err := b.S.Start(ctx, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: host})
				return err
			}
			for range c.allowed {
				// A name that is refused counts for the caller; it is quick.
				if err := start(caller, "1.2.3.4"); !fault.Is(err, fault.InvalidCode) {
					t.Fatal(err)
				}
			}
			if got := refusedFor(t, start(caller, "shop.acme.lab")); got != c.wait {
				t.Errorf("refused for %d s", got)
			}
			if err := start(c.caller(t, b), "shop.acme.lab"); err != nil {
				t.Errorf("another caller: %v", err)
			}
			pass(time.Duration(c.wait) * time.Second)
			if err := start(caller, "shop.acme.lab"); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
}

func TestStart_LimitsNewNamesOfAnOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limited(t, b)
	start := func(ctx context.Context, host string) error {
		_, err := b.S.Start(ctx, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: host})
		return err
	}
	for n := range 200 {
		if err := start(b.As(t.Context()), fmt.Sprintf("n%d.acme.lab", n)); err != nil {
			t.Fatal(n, err)
		}
		if n%50 == 0 { // neither a refused name nor one that is open is new
			if err := start(b.As(t.Context()), "1.2.3.4"); !fault.Is(err, fault.InvalidCode) {
				t.Fatal(err)
			}
			if err := start(b.As(t.Context()), "n0.acme.lab"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := refusedFor(t, start(b.As(t.Context()), "one.more.lab")); got != 18 {
		t.Errorf("a person is refused for %d s", got)
	}
	if got := refusedFor(t, start(key(t, b), "one.more.lab")); got != 18 {
		t.Errorf("a key is refused for %d s", got)
	}
	if err := start(b.As(t.Context()), "n199.acme.lab"); err != nil {
		t.Errorf("a name that is open: %v", err)
	}
}

func TestCheck_AttachesToTheOneBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pass := limited(t, b)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	asked := func(ctx context.Context) int {
		t.Helper()
		before := len(b.World.questions())
		p, err := b.S.Check(ctx, c.ID)
		if err != nil || p.Connection.ID != c.ID {
			t.Fatal(p, err)
		}
		b.after(t, 0)
		return len(b.World.questions()) - before
	}
	stranger := widget(t, b, authz.WidgetClaims{EndUserRef: "bob"})
	if _, err := b.S.Check(stranger, c.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	if n := asked(b.As(t.Context())); n != 1 {
		t.Fatalf("the first check asked %d times: a stranger took its turn", n)
	}
	if n := asked(b.As(t.Context())) + asked(key(t, b)); n != 0 {
		t.Errorf("checks within five seconds asked %d times", n)
	}
	pass(5 * time.Second)
	if n := asked(key(t, b)); n != 1 {
		t.Errorf("five seconds later: %d", n)
	}
	if _, err := b.S.Archive(b.As(t.Context()), c.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.Check(b.As(t.Context()), c.ID); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("an archived connection, just checked: %v", err)
	}
}

func TestCheck_IsLimitedForEachWidgetToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pass := limited(t, b)
	c := b.start(t, "shop.acme.lab")
	page := widget(t, b, authz.WidgetClaims{ConnectionIDs: []ident.ConnectionID{c.ID}})
	for range 60 {
		if _, err := b.S.Check(page, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.S.Check(page, c.ID); refusedFor(t, err) != 1 {
		t.Fatalf("the 61st: %v", err)
	}
	pass(time.Second)
	if _, err := b.S.Check(page, c.ID); err != nil {
		t.Fatal(err)
	}
}
