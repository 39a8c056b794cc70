package factor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestMFA1_Enable(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		ctx := n.in(t, n.password(t).Cookie)
		expect(t, n.factors.SetEnabled(ctx, true), "PRECONDITION_FAILED no_factor")
	})
	t.Run("b", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		first := n.password(t)
		n.app(t, n.in(t, first.Cookie))
		n.demand(t, `{"required":true}`)
		ctx := stepped(n, t, first)
		err := n.factors.SetEnabled(ctx, false)
		expect(t, err, "FORBIDDEN policy")
		if f := fault.All(err); len(f) != 1 || f[0].Meta["organization"] != "acme" || !strings.Contains(f[0].Message, "acme") {
			t.Errorf("it does not name the organization: %v", err)
		}
	})
	t.Run("c", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		first := n.password(t)
		n.app(t, n.in(t, first.Cookie))
		ctx := stepped(n, t, first)
		n.addKey(t, ctx, newSoftKey(t))
		if err := n.factors.SetEnabled(ctx, false); err != nil {
			t.Fatal(err)
		}
		if left := n.count(t, "select count(*) from mfa_authenticator") + n.count(t, "select count(*) from recovery_code") + n.count(t, "select count(*) from webauthn_credential"); left != 0 {
			t.Errorf("%d rows are left", left)
		}
		n.noted(t, "factor.disabled")
		if n.mailed(t, "mfa_changed") != "DISABLED" {
			t.Error("nobody was told")
		}
		if next := n.password(t); next.Required != nil {
			t.Error("a factor is still asked for")
		}
	})
}

// stepped is the person in the session of a sign-in, whose level is read anew.
func stepped(n *town, t *testing.T, first *factor.Next) context.Context { return n.in(t, first.Cookie) }

func TestMFA2_Associate(t *testing.T) {
	t.Parallel()
	t.Run("b", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		ctx := n.in(t, n.password(t).Cookie)
		a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.MailCode})
		if err != nil || a.OobCode == nil || len(a.RecoveryCodes) != 10 {
			t.Fatalf("%+v, %v", a, err)
		}
		code := n.mailed(t, "mfa_code")
		if _, err := n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, factor.MfaProof{Code: new(secret.New(code)), OobCode: a.OobCode}, nil); err != nil {
			t.Fatal(err)
		}
		next := n.password(t)
		if next.Required == nil || *next.Required.Authenticators[0].DestinationHint != "a…@example.com" {
			t.Fatalf("%+v", next)
		}
		asked, err := n.factors.Challenge(n.stranger(t), next.Required.MfaToken, a.AuthenticatorID)
		if err != nil {
			t.Fatal(err)
		}
		in, err := n.factors.Verify(n.stranger(t), factor.Browser, next.Required.MfaToken, a.AuthenticatorID, factor.MfaProof{Code: new(secret.New(n.mailed(t, "mfa_code"))), OobCode: asked.OobCode})
		if err != nil || in.Cookie.IsZero() {
			t.Fatalf("%+v, %v", in, err)
		}
	})
	t.Run("c", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		first := n.password(t)
		n.app(t, n.in(t, first.Cookie))
		_, err := n.factors.Associate(n.in(t, first.Cookie), factor.Association{Kind: factor.TOTP})
		expect(t, err, "PRECONDITION_FAILED factor_exists")
	})
	t.Run("d", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		n.withApp(t)
		next := n.password(t)
		_, err := n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.Passkey, Token: &next.Required.MfaToken, EmailCode: new(secret.New("123456"))})
		expect(t, err, "PRECONDITION_FAILED no_enrolment")
		expect(t, n.factors.SendEnrolmentCode(n.stranger(t), next.Required.MfaToken), "PRECONDITION_FAILED no_enrolment")

		n = found(t)
		n.demand(t, `{"required":true}`)
		next = n.password(t)
		if next.Required == nil || !next.Required.EnrolmentRequired || !next.Cookie.IsZero() {
			t.Fatalf("%+v", next)
		}
		token := next.Required.MfaToken
		_, err = n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.TOTP, Token: &token})
		expect(t, err, "PRECONDITION_FAILED code_needed")
		if err := n.factors.SendEnrolmentCode(n.stranger(t), token); err != nil {
			t.Fatal(err)
		}
		code := n.mailed(t, "mfa_code")
		_, err = n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.TOTP, Token: &token, EmailCode: new(secret.New(other(code)))})
		expect(t, err, "INVALID factor_wrong")
		a, err := n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.TOTP, Token: &token, EmailCode: new(secret.New(code))})
		if err != nil {
			t.Fatal(err)
		}
		c, err := n.factors.Confirm(n.stranger(t), factor.Browser, a.AuthenticatorID, n.code(t, a.Secret.Reveal()), &token)
		if err != nil || c.Result == nil || c.Result.Cookie.IsZero() {
			t.Fatalf("%+v, %v", c, err)
		}
		if s, _ := n.sessions.Resolve(t.Context(), c.Result.Cookie.Reveal()); s == nil || s.Aal != 2 || !slices.Contains(s.Amr, "otp") || !slices.Contains(s.Amr, "pwd") {
			t.Errorf("the session: %+v", s)
		}
	})
	t.Run("e", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		n.factors.Oob = false
		_, err := n.factors.Associate(n.in(t, n.password(t).Cookie), factor.Association{Kind: factor.MailCode})
		expect(t, err, "INVALID oob_off")
	})
}

