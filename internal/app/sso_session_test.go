package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
)

// TestSSO1_StepUp: a provider's word is as fresh as it says.
func TestSSO1_StepUp(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	h.installed(t, peer, "peer", true)
	peer.Mailed("olga", "owner@acme.example")
	v := h.visitor()
	if to := v.through(t, "peer", nil); to != "/acme" {
		t.Fatal(to)
	}
	v.learn(t)
	authTime := func() (at time.Time) {
		t.Helper()
		s, err := h.Sessions.Resolve(t.Context(), v.cookies["__Host-np_s"])
		if err != nil || s == nil {
			t.Fatalf("%+v, %v", s, err)
		}
		return *s.SteppedUpAt
	}
	up := func() string {
		t.Helper()
		to := v.begin(t, "/auth/step-up/sso", url.Values{"returnTo": {"/acme/settings"}})
		if strings.HasPrefix(to, "/") {
			return to
		}
		if u, err := url.Parse(to); err != nil || u.Query().Get("max_age") != "0" {
			t.Fatalf("it does not ask for a new authentication: %s", to)
		}
		return v.back(t, ssotest.Visit(t, to))
	}
	first, cookie := authTime(), v.cookies["__Host-np_s"]
	t.Run("l", func(t *testing.T) {
		for name, lie := range map[string]func(claims){
			"TenMinutesAgo": func(c claims) { c["auth_time"] = time.Now().Add(-10 * time.Minute).Unix() }, "TwoMinutesAgo": func(c claims) { c["auth_time"] = time.Now().Add(-2 * time.Minute).Unix() },
			"Silent": func(c claims) { delete(c, "auth_time") }, "InTheFuture": func(c claims) { c["auth_time"] = time.Now().Add(time.Hour).Unix() },
			"Huge": func(c claims) { c["auth_time"] = 1e30 }, "Negative": func(c claims) { c["auth_time"] = -1 },
		} {
			peer.Lies(ssotest.Lie{Claims: lie})
			if to := up(); to != "/acme/settings?sso=too_old" {
				t.Errorf("%s: %s", name, to)
			}
		}
		peer.Lies(ssotest.Lie{})
		peer.Mailed("somebody-else", "owner@acme.example")
		if to := up(); to != "/acme/settings?sso=other_account" {
			t.Errorf("as somebody else: %s", to)
		}
		if !authTime().Equal(first) || v.cookies["__Host-np_s"] != cookie {
			t.Error("something of it counted")
		}
	})
	peer.Mailed("olga", "owner@acme.example")
	if to := up(); to != "/acme/settings" || !authTime().After(first) || v.cookies["__Host-np_s"] == cookie {
		t.Errorf("a fresh authentication: %s", to)
	}
	if got := h.actions(t); !slices.Contains(got, "session.stepped_up") || !slices.Contains(got, "sso.refused_step_up") {
		t.Errorf("the ledger: %v", got)
	}
	t.Run("OtherBrowser", func(t *testing.T) {
		to := v.begin(t, "/auth/step-up/sso", nil)
		thief := h.visitor()
		thief.cookies["__Host-np_o"] = v.cookies["__Host-np_o"]
		if to := thief.back(t, ssotest.Visit(t, to)); to != "/account/security?sso=other_account" || thief.signedIn() {
			t.Error(to)
		}
	})
	t.Run("Nobody", func(t *testing.T) {
		if to := h.visitor().begin(t, "/auth/step-up/sso", nil); to != "/login?sso=failed" {
			t.Error(to)
		}
	})
	t.Run("SuchAsAnOrganization'sOwn", func(t *testing.T) { // whoever runs it must not renew sessions that did not begin there
		own := ssotest.Start(t)
		h.own(t, own, "own")
		own.Mailed("olga", "owner@acme.example")
		other := h.visitor()
		other.signIn(t, "owner@acme.example")
		if to := other.through(t, "own", url.Values{"purpose": {"link"}}); to != "/account/security?sso=linked" {
			t.Fatal(to)
		}
		if err := h.SSO.Unlink(h.as(t.Context(), h.owner), "peer"); err != nil {
			t.Fatal(err)
		}
		if to := other.begin(t, "/auth/step-up/sso", nil); to != "/account/security?sso=no_provider" {
			t.Error(to)
		}
	})
}

func TestSSO1_Factor(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	h.installed(t, peer, "peer", true)
	peer.Mailed("olga", "owner@acme.example")
	v := h.visitor()
	if to := v.through(t, "peer", nil); to != "/acme" {
		t.Fatal(to)
	}
	v.learn(t)
	if _, err := h.DB.Exec(t.Context(), "insert into mfa_authenticator (id, user_id, kind, label, sealed_secret, confirmed_at, created_at) values ($1, $2, 'TOTP', 'App', '\\x01', now(), now())",
		ident.New[ident.FactorID](h.DB.Now()).UUID(), h.owner.UUID()); err != nil {
		t.Fatal(err)
	}
	t.Run("k", func(t *testing.T) {
		before := h.count(t, "session where revoked_at is null")
		w := h.visitor()
		if to := w.through(t, "peer", url.Values{"returnTo": {"/acme/keys"}}); to != "/login?mfa=1&returnTo=%2Facme%2Fkeys" || w.signedIn() || w.cookies["__Host-np_m"] == "" {
			t.Errorf("a confirmed factor is not asked for: %s, %v", to, w.cookies)
		}
		if n := h.count(t, "session where revoked_at is null"); n != before {
			t.Errorf("%d sessions, %d before", n, before)
		}
		if to := v.begin(t, "/auth/step-up/sso", nil); to != "/account/security?sso=factor_required" {
			t.Errorf("the provider's word instead of the factor: %s", to)
		}
	})
}

// TestSSO1_Forms: what another site makes a browser send begins nothing.
func TestSSO1_Forms(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	h.installed(t, peer, "peer", true)
	v := h.visitor()
	v.signIn(t, "owner@acme.example")
	v.csrf = ""
	for _, path := range []string{"/auth/sso/peer", "/auth/step-up/sso"} {
		if res := v.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", "purpose=link"); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s without the value of CSRF: %d", path, res.StatusCode)
		}
		if res := h.visitor().send(t, http.MethodPost, path, "application/json", "{}"); res.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s as JSON: %d", path, res.StatusCode)
		}
		if res := h.visitor().send(t, http.MethodGet, path, "", ""); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, res.StatusCode)
		}
	}
	if res := h.visitor().send(t, http.MethodPost, "/auth/sso/finish", "application/x-www-form-urlencoded", "termsAccepted=true"); res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("finish as a form: %d", res.StatusCode)
	}
	if n := h.count(t, "sso_login"); n != 0 {
		t.Errorf("%d journeys", n)
	}
	for range 60 {
		_ = v.send(t, http.MethodGet, "/auth/sso/callback/peer?state=x&code=y", "", "")
	}
	w := h.visitor()
	w.from = v.from
	if to := w.begin(t, "/auth/sso/peer", nil); to != "/login?sso=too_often" {
		t.Errorf("the sixty-first of a network: %s", to)
	}
}
