package claim_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// TestRaces_AThousandNamesWithOneOwnerEach: four prove each of a thousand names at the same time, and one has it. Then two contest each name at once, and one
// does. Then the challenger takes it over while the holder defends it, and it is the one's or the other's (I2).
func TestRaces_AThousandNamesWithOneOwnerEach(t *testing.T) {
	t.Parallel()
	const names, racers = 1000, 4
	b := spinetest.New(t)
	cons, claims := connections(t, b, racers), &claim.Claims{}
	at := b.DB.Now().Truncate(time.Microsecond)
	b.DB.SetClock(func() time.Time { return at })
	index := map[string]int{}
	for n, con := range cons {
		index[con.String()] = n
	}
	// race lets some run at once for each name, twenty names at a time.
	race := func(each ...func(ctx context.Context, tx *db.Tx, host string) error) {
		t.Helper()
		var wg sync.WaitGroup
		next := atomic.Int64{}
		for range 5 {
			wg.Go(func() {
				for n := next.Add(1); n <= names; n = next.Add(1) {
					host := fmt.Sprintf("n%d.acme.lab", n)
					var at sync.WaitGroup
					for _, do := range each {
						at.Go(func() {
							if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return do(ctx, tx, host) }); err != nil {
								t.Error(err)
							}
						})
					}
					at.Wait()
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	holders := func(what string) map[string]claim.Claim {
		t.Helper()
		out := map[string]claim.Claim{}
		err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for n := 1; n <= names; n++ {
				host := fmt.Sprintf("n%d.acme.lab", n)
				s, err := claims.SettleTx(ctx, tx, host, b.Org, cons[0], claim.None)
				if err != nil || s.Claim.Holder.IsZero() {
					return fmt.Errorf("%s has no owner after %s: %w", host, what, err)
				}
				out[host] = s.Claim
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}

	var won [racers]atomic.Int64
	var proofs []func(context.Context, *db.Tx, string) error
	for n, con := range cons {
		proofs = append(proofs, func(ctx context.Context, tx *db.Tx, host string) error {
			s, err := claims.SettleTx(ctx, tx, host, b.Org, con, claim.Target)
			if s.New {
				won[n].Add(1)
			}
			if err == nil && s.Holds == s.Held {
				return fmt.Errorf("%s: %+v", host, s)
			}
			return err
		})
	}
	race(proofs...)
	owners, sum := holders("the proofs"), int64(0)
	for n := range won {
		sum += won[n].Load()
	}
	if sum != names || len(owners) != names {
		t.Fatalf("%d owners of %d names", sum, names)
	}

	var contests atomic.Int64
	var rivals []func(context.Context, *db.Tx, string) error
	for n := 1; n <= 2; n++ {
		rivals = append(rivals, func(ctx context.Context, tx *db.Tx, host string) error {
			holder := owners[host].Holder
			done, err := claims.ContestTx(ctx, tx, host, holder, cons[(index[holder.String()]+n)%racers], b.Org, tx.Now)
			if done {
				contests.Add(1)
			}
			return err
		})
	}
	race(rivals...)
	if contests.Load() != names {
		t.Fatalf("%d contests of %d names", contests.Load(), names)
	}
	contested := holders("the contests")

	var moved atomic.Int64
	race(
		func(ctx context.Context, tx *db.Tx, host string) error {
			done, err := claims.TransferTx(ctx, tx, host, contested[host].Holder, contested[host].Challenger)
			if done {
				moved.Add(1)
			}
			return err
		},
		func(ctx context.Context, tx *db.Tx, host string) error {
			return claims.DefendTx(ctx, tx, host, contested[host].Holder)
		},
	)
	went := int64(0)
	for host, c := range holders("the end") {
		was := contested[host]
		switch {
		case !c.Challenger.IsZero():
			t.Errorf("%s is contested still", host)
		case c.Holder == was.Challenger && c.Refused.IsZero():
			went++
		case c.Holder != was.Holder || c.Refused != was.Challenger:
			t.Errorf("%s: %+v became %+v", host, was, c)
		}
	}
	if went != moved.Load() {
		t.Errorf("%d names moved, %d have moved", moved.Load(), went)
	}
	t.Logf("%d of %d names moved", went, names)
}
