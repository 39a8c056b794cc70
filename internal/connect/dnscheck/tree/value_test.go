package tree

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ record, want string }{
		{"a.lab. A 192.0.2.1", "192.0.2.1"},
		{"a.lab. AAAA 2001:DB8:0:0::1", "2001:db8::1"},
		{"a.lab. CNAME Token.EDGE.lab.", "token.edge.lab"},
		{`a.lab. CNAME to\032ken.edge.lab.`, "to ken.edge.lab"},
		{`a.lab. TXT "np-verify=a" "bc"`, "np-verify=abc"},
		{`a.lab. TXT "verify=\"a;b\" \\ \195\188"`, `verify="a;b" \ ü`},
		{`a.lab. TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("y", 45) + `"`, strings.Repeat("x", 255) + strings.Repeat("y", 45)},
		{`a.lab. TXT "nul\000bell\007\255"`, "nul\uFFFDbell\uFFFD\uFFFD"},
		{"a.lab. MX 10 Mail.a.lab.", "10 mail.a.lab"},
		{`a.lab. CAA 0 ISSUE "ca.lab; accounturi=x"`, `0 issue "ca.lab; accounturi=x"`},
		{"a.lab. NS NS1.a.lab.", "ns1.a.lab"},
	} {
		rr, err := dns.NewRR(c.record)
		if err != nil {
			t.Fatal(err)
		}
		if got := Values([]dns.RR{rr}); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s is %q, want %q", c.record, got, c.want)
		}
	}
}

func TestExpectedValuesAreComparedInTheSameForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, value, want string }{
		{"A", "192.0.2.1", "192.0.2.1"}, {"A", "::ffff:192.0.2.1", "192.0.2.1"}, {"AAAA", "2001:DB8::0001", "2001:db8::1"},
		{"CNAME", "Token.Edge.Lab.", "token.edge.lab"}, {"TXT", "np-verify=aBc", "np-verify=aBc"}, {"MX", "10 Mail.a.lab.", "10 mail.a.lab"},
		{"CAA", `0 issue "ca.lab"`, `0 issue "ca.lab"`}, {"CAA", "not a caa", "not a caa"}, {"A", "not an address", "not an address"},
	} {
		if got := Canonical(c.typ, c.value); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.typ, c.value, got, c.want)
		}
	}
}
