package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

type reply struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
	Extensions map[string]any
	header     http.Header
}

func asking(t *testing.T, h http.Handler, query string) reply {
	t.Helper()
	raw, _ := json.Marshal(map[string]any{"query": query})
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Nameplate-Cost", "1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := reply{header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return a
}

func (a reply) refusal() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return fmt.Sprintf("%v %v", a.Errors[0].Extensions["code"], a.Errors[0].Extensions["reason"])
}

// hundred costs 101: a page of a hundred.
const hundred = `{ connections(organizationId: "o", first: 100) { nodes { id } } }`

func TestBudget_IsTakenFromKeysAndSaidInTheHeader(t *testing.T) {
	t.Parallel()
	l := limit.New(nil)
	h := entrance(t, key(), l)
	a := asking(t, h, hundred)
	if got := a.header.Get("RateLimit"); got != `"hour";r=49899;t=8` || a.header.Get("RateLimit-Policy") != `"hour";q=50000;w=3600` {
		t.Errorf("RateLimit: %s, RateLimit-Policy: %s", got, a.header.Get("RateLimit-Policy"))
	}
	if a.Extensions["cost"] != 101.0 {
		t.Errorf("extensions %v", a.Extensions)
	}
	if _, err := l.Take(t.Context(), budget, key().Actor(), 49_850); err != nil {
		t.Fatal(err)
	}
	a = asking(t, h, hundred)
	wait, _ := a.Errors[0].Extensions["retryAfter"].(float64)
	if a.Errors[0].Extensions["code"] != "RATE_LIMITED" || wait < 1 || wait > 8 || a.header.Get("RateLimit") != fmt.Sprintf(`"hour";r=0;t=%v`, wait) {
		t.Errorf("over the budget: %+v, RateLimit: %s", a.Errors, a.header.Get("RateLimit"))
	}
	other := authz.Principal{Kind: authz.OPERATOR}
	if a := asking(t, entrance(t, other, l), hundred); a.refusal() != "" || a.header.Get("RateLimit") != "" {
		t.Errorf("a caller without a budget: %+v %v", a.Errors, a.header)
	}
}

// Who sends text without a credential spends the hour of the network, whatever the documents and aliases are; nobody else's, and not that of the console's own
// pages, which strangers need to sign in.
func TestHostile_StrangersSpendTheirNetworksHour(t *testing.T) {
	t.Parallel()
	l := limit.New(nil)
	network := func(n string) authz.Principal { return authz.Principal{Kind: authz.PUBLIC, Network: n} }
	h := entrance(t, network("203.0.113.7"), l)
	first := asking(t, h, hundred)
	if got := first.header.Get("RateLimit"); got != `"hour";r=4899;t=73` || first.header.Get("RateLimit-Policy") != `"hour";q=5000;w=3600` {
		t.Errorf("RateLimit: %s, RateLimit-Policy: %s", got, first.header.Get("RateLimit-Policy"))
	}
	served := 1
	for n := range 200 { // each another text, so that none was seen before
		a := asking(t, h, fmt.Sprintf(`query Flood%d { a%d: connections(organizationId: "o", first: 100) { nodes { id } } }`, n, n))
		switch {
		case a.refusal() == "":
			served++
		case a.Errors[0].Extensions["code"] != "RATE_LIMITED" || a.Errors[0].Extensions["retryAfter"] == nil || a.Data != nil:
			t.Fatalf("request %d: %+v", n, a)
		}
	}
	if served < 49 || served > 60 { // 5,000 points, and what came back meanwhile
		t.Errorf("%d pages of 101 points were served", served)
	}
	if a := asking(t, entrance(t, network("203.0.113.8"), l), hundred); a.refusal() != "" {
		t.Errorf("another network: %+v", a.Errors)
	}
	if a := asking(t, entrance(t, key(), l), hundred); a.refusal() != "" {
		t.Errorf("a key: %+v", a.Errors)
	}
	documents, plain := map[string]string{}, 0
	if err := json.Unmarshal(consoleJSON, &documents); err != nil {
		t.Fatal(err)
	}
	for id, text := range documents {
		head, _, _ := strings.Cut(text, "{")
		if !strings.HasPrefix(head, "query") || strings.Contains(head, "$") {
			continue
		}
		plain++
		if w := send(h, `{"documentId":"sha256:`+strings.TrimPrefix(id, "sha256:")+`"}`); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "errors") || w.Header().Get("RateLimit") != "" {
			t.Errorf("%s after the flood: %d %s", head, w.Code, w.Body)
		}
	}
	if plain == 0 {
		t.Error("the console has no document to try")
	}
}

