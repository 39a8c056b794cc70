package request

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// small is a schema whose executor does what a field's name says, without generated code.
type small struct {
	schema  *ast.Schema
	arrived chan struct{} // a field wait is running
	finish  chan struct{} // it may end
}

const smallSchema = `
input Choice @oneOf { name: String, number: Int, inner: [Choice!] }
input Holder { choice: Choice, note: String }
type Query { hello(name: String): String! choose(by: Choice, holder: Holder, many: [Holder!]): String crash: String fail: String wait: String long: String dear: String busy: String lost: String limited: String }
type Mutation { change: String }
type Subscription { changed: String }`

func (s *small) Schema() *ast.Schema { return s.schema }
func (s *small) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (s *small) Exec(ctx context.Context) graphql.ResponseHandler {
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		data := map[string]any{}
		for _, sel := range graphql.GetOperationContext(ctx).Operation.SelectionSet {
			data[sel.(*ast.Field).Alias] = s.resolve(ctx, sel.(*ast.Field))
		}
		raw, err := json.Marshal(data)
		if err != nil {
			panic(err)
		}
		return &graphql.Response{Data: raw}
	}
}

func (s *small) resolve(ctx context.Context, f *ast.Field) (out any) {
	path := &graphql.FieldContext{Field: graphql.CollectedField{Field: f}}
	ctx = graphql.WithFieldContext(ctx, path)
	defer func() {
		if p := recover(); p != nil { // as generated code does
			graphql.AddError(ctx, graphql.GetOperationContext(ctx).Recover(ctx, p))
			out = nil
		}
	}()
	switch f.Name {
	case "crash":
		panic("hunter2 in a resolver")
	case "fail":
		graphql.AddError(ctx, errors.Join(fault.Invalid("name", "empty", "Give a name."), fault.Invalid("records.2.value", "address", "Give an address.")))
		return nil
	case "wait":
		s.arrived <- struct{}{}
		<-s.finish
	case "long":
		return strings.Repeat("long ", 1000)
	case "limited":
		graphql.AddError(ctx, fault.RateLimited(7*time.Second))
		return nil
	}
	return f.Name
}

// refusing is a stand-in for the limits: it refuses by the name of a field before anything runs.
func refusing(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	switch graphql.GetOperationContext(ctx).Operation.SelectionSet[0].(*ast.Field).Name {
	case "dear":
		return present.Refused(ctx, fault.Invalid("query", "cost_exceeded", "Too dear.").With("cost", 2000).With("limit", 1000))
	case "busy":
		return present.Refused(ctx, fault.RateLimited(1500*time.Millisecond))
	case "lost":
		panic("hunter2 outside of a resolver")
	}
	return next(ctx)
}

// lines counts what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

func serve(t *testing.T, h HTTP) (http.Handler, *small) {
	t.Helper()
	s := &small{schema: gqlparser.MustLoadSchema(&ast.Source{Input: smallSchema}), arrived: make(chan struct{}), finish: make(chan struct{})}
	srv := handler.New(s)
	srv.AddTransport(h)
	srv.SetErrorPresenter(present.Error)
	srv.SetRecoverFunc(present.Panic)
	srv.Use(OneOf{s.schema})
	srv.AroundOperations(refusing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(w, r.WithContext(authz.With(r.Context(), authz.Principal{Kind: authz.API_KEY, RequestID: "req-1"})))
	}), s
}

type got struct {
	*httptest.ResponseRecorder
	body struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Path       []any
			Extensions map[string]any
		}
	}
	members map[string]json.RawMessage
}

func (g got) code() string {
	if len(g.body.Errors) == 0 {
		return ""
	}
	reason, _ := g.body.Errors[0].Extensions["reason"].(string)
	return strings.TrimSpace(g.body.Errors[0].Extensions["code"].(string) + " " + reason)
}

// ask sends a request; head are pairs of name and value.
func ask(t *testing.T, h http.Handler, method, target string, body io.Reader, head ...string) got {
	t.Helper()
	r := httptest.NewRequest(method, target, body)
	r.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(head); n += 2 {
		r.Header.Set(head[n], head[n+1])
	}
	g := got{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(g.ResponseRecorder, r)
	raw := g.Body.Bytes()
	if g.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(g.Body)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(json.Unmarshal(raw, &g.body), json.Unmarshal(raw, &g.members)); err != nil {
		t.Fatalf("%d %q: %v", g.Code, raw, err)
	}
	if strings.Contains(string(raw), "hunter2") {
		t.Errorf("the answer repeats a secret: %s", raw)
	}
	if g.Header().Get("Cache-Control") != "no-store" || !strings.HasSuffix(g.Header().Get("Content-Type"), "; charset=utf-8") {
		t.Errorf("HT-9: %v", g.Header())
	}
	for _, e := range g.body.Errors {
		if e.Extensions["requestId"] != "req-1" || e.Message == "" {
			t.Errorf("an error without requestId: %s", raw)
		}
	}
	if _, data := g.members["data"]; !data && len(g.body.Errors) == 0 {
		t.Errorf("neither data nor errors: %s", raw)
	}
	return g
}

func post(query string) io.Reader {
	raw, _ := json.Marshal(map[string]string{"query": query})
	return bytes.NewReader(raw)
}

func zipped(t *testing.T, b []byte) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

type failing struct{ err error }

func (b failing) Read([]byte) (int, error) { return 0, b.err }

func withBody(body string) *http.Request {
	r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}
