package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/graph"
	"github.com/nameplate-dev/nameplate/graph/gql"
	"github.com/nameplate-dev/nameplate/graph/loader"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/domaincheck"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/monitor"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/connect/widget"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/resolvers"
	"github.com/vektah/gqlparser/v2/ast"
)

// world is the DNS as a test wants it to be: either everything stands on both name servers, or nothing does.
type world struct{ right atomic.Bool }

func (w *world) Analyze(_ context.Context, q analysis.Question) (analysis.Answer, error) {
	now := time.Now()
	a := analysis.Answer{Hostname: q.Hostname, Verdict: analysis.Absent, Registered: true, Questions: 12, Dnssec: analysis.DnssecUnsigned, StartedAt: now, FinishedAt: now,
		Zone:         &analysis.ZoneView{Apex: q.Registrable, Chain: []string{".", "lab", q.Registrable}, NameServers: []analysis.NameServer{}, Serials: []int64{}, Dnssec: analysis.DnssecUnsigned},
		Observations: []analysis.Observation{{ID: ident.New[ident.ObservationID](now), At: now, SourceKind: analysis.Authoritative, Source: "ns1", Family: 4, Type: "A", Name: q.Hostname, Values: []string{}, Rcode: "NXDOMAIN"}}}
	for _, s := range []analysis.Step{{Key: "delegation", State: "RUNNING", Text: "walking"}, {Key: "delegation", State: "DONE", Text: "delegated"}} {
		if q.Progress != nil {
			q.Progress(s)
		}
	}
	for _, x := range q.Expected {
		r := analysis.RecordResult{Key: x.Key, Status: "PENDING", Of: 2, Seen: []string{}}
		if w.right.Load() {
			r.Status, r.Have, r.Seen, a.Verdict = "OK", 2, []string{x.Value}, analysis.Correct
			a.Ownership.Target = a.Ownership.Target || x.Type == "CNAME"
		} else {
			f := finding.New(finding.RecordAbsent, map[string]any{"name": x.FQDN, "type": x.Type})
			r.Finding, a.Findings = &f, append(a.Findings, f)
		}
		a.Records = append(a.Records, r)
	}
	if !w.right.Load() {
		a.Conflicts = []analysis.ConflictSeen{{Kind: finding.ForeignAddress, Severity: finding.Warning, Name: q.Hostname, Type: "A", Existing: []string{"192.0.2.9"}, Choices: []string{"REPLACE", "KEEP"}}}
	}
	return a, nil
}

// server is the GraphQL server on real services; only the DNS is scripted, and who calls is said by a header.
type server struct {
	*spinetest.Bundle
	URL      string
	Schema   *ast.Schema
	Planned  *plan.Executable // what the server executes with
	Root     *resolvers.Resolver
	World    *world
	Queries  *dbtest.Asked
	Apps     *application.Service
	Cons     *connection.Service
	Widgets  *widget.Service
	Webhooks *webhook.Service
	Mails    *mail.Service
	App      *application.Application
	Stranger ident.UserID
	Other    ident.OrgID

	factors   *factor.Service
	signInNow func(testing.TB) string // starts a session of the owner, whose password is "the former password", and answers its id

	mu       sync.Mutex
	callers  map[string]authz.Principal
	Machines *machine.Service
	speak    func(context.Context, secret.String) (authz.Principal, error)
}

