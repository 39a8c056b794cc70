package edge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/edge"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/lab/acmeca"
)

// connections stands in for the package connection: pre-flights as the test wants them, and what certificates say of the facet tls.
type connections struct {
	mu   sync.Mutex
	not  string   // why a pre-flight fails
	caa  []string // what CAA allows, nil: all
	says []analysis.CaaVerdict
	seen []analysis.ProbeResult
	org  ident.OrgID
	told map[ident.ConnectionID][]connection.TLS
}

func (c *connections) Get(_ context.Context, id ident.ConnectionID) (*connection.Connection, error) {
	return &connection.Connection{ID: id, OrgID: c.org}, nil
}

func (c *connections) Ready(_ context.Context, id ident.ConnectionID, _ bool) (*connection.Preflight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	p := &connection.Preflight{Connection: &connection.Connection{ID: id, Life: connection.Life{State: connection.Securing}}, OK: c.not == "", Reason: c.not, Check: &check.DnsCheck{ID: ident.New[ident.CheckID](now), StartedAt: now}}
	if c.caa != nil {
		p.Check.Caa = &analysis.CaaView{Allowed: c.caa}
	}
	if c.says != nil {
		p.Check.Caa = &analysis.CaaView{CAs: c.says}
	}
	p.Check.Probe = c.seen
	return p, nil
}

func (c *connections) SetTLSTx(_ context.Context, _ *door.Effect, id ident.ConnectionID, to connection.TLS) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[id] = append(c.told[id], to)
	return nil
}

func (c *connections) SetModeTx(ctx context.Context, e *door.Effect, id ident.ConnectionID, mode, _ string) (bool, error) {
	tag, err := e.Tx.Exec(ctx, "update connection set tls_mode = $2 where id = $1 and tls_mode <> $2", id.UUID(), mode)
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "certificate.mode_changed", Subject: id.String(), Version: 1})
	return tag.RowsAffected() == 1, err
}

func (c *connections) last(id ident.ConnectionID) connection.TLS {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all := c.told[id]; len(all) > 0 {
		return all[len(all)-1]
	}
	return connection.TLS{}
}

func (c *connections) refuse(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.not = code
}

// installation is a database, two CAs and a running edge.
type installation struct {
	t *testing.T
	*spinetest.Bundle
	certs   *certificate.Service
	entries *edgeentry.Service
	cons    *connections
	edge    *edge.Edge
	main    *acmeca.CA
	second  *acmeca.CA
	app     ident.ApplicationID
	recipe  uuid.UUID
	dsn     string

	mu         sync.Mutex
	txt, alias map[string]string // in the customers' zones, by name with its dot
}

func install(t *testing.T, change ...func(*certificate.Service)) *installation {
	t.Helper()
	return installFor(t, 0, change...)
}

// installFor is install with certificates that live so long; 0: 90 days.
func installFor(t *testing.T, lifetime time.Duration, change ...func(*certificate.Service)) *installation {
	t.Helper()
	b, dsn := spinetest.NewDSN(t)
	i := &installation{t: t, Bundle: b, dsn: dsn, txt: map[string]string{}, alias: map[string]string{}, cons: &connections{told: map[ident.ConnectionID][]connection.TLS{}}}
	i.cons.org = b.Org
	i.entries = &edgeentry.Service{DB: b.DB, Hub: b.Hub, Zone: "edge.lab"}
	i.certs = &certificate.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: b.Vault, Work: b.Work, Connections: i.cons, Edge: i.entries, Contact: []string{"mailto:ops@example.com"}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	sub := b.Hub.Subscribe(edgeentry.Subject)
	t.Cleanup(sub.Close)
	i.edge = &edge.Edge{HTTP: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, Projection: i.entries, Poked: sub.C(), Keys: i.certs, Challenges: i.certs, Missing: i.certs.Wanted, Grace: time.Second,
		DNS: &edgedns.Server{Zone: "edge.lab", Listeners: []string{"127.0.0.1:0"}, V4: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, RateLimit: -1}}
	if err := i.edge.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir, roots, err := acmeca.DirectoryCertificate()
	if err != nil {
		t.Fatal(err)
	}
	resolver := i.resolver()
	ca := func(name string) *acmeca.CA {
		ca, err := acmeca.Start(t.Context(), acmeca.Config{Name: name, Identity: name + ".lab", HTTPPort: int(i.edge.HTTPAddrs()[0].Port()), TLSPort: int(i.edge.HTTPSAddrs()[0].Port()), Resolver: resolver, Lifetime: lifetime,
			Log: slog.New(slog.DiscardHandler), Now: time.Now, CertOfDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ca.Close)
		i.certs.CAs = append(i.certs.CAs, certificate.CA{Name: name, Directory: ca.DirectoryURL(), Identities: []string{name + ".lab"}, Roots: acmeca.Pool(roots)})
		return ca
	}
	i.main, i.second = ca("main"), ca("second")
	for _, c := range change {
		c(i.certs)
	}
	b.Join(i.certs.Part(), part.Part{Grants: []authz.Grant{{Permission: "connection.read", Roles: []authz.Role{authz.Member}}}})
	i.seed()
	i.run(i.edge.Run)
	return i
}

// run lives as long as the test.
func (i *installation) run(fn func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	i.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			i.t.Error(err)
		}
	})
}

