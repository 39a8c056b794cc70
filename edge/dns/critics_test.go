package edgedns

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const criticsVariable = "NAMEPLATE_TEST_DNS_CRITICS"

// TestCritics lets those who look for faults in other people's zones look at ours: Zonemaster, dig and kdig, each over a signed and an unsigned zone. Zonemaster asks
// port 53 alone, so all of it happens in a network namespace of its own, in which nothing is but loopback. make test/dns-real asks for it.
func TestCritics(t *testing.T) {
	if os.Getenv("NAMEPLATE_DNS_REAL") == "" {
		t.Skip("make test/dns-real runs it: it needs Zonemaster, dig and kdig")
	}
	for _, signed := range []string{"signed", "unsigned"} {
		t.Run(signed, func(t *testing.T) {
			t.Parallel()
			argv := []string{"--net", "--", "sh", "-c", `ip link set lo up && exec "$0" -test.run='^TestCriticsInside$' -test.v -test.timeout=4m`, os.Args[0]}
			if os.Getuid() != 0 {
				argv = append([]string{"--user", "--map-root-user"}, argv...)
			}
			inside := exec.CommandContext(t.Context(), "unshare", argv...)
			inside.Env = append(os.Environ(), criticsVariable+"="+signed)
			said, err := inside.CombinedOutput()
			if err != nil || !bytes.Contains(said, []byte("--- PASS: TestCriticsInside")) {
				t.Errorf("%v\n%s", err, said)
			}
			t.Logf("%s", said)
		})
	}
}

// TestCriticsInside is no test by itself: TestCritics starts it where port 53 is free.
func TestCriticsInside(t *testing.T) {
	how := os.Getenv(criticsVariable)
	if how == "" {
		return
	}
	one, two := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	key := newKeys(t, 1)
	start(t, delegated, func(s *Server) {
		s.Listeners = []string{"127.0.0.2:53", "127.0.0.3:53"}
		s.NameServers = []NameServer{{"ns1", []netip.Addr{one}}, {"ns2", []netip.Addr{two}}}
		if how == "signed" {
			s.Keys = func(context.Context) ([]*Key, error) { return key, nil }
		}
	})
	above := "edge.lab. 300 IN NS ns1.edge.lab.\nedge.lab. 300 IN NS ns2.edge.lab.\nns1.edge.lab. 300 IN A 127.0.0.2\nns2.edge.lab. 300 IN A 127.0.0.3\n"
	if how == "signed" {
		above += key[0].DS() + "\n"
	}
	ancestors(t, above)
	t.Run("Zonemaster", func(t *testing.T) { zonemaster(t, how == "signed") })
	t.Run("Dig", func(t *testing.T) { tools(t, how == "signed") })
}

// ancestors answers as the root and as lab. at 127.0.0.1: with itself, and with referrals to the zone.
func ancestors(t *testing.T, below string) {
	t.Helper()
	var all []dns.RR
	for z := dns.NewZoneParser(strings.NewReader(". 300 IN SOA ns.lab. root.lab. 1 3600 600 604800 300\n. 300 IN NS ns.lab.\nlab. 300 IN SOA ns.lab. root.lab. 1 3600 600 604800 300\nlab. 300 IN NS ns.lab.\nns.lab. 300 IN A 127.0.0.1\n"+below), ".", ""); ; {
		rr, ok := z.Next()
		if !ok {
			if z.Err() != nil {
				t.Fatal(z.Err())
			}
			break
		}
		all = append(all, rr)
	}
	of := func(name string, kinds ...uint16) (out []dns.RR) {
		for _, rr := range all {
			if rr.Header().Name == name && slices.Contains(kinds, rr.Header().Rrtype) {
				out = append(out, rr)
			}
		}
		return out
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m, q := new(dns.Msg).SetReply(r), r.Question[0]
		name := strings.ToLower(q.Name)
		if o := r.IsEdns0(); o != nil {
			m.SetEdns0(1232, o.Do())
		}
		switch {
		case q.Qtype == dns.TypeDS && name == "edge.lab.":
			m.Authoritative, m.Answer = true, of(name, dns.TypeDS)
		case dns.IsSubDomain("edge.lab.", name):
			m.Ns, m.Extra = of("edge.lab.", dns.TypeNS, dns.TypeDS), append(m.Extra, append(of("ns1.edge.lab.", dns.TypeA), of("ns2.edge.lab.", dns.TypeA)...)...)
			_ = w.WriteMsg(m)
			return
		default:
			if m.Authoritative, m.Answer = true, of(name, q.Qtype); len(m.Answer) == 0 && name != "." && name != "lab." && name != "ns.lab." {
				m.Rcode = dns.RcodeNameError
			}
		}
		if len(m.Answer) == 0 {
			m.Ns = of("lab.", dns.TypeSOA)
		}
		_ = w.WriteMsg(m)
	})
	for _, network := range []string{"udp", "tcp"} {
		srv, ready := &dns.Server{Addr: "127.0.0.1:53", Net: network, Handler: handler}, make(chan struct{})
		srv.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = srv.ListenAndServe() }()
		<-ready
		t.Cleanup(func() { _ = srv.Shutdown() })
	}
}

