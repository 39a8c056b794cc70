package resolvers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// stream sends a request over server-sent events and answers the first event's payload, or the refusal, which is an ordinary answer.
func (s *server) stream(t *testing.T, who string, body vars) string {
	t.Helper()
	raw, _ := json.Marshal(body)
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", strings.NewReader(string(raw)))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Accept", "text/event-stream")
	q.Header.Set("Test-Caller", who)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		refusal, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(refusal)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			return data
		}
	}
	t.Fatalf("no event: %v", lines.Err())
	return ""
}

// A session and a widget send ids: their text is refused on every transport, and the same document by its id is answered.
func TestTrustedDocumentsOnEveryTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.widget("page", "u1")
	for who, d := range map[string]struct{ manifest, word, text, want string }{
		"person": {"console", "query ProvidersListQuery", "{ providers { slug } }", `"providers"`},
		"page":   {"widget", "query documentsSessionQuery", "{ widgetSession { name } }", `"widgetSession"`},
	} {
		id := document(t, d.manifest, d.word)["documentId"].(string)
		for name, c := range map[string]struct {
			query, id string
			want      []string
		}{
			"ById":    {"", id, []string{d.want}},
			"Text":    {d.text, "", []string{"FORBIDDEN", "free_text_refused"}},
			"Unknown": {"", "sha256:" + strings.Repeat("0", 64), []string{"NOT_FOUND", "persisted_document_not_found"}},
		} {
			body := vars{"query": c.query}
			if c.id != "" {
				body["extensions"] = vars{"documentId": c.id}
			}
			got := map[string]string{"POST": s.send(t, who, body).raw, "SSE": s.stream(t, who, body)}
			m := s.subscribe(t, who, c.query, nil, c.id).read()
			raw, _ := json.Marshal(m)
			got["WebSocket"] = string(raw)
			for transport, answer := range got {
				for _, want := range c.want {
					if !strings.Contains(answer, want) {
						t.Errorf("%s, %s by %s: %.300s", who, name, transport, answer)
					}
				}
			}
		}
	}
}

// What a service counts, it counts for each field: aliases do not multiply tries.
func TestAliasesDoNotMultiplyTries(t *testing.T) {
	t.Parallel()
	s := start(t)
	var five strings.Builder
	for n := range 5 {
		fmt.Fprintf(&five, `a%d: domainCheck(hostname: "shop.acme.lab", applicationId: %q) { hostname } `, n, s.App.ID.String())
	}
	refused := 0
	for n := range 25 { // a key may ask 120 times a minute
		a := s.send(t, "owner", vars{"query": "{ " + five.String() + "}"})
		if len(a.Errors) > 0 && n < 24 {
			t.Fatalf("request %d: %s", n+1, a.raw)
		}
		for _, e := range a.Errors {
			if e.Extensions["code"] == "RATE_LIMITED" {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("125 tries in 25 requests were let through")
	}
}
