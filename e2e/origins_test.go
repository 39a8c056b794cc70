package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestD10_Origins: a page of an origin that the application does not allow is refused at the preflight, at the request and at the socket, whatever its
// token (CN-42a).
func TestD10_Origins(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	other := h.Tenant("elsewhere")
	origin := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Scheme + "://" + u.Host
	}
	var app struct{ Application struct{ PublicKey string } }
	h.Must(`query($id: ID!) { application(id: $id) { publicKey } }`, map[string]any{"id": h.Addresses.ApplicationID}, &app)
	session := documentNamed(t, h, "widget", "documentsSessionQuery")
	free, _ := h.Widget(map[string]any{"endUserRef": "customer-1"})
	bound, _ := h.Widget(map[string]any{"endUserRef": "customer-1", "origin": origin(h.Addresses.HostPage)})
	host, evil, console := origin(h.Addresses.HostPage), origin(h.Addresses.EvilPage), origin(h.Addresses.Console)
	const yes, no = true, false
	for _, c := range []struct {
		name, app, origin        string
		token                    harness.Caller
		preflight, post, upgrade bool
		code                     int // of the socket after the hello; 0: acknowledged
	}{
		{"Allowed", app.Application.PublicKey, host, free, yes, yes, yes, 0},
		{"AllowedAndBound", app.Application.PublicKey, host, bound, yes, yes, yes, 0},
		{"Foreign", app.Application.PublicKey, evil, free, no, no, no, 0},
		{"ForeignAndBound", app.Application.PublicKey, evil, bound, no, no, no, 0},
		{"Null", app.Application.PublicKey, "null", free, no, no, no, 0},
		{"NoOrigin", app.Application.PublicKey, "", free, no, yes, yes, 0},
		{"NoOriginButBound", app.Application.PublicKey, "", bound, no, no, yes, 4403},
		{"UpperCase", app.Application.PublicKey, strings.ToUpper(host), free, no, no, no, 0},
		{"Suffix", app.Application.PublicKey, host + ".evil.example", free, no, no, no, 0},
		{"WithoutApplication", "", host, free, no, no, no, 0},
		{"UnknownApplication", "np_pk_nobody", host, free, no, no, no, 0},
		{"OtherApplication", other.PublicKey, host, free, no, no, no, 0},
		{"OtherApplicationNoOrigin", other.PublicKey, "", free, no, no, yes, 4403},
		{"OwnOrigin", app.Application.PublicKey, console, free, no, yes, yes, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := h.With(t)
			as := c.token
			as.App, as.Origin = c.app, c.origin
			if c.origin != "" {
				preflight(t, h, as, c.preflight)
			}
			body, _ := json.Marshal(harness.Query{Document: session})
			res, raw := h.Post(as, body)
			answered := res.StatusCode == http.StatusOK && strings.Contains(string(raw), `"widgetSession":{`)
			if answered != c.post {
				t.Errorf("the request was answered with %d %s", res.StatusCode, raw)
			}
			if readable := res.Header.Get("Access-Control-Allow-Origin") == c.origin && c.origin != ""; readable != c.preflight {
				t.Errorf("the page may read the answer: %v", res.Header)
			}
			if !answered && !strings.Contains(string(raw), "origin_not_allowed") {
				t.Errorf("refused without the reason: %d %s", res.StatusCode, raw)
			}
			if res.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			socket, up, err := h.Dial(as)
			if (err == nil) != c.upgrade {
				t.Fatalf("the upgrade: %v %v", up, err)
			}
			if err != nil {
				if up == nil || up.StatusCode != http.StatusForbidden {
					t.Errorf("the upgrade was refused with %v", up)
				}
				return
			}
			socket.Hello(as)
			if c.code != 0 {
				if code, text := socket.Code(ended); code != c.code {
					t.Errorf("the socket ended with %d %s", code, text)
				}
				return
			}
			if m, ok := socket.Ack(10 * time.Second); !ok || m.Type != "connection_ack" {
				t.Errorf("the hello was answered with %s %s", m.Type, m.Payload)
			}
		})
	}
	t.Run("KeyInAPage", func(t *testing.T) {
		h := h.With(t)
		body, _ := json.Marshal(harness.Query{Text: `{ viewer { isAuthenticated } }`})
		res, raw := h.Post(harness.Caller{Bearer: h.Addresses.APIKey, App: app.Application.PublicKey, Origin: host}, body)
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(string(raw), "key_in_browser") || strings.Contains(string(raw), h.Addresses.APIKey) {
			t.Errorf("%d %s", res.StatusCode, raw)
		}
	})
	t.Run("CookieOfAnotherSite", func(t *testing.T) {
		h := h.With(t)
		browser := h.SignIn()
		browser.Origin = evil
		if _, up, err := h.Dial(browser); err == nil || up == nil || up.StatusCode != http.StatusForbidden {
			t.Errorf("another site opened a socket in a person's name: %v %v", up, err)
		}
		browser.Origin, browser.App = host, app.Application.PublicKey // allowed for widgets, and never for cookies
		if s, _, err := h.Dial(browser); err == nil {
			s.Hello(harness.Caller{})
			if code, text := s.Code(ended); code != 4403 {
				t.Errorf("a widget's page opened a socket in a person's name: %d %s", code, text)
			}
		}
	})
}

func preflight(t *testing.T, h *harness.House, as harness.Caller, want bool) {
	t.Helper()
	address := h.Addresses.GraphQL
	if as.App != "" {
		address += "?app=" + as.App
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, address, nil)
	r.Header.Set("Origin", as.Origin)
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Access-Control-Allow-Origin") == as.Origin; got != want {
		t.Errorf("the preflight was answered with %d %v", res.StatusCode, res.Header)
	}
	if !slices.ContainsFunc(res.Header.Values("Vary"), func(v string) bool { return strings.Contains(v, "Origin") }) {
		t.Errorf("the preflight does not vary by Origin: %v", res.Header)
	}
}