// resolver is what the CAs ask: every name is at loopback, and texts are those of the customers' zones, where an alias leads into the edge zone.
func (i *installation) resolver() string {
	i.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		i.t.Fatal(err)
	}
	srv := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		switch q := r.Question[0]; q.Qtype {
		case dns.TypeA:
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IP{127, 0, 0, 1}}}
		case dns.TypeTXT:
			m.Answer = i.texts(strings.ToLower(q.Name))
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	i.t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func (i *installation) texts(name string) []dns.RR {
	i.mu.Lock()
	value, alias := i.txt[name], i.alias[name]
	i.mu.Unlock()
	switch {
	case value != "":
		return []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}, Txt: []string{value}}}
	case alias != "":
		out := []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 1}, Target: alias}}
		if m, err := dns.Exchange(new(dns.Msg).SetQuestion(alias, dns.TypeTXT), i.edge.DNS.Addrs()[0].String()); err == nil {
			return append(out, m.Answer...)
		}
		return out
	}
	return nil
}

// publish writes into the customers' zones.
func (i *installation) publish(to map[string]string, name, value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	to[name] = value
}

func (i *installation) exec(sql string, args ...any) {
	i.t.Helper()
	if _, err := i.DB.Exec(i.t.Context(), sql, args...); err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) seed() {
	now := i.DB.Now()
	i.app, i.recipe = ident.New[ident.ApplicationID](now), ident.V7(now)
	i.exec("insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, 'shop', 'Shop', 'LIVE', $3, $4, $4)", i.app.UUID(), i.Org.UUID(), "np_pk_"+i.app.String(), now)
	i.exec("insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'default', 'PUBLISHED', '{SUBDOMAIN}', $4)", i.recipe, i.Org.UUID(), i.app.UUID(), now)
}

// connect makes a connection whose DNS was just verified, as the connection's own check does: its edge entry and the event in one transaction.
func (i *installation) connect(host string, mode certificate.ChallengeMode, allowed bool) ident.ConnectionID {
	i.t.Helper()
	now := i.DB.Now()
	id := ident.New[ident.ConnectionID](now)
	token := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(id.String()[4:], "0", "a"), "1", "b"))
	token = strings.NewReplacer("8", "c", "9", "d").Replace(token)
	i.exec(`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, is_wildcard, recipe_id, state, state_since, facets, setup_origin,
		target_token, verification_token, tls_mode, created_by, created_at, updated_at) values ($1, $2, $3, $4, $4, 'shop', 'acme.lab', 'lab', false, starts_with($4, '*.'), $5, 'SECURING', $6, '{}', 'API', $7, $8, $9, 'test', $6, $6)`,
		id.UUID(), i.Org.UUID(), i.app.UUID(), host, i.recipe, now, token, id.String(), string(mode))
	i.verified(id, host, allowed)
	return id
}

func (i *installation) verified(id ident.ConnectionID, host string, allowed bool) {
	i.t.Helper()
	i.verifiedBy(id, host, allowed, "connection.dns_verified")
}

