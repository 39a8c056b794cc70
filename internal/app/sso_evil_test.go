package app

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
)

type claims = map[string]any

// lies are what a provider may do wrong, each by the word with which the person comes back.
var lies = map[string]struct {
	lie  ssotest.Lie
	word string
}{
	"WrongIssuer":       {ssotest.Lie{Claims: func(c claims) { c["iss"] = "https://other.example" }}, "provider_rejected"},
	"IssuerWithSlash":   {ssotest.Lie{Claims: func(c claims) { c["iss"] = c["iss"].(string) + "/" }}, "provider_rejected"},
	"WrongAudience":     {ssotest.Lie{Claims: func(c claims) { c["aud"] = "another-client" }}, "provider_rejected"},
	"SeveralAudiences":  {ssotest.Lie{Claims: func(c claims) { c["aud"] = []string{ssotest.ClientID, "another-client"} }}, "provider_rejected"},
	"OtherParty":        {ssotest.Lie{Claims: func(c claims) { c["azp"] = "another-client" }}, "provider_rejected"},
	"WrongNonce":        {ssotest.Lie{Claims: func(c claims) { c["nonce"] = "of-another-journey" }}, "provider_rejected"},
	"NoNonce":           {ssotest.Lie{Claims: func(c claims) { delete(c, "nonce") }}, "provider_rejected"},
	"Expired":           {ssotest.Lie{Claims: func(c claims) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }}, "provider_rejected"},
	"NotYetValid":       {ssotest.Lie{Claims: func(c claims) { c["nbf"] = time.Now().Add(3 * time.Minute).Unix() }}, "provider_rejected"},
	"IssuedInTheFuture": {ssotest.Lie{Claims: func(c claims) { c["iat"] = time.Now().Add(3 * time.Minute).Unix() }}, "provider_rejected"},
	"NoSubject":         {ssotest.Lie{Claims: func(c claims) { delete(c, "sub") }}, "provider_rejected"},
	"EmptySubject":      {ssotest.Lie{Claims: func(c claims) { c["sub"] = "" }}, "provider_rejected"},
	"LongSubject":       {ssotest.Lie{Claims: func(c claims) { c["sub"] = strings.Repeat("s", 300) }}, "provider_rejected"},
	"NulInSubject":      {ssotest.Lie{Claims: func(c claims) { c["sub"] = "a\x00b" }}, "provider_rejected"},
	"OtherAccessToken":  {ssotest.Lie{Claims: func(c claims) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }}, "provider_rejected"},
	"WrongSignature":    {ssotest.Lie{Sign: func(c claims, k ssotest.Signer) string { return k.Stranger().Sign(c) }}, "provider_rejected"},
	"AlgorithmNone":     {ssotest.Lie{Sign: func(c claims, _ ssotest.Signer) string { return ssotest.Unsigned(c) }}, "provider_rejected"},
	"MACByClientSecret": {ssotest.Lie{Sign: func(c claims, k ssotest.Signer) string {
		return k.MAC(c, []byte(strings.Repeat(ssotest.ClientSecret, 2)))
	}}, "provider_rejected"},
	"NoIDToken":          {ssotest.Lie{Token: func(c claims) { delete(c, "id_token") }}, "provider_rejected"},
	"NoToken":            {ssotest.Lie{Sign: func(claims, ssotest.Signer) string { return "not a token" }}, "provider_rejected"},
	"KeysGone":           {ssotest.Lie{Serve: ssotest.Fails("/keys", http.StatusNotFound, "gone")}, "provider_unreachable"},
	"KeysNoJSON":         {ssotest.Lie{Serve: ssotest.Fails("/keys", http.StatusOK, "<html>")}, "provider_unreachable"},
	"HugeKeys":           {ssotest.Lie{Serve: ssotest.Fails("/keys", http.StatusOK, `{"keys":[],"x":"`+strings.Repeat("x", 300<<10)+`"}`)}, "provider_unreachable"},
	"KeysElsewhere":      {ssotest.Lie{Serve: ssotest.Redirects("/keys")}, "provider_unreachable"},
	"TokensElsewhere":    {ssotest.Lie{Serve: ssotest.Redirects("/token")}, "provider_unreachable"},
	"HugeToken":          {ssotest.Lie{Token: func(c claims) { c["x"] = strings.Repeat("x", 300<<10) }}, "provider_unreachable"},
	"TokenEndpointFails": {ssotest.Lie{Serve: ssotest.Fails("/token", http.StatusInternalServerError, "boom")}, "provider_unreachable"},
	"CodeRefused":        {ssotest.Lie{Serve: ssotest.Fails("/token", http.StatusBadRequest, `{"error":"invalid_grant"}`)}, "provider_rejected"},
	"InfoOfSomebodyElse": {ssotest.Lie{Claims: func(c claims) { delete(c, "email") }, Serve: ssotest.Fails("/userinfo", http.StatusOK, `{"sub":"subject-2","email":"owner@acme.example","email_verified":true}`)}, "provider_rejected"},
	"ReturnOfAnother":    {ssotest.Lie{Return: func(v url.Values) { v.Set("iss", "https://other.example") }}, "provider_rejected"},
	"ReturnWithoutIss":   {ssotest.Lie{Return: func(v url.Values) { v.Del("iss") }}, "provider_rejected"},
	"ReturnWithoutCode":  {ssotest.Lie{Return: func(v url.Values) { v.Del("code") }}, "provider_rejected"},
	"TwoCodes":           {ssotest.Lie{Return: func(v url.Values) { v.Add("code", "second") }}, "expired"},
	"NoState":            {ssotest.Lie{Return: func(v url.Values) { v.Del("state") }}, "expired"},
	"OtherState":         {ssotest.Lie{Return: func(v url.Values) { v.Set("state", "made-up") }}, "expired"},
	"Canceled":           {ssotest.Lie{Return: func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }}, "cancelled"},
	"ServerError":        {ssotest.Lie{Return: func(v url.Values) { v.Set("error", "server_error") }}, "provider_rejected"},
	"Unverified":         {ssotest.Lie{Claims: func(c claims) { c["email_verified"] = false }}, "not_confirmed"},
	"SilentAboutAddress": {ssotest.Lie{Claims: func(c claims) { delete(c, "email_verified") }}, "not_confirmed"},
	"NoAddress":          {ssotest.Lie{Claims: func(c claims) { delete(c, "email") }}, "not_confirmed"},
	"NoRealAddress":      {ssotest.Lie{Claims: func(c claims) { c["email"] = "owner" }}, "not_confirmed"},

	// These are seen before anybody leaves.
	"HugeDiscovery":      {ssotest.Lie{Serve: ssotest.Fails("/.well-known/openid-configuration", http.StatusOK, `{"x":"`+strings.Repeat("x", 300<<10)+`"}`)}, "provider_unreachable"},
	"DiscoveryElsewhere": {ssotest.Lie{Serve: ssotest.Redirects("/.well-known/openid-configuration")}, "provider_unreachable"},
	"DiscoveryOfOther":   {ssotest.Lie{Discovery: func(d claims) { d["issuer"] = "https://other.example" }}, "provider_unreachable"},
	"PrivateTokens":      {ssotest.Lie{Discovery: func(d claims) { d["token_endpoint"] = "https://10.0.0.1/token" }}, "provider_unreachable"},
	"MetadataService":    {ssotest.Lie{Discovery: func(d claims) { d["jwks_uri"] = "http://169.254.169.254/latest" }}, "provider_unreachable"},
	"ScriptForPeople":    {ssotest.Lie{Discovery: func(d claims) { d["authorization_endpoint"] = "javascript:alert(1)" }}, "provider_unreachable"},
	"PlainForPeople":     {ssotest.Lie{Discovery: func(d claims) { d["authorization_endpoint"] = "http://idp.example/authorize" }}, "provider_unreachable"},
	"FileForKeys":        {ssotest.Lie{Discovery: func(d claims) { d["jwks_uri"] = "file:///etc/passwd" }}, "provider_unreachable"},
	"NoEndpoints":        {ssotest.Lie{Discovery: func(d claims) { delete(d, "token_endpoint") }}, "provider_unreachable"},
}

