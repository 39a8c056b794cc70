package claim

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/claimq"
)

// Dispute is a name that two connections have proven: the holder keeps it until somebody decides.
type Dispute struct {
	Hostname           string
	Holder, Challenger Party
}

// Party is one of the two.
type Party struct {
	Connection   ident.ConnectionID
	Organization ident.OrgID
}

// Disputes are those that began after another one, the oldest first; zero values begin at the first.
func (c *Claims) Disputes(ctx context.Context, on claimq.DBTX, since time.Time, after uuid.UUID, most int32) ([]*claimq.DisputesRow, error) {
	return c.disputes(ctx, on, claimq.DisputesParams{AfterAt: since, AfterID: after, Most: most})
}

// DisputeOf is the one about a name; nil when there is none.
func (c *Claims) DisputeOf(ctx context.Context, on claimq.DBTX, hostname string) (*Dispute, error) {
	all, err := c.disputes(ctx, on, claimq.DisputesParams{Hostname: hostname, Most: 1})
	if err != nil || hostname == "" || len(all) == 0 {
		return nil, err
	}
	r := all[0]
	return &Dispute{Hostname: r.Hostname,
		Holder:     Party{ident.From[ident.ConnectionID](r.HolderID), ident.From[ident.OrgID](r.HolderOrgID)},
		Challenger: Party{ident.From[ident.ConnectionID](r.ChallengerID), ident.From[ident.OrgID](r.ChallengerOrgID)}}, nil
}

func (c *Claims) disputes(ctx context.Context, on claimq.DBTX, p claimq.DisputesParams) ([]*claimq.DisputesRow, error) {
	rows, err := c.q.Disputes(ctx, on, p)
	if err != nil {
		return nil, fmt.Errorf("list the disputes: %w", err)
	}
	return rows, nil
}

// CountDisputes is how many wait for a word.
func (c *Claims) CountDisputes(ctx context.Context, on claimq.DBTX) (int32, error) {
	return c.q.CountDisputes(ctx, on)
}

// KeepTx ends a dispute for the holder, and AwardTx for the challenger, who has the name from then on. False: it was over, or between others.
func (c *Claims) KeepTx(ctx context.Context, tx *db.Tx, d *Dispute) (bool, error) {
	return done("decide about", d.Hostname)(c.q.DecideForHolder(ctx, tx, claimq.DecideForHolderParams{Hostname: d.Hostname, Holder: d.Holder.Connection.UUID(), Challenger: d.Challenger.Connection.UUID()}))
}

func (c *Claims) AwardTx(ctx context.Context, tx *db.Tx, d *Dispute) (bool, error) {
	return done("decide about", d.Hostname)(c.q.DecideForChallenger(ctx, tx, claimq.DecideForChallengerParams{
		Hostname: d.Hostname, Holder: d.Holder.Connection.UUID(), Challenger: d.Challenger.Connection.UUID(), ChallengerOrg: d.Challenger.Organization.UUID(), Now: tx.Now,
	}))
}
