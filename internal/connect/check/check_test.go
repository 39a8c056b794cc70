package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
)

func answer(at time.Time, p *provider.Provider) *analysis.Answer {
	return &analysis.Answer{
		Hostname: "shop.acme.lab", Verdict: analysis.Partial, StartedAt: at, FinishedAt: at.Add(120 * time.Millisecond), Questions: 17, Dnssec: analysis.DnssecUnsigned,
		Zone:     &analysis.ZoneView{Apex: "acme.lab", Chain: []string{".", "lab", "acme.lab"}, NameServers: []analysis.NameServer{{Name: "ns1.plain.lab", Address: "127.53.1.1", Verdict: analysis.ServerOK, ElapsedMs: 1.5, Serial: new(int64(42))}}},
		Provider: provider.ProviderMatch{Provider: p, Confidence: 0.9, Evidence: []provider.ProviderEvidence{{Kind: provider.EvidenceNSSuffix, Value: "plain.lab", Weight: 0.9}}},
		Findings: []finding.Finding{finding.New(finding.RecordPartial, map[string]any{"name": "shop.acme.lab", "have": 1, "of": 2})},
		Caa:      &analysis.CaaView{Set: []string{}, Allowed: []string{"lab"}, Refused: []string{}, Methods: []string{"http-01"}, AccountOk: true},
		Probes:   []analysis.ProbeResult{{Address: "127.0.0.1", Family: 4, Port: 80, Result: analysis.ProbeOK, ElapsedMs: 2}},
		Eta:      &analysis.Eta{Seconds: 30, Until: at.Add(30 * time.Second)},
		Observations: []analysis.Observation{
			{At: at, SourceKind: analysis.Authoritative, Source: "ns1.plain.lab (127.53.1.1)", Family: 4, Type: "CNAME", Name: "shop.acme.lab", Values: []string{"tok.edge.lab"}, TTL: new(int32(60)), Rcode: "NOERROR", Authoritative: true, ElapsedUs: 900},
			{At: at, SourceKind: analysis.Resolver, Source: "hostile", Family: 6, Type: "TXT", Name: "shop.acme.lab", Values: []string{strings.Repeat("x", 100_000)}, Rcode: "NOERROR", ElapsedUs: 1, Error: new("too long")},
		},
	}
}

func TestStore_KeepsWhatAnAnswerSays(t *testing.T) {
	t.Parallel()
	d := dbtest.Tx(t)
	catalogue, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := catalogue.All("")[0]
	s := &check.Store{Providers: catalogue}
	of := check.Of{Org: ident.New[ident.OrgID](d.Now()), Application: ident.New[ident.ApplicationID](d.Now()), Connection: ident.New[ident.ConnectionID](d.Now()), Trigger: analysis.TriggerManual}
	var ids []ident.CheckID
	for n := range 3 {
		of.Changed = n == 2
		id, a := ident.New[ident.CheckID](d.Now()), answer(d.Now().Add(time.Duration(n)*time.Second), p)
		ids = append(ids, id)
		check.Clean(a)
		if err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.AddTx(ctx, tx, id, of, a) }); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Get(t.Context(), d, of.Org, ids[2])
	if err != nil || got == nil {
		t.Fatal(err)
	}
	want := answer(got.StartedAt, p)
	if *got.Verdict != analysis.Partial || got.Queries != 17 || *got.DurationMs != 120 || *got.EtaSeconds != 30 || got.Provider.Provider != p || got.Findings[0].Code != finding.RecordPartial ||
		!reflect.DeepEqual(got.Zone, want.Zone) || !reflect.DeepEqual(got.Probe, want.Probes) || !reflect.DeepEqual(got.Caa, want.Caa) {
		t.Fatalf("%+v", got)
	}
	list, err := s.List(t.Context(), d, of.Org, of.Connection, page.Args{First: 2})
	if err != nil || len(list.Nodes) != 2 || list.Nodes[0].ID != ids[2] || !list.PageInfo.HasNextPage || *list.TotalCount != 3 {
		t.Fatalf("%+v %v", list, err)
	}
	last, err := s.Last(t.Context(), d, of.Org, of.Connection)
	if err != nil || last[of.Connection].ID != ids[2] {
		t.Fatal(err)
	}
	seen, err := s.Observations(t.Context(), d, of.Org, ids...)
	if err != nil || len(seen) != 1 || len(seen[ids[2]]) != 2 {
		t.Fatalf("only a check with news keeps every answer: %d, %v", len(seen), err)
	}
	for _, o := range seen[ids[2]] {
		if len(o.Values[0]) > 5000 {
			t.Fatal("a server's flood was kept")
		}
	}
	if other, err := s.Get(t.Context(), d, ident.New[ident.OrgID](d.Now()), ids[2]); err != nil || other != nil {
		t.Fatal("another organization reads it")
	}
}

// A hostile server sends octets that PostgreSQL does not keep. They must not make the check fail.
func FuzzClean(f *testing.F) {
	f.Add("tok.edge.lab")
	f.Add("a\x00b")
	f.Add("\xff\xfe" + strings.Repeat("ü", 5000))
	f.Fuzz(func(t *testing.T, s string) {
		a := &analysis.Answer{Hostname: s, Findings: []finding.Finding{{Code: s, Params: map[string]any{"a": s, "list": []string{s}, "deep": map[string]any{"x": []any{s, nil, 3}}}}},
			Zone: &analysis.ZoneView{Chain: []string{s}}, Conflicts: []analysis.ConflictSeen{{Desired: &s, Existing: []string{s}}}, Observations: []analysis.Observation{{Values: []string{s}, Error: &s}},
			Provider: provider.ProviderMatch{Provider: &provider.Provider{Slug: "x"}}}
		check.Clean(a)
		raw, err := json.Marshal(a)
		if err != nil || bytes.Contains(raw, []byte(`\u0000`)) && !strings.Contains(s, `\u0000`) {
			t.Fatalf("%s %v", raw, err)
		}
		for _, v := range []string{a.Hostname, a.Findings[0].Code, a.Findings[0].Params["a"].(string), a.Findings[0].Params["list"].([]string)[0], a.Zone.Chain[0], *a.Conflicts[0].Desired, a.Observations[0].Values[0]} {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) || len(v) > 4200 {
				t.Fatalf("%q", v)
			}
		}
	})
}