func (i *installation) verifiedBy(id ident.ConnectionID, host string, allowed bool, action string) {
	i.t.Helper()
	err := i.Door.System(i.t.Context(), "check", i.Org, func(ctx context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: i.Org, Action: action, Subject: id.String(), Version: 1})
		return i.entries.PutTx(ctx, e.Tx, edgeentry.Entry{Hostname: host, ConnectionID: id, OrgID: i.Org, Serve: true, CertAllowed: allowed, Mode: edgeentry.Proxy, Route: edgeentry.Route{Application: "Shop", ConnectionID: id}})
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

// drain does the work that is due.
func (i *installation) drain() {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 30*time.Second)
	defer cancel()
	if err := i.Work.Drain(ctx); err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) certificates(id ident.ConnectionID) []*certificate.Certificate {
	i.t.Helper()
	all, err := i.certs.ByConnection(i.As(i.t.Context()), i.Org, []ident.ConnectionID{id})
	if err != nil {
		i.t.Fatal(err)
	}
	return all[id]
}

// visit opens https at the edge and answers the certificate that was presented.
func (i *installation) visit(host string) (*x509.Certificate, int, error) {
	return i.visitAt(i.edge, host)
}

// visitAt is visit at another edge.
func (i *installation) visitAt(at *edge.Edge, host string) (*x509.Certificate, int, error) {
	c, err := tls.Dial("tcp", at.HTTPSAddrs()[0].String(), &tls.Config{ServerName: host, RootCAs: acmeca.Pool(i.main.RootPEM(), i.second.RootPEM()), NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = c.Close() }()
	client := http.Client{Transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}}
	res, err := client.Get("https://" + host + "/")
	if err != nil {
		return nil, 0, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return c.ConnectionState().PeerCertificates[0], res.StatusCode, nil
}

func (i *installation) until(what string, ok func() bool) {
	i.t.Helper()
	i.within(20*time.Second, what, ok)
}

func (i *installation) within(patience time.Duration, what string, ok func() bool) {
	i.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(patience/4000)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			i.t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// clock is the product's, which a test moves; the CAs keep their own.
type clock struct {
	i     *installation
	moved atomic.Int64
}

func (i *installation) clocked() *clock {
	c := &clock{i: i}
	i.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(c.moved.Load())) })
	return c
}

// forward moves it, and the edge is alive at the new time.
func (c *clock) forward(d time.Duration) {
	c.i.t.Helper()
	c.moved.Add(int64(d))
	if err := c.i.entries.Heartbeat(c.i.t.Context(), edgeentry.Node{ID: c.i.edge.ID(), Name: "beat", StartedAt: time.Now(), Acked: c.i.edge.Generation()}); err != nil {
		c.i.t.Fatal(err)
	}
}

func (c *clock) to(at time.Time) { c.forward(at.Sub(c.i.DB.Now())) }

// CN-19: both modes, through the edge, from the event to the padlock; the first visitor finds a certificate that is there.
func TestIssue_BothModesThroughTheEdge(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.run(i.Work.Run)
	began := time.Now()
	web, alpn := i.connect("shop.acme.lab", certificate.HTTP01, true), i.connect("alpn.acme.lab", certificate.TLSALPN01, true)
	for host, id := range map[string]ident.ConnectionID{"shop.acme.lab": web, "alpn.acme.lab": alpn} {
		i.until("issued "+host, func() bool {
			all := i.certificates(id)
			return len(all) > 0 && all[0].Status == certificate.Issued
		})
		t.Logf("%s after %s", host, time.Since(began))
		c := i.certificates(id)[0]
		if c.Status != certificate.Issued || c.CA != "main" || c.Serial == nil || *c.DaysLeft < 80 || c.LastError != nil || i.cons.last(id).Certificate != c.ID || c.PreflightCheckID == nil {
			t.Errorf("%+v", c)
		}
		if c.RenewAt.Before(time.Now().Add(45*24*time.Hour)) || !c.NextAttemptAt.Equal(*c.RenewAt) {
			t.Errorf("renewed at %s", c.RenewAt)
		}
		i.until("presented "+host, func() bool { _, _, err := i.visit(host); return err == nil })
		visited := time.Now()
		leaf, status, err := i.visit(host)
		if err != nil || leaf.SerialNumber.Text(16) != *c.Serial || status != http.StatusServiceUnavailable || time.Since(visited) > time.Second {
			t.Errorf("%v %d after %s", err, status, time.Since(visited))
		}
	}
	actions := i.Actions(t)
	if n := len(slices.DeleteFunc(actions, func(a string) bool { return a != "certificate.issued" })); n != 2 {
		t.Errorf("%d certificates were issued by the ledger", n)
	}
	var left int
	if err := i.DB.QueryRow(t.Context(), "select count(*) from acme_challenge").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d challenges are left, %v", left, err)
	}
	var sealed []byte
	if err := i.DB.QueryRow(t.Context(), "select sealed_key from certificate where connection_id = $1", web.UUID()).Scan(&sealed); err != nil || strings.Contains(string(sealed), "PRIVATE") {
		t.Error(err)
	}
	if _, err := x509.ParsePKCS8PrivateKey(sealed); err == nil {
		t.Error("the key stands in clear")
	}
	if got := i.certs.Issuers(); got[0].AccountURI == "" || got[1].AccountURI != "" {
		t.Errorf("%+v", got)
	}
}

