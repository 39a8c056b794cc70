package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// A holder that answers a challenge with a proof of its own keeps the name, and both proofs stand: whoever runs the DNS says two things at once. Operators are
// shown such names and decide, after they have asked the people. It waits for a second operator, because a name changes hands by it.

// DecideClaim is the door's name of that.
const DecideClaim = "claim.decide"

const (
	mayReadDomains authz.Permission = "domain.read"
	mayDecide      authz.Permission = "domain.block"
	longestReason                   = 500
)

type (
	NameDisputePage = page.Of[*NameDispute]
	NameDisputeEdge = page.Edge[*NameDispute]
)

// NameDispute is a name that two connections have proven, as operators see it.
type NameDispute struct {
	Hostname   string
	Since      time.Time
	Holder     ClaimSide
	Challenger ClaimSide
}

// ClaimSide is one of the two.
type ClaimSide struct {
	ConnectionID   ident.ConnectionID
	OrganizationID ident.OrgID
	Organization   string
	Application    string
	State          State
	StartedAt      time.Time
}

// Disputes pages through the names that wait for an operator's word, the oldest case first.
func (s *Service) Disputes(ctx context.Context, a page.Args) (*NameDisputePage, error) {
	if err := s.Authz.Operate(ctx, mayReadDomains); err != nil {
		return nil, err
	}
	var since time.Time
	var after ident.ConnectionID
	if a.After != nil {
		at, err := time.Parse(time.RFC3339Nano, a.After.Sort)
		if err != nil {
			return nil, fault.Invalid("after", "cursor", "This is no cursor of this list.")
		}
		since, after = at, ident.From[ident.ConnectionID](a.After.ID)
	}
	rows, err := s.Claims.Disputes(ctx, s.DB, since, after.UUID(), int32(a.First)+1)
	if err != nil {
		return nil, err
	}
	all := make([]*NameDispute, len(rows))
	for n, r := range rows {
		all[n] = &NameDispute{Hostname: r.Hostname, Since: r.Since,
			Holder:     ClaimSide{ident.From[ident.ConnectionID](r.HolderID), ident.From[ident.OrgID](r.HolderOrgID), r.HolderOrg, r.HolderApplication, State(r.HolderState), r.HolderStarted},
			Challenger: ClaimSide{ident.From[ident.ConnectionID](r.ChallengerID), ident.From[ident.OrgID](r.ChallengerOrgID), r.ChallengerOrg, r.ChallengerApplication, State(r.ChallengerState), r.ChallengerStarted}}
	}
	n, err := s.Claims.CountDisputes(ctx, s.DB)
	if err != nil {
		return nil, fmt.Errorf("count the disputes: %w", err)
	}
	return new(page.Make(a, all, &n, func(d *NameDispute) page.Cursor {
		return page.Cursor{Sort: d.Since.UTC().Format(time.RFC3339Nano), ID: d.Holder.ConnectionID.UUID()}
	})), nil
}

// DecideClaimInput says whose a name is that two have proven, and why.
type DecideClaimInput struct {
	Hostname string
	Winner   ident.ConnectionID
	Reason   string

	dispute *claim.Dispute
}

// DecideClaimPayload says that it was decided, or what that waits for.
type DecideClaimPayload struct {
	Done    bool
	Waiting *door.Waiting
}

// Decided is the payload of claim.decided, on both sides.
type Decided struct {
	V        int    `json:"v"`
	Hostname string `json:"hostname"`
	Kept     bool   `json:"kept"` // by this side it is, or became, its own
	Reason   string `json:"reason"`
}

// DecideClaim ends the dispute about a name: the holder keeps it, and the challenger stays refused for as long as the holder's proof stands; or the name moves to
// the challenger at once, as at the end of a notice.
func (s *Service) DecideClaim(ctx context.Context, in DecideClaimInput) (*DecideClaimPayload, error) {
	in.Hostname = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(in.Hostname)), ".")
	if err := s.Authz.Operate(ctx, mayDecide); err != nil {
		return nil, err
	}
	var err error
	if in.dispute, err = s.Claims.DisputeOf(ctx, s.DB, in.Hostname); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[DecideClaimInput, *DecideClaimPayload]{
		Action:   door.Action{Name: DecideClaim, Permission: mayDecide, Operator: true, StepUp: true},
		Validate: func(_ context.Context, _ *door.Effect, in *DecideClaimInput) error { return in.check() },
		Ask: func(_ context.Context, _ *door.Effect, in DecideClaimInput) (*door.Ask, error) {
			return &door.Ask{Subject: in.Winner.String(), Label: in.Hostname, Reason: in.Reason}, nil
		},
		Waits: func(w *door.Waiting) *DecideClaimPayload { return &DecideClaimPayload{Waiting: w} },
		Do: func(ctx context.Context, e *door.Effect, in DecideClaimInput) (*DecideClaimPayload, error) {
			return &DecideClaimPayload{Done: true}, s.decide(ctx, e, in)
		},
	}, in)
}

func (in *DecideClaimInput) check() error {
	in.Reason = strings.TrimSpace(in.Reason)
	n := utf8.RuneCountInString(in.Reason)
	switch {
	case n == 0 || n > longestReason || strings.ContainsRune(in.Reason, 0) || !utf8.ValidString(in.Reason):
		return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longestReason)
	case in.dispute == nil:
		return fault.Precondition("not_disputed", "Nobody disputes this name, or it was decided already.")
	case !slices.Contains([]ident.ConnectionID{in.dispute.Holder.Connection, in.dispute.Challenger.Connection}, in.Winner):
		return fault.Invalid("winner", "winner", "Choose the connection that holds the name, or the one that disputes it.")
	}
	return nil
}

// decide locks as a challenger's check does: the challenger, the holder, the claim.
func (s *Service) decide(ctx context.Context, e *door.Effect, in DecideClaimInput) error {
	d := in.dispute
	over := fault.Precondition("not_disputed", "Nobody disputes this name, or it was decided already.")
	to, err := s.lock(ctx, e.Tx, d.Challenger.Organization, d.Challenger.Connection)
	if err != nil {
		return err
	}
	from, err := s.lock(ctx, e.Tx, d.Holder.Organization, d.Holder.Connection)
	if err != nil {
		return err
	}
	kept := in.Winner == from.ID
	tell := func() {
		for _, side := range []*Connection{from, to} {
			ch := change(side, "claim.decided", Decided{1, side.Hostname, (side == from) == kept, in.Reason})
			ch.Audited = true
			e.Record(ch)
		}
	}
	if kept {
		if done, err := s.Claims.KeepTx(ctx, e.Tx, d); err != nil || !done {
			return cmpErr(err, over)
		}
		for _, side := range []*Connection{from, to} {
			if err := s.save(ctx, e.Tx, side, true); err != nil {
				return err
			}
		}
		tell()
		return nil
	}
	if done, err := s.Claims.AwardTx(ctx, e.Tx, d); err != nil || !done {
		return cmpErr(err, over)
	}
	beside, err := s.companionTx(ctx, e.Tx, from)
	if err != nil {
		return err
	}
	withdraw := func() error { return nil }
	if beside != nil {
		if withdraw, err = s.endBeside(ctx, e, beside, ClaimLost); err != nil {
			return err
		}
	}
	edges, err := s.succeed(ctx, e, from, to, succession{reason: ClaimLost})
	if err != nil {
		return err
	}
	tell()
	if err := withdraw(); err != nil {
		return err
	}
	return edges()
}
