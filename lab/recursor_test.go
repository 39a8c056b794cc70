package lab_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab"
)

func TestRecursorWalksFromTheRoot(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Zone("acme.lab").Set("shop", "CNAME", "www.flat.lab")
	w.Zone("mixed.lab").Set("@", "A", "127.0.0.8")
	w.Zone("shop.co.lab").Set("@", "A", "127.0.0.9")
	w.Zone("acme.lab").Set("big", "TXT", string(make500('x')), string(make500('y')), string(make500('z')))
	for name, c := range map[string]struct {
		ask, typ, want string
		rcode          int
	}{
		"CNAME across zones": {"shop.acme.lab", "A", "shop.acme.lab. CNAME www.flat.lab. | www.flat.lab. A 127.0.0.200", 0},
		"Two providers":      {"mixed.lab", "A", "mixed.lab. A 127.0.0.8", 0},
		"Second level":       {"shop.co.lab", "A", "shop.co.lab. A 127.0.0.9", 0},
		"DS at the parent":   {"bogus.lab", "DS", "bogus.lab. DS 12345 13 2 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB", 0},
		"Not registered":     {"x.gone.lab", "A", "", dns.RcodeNameError},
		"Lame":               {"broken.lab", "A", "", dns.RcodeServerFailure},
		"NODATA":             {"acme.lab", "AAAA", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, at := range append(w.Addresses.Recursors, w.Addresses.CAResolver) {
				m := ask(t, at, c.ask, c.typ)
				if m.Rcode != c.rcode || short(m.Answer) != c.want || !m.RecursionAvailable {
					t.Errorf("%s: %s %q, want %s %q", at, dns.RcodeToString[m.Rcode], short(m.Answer), dns.RcodeToString[c.rcode], c.want)
				}
			}
		})
	}
	if m := ask(t, w.Addresses.Recursors[0], "big.acme.lab", "TXT", tcp); len(m.Answer) != 3 {
		t.Errorf("an answer too large for UDP: %d records over TCP", len(m.Answer))
	}
	if m := ask(t, w.Addresses.Recursors[0], "acme.lab", "A", noRecursion); m.Rcode != dns.RcodeRefused {
		t.Errorf("without RD: %s", dns.RcodeToString[m.Rcode])
	}
}

func make500(c byte) []byte {
	b := make([]byte, 500)
	for i := range b {
		b[i] = c
	}
	return b
}

// An early question makes the resolver remember that the name does not exist, and the record that comes
// later stays hidden until the zone's negative TTL is over. The CA's resolver does not fall for it.
func TestNegativeCacheHidesANewRecord(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	first, second, ca := w.Addresses.Recursors[0], w.Addresses.Recursors[1], w.Addresses.CAResolver
	m := ask(t, first, "shop.acme.lab", "A")
	if m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 || m.Ns[0].Header().Ttl != 900 {
		t.Fatalf("early question: %v", m)
	}
	w.Zone("acme.lab").SetTTL("shop", "A", 60, "127.0.0.1")
	w.Clock.Advance(10 * time.Minute)
	m = ask(t, first, "shop.acme.lab", "A")
	if m.Rcode != dns.RcodeNameError || m.Ns[0].Header().Ttl > 300 || m.Ns[0].Header().Ttl < 295 {
		t.Fatalf("after 10 minutes it must still say no, for 300 more seconds: %v", m)
	}
	if len(ask(t, second, "shop.acme.lab", "A").Answer) != 1 || len(ask(t, ca, "shop.acme.lab", "A").Answer) != 1 {
		t.Error("resolvers that were not asked early must have the record")
	}
	w.Clock.Advance(5*time.Minute + time.Second)
	if m := ask(t, first, "shop.acme.lab", "A"); len(m.Answer) != 1 {
		t.Errorf("after 15 minutes it must ask again: %v", m)
	}
	if n := len(w.Recursor(1).Log("shop.acme.lab.")); n != 3 {
		t.Errorf("the log of the first resolver has %d questions, want 3", n)
	}
	if n := len(w.Recursor(2).Log("shop.acme.lab")); n != 1 {
		t.Errorf("the log of the second has %d, want 1", n)
	}
}

func TestPositiveCacheKeepsTheOldValue(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	at := w.Addresses.Recursors[0]
	z := w.Zone("acme.lab").SetTTL("www", "A", 3600, "127.0.0.1")
	ask(t, at, "www.acme.lab", "A")
	z.SetTTL("www", "A", 3600, "127.0.0.2")
	w.Clock.Advance(59 * time.Minute)
	m := ask(t, at, "WWW.acme.lab", "A")
	if short(m.Answer) != "www.acme.lab. A 127.0.0.1" || m.Answer[0].Header().Ttl > 60 {
		t.Errorf("before the TTL is over: %v", m.Answer)
	}
	if mem := w.Recursor(1).Remembers("www.acme.lab"); len(mem) != 1 || mem[0].Type != "A" || mem[0].Left > time.Minute {
		t.Errorf("remembers %v", mem)
	}
	w.Clock.Advance(time.Minute)
	if m := ask(t, at, "www.acme.lab", "A"); short(m.Answer) != "www.acme.lab. A 127.0.0.2" {
		t.Errorf("after it: %v", m.Answer)
	}
	w.Recursor(1).Flush()
	if mem := w.Recursor(1).Remembers("www.acme.lab"); mem != nil {
		t.Errorf("flushed, it remembers %v", mem)
	}
}

func TestRecursorSurvivesOneDeadServer(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Provider("plain").Fail(lab.Timeout("ns1"))
	if m := ask(t, w.Addresses.CAResolver, "acme.lab", "A"); len(m.Answer) != 1 {
		t.Errorf("with one of two servers silent: %v", m)
	}
	w.Provider("plain").Fail(lab.Servfail("ns2"))
	if m := ask(t, w.Addresses.CAResolver, "acme.lab", "A"); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("with both broken: %v", m)
	}
}
