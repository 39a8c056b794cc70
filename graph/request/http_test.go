package request

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHTTP holds the rules HT-1 to HT-14 of spec/frontend.md 3.1 that are the server's; the door in front has the others (internal/web), the audits of
// HT-12 run against the product (e2e).
func TestHTTP(t *testing.T) {
	logged := &lines{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	h, _ := serve(t, HTTP{MaxBody: 4 << 10})
	hello := `{"query":"{ hello }"}`
	at := func(parameters ...string) string {
		v := url.Values{}
		for n := 0; n < len(parameters); n += 2 {
			v.Add(parameters[n], parameters[n+1])
		}
		return "/graphql?" + v.Encode()
	}

	t.Run("HT-1", func(t *testing.T) {
		key := []string{"Authorization", "Bearer key"}
		for name, c := range map[string]struct {
			method, target string
			head           []string
			status         int
			code           string
		}{
			"Query":            {"GET", at("query", "{ hello }"), key, 200, ""},
			"LowerCase":        {"GET", at("query", "{ hello }"), []string{"Authorization", "bearer key"}, 200, ""},
			"Everything":       {"GET", at("query", "query a($n: String) { hello(name: $n) } query b { hello }", "operationName", "a", "variables", `{"n":"x"}`, "extensions", `{"x":1}`, "app", "npa_pub"), key, 200, ""},
			"Cookie":           {"GET", at("query", "{ hello }"), []string{"Cookie", "__Host-np_s=x"}, 405, "INVALID method"},
			"Nobody":           {"GET", at("query", "{ hello }"), nil, 405, "INVALID method"},
			"Basic":            {"GET", at("query", "{ hello }"), []string{"Authorization", "Basic a2V5"}, 405, "INVALID method"},
			"Mutation":         {"GET", at("query", "mutation { change }"), key, 405, "INVALID method"},
			"NamedMutation":    {"GET", at("query", "query a { hello } mutation b { change }", "operationName", "b"), key, 405, "INVALID method"},
			"Subscription":     {"GET", at("query", "subscription { changed }"), key, 405, "INVALID method"},
			"Head":             {"HEAD", at("query", "{ hello }"), key, 405, "INVALID method"},
			"Put":              {"PUT", "/graphql", key, 405, "INVALID method"},
			"Nothing":          {"GET", "/graphql", key, 400, "INVALID required"},
			"Twice":            {"GET", at("query", "{ hello }", "query", "{ hunter2 }"), key, 400, "INVALID repeated"},
			"VariablesText":    {"GET", at("query", "{ hello }", "variables", "hunter2"), key, 400, "INVALID json"},
			"VariablesEmpty":   {"GET", at("query", "{ hello }", "variables", ""), key, 400, "INVALID json"},
			"VariablesList":    {"GET", at("query", "{ hello }", "variables", `["hunter2"]`), key, 400, "INVALID json"},
			"VariablesTwice":   {"GET", at("query", "{ hello }", "variables", `{"hunter2":1,"hunter2":2}`), key, 400, "INVALID json"},
			"ExtensionsBroken": {"GET", at("query", "{ hello }", "extensions", `{"hunter2"`), key, 400, "INVALID json"},
			"Address":          {"GET", "/graphql?query=%zzhunter2", key, 400, "INVALID address"},
			"OtherCase":        {"GET", at("Query", "{ hello }"), key, 400, "INVALID required"},
		} {
			t.Run(name, func(t *testing.T) {
				g := ask(t, h, c.method, c.target, nil, c.head...)
				if g.Code != c.status || g.code() != c.code || (g.Header().Get("Allow") == "POST") != (c.status == 405) {
					t.Errorf("%d %q %v", g.Code, g.code(), g.Header())
				}
			})
		}
	})

	t.Run("HT-2", func(t *testing.T) {
		for kind, status := range map[string]int{
			"application/json": 200, "application/json; charset=utf-8": 200, `APPLICATION/JSON;charset="UTF-8"`: 200, "": 415, "text/plain": 415, "application/json; charset=latin1": 415, "application/json;": 200, "application/json; charset": 415,
			"application/x-www-form-urlencoded": 415, "application/graphql": 415, "application/graphql-response+json": 415, "multipart/form-data; boundary=x": 415, // FE-14
		} {
			if g := ask(t, h, "POST", "/graphql", strings.NewReader(hello), "Content-Type", kind); g.Code != status || status == 415 && g.code() != "INVALID content_type" {
				t.Errorf("%q: %d %s", kind, g.Code, g.code())
			}
		}
	})

	t.Run("HT-3", func(t *testing.T) {
		for accept, want := range map[string]string{
			"": JSON, "*/*": JSON, "application/*": JSON, "application/json": JSON, "application/graphql-response+json": GraphQLJSON,
			"application/json;q=0.5, application/graphql-response+json": GraphQLJSON, "application/graphql-response+json;q=0.1, application/json": JSON,
			"text/html": "", "application/json;q=0": "", "application/json; charset=latin1": "", "*/*, application/graphql-response+json": GraphQLJSON, ";;;": "",
		} {
			g := ask(t, h, "POST", "/graphql", strings.NewReader(hello), "Accept", accept)
			switch {
			case want == "" && (g.Code != 406 || g.code() != "INVALID accept"):
				t.Errorf("%q: %d %s", accept, g.Code, g.code())
			case want != "" && (g.Code != 200 || g.Header().Get("Content-Type") != want+"; charset=utf-8"):
				t.Errorf("%q: %d %v", accept, g.Code, g.Header())
			}
		}
	})

	t.Run("HT-4", func(t *testing.T) {
		pad := func(n int) string {
			return hello[:len(hello)-1] + `,"x":"` + strings.Repeat("x", n-len(hello)-7) + `"}`
		}
		bomb := zipped(t, []byte(pad(1<<20)))
		for name, c := range map[string]struct {
			body     io.Reader
			encoding string
			status   int
			code     string
		}{
			"Fits":         {strings.NewReader(pad(4 << 10)), "", 200, ""},
			"TooLarge":     {strings.NewReader(pad(4<<10 + 1)), "", 413, "INVALID too_large"},
			"Gzip":         {zipped(t, []byte(pad(4<<10))), "gzip", 200, ""},
			"GzipTooLarge": {zipped(t, []byte(pad(4<<10+1))), "GZIP", 413, "INVALID too_large"},
			"Bomb":         {bomb, "gzip", 413, "INVALID too_large"},
			"Identity":     {strings.NewReader(hello), "identity", 200, ""},
			"NoGzip":       {strings.NewReader(hello), "gzip", 400, "INVALID body"},
			"CutGzip":      {bytes.NewReader(zipped(t, []byte(hello)).Bytes()[:15]), "gzip", 400, "INVALID body"},
			"Brotli":       {strings.NewReader(hello), "br", 415, "INVALID content_encoding"},
			"GzipTwice":    {zipped(t, zipped(t, []byte(hello)).Bytes()), "gzip, gzip", 415, "INVALID content_encoding"},
			"Slow":         {io.MultiReader(strings.NewReader(`{"query":"hunter2`), failing{os.ErrDeadlineExceeded}), "", 400, "INVALID body"},
			"Broken":       {strings.NewReader(`{"query":"hunter2`), "", 400, "INVALID json"},
			"Batch":        {strings.NewReader("[" + hello + "]"), "", 400, "INVALID json"},
			"NoQuery":      {strings.NewReader(`{"variables":{}}`), "", 400, "INVALID required"},
			"WrongType":    {strings.NewReader(`{"query":["hunter2"]}`), "", 400, "INVALID type"},
			"Unknown":      {strings.NewReader(`{"query":"{ hello }","id":7}`), "", 200, ""},
		} {
			t.Run(name, func(t *testing.T) {
				head := []string{"Accept", GraphQLJSON}
				if c.encoding != "" {
					head = append(head, "Content-Encoding", c.encoding)
				}
				if g := ask(t, h, "POST", "/graphql", c.body, head...); g.Code != c.status || g.code() != c.code {
					t.Errorf("%d %s", g.Code, g.code())
				}
			})
		}
		if out := logged.take(); out != "" {
			t.Errorf("it is logged: %s", out)
		}
	})

	t.Run("HT-5", func(t *testing.T) {
		for query, code := range map[string]string{
			"{ hello": "INVALID parse_failed", "{ nothing }": "INVALID validation_failed", "query($n: Int!) { hello }": "INVALID", "query a { hello } query b { hello }": "INVALID validation_failed", "{ dear }": "INVALID cost_exceeded",
		} {
			for kind, status := range map[string]int{JSON: 200, GraphQLJSON: 400} {
				g := ask(t, h, "POST", "/graphql", post(query), "Accept", kind)
				if _, data := g.members["data"]; g.Code != status || data || !strings.HasPrefix(g.code(), code) {
					t.Errorf("%s as %s: %d %s %s", query, kind, g.Code, g.code(), g.Body)
				}
			}
		}
		if g := ask(t, h, "POST", "/graphql", post("{ dear }")); g.body.Errors[0].Extensions["cost"] != 2000.0 || g.body.Errors[0].Extensions["limit"] != 1000.0 {
			t.Errorf("%s", g.Body)
		}
	})

	t.Run("HT-6", func(t *testing.T) {
		for _, kind := range []string{JSON, GraphQLJSON} {
			if g := ask(t, h, "POST", "/graphql", post("{ hello }"), "Accept", kind); g.Code != 200 || g.Body.String() != `{"data":{"hello":"hello"}}` {
				t.Errorf("%d %s", g.Code, g.Body)
			}
			g := ask(t, h, "POST", "/graphql", post("{ hello fail }"), "Accept", kind)
			if g.Code != 200 || string(g.body.Data) != `{"fail":null,"hello":"hello"}` || len(g.body.Errors) != 2 {
				t.Fatalf("%d %s", g.Code, g.Body)
			}
			for n, want := range []map[string]any{
				{"code": "INVALID", "field": "name", "reason": "empty", "requestId": "req-1"}, {"code": "INVALID", "field": "records.2.value", "reason": "address", "requestId": "req-1"},
			} {
				if e := g.body.Errors[n]; !maps.Equal(e.Extensions, want) || len(e.Path) != 1 || e.Path[0] != "fail" {
					t.Errorf("%d: %+v", n, e)
				}
			}
		}
	})

	t.Run("HT-8", func(t *testing.T) {
		for _, kind := range []string{JSON, GraphQLJSON} {
			if g := ask(t, h, "POST", "/graphql", post("{ busy }"), "Accept", kind); g.Code != 429 || g.Header().Get("Retry-After") != "2" || g.code() != "RATE_LIMITED" || g.body.Errors[0].Extensions["retryAfter"] != 2.0 || g.body.Data != nil {
				t.Errorf("over the limit: %d %v %s", g.Code, g.Header(), g.Body)
			}
			if g := ask(t, h, "POST", "/graphql", post("{ limited }"), "Accept", kind); g.Code != 200 || g.code() != "RATE_LIMITED" {
				t.Errorf("a field over its limit: %d %s", g.Code, g.Body)
			}
		}
		full, s := serve(t, HTTP{MaxBody: 4 << 10, Room: make(chan struct{}, 1), Wait: time.Millisecond})
		done := make(chan got)
		go func() { done <- ask(t, full, "POST", "/graphql", post("{ wait }")) }()
		<-s.arrived
		if g := ask(t, full, "POST", "/graphql", post("{ hello }")); g.Code != 503 || g.Header().Get("Retry-After") != "1" || g.code() != "UNAVAILABLE overloaded" || g.body.Data != nil {
			t.Errorf("overloaded: %d %v %s", g.Code, g.Header(), g.Body)
		}
		close(s.finish)
		if g := <-done; g.Code != 200 {
			t.Errorf("the one that ran: %d %s", g.Code, g.Body)
		}
		for range 3 { // the place is free again, also after a crash
			if g := ask(t, full, "POST", "/graphql", post("{ hello }")); g.Code != 200 {
				t.Errorf("afterwards: %d %s", g.Code, g.Body)
			}
			ask(t, full, "POST", "/graphql", post("{ lost }"))
		}
		logged.take()
	})

	t.Run("HT-9", func(t *testing.T) { // no-store and charset are held of every answer by ask
		long, short := []string{"POST", "{ long }"}, []string{"POST", "{ hello }"}
		for accept, zipped := range map[string]bool{"": false, "gzip": true, "br, GZIP;q=0.5": true, "*": true, "gzip;q=0, *": false, "deflate": false, "gzip;q=x": false} {
			g := ask(t, h, long[0], "/graphql", post(long[1]), "Accept-Encoding", accept)
			if (g.Header().Get("Content-Encoding") == "gzip") != zipped || !strings.Contains(g.Header().Get("Vary"), "Accept-Encoding") || len(g.body.Data) < 5000 || zipped && g.Body.Len() > 500 {
				t.Errorf("%q: %v, %d octets", accept, g.Header(), g.Body.Len())
			}
			if g := ask(t, h, short[0], "/graphql", post(short[1]), "Accept-Encoding", accept); g.Header().Get("Content-Encoding") != "" {
				t.Errorf("%q: %v for a short answer", accept, g.Header())
			}
		}
	})

	t.Run("HT-10", func(t *testing.T) {
		p, _, err := Receive(httptest.NewRecorder(), withBody(`{"documentId":"sha256:ab","extensions":{"x":"y"}}`), 1<<10)
		if err != nil || p.Query != "" || !maps.Equal(p.Extensions, map[string]any{"x": "y", "documentId": "sha256:ab"}) {
			t.Errorf("by POST %+v, %v", p, err)
		}
		p, _, err = receiveQuery(nil, httptest.NewRequest("GET", at("documentId", "sha256:ab"), nil), 0)
		if err != nil || p.Extensions["documentId"] != "sha256:ab" {
			t.Errorf("by GET %+v, %v", p, err)
		}
	})

	t.Run("HT-14", func(t *testing.T) {
		for query, status := range map[string]int{"{ crash hello }": 200, "{ lost }": 500} {
			logged.take()
			g := ask(t, h, "POST", "/graphql", post(query))
			if g.Code != status || g.code() != "INTERNAL" || len(g.body.Errors) != 1 {
				t.Fatalf("%s: %d %s", query, g.Code, g.Body)
			}
			ref, _ := g.body.Errors[0].Extensions["ref"].(string)
			out := logged.take()
			if strings.Count(out, "\n") != 1 || ref == "" || !strings.Contains(out, "ref="+ref) || !strings.Contains(out, "request_id=req-1") || !strings.Contains(g.body.Errors[0].Message, ref) {
				t.Errorf("%s: ref %q in the log %q", query, ref, out)
			}
			if status == 200 && string(g.body.Data) != `{"crash":null,"hello":"hello"}` {
				t.Errorf("%s", g.Body)
			}
		}
		if g := ask(t, h, "POST", "/graphql", post("{ hello }")); g.Code != 200 {
			t.Errorf("afterwards: %d", g.Code)
		}
	})
}
