package session_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestStepUp_RotatesAndHonoursTheFormerSecretForTenSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, id := b.start(t, "x")
	b.ahead(time.Minute)
	second, err := b.stepUp(t, id, first)
	if err != nil {
		t.Fatal(err)
	}
	if s := b.alive(t, second); s == nil || !s.SteppedUpAt.After(s.CreatedAt) {
		t.Fatalf("the new secret: %+v", s)
	}
	b.ahead(9 * time.Second)
	if b.alive(t, first) == nil {
		t.Fatal("the former secret is dead after nine seconds")
	}
	third, err := b.stepUp(t, id, first) // another tab, with the cookie it had
	if err != nil || b.alive(t, third) == nil || b.alive(t, second) == nil {
		t.Fatalf("the second tab: %v", err)
	}
	b.ahead(11 * time.Second)
	if b.alive(t, third) == nil {
		t.Fatal("the present secret is dead")
	}
}

func TestStepUp_SimultaneousTabsBothGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "x")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []string
	for range 2 {
		wg.Go(func() {
			next, err := b.stepUp(t, id, cookie)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			made = append(made, next)
			mu.Unlock()
		})
	}
	wg.Wait()
	for _, m := range made {
		if b.alive(t, m) == nil {
			t.Error("one of the tabs was signed out")
		}
	}
}

func TestStepUp_TakesOnlyTheSessionsOwnSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, id := b.start(t, "x")
	other, _ := b.start(t, "x")
	part := strings.Split(cookie, ".")
	for name, value := range map[string]string{"Other": other, "Invented": part[0] + ".1." + strings.Split(other, ".")[2], "Future": part[0] + ".3." + part[2], "Garbage": "x", "Empty": ""} {
		if _, err := b.stepUp(t, id, value); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.sessions.End(b.owner(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.stepUp(t, id, cookie); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an ended session: %v", err)
	}
}

func TestReuse_OfAnyOlderSecretEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, generations := range map[string]int{"Former": 1, "MuchOlder": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			copied, id := b.start(t, "x")
			present := copied
			for range generations {
				b.ahead(time.Minute)
				var err error
				if present, err = b.stepUp(t, id, present); err != nil {
					t.Fatal(err)
				}
			}
			b.ahead(11 * time.Second)
			ended, stop := spinetest.Ended(b.Authz.Revoked(), id.String())
			defer stop()
			if b.alive(t, copied) != nil || b.alive(t, present) != nil {
				t.Fatal("the session lives on")
			}
			select {
			case <-ended:
			default:
				t.Error("its sockets were not told")
			}
			actions := b.Actions(t)
			if actions[len(actions)-1] != "session.reuse_detected" {
				t.Errorf("the ledger says %v", actions)
			}
		})
	}
}
