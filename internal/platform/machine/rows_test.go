package machine_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

type bundle struct {
	*spinetest.Bundle
	keys     *apikey.Service
	machines *machine.Service
	members  *membership.Service
	orgs     *organization.Service
	clock    atomic.Int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t)}
	b.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	b.Door.Guards = []door.Guard{billing.Entitlement{Plan: billing.BuiltIn, Offered: billing.Offered}, billing.StepUp{}}
	accounts, profiles := &account.Service{DB: b.DB, Door: b.Door}, &profile.Service{DB: b.DB}
	b.keys = &apikey.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}
	b.members = &membership.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}
	b.orgs = &organization.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Members: b.members, Billing: &billing.Subscriptions{Plan: billing.BuiltIn}}
	b.machines = &machine.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: b.Vault, Limit: limit.New(nil), Keys: b.keys, Leave: b.members.EndTx,
		Shared: func(context.Context, ident.UserID) (*ident.OrgID, error) { return &b.Org, nil },
		Admit: func(ctx context.Context, e *door.Effect, n machine.Newcomer) (ident.UserID, ident.OrgID, error) {
			id, err := accounts.RegisterMachineTx(ctx, e, n.By)
			if err != nil {
				return id, ident.OrgID{}, err
			}
			if err := profiles.AddTx(ctx, e.Tx, profile.Profile{UserID: id, FirstName: n.Name, DisplayName: n.Name, Timezone: n.Timezone, Locale: "en"}); err != nil {
				return id, ident.OrgID{}, err
			}
			org, err := b.orgs.CreateMachineTx(ctx, e, n.Name, id, n.By != nil)
			if err == nil && n.Join != nil {
				org = *n.Join
				_, err = b.members.JoinTx(ctx, e, org, id, []authz.Role{authz.Member})
			}
			if err != nil {
				return id, org, err
			}
			return id, org, accounts.SetDefaultTx(ctx, e, id, org)
		},
		Erase: func(ctx context.Context, e *door.Effect, id ident.UserID, org *ident.OrgID) error {
			if org != nil {
				if err := b.orgs.EndMachineTx(ctx, e, *org); err != nil {
					return err
				}
			}
			return accounts.EraseMachineTx(ctx, e, id)
		}}
	b.members.Left = func(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
		if err := accounts.LeaveTx(ctx, e, user, org); err != nil {
			return err
		}
		if err := b.keys.EndOfMemberTx(ctx, e, user, org); err != nil {
			return err
		}
		return b.machines.LeaveTx(ctx, e, org, user)
	}
	b.Join(b.keys.Part(), b.machines.Part(), b.members.Part(), b.orgs.Part())
	return b
}

func stranger(t *testing.T, network string) context.Context {
	return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, IP: network, Network: network, UserAgent: "curl/8", RequestID: "test"})
}

