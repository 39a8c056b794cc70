package edgeentry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// answered are the rows of the zone that an edge would answer now, after a full load or as a delta since a generation.
func (b bundle) answered(t *testing.T, after int64) (out []string) {
	t.Helper()
	s, err := b.Load(t.Context())
	if after > 0 {
		s, err = b.Delta(t.Context(), after)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Records {
		gone := ""
		if r.ExpiresAt != nil && !r.ExpiresAt.After(b.DB.Now()) {
			gone = " gone"
		}
		out = append(out, r.FQDN+" "+r.Type+" "+r.Value+gone)
	}
	slices.Sort(out)
	return out
}

func TestZone_ChallengesKeysAndDelegations(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	con := ident.New[ident.ConnectionID](time.Now())
	var at int64
	b.in(t, func(ctx context.Context, tx *db.Tx) (err error) {
		if _, err = b.ChallengeTx(ctx, tx, b.Challenge("tok"), "one", con, tx.Now.Add(time.Hour)); err != nil {
			return err
		}
		if at, err = b.ChallengeTx(ctx, tx, b.Challenge("tok"), "two", con, tx.Now.Add(time.Hour)); err != nil {
			return err
		}
		return errors.Join(b.PublishTx(ctx, tx, "_dck1", "p=1", "p=2"), b.AllowIssuerTx(ctx, tx, "tok", "own.example", con), b.DelegateTx(ctx, tx, "Apps.acme.lab.", "tok", con))
	})
	if now, _ := b.Generation(t.Context()); at == 0 || at >= now {
		t.Errorf("the challenge has generation %d of %d", at, now)
	}
	want := []string{"_dck1.edge.lab TXT p=1", "_dck1.edge.lab TXT p=2", "apps.acme.lab DELEGATION tok", "tok.acme.edge.lab TXT one", "tok.acme.edge.lab TXT two", "tok.edge.lab CAA own.example"}
	if got := b.answered(t, 0); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	before, _ := b.Generation(t.Context())
	b.in(t, func(ctx context.Context, tx *db.Tx) error {
		if had, err := b.UndelegateTx(ctx, tx, "apps.acme.lab", "another"); had || err != nil {
			t.Errorf("a connection that does not have the sub-zone ends it: %v", err)
		}
		had, err := b.UndelegateTx(ctx, tx, "Apps.acme.lab.", "tok")
		if !had {
			t.Error("there was nothing to end")
		}
		return errors.Join(b.EndChallengesTx(ctx, tx, b.Challenge("tok"), "one", "two"), b.PublishTx(ctx, tx, "_dck1", "p=3"), err)
	})
	want = []string{"_dck1.edge.lab TXT p=1 gone", "_dck1.edge.lab TXT p=2 gone", "_dck1.edge.lab TXT p=3", "apps.acme.lab DELEGATION tok gone", "tok.acme.edge.lab TXT one gone", "tok.acme.edge.lab TXT two gone"}
	if got := b.answered(t, before); !slices.Equal(got, want) {
		t.Errorf("delta %q", got)
	}
	if got := b.answered(t, 0); !slices.Equal(got, []string{"_dck1.edge.lab TXT p=3", "tok.edge.lab CAA own.example"}) {
		t.Errorf("load %q", got)
	}
}

// Nobody takes the edge zone, a part of it, or what is above it, by delegating it to us.
func TestZone_WhatIsNeverDelegated(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.Tx(t))
	con := ident.New[ident.ConnectionID](time.Now())
	for _, apex := range []string{"edge.lab", "EDGE.lab.", "x.edge.lab", "lab", "", ".", "com"} {
		b.in(t, func(ctx context.Context, tx *db.Tx) error {
			if err := b.DelegateTx(ctx, tx, apex, "tok", con); !errors.Is(err, ErrNotOurs) {
				t.Errorf("%q: %v", apex, err)
			}
			return nil
		})
	}
	if got := b.answered(t, 0); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestZone_OfManyEdgesOneMakesTheFirstKey(t *testing.T) {
	t.Parallel()
	b := setup(dbtest.New(t))
	var made []int
	var mu sync.Mutex
	seal := func(n int) func(context.Context, *db.Tx, []string) (string, error) {
		return func(_ context.Context, _ *db.Tx, known []string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			made = append(made, len(known))
			return string(rune('a' + n)), nil
		}
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			if err := b.AddKey(t.Context(), true, seal(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys, err := b.Keys(t.Context())
	if err != nil || len(keys) != 1 || len(made) != 1 {
		t.Fatalf("%v keys, %d made, %v", keys, len(made), err)
	}
	if err := b.EndKey(t.Context(), keys[0]); err == nil {
		t.Error("the only key was taken away")
	}
	if err := b.AddKey(t.Context(), false, seal(20)); err != nil {
		t.Fatal(err)
	}
	if both, _ := b.Keys(t.Context()); !slices.Equal(both, []string{keys[0], "u"}) || made[1] != 1 {
		t.Errorf("%q, made knowing %v", both, made)
	}
	if err := b.EndKey(t.Context(), keys[0]); err != nil {
		t.Error(err)
	}
	if one, _ := b.Keys(t.Context()); !slices.Equal(one, []string{"u"}) {
		t.Errorf("%q", one)
	}
}
