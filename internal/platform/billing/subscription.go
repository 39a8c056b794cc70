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
	return s.start(ctx, e, org, buyer, s.Plan)
}

// StartBasicTx begins the least plan, which entitles to nothing that is marked as paid.
func (s *Subscriptions) StartBasicTx(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID) error {
	return s.start(ctx, e, org, buyer, Basic)
}

// EntitledTx says whether an organization has or ever had a plan that entitles to more than the least one; one without a plan is the installation's own.
func (s *Subscriptions) EntitledTx(ctx context.Context, tx *db.Tx, org ident.OrgID) (bool, error) {
	ever, err := s.q.EverEntitled(ctx, tx, billingq.EverEntitledParams{OrgID: org.UUID()})
	if db.NotFound(err) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("read the plan of %s: %w", org, err)
	}
	return ever, nil
}

func (s *Subscriptions) start(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID, p Plan) error {
	err := s.q.AddSubscription(ctx, e.Tx, billingq.AddSubscriptionParams{ID: ident.V7(e.Tx.Now), OrgID: org.UUID(), BuyerUserID: buyer.UUID(), PlanID: p.ID, EverEntitled: p.Paid, CreatedAt: e.Tx.Now})
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
