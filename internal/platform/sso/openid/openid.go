// Package openid is one sign-in at one OpenID provider, as a relying party (OpenID Connect Core 1.0, code flow with PKCE).
//
// A provider is a stranger: often run by the very organization whose people sign in, sometimes by somebody who wants to be other people. Everything it
// says arrives through kit/safehttp (public addresses alone, no redirects, 256 KiB, 10 s), and an ID token counts when all of this holds: signed with an
// asymmetric algorithm by a key of the provider's own set, from exactly this issuer, for this client alone, now, with the nonce of this journey. Keys are
// fetched once more when a signature does not fit, so that a provider may rotate them; a second failure is a refusal.
package openid

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"golang.org/x/oauth2"
)

const (
	patience    = 10 * time.Second // for one exchange with a provider
	largest     = 256 << 10        // of one of its answers, in bytes
	remembers   = 15 * time.Minute // how long a discovery document, and the keys read with it, are believed
	skew        = time.Minute      // by which a provider's clock may differ from ours
	longestText = 255              // of a subject (Core, section 2), and of what else is kept
	mostKnown   = 1000             // discovery documents that are remembered
)

// Provider is where somebody signs in, and as which client.
type Provider struct {
	Issuer      string // exactly as in its ID tokens
	ClientID    string
	Secret      secret.String // zero for a public client
	Scopes      []string      // "openid" is always asked for
	RedirectURI string
}

// Journey is what ties a departure to its return. It stays with us; the browser carries the state alone.
type Journey struct {
	State    string
	Nonce    string
	Verifier string // RFC 7636
	Again    bool   // the person has to authenticate anew (max_age=0)
	Hint     string // the address typed; "" when nobody typed one
}

// Return is what the browser brought back.
type Return struct {
	Code   string
	Issuer string // the parameter iss (RFC 9207); "" without it
}

// Claims are what the provider says of a person.
type Claims struct {
	Subject       string
	Email         string
	EmailVerified *bool // nil: the provider does not say
	Name          string
	GivenName     string
	FamilyName    string
	Locale        string
	Zone          string
	AuthTime      time.Time // zero: the provider does not say
	Tokens        Tokens
}

// Tokens are the provider's own, to be kept sealed.
type Tokens struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token,omitempty"`
	Expiry  time.Time `json:"expiry,omitzero"`
}

// Error is a provider that cannot be used, or that said something that does not count. Detail is for who set it up.
type Error struct {
	Reason string
	Detail string
	Err    error
}

// The reasons of an Error.
const (
	Unreachable = "provider_unreachable" // discovery, keys or an endpoint do not answer as they must
	Rejected    = "provider_rejected"    // it refused the code, or its word does not count
)

func (e *Error) Error() string { return e.Reason + ": " + e.Detail }
func (e *Error) Unwrap() error { return e.Err }

func failed(reason, what string, err error) *Error {
	return &Error{Reason: reason, Detail: clip(what + ": " + err.Error()), Err: err}
}

// clip is a provider's words as they may be kept: short, and text.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return s
}

// Client talks to providers. Its zero value works on the public internet; it is safe for concurrent use.
type Client struct {
	Outside safehttp.Options
	Now     func() time.Time // nil: time.Now

	once  sync.Once
	http  *http.Client
	mu    sync.Mutex
	known map[string]*metadata
}

// metadata is a discovery document that was read.
type metadata struct {
	*oidc.Provider
	until    time.Time
	userinfo string
	style    oauth2.AuthStyle
	namesIss bool // every return carries iss
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Client) context(ctx context.Context) context.Context {
	c.once.Do(func() {
		o := c.Outside
		o.Timeout, o.MaxResponse = cmp.Or(o.Timeout, patience), cmp.Or(o.MaxResponse, largest)
		c.http = safehttp.NewClient(o)
	})
	return oidc.ClientContext(ctx, c.http)
}

// Discover reads what a provider says of itself; the error is an *Error.
func (c *Client) Discover(ctx context.Context, issuer string) error {
	c.mu.Lock()
	delete(c.known, issuer)
	c.mu.Unlock()
	_, err := c.metadata(ctx, issuer)
	return err
}

