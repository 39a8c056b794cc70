package dbtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
)

func TestTx_LeavesNothingToTheNextTest(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("Again", func(t *testing.T) {
			d := dbtest.Tx(t)
			if d.Pool() != nil {
				t.Error("a bound database has a pool, by which one would leave the transaction")
			}
			err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, "CREATE TABLE only_here (n int)")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNew_IsMigratedAndAlone(t *testing.T) {
	t.Parallel()
	one, dsn := dbtest.NewDSN(t)
	two := dbtest.New(t)
	if _, err := one.Exec(t.Context(), "CREATE TABLE only_here (n int)"); err != nil {
		t.Fatal(err)
	}
	other, err := db.Open(t.Context(), dsn, db.Name("another process"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, c := range []struct {
		name string
		d    *db.DB
		want bool
	}{{"TheSame", one, true}, {"ByItsAddress", other, true}, {"AnotherTests", two, false}} {
		var there, migrated bool
		if err := c.d.QueryRow(t.Context(), "SELECT to_regclass('only_here') IS NOT NULL, to_regclass('river_job') IS NOT NULL").Scan(&there, &migrated); err != nil {
			t.Fatal(err)
		}
		if there != c.want || !migrated {
			t.Errorf("%s: the table is there %v, migrated %v", c.name, there, migrated)
		}
	}
}

// TestNew_InsideABubble: waiting code is tested with a real database and a clock that costs nothing.
func TestNew_InsideABubble(t *testing.T) {
	t.Parallel()
	dbtest.Ready(t)
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.New(t)
		start := d.Now()
		<-time.After(time.Hour)
		var later bool
		if err := d.QueryRow(t.Context(), "SELECT $1::timestamptz = $2::timestamptz + interval '1 hour'", d.Now(), start).Scan(&later); err != nil || !later {
			t.Errorf("an hour later: %v, %v", later, err)
		}
	})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %s", took)
	}
}
