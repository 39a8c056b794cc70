package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSignIn_GivesACookieThatOnlyThisHostCanRead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	r := h.signIn(t, " Acme@Example.com ", password)
	if r.StatusCode != http.StatusOK || r.json["result"] != "signed_in" {
		t.Fatalf("%d %s", r.StatusCode, r.text)
	}
	c := r.cookie()
	if c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 7*24*3600 {
		t.Fatalf("the cookie: %+v", c)
	}
	if cc := r.Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control: %s", cc)
	}
	viewer := r.json["viewer"].(map[string]any)
	if viewer["userId"] != h.User.String() || viewer["landing"] != "/acme" {
		t.Errorf("viewer: %v", viewer)
	}
	expires, err := time.Parse(time.RFC3339, r.json["expiresAt"].(string))
	if left := time.Until(expires); err != nil || left < 7*time.Hour || left > 8*time.Hour {
		t.Errorf("expires in %s, %v", left, err)
	}
	b := &browser{house: h, cookie: c.Value, csrf: r.json["csrf"].(string)}
	if again := b.send(t, "GET", "/auth/session", ""); again.json["result"] != "signed_in" || again.json["csrf"] != b.csrf {
		t.Errorf("GET /auth/session: %s", again.text)
	}
	if who := b.send(t, "POST", "/graphql", "{}"); who.json["kind"] != "USER" || who.json["user"] != h.User.String() || who.json["org"] != h.Org.String() {
		t.Errorf("GraphQL saw %s", who.text)
	}
}

func TestSignIn_RefusesEverythingElseAlike(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var first string
	for name, with := range map[string][2]string{
		"WrongPassword": {"acme@example.com", "wrong horse battery"}, "UnknownName": {"nobody@example.com", password}, "NoName": {"", password}, "NoPassword": {"acme@example.com", ""},
		"LongName": {strings.Repeat("a", 300), password}, "LongPassword": {"acme@example.com", strings.Repeat("a", 300)}, "NulInName": {"acme\x00@example.com", password},
		"Quote": {"' or 1=1 --", password}, "Newlines": {"acme@example.com\r\nX-Header: 1", password}, "NulInPassword": {"acme@example.com", "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.signIn(t, with[0], with[1])
			if r.StatusCode != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED credentials" || r.cookie() != nil {
				t.Fatalf("%d %s, cookie %v", r.StatusCode, r.text, r.cookie())
			}
			delete(r.json, "requestId")
			raw, _ := json.Marshal(r.json)
			if first == "" {
				first = string(raw)
			}
			if string(raw) != first {
				t.Errorf("%s differs from %s", raw, first)
			}
		})
	}
}

func TestSignIn_WaitsLongerAfterEachMistake(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, name := range []string{"acme@example.com", "nobody@example.com"} {
		for n := range 4 {
			if r := h.signIn(t, name, "wrong horse battery"); r.code() != "UNAUTHENTICATED credentials" {
				t.Fatalf("try %d of %s: %d %s", n+1, name, r.StatusCode, r.text)
			}
		}
		waited := 0
		for n := range 4 {
			h.signIn(t, name, "wrong horse battery") // the fifth mistake, and each after it, blocks
			r := h.signIn(t, name, password)
			wait, _ := r.json["retryAfter"].(float64)
			if r.StatusCode != http.StatusTooManyRequests || r.code() != "RATE_LIMITED" || r.Header.Get("Retry-After") == "" || int(wait) <= waited {
				t.Fatalf("mistake %d of %s: %d %s after a wait of %d s", n+5, name, r.StatusCode, r.text, waited)
			}
			waited = int(wait)
			h.ahead(time.Duration(wait) * time.Second)
			if n == 1 {
				break // ten tries in five minutes are the other limit
			}
		}
	}
}

func TestSignIn_ElsewhereIsNotLockedOut(t *testing.T) {
	t.Parallel()
	h := setup(t, trustLoopback)
	for range 6 {
		h.signIn(t, "acme@example.com", "wrong horse battery", "X-Forwarded-For", "198.51.100.7")
	}
	if r := h.signIn(t, "acme@example.com", password, "X-Forwarded-For", "198.51.100.7"); r.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("the network with the mistakes: %d %s", r.StatusCode, r.text)
	}
	if r := h.signIn(t, "acme@example.com", password, "X-Forwarded-For", "203.0.113.9"); r.StatusCode != http.StatusOK {
		t.Fatalf("another network: %d %s", r.StatusCode, r.text)
	}
}

