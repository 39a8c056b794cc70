package billing_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

func TestStepUp_AsksPersonsAfterTenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	action := door.Action{Name: "apikey.create", StepUp: true}
	for name, c := range map[string]struct {
		kind   authz.Kind
		since  time.Duration
		action door.Action
		asked  bool
	}{
		"Fresh":           {authz.USER, 10*time.Minute - time.Microsecond, action, false},
		"TenMinutes":      {authz.USER, 10 * time.Minute, action, true},
		"Never":           {authz.USER, now.Sub(time.Time{}), action, true},
		"ClockBehind":     {authz.USER, -time.Second, action, false},
		"OrdinaryAction":  {authz.USER, time.Hour, door.Action{Name: "connection.read"}, false},
		"Operator":        {authz.OPERATOR, time.Hour, action, true},
		"Key":             {authz.API_KEY, time.Hour, action, false}, // its scope was given by a person who proved it
		"ProductItself":   {authz.SYSTEM, time.Hour, action, false},
		"FreshOperator":   {authz.OPERATOR, time.Minute, action, false},
		"OperatorAnyhow":  {authz.OPERATOR, time.Hour, door.Action{}, false},
		"PersonYesterday": {authz.USER, 24 * time.Hour, action, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &door.Effect{Tx: &db.Tx{Now: now}, Caller: authz.Principal{Kind: c.kind, AuthTime: now.Add(-c.since)}}
			err := billing.StepUp{}.Check(t.Context(), e, c.action)
			if fault.Is(err, fault.StepUpCode) != c.asked || (err != nil) != c.asked {
				t.Fatalf("%v", err)
			}
			if c.asked {
				meta := fault.All(err)[0].Meta
				if methods, _ := meta["methods"].([]string); !slices.Equal(methods, []string{"password"}) || meta["purpose"] != "apikey.create" {
					t.Errorf("%v", meta)
				}
			}
		})
	}
}

func TestEntitlement_RefusesWhatThePlanLacksAndNeverAWayOut(t *testing.T) {
	t.Parallel()
	free := billing.Plan{ID: "free"}
	for name, c := range map[string]struct {
		plan    billing.Plan
		action  door.Action
		refused bool
	}{
		"BuiltIn": {billing.BuiltIn, door.Action{Paid: true}, false}, "Lacks": {free, door.Action{Paid: true}, true}, "Free": {free, door.Action{}, false}, "WayOut": {free, door.Action{Paid: true, Once: true}, false},
	} {
		err := billing.Entitlement{Plan: c.plan, Offered: []billing.Plan{free, billing.BuiltIn}}.Check(t.Context(), &door.Effect{}, c.action)
		if fault.Is(err, fault.EntitlementCode) != c.refused || (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		if c.refused && (fault.All(err)[0].Meta["requiredFeature"] != "PAID_TRIAL" || !reflect.DeepEqual(fault.All(err)[0].Meta["plans"], []string{"built-in"})) {
			t.Errorf("%s: %v", name, fault.All(err)[0].Meta)
		}
	}
}