// I3 and CN-15: what the pre-flight refuses is not ordered; what CAA forbids at one CA is ordered at the next.
func TestIssue_NothingIsOrderedWithoutThePreflight(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.cons.refuse(finding.CAAForbidden)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	if c := i.certificates(id)[0]; c.Status != certificate.InCheck || c.LastError == nil || c.LastError.Code != finding.CAAForbidden || c.Failures != 0 {
		t.Errorf("%+v", c)
	}
	unproven := i.connect("drift.acme.lab", certificate.HTTP01, false)
	i.cons.refuse("")
	i.drain()
	if len(i.main.Orders())+len(i.second.Orders()) != 0 {
		t.Fatal("something was ordered")
	}
	i.cons.mu.Lock()
	i.cons.caa = []string{"second.lab"}
	i.cons.mu.Unlock()
	i.verified(id, "shop.acme.lab", true)
	i.drain()
	if c := i.certificates(id)[0]; c.Status != certificate.Issued || c.CA != "second" || len(i.main.Orders()) != 0 {
		t.Errorf("%+v", c)
	}
	if c := i.certificates(unproven)[0]; c.Status != certificate.InCheck {
		t.Errorf("a name that may have none: %+v", c)
	}
}

// CN-25: a name that does not validate costs the CA four orders an hour at most; another name is issued meanwhile.
func TestIssue_FailuresOfOneNameAreItsOwn(t *testing.T) {
	t.Parallel()
	i := install(t)
	clock := i.clocked()
	bad := i.connect("bad.acme.lab", certificate.TLSALPN01, true)
	// Port 80 works and port 443 asks for another name: the challenge cannot be seen.
	i.exec("create function hide() returns trigger language plpgsql as $$ begin new.name = 'hidden.lab'; return new; end $$")
	i.exec("create trigger hide before insert on acme_challenge for each row when (new.name = 'bad.acme.lab') execute function hide()")
	for range 60 { // an hour, minute by minute
		i.drain()
		clock.forward(time.Minute)
	}
	if n := len(i.main.Orders()) + len(i.second.Orders()); n == 0 || n > 4 {
		t.Errorf("%d orders in an hour", n)
	}
	c := i.certificates(bad)[0]
	if c.Status != certificate.Failed || c.LastError == nil || c.LastError.Code != finding.ChallengeFailed || i.cons.last(bad).Value != connection.BlockedTLS {
		t.Errorf("%+v %+v", c, i.cons.last(bad))
	}
	good := i.connect("good.acme.lab", certificate.HTTP01, true)
	i.drain()
	if c := i.certificates(good)[0]; c.Status != certificate.Issued {
		t.Errorf("another name: %+v %+v", c, c.LastError)
	}
}

