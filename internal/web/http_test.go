package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/web"
)

// TestHTTP holds the rules HT-7 to HT-14 of spec/frontend.md 3.1 that are the door's; graph has the others.
func TestHTTP(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *web.Config) {
		token := c.WidgetToken
		c.WidgetToken = func(ctx context.Context, given secret.String, key, origin string) (authz.Principal, error) {
			if given.Reveal() == "often" {
				return authz.Principal{Kind: authz.PUBLIC}, fault.RateLimited(1500 * time.Millisecond)
			}
			return token(ctx, given, key, origin)
		}
	})
	key, id := h.key(t)
	b := h.browser(t)
	bearer := []string{"Authorization", "Bearer " + key}

	t.Run("HT-7", func(t *testing.T) {
		if r := h.do(t, "POST", "/graphql", "{ not json", "Authorization", "Bearer npk_wrong"); r.StatusCode != 401 || !strings.HasPrefix(r.code(), "UNAUTHENTICATED ") || r.json["data"] != nil {
			t.Errorf("wrong: %d %s", r.StatusCode, r.text)
		}
		if r := h.do(t, "GET", "/graphql", "", "Authorization", "Bearer npk_wrong"); r.StatusCode != 401 {
			t.Errorf("wrong, by GET: %d %s", r.StatusCode, r.text)
		}
		if r := h.do(t, "POST", "/graphql", "{}"); r.StatusCode != 200 || r.json["kind"] != "PUBLIC" {
			t.Errorf("none: %d %s", r.StatusCode, r.text)
		}
	})

	t.Run("HT-8", func(t *testing.T) {
		for accept, kind := range map[string]string{"application/json": "application/json; charset=utf-8", "application/graphql-response+json": "application/graphql-response+json; charset=utf-8"} {
			r := h.do(t, "POST", "/graphql?app="+app, "{}", "Authorization", "Bearer often", "Accept", accept)
			if r.StatusCode != 429 || r.Header.Get("Retry-After") != "2" || r.code() != "RATE_LIMITED" || r.json["data"] != nil || r.Header.Get("Content-Type") != kind {
				t.Errorf("%d %v %s", r.StatusCode, r.Header, r.text)
			}
		}
		t.Run("Draining", draining)
	})

	t.Run("HT-9", func(t *testing.T) {
		for name, r := range map[string]reply{"Answered": h.do(t, "POST", "/graphql", "{}", bearer...), "Refused": h.do(t, "POST", "/graphql", "{}", "Authorization", "Bearer x")} {
			if r.Header.Get("X-Request-Id") == "" || r.Header.Get("Cache-Control") != "no-store" || !strings.HasSuffix(r.Header.Get("Content-Type"), "; charset=utf-8") {
				t.Errorf("%s: %v", name, r.Header)
			}
		}
	})

	t.Run("HT-11", func(t *testing.T) {
		cookie := "__Host-np_s=" + b.cookie
		for name, c := range map[string]struct {
			headers []string
			status  int
			kind    string
		}{
			"OtherSite":       {[]string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
			"OtherSiteCookie": {[]string{"Sec-Fetch-Site", "cross-site", "Cookie", cookie, "X-Nameplate-Csrf", b.csrf}, 403, ""},
			"BearerAnywhere":  {append([]string{"Sec-Fetch-Site", "cross-site"}, bearer...), 200, "API_KEY"},
			"BearerAndCookie": {append([]string{"Cookie", cookie}, bearer...), 200, "API_KEY"},
			"CookieAlone":     {[]string{"Cookie", cookie}, 403, ""},
			"CookieAndValue":  {[]string{"Cookie", cookie, "X-Nameplate-Csrf", b.csrf}, 200, "USER"},
		} {
			if r := h.do(t, "POST", "/graphql", "{}", c.headers...); r.StatusCode != c.status || c.kind != "" && r.json["kind"] != c.kind {
				t.Errorf("%s: %d %s", name, r.StatusCode, r.text)
			}
		}
		if r := h.do(t, "GET", "/graphql", "", append([]string{"Cookie", cookie}, bearer...)...); r.json["kind"] != "API_KEY" || r.json["key"] != id.String() {
			t.Errorf("a bearer beside a cookie, by GET: %s", r.text)
		}
	})

	t.Run("HT-13", func(t *testing.T) {
		for _, method := range []string{"POST", "GET"} {
			for origin, allowed := range map[string]bool{pageOf: true, "https://evil.example": false} {
				r := h.do(t, "OPTIONS", "/graphql?app="+app, "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type")
				if (r.Header.Get("Access-Control-Allow-Origin") == origin) != allowed || r.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Origin") {
					t.Errorf("%s from %s: %v", method, origin, r.Header)
				}
			}
		}
		if r := h.do(t, "POST", "/graphql?app="+app, "{}", "Authorization", "Bearer "+widgetToken, "Origin", "https://evil.example"); r.StatusCode != 401 || r.code() != "UNAUTHENTICATED origin_not_allowed" || r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("another site: %d %s", r.StatusCode, r.text)
		}
	})

	t.Run("HT-14", func(t *testing.T) {
		before := strings.Count(h.logs.String(), "\n")
		r := h.do(t, "POST", "/graphql", "{}", "X-Panic", "1")
		extensions, _ := r.json["errors"].([]any)[0].(map[string]any)["extensions"].(map[string]any)
		if ref := r.Header.Get("X-Request-Id"); r.StatusCode != 500 || r.code() != "INTERNAL" || ref == "" || extensions["ref"] != ref || extensions["requestId"] != ref || r.json["data"] != nil {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
		out := h.logs.String()
		if strings.Count(out, "\n") != before+1 || !strings.Contains(out, r.Header.Get("X-Request-Id")) {
			t.Errorf("the log: %s", out)
		}
		if r := h.do(t, "POST", "/graphql", "{}"); r.StatusCode != 200 {
			t.Errorf("afterwards: %d", r.StatusCode)
		}
	})
}

// draining: a request that comes while the server stops is sent away, and the one that runs is finished.
func draining(t *testing.T) {
	arrived, stopping, finish := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-httpx.Stopping(r.Context())
		close(stopping)
		<-finish
		io.WriteString(w, "done")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&httpx.Server{Listener: l, Handler: web.New(web.Config{Origin: console, GraphQL: slow})}).Run(ctx)
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	const request = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	first := dial()
	fmt.Fprint(first, request)
	<-arrived
	stop()
	<-stopping
	late := dial()
	fmt.Fprint(late, request)
	r, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || !r.Close || !strings.Contains(string(body), `{"errors":[{`) || !strings.Contains(string(body), `"UNAVAILABLE"`) {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, body)
	}
	close(finish)
	if r, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil || r.StatusCode != 200 {
		t.Errorf("the one that ran: %v, %v", r, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
