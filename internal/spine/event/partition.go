package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// partitioned are the tables that are kept by month.
var partitioned = []string{"event", "dns_check", "observation", "webhook_delivery", "webhook_attempt"}

// Partitions is the schedule that makes the months of the partitioned tables three ahead. Rows of a month that was not made stand in the default partition,
// and stay there.
func (l *Ledger) Partitions() work.Periodic {
	return work.Periodic{Kind: "partition.make", Every: 24 * time.Hour, Do: func(ctx context.Context) error { return MakePartitions(ctx, l.DB) }}
}

// MakePartitions makes the partitions of this month and the next three. A month that has rows in the default partition already is left there.
func MakePartitions(ctx context.Context, d *db.DB) error {
	first := time.Date(d.Now().Year(), d.Now().Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, table := range partitioned {
		for n := range 4 {
			if err := makePartition(ctx, d, table, first.AddDate(0, n, 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

func makePartition(ctx context.Context, d *db.DB, table string, from time.Time) error {
	name := table + "_" + from.Format("2006_01")
	return d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('partition', 7))"); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", name).Scan(&there); err != nil || there {
			return err
		}
		err := tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "select month_partition($1::text::regclass, $2::date, true)", table, from)
			return err
		})
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23514" { // check_violation: the month has rows already
			return nil
		}
		if err != nil {
			return fmt.Errorf("make the partition %s: %w", name, err)
		}
		return nil
	})
}

// longAgo is how many months DropPartitions looks back: who did not run it for five years drops the rest by hand.
const longAgo = 60

// DropPartitions drops the months of a table that ended before an instant, the oldest first, and answers how many. spare, when it is not nil, may keep one that
// begins and ends at the given instants. What stands in the default partition is its owner's to delete. A partition whose lock is not to be had within two
// seconds is left for the next time, because everybody who uses the table would wait behind.
func DropPartitions(ctx context.Context, d *db.DB, table string, before time.Time, spare func(ctx context.Context, tx *db.Tx, from, to time.Time) (bool, error)) (dropped int, err error) {
	if !slices.Contains(partitioned, table) {
		return 0, fmt.Errorf("%s has no partitions", table)
	}
	end := time.Date(before.Year(), before.Month(), 1, 0, 0, 0, 0, time.UTC)
	for n := longAgo; n > 0; n-- {
		gone, err := dropPartition(ctx, d, table, end.AddDate(0, -n, 0), spare)
		if err != nil {
			return dropped, err
		}
		if gone {
			dropped++
		}
	}
	return dropped, nil
}

func dropPartition(ctx context.Context, d *db.DB, table string, month time.Time, spare func(context.Context, *db.Tx, time.Time, time.Time) (bool, error)) (gone bool, err error) {
	name := table + "_" + month.Format("2006_01")
	err = d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		gone = false
		var there bool
		if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", name).Scan(&there); err != nil || !there {
			return err
		}
		if spare != nil {
			if keep, err := spare(ctx, tx, month, month.AddDate(0, 1, 0)); err != nil || keep {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "set local lock_timeout = '2s'"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "select month_partition($1::text::regclass, $2::date, false)", table, month); err != nil {
			return err
		}
		gone = true
		return nil
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" { // lock_not_available
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("drop the partition %s: %w", name, err)
	}
	return gone, nil
}
