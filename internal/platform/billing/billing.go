// Package billing says what an organization's plan entitles to. In this version every organization has the built-in plan.
package billing

import (
	"context"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// fresh is how young a proof of identity must be for a step-up action, and for what only operators may.
const (
	fresh          = 10 * time.Minute
	freshOperators = 5 * time.Minute
)

// Quota is one line of a plan.
type Quota struct {
	Metric string
	Limit  int64
	Hard   bool // refuse at the limit; else up to a tenth more (at least five) is accepted with a notice
}

// Plan is what an organization has.
type Plan struct {
	ID     string
	Paid   bool
	Quotas []Quota
}

// BuiltIn is the plan of every organization of a self-hosted installation.
var BuiltIn = Plan{ID: "built-in", Paid: true, Quotas: []Quota{{Metric: "connections", Limit: 100_000}, {Metric: "applications", Limit: 1_000}, {Metric: "seats", Limit: 1_000, Hard: true}}}

// Basic is the least plan: that of a machine for which nobody stands. Nobody can choose it.
var Basic = Plan{ID: "basic"}

// Offered are the plans that an organization can have.
var Offered = []Plan{BuiltIn}

// Entitlement refuses what the plan lacks, and names the plans that have it.
type Entitlement struct {
	Plan    Plan
	Offered []Plan
}

func (g Entitlement) Check(_ context.Context, e *door.Effect, a door.Action) error {
	switch {
	case !a.Paid:
		return nil
	case e.Caller.Basic: // never held anything, so there is nothing that it may still remove
		return Required(g.Offered)
	case a.Once || g.Plan.Paid:
		return nil
	}
	return Required(g.Offered)
}

// Required says that the plan lacks a feature, and which of the plans have it.
func Required(offered []Plan) *fault.Fault {
	f := &fault.Fault{Code: fault.EntitlementCode, Message: "Your plan does not include this."}
	plans := []string{}
	for _, p := range offered {
		if p.Paid {
			plans = append(plans, p.ID)
		}
	}
	return f.With("requiredFeature", "PAID_TRIAL").With("plans", plans)
}

// StepUp asks a person for a fresh proof of who they are, at the strongest level that the account has factors for.
type StepUp struct {
	// Confirmed lists the kinds of a person's confirmed factors. Nil: nobody has any.
	Confirmed func(ctx context.Context, tx *db.Tx, user ident.UserID) ([]string, error)
}

// Check answers STEP_UP_REQUIRED with meta.methods, the members of StepUpProof that would do.
func (g StepUp) Check(ctx context.Context, e *door.Effect, a door.Action) error {
	person := e.Caller.Kind == authz.USER || e.Caller.Kind == authz.OPERATOR
	if !a.StepUp || !person {
		return nil
	}
	var kinds []string
	if g.Confirmed != nil {
		var err error
		if kinds, err = g.Confirmed(ctx, e.Tx, e.Caller.UserID); err != nil {
			return err
		}
	}
	limit := fresh
	if a.Operator {
		limit = freshOperators
	}
	if e.Tx.Now.Sub(e.Caller.AuthTime) < limit && (len(kinds) == 0 || e.Caller.AAL >= 2) {
		return nil
	}
	f := &fault.Fault{Code: fault.StepUpCode, Message: "Please confirm that it is you, then this goes on by itself."}
	return f.With("purpose", a.Name).With("methods", methods(kinds))
}

// methods are the members of StepUpProof that prove enough for who has these factors.
func methods(kinds []string) []string {
	if len(kinds) == 0 {
		return []string{"password"}
	}
	out := []string{}
	for _, k := range kinds {
		if m := map[string]string{"TOTP": "totp", "WEBAUTHN": "webauthn", "OOB_EMAIL": "oob", "OOB_SMS": "oob"}[k]; !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return append(out, "recoveryCode")
}