func start(t testing.TB) *server {
	t.Helper()
	s := &server{Bundle: spinetest.New(t), World: &world{}, callers: map[string]authz.Principal{}}
	d, asked := dbtest.Counted(t, s.DB, db.MaxConns(16))
	s.Queries = asked
	services := s.assemble(t, d)
	r := resolvers.New(services)
	schema := gql.NewPlanned(gql.Config{Resolvers: r})
	s.Schema, s.Planned, s.Root = schema.Schema(), schema, r
	g, err := graph.New(graph.Config{
		Schema: schema, Origin: func(*http.Request) bool { return true }, Revoked: s.Authz.Revoked(), Hub: s.Hub,
		Bearer: func(_ context.Context, token, _, _ string) (authz.Principal, error) { return s.caller(token), nil },
		Around: func(ctx context.Context) context.Context { return loader.With(ctx, r.Loaders()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		g.ServeHTTP(w, q.WithContext(authz.With(q.Context(), s.caller(q.Header.Get("Test-Caller")))))
	}))
	t.Cleanup(h.Close)
	s.URL = h.URL
	s.Other, s.Stranger = s.Organization(t, "other")
	s.people()
	p, err := s.Apps.Create(s.As(t.Context()), application.CreateApplicationInput{OrganizationID: s.Org, Name: "Shop", AllowedOrigins: []string{"https://shop.example"}})
	if err != nil {
		t.Fatal(err)
	}
	s.App = p.Application
	return s
}

// assemble joins the services as the product does, on a pool whose queries are counted.
func (s *server) assemble(t testing.TB, d *db.DB) resolvers.Services {
	t.Helper()
	names := hostname.Policy{Lab: true, OwnZones: []string{"edge.lab"}}
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	edge := &edgeentry.Service{DB: d, Authz: s.Authz, Hub: s.Hub, Zone: "edge.lab", Vault: s.Vault}
	v4 := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	recipes := &recipe.Service{DB: d, Authz: s.Authz}
	s.Apps = &application.Service{DB: d, Door: s.Door, Authz: s.Authz, Hub: s.Hub, Seeds: recipes, Edge: edge, Lab: true}
	s.Cons = &connection.Service{DB: d, Door: s.Door, Authz: s.Authz, Ledger: s.Ledger, Hub: s.Hub, Work: s.Work, Applications: s.Apps, Recipes: recipes, Edge: edge,
		Analyzer: s.World, Catalogue: catalogue, Records: &record.Store{}, Claims: &claim.Claims{}, Checks: &check.Store{Providers: catalogue},
		Settings: connection.Settings{EdgeZone: "edge.lab", EdgeV4: v4, Hostnames: names}}
	s.Apps.Connections = s.Cons
	certificates := &certificate.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Work: s.Work, Connections: s.Cons, Edge: edge}
	s.Widgets = &widget.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Applications: s.Apps, Hostnames: names}
	s.Webhooks = &webhook.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Hub: s.Hub, Work: s.Work, Outside: safehttp.Options{AllowLoopbackHTTP: true}}
	s.Mails = mailsOf(t, s, d)
	out := resolvers.Services{
		Accounts: &account.Service{DB: d, Door: s.Door, Authz: s.Authz, Terms: "2026-11", EndRights: func(context.Context, *door.Effect, ident.UserID, string) error { return nil }}, Profiles: &profile.Service{DB: d, Door: s.Door, Vault: s.Vault, Limit: limit.New(nil), Mail: s.Mails, Console: "https://console.test"}, Sessions: &session.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault},
		Approvals:    &approval.Service{DB: d, Door: s.Door, Authz: s.Authz, Work: s.Work},
		Members:      &membership.Service{DB: d, Door: s.Door, Authz: s.Authz},
		Invitations:  &invitation.Service{DB: d, Door: s.Door, Authz: s.Authz, Limit: limit.New(nil), Mail: s.Mails, Console: "https://console.test"},
		Keys:         &apikey.Service{DB: d, Door: s.Door, Authz: s.Authz, OrgOfApplication: s.Apps.OrgOf},
		Applications: s.Apps, Recipes: recipes, Connections: s.Cons, Providers: catalogue, Certificates: certificates, Widgets: s.Widgets, Webhooks: s.Webhooks, EdgeEntries: edge, Monitor: &monitor.Service{DB: d, Door: s.Door, Authz: s.Authz}, Mails: s.Mails, Audits: auditsOf(s, d),
		DomainChecks: &domaincheck.Service{Authz: s.Authz, Limit: limit.New(nil), Applications: s.Apps, Recipes: recipes, Engine: s.World, Settings: domaincheck.Settings{EdgeZone: "edge.lab", EdgeV4: v4, Hostnames: names}},
		Authz:        s.Authz, Hub: s.Hub, Build: "b1", Version: "v1",
		Spent: func(ctx context.Context) resolvers.Spent { return resolvers.Spent(graph.SpentOf(ctx)) },
	}
	s.signIn(t, d, &out)
	out.Organizations = &organization.Service{DB: d, Door: s.Door, Authz: s.Authz, Members: out.Members, Billing: &billing.Subscriptions{Plan: billing.BuiltIn}, SetDefault: out.Accounts.SetDefaultTx}
	s.singleSignOn(d, &out)
	out.Profiles.EndSessions = out.Sessions.EndAllTx
	s.programs(&out)
	out.Members.Left = func(context.Context, *door.Effect, ident.OrgID, ident.UserID) error { return nil }
	out.Invitations.Members = out.Members
	out.Parts = []part.Part{
		out.Accounts.Part(), out.Sessions.Part(), out.Approvals.Part(), out.Organizations.Part(), out.Members.Part(), out.Profiles.Part(), out.Invitations.Part(), out.Registrations.Part(), out.Recoveries.Part(), out.Factors.Part(), out.Keys.Part(), out.Machines.Part(), out.SSO.Part(), s.Apps.Part(), recipes.Part(), s.Cons.Part(), certificates.Part(), out.EdgeEntries.Part(), s.Widgets.Part(), s.Webhooks.Part(), out.Monitor.Part(), s.Mails.Part(), out.Audits.Part(), out.DomainChecks.Part(),
		{Grants: []authz.Grant{{Permission: "provider.read", Roles: []authz.Role{authz.Member}, Widget: []string{"ANY"}}},
			Ready: []part.Check{{Name: "database", Ask: func(ctx context.Context) error { _, err := d.Exec(ctx, "select 1"); return err }}}},
	}
	s.Join(out.Parts...)
	return out
}