func TestMFA3_Confirm(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		first := n.password(t)
		_, plain, codes := n.app(t, n.in(t, first.Cookie))
		if len(plain) != 32 || len(codes) != 10 {
			t.Errorf("a secret of %d signs and %d codes", len(plain), len(codes))
		}
		n.noted(t, "factor.added")
		n.noted(t, "factor.enabled")
		if n.mailed(t, "mfa_changed") != "ADDED" {
			t.Error("nobody was told")
		}
		if s, _ := n.sessions.Resolve(t.Context(), first.Cookie.Reveal()); s == nil || s.Aal != 2 {
			t.Errorf("the session: %+v", s)
		}
		var dump string
		if err := n.DB.QueryRow(t.Context(), "select (select string_agg(a::text, '') from mfa_authenticator a) || (select string_agg(r::text, '') from recovery_code r) || (select string_agg(e::text, '') from event e)").Scan(&dump); err != nil {
			t.Fatal(err)
		}
		for _, hidden := range append([]string{plain}, codes[0].Reveal(), codes[9].Reveal()) {
			if strings.Contains(dump, hidden) {
				t.Error("the database holds a secret in clear")
			}
		}
	})
	t.Run("b", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		ctx := n.in(t, n.password(t).Cookie)
		a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.TOTP})
		if err != nil {
			t.Fatal(err)
		}
		right := n.code(t, a.Secret.Reveal()).Code.Reveal()
		_, err = n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, typed(other(right)), nil)
		expect(t, err, "INVALID factor_wrong")
		n.noted(t, "factor.refused")
		if methods, _ := n.factors.Confirmed(t.Context(), n.DB, n.User); len(methods) != 0 {
			t.Errorf("it counts: %v", methods)
		}
		if next := n.password(t); next.Required != nil {
			t.Error("it is asked for")
		}
	})
	t.Run("c", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		ctx := n.in(t, n.password(t).Cookie)
		silent := newSoftKey(t)
		silent.silent = true
		for name, k := range map[string]*softKey{"no user verification": silent, "another site": func() *softKey { k := newSoftKey(t); k.origin = "https://console.evil"; return k }()} {
			a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.Passkey})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, factor.MfaProof{Webauthn: k.create(t, a.WebauthnCreationOptions)}, nil); why(err) != "INVALID factor_wrong" {
				t.Errorf("%s: %v", name, err)
			}
		}
		n.addKey(t, ctx, newSoftKey(t))
		if methods, _ := n.factors.Confirmed(t.Context(), n.DB, n.User); !slices.Equal(methods, []string{"WEBAUTHN"}) {
			t.Errorf("%v", methods)
		}
	})
}