// TestSSO1_Evil: whatever a provider does wrong, nobody gets a session, an account or a link, and the person comes back to a sentence.
func TestSSO1_Evil(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	for name, try := range lies {
		t.Run("d/"+name, func(t *testing.T) {
			peer, slug := ssotest.Start(t), strings.ToLower(name)
			peer.Mailed("subject-1", "owner@acme.example") // who would be linked at once, if it were true
			peer.Lies(try.lie)
			h.installed(t, peer, slug, true)
			before := h.count(t, "session")
			v := h.visitor()
			to := v.through(t, slug, nil)
			if to != "/login?sso="+try.word {
				t.Errorf("the browser is sent to %s, want %s", to, try.word)
			}
			if v.signedIn() || h.count(t, "session") != before || h.count(t, "sso_identity") != 0 || h.count(t, "app_user") != 1 {
				t.Error("something came of it")
			}
			if keys := peer.Asked("/keys"); keys > 2 {
				t.Errorf("the keys were asked for %d times", keys)
			}
		})
	}
	if len(lies) < 40 {
		t.Errorf("only %d lies", len(lies))
	}
	if n := h.count(t, "sso_provider where last_error is not null"); n < 30 {
		t.Errorf("%d providers have a note about what they did", n)
	}
	t.Run("Honest", func(t *testing.T) { // the same journey without a lie does lead in
		peer := ssotest.Start(t)
		peer.Mailed("subject-1", "owner@acme.example")
		h.installed(t, peer, "honest", true)
		v := h.visitor()
		if to := v.through(t, "honest", nil); to != "/acme" || !v.signedIn() {
			t.Fatalf("%s, signed in: %v", to, v.signedIn())
		}
	})
}

