package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// Two connections of one name (connect 12.3, T19). The holder is not disturbed by somebody else's start: the second one is told that the name is held, and asked
// for a TXT that nobody but the zone's owner can add. When that stands on every server in two passes, the name is contested: the holder hears when it moves, and
// serves it until then. It keeps the name by a TXT of its own; both proofs then stand, and people have to talk. Otherwise the name moves at its time, in the
// transaction of the check that still sees the challenger's proof.
//
// The time is the notice. It ends early when the name has left the holder for good: three passes, five minutes apart, that see it point at the challenger.
//
// A challenger locks its own connection, then the holder's, then the claim; a holder its own, then the claim. Nobody locks a challenger from a holder's side, so
// they cannot wait for each other in a circle; what one does to the claim the other reads with its next check, which is made due at once.

// ClaimLost is why a connection is archived whose name went to somebody else.
const ClaimLost = "claim_lost"

const (
	longestNotice = 72 * time.Hour
	elsewhere     = 3         // passes that see the name point at the challenger
	unattended    = time.Hour // after its time a contest is void that nobody saw to
)

// challenging says that the connection wants a name that somebody else holds, and incoming that the name is on its way to it.
func (l *Life) challenging() bool {
	o := l.Facets.Ownership
	return o.Value == Pending && o.Until == nil && !l.over() && l.ArchivedAt == nil
}

func (l *Life) incoming() bool {
	o := l.Facets.Ownership
	return o.Value == Pending && o.Until != nil
}

func stands(lines []*record.Record, key string) bool {
	return slices.ContainsFunc(lines, func(r *record.Record) bool { return r.Key == key && r.Status == record.OK })
}

func lineOf(lines []*record.Record, key string) *record.Record {
	if at := slices.IndexFunc(lines, func(r *record.Record) bool { return r.Key == key }); at >= 0 {
		return lines[at]
	}
	return nil
}

func refused(s claim.Standing, con ident.ConnectionID) bool { return s.Claim.Refused == con }

// contend brings a pass together with whoever else wants the name, and answers where the connection stands afterwards.
func (w *writing) contend(ctx context.Context, standing claim.Standing, lines []*record.Record) (claim.Standing, error) {
	switch {
	case w.a.Verdict == analysis.CouldNotAsk:
		return standing, nil
	case standing.Held:
		return w.challenge(ctx, standing, lines)
	case standing.Holds && !standing.New:
		return standing, w.defend(ctx, standing, lines)
	}
	o := &w.c.Facets.Ownership
	o.Passes, o.PassedAt, o.Until = 0, nil, nil
	return standing, w.drop(ctx, lines, record.TransferKey, standing.Holds && lineOf(lines, record.TransferKey) != nil && !stands(lines, record.TransferKey))
}

// challenge is the pass of a connection whose name somebody else holds.
func (w *writing) challenge(ctx context.Context, standing claim.Standing, lines []*record.Record) (claim.Standing, error) {
	o, k, now, rules := &w.c.Facets.Ownership, standing.Claim, w.e.Tx.Now, w.s.rules()
	switch mine := k.Challenger == w.c.ID; {
	case !stands(lines, record.TransferKey):
		o.Passes, o.PassedAt, o.Until = 0, nil, nil
		if mine {
			if err := w.s.Claims.EndContestTx(ctx, w.e.Tx, w.c.Hostname, w.c.ID); err != nil {
				return standing, err
			}
			w.heard = true
			return standing, w.wake(ctx, k.HolderOrg, k.Holder)
		}
		return standing, w.ask(ctx, lines, record.TransferKey, record.TransferLine(provable(w.c), w.c.VerificationToken))
	case refused(standing, w.c.ID):
		o.Passes, o.PassedAt, o.Until = 0, nil, nil
		return standing, nil
	case mine:
		o.Until = &k.TransferAt
		if w.a.Ownership.Target && (o.PassedAt == nil || now.Sub(*o.PassedAt) >= rules.Spread/2) {
			o.Passes, o.PassedAt = o.Passes+1, &now
		}
		if o.Passes >= elsewhere && now.Before(k.TransferAt) {
			if err := w.s.Claims.HastenTx(ctx, w.e.Tx, w.c.Hostname, w.c.ID); err != nil {
				return standing, err
			}
			k.TransferAt = now
		}
		if now.Before(k.TransferAt) {
			return standing, nil
		}
		return w.takeOver(ctx, standing)
	case !k.Challenger.IsZero(): // somebody else was first
		o.Passes, o.PassedAt = 0, nil
		return standing, nil
	case o.Passes == 0:
		o.Passes, o.PassedAt = 1, &now
		return standing, nil
	case now.Sub(*o.PassedAt) < rules.PassGap:
		return standing, nil
	}
	return standing, w.contest(ctx, standing)
}

