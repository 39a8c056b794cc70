// Package ssotest is an OpenID provider for tests: one that does everything right, until it is told to lie.
package ssotest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that every peer knows.
const (
	ClientID     = "nameplate"
	ClientSecret = "s3cret-of-the-client"
)

// Peer is a provider. Claims and Info are what it says of whoever signs in; Lie changes what it is about to say.
type Peer struct {
	URL string // issuer

	mu      sync.Mutex
	subject string
	claims  map[string]any // of the ID token, beside those of the protocol
	info    map[string]any // of userinfo
	lie     Lie
	codes   map[string]url.Values // requests by code; used once
	keys    []key
	asked   map[string]int // requests by path
}

// Lie is what a peer does wrong. Nil members do right.
type Lie struct {
	Discovery func(map[string]any)                         // the document before it is sent
	Claims    func(map[string]any)                         // the ID token's before they are signed
	Sign      func(claims map[string]any, k Signer) string // the ID token itself; "" for none
	Token     func(map[string]any)                         // the token response
	Serve     func(w http.ResponseWriter, r *http.Request) bool
	Return    func(url.Values) // what the browser brings back
}

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

// Signer signs as the peer does.
type Signer struct {
	ID      string
	Private *ecdsa.PrivateKey
}

// Start runs a peer on loopback until the test ends.
func Start(t testing.TB) *Peer {
	t.Helper()
	p := &Peer{subject: "subject-1", claims: map[string]any{}, info: map[string]any{}, codes: map[string]url.Values{}, asked: map[string]int{}}
	p.Rotate()
	s := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Person is who signs in from now on, with the claims of ID token and userinfo.
func (p *Peer) Person(subject string, claims, info map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subject, p.claims, p.info = subject, claims, info
}

// Mailed is a person whose ID token carries an address that the peer has verified.
func (p *Peer) Mailed(subject, email string) {
	p.Person(subject, map[string]any{"email": email, "email_verified": true, "given_name": "Ada", "family_name": "Lovelace"}, nil)
}

// Lies makes the peer lie from now on; the zero value makes it honest again.
func (p *Peer) Lies(l Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

// Rotate takes a new key in place of the present ones, and answers a signer for the one before.
func (p *Peer) Rotate() Signer {
	p.mu.Lock()
	defer p.mu.Unlock()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	var before Signer
	if len(p.keys) > 0 {
		before = Signer{p.keys[0].id, p.keys[0].private}
	}
	p.keys = []key{{rand.Text(), private}}
	return before
}

// Asked is how often a path was asked for.
func (p *Peer) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *Peer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	if p.lie.Serve != nil && p.lie.Serve(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "authorization_response_iss_parameter_supported": true}
		if p.lie.Discovery != nil {
			p.lie.Discovery(doc)
		}
		answer(w, http.StatusOK, doc)
	case "/keys":
		set := jose.JSONWebKeySet{}
		for _, k := range p.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: "ES256", Use: "sig"})
		}
		answer(w, http.StatusOK, set)
	case "/authorize":
		code, q := rand.Text(), r.URL.Query()
		p.codes[code] = q
		back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}
		if p.lie.Return != nil {
			p.lie.Return(back)
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		out := maps.Clone(p.info)
		if out == nil {
			out = map[string]any{}
		}
		if _, there := out["sub"]; !there {
			out["sub"] = p.subject
		}
		answer(w, http.StatusOK, out)
	default:
		http.NotFound(w, r)
	}
}

// token exchanges a code once, for the client that asked for it, with its verifier.
func (p *Peer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	asked := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case id != ClientID || secret != ClientSecret:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case asked == nil, asked.Get("code_challenge_method") != "S256", asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]), asked.Get("redirect_uri") != r.FormValue("redirect_uri"):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now, access := time.Now(), rand.Text()
	claims := map[string]any{"iss": p.URL, "sub": p.subject, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": asked.Get("nonce"), "at_hash": half(access)}
	if asked.Get("max_age") == "0" {
		claims["auth_time"] = now.Unix()
	}
	maps.Copy(claims, p.claims)
	if p.lie.Claims != nil {
		p.lie.Claims(claims)
	}
	k := Signer{p.keys[0].id, p.keys[0].private}
	raw := ""
	if p.lie.Sign != nil {
		raw = p.lie.Sign(claims, k)
	} else {
		raw = k.Sign(claims)
	}
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": raw}
	if p.lie.Token != nil {
		p.lie.Token(out)
	}
	answer(w, http.StatusOK, out)
}

// Sign makes an ID token with ES256.
func (k Signer) Sign(claims map[string]any) string {
	return sign(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.Private, KeyID: k.ID}}, claims)
}

// MAC makes one with HS256, by a secret that is none.
func (k Signer) MAC(claims map[string]any, secret []byte) string {
	return sign(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: k.ID}}, claims)
}

// Stranger is a signer with the peer's key id and another key.
func (k Signer) Stranger() Signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return Signer{k.ID, private}
}

// Unsigned makes one with the algorithm "none".
func Unsigned(claims map[string]any) string {
	raw, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + b64(raw) + "."
}

func sign(with jose.SigningKey, claims map[string]any) string {
	s, err := jose.NewSigner(with, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	raw, _ := json.Marshal(claims)
	signed, err := s.Sign(raw)
	if err != nil {
		panic(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

// half is at_hash (OpenID Connect Core 1.0, section 3.1.3.6).
func half(access string) string {
	h := crypto.SHA256.New()
	h.Write([]byte(access))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// Visit signs the person in at an authorization address, and answers where the browser is sent.
func Visit(t testing.TB, address string) *url.URL {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 10 * time.Second}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatalf("the peer answered %s to %s: %v", res.Status, address, err)
	}
	return to
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Redirects answers requests to a path with a redirect to itself elsewhere.
func Redirects(path string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		http.Redirect(w, r, strings.TrimSuffix(path, "/")+"/elsewhere", http.StatusTemporaryRedirect)
		return true
	}
}

// Fails answers requests to a path with a status and a body.
func Fails(path string, status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}