func (c *Client) metadata(ctx context.Context, issuer string) (*metadata, error) {
	c.mu.Lock()
	m := c.known[issuer]
	c.mu.Unlock()
	if m != nil && c.now().Before(m.until) {
		return m, nil
	}
	p, err := oidc.NewProvider(c.context(ctx), issuer)
	if err != nil {
		return nil, failed(Unreachable, "read "+issuer+"/.well-known/openid-configuration", err)
	}
	var said struct {
		Auth     string   `json:"authorization_endpoint"`
		Token    string   `json:"token_endpoint"`
		Keys     string   `json:"jwks_uri"`
		UserInfo string   `json:"userinfo_endpoint"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
		Iss      bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&said); err != nil {
		return nil, failed(Unreachable, "read the discovery document", err)
	}
	for name, address := range map[string]string{"authorization_endpoint": said.Auth, "token_endpoint": said.Token, "jwks_uri": said.Keys, "userinfo_endpoint": said.UserInfo} {
		if address == "" && name == "userinfo_endpoint" {
			continue
		}
		if err := safehttp.Check(ctx, address, c.Outside); err != nil {
			return nil, failed(Unreachable, "use its "+name, err)
		}
	}
	m = &metadata{Provider: p, until: c.now().Add(remembers), userinfo: said.UserInfo, style: oauth2.AuthStyleInHeader, namesIss: said.Iss}
	if len(said.Methods) > 0 && !slices.Contains(said.Methods, "client_secret_basic") {
		m.style = oauth2.AuthStyleInParams
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= mostKnown {
		c.known = map[string]*metadata{}
	}
	c.known[issuer] = m
	return m, nil
}

func (m *metadata) config(p Provider) *oauth2.Config {
	e := m.Endpoint()
	e.AuthStyle = m.style
	if p.Secret.IsZero() {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret.Reveal(), Endpoint: e, RedirectURL: p.RedirectURI, Scopes: scopes(p.Scopes)}
}

func scopes(asked []string) []string {
	out := []string{oidc.ScopeOpenID}
	for _, s := range asked {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Depart answers the address at the provider to which the browser goes.
func (c *Client) Depart(ctx context.Context, p Provider, j Journey) (string, error) {
	m, err := c.metadata(ctx, p.Issuer)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)}
	if j.Again {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
	}
	if j.Hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", j.Hint))
	}
	return m.config(p).AuthCodeURL(j.State, options...), nil
}

// Redeem turns a return into what the provider says of the person; the error is an *Error.
func (c *Client) Redeem(ctx context.Context, p Provider, j Journey, r Return) (*Claims, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	m, err := c.metadata(ctx, p.Issuer)
	if err != nil {
		return nil, err
	}
	if r.Issuer != "" && r.Issuer != p.Issuer || r.Issuer == "" && m.namesIss {
		return nil, failed(Rejected, "compare iss", fmt.Errorf("the answer came from %q", r.Issuer)) // RFC 9207, section 2.4
	}
	if r.Code == "" {
		return nil, failed(Rejected, "read the answer", errors.New("it has no code"))
	}
	token, err := m.config(p).Exchange(c.context(ctx), r.Code, oauth2.VerifierOption(j.Verifier))
	if err != nil {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
			return nil, failed(Rejected, "exchange the code", fmt.Errorf("%s %s", refused.ErrorCode, refused.ErrorDescription))
		}
		return nil, failed(Unreachable, "exchange the code", err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, failed(Rejected, "read the token response", errors.New("it has no ID token"))
	}
	claims, err := c.verify(ctx, m, p, j, raw, token.AccessToken)
	if err != nil {
		return nil, err
	}
	claims.Tokens = Tokens{token.AccessToken, token.RefreshToken, token.Expiry}
	return claims, nil
}

// word is a claim that says yes or no; some providers say so as text.
type word struct{ is *bool }

func (w *word) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true":
		w.is = new(true)
	case "false":
		w.is = new(false)
	}
	return nil
}

// statement is what ID tokens and userinfo say alike.
type statement struct {
	Email      string `json:"email"`
	Verified   word   `json:"email_verified"`
	Name       string `json:"name"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Locale     string `json:"locale"`
	Zone       string `json:"zoneinfo"`
}

// verify holds the ID token to OpenID Connect Core 1.0, section 3.1.3.7.
func (c *Client) verify(ctx context.Context, m *metadata, p Provider, j Journey, raw, access string) (*Claims, error) {
	reject := func(format string, args ...any) (*Claims, error) {
		return nil, failed(Rejected, "verify the ID token", fmt.Errorf(format, args...))
	}
	token, err := m.Verifier(&oidc.Config{ClientID: p.ClientID, Now: func() time.Time { return c.now().Add(-skew) }}).Verify(c.context(ctx), raw)
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") {
			return nil, failed(Unreachable, "read its keys", err)
		}
		return reject("%w", err)
	}
	var said struct {
		statement
		Party     string  `json:"azp"`
		NotBefore float64 `json:"nbf"`
		AuthTime  float64 `json:"auth_time"`
	}
	if err := token.Claims(&said); err != nil {
		return reject("read its claims: %w", err)
	}
	soon := c.now().Add(skew)
	switch {
	case token.Issuer != p.Issuer:
		return reject("it is of %q", token.Issuer)
	case token.Nonce == "" || !secret.New(token.Nonce).Equal(secret.New(j.Nonce)):
		return reject("its nonce belongs to another journey")
	case said.Party != "" && said.Party != p.ClientID || len(token.Audience) > 1 && said.Party != p.ClientID:
		return reject("it was made for %q", cmp.Or(said.Party, strings.Join(token.Audience, " ")))
	case token.IssuedAt.After(soon) || said.NotBefore > 0 && instant(said.NotBefore).After(soon):
		return reject("it is not valid yet")
	case !legible(token.Subject) || token.Subject == "":
		return reject("its subject names nobody")
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(access); err != nil {
			return reject("%w", err)
		}
	}
	out := &Claims{Subject: token.Subject}
	if said.AuthTime > 0 {
		out.AuthTime = instant(said.AuthTime)
	}
	heard := said.statement
	if (heard.Email == "" || heard.Verified.is == nil || !*heard.Verified.is) && m.userinfo != "" {
		if heard, err = c.ask(ctx, m, token.Subject, access, heard); err != nil {
			return nil, err
		}
	}
	out.Email, out.EmailVerified, out.Name, out.GivenName, out.FamilyName, out.Locale, out.Zone = heard.Email, heard.Verified.is, heard.Name, heard.GivenName, heard.FamilyName, heard.Locale, heard.Zone
	for _, text := range []*string{&out.Email, &out.Name, &out.GivenName, &out.FamilyName, &out.Locale, &out.Zone} {
		if !legible(*text) {
			*text = ""
		}
	}
	return out, nil
}