func TestMFA4_Disassociate(t *testing.T) {
	t.Parallel()
	n := found(t)
	first := n.password(t)
	app, _, _ := n.app(t, n.in(t, first.Cookie))
	key := n.addKey(t, n.in(t, first.Cookie), newSoftKey(t))
	ctx := n.in(t, first.Cookie)
	list, err := n.factors.List(ctx, nil)
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	t.Run("c", func(t *testing.T) {
		for _, a := range list {
			if a.Kind == factor.RecoveryCodes {
				expect(t, n.factors.Disassociate(ctx, a.ID), "INVALID codes_alone")
			}
		}
	})
	t.Run("a", func(t *testing.T) {
		n.demand(t, `{"required":true,"phishingResistantOnly":true}`)
		expect(t, n.factors.Disassociate(ctx, key), "FORBIDDEN policy")
		n.demand(t, `{"requiredForRoles":["OWNER"]}`)
		if err := n.factors.Disassociate(ctx, key); err != nil {
			t.Fatal(err)
		}
		expect(t, n.factors.Disassociate(ctx, app), "FORBIDDEN policy")
	})
	t.Run("d", func(t *testing.T) { // whose plan lapsed may still remove
		spare := n.addKey(t, ctx, newSoftKey(t))
		guards := n.Door.Guards
		n.Door.Guards = append([]door.Guard{billing.Entitlement{Plan: billing.Plan{ID: "lapsed"}, Offered: billing.Offered}}, guards...)
		defer func() { n.Door.Guards = guards }()
		if err := n.factors.Disassociate(ctx, spare); err != nil {
			t.Errorf("with a plan that lapsed: %v", err)
		}
		if left := n.count(t, "select count(*) from mfa_authenticator where id = $1", spare.UUID()); left != 0 {
			t.Error("it is still there")
		}
	})
	t.Run("b", func(t *testing.T) {
		n.demand(t, `{}`)
		if err := n.factors.Disassociate(ctx, app); err != nil {
			t.Fatal(err)
		}
		if left := n.count(t, "select count(*) from mfa_authenticator"); left != 0 {
			t.Errorf("%d are left", left)
		}
		n.noted(t, "factor.removed")
		n.noted(t, "factor.disabled")
	})
	t.Run("Stranger", func(t *testing.T) {
		_, them := n.Organization(t, "other")
		n.app(t, ctx)
		mine, _ := n.factors.List(ctx, nil)
		expect(t, n.factors.Disassociate(spinetest.As(t.Context(), them), mine[0].ID), "NOT_FOUND ")
		_, err := n.factors.Rename(spinetest.As(t.Context(), them), mine[0].ID, "x")
		expect(t, err, "NOT_FOUND ")
		_, err = n.factors.ChallengeStepUp(spinetest.As(t.Context(), them), mine[0].ID)
		expect(t, err, "NOT_FOUND ")
	})
}

func TestMFA5_List(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		n.withApp(t)
		_, err := n.factors.List(n.stranger(t), nil)
		expect(t, err, "UNAUTHENTICATED ")
		_, err = n.factors.List(n.stranger(t), new(secret.New("npm_invented")))
		expect(t, err, "UNAUTHENTICATED login_ended")
		next := n.password(t)
		list, err := n.factors.List(n.stranger(t), &next.Required.MfaToken)
		if err != nil || len(list) != 2 || list[0].Kind != factor.TOTP || list[1].Kind != factor.RecoveryCodes {
			t.Fatalf("%v, %v", list, err)
		}
		token := n.reset(t)
		if list, err := n.factors.List(n.stranger(t), &token); err != nil || len(list) != 2 {
			t.Fatalf("by the token of a reset: %v, %v", list, err)
		}
	})
}

