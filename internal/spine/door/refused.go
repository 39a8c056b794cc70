package door

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/doorq"
)

const (
	refusalsEvery = 15 * time.Second
	noteTime      = 2 * time.Second // a caller who hangs up is noted too
)

// Denied keeps that a caller may not even knock at an action (credentials of this kind cannot call it), and answers why.
func (d *Door) Denied(ctx context.Context, action string, why error) error {
	return d.refused(ctx, Action{Name: action}, ident.OrgID{}, why)
}

// refused keeps that somebody was not allowed to do something, and answers why; every other error is answered as it is. Refusals of one actor, action and minute
// are counted, so that a loop fills nothing, and Refusals tells of them. They stand in the log of the organization whose member, key or token it was. What
// somebody tried at an organization of others stands in their own log: to those others nothing happened.
func (d *Door) refused(ctx context.Context, a Action, org ident.OrgID, why error) error {
	caller := authz.From(ctx)
	stranger := fault.Is(why, fault.NotFoundCode)
	if caller.Kind == authz.PUBLIC || caller.Kind == authz.SYSTEM || !stranger && !fault.Is(why, fault.ForbiddenCode) {
		return why
	}
	if stranger || org.IsZero() {
		org = ident.OrgID{}
		if !caller.Person() || caller.Kind == authz.WIDGET {
			org = caller.OrgID
		}
	}
	permission := string(a.Permission)
	if f := fault.All(why)[0]; f.Meta["permission"] != nil {
		permission = fmt.Sprint(f.Meta["permission"])
	}
	about, err := json.Marshal(from(caller))
	if err != nil {
		return fmt.Errorf("note the refusal of %s: %w", a.Name, err)
	}
	row := doorq.NoteRefusalParams{Actor: caller.Actor(), Action: a.Name, Minute: d.DB.Now().Truncate(time.Minute), Permission: cmp.Or(permission, a.Name),
		Chain: cmp.Or(org.String(), caller.UserID.String(), "platform"), RequestID: caller.RequestID, Context: about}
	if !org.IsZero() {
		row.OrgID = new(org.UUID())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := d.q.NoteRefusal(ctx, d.DB, row); err != nil {
		return fmt.Errorf("note the refusal of %s: %w", a.Name, err)
	}
	return why
}

// Refusals is the schedule that writes refusals into the ledger, one row for all of an actor, an action and a minute that is over.
func (d *Door) Refusals() work.Periodic {
	return work.Periodic{Kind: "access.refusals", Every: refusalsEvery, Do: func(ctx context.Context) error {
		for more := true; more; {
			err := d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				more, err = d.tellRefusal(ctx, tx)
				return err
			})
			if err != nil {
				return fmt.Errorf("tell of refusals: %w", err)
			}
		}
		return nil
	}}
}

func (d *Door) tellRefusal(ctx context.Context, tx *db.Tx) (bool, error) {
	r, err := d.q.TakeRefusal(ctx, tx, doorq.TakeRefusalParams{Before: tx.Now.Truncate(time.Minute)})
	if db.NotFound(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	meta := event.Meta{Actor: r.Actor, RequestID: r.RequestID}
	if err := json.Unmarshal(r.Context, &meta.Context); err != nil {
		return false, err
	}
	c := event.Change{Action: "access.refused", Subject: r.Chain, Version: 1, Stream: "access:" + r.Chain, Chain: r.Chain, Audited: true,
		Payload: map[string]any{"v": 1, "permission": r.Permission, "tried": r.Action, "times": r.Times, "minute": r.Minute.UTC().Format(time.RFC3339)}}
	if r.OrgID != nil {
		c.OrgID = ident.From[ident.OrgID](*r.OrgID)
	}
	_, err = d.Ledger.Append(ctx, tx, meta, c)
	return true, err
}
