package app

import (
	"bufio"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
	"golang.org/x/oauth2"
)

// certified starts a real OpenID provider, the npm package oidc-provider, and answers its issuer.
func certified(t *testing.T, redirect string) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("there is no npm here, which brings the OpenID provider")
	}
	dir := filepath.Join("..", "..", "tools", "oidc")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider")); err != nil {
		t.Fatal("the OpenID provider is missing: make tools/oidc/node_modules/.package-lock.json")
	}
	cmd := exec.CommandContext(t.Context(), "node", "peer.mjs", ssotest.ClientID, ssotest.ClientSecret, redirect)
	cmd.Dir, cmd.WaitDelay = dir, 5*time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() }) // it ends with its standard input
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			return lines.Text()
		}
	}
	t.Fatal("the OpenID provider did not start")
	return ""
}

// wander follows a provider's pages until one leads to us.
func wander(t *testing.T, address string) *url.URL {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	var home *url.URL
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), ssoOrigin) {
			home = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if home == nil {
		t.Fatalf("the provider answered %s at %s", res.Status, res.Request.URL)
	}
	return home
}

// TestSSO1_RealProvider: the whole journey against a certified provider: code, PKCE, nonce, iss, and an address that stands in userinfo alone.
func TestSSO1_RealProvider(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	issuer := certified(t, ssoOrigin+"/auth/sso/callback/real")
	if err := h.SSO.Install(t.Context(), []sso.Installed{{Slug: "real", Name: "Real", Issuer: issuer, ClientID: ssotest.ClientID, ClientSecret: secret.New(ssotest.ClientSecret),
		Scopes: []string{"openid", "email", "profile"}, EmailDomains: []string{}, TrustEmail: true}}); err != nil {
		t.Fatal(err)
	}
	t.Run("a", func(t *testing.T) {
		v := h.visitor()
		if to := v.back(t, wander(t, v.begin(t, "/auth/sso/real", url.Values{"email": {"ada@lovelace.example"}}))); to != "/login/sso" {
			t.Fatalf("somebody new is sent to %s", to)
		}
		if status, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true}`); status != http.StatusOK || !v.signedIn() {
			t.Fatalf("%d %s", status, body)
		}
		if n := h.count(t, "user_profile where email = 'ada@lovelace.example' and display_name = 'Ada Lovelace'"); n != 1 {
			t.Error("the profile is not what the provider said")
		}
		known := h.visitor()
		if to := known.back(t, wander(t, known.begin(t, "/auth/sso/real", url.Values{"email": {"owner@acme.example"}}))); to != "/acme" || !known.signedIn() {
			t.Errorf("the owner, whom a trusted provider links: %s", to)
		}
		known.learn(t)
		if to := known.back(t, wander(t, known.begin(t, "/auth/step-up/sso", url.Values{"returnTo": {"/acme/keys"}}))); to != "/acme/keys" {
			t.Errorf("step-up with its auth_time: %s", to)
		}
	})
	t.Run("WrongVerifier", func(t *testing.T) {
		c := &openid.Client{Outside: safehttp.Options{AllowLoopbackHTTP: true}}
		p := openid.Provider{Issuer: issuer, ClientID: ssotest.ClientID, Secret: secret.New(ssotest.ClientSecret), Scopes: []string{"email"}, RedirectURI: ssoOrigin + "/auth/sso/callback/real"}
		j := openid.Journey{State: "state", Nonce: "nonce", Verifier: oauth2.GenerateVerifier()}
		for right, other := range map[bool]string{true: j.Verifier, false: oauth2.GenerateVerifier()} {
			to, err := c.Depart(t.Context(), p, j)
			if err != nil {
				t.Fatal(err)
			}
			q := wander(t, to).Query()
			claims, err := c.Redeem(t.Context(), p, openid.Journey{Nonce: j.Nonce, Verifier: other}, openid.Return{Code: q.Get("code"), Issuer: q.Get("iss")})
			if right != (err == nil) || right && claims.Email != "owner@acme.example" {
				t.Errorf("right: %v: %+v, %v", right, claims, err)
			}
			if !right {
				continue // the provider keeps a code that nobody could use
			}
			if again, err := c.Redeem(t.Context(), p, openid.Journey{Nonce: j.Nonce, Verifier: j.Verifier}, openid.Return{Code: q.Get("code"), Issuer: q.Get("iss")}); err == nil {
				t.Errorf("the second use of a code: %+v", again)
			}
		}
	})
}
