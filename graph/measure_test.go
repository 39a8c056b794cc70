package graph

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// What ran and which trusted documents are in use can be read; a name that a caller made up cannot.
func TestMeasures(t *testing.T) {
	t.Parallel()
	set := metric.New()
	s, err := New(Config{Schema: idleSchema(), Origin: func(*http.Request) bool { return true }, Revoked: authz.New(nil).Revoked(), Metrics: set})
	if err != nil {
		t.Fatal(err)
	}
	var id, name string
	for i, d := range s.documents.console {
		if op := d.Tree.Operations[0]; op.Operation == "query" && len(op.VariableDefinitions) == 0 {
			id, name = i, op.Name
			break
		}
	}
	as := func(kind authz.Kind, body string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(httptest.NewRecorder(), r.WithContext(authz.With(r.Context(), authz.Principal{Kind: kind})))
	}
	as(authz.USER, `{"documentId":"`+id+`"}`)
	as(authz.USER, `{"documentId":"`+id+`"}`)
	as(authz.API_KEY, `{"query":"query hunter2 { health { name } }"}`)
	w := httptest.NewRecorder()
	set.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`nameplate_graph_documents_used_total{document="` + name + " " + id[7:15] + `"} 2`,
		`nameplate_graph_operation_seconds_count{kind="query",outcome="ok"} 3`, "nameplate_graph_peers 0", "nameplate_graph_feeds 0",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(w.Body.String(), "hunter2") {
		t.Error("a caller's name is a label")
	}
}
