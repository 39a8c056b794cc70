package app

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web"
)

const (
	ssoOrigin   = "http://localhost:20100"
	ssoPassword = "a long walk by the sea"
)

// ssoHouse is the whole product without its loops, and an organization with an owner.
type ssoHouse struct {
	*App
	door  http.Handler
	org   ident.OrgID
	owner ident.UserID
}

func openSSO(t *testing.T, with ...func(*Settings)) *ssoHouse {
	t.Helper()
	return openLogged(t, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), with...)
}

func openLogged(t *testing.T, log *slog.Logger, with ...func(*Settings)) *ssoHouse {
	t.Helper()
	s := Settings{Profile: "lab", KEK: "file:" + t.TempDir() + "/kek", ConsoleOrigin: ssoOrigin, Edge: EdgeSettings{Zone: "edge.lab"}, DNS: DNSSettings{AllowPrivate: true}}
	for _, adjust := range with {
		adjust(&s)
	}
	a, err := Build(t.Context(), s, dbtest.New(t), nil, log)
	if err != nil {
		t.Fatal(err)
	}
	h := &ssoHouse{App: a}
	h.door = web.New(web.Config{Sessions: a.Sessions, Credentials: a.Credentials, Factors: a.Factors, Keys: a.Keys, Accounts: a.Accounts, SSO: a.SSO, Origin: ssoOrigin, Log: a.Log,
		GraphQL: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})})
	h.owner, h.org, err = a.CreateDeveloper(t.Context(), Developer{Email: "owner@acme.example", Name: "Olga Owner", Password: secret.New(ssoPassword), Organization: "Acme", Slug: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// as is a request of a person who signed in just now.
func (h *ssoHouse) as(ctx context.Context, user ident.UserID) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: user, SessionID: ident.New[ident.SessionID](h.DB.Now()), AuthTime: h.DB.Now(), AAL: 1, Locale: "en"})
}

// installed makes the peer a provider of the installation.
func (h *ssoHouse) installed(t *testing.T, p *ssotest.Peer, slug string, trust bool, domains ...string) {
	t.Helper()
	if err := h.SSO.Install(t.Context(), []sso.Installed{{Slug: slug, Name: "Peer", Issuer: p.URL, ClientID: ssotest.ClientID, ClientSecret: secret.New(ssotest.ClientSecret),
		Scopes: []string{"openid", "email"}, TrustEmail: trust, EmailDomains: append([]string{}, domains...)}}); err != nil {
		t.Fatal(err)
	}
}

// own makes the peer a provider of an organization.
func (h *ssoHouse) own(t *testing.T, p *ssotest.Peer, slug string) *sso.SsoProviderConfig {
	t.Helper()
	c, err := h.SSO.Save(h.as(t.Context(), h.owner), sso.SaveSsoProviderInput{OrganizationID: h.org, Slug: slug, Name: "Acme's own", Issuer: p.URL, ClientID: ssotest.ClientID, ClientSecret: secret.New(ssotest.ClientSecret), Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// txt is a DNS in which every name has these values.
type txt map[string]string

func (d txt) TXT(_ context.Context, _, name, value string) error {
	if d[name] == value || d[name] == "*" {
		return nil
	}
	return io.ErrUnexpectedEOF
}

// prove proves a mail domain for the house's organization.
func (h *ssoHouse) prove(t *testing.T, domain string) {
	t.Helper()
	h.SSO.Prover = txt{"_nameplate-sso." + domain: "*"}
	me := h.as(t.Context(), h.owner)
	if _, err := h.SSO.StartDomain(me, h.org, domain); err != nil {
		t.Fatal(err)
	}
	if d, err := h.SSO.CheckDomain(me, h.org, domain); err != nil || d.State != sso.SsoDomainProven {
		t.Fatalf("%+v, %v", d, err)
	}
}

func (h *ssoHouse) count(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := h.DB.QueryRow(t.Context(), "select count(*) from "+sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// visitor is a browser.
type visitor struct {
	*ssoHouse
	cookies map[string]string
	csrf    string
	from    string // address
}

var ssoVisitors atomic.Int64

// visitor is a browser in a network of its own, so that nobody's limits count for others.
func (h *ssoHouse) visitor() *visitor {
	return &visitor{ssoHouse: h, cookies: map[string]string{}, from: fmt.Sprintf("[2001:db8:%x::1]:4711", ssoVisitors.Add(1))}
}

func (v *visitor) send(t *testing.T, method, path, kind, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" || method == http.MethodPost {
		r.Header.Set("Content-Type", kind)
	}
	r.RemoteAddr = v.from
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if v.csrf != "" {
		r.Header.Set("X-Nameplate-Csrf", v.csrf)
	}
	w := httptest.NewRecorder()
	v.door.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// json sends JSON and answers the body.
func (v *visitor) json(t *testing.T, path, body string) (int, string) {
	t.Helper()
	res := v.send(t, http.MethodPost, path, "application/json", body)
	return res.StatusCode, text(t, res)
}

// signIn is a sign-in by password.
func (v *visitor) signIn(t *testing.T, email string) {
	t.Helper()
	status, body := v.json(t, "/auth/sign-in", `{"username":"`+email+`","password":"`+ssoPassword+`"}`)
	if status != http.StatusOK {
		t.Fatalf("sign in: %d %s", status, body)
	}
	v.learn(t)
}

func (v *visitor) signedIn() bool { return v.cookies["__Host-np_s"] != "" }

// learn reads the value of CSRF, as the console does.
func (v *visitor) learn(t *testing.T) string {
	t.Helper()
	v.csrf = ""
	body := text(t, v.send(t, http.MethodGet, "/auth/session", "", ""))
	if m := regexp.MustCompile(`"csrf":"([^"]+)"`).FindStringSubmatch(body); m != nil {
		v.csrf = m[1]
	}
	return body
}

var leads = regexp.MustCompile(`content="0;url=([^"]+)"`)

// begin posts the form of a provider, and answers where the browser goes: the provider's address, or a page of ours.
func (v *visitor) begin(t *testing.T, path string, form url.Values) string {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrf", v.csrf)
	res := v.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	if m := leads.FindStringSubmatch(text(t, res)); m != nil {
		return html.UnescapeString(m[1])
	}
	return res.Header.Get("Location")
}

// back follows the provider's redirect to us, and answers where that leads.
func (v *visitor) back(t *testing.T, to *url.URL) string {
	t.Helper()
	if !strings.HasPrefix(to.String(), ssoOrigin+"/auth/sso/callback/") {
		t.Fatalf("the provider sent the browser to %s", to)
	}
	res := v.send(t, http.MethodGet, to.RequestURI(), "", "")
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", res.StatusCode, text(t, res))
	}
	return res.Header.Get("Location")
}

// through is a whole journey.
func (v *visitor) through(t *testing.T, slug string, form url.Values) string {
	t.Helper()
	to := v.begin(t, "/auth/sso/"+slug, form)
	if strings.HasPrefix(to, "/") {
		return to
	}
	return v.back(t, ssotest.Visit(t, to))
}