// ask reads userinfo, for ID tokens that carry no address that counts. What the ID token said stands where userinfo is silent. An answer about somebody else
// ends the journey (Core, section 5.3.2); none at all does not.
func (c *Client) ask(ctx context.Context, m *metadata, subject, access string, said statement) (statement, error) {
	info, err := m.UserInfo(c.context(ctx), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: access}))
	if err != nil {
		return said, nil
	}
	if info.Subject != subject {
		return said, failed(Rejected, "read userinfo", errors.New("it speaks of somebody else"))
	}
	var heard statement
	if err := info.Claims(&heard); err != nil {
		return said, failed(Rejected, "read userinfo", err)
	}
	if heard.Email == "" {
		heard.Email, heard.Verified = said.Email, said.Verified
	}
	heard.Name, heard.GivenName, heard.FamilyName = cmp.Or(heard.Name, said.Name), cmp.Or(heard.GivenName, said.GivenName), cmp.Or(heard.FamilyName, said.FamilyName)
	heard.Locale, heard.Zone = cmp.Or(heard.Locale, said.Locale), cmp.Or(heard.Zone, said.Zone)
	return heard, nil
}

func instant(seconds float64) time.Time { return time.Unix(int64(min(seconds, 1<<40)), 0) }

// legible says that a text can be kept and shown.
func legible(s string) bool {
	return len(s) <= longestText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

var _ json.Unmarshaler = (*word)(nil)
