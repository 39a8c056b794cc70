package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/kit/slogx"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/web"
)

const (
	console     = "https://console.example.com"
	password    = "correct horse battery"
	pageOf      = "https://shop.example"        // an allowed origin of the application
	app         = "npa_pub_0123456789"          // its public key
	widgetToken = "header.widgetclaims.signed1" // a widget token for it
)

// house is a running door over a real database.
type house struct {
	*spinetest.Bundle
	base     string
	keys     *apikey.Service
	sessions *session.Service
	logs     *logs
	clock    atomic.Int64 // how far the clock is ahead
}

// ahead moves the clock of rows.
func (h *house) ahead(d time.Duration) { h.clock.Add(int64(d)) }

func setup(t *testing.T, change ...func(*web.Config)) *house {
	t.Helper()
	h := &house{Bundle: spinetest.New(t), logs: &logs{}}
	h.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(h.clock.Load())) })
	h.Door.Guards = []door.Guard{billing.Entitlement{Plan: billing.BuiltIn}, billing.StepUp{}}
	sessions := &session.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Vault: h.Vault}
	h.sessions = sessions
	factors := &factor.Service{DB: h.DB, Door: h.Door, Vault: h.Vault, Limit: limit.New(nil), Sessions: sessions}
	credentials := &credential.Service{DB: h.DB, Door: h.Door, Vault: h.Vault, Limit: limit.New(nil), Sessions: sessions, Factors: factors,
		Home: func(context.Context, ident.UserID) (*ident.OrgID, error) { return &h.Org, nil }}
	h.keys = &apikey.Service{DB: h.DB, Door: h.Door, Authz: h.Authz}
	h.Join(h.keys.Part())
	h.give(t, credentials, h.User)
	c := web.Config{
		GraphQL: graphQL(h), Console: page("console"), Explorer: page("explorer"), Widget: page("widget"),
		Sessions: sessions, Credentials: credentials, Factors: factors, Keys: h.keys, Accounts: &account.Service{DB: h.DB},
		Origin: console, Log: slogx.New(h.logs, slogx.JSON, slog.LevelDebug),
		Origins: func(_ context.Context, key string) (func(string) bool, error) {
			if key != app {
				return nil, nil
			}
			return func(o string) bool { return o == pageOf }, nil
		},
		WidgetToken: func(_ context.Context, given secret.String, key, origin string) (authz.Principal, error) {
			if given.Reveal() != widgetToken || key != app || origin != "" && origin != pageOf {
				return authz.Principal{Kind: authz.PUBLIC}, fault.Unauthorized("origin_not_allowed", "No.")
			}
			return authz.Principal{Kind: authz.WIDGET, OrgID: h.Org, Widget: &authz.WidgetClaims{Scopes: []string{"CHECK"}}}, nil
		},
		Keysfile: func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
	}
	for _, f := range change {
		f(&c)
	}
	h.serve(t, web.New(c))
	return h
}

func (h *house) give(t *testing.T, credentials *credential.Service, user ident.UserID) {
	t.Helper()
	err := h.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "update app_user set default_org_id = $1 where id = $2", h.Org.UUID(), user.UUID()); err != nil {
			return err
		}
		phc, err := credentials.Hash(ctx, secret.New(password))
		if err != nil {
			return err
		}
		return credentials.SetTx(ctx, tx, user, phc)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) serve(t *testing.T, handler http.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- (&httpx.Server{Listener: l, Handler: handler, Grace: time.Second}).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	h.base = "http://" + l.Addr().String()
}

// graphQL tells who was recognised. With X-Watch it stays open, as a socket does, until the caller's rights end.
func graphQL(h *house) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := authz.From(r.Context())
		if r.Header.Get("X-Panic") != "" {
			panic("resolver")
		}
		if r.Header.Get("X-Watch") != "" {
			ended, stop := spinetest.Ended(h.Authz.Revoked(), p.Subjects()...)
			defer stop()
			io.WriteString(w, "watching\n")
			http.NewResponseController(w).Flush()
			select {
			case <-ended:
				io.WriteString(w, "ended\n")
			case <-r.Context().Done():
			}
			return
		}
		if r.Header.Get("X-Create") != "" {
			k, err := h.keys.Create(r.Context(), apikey.CreateApiKeyInput{Description: "test", OrganizationID: &h.Org})
			if err != nil {
				httpx.WriteError(w, r, slog.New(slog.DiscardHandler), err)
				return
			}
			httpx.WriteJSON(w, http.StatusOK, map[string]string{"created": k.ApiKey.ID.String()})
			return
		}
		raw, err := io.ReadAll(r.Body)
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			http.Error(w, "too big", http.StatusRequestEntityTooLarge)
			return
		}
		httpx.WriteJSON(w, http.StatusOK, map[string]any{"kind": p.Kind, "user": p.UserID.String(), "key": p.KeyID.String(), "session": p.SessionID.String(), "org": p.OrgID.String(),
			"network": p.Network, "ip": p.IP, "locale": p.Locale, "agent": p.UserAgent, "requestId": p.RequestID, "read": len(raw), "origin": p.Origin})
	})
}

func page(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name+" "+r.URL.Path) })
}

// reply is an answer, read.
type reply struct {
	*http.Response
	text string
	json map[string]any
}

func (r reply) code() string {
	if list, ok := r.json["errors"].([]any); ok {
		if extensions, ok := list[0].(map[string]any)["extensions"].(map[string]any); ok { // else it is a problem
			reason, _ := extensions["reason"].(string)
			return strings.TrimSpace(extensions["code"].(string) + " " + reason)
		}
	}
	code, _ := r.json["code"].(string)
	reason, _ := r.json["reason"].(string)
	return strings.TrimSpace(code + " " + reason)
}

// cookie answers what the answer sets; nil for nothing.
func (r reply) cookie() *http.Cookie {
	for _, c := range r.Cookies() {
		if c.Name == "__Host-np_s" {
			return c
		}
	}
	return nil
}

// headers are pairs: name, value, name, value.
func (h *house) do(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{Response: res, text: string(raw)}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &out.json); err != nil {
			t.Fatalf("%s %s answered what is no JSON object: %s", method, path, raw)
		}
	}
	return out
}

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 30 * time.Second}

// browser is somebody who is signed in.
type browser struct {
	*house
	cookie, csrf string
}

func (h *house) signIn(t *testing.T, name, with string, headers ...string) reply {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"username": name, "password": with})
	return h.do(t, "POST", "/auth/sign-in", string(body), headers...)
}

func (h *house) browser(t *testing.T) *browser {
	t.Helper()
	r := h.signIn(t, "acme@example.com", password)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("sign-in answered %d: %s", r.StatusCode, r.text)
	}
	return &browser{house: h, cookie: r.cookie().Value, csrf: r.json["csrf"].(string)}
}

func (b *browser) send(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	return b.do(t, method, path, body, append([]string{"Cookie", "__Host-np_s=" + b.cookie, "X-Nameplate-Csrf", b.csrf}, headers...)...)
}

func form(pairs ...string) string {
	v := url.Values{}
	for n := 0; n < len(pairs); n += 2 {
		v.Set(pairs[n], pairs[n+1])
	}
	return v.Encode()
}

// logs keeps what was logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
