package connection_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// handing is a bundle whose installation answers for names that are handed over.
func handing(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.S.Settings.NameServers = []string{"ns1", "ns2"}
	return b
}

func (b *bundle) startBy(t *testing.T, host string, how connection.SetupType) (*connection.Connection, error) {
	t.Helper()
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: host, PreferredMethod: &how})
	if err != nil {
		return nil, err
	}
	return p.Connection, nil
}

// handOver lets the zone above delegate the name, as every server of it says.
func (b *bundle) handOver() {
	b.World.set(func(w *world) {
		w.standing["delegation-1"], w.standing["delegation-2"] = 2, 2
		w.answer = func(a *analysis.Answer) { a.Ownership.Delegated = true }
	})
}

func (b *bundle) linesOf(t *testing.T, c *connection.Connection) (out []string) {
	t.Helper()
	lines, err := b.S.RecordsOf(b.As(t.Context()), []*connection.Connection{c})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range lines[0] {
		out = append(out, string(r.Type)+" "+r.FQDN+" "+strings.ReplaceAll(r.Value, c.TargetToken, "token"))
	}
	return out
}

// zones are the names that our servers answer for.
func (b *bundle) zones(t *testing.T) (out []string) {
	t.Helper()
	rows, err := b.DB.Query(t.Context(), "select fqdn || ' ' || value from edge_zone_record where type = 'DELEGATION' and (expires_at is null or expires_at > $1) order by 1", b.DB.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// TestDelegation_FromNothingToLive: two NS records and nothing else. Our servers answer for the name once it is proven and not before, it is served with all
// below it, the certificate is asked for in its own zone, and with the connection it all ends. Both are in the audit log.
func TestDelegation_FromNothingToLive(t *testing.T) {
	t.Parallel()
	b := handing(t)
	c, err := b.startBy(t, "apps.acme.lab", connection.Delegation)
	if err != nil {
		t.Fatal(err)
	}
	if *c.SetupType != connection.Delegation || *c.Mechanism != connection.NSDelegation || c.TLSMode != "DNS_01_DELEGATED" {
		t.Fatalf("%+v", c)
	}
	if got := b.linesOf(t, c); !slices.Equal(got, []string{"NS apps.acme.lab ns1.token.edge.lab", "NS apps.acme.lab ns2.token.edge.lab"}) {
		t.Fatal(got)
	}
	b.after(t, 0)
	b.want(t, c.ID, connection.ActionRequired)
	if got := b.zones(t); len(got) != 0 {
		t.Errorf("we answer for %v, which nobody has proven", got)
	}
	b.handOver()
	b.after(t, 10*time.Second)
	if got := b.zones(t); !slices.Equal(got, []string{"apps.acme.lab " + c.TargetToken}) {
		t.Errorf("we answer for %v", got)
	}
	if c := b.get(t, c.ID); c.Facets.Ownership.Value != connection.Verified || c.Facets.TLS.Value != connection.Pending {
		t.Errorf("%+v", c.Facets)
	}
	entry, err := b.Edge.Get(t.Context(), "apps.acme.lab")
	if err != nil || !entry.Serve || !entry.CertAllowed || !entry.Route.Below {
		t.Errorf("%+v %v", entry, err)
	}
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: ident.New[ident.CertificateID](b.DB.Now())})
	b.after(t, 0)
	b.want(t, c.ID, connection.Live)
	var proof string
	if err := b.DB.QueryRow(t.Context(), "select proof from hostname_claim where hostname = 'apps.acme.lab'").Scan(&proof); err != nil || proof != "DELEGATED" {
		t.Errorf("proven by %s, %v", proof, err)
	}

	if _, err := b.S.Archive(b.As(t.Context()), c.ID, new("apps.acme.lab")); err != nil {
		t.Fatal(err)
	}
	if got := b.zones(t); len(got) != 0 {
		t.Errorf("after its end we answer for %v", got)
	}
	rows, err := b.Ledger.Stream(t.Context(), b.DB, c.ID.String(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var zoned []string
	for _, r := range rows {
		if strings.HasPrefix(r.Action, "edge_zone.") && r.Audited {
			zoned = append(zoned, r.Action)
		}
	}
	if !slices.Equal(zoned, []string{"edge_zone.delegated", "edge_zone.removed"}) {
		t.Errorf("the audit log has %v", zoned)
	}
}

// TestDelegation_WhereItIsNotOffered: a domain itself is its registry's to delegate, what is below a name comes with it, and an installation may not answer at all.
func TestDelegation_WhereItIsNotOffered(t *testing.T) {
	t.Parallel()
	b := handing(t)
	b.allowWildcards(t, true)
	refused := func(host, reason string) {
		t.Helper()
		_, err := b.startBy(t, host, connection.Delegation)
		if !fault.Is(err, fault.InvalidCode) || !slices.ContainsFunc(fault.All(err), func(f *fault.Fault) bool { return f.Field == "preferredMethod" && f.Reason == reason }) {
			t.Errorf("%s: %v", host, err)
		}
	}
	refused("acme.lab", "delegation_needs_subdomain")
	refused("*.apps.acme.lab", "delegation_needs_subdomain")
	b.S.Settings.NameServers = nil
	refused("apps.acme.lab", "delegation_not_offered")
}

// TestDelegation_AnotherWay: before anything is proven the same start with another way takes the place of the former records; afterwards it changes nothing.
func TestDelegation_AnotherWay(t *testing.T) {
	t.Parallel()
	b := handing(t)
	c := b.start(t, "apps.acme.lab")
	b.after(t, 0)
	b.want(t, c.ID, connection.ActionRequired)
	for _, step := range []struct {
		how  connection.SetupType
		mode string
		want []string
	}{
		{connection.Delegation, "DNS_01_DELEGATED", []string{"NS apps.acme.lab ns1.token.edge.lab", "NS apps.acme.lab ns2.token.edge.lab"}},
		{connection.Manual, "HTTP_01", []string{"CNAME apps.acme.lab token.edge.lab"}},
		{connection.Delegation, "DNS_01_DELEGATED", []string{"NS apps.acme.lab ns1.token.edge.lab", "NS apps.acme.lab ns2.token.edge.lab"}},
	} {
		again, err := b.startBy(t, "apps.acme.lab", step.how)
		if err != nil || again.ID != c.ID || *again.SetupType != step.how || again.TLSMode != step.mode || again.TargetToken != c.TargetToken {
			t.Fatalf("%+v %v", again, err)
		}
		if got := b.linesOf(t, again); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v", step.how, got)
		}
	}
	before := b.get(t, c.ID).Version
	if same := b.start(t, "apps.acme.lab"); *same.SetupType != connection.Delegation || same.Version != before {
		t.Errorf("whoever says nothing of the way changes it: %+v", same)
	}
	b.handOver()
	b.after(t, 10*time.Second)
	if same, err := b.startBy(t, "apps.acme.lab", connection.Manual); err != nil || *same.SetupType != connection.Delegation {
		t.Errorf("a proven name: %+v %v", same, err)
	}
}

// TestDelegation_Contended: whoever wants a name that is handed over proves it above the cut, with its holder's servers in place; the zone moves with the name.
func TestDelegation_Contended(t *testing.T) {
	t.Parallel()
	b := handing(t)
	c, err := b.startBy(t, "apps.acme.lab", connection.Delegation)
	if err != nil {
		t.Fatal(err)
	}
	b.handOver()
	b.after(t, 0)
	b.after(t, 2*time.Second)
	holder := &side{b: b, ctx: b.As(t.Context()), app: b.App, Connection: b.want(t, c.ID, connection.Securing)}
	holder.stand(map[string]int{"delegation-1": 2, "delegation-2": 2})
	b.World.set(func(w *world) {
		w.answer = func(a *analysis.Answer) { // the rival's servers are not named
			a.Ownership.Delegated = slices.ContainsFunc(a.Records, func(r analysis.RecordResult) bool { return r.Key == "delegation-1" && r.Status == "OK" })
		}
	})
	rival := b.another(t, "rival", "apps.acme.lab", connection.Delegation)
	b.after(t, 0)
	line := rival.line(t, record.TransferKey)
	if line == nil || line.FQDN != "_nameplate.acme.lab" || line.Name != "_nameplate" {
		t.Fatalf("%+v", line)
	}
	rival.stand(map[string]int{record.TransferKey: 2})
	b.after(t, 10*time.Second)
	b.after(t, 2*time.Second)
	holder.is(t, connection.Contested)
	if defence := holder.line(t, record.DefenceKey); defence == nil || defence.FQDN != "_nameplate.acme.lab" {
		t.Errorf("%+v", defence)
	}
	at := b.Clock.Now().Add(24 * time.Hour)
	b.stay(t, 23*time.Hour)
	b.after(t, at.Sub(b.Clock.Now()))
	holder.is(t, connection.Archived)
	if got := b.zones(t); !slices.Equal(got, []string{"apps.acme.lab " + rival.TargetToken}) {
		t.Errorf("we answer for %v", got)
	}
}