// TestSSO1_Evil_MixUp: an evil provider sends people on to an honest one, to be given the honest one's code (RFC 9700, section 4.4).
func TestSSO1_Evil_MixUp(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	honest, evil := ssotest.Start(t), ssotest.Start(t)
	honest.Lies(ssotest.Lie{Discovery: func(d claims) { delete(d, "authorization_response_iss_parameter_supported") }, Return: func(v url.Values) { v.Del("iss") }}) // one of those that send no iss
	h.own(t, honest, "honest")
	h.own(t, evil, "evil")
	v := h.visitor()
	to, err := url.Parse(v.begin(t, "/auth/sso/evil", nil))
	if err != nil {
		t.Fatal(err)
	}
	// The honest provider knows one redirect URI for us: that of its own. So the code comes there, with the state of the evil one.
	q := to.Query()
	q.Set("redirect_uri", ssoOrigin+"/auth/sso/callback/honest")
	if to := v.back(t, ssotest.Visit(t, honest.URL+"/authorize?"+q.Encode())); to != "/login?sso=provider_mixed" || v.signedIn() {
		t.Errorf("the browser is sent to %s", to)
	}
	if n := evil.Asked("/token"); n != 0 {
		t.Errorf("the evil provider was given the code %d times", n)
	}
}

// TestSSO1_Keys: a provider may change its keys at any moment; they are asked for once more, and not again.
func TestSSO1_Keys(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	peer.Mailed("subject-1", "owner@acme.example")
	h.installed(t, peer, "peer", true)
	for n := range 3 {
		v := h.visitor()
		if to := v.through(t, "peer", nil); to != "/acme" || !v.signedIn() {
			t.Fatalf("journey %d: %s", n, to)
		}
	}
	if n := peer.Asked("/keys"); n != 1 {
		t.Errorf("three journeys asked for the keys %d times", n)
	}
	former := peer.Rotate()
	if to := h.visitor().through(t, "peer", nil); to != "/acme" {
		t.Fatalf("after the rotation: %s", to)
	}
	if n := peer.Asked("/keys"); n != 2 {
		t.Errorf("the rotation asked for the keys %d times", n-1)
	}
	peer.Lies(ssotest.Lie{Sign: func(c claims, _ ssotest.Signer) string { return former.Sign(c) }})
	if to := h.visitor().through(t, "peer", nil); to != "/login?sso=provider_rejected" {
		t.Errorf("signed by the former key: %s", to)
	}
	if n := peer.Asked("/keys"); n != 3 {
		t.Errorf("the former key asked for the keys %d times", n-2)
	}
	// A clock that differs by less than a minute is no lie.
	for _, skew := range []time.Duration{50 * time.Second, -50 * time.Second} {
		peer.Lies(ssotest.Lie{Claims: func(c claims) {
			c["iat"], c["nbf"], c["exp"] = time.Now().Add(skew).Unix(), time.Now().Add(skew).Unix(), time.Now().Add(skew+time.Second).Unix()
		}})
		if to := h.visitor().through(t, "peer", nil); to != "/acme" {
			t.Errorf("a clock %s off: %s", skew, to)
		}
	}
	if fmt.Sprint(peer.Asked("/.well-known/openid-configuration")) != "1" {
		t.Error("the discovery document was not remembered")
	}
}
