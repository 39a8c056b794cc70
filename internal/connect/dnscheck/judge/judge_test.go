package judge

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

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
		a := tree.Answer{Reply: wire.Reply{Rcode: m.Rcode, Authoritative: m.Authoritative, Answer: m.Answer, Authority: m.Ns, Additional: m.Extra}}
		k := &Case{Host: "shop.acme.lab.", Owner: "shop.acme.lab.", Delegation: tree.Cut{Apex: "acme.lab."}, Now: time.Now}
		for _, typ := range []string{"CNAME", "A", "AAAA", "ALIAS", "TXT", "CAA", "MX"} {
			x := analysis.Expected{Key: "k", Type: typ, FQDN: "shop.acme.lab", Value: "token.edge.lab", Purpose: "ROUTING", Requirement: "REQUIRED"}
			k.Question.Expected = []analysis.Expected{x}
			c := &tree.Column{Verdict: analysis.ServerOK, Got: map[tree.Key]tree.Answer{}}
			for _, key := range k.Needs(x) {
				c.Got[key] = a
			}
			m := &tree.Matrix{Zone: "acme.lab.", Names: 1, Columns: []*tree.Column{c}}
			k.Answer = analysis.Answer{Records: []analysis.RecordResult{k.Judge(x, m)}}
			k.Conflicts(m)
			for _, o := range k.Answer.Records[0].Observed {
				for _, v := range o.Values {
					if !utf8.ValidString(v) || strings.ContainsRune(v, 0) || len(v) > 3*4096 {
						t.Fatalf("%q cannot be stored", v)
					}
				}
			}
			for _, f := range k.Answer.Findings {
				if s := finding.New(f.Code, f.Params).Sentence("en"); !utf8.ValidString(s) {
					t.Fatalf("%q cannot be said", s)
				}
			}
		}
	})
}
