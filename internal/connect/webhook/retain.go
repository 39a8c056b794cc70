package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	keptLog       = 30 * 24 * time.Hour // of deliveries and attempts with what was sent and answered; whole months are dropped, so it may be a month more (WH-14)
	clearedAtOnce = 5000
	keptMonths    = 13 // of the counts of each hour
)

// retention drops what is older than we keep it.
func (s *Service) retention() work.Periodic {
	return work.Periodic{Kind: "webhook.retain", Every: 6 * time.Hour, Do: func(ctx context.Context) error {
		before := s.DB.Now().Add(-keptLog)
		if _, err := event.DropPartitions(ctx, s.DB, "webhook_attempt", before, nil); err != nil {
			return err
		}
		if _, err := event.DropPartitions(ctx, s.DB, "webhook_delivery", before, s.unfinished); err != nil {
			return err
		}
		if err := s.clear(ctx, before); err != nil {
			return fmt.Errorf("clear what stands outside of the months: %w", err)
		}
		if err := s.q.ForgetHours(ctx, s.DB, webhookq.ForgetHoursParams{Before: s.DB.Now().AddDate(0, -keptMonths, 0)}); err != nil {
			return fmt.Errorf("forget old counts: %w", err)
		}
		return nil
	}}
}

// unfinished spares a month in which something is still to be sent: an old event may be sent again.
func (s *Service) unfinished(ctx context.Context, tx *db.Tx, from, to time.Time) (bool, error) {
	return s.q.Unfinished(ctx, tx, webhookq.UnfinishedParams{Since: from, Until: to})
}

// clear deletes old rows of months that were never made, some thousands at a time.
func (s *Service) clear(ctx context.Context, before time.Time) error {
	for {
		n, err := s.q.ClearAttempts(ctx, s.DB, webhookq.ClearAttemptsParams{Before: before, Most: clearedAtOnce})
		if err != nil {
			return err
		}
		m, err := s.q.ClearDeliveries(ctx, s.DB, webhookq.ClearDeliveriesParams{Before: before, Most: clearedAtOnce})
		if err != nil || n+m == 0 {
			return err
		}
	}
}