// people are those who call: the owner's key and session, a stranger's key, and a widget.
func (s *server) people() {
	var all []authz.Permission
	for _, g := range s.Authz.Grants() {
		all = append(all, g.Permission)
	}
	now := time.Now()
	s.let("owner", authz.Principal{Kind: authz.API_KEY, UserID: s.User, KeyID: ident.New[ident.KeyID](now), OrgID: s.Org, Scopes: all})
	s.let("person", authz.Principal{Kind: authz.USER, UserID: s.User, SessionID: ident.New[ident.SessionID](now), OrgID: s.Org, AuthTime: now, AAL: 1})
	s.let("operator", authz.Principal{Kind: authz.OPERATOR, UserID: s.User, SessionID: ident.New[ident.SessionID](now), OrgID: s.Org, AuthTime: now, AAL: 2})
	s.let("stranger", authz.Principal{Kind: authz.API_KEY, UserID: s.Stranger, KeyID: ident.New[ident.KeyID](now), OrgID: s.Other, Scopes: all})
}

func (s *server) let(name string, p authz.Principal) {
	p.RequestID, p.Locale = "req", "en"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers[name] = p
}

func (s *server) caller(name string) authz.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.callers[name]; ok {
		return p
	}
	return authz.Principal{Kind: authz.PUBLIC, RequestID: "req"}
}

// widget is a page of an end user's.
func (s *server) widget(name, endUser string, cons ...ident.ConnectionID) {
	s.let(name, authz.Principal{Kind: authz.WIDGET, OrgID: s.Org, ApplicationID: s.App.ID, Widget: &authz.WidgetClaims{TokenID: ident.New[ident.WidgetTokenID](time.Now()), ApplicationID: s.App.ID,
		EndUserRef: endUser, ConnectionIDs: cons, Scopes: []string{"CHECK", "START", "SETUP", "VIEW"}, ExpiresAt: time.Now().Add(time.Hour)}})
}

