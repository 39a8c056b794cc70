package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// Caller is how somebody knocks: with a bearer credential or a browser's cookie, from which origin, at which application's address. Zero is nobody.
type Caller struct {
	Bearer       string
	Cookie, CSRF string
	App          string // public key of the application in the address (?app=)
	Origin       string
}

// With is the same house for a subtest.
func (h *House) With(t testing.TB) *House {
	c := *h
	c.t = t
	return &c
}

// path is the address of /graphql for the caller.
func (c Caller) path() string {
	if c.App == "" {
		return ""
	}
	return "?app=" + c.App
}

// header are the caller's.
func (c Caller) header() http.Header {
	h := http.Header{}
	for k, v := range map[string]string{"Origin": c.Origin, "X-Nameplate-Csrf": c.CSRF} {
		if v != "" {
			h.Set(k, v)
		}
	}
	if c.Bearer != "" {
		h.Set("Authorization", "Bearer "+c.Bearer)
	}
	if c.Cookie != "" {
		h.Set("Cookie", "__Host-np_s="+c.Cookie)
	}
	return h
}

// Post sends a body to /graphql as it stands and answers the status and what came back.
func (h *House) Post(c Caller, body []byte, header ...string) (*http.Response, []byte) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.Addresses.GraphQL+c.path(), bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header = c.header()
	r.Header.Set("Content-Type", "application/json")
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatalf("ask the API: %v", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatalf("read the API's answer: %v", err)
	}
	return res, raw
}

// Send asks with a text, or with the id of a trusted document.
func (h *House) Send(c Caller, q Query) Answer {
	h.t.Helper()
	body, err := json.Marshal(q)
	if err != nil {
		h.t.Fatal(err)
	}
	res, raw := h.Post(c, body)
	a := Answer{Status: res.StatusCode, Raw: raw}
	if err := json.Unmarshal(raw, &a); err != nil {
		h.t.Fatalf("the API answered %d %q", a.Status, raw)
	}
	return a
}

// Query is the body of a request, and the payload of a subscription.
type Query struct {
	Text       string         `json:"query,omitempty"`
	Document   string         `json:"-"`
	Variables  map[string]any `json:"variables,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// MarshalJSON names a trusted document in the extensions, which every transport reads.
func (q Query) MarshalJSON() ([]byte, error) {
	type plain Query
	if q.Document != "" {
		q.Extensions = map[string]any{"documentId": q.Document}
	}
	return json.Marshal(plain(q))
}

// Documents are the trusted texts of a front end by their ids: console or widget.
func (h *House) Documents(front string) map[string]string {
	h.t.Helper()
	raw, err := os.ReadFile(filepath.Join(Root(h.t), "graph", "documents", front+".json"))
	if err != nil {
		h.t.Fatal(err)
	}
	list := map[string]string{}
	if err := json.Unmarshal(raw, &list); err != nil {
		h.t.Fatal(err)
	}
	byID := map[string]string{}
	for id, text := range list {
		byID["sha256:"+strings.TrimPrefix(id, "sha256:")] = text
	}
	return byID
}

// Root is the checkout that the test runs in.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the working directory")
	return ""
}

// SignIn gives a browser in which the stage's developer is signed in.
func (h *House) SignIn() Caller { h.t.Helper(); return h.SignInAs(stage.Email, stage.Password) }

// SignInAs gives a browser in which somebody is signed in.
func (h *House) SignInAs(email, password string) Caller {
	h.t.Helper()
	body, _ := json.Marshal(map[string]string{"username": email, "password": password})
	res, err := http.Post(h.Addresses.Console+"/auth/sign-in", "application/json", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	var in struct{ CSRF string }
	raw, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(raw, &in); err != nil || res.StatusCode != http.StatusOK {
		h.t.Fatalf("sign in: %d %s", res.StatusCode, raw)
	}
	c := Caller{CSRF: in.CSRF}
	for _, k := range res.Cookies() {
		if k.Name == "__Host-np_s" {
			c.Cookie = k.Value
		}
	}
	if c.Cookie == "" || c.CSRF == "" {
		h.t.Fatalf("sign in gave no cookie or no CSRF value: %v %s", res.Header, raw)
	}
	return c
}

// Tenant is another organization on the same stage, with a developer, an application and a key that may do everything.
type Tenant struct {
	User        ident.UserID
	Org         ident.OrgID
	Application ident.ApplicationID
	PublicKey   string
	Recipe      ident.RecipeID
	Email       string
	Password    string
	Key         Caller
	KeyID       ident.KeyID
}

// Tenant makes one.
func (h *House) Tenant(slug string) Tenant {
	h.t.Helper()
	t := Tenant{Email: "dev@" + slug + ".example", Password: "correct horse " + slug}
	ctx := h.t.Context()
	var err error
	if t.User, t.Org, err = h.App.CreateDeveloper(ctx, app.Developer{Email: t.Email, Name: "Dev " + slug, Password: secret.New(t.Password), Organization: slug, Slug: slug, TermsAccepted: true}); err != nil {
		h.t.Fatal(err)
	}
	as := authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: t.User, OrgID: t.Org, AuthTime: h.App.DB.Now(), AAL: 1, RequestID: "tenant", Locale: "en"})
	h.Until("the first application of "+slug, 15*time.Second, func() (bool, string) {
		apps, err := h.App.Applications.List(as, t.Org, nil, page.Args{First: 1})
		if err != nil || len(apps.Nodes) == 0 {
			return false, fmt.Sprint(err)
		}
		t.Application, t.PublicKey, t.Recipe = apps.Nodes[0].ID, apps.Nodes[0].PublicKey, apps.Nodes[0].RecipeID
		return true, ""
	})
	k, err := h.App.Keys.Create(as, apikey.CreateApiKeyInput{Description: slug + "'s server", OrganizationID: &t.Org, Scopes: h.everything(as, t.Org)})
	if err != nil {
		h.t.Fatal(err)
	}
	t.Key, t.KeyID = Caller{Bearer: k.Secret.Reveal()}, k.ApiKey.ID
	return t
}

// Key makes a key of the stage's developer that may do everything in the organization, or in one application alone.
func (h *House) Key(application *ident.ApplicationID) (Caller, ident.KeyID) {
	h.t.Helper()
	as := h.As(h.t.Context())
	k, err := h.App.Keys.Create(as, apikey.CreateApiKeyInput{Description: "a test's key", OrganizationID: &h.Org, ApplicationID: application, Scopes: h.everything(as, h.Org)})
	if err != nil {
		h.t.Fatal(err)
	}
	return Caller{Bearer: k.Secret.Reveal()}, k.ApiKey.ID
}

// Widget mints a token for the stage's application, as the integrator's server does, and answers its caller and its id.
func (h *House) Widget(input map[string]any) (Caller, string) {
	h.t.Helper()
	in := map[string]any{"applicationId": h.Addresses.ApplicationID}
	for k, v := range input {
		in[k] = v
	}
	var out struct {
		CreateWidgetToken struct{ Token, TokenID string }
	}
	h.Must(`mutation($in: CreateWidgetTokenInput!) { createWidgetToken(input: $in) { token tokenId } }`, map[string]any{"in": in}, &out)
	return Caller{Bearer: out.CreateWidgetToken.Token}, out.CreateWidgetToken.TokenID
}

func (h *House) everything(ctx context.Context, org ident.OrgID) []string {
	h.t.Helper()
	all, err := h.App.Authz.Permissions(ctx, org)
	if err != nil {
		h.t.Fatal(err)
	}
	scopes := make([]string, len(all))
	for n, p := range all {
		scopes[n] = string(p)
	}
	return scopes
}