// CN-26: while the CA is down everything waits, nothing is blocked, and the queue drains afterwards; a second CA is tried after two failures.
func TestIssue_ACAThatIsDown(t *testing.T) {
	t.Parallel()
	i := install(t)
	clock := i.clocked()
	i.main.SetDown(true)
	i.second.SetDown(true)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	c := i.certificates(id)[0]
	if c.LastError == nil || c.LastError.Code != finding.CAUnavailable || i.cons.last(id).Value != connection.Pending || c.NextAttemptAt == nil {
		t.Fatalf("%+v %+v", c, i.cons.last(id))
	}
	clock.to(c.NextAttemptAt.Add(time.Second))
	i.drain()
	i.second.SetDown(false)
	c = i.certificates(id)[0]
	clock.to(c.NextAttemptAt.Add(time.Second))
	i.drain()
	if c = i.certificates(id)[0]; c.Status != certificate.Issued || c.CA != "second" || c.Failures != 0 || c.LastError != nil {
		t.Errorf("%+v", c)
	}
}

// CN-26: five minutes without any CA. Names wait and none fails, a name from before is served, and afterwards all are issued.
func TestIssue_FiveMinutesWithoutAnyCA(t *testing.T) {
	t.Parallel()
	i := install(t)
	clock := i.clocked()
	i.connect("before.acme.lab", certificate.HTTP01, true)
	i.drain()
	i.until("a name from before is served", func() bool { _, _, err := i.visit("before.acme.lab"); return err == nil })
	i.main.SetDown(true)
	i.second.SetDown(true)
	hosts, ids := []string{"shop.acme.lab", "blog.acme.lab", "docs.acme.lab", "mail.acme.lab"}, []ident.ConnectionID{}
	for _, host := range hosts {
		ids = append(ids, i.connect(host, certificate.HTTP01, true))
	}
	var next time.Time
	for began := i.DB.Now(); i.DB.Now().Before(began.Add(5 * time.Minute)); clock.to(next.Add(time.Second)) {
		i.drain()
		next = time.Time{}
		for _, id := range ids {
			c := i.certificates(id)[0]
			if c.LastError == nil || c.LastError.Code != finding.CAUnavailable || i.cons.last(id).Value != connection.Pending || c.NextAttemptAt == nil {
				t.Fatalf("while both CAs are down: %+v %+v", c, i.cons.last(id))
			}
			if c.NextAttemptAt.After(next) {
				next = *c.NextAttemptAt
			}
		}
		if _, _, err := i.visit("before.acme.lab"); err != nil {
			t.Fatalf("a name from before: %v", err)
		}
	}
	i.main.SetDown(false)
	i.second.SetDown(false)
	clock.to(next.Add(time.Second))
	i.drain()
	for k, id := range ids {
		if c := i.certificates(id)[0]; c.Status != certificate.Issued || c.Failures != 0 || c.LastError != nil {
			t.Errorf("%s afterwards: %+v", hosts[k], c)
		}
	}
}

func TestIssue_RateLimitedUntilTheCASays(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.certs.CAs = i.certs.CAs[:1]
	i.main.SetRateLimited(2 * time.Hour)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	c := i.certificates(id)[0]
	if c.LastError == nil || c.LastError.Code != finding.CARateLimited || time.Until(*c.NextAttemptAt) < 110*time.Minute || i.cons.last(id).Value != connection.Pending {
		t.Errorf("%+v %+v", c, c.LastError)
	}
	i.main.SetRateLimited(0)
	if err := i.main.Reject("never.lab"); err != nil {
		t.Fatal(err)
	}
	id = i.connect("x.never.lab", certificate.HTTP01, true)
	i.drain()
	if c := i.certificates(id)[0]; c.LastError == nil || c.LastError.Code != finding.CARejectedIdentifier || i.cons.last(id).Value != connection.BlockedTLS {
		t.Errorf("%+v %+v", c, c.LastError)
	}
}

