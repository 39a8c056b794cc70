// Package door is the one way in which state changes, from a resolver, a worker, the command line or a schedule.
//
// Do runs a change in this order: authorise; then, in one transaction, look up the idempotency key, validate, ask the guards and whether a second person has
// to agree, run the effect, and write the events. If the events cannot be written nothing happened. The pokes follow the commit. There is no network inside.
// Who is not allowed to is told so and noted (refused.go).
package door

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/doorq"
)

// Door joins the mechanisms. Its fields are set by the assembly.
type Door struct {
	DB     *db.DB
	Authz  *authz.Authorizer
	Ledger *event.Ledger
	Vault  *vault.Vault
	Hub    *live.Hub
	Guards []Guard // in order: entitlement, step-up
	Quota  Quota   // nil: nothing is counted
	Holder Holder  // nil: nothing can wait
	// Name is what people call an actor of the ledger; "" for one without a name. Nil: nobody has one.
	Name func(ctx context.Context, org ident.OrgID, actor string) (string, error)

	q doorq.Queries
}

// Action says what a change is called and what it asks of the caller.
type Action struct {
	Name       string           // "connection.start"; the event is its past tense
	Permission authz.Permission // what the caller needs in the organization
	Self       bool             // the object is the caller's own: to belong to the organization is enough
	Own        bool             // about the caller alone, in no organization: somebody must be signed in, and a credential bound to an organization needs self.write there
	Public     bool             // anybody may call, no organization and no idempotency: sign-in
	Operator   bool             // what belongs to no organization, or to any: an operator who holds the permission
	StepUp     bool             // a USER must have proved who they are within the last ten minutes
	Paid       bool             // the organization's plan must hold the feature
	Once       bool             // with Paid: whoever once held it may still do this (remove, leave, export)
}

// Guard refuses a change that is authorised and valid: the plan lacks a feature, a fresh proof is missing.
type Guard interface {
	Check(ctx context.Context, e *Effect, a Action) error
}

// Quota counts what a plan limits.
type Quota interface {
	// Take adds n of metric, or answers QUOTA_EXCEEDED. A notice says that a soft limit was passed.
	Take(ctx context.Context, tx *db.Tx, org ident.OrgID, metric string, n int64) (*QuotaNotice, error)
	// Give takes n away again.
	Give(ctx context.Context, tx *db.Tx, org ident.OrgID, metric string, n int64) error
}

// QuotaNotice says that a soft limit was passed; the change was accepted.
type QuotaNotice struct {
	Metric    string
	Used      int64
	Limit     int64
	HardLimit int64
}

// Change is one kind of change: who may, what is valid, what happens.
type Change[In, Out any] struct {
	Action Action
	// Org says whose it is; NOT_FOUND for an unknown id. Not asked when the action is public, an operator's or the caller's own.
	Org func(ctx context.Context, in In) (ident.OrgID, error)
	// Key is the caller's clientMutationId. The Idempotency-Key header wins over it.
	Key func(in In) *string
	// Validate answers all faults of the input together (errors.Join), and may normalise the input.
	Validate func(ctx context.Context, e *Effect, in *In) error
	// Ask says that this call has to wait for a second person's word before its effect; a nil answer: it need not. nil: no call has to.
	Ask func(ctx context.Context, e *Effect, in In) (*Ask, error)
	// Waits is the answer of a call that waits; beside Ask.
	Waits func(*Waiting) Out
	// Do is the effect: rows on e.Tx and events by e.Record.
	Do func(ctx context.Context, e *Effect, in In) (Out, error)
}

// Effect is what a change works with.
type Effect struct {
	Tx     *db.Tx
	Scope  authz.Scope
	Caller authz.Principal

	door    *Door
	changes []event.Change
	pokes   []func()
	quiet   bool
	refusal error
	lost    string // the subject of Lost
}

