package claim

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/claimq"
)

// Whoever contests, defends or takes over a name has locked the connections in question before, the challenger's first: the claim's row comes after them. Each
// of these says whether it did anything; that it did not means that somebody else was there before.

// ContestTx notes that a challenger has proven the name which holder holds, and when it moves.
func (c *Claims) ContestTx(ctx context.Context, tx *db.Tx, hostname string, holder, challenger ident.ConnectionID, org ident.OrgID, at time.Time) (bool, error) {
	return done("contest", hostname)(c.q.ContestClaim(ctx, tx, claimq.ContestClaimParams{
		Hostname: hostname, Holder: holder.UUID(), Challenger: challenger.UUID(), ChallengerOrg: org.UUID(), Now: tx.Now, TransferAt: at,
	}))
}

// HastenTx brings the transfer forward to now.
func (c *Claims) HastenTx(ctx context.Context, tx *db.Tx, hostname string, challenger ident.ConnectionID) error {
	_, err := done("hasten the transfer of", hostname)(c.q.HastenTransfer(ctx, tx, claimq.HastenTransferParams{Hostname: hostname, Challenger: challenger.UUID(), Now: tx.Now}))
	return err
}

// EndContestTx ends the contest of a challenger; the name stays where it is.
func (c *Claims) EndContestTx(ctx context.Context, tx *db.Tx, hostname string, challenger ident.ConnectionID) error {
	_, err := done("end the contest of", hostname)(c.q.EndContest(ctx, tx, claimq.EndContestParams{Hostname: hostname, Challenger: challenger.UUID()}))
	return err
}

// DefendTx keeps the name for its holder, whose own proof stands: this challenger cannot contest it again until it is forgotten.
func (c *Claims) DefendTx(ctx context.Context, tx *db.Tx, hostname string, holder ident.ConnectionID) error {
	_, err := done("defend", hostname)(c.q.RefuseContest(ctx, tx, claimq.RefuseContestParams{Hostname: hostname, Holder: holder.UUID(), Now: tx.Now}))
	return err
}

// ForgetTx lets a challenger contest again who was refused: the holder's own proof is gone.
func (c *Claims) ForgetTx(ctx context.Context, tx *db.Tx, hostname string, holder ident.ConnectionID) error {
	_, err := done("forget who contested", hostname)(c.q.ForgetRefusal(ctx, tx, claimq.ForgetRefusalParams{Hostname: hostname, Holder: holder.UUID()}))
	return err
}

// TransferTx moves the name from its holder to the challenger, whose time has come.
func (c *Claims) TransferTx(ctx context.Context, tx *db.Tx, hostname string, holder, challenger ident.ConnectionID) (bool, error) {
	return done("transfer", hostname)(c.q.TransferClaim(ctx, tx, claimq.TransferClaimParams{Hostname: hostname, Holder: holder.UUID(), Challenger: challenger.UUID(), Now: tx.Now}))
}

func done(what, hostname string) func(int64, error) (bool, error) {
	return func(n int64, err error) (bool, error) {
		if err != nil {
			return false, fmt.Errorf("%s %s: %w", what, hostname, err)
		}
		return n == 1, nil
	}
}

// HandOverTx moves the name between two connections of one organization, with its proof, and ends what the second one had begun against the first. The caller has
// locked both and read that the first one holds it, against nobody else.
func (c *Claims) HandOverTx(ctx context.Context, tx *db.Tx, hostname string, from, to ident.ConnectionID) error {
	moved, err := done("hand over", hostname)(c.q.HandOverClaim(ctx, tx, claimq.HandOverClaimParams{Hostname: hostname, Holder: from.UUID(), Next: to.UUID()}))
	if err == nil && !moved {
		err = fmt.Errorf("hand over %s: %s does not hold it, or not alone", hostname, from)
	}
	return err
}

// HeldBy says which of these names an organization holds, and by which connection.
func (c *Claims) HeldBy(ctx context.Context, on claimq.DBTX, org ident.OrgID, hostnames []string) (map[string]ident.ConnectionID, error) {
	rows, err := c.q.HeldBy(ctx, on, claimq.HeldByParams{OrgID: org.UUID(), Hostnames: hostnames})
	if err != nil {
		return nil, fmt.Errorf("read which of %d names %s holds: %w", len(hostnames), org, err)
	}
	held := map[string]ident.ConnectionID{}
	for _, r := range rows {
		held[r.Hostname] = ident.From[ident.ConnectionID](r.HolderConnectionID)
	}
	return held, nil
}