// reset begins to set a new password, and answers the link's token.
func (n *town) reset(t *testing.T) secret.String {
	t.Helper()
	n.recoveries.Limit = limit.New(nil)
	if _, err := n.recoveries.Start(n.stranger(t), "acme@example.com"); err != nil {
		t.Fatal(err)
	}
	link := n.mailed(t, "password_reset")
	return secret.New(link[strings.LastIndex(link, "/")+1:])
}

func TestMFA6_Challenge(t *testing.T) {
	t.Parallel()
	n := found(t)
	ctx := n.in(t, n.password(t).Cookie)
	a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.MailCode})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, factor.MfaProof{Code: new(secret.New(n.mailed(t, "mfa_code"))), OobCode: a.OobCode}, nil); err != nil {
		t.Fatal(err)
	}
	one, two := n.password(t).Required.MfaToken, n.password(t).Required.MfaToken
	t.Run("a", func(t *testing.T) {
		asked, err := n.factors.Challenge(n.stranger(t), one, a.AuthenticatorID)
		if err != nil {
			t.Fatal(err)
		}
		proof := factor.MfaProof{Code: new(secret.New(n.mailed(t, "mfa_code"))), OobCode: asked.OobCode}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, two, a.AuthenticatorID, proof)
		expect(t, err, "PRECONDITION_FAILED challenge_needed")
		if _, err = n.factors.Challenge(n.stranger(t), two, a.AuthenticatorID); err != nil {
			t.Fatal(err)
		}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, two, a.AuthenticatorID, proof)
		expect(t, err, "INVALID factor_wrong")
		if in, err := n.factors.Verify(n.stranger(t), factor.Browser, one, a.AuthenticatorID, proof); err != nil || in.Cookie.IsZero() {
			t.Errorf("its own: %v", err)
		}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, one, a.AuthenticatorID, proof)
		expect(t, err, "UNAUTHENTICATED login_ended")
	})
	t.Run("b", func(t *testing.T) {
		third := n.password(t).Required.MfaToken
		for range 5 {
			if _, err := n.factors.Challenge(n.stranger(t), third, a.AuthenticatorID); err != nil {
				t.Fatal(err)
			}
		}
		_, err := n.factors.Challenge(n.stranger(t), third, a.AuthenticatorID)
		expect(t, err, "RATE_LIMITED ")
	})
	t.Run("Late", func(t *testing.T) {
		late := n.password(t).Required.MfaToken
		asked, err := n.factors.Challenge(n.stranger(t), late, a.AuthenticatorID)
		if err != nil {
			t.Fatal(err)
		}
		code := n.mailed(t, "mfa_code")
		n.ahead(10 * time.Minute)
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, late, a.AuthenticatorID, factor.MfaProof{Code: new(secret.New(code)), OobCode: asked.OobCode})
		expect(t, err, "UNAUTHENTICATED login_ended")
	})
}

