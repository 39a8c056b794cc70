package web_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web"
)

// operators is a test's answer to who is one: the person who signs in on a house, while it is on.
func operators(on *atomic.Bool) func(*web.Config) {
	return func(c *web.Config) {
		c.Operator = func(_ context.Context, p authz.Principal) bool { return on.Load() && !p.UserID.IsZero() }
	}
}

func TestGraphiQL_IsForOperatorsAlone(t *testing.T) {
	t.Parallel()
	var on atomic.Bool
	h := setup(t, operators(&on))
	b := h.browser(t)
	key, _ := h.key(t)
	on.Store(true)
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"Operator":      {[]string{"Cookie", "__Host-np_s=" + b.cookie}, "explorer /graphiql"},
		"Nobody":        {nil, "console /graphiql"},
		"WrongCookie":   {[]string{"Cookie", "__Host-np_s=x.1.y"}, "console /graphiql"},
		"Key":           {[]string{"Authorization", "Bearer " + key}, "console /graphiql"},
		"ForeignOrigin": {[]string{"Cookie", "__Host-np_s=" + b.cookie, "Origin", pageOf}, "console /graphiql"},
	} {
		if r := h.do(t, "GET", "/graphiql", "", c.headers...); r.text != c.want {
			t.Errorf("%s: %d %q, want %q", name, r.StatusCode, r.text, c.want)
		}
	}
	on.Store(false)
	if r := b.send(t, "GET", "/graphiql", ""); r.text != "console /graphiql" {
		t.Errorf("a tenant: %d %q", r.StatusCode, r.text)
	}
}

func TestGraphiQL_RunsAsOperatorByHeaderCookieAndCSRF(t *testing.T) {
	t.Parallel()
	var on atomic.Bool
	on.Store(true)
	h := setup(t, operators(&on))
	b := h.browser(t)
	const explorer = "X-Nameplate-Explorer"
	if r := b.send(t, "POST", "/graphql", "{}", explorer, "1"); r.json["kind"] != "OPERATOR" || r.json["user"] != h.User.String() || r.json["session"] == "" {
		t.Errorf("an operator: %d %s", r.StatusCode, r.text)
	}
	if r := b.send(t, "POST", "/graphql", "{}"); r.json["kind"] != "USER" {
		t.Errorf("without the header: %d %s", r.StatusCode, r.text)
	}
	if r := b.send(t, "POST", "/graphql", "{}", explorer, "true"); r.json["kind"] != "USER" {
		t.Errorf("another value: %d %s", r.StatusCode, r.text)
	}
	if r := h.do(t, "POST", "/graphql", "{}", "Cookie", "__Host-np_s="+b.cookie, explorer, "1"); r.code() != "FORBIDDEN csrf" {
		t.Errorf("without CSRF: %d %s", r.StatusCode, r.text)
	}
	if r := b.send(t, "GET", "/graphql?query={a}", "", explorer, "1"); r.json["kind"] == "OPERATOR" {
		t.Errorf("by GET, which needs no CSRF: %d %s", r.StatusCode, r.text)
	}
	key, _ := h.key(t)
	if r := h.do(t, "POST", "/graphql", "{}", "Authorization", "Bearer "+key, "Cookie", "__Host-np_s="+b.cookie, explorer, "1"); r.json["kind"] != "API_KEY" {
		t.Errorf("a key: %d %s", r.StatusCode, r.text)
	}
	on.Store(false)
	if r := b.send(t, "POST", "/graphql", "{}", explorer, "1"); r.json["kind"] != "USER" {
		t.Errorf("a tenant: %d %s", r.StatusCode, r.text)
	}
}