func (b *bundle) caller(t *testing.T, key secret.String) (context.Context, authz.Principal) {
	t.Helper()
	p, err := b.keys.Authenticate(t.Context(), key, "192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	return authz.With(t.Context(), p), p
}

func code(err error) string {
	if all := fault.All(err); len(all) > 0 {
		return strings.TrimSpace(string(all[0].Code) + " " + all[0].Reason)
	}
	return ""
}

// Machines.1: something that calls and is no person gets a key of its own.
func TestMachines1_Register(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { // what is nobody's has no paid feature, not even a way out
		t.Parallel()
		b := setup(t)
		made, err := b.machines.Register(stranger(t, "192.0.2.1"), machine.RegisterMachineInput{Name: "Sensor"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, p := b.caller(t, made.APIKey.Secret)
		if p.Kind != authz.MACHINE || !p.Basic || p.UserID != made.Machine.ID || made.Machine.CreatedByID != nil || made.APIKey.ApiKey.ExpiresAt == nil {
			t.Fatalf("%+v", p)
		}
		if err := b.keys.Delete(ctx, made.APIKey.ApiKey.ID); code(err) != "ENTITLEMENT_REQUIRED" {
			t.Errorf("a paid field: %v", err)
		}
		if _, err := b.Authz.Authorize(ctx, "organization.read", p.OrgID); err != nil {
			t.Errorf("its own organization: %v", err)
		}
		if _, err := b.Authz.Authorize(ctx, "organization.read", b.Org); code(err) != "NOT_FOUND" {
			t.Errorf("another one: %v", err)
		}
	})
	t.Run("b", func(t *testing.T) { // the sixth in an hour
		t.Parallel()
		b := setup(t)
		for n := range 6 {
			_, err := b.machines.Register(stranger(t, "192.0.2.2"), machine.RegisterMachineInput{Name: "Sensor"})
			if want := []string{"", "RATE_LIMITED"}[n/5]; code(err) != want {
				t.Errorf("machine %d: %v", n+1, err)
			}
		}
		if _, err := b.machines.Register(stranger(t, "192.0.2.3"), machine.RegisterMachineInput{Name: "Sensor"}); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
	})
	t.Run("c", func(t *testing.T) { // no password, no owner, no tokens
		t.Parallel()
		b := setup(t)
		made, err := b.machines.Register(b.As(t.Context()), machine.RegisterMachineInput{Name: "Build server", Timezone: new("Europe/Berlin")})
		if err != nil {
			t.Fatal(err)
		}
		_, p := b.caller(t, made.APIKey.Secret)
		if p.OrgID != b.Org || p.Basic {
			t.Errorf("it works in %s: %+v", p.OrgID, p)
		}
		for what, sql := range map[string]string{"a password": "select count(*) from password_credential where user_id = $1", "an owner's role": "select count(*) from membership where user_id = $1 and (roles && array['OWNER', 'BILLING_ADMIN'])",
			"tokens": "select count(*) from token_family where user_id = $1", "an address": "select count(*) from user_profile where user_id = $1 and email is not null"} {
			var n int
			if err := b.DB.QueryRow(t.Context(), sql, p.UserID.UUID()).Scan(&n); err != nil || n != 0 {
				t.Errorf("it has %s: %d, %v", what, n, err)
			}
		}
		if _, err := b.members.AssignRoles(b.As(t.Context()), membership.RolesInput{Ref: membership.Ref{OrganizationID: b.Org, UserID: p.UserID}, Roles: []authz.Role{authz.Owner}}); err == nil {
			t.Error("it became an owner")
		}
		for _, scope := range p.Scopes {
			if slices.Contains([]authz.Permission{"apikey.manage", "billing.change", "member.invite"}, scope) {
				t.Errorf("its key may %s", scope)
			}
		}
	})
	t.Run("d", func(t *testing.T) { // switched off
		t.Parallel()
		b := setup(t)
		b.machines.Closed = true
		if _, err := b.machines.Register(stranger(t, "192.0.2.4"), machine.RegisterMachineInput{Name: "Sensor"}); code(err) != "FORBIDDEN anonymous_machines_off" {
			t.Errorf("a stranger: %v", err)
		}
		if _, err := b.machines.Register(b.As(t.Context()), machine.RegisterMachineInput{Name: "Mine"}); err != nil {
			t.Errorf("a person: %v", err)
		}
	})
}

func TestRegister_WhoMayAndWhatIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	stale := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User, SessionID: ident.New[ident.SessionID](now), AuthTime: now.Add(-time.Hour)})
	if _, err := b.machines.Register(stale, machine.RegisterMachineInput{Name: "x"}); code(err) != "STEP_UP_REQUIRED" {
		t.Errorf("an hour after signing in: %v", err)
	}
	for _, kind := range []authz.Kind{authz.API_KEY, authz.MACHINE, authz.WIDGET, authz.SERVICE, authz.OPERATOR} {
		ctx := authz.With(t.Context(), authz.Principal{Kind: kind, UserID: b.User, OrgID: b.Org, Widget: &authz.WidgetClaims{}, Scopes: []authz.Permission{"self.write", "apikey.manage"}})
		if _, err := b.machines.Register(ctx, machine.RegisterMachineInput{Name: "x"}); code(err) != "FORBIDDEN persons_only" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for name, in := range map[string]machine.RegisterMachineInput{"Empty": {}, "Long": {Name: strings.Repeat("x", 101)}, "Control": {Name: "a\nb"}, "NotUTF8": {Name: "\xff"}, "Zone": {Name: "x", Timezone: new("Mars/Base")}, "LocalZone": {Name: "x", Timezone: new("Local")}, "Past": {Name: "x", APIKeyExpiresAt: new(now)}} {
		if _, err := b.machines.Register(b.As(t.Context()), in); !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMachines_AreSeenAndEndedByWhoStandsForThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.machines.Shared = func(context.Context, ident.UserID) (*ident.OrgID, error) { return nil, nil } // an organization of its own, where its person does not belong
	made, err := b.machines.Register(b.As(t.Context()), machine.RegisterMachineInput{Name: "Backup"})
	if err != nil {
		t.Fatal(err)
	}
	_, them := b.Organization(t, "globex")
	list, err := b.machines.List(b.As(t.Context()), page.Args{First: 10})
	if err != nil || len(list.Nodes) != 1 || list.Nodes[0].Name != "Backup" || !list.Nodes[0].Active || list.Nodes[0].LastUsedAt != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	id := made.Machine.ID
	if keys, err := b.keys.List(b.As(t.Context()), apikey.Filter{User: &id}, page.Args{First: 10}); err != nil || len(keys.Nodes) != 1 {
		t.Errorf("its keys: %v, %v", keys, err)
	}
	foreign, unknown := spinetest.As(t.Context(), them), ident.New[ident.UserID](time.Now())
	_, one := b.keys.List(foreign, apikey.Filter{User: &id}, page.Args{First: 10})
	_, two := b.keys.List(foreign, apikey.Filter{User: &unknown}, page.Args{First: 10})
	if code(one) != "NOT_FOUND" || one.Error() != two.Error() {
		t.Errorf("a stranger: %v, and for an unknown one %v", one, two)
	}
	if err := b.keys.Delete(foreign, made.APIKey.ApiKey.ID); code(err) != "NOT_FOUND" {
		t.Errorf("a stranger ends its key: %v", err)
	}
	if err := b.keys.Delete(b.As(t.Context()), made.APIKey.ApiKey.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.keys.Authenticate(t.Context(), made.APIKey.Secret, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("its key lives: %v", err)
	}
}

func TestMachines_LeaveWithTheirPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, mia := b.Organization(t, "mia")
	if _, err := b.DB.Exec(t.Context(), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER}', now())", ident.V7(time.Now()), b.Org.UUID(), mia.UUID()); err != nil {
		t.Fatal(err)
	}
	made, err := b.machines.Register(spinetest.As(t.Context(), mia), machine.RegisterMachineInput{Name: "Mia's"})
	if err != nil || *made.Machine.OrganizationID != b.Org {
		t.Fatal(made, err)
	}
	if err := b.members.Remove(b.As(t.Context()), membership.Ref{OrganizationID: b.Org, UserID: mia}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.keys.Authenticate(t.Context(), made.APIKey.Secret, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the machine of a former member is in: %v", err)
	}
}

func TestIdle_WhatIsNobodysGoesAfterThirtyDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	idle, err := b.machines.Register(stranger(t, "192.0.2.5"), machine.RegisterMachineInput{Name: "Idle"})
	if err != nil {
		t.Fatal(err)
	}
	used, err := b.machines.Register(stranger(t, "192.0.2.5"), machine.RegisterMachineInput{Name: "Used"})
	if err != nil {
		t.Fatal(err)
	}
	persons, err := b.machines.Register(b.As(t.Context()), machine.RegisterMachineInput{Name: "Ours"})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Add(int64(29 * 24 * time.Hour))
	b.caller(t, used.APIKey.Secret)
	b.clock.Add(int64(2 * 24 * time.Hour))
	if err := b.machines.Part().Periodics[0].Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key   secret.String
		alive bool
	}{"idle": {idle.APIKey.Secret, false}, "used": {used.APIKey.Secret, true}, "a person's": {persons.APIKey.Secret, true}} {
		if _, err := b.keys.Authenticate(t.Context(), c.key, ""); (err == nil) != c.alive {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := b.Actions(t); !slices.Contains(got, "machine.purged") || !slices.Contains(got, "organization.deleted") || !slices.Contains(got, "account.erased") {
		t.Errorf("the ledger says %v", got)
	}
}

func (b *bundle) account(t *testing.T) (context.Context, *machine.AccountCreated) {
	t.Helper()
	made, err := b.machines.CreateAccount(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.machines.Authenticate(t.Context(), made.Key)
	if err != nil || p.Kind != authz.SERVICE || p.KeyID != made.Account.ID || !p.OrgID.IsZero() {
		t.Fatalf("%+v, %v", p, err)
	}
	return authz.With(t.Context(), p), made
}

func message(key secret.String, id string, at time.Time, body string) machine.ServiceMessage {
	sent := at.UTC().Format(time.RFC3339Nano)
	return machine.ServiceMessage{MessageID: id, SentAt: sent, Body: body, Signature: secret.New(machine.Sign(key, id, sent, body))}
}

// PF-SVC: a signed message counts once, within five minutes of its time.
func TestSvc_Messages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, made := b.account(t)
	var ran atomic.Int32
	do := func(_ context.Context, e *door.Effect, body []byte) error {
		ran.Add(1)
		e.Record(event.Change{Action: "test.done", Subject: "test:1", Version: 1, Payload: map[string]any{"v": 1, "body": string(body)}})
		return nil
	}
	send := func(ctx context.Context, m machine.ServiceMessage) string {
		t.Helper()
		return code(b.machines.Message(ctx, "svcTest", m, do))
	}
	now := b.DB.Now()
	right := message(made.Signing, "m-1", now, `{"a": 1}`)
	if got := send(ctx, right); got != "" || ran.Load() != 1 {
		t.Fatalf("the right one: %q, ran %d times", got, ran.Load())
	}
	t.Run("Twice", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if got := code(b.machines.Message(ctx, "svcTest", right, do)); got != "" {
					t.Errorf("again: %q", got)
				}
			})
		}
		wg.Wait()
		if ran.Load() != 1 {
			t.Errorf("it was done %d times", ran.Load())
		}
		if got := send(ctx, message(made.Signing, "m-1", now, `{"a": 2}`)); got != "CONFLICT message_id_used" {
			t.Errorf("another message under its id: %q", got)
		}
	})
	other, another := b.account(t)
	unsigned, body, id := message(made.Signing, "m-2", now, "{}"), message(made.Signing, "m-3", now, "{}"), message(made.Signing, "m-4", now, "{}")
	unsigned.Signature, body.Body, id.MessageID = secret.String{}, "{} ", "m-5"
	for name, c := range map[string]struct {
		ctx  context.Context
		m    machine.ServiceMessage
		want string
	}{
		"Unsigned": {ctx, unsigned, "UNAUTHENTICATED signature_invalid"}, "OtherBody": {ctx, body, "UNAUTHENTICATED signature_invalid"}, "OtherId": {ctx, id, "UNAUTHENTICATED signature_invalid"},
		"OtherAccountsKey": {ctx, message(another.Signing, "m-6", now, "{}"), "UNAUTHENTICATED signature_invalid"}, "OtherAccount": {other, message(made.Signing, "m-7", now, "{}"), "UNAUTHENTICATED signature_invalid"},
		"Stale": {ctx, message(made.Signing, "m-8", now.Add(-5*time.Minute-time.Second), "{}"), "UNAUTHENTICATED message_stale"}, "Early": {ctx, message(made.Signing, "m-9", now.Add(6*time.Minute), "{}"), "UNAUTHENTICATED message_stale"},
		"NoJSON": {ctx, message(made.Signing, "m-10", now, "{"), "INVALID json"}, "Big": {ctx, message(made.Signing, "m-11", now, `"`+strings.Repeat("x", 256<<10)+`"`), "INVALID json"},
		"NoId": {ctx, message(made.Signing, "", now, "{}"), "INVALID message_id"}, "LongId": {ctx, message(made.Signing, strings.Repeat("x", 101), now, "{}"), "INVALID message_id"},
		"Person": {b.As(t.Context()), message(made.Signing, "m-12", now, "{}"), "UNAUTHENTICATED service_only"}, "Nobody": {t.Context(), message(made.Signing, "m-13", now, "{}"), "UNAUTHENTICATED service_only"},
		"SameIdOfAnother": {other, message(another.Signing, "m-1", now, "{}"), ""},
	} {
		before := ran.Load()
		if got := send(c.ctx, c.m); got != c.want || (ran.Load() != before) != (c.want == "") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if err := b.machines.RevokeAccount(t.Context(), made.Account.ID); err != nil {
		t.Fatal(err)
	}
	if got := send(ctx, message(made.Signing, "m-14", now, "{}")); got != "UNAUTHENTICATED key_invalid" {
		t.Errorf("a revoked account: %q", got)
	}
	if _, err := b.machines.Authenticate(t.Context(), made.Key); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("its key: %v", err)
	}
	var dump string
	if err := b.DB.QueryRow(t.Context(), "select (select string_agg(a::text, '') from service_account a) || (select string_agg(e::text, '') from event e)").Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if key := made.Key.Reveal(); strings.Contains(dump, key[23:66]) || strings.Contains(dump, made.Signing.Reveal()) {
		t.Error("the database holds a secret")
	}
}

func TestSvc_HostileKeysAreNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, made := b.account(t)
	right := made.Key.Reveal()
	for name, value := range map[string]string{"Empty": "", "Prefix": "npsvc_", "Mistyped": right[:len(right)-1] + "~", "Cut": right[:30], "Longer": right + "A", "UserKey": "npk_" + right[6:], "Nul": "npsvc_\x00", "Huge": "npsvc_" + strings.Repeat("A", 1<<16)} {
		if _, err := b.machines.Authenticate(t.Context(), secret.New(value)); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