func TestMFA7_Verify(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		app, plain, _ := n.withApp(t)
		proof := n.code(t, plain)
		first, second := n.password(t).Required.MfaToken, n.password(t).Required.MfaToken
		if in, err := n.factors.Verify(n.stranger(t), factor.Browser, first, app, proof); err != nil || in.Cookie.IsZero() {
			t.Fatalf("%v", err)
		}
		_, err := n.factors.Verify(n.stranger(t), factor.Browser, second, app, proof)
		expect(t, err, "INVALID factor_wrong")
		n.ahead(30 * time.Second) // the same code is still within the skew
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, second, app, proof)
		expect(t, err, "INVALID factor_wrong")
		if in, err := n.factors.Verify(n.stranger(t), factor.Browser, second, app, n.code(t, plain)); err != nil || in.Cookie.IsZero() {
			t.Errorf("the next code: %v", err)
		}
		n.noted(t, "factor.authenticated")
	})
	t.Run("aTogether", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		app, plain, _ := n.withApp(t)
		proof := n.code(t, plain)
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for range 4 {
			token := n.password(t).Required.MfaToken
			ctx := n.stranger(t)
			wg.Go(func() {
				if next, err := n.factors.Verify(ctx, factor.Browser, token, app, proof); err == nil && !next.Cookie.IsZero() {
					mu.Lock()
					in++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if in != 1 {
			t.Errorf("one code opened %d sessions", in)
		}
	})
	t.Run("b", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		k := newSoftKey(t)
		n.withKey(t, k)
		c, err := n.factors.BeginPasskey(n.stranger(t), secret.String{})
		if err != nil {
			t.Fatal(err)
		}
		k.counter++
		answer := k.get(t, c.Options)
		in, err := n.factors.SignIn(n.stranger(t), c.Browser, answer)
		if err != nil || in.Cookie.IsZero() {
			t.Fatalf("%+v, %v", in, err)
		}
		if s, _ := n.sessions.Resolve(t.Context(), in.Cookie.Reveal()); s == nil || s.Aal != 2 || s.UserID != n.User || !slices.Contains(s.Amr, "hwk") {
			t.Errorf("%+v", s)
		}
		_, err = n.factors.SignIn(n.stranger(t), c.Browser, answer)
		expect(t, err, "UNAUTHENTICATED ceremony")
		again, _ := n.factors.BeginPasskey(n.stranger(t), secret.String{})
		_, err = n.factors.SignIn(n.stranger(t), again.Browser, answer)
		expect(t, err, "UNAUTHENTICATED ceremony")
		// Two questions to one browser stand side by side, whichever is answered first.
		first, _ := n.factors.BeginPasskey(n.stranger(t), secret.String{})
		second, err := n.factors.BeginPasskey(n.stranger(t), first.Browser)
		if err != nil || second.Browser != first.Browser {
			t.Fatalf("the browser became another: %v", err)
		}
		for _, c := range []*factor.Ceremony{second, first} {
			k.counter++
			if _, err := n.factors.SignIn(n.stranger(t), first.Browser, k.get(t, c.Options)); err != nil {
				t.Error(err)
			}
		}
		if n.count(t, "select count(*) from session where amr @> '{hwk}' and aal = 2") != 4 { // where it was added, and where it signed in
			t.Error("a replay opened a session")
		}
	})
	t.Run("c", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		app, plain, _ := n.withApp(t)
		token := n.password(t).Required.MfaToken
		wrong := typed(other(n.code(t, plain).Code.Reveal()))
		for try := range 5 {
			_, err := n.factors.Verify(n.stranger(t), factor.Browser, token, app, wrong)
			if f := fault.All(err); len(f) != 1 || f[0].Reason != "factor_wrong" || fmt.Sprint(f[0].Meta["left"]) != fmt.Sprint(4-try) {
				t.Fatalf("try %d: %v", try+1, err)
			}
		}
		_, err := n.factors.Verify(n.stranger(t), factor.Browser, token, app, n.code(t, plain))
		expect(t, err, "PRECONDITION_FAILED challenge_ended")
		if _, err := n.factors.Challenge(n.stranger(t), token, app); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			_, err = n.factors.Verify(n.stranger(t), factor.Browser, token, app, wrong)
			expect(t, err, "INVALID factor_wrong")
		}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, token, app, wrong)
		expect(t, err, "UNAUTHENTICATED login_ended")
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, token, app, n.code(t, plain))
		expect(t, err, "UNAUTHENTICATED login_ended")
	})
	t.Run("d", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		_, _, codes := n.withApp(t)
		next := n.password(t)
		paper := next.Required.Authenticators[1].ID
		in, err := n.factors.Verify(n.stranger(t), factor.Browser, next.Required.MfaToken, paper, typed(" "+strings.ToLower(codes[6].Reveal())+" "))
		if err != nil || in.Cookie.IsZero() {
			t.Fatal(err)
		}
		n.noted(t, "factor.recovery_code_used")
		if n.mailed(t, "mfa_changed") != "RECOVERY_USED" {
			t.Error("nobody was told")
		}
		again := n.password(t).Required.MfaToken
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, again, paper, typed(codes[6].Reveal()))
		expect(t, err, "INVALID factor_wrong")
		ctx := n.in(t, in.Cookie)
		fresh, err := n.factors.RegenerateRecoveryCodes(ctx)
		if err != nil || len(fresh.Codes) != 10 {
			t.Fatal(err)
		}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, again, paper, typed(codes[0].Reveal()))
		expect(t, err, "INVALID factor_wrong")
		if in, err := n.factors.Verify(n.stranger(t), factor.Browser, again, paper, typed(fresh.Codes[0].Reveal())); err != nil || in.Cookie.IsZero() {
			t.Error(err)
		}
	})
	t.Run("e", func(t *testing.T) {
		t.Parallel()
		for name, synced := range map[string]bool{"device-bound": false, "synced": true} {
			n := found(t)
			k := newSoftKey(t)
			k.synced, k.counter = synced, 7
			n.withKey(t, k)
			k.counter = 3
			c, err := n.factors.BeginPasskey(n.stranger(t), secret.String{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = n.factors.SignIn(n.stranger(t), c.Browser, k.get(t, c.Options))
			if synced {
				expect(t, err, "")
			} else {
				expect(t, err, "UNAUTHENTICATED passkey_unknown")
			}
			n.noted(t, "factor.clone_suspected")
			if n.mailed(t, "mfa_changed") != "CLONE" || n.count(t, "select count(*) from webauthn_credential where clone_warning_at is not null") != 1 {
				t.Errorf("%s: nobody was told", name)
			}
		}
	})
	t.Run("f", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		app, plain, _ := n.withApp(t)
		token := n.reset(t)
		before := n.count(t, "select count(*) from session")
		_, err := n.factors.Verify(n.stranger(t), factor.Browser, token, app, n.code(t, plain))
		expect(t, err, "UNAUTHENTICATED reset_token")
		_, err = n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.Passkey, Token: &token})
		expect(t, err, "UNAUTHENTICATED reset_token")
		if n.count(t, "select count(*) from session") != before {
			t.Error("a session began")
		}
	})
}