// contest begins the notice: the holder's name is contested from now on.
func (w *writing) contest(ctx context.Context, standing claim.Standing) error {
	k, now := standing.Claim, w.e.Tx.Now
	holder, err := w.s.lock(ctx, w.e.Tx, k.HolderOrg, k.Holder)
	if fault.Is(err, fault.NotFoundCode) {
		return nil
	} else if err != nil {
		return err
	}
	until := now.Add(min(w.s.rules().Notice, longestNotice))
	w.c.Facets.Ownership.Passes, w.c.Facets.Ownership.PassedAt = 0, nil
	if done, err := w.s.Claims.ContestTx(ctx, w.e.Tx, w.c.Hostname, holder.ID, w.c.ID, w.c.OrgID, until); err != nil || !done {
		return err
	}
	w.c.Facets.Ownership.Until, w.began = &until, true
	before := *holder
	own, err := w.s.linesOf(ctx, w.e.Tx, holder)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(own, func(r *record.Record) bool { return r.Value == record.Verification(holder.VerificationToken) }) {
		if err := w.s.Records.AddTx(ctx, w.e.Tx, holder.OrgID, holder.ID, []record.Record{record.DefenceLine(provable(holder), holder.VerificationToken)}); err != nil {
			return err
		}
	}
	o := &holder.Facets.Ownership
	o.set(ContestedBy, finding.ClaimContested, now, nil)
	o.Until = &until
	holder.Findings = append(slices.Clone(holder.Findings), *claimFinding(holder, claim.Standing{Holds: true, Claim: claim.Claim{Challenger: w.c.ID, TransferAt: until}}))
	if err := w.s.settled(ctx, w.e, &before, holder); err != nil {
		return err
	}
	if !holder.over() {
		if err := w.wake(ctx, holder.OrgID, holder.ID); err != nil {
			return err
		}
	}
	app, err := w.s.around(ctx, w.e.Tx, holder)
	if err != nil {
		return err
	}
	w.heard = true
	w.late = append(w.late, func(ctx context.Context) error { return w.s.putEntry(ctx, w.e, holder, app) }) // no new certificate is ordered for it (I1)
	return nil
}

// takeOver moves the name: the claim, the end of the holder, and the edges, which all switch at the same instant; see MoveTx.
func (w *writing) takeOver(ctx context.Context, standing claim.Standing) (claim.Standing, error) {
	holder, err := w.s.lock(ctx, w.e.Tx, standing.Claim.HolderOrg, standing.Claim.Holder)
	if err != nil {
		return standing, err
	}
	if done, err := w.s.Claims.TransferTx(ctx, w.e.Tx, w.c.Hostname, holder.ID, w.c.ID); err != nil || !done {
		return standing, err
	}
	companion, err := w.s.companionTx(ctx, w.e.Tx, holder)
	if err != nil {
		return standing, err
	}
	if companion != nil {
		edges, err := w.s.endBeside(ctx, w.e, companion, ClaimLost)
		if err != nil {
			return standing, err
		}
		w.late = append(w.late, func(context.Context) error { return edges() })
	}
	if err := w.s.endTx(ctx, w.e, holder, ClaimLost); err != nil {
		return standing, err
	}
	w.e.Record(change(holder, "connection.transferred", Transferred{1, holder.Hostname, holder.ApplicationID, "out", false}))
	o := &w.c.Facets.Ownership
	o.Passes, o.PassedAt, o.Until, o.Moved = 0, nil, nil, !holder.Facets.TLS.Certificate.IsZero()
	w.former = holder
	w.late = append(w.late, func(ctx context.Context) error { return w.s.retireTarget(ctx, w.e, holder) })
	return claim.Standing{Holds: true, New: true, Claim: claim.Claim{Holder: w.c.ID, HolderOrg: w.c.OrgID}}, nil
}

