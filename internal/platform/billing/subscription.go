package billing

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/billingq"
)

// Subscriptions say which plan an organization has and who buys it.
type Subscriptions struct {
	Plan Plan // that of every new organization

	q billingq.Queries
}

// StartTx begins the plan of a new organization; buyer pays for it.
func (s *Subscriptions) StartTx(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID) error {
	err := s.q.AddSubscription(ctx, e.Tx, billingq.AddSubscriptionParams{ID: ident.V7(e.Tx.Now), OrgID: org.UUID(), BuyerUserID: buyer.UUID(), PlanID: s.Plan.ID, EverEntitled: s.Plan.Paid, CreatedAt: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("begin the subscription: %w", err)
	}
	return nil
}

// BuyerTx answers who pays for an organization; the zero id when nobody does.
func (s *Subscriptions) BuyerTx(ctx context.Context, tx *db.Tx, org ident.OrgID) (ident.UserID, error) {
	u, err := s.q.BuyerOf(ctx, tx, billingq.BuyerOfParams{OrgID: org.UUID()})
	if db.NotFound(err) {
		return ident.UserID{}, nil
	} else if err != nil {
		return ident.UserID{}, fmt.Errorf("read the buyer: %w", err)
	}
	return ident.From[ident.UserID](u), nil
}