func TestPwd7_Factor(t *testing.T) {
	t.Parallel()
	t.Run("c", func(t *testing.T) {
		t.Parallel()
		n := found(t)
		app, plain, _ := n.withApp(t)
		begun := n.password(t).Required.MfaToken
		token := n.reset(t)
		check, err := n.recoveries.Check(n.stranger(t), token)
		if err != nil || !check.Valid || !check.MfaRequired || len(check.Authenticators) != 2 {
			t.Fatalf("%+v, %v", check, err)
		}
		next := recovery.Completion{Token: token, Password: secret.New("another battery staple")}
		expect(t, n.recoveries.Complete(n.stranger(t), next), "PRECONDITION_FAILED factor_needed")
		next.AuthenticatorID, next.Mfa = &app, new(typed(other(n.code(t, plain).Code.Reveal())))
		expect(t, n.recoveries.Complete(n.stranger(t), next), "INVALID factor_wrong")
		if n.count(t, "select count(*) from password_credential where version > 1") != 0 {
			t.Fatal("the password is another one")
		}
		next.Mfa = new(n.code(t, plain))
		if err := n.recoveries.Complete(n.stranger(t), next); err != nil {
			t.Fatal(err)
		}
		_, err = n.factors.Verify(n.stranger(t), factor.Browser, begun, app, n.code(t, plain))
		expect(t, err, "UNAUTHENTICATED login_ended") // it began with the former password
	})
}