// defend is the pass of a connection that holds its name.
func (w *writing) defend(ctx context.Context, standing claim.Standing, lines []*record.Record) error {
	o, k, now := &w.c.Facets.Ownership, standing.Claim, w.e.Tx.Now
	contested, answered := !k.Challenger.IsZero(), !k.Refused.IsZero()
	switch {
	case contested && now.Sub(k.TransferAt) > unattended:
		if err := w.s.Claims.EndContestTx(ctx, w.e.Tx, w.c.Hostname, k.Challenger); err != nil {
			return err
		}
		contested = false
	case contested && w.a.Ownership.TXT:
		if err := w.s.Claims.DefendTx(ctx, w.e.Tx, w.c.Hostname, w.c.ID); err != nil {
			return err
		}
		if err := w.wake(ctx, k.ChallengerOrg, k.Challenger); err != nil {
			return err
		}
		contested, answered = false, true
	case answered && !w.a.Ownership.TXT:
		if err := w.s.Claims.ForgetTx(ctx, w.e.Tx, w.c.Hostname, w.c.ID); err != nil {
			return err
		}
		answered = false
	}
	switch {
	case contested && o.Value == Verified:
		o.set(ContestedBy, finding.ClaimContested, now, &w.check)
	case !contested && o.Value == ContestedBy:
		o.set(Verified, "", now, &w.check)
	}
	if o.Until = nil; contested {
		o.Until = &k.TransferAt
	}
	return w.drop(ctx, lines, record.DefenceKey, !contested && !answered)
}

// ask adds a line to those that the person has to add, unless it is there.
func (w *writing) ask(ctx context.Context, lines []*record.Record, key string, line record.Record) error {
	if lineOf(lines, key) != nil {
		return nil
	}
	w.heard = true
	return w.s.Records.AddTx(ctx, w.e.Tx, w.c.OrgID, w.c.ID, []record.Record{line})
}

// drop takes a line away that is there and not asked for any more.
func (w *writing) drop(ctx context.Context, lines []*record.Record, key string, idle bool) error {
	if !idle || lineOf(lines, key) == nil {
		return nil
	}
	w.heard = true
	return w.s.Records.DropTx(ctx, w.e.Tx, w.c.OrgID, w.c.ID, key)
}

// wake lets the other side look at once.
func (w *writing) wake(ctx context.Context, org ident.OrgID, con ident.ConnectionID) error {
	now := w.e.Tx.Now
	err := w.s.q.MakeDue(ctx, w.e.Tx, connectionq.MakeDueParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Kind: checkKind, Trigger: string(analysis.TriggerManual), DueAt: now, Urgent: true, Now: now})
	if err != nil && !db.NotFound(err) {
		return fmt.Errorf("make a check of %s due: %w", con, err)
	}
	w.s.pokeWork(w.e)
	return nil
}

// provable is the name at which a text proves who may have a held one: above the cut, where the name is handed over.
func provable(c *Connection) record.Host {
	if !c.delegated() {
		return hostOf(c)
	}
	_, above, _ := strings.Cut(c.Hostname, ".")
	if c.ZoneApex != nil && strings.HasSuffix(c.Hostname, "."+*c.ZoneApex) {
		above = *c.ZoneApex
	}
	return record.Host{Name: above, Registrable: c.RegistrableDomain}
}

func hostOf(c *Connection) record.Host {
	return record.Host{Name: c.Hostname, Label: c.HostLabel, Registrable: c.RegistrableDomain, PublicSuffix: c.PublicSuffix, Apex: c.IsApex, Wildcard: c.IsWildcard}
}

// claimFinding is what a connection is told about another one that has its name or wants it; nil when there is none.
func claimFinding(c *Connection, s claim.Standing) *finding.Finding {
	line := record.TransferLine(provable(c), c.VerificationToken)
	params := map[string]any{"name": c.UnicodeName, "record": line.Shown()}
	switch {
	case s.Held && refused(s, c.ID):
		return new(finding.New(finding.TransferRefused, map[string]any{"name": c.UnicodeName}))
	case s.Held && s.Claim.Challenger == c.ID:
		return nil // on its way
	case s.Held:
		return new(finding.New(finding.HeldElsewhere, params))
	case s.Holds && c.Facets.Ownership.Value == ContestedBy && !s.Claim.Challenger.IsZero():
		line = record.DefenceLine(provable(c), c.VerificationToken)
		return new(finding.New(finding.ClaimContested, map[string]any{"name": c.UnicodeName, "record": line.Shown(), "until": s.Claim.TransferAt.UTC().Format(time.RFC3339)}))
	}
	return nil
}
