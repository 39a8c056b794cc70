package web_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/web"
)

// aSecond is what is promised, and what a busy machine adds.
const aSecond = 1500 * time.Millisecond

// elsewhere is another process with the same database: it shares nothing in memory, and nobody pokes it.
func (h *house) elsewhere(t *testing.T) *house {
	t.Helper()
	d, err := db.Open(t.Context(), h.DB.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	d.SetClock(h.DB.Now)
	rights := authz.New(d, h.keys.Part().Grants...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- rights.Revoked().Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	spine := *h.Bundle
	spine.DB, spine.Authz, spine.Door = d, rights, &door.Door{DB: d, Authz: rights, Ledger: h.Ledger, Vault: h.Vault, Hub: h.Hub, Guards: h.Door.Guards}
	there := &house{Bundle: &spine, logs: &logs{}}
	there.sessions = &session.Service{DB: d, Door: there.Door, Authz: rights, Vault: h.Vault, Idle: h.sessions.Idle}
	factors := &factor.Service{DB: d, Door: there.Door, Vault: h.Vault, Limit: limit.New(nil), Sessions: there.sessions}
	there.keys = &apikey.Service{DB: d, Door: there.Door, Authz: rights}
	credentials := &credential.Service{DB: d, Door: there.Door, Vault: h.Vault, Limit: limit.New(nil), Sessions: there.sessions, Factors: factors,
		Home: func(context.Context, ident.UserID) (*ident.OrgID, error) { return &h.Org, nil }}
	there.serve(t, web.New(web.Config{GraphQL: graphQL(there), Sessions: there.sessions, Credentials: credentials, Factors: factors, Keys: there.keys, Accounts: &account.Service{DB: d}, Origin: console,
		Log: slog.New(slog.DiscardHandler)}))
	return there
}

// watch opens a stream in this process that ends with its caller's rights, and answers what waits for that and says how long it took since.
func (b *browser) watch(t *testing.T) (ended func(since time.Time) time.Duration) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", b.base+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "__Host-np_s="+b.cookie)
	req.Header.Set("X-Watch", "1")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "watching" {
		t.Fatal("the stream did not begin")
	}
	return func(since time.Time) time.Duration {
		t.Helper()
		if !lines.Scan() || lines.Text() != "ended" {
			t.Fatalf("the stream said %q, %v", lines.Text(), lines.Err())
		}
		return time.Since(since)
	}
}

// BFF.Auth.1: name and password become a cookie.
func TestBFFAuth1_SignIn(t *testing.T) {
	t.Parallel()
	body := `{"username":"acme@example.com","password":"` + password + `"}`
	t.Run("a", func(t *testing.T) { // a planted cookie is dead after the sign-in
		t.Parallel()
		h := setup(t)
		for name, planted := range map[string]string{"Invented": "sgn_01k9zzzzzzzzzzzzzzzzzzzzzz.1." + strings.Repeat("A", 43), "Garbage": "x"} {
			r := h.do(t, "POST", "/auth/sign-in", body, "Cookie", "__Host-np_s="+planted)
			if c := r.cookie(); r.StatusCode != http.StatusOK || c == nil || strings.HasPrefix(c.Value, strings.Split(planted, ".")[0]+".") {
				t.Fatalf("%s: %d %s, cookie %v", name, r.StatusCode, r.text, c)
			}
			if r := h.do(t, "GET", "/auth/session", "", "Cookie", "__Host-np_s="+planted); r.json["result"] != "nobody" {
				t.Errorf("%s: the planted cookie became a session: %s", name, r.text)
			}
		}
		attacker := h.browser(t) // has a session of their own, and puts its cookie into the victim's browser, whose page reads the CSRF value as any page does
		r := attacker.send(t, "POST", "/auth/sign-in", body)
		if r.StatusCode != http.StatusOK || strings.Split(r.cookie().Value, ".")[0] == strings.Split(attacker.cookie, ".")[0] {
			t.Fatalf("%d %s", r.StatusCode, r.text)
		}
		eventually(t, "the planted session lives on", func() bool { return attacker.send(t, "GET", "/auth/session", "").json["result"] == "nobody" })
	})
	t.Run("b", func(t *testing.T) { // the cookie's flags, which nobody's header changes
		t.Parallel()
		h := setup(t, trustLoopback)
		for _, header := range [][]string{nil, {"X-Forwarded-Proto", "http"}, {"X-Forwarded-Host", "evil.example"}, {"Forwarded", "proto=http;host=evil.example"}} {
			r := h.do(t, "POST", "/auth/sign-in", body, header...)
			raw := strings.Join(r.Header.Values("Set-Cookie"), "\n")
			for _, flag := range []string{"__Host-np_s=sgn_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
				if !strings.Contains(raw, flag) {
					t.Errorf("with %q it lacks %s: %s", header, flag, raw)
				}
			}
			if strings.Contains(raw, "Domain") || strings.Contains(r.text, strings.Split(r.cookie().Value, ".")[2]) {
				t.Errorf("with %q: %s and %s", header, raw, r.text)
			}
		}
	})
	t.Run("d", func(t *testing.T) { // POST /login, for a page without scripts
		t.Parallel()
		h := setup(t)
		kind := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
		r := h.do(t, "POST", "/login", form("username", "acme@example.com", "password", password), kind...)
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/acme" || r.cookie() == nil {
			t.Fatalf("%d to %q: %s", r.StatusCode, r.Header.Get("Location"), r.text)
		}
		if who := h.do(t, "GET", "/auth/session", "", "Cookie", "__Host-np_s="+r.cookie().Value); who.json["result"] != "signed_in" {
			t.Errorf("its cookie: %s", who.text)
		}
		if r := h.do(t, "POST", "/login", form("username", "acme@example.com", "password", "wrong horse battery"), kind...); r.code() != "UNAUTHENTICATED credentials" || r.cookie() != nil {
			t.Errorf("a wrong password: %d %s", r.StatusCode, r.text)
		}
	})
}

