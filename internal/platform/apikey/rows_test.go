package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// process is another process: a service with a pool, rights and a memory of its own, which nobody pokes.
func (b *bundle) process(t *testing.T) *apikey.Service {
	t.Helper()
	d, err := db.Open(t.Context(), b.DB.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	rights := authz.New(d, append(grants, b.keys.Part().Grants...)...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- rights.Revoked().Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b.service(d, b.Door, rights)
}

// APIKeys.3: a deleted key is dead, wherever it was known, and so is what it made.
func TestAPIKeys3_Delete(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { // what is under way with the key ends well, the next call is nobody's
		t.Parallel()
		b := setup(t)
		k := b.create(t, b.As(t.Context()), "connection.read", "self.write")
		ctx, inside, deleted := b.with(t, k.Secret), make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			_, err := door.Do(ctx, b.Door, door.Change[struct{}, struct{}]{Action: door.Action{Name: "test.slow", Public: true}, Do: func(_ context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
				e.Quiet()
				close(inside)
				<-deleted
				return struct{}{}, nil
			}}, struct{}{})
			done <- err
		}()
		<-inside
		if err := b.keys.Delete(b.As(t.Context()), k.ApiKey.ID); err != nil {
			t.Fatal(err)
		}
		close(deleted)
		if err := <-done; err != nil {
			t.Errorf("the call under way: %v", err)
		}
		if _, err := b.keys.Authenticate(t.Context(), k.Secret, ""); !slices.Equal(reasons(err), []string{"UNAUTHENTICATED  key_invalid"}) {
			t.Errorf("the next one: %v", err)
		}
	})
	t.Run("b", func(t *testing.T) { // whose plan lapsed may still delete, and makes none
		t.Parallel()
		b := setup(t)
		k := b.create(t, b.As(t.Context()))
		b.Door.Guards = []door.Guard{billing.Entitlement{Plan: billing.Plan{ID: "lapsed"}, Offered: billing.Offered}, billing.StepUp{}}
		if _, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "x", OrganizationID: &b.Org}); !fault.Is(err, fault.EntitlementCode) {
			t.Errorf("a new key: %v", err)
		}
		if err := b.keys.Delete(b.As(t.Context()), k.ApiKey.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	t.Run("c", func(t *testing.T) { // ten processes agree within a second, by the database alone
		t.Parallel()
		b := setup(t)
		k := b.create(t, b.As(t.Context()), "connection.read")
		var all []*apikey.Service
		for range 10 {
			p := b.process(t)
			if _, err := p.Authenticate(t.Context(), k.Secret, ""); err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if err := b.keys.Delete(b.As(t.Context()), k.ApiKey.ID); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var wg sync.WaitGroup
		for n, p := range all {
			wg.Go(func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for {
					if _, err := p.Authenticate(t.Context(), k.Secret, ""); err != nil {
						if took := time.Since(began); took > aSecond || !fault.Is(err, fault.Unauthenticated) {
							t.Errorf("process %d honoured it for %s: %v", n, took, err)
						}
						return
					}
					select {
					case <-tick.C:
					case <-t.Context().Done():
						return
					}
				}
			})
		}
		wg.Wait()
	})
	t.Run("d", func(t *testing.T) { // its children are dead too
		t.Parallel()
		b := setup(t)
		parent := b.create(t, b.As(t.Context()), "apikey.manage", "connection.read")
		child, err := b.keys.Create(b.with(t, parent.Secret), apikey.CreateApiKeyInput{Description: "child", Scopes: []string{"connection.read"}})
		if err != nil {
			t.Fatal(err)
		}
		there := b.process(t)
		if _, err := there.Authenticate(t.Context(), child.Secret, ""); err != nil {
			t.Fatal(err)
		}
		if err := b.keys.Delete(b.As(t.Context()), parent.ApiKey.ID); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, err := there.Authenticate(t.Context(), child.Secret, ""); err == nil; _, err = there.Authenticate(t.Context(), child.Secret, "") {
			if time.Since(began) > aSecond {
				t.Fatal("another process honours the child")
			}
		}
	})
}

// TestKey_WhatIsPutOnRecord: the first use from a network, once, and a refusal because the person is suspended, once an hour.
func TestKey_WhatIsPutOnRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.create(t, b.As(t.Context()))
	use := func(network string) error {
		t.Helper()
		ctx := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: network, IP: "192.0.2.1"})
		_, err := b.service(b.DB, b.Door, b.Authz).Authenticate(ctx, k.Secret, "192.0.2.1")
		return err
	}
	for _, network := range []string{"192.0.2.1", "192.0.2.1", "2001:db8::/64", "192.0.2.1"} {
		if err := use(network); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := use("192.0.2.1"); !slices.Equal(reasons(err), []string{"UNAUTHENTICATED  key_invalid"}) {
			t.Errorf("suspended: %v", err)
		}
	}
	b.clock.Store(int64(time.Hour + time.Minute))
	_ = use("192.0.2.1")
	want := []string{"apikey.created", "apikey.used_from_new_network", "apikey.used_from_new_network", "apikey.refused_suspended", "apikey.refused_suspended"}
	if got := b.Actions(t); !slices.Equal(got, want) {
		t.Errorf("the ledger says %v", got)
	}
}

// TestNotice_TwoWeeksAndThreeDaysBefore: the person of a key that ends reads of it twice, whatever the hour of the round; of one without an end, never.
func TestNotice_TwoWeeksAndThreeDaysBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	told := map[string]int{}
	b.keys.Tell = func(_ context.Context, _ *door.Effect, n apikey.News) error {
		if n.What == apikey.Expiring {
			if len(n.Readers) != 1 || n.Readers[0] != b.User || n.ExpiresAt == nil {
				return errors.New("told somebody else, or not when")
			}
			told[n.Once]++
		}
		return nil
	}
	end := time.Now().Add(20 * 24 * time.Hour)
	k, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "ends", OrganizationID: &b.Org, ExpiresAt: &end})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "never ends", OrganizationID: &b.Org, NeverExpires: true}); err != nil {
		t.Fatal(err)
	}
	want := map[int]int{1: 0, 5: 0, 7: 1, 16: 1, 18: 2, 19: 2, 21: 2} // names told of, by the day
	for _, day := range slices.Sorted(maps.Keys(want)) {
		b.clock.Store(int64(time.Duration(day) * 24 * time.Hour))
		if err := apikey.Notice(b.keys, t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(told) != want[day] {
			t.Errorf("day %d: told %v", day, told)
		}
	}
	if told[fmt.Sprintf("%s/1", k.ApiKey.ID)] == 0 || told[fmt.Sprintf("%s/0", k.ApiKey.ID)] == 0 {
		t.Errorf("told %v", told)
	}
	if got := b.Actions(t); got[len(got)-1] != "apikey.expired" {
		t.Errorf("the ledger says %v", got)
	}
}
