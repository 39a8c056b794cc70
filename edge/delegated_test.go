package edge_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/db"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// delegate points a name's challenges at the connection's own name in the edge zone, as the customer does once.
func (i *installation) delegate(base string, id ident.ConnectionID) {
	i.t.Helper()
	var token string
	if err := i.DB.QueryRow(i.t.Context(), "select target_token from connection where id = $1", id.UUID()).Scan(&token); err != nil {
		i.t.Fatal(err)
	}
	i.publish(i.alias, "_acme-challenge."+base+".", i.entries.Challenge(token)+".")
}

func (i *installation) answersLeft() (n int) {
	i.t.Helper()
	if err := i.DB.QueryRow(i.t.Context(), "select count(*) from edge_zone_record where type = 'TXT' and (expires_at is null or expires_at > now())").Scan(&n); err != nil {
		i.t.Fatal(err)
	}
	return n
}

// CN-20: a wildcard by the name of ours that the customer's _acme-challenge points at. It holds the name above it only when its organization does, and is
// renewed without the customer.
func TestDelegated_AWildcardAndItsRenewal(t *testing.T) {
	t.Parallel()
	i := install(t)
	alone := i.connect("*.alone.acme.lab", certificate.DNS01Delegated, true)
	i.delegate("alone.acme.lab", alone)
	both := i.connect("*.both.acme.lab", certificate.DNS01Delegated, true)
	i.delegate("both.acme.lab", both)
	base := i.connect("both.acme.lab", certificate.HTTP01, true)
	i.exec("insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at) values ('both.acme.lab', $1, $2, 'TXT', now(), now())", base.UUID(), i.Org.UUID())
	i.drain()
	for id, names := range map[ident.ConnectionID][]string{alone: {"*.alone.acme.lab"}, both: {"*.both.acme.lab", "both.acme.lab"}} {
		c := i.certificates(id)[0]
		if c.Status != certificate.Issued || c.Mode != certificate.DNS01Delegated || !slices.Equal(c.Names, names) {
			t.Fatalf("%+v %+v", c, c.LastError)
		}
	}
	i.until("the wildcard is presented", func() bool { _, _, err := i.visit("x.alone.acme.lab"); return err == nil })
	i.until("the other one too", func() bool { _, _, err := i.visit("x.both.acme.lab"); return err == nil })
	leaf, _, err := i.visit("any.both.acme.lab")
	if err != nil || !slices.Equal(leaf.DNSNames, []string{"*.both.acme.lab", "both.acme.lab"}) {
		t.Errorf("%v %v", leaf, err)
	}
	i.until("the name itself presents its own", func() bool {
		own, _, err := i.visit("both.acme.lab")
		return err == nil && len(own.DNSNames) == 1
	})
	if n := i.answersLeft(); n != 0 {
		t.Errorf("%d answers are left in the edge zone", n)
	}
	i.exec("update certificate set due_at = $2 where connection_id = $1", alone.UUID(), i.DB.Now())
	i.drain()
	if all := i.certificates(alone); len(all) != 2 || all[0].Status != certificate.Issued || *all[0].Serial == *all[1].Serial {
		t.Errorf("%d certificates after the renewal", len(all))
	}
}

// N17: the certificate of a name that was handed over to us holds what is below it, unless somebody else has proven that. The CA is answered in the zone itself.
func TestDelegated_AZoneThatWasHandedOver(t *testing.T) {
	t.Parallel()
	i := install(t)
	handed := func(host string) ident.ConnectionID {
		id := i.connect(host, certificate.DNS01Delegated, true)
		i.exec("update connection set setup_type = 'DELEGATION', mechanism = 'NS_DELEGATION' where id = $1", id.UUID())
		var token string
		if err := i.DB.QueryRow(t.Context(), "select target_token from connection where id = $1", id.UUID()).Scan(&token); err != nil {
			t.Fatal(err)
		}
		if err := i.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return i.entries.DelegateTx(ctx, tx, host, token, id) }); err != nil {
			t.Fatal(err)
		}
		i.publish(i.alias, "_acme-challenge."+host+".", "_acme-challenge."+host+".") // the resolver asks our own servers
		return id
	}
	apps, taken := handed("apps.acme.lab"), handed("taken.acme.lab")
	other := i.connect("*.taken.acme.lab", certificate.HTTP01, false)
	i.exec("insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at) values ('*.taken.acme.lab', $1, $2, 'TXT', now(), now())", other.UUID(), i.Org.UUID())
	i.drain()
	for id, names := range map[ident.ConnectionID][]string{apps: {"apps.acme.lab", "*.apps.acme.lab"}, taken: {"taken.acme.lab"}} {
		c := i.certificates(id)[0]
		if c.Status != certificate.Issued || c.Mode != certificate.DNS01Delegated || !slices.Equal(c.Names, names) {
			t.Errorf("%+v %+v", c, c.LastError)
		}
	}
	if n := i.answersLeft(); n != 0 {
		t.Errorf("%d answers are left in the zones", n)
	}
	_, err := i.certs.SetMode(i.As(t.Context()), apps, certificate.HTTP01)
	if !slices.ContainsFunc(fault.All(err), func(f *fault.Fault) bool { return f.Reason == "delegated_needs_dns" }) {
		t.Errorf("another mode: %v", err)
	}
}

