package edgedns

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/lab/loopback"
	"github.com/nameplate-dev/nameplate/lab/realdns"
)

// TestRealRecursor puts BIND in front of the edge zone, as the world does: with QNAME minimisation, cookies, EDNS and validation. make test/dns-real
// asks for it.
func TestRealRecursor(t *testing.T) {
	if os.Getenv("NAMEPLATE_DNS_REAL") == "" {
		t.Skip("make test/dns-real runs it: it needs BIND")
	}
	for name, c := range map[string]struct{ signed, ds, other bool }{"Signed": {true, true, false}, "Unsigned": {}, "SignedByAnother": {true, true, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := newKeys(t, 2)
			ours, here := netip.MustParseAddr("127.0.0.2"), loopbackAddr // BIND listens at addresses of interfaces alone
			port, sockets, err := loopback.BindDNS(t.Context(), 0, []netip.Addr{ours, here}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sockets {
				s.Close()
			}
			s, _ := start(t, delegated, func(s *Server) {
				s.Listeners = []string{netip.AddrPortFrom(ours, uint16(port)).String()}
				s.NameServers = []NameServer{{"ns1", []netip.Addr{ours}}, {"ns2", []netip.Addr{ours}}}
				if c.signed {
					s.Keys = func(context.Context) ([]*Key, error) { return keys[:1], nil }
				}
			})
			ds := ""
			if c.ds {
				ds = keys[0].DS()
			}
			if c.other {
				ds = keys[1].DS()
			}
			acme := "acme.lab. 300 SOA ns.acme.lab. hostmaster.acme.lab. 1 3600 600 604800 30\nacme.lab. 300 NS ns.acme.lab.\nns.acme.lab. 300 A 127.0.0.1\n"
			for _, label := range []string{"ns1", "ns2"} {
				acme += "apps.acme.lab. 300 NS " + label + "." + token + ".edge.lab.\n"
			}
			realdns.Recursor(t, "edge.lab", ds, ours, here, port, map[string]string{"acme.lab": acme})
			at := netip.AddrPortFrom(here, uint16(port)).String()
			resolve := func(name string, qtype uint16) *dns.Msg {
				m := question(name, qtype).SetEdns0(1232, true)
				m.AuthenticatedData = true
				return ask(t, "udp", at, m)
			}
			if c.other {
				if m := resolve(token+".edge.lab.", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
					t.Errorf("BIND believes a zone that another key signed: %s", m)
				}
				return
			}
			for name, w := range map[string]struct {
				name    string
				qtype   uint16
				answers int
				absent  bool
			}{
				"Target": {token + ".edge.lab.", dns.TypeA, 2, false}, "Target6": {token + ".edge.lab.", dns.TypeAAAA, 1, false}, "CAA": {token + ".edge.lab.", dns.TypeCAA, 2, false}, "Nothing": {token + ".edge.lab.", dns.TypeTXT, 0, false},
				"Apex": {"edge.lab.", dns.TypeSOA, 1, false}, "Servers": {"edge.lab.", dns.TypeNS, 2, false}, "Server": {"ns1.edge.lab.", dns.TypeA, 1, false}, "Absent": {"nobody.edge.lab.", dns.TypeA, 0, true},
				"AbsentBelow": {"x.y." + token + ".edge.lab.", dns.TypeA, 0, true}, "ServerOfTarget": {"ns2." + token + ".edge.lab.", dns.TypeA, 1, false}, "Challenge": {"order.acme.edge.lab.", dns.TypeTXT, 2, false},
				"Key": {"_dck1.edge.lab.", dns.TypeTXT, 2, false}, "Empty": {"acme.edge.lab.", dns.TypeA, 0, false}, "Case": {strings.ToUpper(token) + ".Edge.LAB.", dns.TypeAAAA, 1, false},
			} {
				m := resolve(w.name, w.qtype)
				count := 0
				for _, rr := range m.Answer {
					if rr.Header().Rrtype == w.qtype {
						count++
					}
				}
				// Who asks for signatures of a signed zone gets an absence as a name without types (RFC 9824).
				code := map[bool]int{true: dns.RcodeNameError}[w.absent && !c.signed]
				if m.Rcode != code || count != w.answers || m.AuthenticatedData != c.signed {
					t.Errorf("%s: %s", name, m)
				}
			}
			for what, count := range map[string]int{ // N17: a name that its customer delegated to us, and what is below it
				"apps.acme.lab. SOA": 1, "apps.acme.lab. NS": 2, "apps.acme.lab. CAA": 2, "apps.acme.lab. A": 2, "apps.acme.lab. AAAA": 1, "any.apps.acme.lab. A": 2, "_acme-challenge.apps.acme.lab. TXT": 1, "apps.acme.lab. MX": 0,
			} {
				name, kind, _ := strings.Cut(what, " ")
				if m := resolve(name, dns.StringToType[kind]); m.Rcode != dns.RcodeSuccess || len(m.Answer) != count || m.AuthenticatedData {
					t.Errorf("%s: %s", what, m)
				}
			}
			if !c.signed {
				return
			}
			if said := delv(t, at, ds, token+".edge.lab", "A"); !strings.Contains(said, "; fully validated") {
				t.Error(said)
			}
			if said := delv(t, at, ds, "nobody.edge.lab", "A"); !strings.Contains(said, "; negative response, fully validated") {
				t.Error(said)
			}
			// A new challenge is seen although its absence was just asked for: absences there are kept for a second.
			if m := resolve("late.acme.edge.lab.", dns.TypeTXT); len(m.Answer) != 0 {
				t.Error(m)
			}
			s.Apply(edgeentry.Snapshot{Generation: 20, Records: []edgeentry.ZoneRecord{{FQDN: "late.acme.edge.lab", Type: edgeentry.TypeText, Value: "digest", TTL: 1, ExpiresAt: new(time.Now().Add(time.Hour))}}}, false)
			began := time.Now()
			for len(resolve("late.acme.edge.lab.", dns.TypeTXT).Answer) == 0 {
				if time.Since(began) > 10*time.Second {
					t.Fatal("a challenge is not seen through BIND")
				}
				select {
				case <-t.Context().Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
}

// delv is BIND's own validator, with the zone's DS as its only anchor.
func delv(t *testing.T, at, ds, name, kind string) string {
	t.Helper()
	f := strings.Fields(ds)
	anchors := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(anchors, []byte("trust-anchors { "+strings.Join([]string{strconv.Quote(f[0]), "static-ds", f[2], f[3], f[4], strconv.Quote(f[5])}, " ")+"; };\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := netip.MustParseAddrPort(at)
	args := []string{"@" + server.Addr().String(), "-p", strconv.Itoa(int(server.Port())), "-a", anchors, "+root=edge.lab", name, kind}
	out, err := exec.CommandContext(t.Context(), "delv", args...).CombinedOutput()
	if err != nil {
		t.Errorf("delv %s: %v", slices.Concat(args), err)
	}
	return string(out)
}
