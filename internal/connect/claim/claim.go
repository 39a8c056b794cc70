// Package claim says who holds a name: one connection in the whole installation, whatever the organization.
//
// A claim is written only with a check that proves the name (CL-2), and it is what every route and certificate derives from (CL-3). It is kept while
// the name drifts and released when its connection is archived; then the next one who proves the name has it, with a target of their own, because a
// name that still points at an old target proves nothing (CL-6). Who meets a held name learns one sentence: it is in use (CL-8).
//
// Whoever proves a held name more recently contests it: the claim says who and when the name moves to them. Until then the holder keeps it, by a proof of its
// own for good; see contest.go and docs/decisions for the whole.
//
// The primary key of the table decides a race. Nobody reads first and writes then.
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

// Proof is how a name was proven.
type Proof string

const (
	None     Proof = ""             // not proven: only look who holds the name
	Target   Proof = "TARGET"       // the CNAME is exactly the connection's own target
	TXT      Proof = "TXT"          // the verification record stands
	Transfer Proof = "TXT_TRANSFER" // the record stands that a held name asks for

	Delegated Proof = "DELEGATED" // the zone above delegates the name to this connection's name servers
)

// Standing is where a connection stands with its name.
type Standing struct {
	Holds bool // it holds the name
	New   bool // since just now
	Held  bool // somebody else does
	Claim Claim
}

// Claim is a name that is held; the zero value is one that nobody holds.
type Claim struct {
	Holder        ident.ConnectionID
	HolderOrg     ident.OrgID
	Challenger    ident.ConnectionID // who has proven the name since; zero: nobody
	ChallengerOrg ident.OrgID
	TransferAt    time.Time          // when it moves to the challenger
	Refused       ident.ConnectionID // a challenger whose proof the holder has answered
}

// Claims keeps the claims.
type Claims struct{ q claimq.Queries }

// SettleTx claims hostname for the connection if proof is given and nobody else holds it, renews the proof of a holder, and answers who has it. Two
// that prove the same name at once are put in order by the database: the second waits for the first and sees the name held.
func (c *Claims) SettleTx(ctx context.Context, tx *db.Tx, hostname string, org ident.OrgID, con ident.ConnectionID, proof Proof) (Standing, error) {
	if proof != None {
		n, err := c.q.TakeClaim(ctx, tx, claimq.TakeClaimParams{Hostname: hostname, ConnectionID: con.UUID(), OrgID: org.UUID(), Proof: string(proof), Now: tx.Now})
		if err != nil {
			return Standing{}, fmt.Errorf("claim %s for %s: %w", hostname, con, err)
		}
		if n == 1 {
			return Standing{Holds: true, New: true, Claim: Claim{Holder: con, HolderOrg: org}}, nil
		}
		row, err := c.q.ProveClaim(ctx, tx, claimq.ProveClaimParams{Hostname: hostname, ConnectionID: con.UUID(), Proof: string(proof), Now: tx.Now})
		if err == nil {
			return Standing{Holds: true, Claim: fromRow(row)}, nil
		} else if !db.NotFound(err) {
			return Standing{}, fmt.Errorf("renew the proof of %s: %w", hostname, err)
		}
	}
	row, err := c.q.ClaimOf(ctx, tx, claimq.ClaimOfParams{Hostname: hostname})
	if db.NotFound(err) {
		return Standing{}, nil
	} else if err != nil {
		return Standing{}, fmt.Errorf("read who holds %s: %w", hostname, err)
	}
	mine := row.HolderConnectionID == con.UUID()
	return Standing{Holds: mine, Held: !mine, Claim: fromRow(row)}, nil
}

// ReleaseTx gives the name up, if this connection holds it, and ends its contest, if it contests it.
func (c *Claims) ReleaseTx(ctx context.Context, tx *db.Tx, hostname string, con ident.ConnectionID) error {
	if _, err := c.q.ReleaseClaim(ctx, tx, claimq.ReleaseClaimParams{Hostname: hostname, ConnectionID: con.UUID()}); err != nil {
		return fmt.Errorf("release %s: %w", hostname, err)
	}
	if _, err := c.q.LeaveDispute(ctx, tx, claimq.LeaveDisputeParams{Hostname: hostname, Challenger: con.UUID()}); err != nil {
		return fmt.Errorf("leave the dispute about %s: %w", hostname, err)
	}
	return c.EndContestTx(ctx, tx, hostname, con)
}

// Holds says whether the connection holds the name.
func (c *Claims) Holds(ctx context.Context, on claimq.DBTX, hostname string, con ident.ConnectionID) (bool, error) {
	row, err := c.q.ClaimOf(ctx, on, claimq.ClaimOfParams{Hostname: hostname})
	if db.NotFound(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("read who holds %s: %w", hostname, err)
	}
	return row.HolderConnectionID == con.UUID(), nil
}

func fromRow(row *claimq.HostnameClaim) Claim {
	c := Claim{Holder: ident.From[ident.ConnectionID](row.HolderConnectionID), HolderOrg: ident.From[ident.OrgID](row.HolderOrgID)}
	if row.ContestedBy != nil && row.ContestedOrgID != nil && row.TransferAt != nil {
		c.Challenger, c.ChallengerOrg, c.TransferAt = ident.From[ident.ConnectionID](*row.ContestedBy), ident.From[ident.OrgID](*row.ContestedOrgID), *row.TransferAt
	}
	if row.RefusedConnectionID != nil && *row.RefusedConnectionID != uuid.Nil {
		c.Refused = ident.From[ident.ConnectionID](*row.RefusedConnectionID)
	}
	return c
}
