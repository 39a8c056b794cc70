package web_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/web"
)

func TestBearer_KeyInABrowserIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t)
	key, _ := h.key(t)
	for origin, want := range map[string]string{pageOf: "UNAUTHENTICATED key_in_browser", "https://evil.example": "UNAUTHENTICATED key_in_browser", "null": "UNAUTHENTICATED key_in_browser", console: "", "": ""} {
		headers := []string{"Authorization", "Bearer " + key}
		if origin != "" {
			headers = append(headers, "Origin", origin)
		}
		if r := h.do(t, "POST", "/graphql?app="+app, "{}", headers...); r.code() != want || want == "" && r.json["kind"] != "API_KEY" {
			t.Errorf("origin %q: %d %s", origin, r.StatusCode, r.text)
		}
	}
}

func TestBearer_WidgetTokenSpeaksForItsApplication(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for name, c := range map[string]struct{ path, origin, want string }{
		"Right": {"/graphql?app=" + app, pageOf, ""}, "WithoutOrigin": {"/graphql?app=" + app, "", ""}, "OtherOrigin": {"/graphql?app=" + app, "https://evil.example", "UNAUTHENTICATED origin_not_allowed"},
		"OtherApplication": {"/graphql?app=npa_pub_other", pageOf, "UNAUTHENTICATED origin_not_allowed"}, "MalformedApplication": {"/graphql?app=%00%ff", pageOf, "UNAUTHENTICATED origin_not_allowed"},
		"LongApplication": {"/graphql?app=" + strings.Repeat("a", 5000), pageOf, "UNAUTHENTICATED origin_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []string{"Authorization", "Bearer " + widgetToken}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			r := h.do(t, "POST", c.path, "{}", headers...)
			if r.code() != c.want || c.want == "" && r.json["kind"] != "WIDGET" {
				t.Fatalf("%d %s", r.StatusCode, r.text)
			}
			if allowed := r.Header.Get("Access-Control-Allow-Origin"); (allowed != "") != (name == "Right") {
				t.Errorf("Access-Control-Allow-Origin: %q", allowed)
			}
		})
	}
}

func TestCORS_PreflightIsJudgedByTheApplicationInTheAddress(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for name, c := range map[string]struct {
		path, origin string
		headers      string
		allowed      bool
	}{
		"Allowed":            {"/graphql?app=" + app, pageOf, "authorization,content-type", true},
		"Foreign":            {"/graphql?app=" + app, "https://evil.example", "authorization,content-type", false},
		"UnknownApplication": {"/graphql?app=npa_pub_unknown", pageOf, "authorization,content-type", false},
		"NoApplication":      {"/graphql", pageOf, "authorization,content-type", false},
		"Null":               {"/graphql?app=" + app, "null", "authorization,content-type", false},
		"ForeignCSRFHeader":  {"/graphql?app=" + app, pageOf, "content-type,x-nameplate-csrf", false},
		"OtherRoute":         {"/auth/sign-in?app=" + app, pageOf, "content-type", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.do(t, "OPTIONS", c.path, "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", c.headers)
			got := r.Header.Get("Access-Control-Allow-Origin")
			if c.allowed && got != c.origin || !c.allowed && got != "" {
				t.Fatalf("%d %v", r.StatusCode, r.Header)
			}
			if r.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are on")
			}
			if strings.HasPrefix(c.path, "/graphql") && !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("Vary: %v", r.Header.Values("Vary"))
			}
		})
	}
}

func TestCrossOrigin_WithoutABearerIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t)
	b := h.browser(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"ForeignOrigin":  {[]string{"Origin", "https://evil.example"}, 403},
		"AllowedOrigin":  {[]string{"Origin", pageOf}, 403}, // its pages send a token
		"NullOrigin":     {[]string{"Origin", "null"}, 403},
		"CrossSite":      {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"SameSite":       {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"CrossSiteBasic": {[]string{"Origin", "https://evil.example", "Authorization", "Basic eDp5"}, 403},
		"OwnOrigin":      {[]string{"Origin", console}, 200},
		"SameOrigin":     {[]string{"Sec-Fetch-Site", "same-origin", "Origin", console}, 200},
		"Program":        {nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/graphql?app=" + app, "/auth/sign-out"} {
				if path == "/auth/sign-out" && c.status == 200 {
					continue
				}
				r := b.send(t, "POST", path, "{}", c.headers...)
				if r.StatusCode != c.status || c.status == 403 && r.code() != "FORBIDDEN cross_origin" || c.status == 200 && r.json["kind"] != "USER" {
					t.Errorf("%s: %d %s", path, r.StatusCode, r.text)
				}
			}
		})
	}
	if r := b.send(t, "GET", "/graphql?app="+app, "", "Origin", pageOf); r.json["kind"] != "PUBLIC" {
		t.Errorf("a page of an application opened a socket with a person's cookie: %s", r.text)
	}
}

func TestSocketOrigin(t *testing.T) {
	t.Parallel()
	broken := errors.New("away")
	c := web.Config{Origin: console + "/", Origins: func(_ context.Context, key string) (func(string) bool, error) {
		switch key {
		case app:
			return func(o string) bool { return o == pageOf || o == "null" }, nil
		case "broken":
			return func(string) bool { return true }, broken
		}
		return nil, nil
	}}
	for name, o := range map[string]struct {
		query   string
		origins []string
		want    bool
	}{
		"Program": {"", nil, true}, "Own": {"", []string{console}, true}, "OwnInCapitals": {"", []string{"HTTPS://Console.Example.Com"}, true}, "OwnPrefix": {"", []string{console + ".evil.example"}, false},
		"Foreign": {"", []string{pageOf}, false}, "Application": {"app=" + app, []string{pageOf}, true}, "OtherOrigin": {"app=" + app, []string{"https://evil.example"}, false},
		"Unknown": {"app=other", []string{pageOf}, false}, "Null": {"app=" + app, []string{"null"}, false}, "Two": {"app=" + app, []string{pageOf, "https://evil.example"}, false},
		"DatabaseAway": {"app=broken", []string{pageOf}, false}, "EmptyOrigin": {"", []string{""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", "/graphql?"+o.query, nil)
			if o.origins != nil {
				r.Header["Origin"] = o.origins
			}
			if got := c.SocketOrigin(r); got != o.want {
				t.Errorf("answered %v", got)
			}
		})
	}
}