type vars = map[string]any

// document is the trusted text that holds a word, by its id.
func document(t testing.TB, manifest, word string) vars {
	t.Helper()
	raw, err := os.ReadFile("../graph/documents/" + manifest + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for id, text := range all {
		if strings.Contains(text, word) {
			return vars{"documentId": "sha256:" + strings.TrimPrefix(id, "sha256:")}
		}
	}
	t.Fatalf("no document with %s", word)
	return nil
}

type answer struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
	raw string
}

// send posts a body as somebody.
func (s *server) send(t testing.TB, who string, body vars) answer {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", bytes.NewReader(raw))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Test-Caller", who)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	a := answer{raw: b.String()}
	if err := json.Unmarshal(b.Bytes(), &a); err != nil {
		t.Fatalf("%s: %v", b.String(), err)
	}
	return a
}

// ask sends text, and fails on any error.
func (s *server) ask(t testing.TB, who, text string, v vars) map[string]any {
	t.Helper()
	a := s.send(t, who, vars{"query": text, "variables": v})
	if len(a.Errors) > 0 {
		t.Fatalf("%s\n%s", text, a.raw)
	}
	return a.Data
}

// at walks into an answer: at(data, "connections", "nodes", 0, "id").
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no %v in %v", p, v)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= p {
				t.Fatalf("no %v in %v", p, v)
			}
			v = l[p]
		}
	}
	return v
}

// connect starts a connection and lets its first check run.
func (s *server) connect(t testing.TB, host string) string {
	t.Helper()
	data := s.ask(t, "owner", `mutation($i: StartConnectionInput!) { startConnection(input: $i) { connection { id } } }`, vars{"i": vars{"applicationId": s.App.ID.String(), "hostname": host, "endUserRef": "u1"}})
	s.work(t)
	return at(t, data, "startConnection", "connection", "id").(string)
}

func (s *server) work(t testing.TB) {
	t.Helper()
	if err := s.Work.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// socket is one subscription over graphql-transport-ws.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *server) subscribe(t *testing.T, who, text string, v vars, id ...string) *socket {
	t.Helper()
	conn, _, err := (&websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}).DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", http.Header{"Test-Caller": {who}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &socket{t, conn}
	c.write(vars{"type": "connection_init"})
	if m := c.read(); m["type"] != "connection_ack" {
		t.Fatalf("no ack: %v", m)
	}
	payload := vars{"query": text, "variables": v}
	if len(id) > 0 && id[0] != "" {
		payload["extensions"] = vars{"documentId": id[0]}
	}
	c.write(vars{"id": "1", "type": "subscribe", "payload": payload})
	return c
}

func (c *socket) write(v any) {
	c.t.Helper()
	if err := c.conn.WriteJSON(v); err != nil {
		c.t.Fatal(err)
	}
}

// read answers the next message that is no ping.
func (c *socket) read() map[string]any {
	c.t.Helper()
	for {
		c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		var m map[string]any
		if err := c.conn.ReadJSON(&m); err != nil {
			c.t.Fatalf("read the socket: %v", err)
		}
		if m["type"] != "ping" {
			return m
		}
		c.write(vars{"type": "pong"})
	}
}

// next is the data of the next message.
func (c *socket) next() map[string]any {
	c.t.Helper()
	m := c.read()
	if m["type"] != "next" || at(c.t, m, "payload", "errors") != nil {
		c.t.Fatalf("got %v", m)
	}
	return at(c.t, m, "payload", "data").(map[string]any)
}

// ends expects the subscription to complete.
func (c *socket) ends() {
	c.t.Helper()
	if m := c.read(); m["type"] != "complete" {
		c.t.Fatalf("it goes on with %v", m)
	}
}
