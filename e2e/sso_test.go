package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
)

// TestSSO1_InTheConsole: an owner connects a provider and proves a domain by a record in the lab's DNS; a newcomer, a person with an account and a lying
// provider arrive. A second provider is the installation's.
func TestSSO1_InTheConsole(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	p, house := ssotest.Start(t), ssotest.Start(t)
	if err := h.App.SSO.Install(t.Context(), []sso.Installed{{Slug: "house", Name: "House ID", Issuer: house.URL, ClientID: ssotest.ClientID, ClientSecret: secret.New(ssotest.ClientSecret), Scopes: []string{"openid", "email"}, EmailDomains: []string{}}}); err != nil {
		t.Fatal(err)
	}
	const password = "correct horse of linus"
	if _, _, err := h.App.CreateDeveloper(t.Context(), app.Developer{Email: "linus@acme.lab", Name: "Linus Lab", Password: secret.New(password), Organization: "Linus", Slug: "linus", TermsAccepted: true}); err != nil {
		t.Fatal(err)
	}
	control := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("email") != "" {
			p.Mailed(q.Get("subject"), q.Get("email"))
		}
		p.Lies(lieOf(p, q))
	}))
	t.Cleanup(control.Close)
	h.Browser(t, "SingleSignOn", map[string]string{"peer": p.URL, "peerClient": ssotest.ClientID, "peerSecret": ssotest.ClientSecret, "peerControl": control.URL, "linusPassword": password})
	var eves int
	if err := h.App.DB.QueryRow(t.Context(), "select count(*) from user_profile where email = 'eve@acme.lab'").Scan(&eves); err != nil || eves != 0 {
		t.Errorf("a lying provider made %d accounts, %v", eves, err)
	}
}

// lieOf is what a journey asks the provider to lie about.
func lieOf(p *ssotest.Peer, q url.Values) ssotest.Lie {
	if q.Get("cancel") != "" {
		return ssotest.Lie{Return: func(back url.Values) {
			back.Del("code")
			back.Set("error", "access_denied")
		}}
	}
	claims := func(change func(map[string]any)) ssotest.Lie { return ssotest.Lie{Claims: change} }
	switch q.Get("lie") {
	case "nonce":
		return claims(func(c map[string]any) { c["nonce"] = "another" })
	case "audience":
		return claims(func(c map[string]any) { c["aud"] = "somebody-else" })
	case "issuer":
		return claims(func(c map[string]any) { c["iss"] = p.URL + "/evil" })
	case "expired":
		return claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() })
	case "unsigned":
		return ssotest.Lie{Sign: func(c map[string]any, _ ssotest.Signer) string { return ssotest.Unsigned(c) }}
	}
	return ssotest.Lie{}
}