func TestCost_IsBoundByTheCaller(t *testing.T) {
	t.Parallel()
	// The price is 1 + first × (1 + 1 + 20): a page of checks of each of the connections.
	checks := func(first int) string {
		return fmt.Sprintf(`{ connections(organizationId: "o", first: %d) { nodes { checks { nodes { id } } } } }`, first)
	}
	for _, c := range []struct {
		caller authz.Kind
		first  int
		limit  any
	}{{authz.API_KEY, 45, nil}, {authz.API_KEY, 46, 1000.0}, {authz.MACHINE, 46, 1000.0}, {authz.PUBLIC, 46, 1000.0}, {authz.OPERATOR, 100, nil}} {
		a := asking(t, entrance(t, authz.Principal{Kind: c.caller}, nil), checks(c.first))
		if (c.limit == nil) != (len(a.Errors) == 0) {
			t.Errorf("%s, a page of %d: %+v", c.caller, c.first, a.Errors)
		}
		if c.limit != nil && (a.refusal() != "INVALID cost_exceeded" || a.Errors[0].Extensions["limit"] != c.limit || a.Errors[0].Extensions["cost"] != float64(1+22*c.first)) {
			t.Errorf("%s, a page of %d: %+v", c.caller, c.first, a.Errors)
		}
	}
	if a := asking(t, entrance(t, authz.Principal{Kind: authz.OPERATOR}, nil), `{ connections(organizationId: "o", first: 100) { nodes { checks(first: 100) { nodes { id } } } } }`); a.refusal() != "INVALID cost_exceeded" || a.Errors[0].Extensions["limit"] != 5000.0 {
		t.Errorf("an operator: %+v", a.Errors)
	}
}

func TestAliases_DoNotMultiplyAttempts(t *testing.T) {
	t.Parallel()
	h := entrance(t, key(), nil)
	create := `createApiKey(input: { description: "x" }) { secret }`
	for query, want := range map[string]string{
		"mutation { " + create + " }":                      "",
		"mutation { a: " + create + " b: " + create + " }": "INVALID aliases",
		"mutation { ...a ...b } fragment a on Mutation { a: " + create + " } fragment b on Mutation { ... { b: " + create + " } }": "INVALID aliases",
	} {
		if a := asking(t, h, query); a.refusal() != want {
			t.Errorf("%s: %+v, want %q", query, a.Errors, want)
		}
	}
}

func TestSuggestions_AreForThoseWhoAreKnown(t *testing.T) {
	t.Parallel()
	for caller, want := range map[authz.Kind]bool{authz.API_KEY: true, authz.MACHINE: true, authz.OPERATOR: true, authz.PUBLIC: false} {
		h := entrance(t, authz.Principal{Kind: caller}, nil)
		for _, query := range []string{`{ helth { name } }`, `{ health { nam } }`, `{ explain(cod: "x", code: "y") { title } }`, `{ health { ...a } } fragment a on Helth { name }`, `{ health }`} {
			a := asking(t, h, query)
			if a.refusal() != "INVALID validation_failed" {
				t.Fatalf("%s: %+v", query, a.Errors)
			}
			if got := strings.Contains(fmt.Sprint(a.Errors), "Did you mean"); got != want {
				t.Errorf("%s asks %s: %+v", caller, query, a.Errors)
			}
		}
	}
}

func TestIntrospection_IsForThoseWhoWriteDocuments(t *testing.T) {
	t.Parallel()
	for caller, want := range map[authz.Kind]string{authz.API_KEY: "", authz.MACHINE: "", authz.OPERATOR: "", authz.PUBLIC: "FORBIDDEN introspection"} {
		a := asking(t, entrance(t, authz.Principal{Kind: caller}, nil), introspection.Query)
		if a.refusal() != want || want == "" && len(a.Data["__schema"].(map[string]any)["types"].([]any)) < 100 {
			t.Errorf("%s: %+v", caller, a.Errors)
		}
	}
}