// CE-7: the renewed certificate is presented before the old row is replaced; a worker that dies in between loses nothing.
func TestRenew_IssueThenSwap(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	old := i.certificates(id)[0]
	i.until("the first is presented", func() bool { _, _, err := i.visit("shop.acme.lab"); return err == nil })
	i.exec("update certificate set due_at = $2 where id = $1", old.ID.UUID(), i.DB.Now())
	i.drain()
	all := i.certificates(id)
	if len(all) != 2 || all[0].Status != certificate.Issued || all[1].NextAttemptAt != nil || *all[0].Serial == *all[1].Serial || all[1].ID != old.ID || i.cons.last(id).Certificate != all[0].ID {
		t.Fatalf("%+v", all)
	}
	i.until("the new one is presented", func() bool {
		leaf, _, err := i.visit("shop.acme.lab")
		return err == nil && leaf.SerialNumber.Text(16) == *all[0].Serial
	})
	if actions := i.Actions(t); !slices.Contains(actions, "certificate.renewed") {
		t.Error(actions)
	}
	// The worker of the next renewal dies between issue and swap: the old row is due again and finds its successor.
	i.exec("update certificate set replaced_by = null, due_at = $2 where id = $1", old.ID.UUID(), i.DB.Now())
	orders := len(i.main.Orders())
	i.drain()
	if len(i.main.Orders()) != orders || i.certificates(id)[1].NextAttemptAt != nil {
		t.Error("the swap was not recognised as done")
	}
}

