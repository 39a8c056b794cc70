package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	keptLog    = 30 * 24 * time.Hour // of deliveries and attempts with what was sent and answered; whole months are dropped, so it may be a month more (WH-14)
	keptMonths = 13                  // of the counts of each hour
)

// retention drops what is older than we keep it.
func (s *Service) retention() work.Periodic {
	return work.Periodic{Kind: "webhook.retain", Every: 6 * time.Hour, Do: func(ctx context.Context) error {
		before := s.DB.Now().Add(-keptLog)
		if _, err := event.DropPartitions(ctx, s.DB, "webhook_attempt", "at", before, nil); err != nil {
			return err
		}
		if _, err := event.DropPartitions(ctx, s.DB, "webhook_delivery", "event_at", before, unfinished); err != nil {
			return err
		}
		if err := s.q.ForgetHours(ctx, s.DB, webhookq.ForgetHoursParams{Before: s.DB.Now().AddDate(0, -keptMonths, 0)}); err != nil {
			return fmt.Errorf("forget old counts: %w", err)
		}
		return nil
	}}
}

// unfinished spares a month in which something is still to be sent: an old event may be sent again.
func unfinished(ctx context.Context, tx *db.Tx, partition string) (keep bool, err error) {
	err = tx.QueryRow(ctx, "select exists (select from "+pgx.Identifier{partition}.Sanitize()+" where finished_at is null)").Scan(&keep)
	return keep, err
}