func TestSignIn_AgainEndsTheFormerSession(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	body := `{"username":"acme@example.com","password":"` + password + `"}`
	if r := h.do(t, "POST", "/auth/sign-in", body, "Cookie", "__Host-np_s="+b.cookie); r.code() != "FORBIDDEN csrf" {
		t.Fatalf("signing somebody in over a living session without its CSRF value: %s", r.text)
	}
	r := b.send(t, "POST", "/auth/sign-in", body)
	if r.StatusCode != http.StatusOK || r.cookie().Value == b.cookie {
		t.Fatalf("%d %s", r.StatusCode, r.text)
	}
	if old := b.send(t, "GET", "/auth/session", ""); old.json["result"] != "nobody" {
		t.Errorf("the former session lives: %s", old.text)
	}
}

func TestSignIn_KeepsSecretsOutOfLogAndLedger(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	h.signIn(t, "acme@example.com", "hunter2-hunter2-hunter2")
	h.do(t, "POST", "/auth/sign-in", `{"username":"acme@example.com","password":["`+password+`"]}`)
	b.send(t, "POST", "/auth/step-up", `{"password":"hunter2-hunter2-hunter2"}`)
	b.send(t, "POST", "/graphql", "{}", "X-Panic", "1")
	if !strings.Contains(h.logs.String(), "handler panicked") {
		t.Fatal("the log was not captured")
	}
	var ledger string
	if err := h.DB.QueryRow(t.Context(), "select string_agg(payload::text || coalesce(context::text, ''), ' ') from event").Scan(&ledger); err != nil {
		t.Fatal(err)
	}
	secretPart := b.cookie[strings.LastIndex(b.cookie, ".")+1:]
	for name, text := range map[string]string{"log": h.logs.String(), "ledger": ledger} {
		for _, hidden := range []string{password, "hunter2", secretPart, b.csrf, "acme@example.com"} {
			if strings.Contains(text, hidden) {
				t.Errorf("the %s holds %q", name, hidden)
			}
		}
	}
}

func TestAuth_RefusesBodiesThatAreNotOneJSONObject(t *testing.T) {
	t.Parallel()
	h := setup(t)
	right := `{"username":"acme@example.com","password":"` + password + `"}`
	for name, c := range map[string]struct {
		body, kind string
		status     int
	}{
		"Form":          {form("username", "acme@example.com", "password", password), "application/x-www-form-urlencoded", 415},
		"PlainText":     {right, "text/plain", 415},
		"NoType":        {right, "", 415},
		"OtherCharset":  {right, "application/json; charset=utf-16", 415},
		"BrokenType":    {right, "application/json;;;=", 415},
		"UTF8":          {right, "application/json; charset=UTF-8", 200},
		"Empty":         {" ", "application/json", 400},
		"Cut":           {right[:20], "application/json", 400},
		"Array":         {"[" + right + "]", "application/json", 400},
		"Two":           {right + right, "application/json", 400},
		"TrailingBrace": {right + "}", "application/json", 400},
		"NumberAsName":  {`{"username":1,"password":"x"}`, "application/json", 400},
		"ObjectAsPass":  {`{"username":"a","password":{"$ne":null}}`, "application/json", 400},
		"Deep":          {strings.Repeat(`{"a":`, 20_000), "application/json", 400},
		"TooLarge":      {`{"username":"` + strings.Repeat("a", 1<<20) + `"}`, "application/json", 413},
		"TooLargeLater": {right + strings.Repeat(" ", 1<<20), "application/json", 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.do(t, "POST", "/auth/sign-in", c.body, "Content-Type", c.kind)
			if r.StatusCode != c.status {
				t.Fatalf("%d %s", r.StatusCode, r.text)
			}
			if c.status != 200 && (r.cookie() != nil || r.json["message"] == "" || strings.Contains(r.text, password) || r.json["requestId"] == nil) {
				t.Errorf("answered %s", r.text)
			}
		})
	}
}