func TestPolicy_TheStrictestOfAllCounts(t *testing.T) {
	t.Parallel()
	n := found(t)
	app, plain, codes := n.withApp(t)
	n.demand(t, `{"required":true,"phishingResistantOnly":true}`)
	prove := func(token secret.String, id ident.FactorID, proof factor.MfaProof) *factor.Next {
		t.Helper()
		next, err := n.factors.Verify(n.stranger(t), factor.Browser, token, id, proof)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	first := n.password(t)
	next := prove(first.Required.MfaToken, app, n.code(t, plain))
	if next.Required == nil || !next.Required.EnrolmentRequired || !next.Cookie.IsZero() {
		t.Fatalf("an app was enough: %+v", next)
	}
	token := next.Required.MfaToken
	_, err := n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.MailCode, Token: &token})
	expect(t, err, "INVALID policy")
	a, err := n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.Passkey, Token: &token}) // the app was proven: no mail is needed
	if err != nil {
		t.Fatal(err)
	}
	k := newSoftKey(t)
	c, err := n.factors.Confirm(n.stranger(t), factor.Browser, a.AuthenticatorID, factor.MfaProof{Webauthn: k.create(t, a.WebauthnCreationOptions)}, &token)
	if err != nil || c.Result.Cookie.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	next = n.password(t)
	var kinds []factor.MfaKind
	var paper ident.FactorID
	for _, o := range next.Required.Authenticators {
		if kinds = append(kinds, o.Kind); o.Kind == factor.RecoveryCodes {
			paper = o.ID
		}
	}
	if !slices.Equal(kinds, []factor.MfaKind{factor.RecoveryCodes, factor.Passkey}) && !slices.Equal(kinds, []factor.MfaKind{factor.Passkey, factor.RecoveryCodes}) {
		t.Errorf("offered: %v", kinds)
	}
	_, err = n.factors.Verify(n.stranger(t), factor.Browser, next.Required.MfaToken, app, n.code(t, plain))
	expect(t, err, "NOT_FOUND ")
	if next = prove(next.Required.MfaToken, paper, typed(codes[2].Reveal())); next.Required == nil || !next.Required.EnrolmentRequired {
		t.Errorf("a recovery code beat the policy: %+v", next)
	}
}

func TestStepUp_AtTheStrongestLevel(t *testing.T) {
	t.Parallel()
	n := found(t)
	first := n.password(t)
	ctx := n.in(t, first.Cookie)
	other := n.password(t)
	app, plain, _ := n.app(t, ctx)
	weak := n.in(t, other.Cookie) // a session that was there before the factor
	err := n.factors.SetEnabled(weak, false)
	if f := fault.All(err); len(f) != 1 || f[0].Code != fault.StepUpCode || !slices.Equal(f[0].Meta["methods"].([]string), []string{"totp", "recoveryCode"}) {
		t.Fatalf("%v", err)
	}
	_, err = n.credentials.StepUp(weak, other.Cookie.Reveal(), secret.New(password))
	expect(t, err, "INVALID factor_needed")
	_, err = n.factors.StepUp(weak, other.Cookie.Reveal(), factor.StepUpProof{})
	expect(t, err, "INVALID exactly_one")
	_, err = n.factors.StepUp(weak, other.Cookie.Reveal(), factor.StepUpProof{Totp: new(secret.New("000 00x"))})
	expect(t, err, "INVALID factor_wrong")
	next, err := n.factors.StepUp(weak, other.Cookie.Reveal(), factor.StepUpProof{Totp: n.code(t, plain).Code})
	if err != nil || next.Cookie.Reveal() == other.Cookie.Reveal() {
		t.Fatalf("%v", err)
	}
	n.noted(t, "session.stepped_up")
	strong := n.in(t, next.Cookie)
	if err := n.factors.Disassociate(strong, app); err != nil {
		t.Errorf("after the proof: %v", err)
	}

	k := newSoftKey(t)
	n.addKey(t, n.in(t, first.Cookie), k)
	list, _ := n.factors.List(strong, nil)
	at := slices.IndexFunc(list, func(a *factor.MfaAuthenticator) bool { return a.Kind == factor.Passkey }) // the codes that came with it are as old
	asked, err := n.factors.ChallengeStepUp(strong, list[at].ID)
	if err != nil {
		t.Fatal(err)
	}
	k.counter++
	answer := k.get(t, asked.WebauthnRequestOptions)
	_, err = n.factors.StepUp(n.in(t, first.Cookie), first.Cookie.Reveal(), factor.StepUpProof{Webauthn: answer})
	expect(t, err, "PRECONDITION_FAILED challenge_needed") // another session was asked
	if _, err := n.factors.StepUp(strong, next.Cookie.Reveal(), factor.StepUpProof{Webauthn: answer}); err != nil {
		t.Errorf("by passkey: %v", err)
	}
	_, err = n.factors.StepUp(strong, next.Cookie.Reveal(), factor.StepUpProof{Webauthn: answer})
	expect(t, err, "PRECONDITION_FAILED challenge_needed")
}

