package web_test

import "testing"

// operator says that the person who signs in on the house holds the role OPERATIONS and did so with two factors, or that neither is so.
func (h *house) operator(t *testing.T, on bool) {
	t.Helper()
	for _, sql := range map[bool][]string{
		true:  {"insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'system:test', now())", "update session set aal = 2 where user_id = $1"},
		false: {"delete from user_platform_role where user_id = $1"},
	}[on] {
		if _, err := h.DB.Exec(t.Context(), sql, h.User.UUID()); err != nil {
			t.Fatal(err)
		}
	}
	h.sessions.Forget()
}

func TestGraphiQL_IsForOperatorsAlone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	key, _ := h.key(t)
	h.operator(t, true)
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
	h.operator(t, false)
	if r := b.send(t, "GET", "/graphiql", ""); r.text != "console /graphiql" {
		t.Errorf("a tenant: %d %q", r.StatusCode, r.text)
	}
}

func TestGraphiQL_RunsAsOperatorByHeaderCookieAndCSRF(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	h.operator(t, true)
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
	h.operator(t, false)
	if r := b.send(t, "POST", "/graphql", "{}", explorer, "1"); r.json["kind"] != "USER" {
		t.Errorf("a tenant: %d %s", r.StatusCode, r.text)
	}
}
