package connection

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// An organization moves a name from one of its applications to another (CL-4). The second connection is started like any other and meets a held name; an owner then
// lets it have what the first one has: the claim, the target, the token of the TXT record and, until it has one of its own, the certificate. So nothing changes in
// the DNS, no visitor meets a failed handshake, and the first connection ends. The second one's own target is what retires: tokens change sides and are never
// handed out twice (I6).

// ClaimMoved is why a connection is archived whose name went to another application of its organization.
const ClaimMoved = "claim_transferred"

const mayTransfer authz.Permission = "connection.transfer"

type transferInput struct {
	ID ident.ConnectionID

	plan StartConnectionInput // application and recipe, read before the transaction
}

// TransferClaim moves a name to this connection from the one of the same organization that holds it, with a companion that both have. The edges switch two seconds
// after the commit. Its errors are FAILED_PRECONDITION: not_held_here where nobody or another organization holds the name, which look alike (CL-8); claim_contested,
// setup_differs, companion, companion_stays and state say what is in the way.
func (s *Service) TransferClaim(ctx context.Context, id ident.ConnectionID) (*ConnectionPayload, error) {
	_, c, err := s.reach(ctx, mayTransfer, id)
	if err != nil {
		return nil, err
	}
	in := transferInput{ID: id}
	if in.plan.app, err = s.Applications.Find(ctx, c.ApplicationID); err != nil {
		return nil, err
	}
	if in.plan.recipe, err = s.Recipes.Find(ctx, c.RecipeID); err != nil {
		return nil, err
	}
	c, err = door.Do(ctx, s.Door, door.Change[transferInput, *Connection]{
		Action: door.Action{Name: "connection.transfer", Permission: mayTransfer, StepUp: true},
		Org:    orgOf(s, mayTransfer, func(in transferInput) ident.ConnectionID { return in.ID }),
		Do:     s.transfer,
	}, in)
	if err != nil {
		return nil, err
	}
	return &ConnectionPayload{Connection: c}, nil
}