// Without the line nobody is let in, and the CA says what it saw; a second worker's answers are not taken away by the first.
func TestDelegated_NotWithoutTheLine(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("*.acme.lab", certificate.DNS01Delegated, true)
	i.drain()
	if c := i.certificates(id)[0]; c.Status != certificate.Failed || c.LastError == nil || c.LastError.Code != finding.ChallengeFailed {
		t.Errorf("%+v", c)
	}
	if n := i.answersLeft(); n != 0 {
		t.Errorf("%d answers are left", n)
	}
}

// CN-21: one text in the customer's zone, two issuances, the text unchanged.
func TestPersist_OneTextForTheWildcardAndItsRenewal(t *testing.T) {
	t.Parallel()
	i := install(t)
	for n := range i.certs.CAs {
		i.certs.CAs[n].Persist = n == 1
	}
	id := i.connect("*.acme.lab", certificate.DNS01Delegated, true)
	if _, err := i.certs.SetMode(i.As(t.Context()), id, certificate.DNSPersist01); err != nil {
		t.Fatal(err)
	}
	uri := i.certs.Issuers()[1].AccountURI
	if uri == "" {
		t.Fatal("the line names no account")
	}
	i.publish(i.txt, "_validation-persist.acme.lab.", "second.lab; accounturi="+uri+"; policy=wildcard")
	i.drain()
	c := i.certificates(id)[0]
	if c.Status != certificate.Issued || c.CA != "second" || c.Mode != certificate.DNSPersist01 || len(i.main.Orders()) != 0 {
		t.Fatalf("%+v %+v", c, c.LastError)
	}
	i.exec("update certificate set due_at = $2 where id = $1", c.ID.UUID(), i.DB.Now())
	i.drain()
	if all := i.certificates(id); len(all) != 2 || all[0].Status != certificate.Issued {
		t.Errorf("%d certificates", len(all))
	}
}

// N15, CN-17 and CN-53: the CAA of the customer chooses the CA and the challenge.
func TestChoose_ByTheCustomersCAA(t *testing.T) {
	t.Parallel()
	i := install(t)
	for name, c := range map[string]struct {
		says     []analysis.CaaVerdict
		ca, code string
		mode     certificate.ChallengeMode
	}{
		"a":       {[]analysis.CaaVerdict{{CA: "main", Allowed: true, Methods: []string{"http-01"}}, {CA: "second", Allowed: true, Methods: []string{"http-01"}}}, "main", "", certificate.HTTP01},
		"second":  {[]analysis.CaaVerdict{{CA: "main", Reason: finding.CAAForbidden}, {CA: "second", Allowed: true, Methods: []string{"http-01", "tls-alpn-01"}}}, "second", "", certificate.HTTP01},
		"alpn":    {[]analysis.CaaVerdict{{CA: "main", Allowed: true, Methods: []string{"tls-alpn-01"}}, {CA: "second", Reason: finding.CAAForbidden}}, "main", "", certificate.TLSALPN01},
		"another": {[]analysis.CaaVerdict{{CA: "main", Allowed: true, Methods: []string{"dns-01"}}, {CA: "second", Allowed: true, Methods: []string{"tls-alpn-01"}}}, "second", "", certificate.TLSALPN01},
		"none":    {[]analysis.CaaVerdict{{CA: "main", Allowed: true, Methods: []string{"dns-01"}}, {CA: "second", Reason: finding.CAAForbidden}}, "", finding.CAAMethodMismatch, ""},
	} {
		i.cons.mu.Lock()
		i.cons.says = c.says
		i.cons.mu.Unlock()
		id := i.connect(name+".acme.lab", certificate.HTTP01, true)
		i.drain()
		got := i.certificates(id)[0]
		switch {
		case c.code != "" && (got.LastError == nil || got.LastError.Code != c.code || got.Status != certificate.InCheck):
			t.Errorf("%s: %+v %+v", name, got, got.LastError)
		case c.code == "" && (got.Status != certificate.Issued || got.CA != c.ca || got.Mode != c.mode):
			t.Errorf("%s: %+v %+v", name, got, got.LastError)
		}
	}
	if n := len(i.main.OrdersFor("none.acme.lab")) + len(i.second.OrdersFor("none.acme.lab")); n != 0 {
		t.Errorf("%d orders against the CAA", n)
	}
}