// shrugged are complaints of Zonemaster that are about this namespace, or about what the zone is for. Any other above INFO is a fault.
var shrugged = map[string]string{
	"NAMESERVER_IP_PRIVATE_NETWORK": "the namespace has loopback alone", "NAMESERVER_IP_WITHOUT_REVERSE": "as above", "NO_IPV6_NS_CHILD": "as above", "NO_IPV6_NS_DEL": "as above",
	"REFRESH_MINIMUM_VALUE_LOWER": "an operator's secondary shall be an hour behind at most", "RETRY_MINIMUM_VALUE_LOWER": "as above",
	"SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER": "a target that was asked for too early shall be found soon (EZ-2)",
	"Z09_MISSING_MAIL_TARGET":             "the zone takes no mail", "RNAME_MAIL_DOMAIN_INVALID": "as above: its operator is known to the parent",
}

// shruggedUnsigned are complaints of a zone that is not signed by choice.
var shruggedUnsigned = []string{"NOT_SIGNED", "NEITHER_DNSKEY_NOR_DS"}

func zonemaster(t *testing.T, signed bool) {
	hints := filepath.Join(t.TempDir(), "hints")
	if err := os.WriteFile(hints, []byte(". 3600000 NS ns.lab.\nns.lab. 3600000 A 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "zonemaster-cli", "--no-ipv6", "--hints", hints, "--level", "INFO", "--json-stream", "--no-json-translate", "--no-progress", "edge.lab")
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &said, &complained)
	}
	told, worst := 0, map[string]int{}
	for lines := bufio.NewScanner(&said); lines.Scan(); {
		var one struct {
			Level, Module, Tag, Testcase string
			Args                         any
		}
		if json.Unmarshal(lines.Bytes(), &one) != nil {
			continue
		}
		told++
		worst[one.Level]++
		if one.Level != "INFO" && shrugged[one.Tag] == "" && (signed || !slices.Contains(shruggedUnsigned, one.Tag)) {
			t.Errorf("%s %s %s %v", one.Level, one.Testcase, one.Tag, one.Args)
		}
	}
	if told < 40 {
		t.Errorf("Zonemaster had %d things to say: %s%s", told, &said, &complained)
	}
	t.Logf("Zonemaster: %v", worst)
}

// complaint is how dig and kdig say that an answer is not as it should be.
var complaint = regexp.MustCompile(`(?i)warning|malformed|mismatch|extra bytes|extra input|bad (packet|cookie)|got insecure|timed out|unexpected|parse error|;; ERROR|FORMERR|SERVFAIL`)

// tools lets dig and kdig ask for everything in many ways, over UDP and TCP.
func tools(t *testing.T, signed bool) {
	names := map[string]string{
		"edge.lab": "NOERROR", token + ".edge.lab": "NOERROR", "ns1.edge.lab": "NOERROR", "order.acme.edge.lab": "NOERROR", "acme.edge.lab": "NOERROR", "_dck1.edge.lab": "NOERROR",
		"nobody.edge.lab": "NXDOMAIN", "a.b." + token + ".edge.lab": "NXDOMAIN", "elsewhere.example": "REFUSED",
	}
	kinds := []string{"A", "AAAA", "CAA", "TXT", "NS", "SOA", "DNSKEY", "DS", "MX", "HTTPS", "TYPE65534", "ANY"}
	for name, code := range names {
		for _, tool := range [][]string{{"dig", "+qr"}, {"dig", "+dnssec", "+nocookie", "+bufsize=512", "+ignore"}, {"dig", "+tcp", "+dnssec"}, {"dig", "+noedns"}, {"kdig", "+dnssec", "+cookie"}, {"kdig", "+tcp"}} {
			argv := append(slices.Clone(tool), "+norecurse", "@127.0.0.2")
			for _, kind := range kinds {
				argv = append(argv, name, kind)
			}
			out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
			want := code
			if signed && code == "NXDOMAIN" && slices.Contains(tool, "+dnssec") {
				want = "NOERROR" // RFC 9824
			}
			status := "status: " + want
			if n := bytes.Count(out, []byte(status)); err != nil || n < len(kinds) || complaint.Match(out) {
				t.Errorf("%s: %v, %d times %s, and %q\n%s", strings.Join(argv, " "), err, n, status, complaint.FindAll(out, -1), out)
			}
		}
	}
}