// transfer locks as a challenger's check does: the challenger, the holder, the claim; a companion after its main connection.
func (s *Service) transfer(ctx context.Context, e *door.Effect, in transferInput) (*Connection, error) {
	to, err := s.lock(ctx, e.Tx, e.Scope.Org(), in.ID)
	if err != nil {
		return nil, err
	}
	if to.over() {
		return nil, noFit(to, "retryConnection")
	}
	if to.CompanionOf != nil {
		return nil, fault.Precondition("companion", "%s leads its visitors to %s. Move that one, and both move.", to.UnicodeName, to.other())
	}
	from, err := s.holderHere(ctx, e.Tx, to)
	if err != nil {
		return nil, err
	} else if from == nil {
		return nil, fault.Precondition("not_held_here", "No other application of this organization holds %s.", to.UnicodeName)
	}
	switch {
	case from.CompanionOf != nil:
		return nil, fault.Precondition("companion", "%s leads its visitors to %s. Move that one, and both move.", from.UnicodeName, from.other())
	case from.State == Blocked:
		return nil, noFit(from)
	case from.delegated() != to.delegated():
		return nil, fault.Precondition("setup_differs", "The name is set up in another way there: the same records have to lead here. Start it with preferredMethod %s.", from.how())
	}
	pairs := [][2]*Connection{{from, to}}
	beside, err := s.companionTx(ctx, e.Tx, from)
	if err != nil {
		return nil, err
	}
	var late []func() error
	if beside != nil {
		next, edges, err := s.besideOf(ctx, e, to, beside)
		if err != nil {
			return nil, err
		}
		if next != nil {
			pairs = append(pairs, [2]*Connection{beside, next})
		} else {
			late = append(late, edges)
		}
	}
	for _, p := range pairs {
		edges, err := s.handOver(ctx, e, p[0], p[1], in.plan)
		if err != nil {
			return nil, err
		}
		late = append(late, edges)
	}
	for _, edges := range late {
		if err := edges(); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// besideOf locks the companion that takes over from the holder's. One that never proved its name has nothing to hand over, and ends: then edges withdraws it.
func (s *Service) besideOf(ctx context.Context, e *door.Effect, to, beside *Connection) (next *Connection, edges func() error, err error) {
	holds, err := s.Claims.Holds(ctx, e.Tx, beside.Hostname, beside.ID)
	if err != nil {
		return nil, nil, err
	}
	if !holds {
		edges, err = s.endBeside(ctx, e, beside, ClaimMoved)
		return nil, edges, err
	}
	if next, err = s.companionTx(ctx, e.Tx, to); err != nil {
		return nil, nil, err
	}
	if next == nil {
		return nil, nil, fault.Precondition("companion_stays", "%s leads its visitors to %s. Take it along with this connection too, and both move.", beside.UnicodeName, to.UnicodeName)
	}
	if next.over() {
		return nil, nil, noFit(next, "retryConnection")
	}
	_, err = s.holderHere(ctx, e.Tx, next)
	return next, nil, err
}

// holderHere locks the connection of the same organization that holds a name which another one wants; nil where there is none. What it read before the lock may
// have changed meanwhile: nobody contests or moves a name without it.
func (s *Service) holderHere(ctx context.Context, tx *db.Tx, to *Connection) (holder *Connection, err error) {
	for {
		standing, err := s.Claims.SettleTx(ctx, tx, to.Hostname, to.OrgID, to.ID, claim.None)
		if err != nil {
			return nil, err
		}
		k := standing.Claim
		switch {
		case !standing.Held || k.HolderOrg != to.OrgID || holder != nil && holder.ID != k.Holder:
			return nil, nil
		case !k.Challenger.IsZero() && k.Challenger != to.ID:
			return nil, fault.Precondition("claim_contested", "Somebody else has proven %s. It can be moved when that is settled.", to.UnicodeName)
		case holder != nil:
			return holder, nil
		}
		if holder, err = s.lock(ctx, tx, to.OrgID, k.Holder); err != nil {
			return nil, err
		}
	}
}

// handOver lets one connection have what the other has, and ends the other. What it answers writes to the edges, and comes last.
func (s *Service) handOver(ctx context.Context, e *door.Effect, from, to *Connection, plan StartConnectionInput) (edges func() error, err error) {
	if err := s.Claims.HandOverTx(ctx, e.Tx, to.Hostname, from.ID, to.ID); err != nil {
		return nil, err
	}
	return s.succeed(ctx, e, from, to, succession{reason: ClaimMoved, within: true, adopt: func() error {
		if err := s.swapTokens(ctx, e.Tx, from, to); err != nil {
			return err
		}
		lines, err := s.plan(plan, to)
		if err != nil {
			return err
		}
		to.Findings = slices.DeleteFunc(slices.Clone(to.Findings), func(f finding.Finding) bool {
			return f.Code == finding.HeldElsewhere || f.Code == finding.TransferRefused
		})
		to.Person, to.VerifyingSince = person(to.Findings), &e.Tx.Now // what the first one had stands; the check that is due now says so
		return s.Records.ReplaceTx(ctx, e.Tx, to.OrgID, to.ID, lines)
	}})
}

// swapTokens gives each of two locked connections the other's target and verification token. A token stands at one connection at any time, so one of them has
// tokens in between that nobody ever sees.
func (s *Service) swapTokens(ctx context.Context, tx *db.Tx, a, b *Connection) error {
	at, av, bt, bv := a.TargetToken, a.VerificationToken, b.TargetToken, b.VerificationToken
	for _, step := range []struct {
		c            *Connection
		target, text string
	}{{a, token(), token()}, {b, at, av}, {a, bt, bv}} {
		p := connectionq.SetTokensParams{ID: step.c.ID.UUID(), OrgID: step.c.OrgID.UUID(), TargetToken: step.target, VerificationToken: step.text}
		if err := s.q.SetTokens(ctx, tx, p); err != nil {
			return fmt.Errorf("give %s another target: %w", step.c.ID, err)
		}
		step.c.TargetToken, step.c.VerificationToken, step.c.Target = step.target, step.text, s.Edge.Target(step.target)
	}
	for _, c := range []*Connection{a, b} {
		if err := s.q.MoveTarget(ctx, tx, connectionq.MoveTargetParams{Token: c.TargetToken, OrgID: c.OrgID.UUID(), ConnectionID: c.ID.UUID()}); err != nil {
			return fmt.Errorf("note whose a target is: %w", err)
		}
	}
	return nil
}

// HoldersOf answers for each connection that wants a held name which one of its own organization holds it, nil where there is none that the caller may see.
func (s *Service) HoldersOf(ctx context.Context, cons []*Connection) ([]*Connection, error) {
	out := make([]*Connection, len(cons))
	var asked []int
	var ids []ident.ConnectionID
	for org, of := range byOrgWanting(cons) {
		names := make([]string, len(of))
		for i, n := range of {
			names[i] = cons[n].Hostname
		}
		held, err := s.Claims.HeldBy(ctx, s.DB, org, names)
		if err != nil {
			return nil, err
		}
		for _, n := range of {
			if holder, ok := held[cons[n].Hostname]; ok && holder != cons[n].ID {
				asked, ids = append(asked, n), append(ids, holder)
			}
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := s.ByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, n := range asked {
		out[n] = found[i]
	}
	return out, nil
}

// byOrgWanting are the places of the connections whose name somebody else holds, by organization.
func byOrgWanting(cons []*Connection) map[ident.OrgID][]int {
	of := map[ident.OrgID][]int{}
	for n, c := range cons {
		if c.ArchivedAt == nil && (c.Facets.Ownership.Value == Pending || c.Facets.Ownership.Value == NoOwnership) {
			of[c.OrgID] = append(of[c.OrgID], n)
		}
	}
	return of
}