// Record notes what happened; it is written when the effect is done. At least one event belongs to every change.
func (e *Effect) Record(changes ...event.Change) { e.changes = append(e.changes, changes...) }

// Quiet says that this call changed nothing that the ledger keeps: a repeat that found its work done, attention, a check made due.
func (e *Effect) Quiet() { e.quiet = true }

// Refuse lets the transaction commit and answers the fault afterwards: a refusal that must be remembered, such as a wrong password.
func (e *Effect) Refuse(err error) { e.refusal = err }

// Poke tells watchers of subject after the commit. Recorded events poke by themselves.
func (e *Effect) Poke(subject string, version int64) {
	e.pokes = append(e.pokes, func() { e.door.Hub.Poke(subject, version) })
}

// After runs fn after the commit; see db.Tx.AfterCommit for what may be in it.
func (e *Effect) After(fn func()) { e.pokes = append(e.pokes, fn) }

// Take counts n of metric against the organization's quota.
func (e *Effect) Take(ctx context.Context, metric string, n int64) (*QuotaNotice, error) {
	if e.door.Quota == nil {
		return nil, nil
	}
	return e.door.Quota.Take(ctx, e.Tx, e.Scope.Org(), metric, n)
}

// Give frees n of metric.
func (e *Effect) Give(ctx context.Context, metric string, n int64) error {
	if e.door.Quota == nil {
		return nil
	}
	return e.door.Quota.Give(ctx, e.Tx, e.Scope.Org(), metric, n)
}

// Do runs one change for the caller of ctx. Refusals change nothing, and are kept under no idempotency key.
func Do[In, Out any](ctx context.Context, d *Door, c Change[In, Out], in In) (Out, error) {
	var out Out
	caller := authz.From(ctx)
	scope, asked, err := admit(ctx, d, c, in)
	if err != nil && asked.IsZero() && fault.Is(err, fault.NotFoundCode) { // what nobody has was refused to nobody
		return out, err
	} else if err != nil {
		return out, d.refused(ctx, c.Action, asked, err)
	}
	var e *Effect
	if scope.Org().IsZero() && d.DB.Walled() { // no single organization's: signing in, one's own account, an operator's
		ctx = db.OnBehalf(ctx, c.Action.Name)
	}
	err = d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		e = &Effect{Tx: tx, Scope: scope, Caller: caller, door: d}
		given := in // a retried transaction begins with the caller's input again
		key := d.key(ctx, c.Action, caller, keyOf(c, in))
		found, wait, err := key.answered(ctx, d, tx, &out, in)
		if err != nil || found {
			return err
		}
		if wait != nil && c.Waits != nil {
			out = c.Waits(wait)
			return nil
		}
		if c.Validate != nil {
			if err := c.Validate(ctx, e, &given); err != nil {
				return err
			}
		}
		for _, g := range d.Guards {
			if err := g.Check(ctx, e, c.Action); err != nil {
				return err
			}
		}
		if wait, err = hold(ctx, d, c, e, given); err != nil {
			return err
		}
		if wait != nil {
			out = c.Waits(wait)
		} else if out, err = c.Do(ctx, e, given); err != nil {
			return err
		}
		if err := e.finish(ctx, c.Action.Name); err != nil {
			return err
		}
		if e.refusal != nil {
			return nil
		}
		if wait != nil {
			return key.keepWait(ctx, d, tx, wait.RequestID, in)
		}
		return key.keep(ctx, d, tx, out, in)
	})
	if err == nil {
		err = e.refusal
	}
	if err != nil {
		var none Out
		if fault.Is(err, fault.ForbiddenCode) {
			return none, d.refused(ctx, c.Action, scope.Org(), err)
		}
		return none, d.tellLost(ctx, e, err)
	}
	return out, nil
}