func TestCSRF_IsAskedOfEveryChangeWithACookie(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b, other := h.browser(t), h.browser(t)
	for _, path := range []string{"/graphql", "/graphql?app=" + app, "/auth/step-up", "/auth/sign-out", "/auth/sign-in"} {
		for name, value := range map[string]string{"Missing": "", "Wrong": "AAAA", "NoBase64": "%%%", "AnotherSessions": other.csrf, "Long": strings.Repeat("A", 10_000)} {
			t.Run(strings.TrimPrefix(path, "/")+name, func(t *testing.T) {
				r := h.do(t, "POST", path, "{}", "Cookie", "__Host-np_s="+b.cookie, "X-Nameplate-Csrf", value)
				if r.StatusCode != http.StatusForbidden || r.code() != "FORBIDDEN csrf" {
					t.Fatalf("%d %s", r.StatusCode, r.text)
				}
			})
		}
	}
	if r := b.send(t, "GET", "/auth/session", ""); r.json["result"] != "signed_in" {
		t.Errorf("a refused change ended the session: %s", r.text)
	}
}

func TestCSRF_DeadCookieCountsAsAbsent(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for name, value := range map[string]string{"Garbage": "x", "Dots": "...", "Id": h.User.String() + ".1.AAAA", "Long": strings.Repeat("a", 4000), "HugeGeneration": "sgn_0.99999999999999999999.A"} {
		t.Run(name, func(t *testing.T) {
			if r := h.do(t, "POST", "/graphql", "{}", "Cookie", "__Host-np_s="+value); r.json["kind"] != "PUBLIC" {
				t.Errorf("GraphQL: %d %s", r.StatusCode, r.text)
			}
			r := h.do(t, "GET", "/auth/session", "", "Cookie", "__Host-np_s="+value)
			if c := r.cookie(); r.json["result"] != "nobody" || c == nil || c.MaxAge >= 0 || !c.Secure || c.Path != "/" {
				t.Errorf("GET /auth/session: %s, cookie %v", r.text, c)
			}
		})
	}
	if r := h.do(t, "GET", "/auth/session", ""); r.json["result"] != "nobody" || r.cookie() != nil {
		t.Errorf("without a cookie: %s", r.text)
	}
	b := h.browser(t)
	if r := b.send(t, "GET", "/auth/session", "", "Origin", "https://evil.example.com"); r.json["result"] != "nobody" || r.cookie() != nil {
		t.Errorf("another site learned of the session, or ended it: %s, cookie %v", r.text, r.cookie())
	}
}

func TestStepUp_RotatesTheSecretAndRecognisesACopy(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	if r := b.send(t, "POST", "/auth/step-up", `{"password":"wrong horse battery"}`); r.StatusCode != 422 || r.json["field"] != "password" || r.cookie() != nil {
		t.Fatalf("a wrong password: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "POST", "/auth/step-up", `{"password":"`+password+`"}`); r.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without a session: %d %s", r.StatusCode, r.text)
	}
	r := b.send(t, "POST", "/auth/step-up", `{"password":"`+password+`"}`)
	if r.StatusCode != http.StatusOK || r.cookie() == nil || r.cookie().Value == b.cookie || r.json["csrf"] != b.csrf {
		t.Fatalf("step-up: %d %s", r.StatusCode, r.text)
	}
	next := &browser{house: h, cookie: r.cookie().Value, csrf: b.csrf}
	h.ahead(9 * time.Second)
	if r := b.send(t, "POST", "/graphql", "{}"); r.json["kind"] != "USER" {
		t.Fatalf("a parallel tab nine seconds later: %d %s", r.StatusCode, r.text)
	}
	h.ahead(2 * time.Second)
	eventually(t, "the old secret still counts", func() bool { return b.send(t, "GET", "/auth/session", "").json["result"] == "nobody" })
	if r := next.send(t, "GET", "/auth/session", ""); r.json["result"] != "nobody" {
		t.Errorf("the session lives on after a copy was used: %s", r.text)
	}
	if actions := h.Actions(t); actions[len(actions)-1] != "session.reuse_detected" {
		t.Errorf("the ledger says %v", actions)
	}
}