// CE-7 with two edges: one has the new certificate and presents it, the other does not know of it yet, so the old one is not replaced before it does.
func TestRenew_NotReplacedBeforeEveryEdgeHasTheNext(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	old := i.certificates(id)[0]
	behind := edgeentry.Node{ID: ident.New[ident.EdgeNodeID](time.Now()), Name: "behind", StartedAt: time.Now(), Addresses: []netip.Addr{}}
	beat := func() {
		t.Helper()
		var err error
		if behind.Acked, err = i.entries.Generation(t.Context()); err == nil {
			err = i.entries.Heartbeat(t.Context(), behind)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	beat()
	i.exec("update certificate set due_at = $2 where id = $1", old.ID.UUID(), i.DB.Now())
	done := make(chan error, 1)
	go func() { done <- i.Work.Drain(i.t.Context()) }()
	i.until("the next is presented", func() bool {
		all := i.certificates(id)
		leaf, _, err := i.visit("shop.acme.lab")
		return len(all) == 2 && err == nil && leaf.SerialNumber.Text(16) == *all[0].Serial
	})
	replaced := func() (is bool) {
		t.Helper()
		if err := i.DB.QueryRow(t.Context(), "select replaced_by is not null from certificate where id = $1", old.ID.UUID()).Scan(&is); err != nil {
			t.Fatal(err)
		}
		return is
	}
	if replaced() {
		t.Error("replaced while an edge does not know the next one")
	}
	beat()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !replaced() {
		t.Error("not replaced though every edge has the next one")
	}
}

// RFC 9773: the CA moves the renewal, forward and back, and learns which certificate an order replaces.
func TestRenew_WhenTheCASays(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	old := i.certificates(id)[0]
	day, clock := 24*time.Hour, time.Now()
	i.DB.SetClock(func() time.Time { return clock })
	// look goes through the six hours in which every certificate is looked at once.
	look := func() time.Time {
		t.Helper()
		parts := i.certs.Part().Periodics
		n := slices.IndexFunc(parts, func(p work.Periodic) bool { return p.Kind == "certificate.foresee" })
		for range 6 * 60 {
			clock = clock.Add(time.Minute)
			if err := parts[n].Do(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return *i.certificates(id)[0].RenewAt
	}
	if at := look(); !at.Equal(*old.RenewAt) && at.Sub(*old.RenewAt).Abs() > 10*day {
		t.Errorf("without news the renewal moves from %s to %s", old.RenewAt, at)
	}
	start := clock.Add(20 * day).UTC().Truncate(time.Second)
	if err := i.main.SuggestRenewal(*old.Serial, start, start.Add(2*day)); err != nil {
		t.Fatal(err)
	}
	first := look()
	if first.Before(start) || first.After(start.Add(2*day)) {
		t.Errorf("renewed at %s, not within two days of %s", first, start)
	}
	if again := look(); !again.Equal(first) {
		t.Errorf("each look draws again: %s and %s", first, again)
	}
	i.drain()
	if len(i.main.Orders()) != 1 {
		t.Error("renewed before its time")
	}
	if err := i.main.SuggestRenewal(*old.Serial, clock.Add(-2*day), clock.Add(-day)); err != nil { // it will be revoked
		t.Fatal(err)
	}
	look()
	i.drain()
	orders := i.main.Orders()
	if all := i.certificates(id); len(all) != 2 || all[0].Status != certificate.Issued || len(orders) != 2 || orders[0].Replaces != "" || orders[1].Replaces == "" {
		t.Errorf("%d certificates, %+v", len(all), orders)
	}
}

func TestRenew_FailsInTheThirdThatIsLeft(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	c := i.certificates(id)[0]
	i.cons.refuse(finding.HTTPUnreachable)
	i.exec("update certificate set due_at = $2, not_before = $3, not_after = $4 where id = $1", c.ID.UUID(), i.DB.Now(), i.DB.Now().Add(-70*24*time.Hour), i.DB.Now().Add(20*24*time.Hour))
	i.drain()
	if c = i.certificates(id)[0]; c.Status != certificate.Issued || c.LastError.Code != finding.HTTPUnreachable || i.cons.last(id).Value != connection.AtRisk || c.NextAttemptAt.After(time.Now().Add(24*time.Hour)) {
		t.Errorf("%+v %+v", c, i.cons.last(id))
	}
	i.exec("update certificate set due_at = $2, not_after = $3 where id = $1", c.ID.UUID(), i.DB.Now(), i.DB.Now().Add(-time.Hour))
	i.drain()
	if c = i.certificates(id)[0]; c.Status != certificate.Expired || i.cons.last(id).Value != connection.Expired {
		t.Errorf("%+v %+v", c, i.cons.last(id))
	}
	actions := i.Actions(t)
	for _, want := range []string{"certificate.renewal_at_risk", "certificate.expired"} {
		if n := len(slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a != want })); n != 1 {
			t.Errorf("%s stands %d times in the ledger", want, n)
		}
	}
	i.cons.refuse("")
	i.exec("update certificate set due_at = $2 where id = $1", c.ID.UUID(), i.DB.Now())
	i.drain()
	if c = i.certificates(id)[0]; c.Status != certificate.Issued || c.LastError != nil {
		t.Errorf("%+v", c)
	}
}

func TestIssue_NotWithoutTheEdges(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.until("the edge is alive", func() bool { ok, err := i.entries.Acked(t.Context(), 0); return ok && err == nil })
	dead := edgeentry.Node{ID: ident.New[ident.EdgeNodeID](time.Now()), Name: "behind", StartedAt: time.Now(), Addresses: []netip.Addr{}}
	if err := i.entries.Heartbeat(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	done := make(chan error, 1)
	go func() { done <- i.Work.Drain(i.t.Context()) }()
	select {
	case err := <-done:
		t.Errorf("the order did not wait for an edge that does not know the name: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if n := len(i.main.Orders()); n != 0 {
		t.Errorf("%d orders", n)
	}
	if err := i.entries.Leave(t.Context(), dead.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c := i.certificates(id)[0]; c.Status != certificate.Issued {
		t.Errorf("%+v", c)
	}
}

func TestArchive_EndsRenewals(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	err := i.Door.System(t.Context(), "test", i.Org, func(ctx context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: i.Org, Action: "connection.archived", Subject: id.String(), Version: 2})
		return i.entries.WithdrawTx(ctx, e.Tx, "shop.acme.lab", id)
	})
	if err != nil {
		t.Fatal(err)
	}
	i.drain()
	if c := i.certificates(id)[0]; c.NextAttemptAt != nil {
		t.Errorf("%+v", c)
	}
	i.until("the handshake is refused", func() bool { _, _, err := i.visit("shop.acme.lab"); return err != nil })
}

func TestGet_OthersSeeNothing(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	crt := i.certificates(id)[0].ID
	if c, err := i.certs.Get(i.As(t.Context()), crt); err != nil || c.ID != crt {
		t.Error(c, err)
	}
	org, stranger := i.Organization(t, "other")
	if c, err := i.certs.Get(spinetest.As(t.Context(), stranger), crt); c != nil {
		t.Error(c, err)
	}
	if all, err := i.certs.ByConnection(spinetest.As(t.Context(), stranger), org, []ident.ConnectionID{id}); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	if _, err := i.certs.ByConnection(spinetest.As(t.Context(), stranger), i.Org, []ident.ConnectionID{id}); err == nil {
		t.Error("a stranger reads the organization's certificates")
	}
}