func TestHostile_ProofsOpenNothing(t *testing.T) {
	t.Parallel()
	n := found(t)
	app, _, _ := n.withApp(t)
	sessions := n.count(t, "select count(*) from session")
	for _, code := range []string{"", " ", "12345", "1234567", "abcdef", "\x00\x00\x00\x00\x00\x00", "' or 1=1", strings.Repeat("1", 100_000), "٠٠٠٠٠٠", "-123456", "1e5000", "\xff\xfe"} {
		n.factors.Limit = limit.New(nil)
		token := n.password(t).Required.MfaToken
		if next, err := n.factors.Verify(n.stranger(t), factor.Browser, token, app, typed(code)); next != nil || !fault.Is(err, fault.InvalidCode) {
			t.Errorf("%.20q: %v, %v", code, next, err)
		}
	}
	for _, token := range []string{"", "npm_", "npm_AAAA", strings.Repeat("A", 100_000), "\x00", "' or 1=1 --"} {
		if _, err := n.factors.Verify(n.stranger(t), factor.Browser, secret.New(token), app, typed("123456")); why(err) != "UNAUTHENTICATED login_ended" {
			t.Errorf("%.20q: %v", token, err)
		}
	}
	k := newSoftKey(t)
	c, err := n.factors.BeginPasskey(n.stranger(t), secret.String{})
	if err != nil {
		t.Fatal(err)
	}
	good := k.get(t, c.Options)
	for _, answer := range [][]byte{nil, []byte("null"), []byte("{}"), []byte("[]"), []byte(`"x"`), []byte("{"), []byte(`{"id":""}`), bytes.Repeat([]byte("["), 10_000), bytes.Repeat([]byte("x"), 1<<20), bytes.ReplaceAll(good, []byte("public-key"), []byte("private"))} {
		n.factors.Limit = limit.New(nil)
		c, err := n.factors.BeginPasskey(n.stranger(t), secret.String{})
		if err != nil {
			t.Fatal(err)
		}
		if next, err := n.factors.SignIn(n.stranger(t), c.Browser, json.RawMessage(answer)); next != nil || why(err) != "UNAUTHENTICATED passkey_unknown" {
			t.Errorf("%.40q: %v, %v", answer, next, err)
		}
	}
	if next, err := n.factors.SignIn(n.stranger(t), secret.Random("npw_"), good); next != nil || why(err) != "UNAUTHENTICATED ceremony" {
		t.Errorf("an answer from another browser: %v, %v", next, err)
	}
	if now := n.count(t, "select count(*) from session"); now != sessions {
		t.Errorf("%d sessions began", now-sessions)
	}
}

// other is another code than this one.
func other(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+5)%10)
}
