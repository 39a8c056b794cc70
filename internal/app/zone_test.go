package app

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// Two nodes sign with the same key, which lies sealed in the projection; one key follows another without a moment in which the parent's is missing.
func TestZoneKeys_AreSharedSealedAndFollowEachOther(t *testing.T) {
	t.Parallel()
	d, kek := dbtest.New(t), vault.GenerateKEK("k1")
	node := func() *App {
		a := &App{DB: d, Vault: vault.New(d, kek), EdgeEntries: &edgeentry.Service{DB: d, Zone: "edge.lab"}}
		a.Settings.Edge.Zone = "edge.lab"
		return a
	}
	tags := func(a *App) (out []uint16) {
		t.Helper()
		keys, err := a.ZoneKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			out = append(out, k.Tag())
			if !strings.HasPrefix(k.DS(), "edge.lab. DS ") || len(strings.Fields(k.DS())) != 6 {
				t.Errorf("%q is no DS record", k.DS())
			}
		}
		return out
	}
	first := tags(node())
	if again := tags(node()); len(first) != 1 || len(again) != 1 || again[0] != first[0] {
		t.Fatalf("%v and %v", first, again)
	}
	var stored string
	if err := d.QueryRow(t.Context(), "select value from edge_zone_record where type = 'KEY'").Scan(&stored); err != nil || strings.Contains(stored, "MIG") {
		t.Errorf("a key in clear: %q %v", stored, err)
	}
	if err := node().RetireZoneKey(t.Context(), first[0]); err == nil {
		t.Error("the only key was retired")
	}
	if err := node().AddZoneKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	both := tags(node())
	if len(both) != 2 || both[0] != first[0] || both[1] == first[0] {
		t.Fatalf("%v", both)
	}
	if err := node().RetireZoneKey(t.Context(), both[1]^1); err == nil {
		t.Error("a key that is not there was retired")
	}
	if err := node().RetireZoneKey(t.Context(), first[0]); err != nil {
		t.Fatal(err)
	}
	if last := tags(node()); len(last) != 1 || last[0] != both[1] {
		t.Errorf("%v", last)
	}
}

func TestCookieSecrets_AreKnownToEveryNodeAlsoAtMidnight(t *testing.T) {
	t.Parallel()
	d, kek := dbtest.New(t), vault.GenerateKEK("k1")
	now := time.Now().UTC().Truncate(day).Add(23*time.Hour + 59*time.Minute)
	d.SetClock(func() time.Time { return now })
	secrets := func() [][16]byte {
		t.Helper()
		s, err := derived{vault.New(d, kek), d.Now}.cookieSecrets(t.Context())
		if err != nil || len(s) < 3 {
			t.Fatalf("%d secrets: %v", len(s), err)
		}
		return s
	}
	before := secrets()
	if again := secrets(); again[0] != before[0] {
		t.Error("two nodes, two secrets")
	}
	now = now.Add(2 * time.Minute)
	after := secrets()
	has := func(all [][16]byte, one [16]byte) bool {
		for _, s := range all {
			if s == one {
				return true
			}
		}
		return false
	}
	if after[0] == before[0] || !has(after, before[0]) || !has(before, after[0]) {
		t.Error("at midnight a cookie counts for nothing")
	}
}

func TestSettings_OfTheEdgeZone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string // "" is right
	}{
		"Signed":              {[]string{"--edge.dnssec"}, ""},
		"Copied":              {[]string{"--edge.dns_transfer", "192.0.2.0/24"}, ""},
		"SignedAndCopied":     {[]string{"--edge.dnssec", "--edge.dns_transfer", "192.0.2.0/24"}, "edge.dns_transfer"},
		"TwoAddressesOfAHost": {[]string{"--edge.name_servers", "ns1=192.0.2.1,ns1=2001:db8::1,ns2=192.0.2.2"}, ""},
		"AnothersNameServer":  {[]string{"--edge.name_servers", "ns1.example.org=192.0.2.1"}, "edge.name_servers"}, // EZ-4
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		s, err := Parse(fs, Flags(fs), append([]string{"--edge.zone", "edge.lab", "--edge.addresses_v4", "192.0.2.7"}, c.args...))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "TwoAddressesOfAHost" && (len(s.Edge.NameServers) != 2 || len(s.Edge.NameServers[0].Addresses) != 2) {
			t.Errorf("%+v", s.Edge.NameServers)
		}
		if got := Delegation(s); err == nil && name == "Signed" && strings.Join(got, ";") != "edge.lab. NS ns1.edge.lab.;ns1.edge.lab. A 192.0.2.7;edge.lab. NS ns2.edge.lab.;ns2.edge.lab. A 192.0.2.7" {
			t.Errorf("%q", got)
		}
	}
}
