// Package hostpage plays a SaaS that lets its customers use a domain of their own, with the widget in its
// settings page; and its evil twin, a copy of that page on an origin that was never allowed.
package hostpage

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/lab/look"
)

//go:embed host.html host.css host.js
var files embed.FS

var pages = look.Templates(files, "host.html")

// Product is what the world learns of the product once it runs.
type Product struct {
	GraphQL       string // URL
	GraphQLWS     string // URL of the socket; that of GraphQL with ws when empty
	WidgetOrigin  string // where /widget/v1/connect.js is; the GraphQL origin when empty
	PublicKey     string // of the application
	ApplicationID string
	APIKey        string // may mint widget tokens; it stays in this process

	Console         string
	ConsoleEmail    string
	ConsolePassword string
	Metrics         string
	RootFile        string // where the CAs' roots were written, for the curl line
	Links           []Link // more places to go, for the lab page
}

// Link is a place for people.
type Link struct{ Label, URL, About string }

// Site is the demo SaaS or its twin.
type Site struct {
	Evil bool

	mu      sync.Mutex
	product Product
	origin  string // that its tokens name: always the good site's
}

// Embed tells the site of the product. Before it, the page says that the widget is not there yet.
func (s *Site) Embed(p Product, origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.product, s.origin = p, origin
}

func (s *Site) now() (Product, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.product, s.origin
}

// Handler serves the page, POST /token, by which the page asks its own server for a widget token, and POST /embed, by which a developer shows an application
// of their own here.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /embed", s.own)
	mux.HandleFunc("GET /favicon.ico", look.NoIcon)
	for name, kind := range map[string]string{"host.css": "text/css", "host.js": "text/javascript"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			b, _ := files.ReadFile(name)
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(b)
		})
	}
	return mux
}

type pageData struct {
	Product
	Evil        bool
	Ready       bool
	API, Widget string
	User        string
	Mode        string
	Locale      string
	Domain      string
}

var (
	userName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	locale   = regexp.MustCompile(`^[A-Za-z]{2}(-[A-Za-z0-9]{2,4})?$`)
)

// page takes ?user= to be another customer, ?mode=inline, ?locale=de and ?domain= to start with a name.
func (s *Site) page(w http.ResponseWriter, r *http.Request) {
	p, _ := s.now()
	q := r.URL.Query()
	d := pageData{Product: p, Evil: s.Evil, API: origin(p.GraphQL), Widget: p.WidgetOrigin, User: "ana", Mode: "modal", Domain: q.Get("domain")}
	if d.Widget == "" {
		d.Widget = d.API
	}
	d.Ready = d.API != ""
	socket := origin(p.GraphQLWS)
	if socket == "" {
		socket = strings.Replace(d.API, "http", "ws", 1)
	}
	if u := q.Get("user"); userName.MatchString(u) {
		d.User = u
	}
	if q.Get("mode") == "inline" {
		d.Mode = "inline"
	}
	if l := q.Get("locale"); locale.MatchString(l) {
		d.Locale = l
	}
	// The policy that the widget promises to work under: no inline code, no foreign host but its own.
	policy := "default-src 'none'; style-src 'self'; script-src 'self' " + d.Widget + "; connect-src 'self' " + d.API + " " + socket +
		"; img-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
	w.Header().Set("Content-Security-Policy", policy)
	look.Page(w, http.StatusOK, pages, "host.html", d)
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

var (
	publicKey   = regexp.MustCompile(`^np_pk_[A-Za-z0-9_-]{1,100}$`)
	application = regexp.MustCompile(`^app_[a-z0-9]{1,40}$`)
	apiKey      = regexp.MustCompile(`^npk_[A-Za-z0-9_-]{1,120}$`)
)

// own lets the page show another application from now on. The key stays in this process, as the one before did.
func (s *Site) own(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	key, app, secret := field("publicKey"), field("applicationId"), field("apiKey")
	if !publicKey.MatchString(key) || !application.MatchString(app) || !apiKey.MatchString(secret) {
		http.Error(w, "Copy all three from the console: the application's id (app_…) and public key (np_pk_…), and an API key (npk_…) that may mint widget tokens.", http.StatusUnprocessableEntity)
		return
	}
	s.mu.Lock()
	s.product.PublicKey, s.product.ApplicationID, s.product.APIKey = key, app, secret
	s.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

const mint = `mutation CreateWidgetToken($input: CreateWidgetTokenInput!) {
  createWidgetToken(input: $input) { token expiresAt }
}`

// token is the SaaS's own backend: it knows who is signed in, and keeps the API key away from the browser.
func (s *Site) token(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User string `json:"user"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&in)
	if err != nil || !userName.MatchString(in.User) {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"error": "user must be a short name"})
		return
	}
	token, expires, err := s.mint(r.Context(), in.User)
	if err != nil {
		writeJSON(w, http.StatusBadGateway, map[string]string{"error": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token, "expiresAt": expires})
}

func (s *Site) mint(ctx context.Context, user string) (token, expires string, err error) {
	p, site := s.now()
	if p.GraphQL == "" {
		return "", "", errors.New("the product is not there yet")
	}
	input := map[string]any{"applicationId": p.ApplicationID, "endUserRef": user}
	if site != "" {
		input["origin"] = site
	}
	body, err := json.Marshal(map[string]any{"query": mint, "operationName": "CreateWidgetToken", "variables": map[string]any{"input": input}})
	if err != nil {
		return "", "", fmt.Errorf("write the request for a token: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.GraphQL, bytes.NewReader(body))
	if err != nil {
		return "", "", fmt.Errorf("address the product: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.APIKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", fmt.Errorf("ask the product for a token: %w", err)
	}
	defer res.Body.Close()
	var out struct {
		Data struct {
			CreateWidgetToken *struct{ Token, ExpiresAt string }
		}
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out); err != nil {
		return "", "", fmt.Errorf("read the product's answer (%s): %w", res.Status, err)
	}
	if t := out.Data.CreateWidgetToken; t != nil {
		return t.Token, t.ExpiresAt, nil
	}
	message := res.Status
	if len(out.Errors) > 0 {
		message = out.Errors[0].Message
	}
	return "", "", fmt.Errorf("the product gave no token: %s", message)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