// BFF.Auth.2: a session in use lives on, in every tab of its browser.
func TestBFFAuth2_Refresh(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { // two tabs, for ten minutes of sessions of five seconds
		t.Parallel()
		h := setup(t)
		h.sessions.Idle = 5 * time.Second
		there := h.elsewhere(t)
		b := h.browser(t)
		var jar sync.Mutex // the tabs of a browser share its cookies
		shared, cookies := b.cookie, map[string]bool{}
		tab := func(at *house) error {
			jar.Lock()
			mine := shared
			jar.Unlock()
			r := at.do(t, "POST", "/auth/refresh", "{}", "Cookie", "__Host-np_s="+mine, "X-Nameplate-Csrf", b.csrf)
			if r.StatusCode != http.StatusOK || r.json["result"] != "signed_in" {
				return fmt.Errorf("%d %s", r.StatusCode, r.text)
			}
			jar.Lock()
			defer jar.Unlock()
			shared, cookies[r.cookie().Value] = r.cookie().Value, true
			return nil
		}
		for second := 0; second < 600; second += 4 {
			var wg sync.WaitGroup
			for _, at := range []*house{h, there} {
				wg.Go(func() {
					if err := tab(at); err != nil {
						t.Errorf("after %d seconds: %v", second, err)
					}
				})
			}
			if wg.Wait(); t.Failed() {
				return
			}
			h.ahead(4 * time.Second)
		}
		if n := len(cookies); n < 40 || n > 60 { // a new secret every ten seconds and no more
			t.Errorf("%d secrets in ten minutes", n)
		}
		h.ahead(6 * time.Second)
		eventually(t, "a session that nobody refreshed", func() bool {
			return h.do(t, "GET", "/auth/session", "", "Cookie", "__Host-np_s="+shared).json["result"] == "nobody"
		})
	})
	t.Run("Copied", func(t *testing.T) { // whoever shows an older secret later ends the session, in every process
		t.Parallel()
		h := setup(t)
		there := h.elsewhere(t)
		b := h.browser(t)
		r := b.send(t, "POST", "/auth/refresh", "{}")
		if r.StatusCode != http.StatusOK || r.cookie() == nil || r.cookie().Value == b.cookie {
			t.Fatalf("%d %s", r.StatusCode, r.text)
		}
		victim := &browser{house: there, cookie: r.cookie().Value, csrf: b.csrf}
		ended := victim.watch(t)
		h.ahead(11 * time.Second)
		eventually(t, "the former secret counts", func() bool { return b.send(t, "GET", "/auth/session", "").json["result"] == "nobody" })
		if took := ended(time.Now()); took > aSecond {
			t.Errorf("the other process's stream ended after %s", took)
		}
		if r := victim.send(t, "POST", "/auth/refresh", "{}"); r.code() != "UNAUTHENTICATED" {
			t.Errorf("the present secret: %d %s", r.StatusCode, r.text)
		}
	})
	t.Run("Nobody", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		for _, cookie := range []string{"", "__Host-np_s=x"} {
			if r := h.do(t, "POST", "/auth/refresh", "{}", "Cookie", cookie); r.StatusCode != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED" {
				t.Errorf("%q: %d %s", cookie, r.StatusCode, r.text)
			}
		}
	})
}

// BFF.Auth.3: signing out ends the session at the server.
func TestBFFAuth3_SignOut(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { // the old cookie, played again
		t.Parallel()
		h := setup(t)
		b := h.browser(t)
		r := b.send(t, "POST", "/auth/sign-out", "{}")
		if c := r.cookie(); r.StatusCode != http.StatusOK || c == nil || c.MaxAge >= 0 || r.Header.Get("Clear-Site-Data") != `"storage"` {
			t.Errorf("%d %s, %v, %v", r.StatusCode, r.text, c, r.Header)
		}
		for _, path := range []string{"/auth/refresh", "/auth/step-up"} {
			if r := b.send(t, "POST", path, `{}`); r.StatusCode != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED" {
				t.Errorf("%s: %d %s", path, r.StatusCode, r.text)
			}
		}
		if r := b.send(t, "POST", "/graphql", "{}"); r.json["kind"] != "PUBLIC" {
			t.Errorf("GraphQL saw %s", r.text)
		}
	})
	t.Run("b", func(t *testing.T) { // everywhere: another browser, which another process serves
		t.Parallel()
		h := setup(t)
		there := h.elsewhere(t)
		one, two := h.browser(t), there.browser(t)
		ended := two.watch(t)
		if r := two.send(t, "GET", "/auth/session", ""); r.json["result"] != "signed_in" { // remembered there
			t.Fatal(r.text)
		}
		began := time.Now()
		if r := one.send(t, "POST", "/auth/sign-out", `{"everywhere": true}`); r.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", r.StatusCode, r.text)
		}
		if took := ended(began); took > aSecond {
			t.Errorf("its stream ended after %s", took)
		}
		eventually(t, "the second browser is signed in", func() bool { return two.send(t, "GET", "/auth/session", "").json["result"] == "nobody" })
		if took := time.Since(began); took > aSecond {
			t.Errorf("the second browser was out after %s", took)
		}
	})
}