// admit answers the caller's scope, or why there is none, and the organization that was asked about as far as there is one.
func admit[In, Out any](ctx context.Context, d *Door, c Change[In, Out], in In) (scope authz.Scope, asked ident.OrgID, err error) {
	switch {
	case c.Action.Public:
		return scope, asked, nil
	case c.Action.Own:
		scope, err = d.own(ctx)
		return scope, asked, err
	case c.Action.Operator:
		return scope, asked, d.Authz.Operate(ctx, c.Action.Permission)
	}
	if asked, err = c.Org(ctx, in); err != nil {
		return scope, ident.OrgID{}, err
	}
	if c.Action.Self {
		scope, err = d.Authz.Enter(ctx, asked)
	} else {
		scope, err = d.Authz.Authorize(ctx, c.Action.Permission, asked)
	}
	return scope, asked, err
}

// own lets in who is somebody, and whose session is for more than one organization.
func (d *Door) own(ctx context.Context) (authz.Scope, error) {
	caller := authz.From(ctx)
	if err := caller.Account(); err != nil {
		return authz.Scope{}, err
	}
	switch caller.Kind {
	case authz.USER, authz.OPERATOR, authz.SYSTEM:
		return authz.Scope{}, nil
	default:
		return d.Authz.Authorize(ctx, authz.SelfWrite, caller.OrgID)
	}
}

func keyOf[In, Out any](c Change[In, Out], in In) string {
	if c.Key == nil {
		return ""
	}
	if k := c.Key(in); k != nil {
		return *k
	}
	return ""
}

// finish writes the events last: streams and chains are locked for the shortest time.
func (e *Effect) finish(ctx context.Context, name string) error {
	if len(e.changes) == 0 && !e.quiet {
		return fmt.Errorf("the change %s wrote no event: call Record, or Quiet when it changed nothing", name)
	}
	meta := event.Meta{Actor: e.Caller.Actor(), RequestID: e.Caller.RequestID, Context: from(e.Caller)}
	if _, err := e.door.Ledger.Append(ctx, e.Tx, meta, e.changes...); err != nil {
		return err
	}
	for _, fn := range e.pokes {
		e.Tx.AfterCommit(fn)
	}
	return nil
}

// from is what the ledger keeps of where a caller came from.
func from(caller authz.Principal) map[string]any {
	about := map[string]any{}
	for k, v := range map[string]string{"ip": caller.IP, "userAgent": caller.UserAgent, "session": caller.SessionID.String()} {
		if v != "" {
			about[k] = v
		}
	}
	return about
}

// ErrNothing lets a System effect end without a trace: the row was somebody else's by now, or there was nothing to do.
var ErrNothing = errors.New("nothing to do")

// System runs a change of the product itself (a worker, a schedule) for one organization: the same transaction, events and pokes, with the actor
// system:<name>. ErrNothing rolls back and is no error.
func (d *Door) System(ctx context.Context, name string, org ident.OrgID, fn func(ctx context.Context, e *Effect) error) error {
	ctx = authz.System(ctx, name)
	scope, err := d.Authz.Authorize(ctx, "", org)
	if err != nil {
		return err
	}
	err = d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		e := &Effect{Tx: tx, Scope: scope, Caller: authz.From(ctx), door: d}
		if err := fn(ctx, e); err != nil {
			return err
		}
		return e.finish(ctx, name)
	})
	if errors.Is(err, ErrNothing) {
		return nil
	}
	return err
}

// JoinTx is System inside a transaction of the caller's (a ledger reader, a finaliser that already holds its row).
func (d *Door) JoinTx(ctx context.Context, tx *db.Tx, name string, org ident.OrgID, fn func(ctx context.Context, e *Effect) error) error {
	ctx = authz.System(ctx, name)
	scope, err := d.Authz.Authorize(ctx, "", org)
	if err != nil {
		return err
	}
	return tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		e := &Effect{Tx: tx, Scope: scope, Caller: authz.From(ctx), door: d}
		if err := fn(ctx, e); err != nil {
			return err
		}
		return e.finish(ctx, name)
	})
}