// 13.2: where the pre-flight found port 80 closed, orders and renewals are proven over TLS alone, at a CA that CAA lets do so, and where there is none nothing is ordered.
func TestChoose_TLSALPNWherePort80IsClosed(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.cons.seen = []analysis.ProbeResult{{Family: 4, Port: 80, Over: analysis.OverHTTP, Result: analysis.ProbeTimeout}, {Family: 4, Port: 443, Over: analysis.OverTLS, Result: analysis.ProbeOK}}
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	for n := range 2 {
		i.drain()
		all := i.certificates(id)
		if len(all) != n+1 || all[0].Status != certificate.Issued || all[0].Mode != certificate.TLSALPN01 {
			t.Fatalf("order %d: %+v %+v", n, all[0], all[0].LastError)
		}
		i.exec("update certificate set due_at = $2 where id = $1", all[0].ID.UUID(), i.DB.Now())
	}
	i.cons.mu.Lock()
	i.cons.says = []analysis.CaaVerdict{{CA: "main", Allowed: true, Methods: []string{"http-01"}}, {CA: "second", Reason: finding.CAAForbidden}}
	i.cons.mu.Unlock()
	id = i.connect("none.acme.lab", certificate.HTTP01, true)
	i.drain()
	if c := i.certificates(id)[0]; c.Status != certificate.InCheck || len(i.main.OrdersFor("none.acme.lab")) != 0 {
		t.Errorf("%+v", c)
	}
}

// 13.4: a renewal that the CA asked for costs none of our budgets, as it costs none of its limits. One that the CA does not count so is charged.
func TestRenew_WhatTheCAAskedForIsFree(t *testing.T) {
	t.Parallel()
	i := install(t, func(s *certificate.Service) {
		s.Budgets = certificate.DefaultBudgets
		s.Budgets.Names = certificate.Limit{Burst: 1, Refill: 1, Per: 7 * 24 * time.Hour}
	})
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	left := func() (n float64) {
		t.Helper()
		if err := i.DB.QueryRow(t.Context(), "select tokens from acme_budget where ca = 'main' and bucket = 'orders'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := left()
	for n := range 3 { // four certificates of one set of names, and a budget of one
		i.exec("update certificate set due_at = $2 where id = $1", i.certificates(id)[0].ID.UUID(), i.DB.Now())
		i.drain()
		if all := i.certificates(id); len(all) != n+2 || all[0].Status != certificate.Issued {
			t.Fatalf("renewal %d: %d certificates, %+v", n+1, len(all), all[0].LastError)
		}
	}
	if after := left(); after < before {
		t.Errorf("the budget went from %v to %v", before, after)
	}
	for _, o := range i.main.Orders()[1:] {
		if o.Replaces == "" {
			t.Error("an order does not say what it replaces")
		}
	}
}

// CE-4: the CA is asked to look when every name server answers with the challenge, not when the first does; one that answers nobody holds nothing up.
func TestDelegated_OfferedWhenEveryServerAnswers(t *testing.T) {
	t.Parallel()
	i := install(t)
	var asked atomic.Int64
	var ready atomic.Bool
	behind := &dns.Server{Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		asked.Add(1)
		m := new(dns.Msg).SetRcode(r, dns.RcodeNameError)
		if ready.Load() {
			if got, err := dns.Exchange(r, i.edge.DNS.Addrs()[0].String()); err == nil {
				m = got
			}
		}
		_ = w.WriteMsg(m)
	})}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	behind.PacketConn = c
	go func() { _ = behind.ActivateAndServe() }()
	t.Cleanup(func() { _ = c.Close() })
	silent := netip.MustParseAddrPort("127.0.0.1:1")
	servers := []netip.AddrPort{i.edge.DNS.Addrs()[0], c.LocalAddr().(*net.UDPAddr).AddrPort(), silent}
	i.certs.Answers = func(ctx context.Context, name string, texts []string) error {
		return edgedns.AskAll(ctx, servers, name, texts)
	}
	i.run(i.Work.Run)
	id := i.connect("*.acme.lab", certificate.DNS01Delegated, true)
	i.delegate("acme.lab", id)
	i.until("the server that is behind was asked", func() bool { return asked.Load() >= 3 })
	if all := i.main.Orders(); len(all) != 1 || all[0].Status != "pending" {
		t.Errorf("the CA was asked to look: %+v", all)
	}
	ready.Store(true)
	i.until("issued", func() bool { return i.certificates(id)[0].Status == certificate.Issued })
	if n := len(i.main.Orders()); n != 1 {
		t.Errorf("%d orders", n)
	}
	if err := edgedns.AskAll(t.Context(), []netip.AddrPort{silent}, "x.edge.lab", []string{"x"}); err == nil {
		t.Error("nobody answers, and all is well")
	}
}