func TestSignOut_EndsSocketsAndAnswersTheSameTwice(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", h.base+"/graphql", nil)
	req.Header.Set("Cookie", "__Host-np_s="+b.cookie)
	req.Header.Set("X-Watch", "1")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "watching" {
		t.Fatal("the stream did not begin")
	}
	began := time.Now()
	for range 2 {
		r := b.send(t, "POST", "/auth/sign-out", "{}")
		if c := r.cookie(); r.StatusCode != http.StatusOK || r.json["result"] != "nobody" || c == nil || c.MaxAge >= 0 {
			t.Fatalf("%d %s", r.StatusCode, r.text)
		}
	}
	if !lines.Scan() || lines.Text() != "ended" || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("the stream said %q after %s", lines.Text(), time.Since(began))
	}
	if r := b.send(t, "POST", "/graphql", "{}"); r.json["kind"] != "PUBLIC" {
		t.Errorf("the cookie still counts: %s", r.text)
	}
}

func TestSignOut_EverywhereEndsTheOtherBrowsers(t *testing.T) {
	t.Parallel()
	h := setup(t)
	one, two := h.browser(t), h.browser(t)
	for range 2 {
		if r := one.send(t, "POST", "/auth/sign-out", `{"everywhere": true}`); r.StatusCode != http.StatusOK || r.json["result"] != "nobody" {
			t.Fatalf("%d %s", r.StatusCode, r.text)
		}
	}
	for name, b := range map[string]*browser{"the browser that asked": one, "the other browser": two} {
		if r := b.send(t, "GET", "/auth/session", ""); r.json["result"] != "nobody" {
			t.Errorf("%s is still signed in: %s", name, r.text)
		}
	}
	if r := h.browser(t).send(t, "POST", "/auth/sign-out", `{"everywhere": "yes"}`); r.StatusCode != http.StatusBadRequest {
		t.Errorf("what is no boolean: %d %s", r.StatusCode, r.text)
	}
}

func TestSession_EndsWithoutUse(t *testing.T) {
	t.Parallel()
	h := setup(t)
	idle := h.browser(t)
	h.ahead(8*time.Hour + time.Second)
	eventually(t, "an idle session counts", func() bool { return idle.send(t, "GET", "/auth/session", "").json["result"] == "nobody" })
}

func TestForm_SignsInAndGoesOnHere(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for name, c := range map[string]struct{ to, want string }{
		"Nowhere": {"", "/acme"}, "Path": {"/acme/domains?state=LIVE", "/acme/domains?state=LIVE"}, "OtherSite": {"https://evil.example", "/acme"}, "NoScheme": {"//evil.example/x", "/acme"},
		"Backslash": {`/\evil.example`, "/acme"}, "Script": {"javascript:alert(1)", "/acme"}, "Newline": {"/a\r\nSet-Cookie: x=1", "/acme"}, "Tab": {"/\t/evil.example", "/acme"},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.do(t, "POST", "/login", form("username", "acme@example.com", "password", password, "returnTo", c.to), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
			if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != c.want || r.cookie() == nil {
				t.Fatalf("%d to %q: %s", r.StatusCode, r.Header.Get("Location"), r.text)
			}
		})
	}
	t.Run("LivingSessionNeedsTheField", func(t *testing.T) {
		b := h.browser(t)
		fields := []string{"username", "acme@example.com", "password", password}
		kind := []string{"Content-Type", "application/x-www-form-urlencoded", "Cookie", "__Host-np_s=" + b.cookie}
		if r := h.do(t, "POST", "/login", form(fields...), kind...); r.code() != "FORBIDDEN csrf" {
			t.Fatalf("without: %d %s", r.StatusCode, r.text)
		}
		if r := h.do(t, "POST", "/login", form(append(fields, "csrf", b.csrf)...), kind...); r.StatusCode != http.StatusSeeOther {
			t.Fatalf("with: %d %s", r.StatusCode, r.text)
		}
	})
	if r := h.do(t, "POST", "/login", `{"username":"a"}`); r.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "POST", "/login", "username=%zz", "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a broken form: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "POST", "/login", form("username", "nobody@example.com", "password", "wrong"), "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "GET", "/login", ""); r.text != "console /login" {
		t.Errorf("GET /login: %s", r.text)
	}
}

// eventually asks until it is so: what is remembered about a session lives one second.
func eventually(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(otherwise)
		}
	}
}
