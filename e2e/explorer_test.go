package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// TestExplorer: a developer explores with a key of one hour and without the cookie (FE-33), in both colour schemes and on a phone.
func TestExplorer(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	end := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.App.DB.Exec(r.Context(), "update api_key set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours' where expires_at is not null"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(end.Close)
	for name, more := range map[string]map[string]string{"Light": {}, "Dark": {"dark": "1"}, "Phone": {"width": "390"}} {
		more["endKey"] = end.URL
		t.Run(name, func(t *testing.T) { h.Browser(t, "Explorer", more) })
	}
}

// TestGraphiQL: an operator explores by cookie and each run is in the ledger; everybody else finds nothing at the address, and their text is refused (FE-32).
// The stage's developer is an operator here: by role, and by a session with two factors.
func TestGraphiQL(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	tenant := h.Tenant("elsewhere")
	them, us := h.SignInAs(tenant.Email, tenant.Password), h.SignIn()
	operate(t, h, h.User)
	const text = `query Look($code: String!) { health { version status } explain(code: $code) { title } }`
	run := func(as harness.Caller, header ...string) harness.Answer {
		body, _ := json.Marshal(harness.Query{Text: text, Variables: map[string]any{"code": "record_absent"}})
		_, raw := h.Post(as, body, header...)
		a := harness.Answer{Raw: raw}
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return a
	}

	nothing := pageAt(t, h, "/nobody-has-this-name", them)
	for name, as := range map[string]harness.Caller{"Tenant": them, "Nobody": {}} {
		if got := pageAt(t, h, "/graphiql", as); got != nothing {
			t.Errorf("%s is answered\n%s\nand at an address that is not there\n%s", name, got, nothing)
		}
	}
	if got := pageAt(t, h, "/graphiql", us); got == nothing || !strings.Contains(got, "worker-src 'self' blob:") {
		t.Errorf("the operator is answered\n%s", got)
	}
	for name, a := range map[string]harness.Answer{"Tenant": run(them, "X-Nameplate-Explorer", "1"), "WithoutTheHeader": run(us)} {
		if len(a.Faults) != 1 || a.Faults[0].Reason() != "free_text_refused" {
			t.Errorf("%s: %s", name, a.Raw)
		}
	}
	if a := run(us, "X-Nameplate-Explorer", "1"); len(a.Faults) > 0 || !strings.Contains(string(a.Data), `"title"`) {
		t.Fatalf("the operator's run: %s", a.Raw)
	}
	var actor, payload string
	err := h.App.DB.QueryRow(t.Context(), "select actor, payload from event where action = 'explorer.ran' and audited order by at desc limit 1").Scan(&actor, &payload)
	if err != nil {
		t.Fatalf("the run is not in the ledger: %v", err)
	}
	var kept struct {
		Operation, Kind, Document string
		Roots                     []string
		Cost                      int
	}
	if err := json.Unmarshal([]byte(payload), &kept); err != nil {
		t.Fatal(err)
	}
	if kept.Operation != "Look" || kept.Kind != "query" || !slices.Equal(kept.Roots, []string{"explain", "health"}) || kept.Cost != 2 || !strings.HasPrefix(kept.Document, "sha256:") {
		t.Errorf("the ledger's row: %s", payload)
	}
	if strings.Contains(payload, "record_absent") || actor != "operator:"+h.User.String() {
		t.Errorf("the ledger's row of %s: %s", actor, payload)
	}
	h.Browser(t, "GraphiQL", nil)
}

// operate gives somebody the role OPERATIONS, and lets the sessions that they have count as begun with two factors; a later sign-in adds one.
func operate(t *testing.T, h *harness.House, user ident.UserID) {
	t.Helper()
	for _, sql := range []string{
		"insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'system:test', now()) on conflict do nothing",
		"update session set aal = 2 where user_id = $1",
	} {
		if _, err := h.App.DB.Exec(t.Context(), sql, user.UUID()); err != nil {
			t.Fatal(err)
		}
	}
	h.App.Sessions.Forget()
}

var nonce = regexp.MustCompile(`nonce[-="]+[A-Za-z0-9+/=]+`)

// pageAt is an answer as a browser sees it: status, policy and bytes, without what is drawn anew for each answer.
func pageAt(t *testing.T, h *harness.House, path string, as harness.Caller) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.Addresses.Console+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if as.Cookie != "" {
		r.Header.Set("Cookie", "__Host-np_s="+as.Cookie)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return nonce.ReplaceAllString(res.Status+"\n"+res.Header.Get("Content-Security-Policy")+"\n"+string(body), "nonce")
}
