package dnscheck

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
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
		if got := values([]dns.RR{rr}); len(got) != 1 || got[0] != c.want {
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
		if got := canonical(c.typ, c.value); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.typ, c.value, got, c.want)
		}
	}
}

// FuzzJudge shows every part that reads answers a message of anybody's making.
func FuzzJudge(f *testing.F) {
	for _, lines := range []string{"shop.acme.lab. CNAME token.edge.lab.", `shop.acme.lab. TXT "np-verify=\"x"`, "shop.acme.lab. A 192.0.2.1", "acme.lab. NS ns1.acme.lab.", `shop.acme.lab. HTTPS 1 . alpn=h2`} {
		m := new(dns.Msg)
		m.SetQuestion("shop.acme.lab.", dns.TypeA)
		rr, err := dns.NewRR(lines)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer, m.Ns = []dns.RR{rr}, []dns.RR{rr}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	e := &Engine{}
	f.Fuzz(func(t *testing.T, packet []byte) {
		m := new(dns.Msg)
		if m.Unpack(packet) != nil {
			return
		}
		for _, rr := range append(m.Answer, m.Ns...) {
			if rr == nil || rr.Header().Class != dns.ClassINET {
				return
			}
			rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		}
		a := answer{Reply: wire.Reply{Rcode: m.Rcode, Authoritative: m.Authoritative, Answer: m.Answer, Authority: m.Ns, Additional: m.Extra}}
		r := &run{e: e, host: "shop.acme.lab.", owner: "shop.acme.lab.", zone: "acme.lab.", found: map[ask]answer{}}
		for _, typ := range []string{"CNAME", "A", "AAAA", "ALIAS", "TXT", "CAA", "MX"} {
			x := analysis.Expected{Key: "k", Type: typ, FQDN: "shop.acme.lab", Value: "token.edge.lab", Purpose: "ROUTING", Requirement: "REQUIRED"}
			r.q.Expected = []analysis.Expected{x}
			c := &column{verdict: analysis.ServerOK, got: map[ask]answer{}}
			for _, k := range r.needs(x) {
				c.got[k] = a
			}
			m := &matrix{zone: "acme.lab.", names: 1, columns: []*column{c}}
			r.ans = analysis.Answer{Records: []analysis.RecordResult{r.judge(x, m)}}
			r.conflicts(m)
			for _, o := range r.ans.Records[0].Observed {
				for _, v := range o.Values {
					if !utf8.ValidString(v) || strings.ContainsRune(v, 0) || len(v) > 3*maxValue {
						t.Fatalf("%q cannot be stored", v)
					}
				}
			}
			for _, f := range r.ans.Findings {
				if s := finding.New(f.Code, f.Params).Sentence("en"); !utf8.ValidString(s) {
					t.Fatalf("%q cannot be said", s)
				}
			}
		}
		referral("acme.lab.", "shop.acme.lab.", a)
		r.delegate(cut{apex: "lab.", chain: []string{".", "lab."}}, "acme.lab.", a.At("acme.lab.", dns.TypeNS), a)
		answers("acme.lab.", a)
	})
}
