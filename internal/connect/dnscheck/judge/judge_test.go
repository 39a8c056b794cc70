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
	"github.com/nameplate-dev/nameplate/internal/connect/mailpolicy"
)

// FuzzJudge shows every part that reads answers a message of anybody's making.
func FuzzJudge(f *testing.F) {
	for _, lines := range []string{"shop.acme.lab. CNAME token.edge.lab.", `shop.acme.lab. TXT "np-verify=\"x"`, "shop.acme.lab. A 192.0.2.1", "acme.lab. NS ns1.acme.lab.", `shop.acme.lab. HTTPS 1 . alpn=h2`, `shop.acme.lab. TXT "v=spf1 include:spf.edge.lab -all"`, `shop.acme.lab. TXT "v=DMARC1; p=none"`, "shop.acme.lab. MX 10 in.edge.lab."} {
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
		for _, what := range []string{"ROUTING CNAME", "ROUTING A", "ROUTING AAAA", "ROUTING ALIAS", "OWNERSHIP TXT", "CAA CAA", "MX MX", "SPF SPF_MERGE", "DKIM TXT", "DKIM CNAME", "DMARC TXT", "ACME_DELEGATION CNAME"} {
			purpose, typ, _ := strings.Cut(what, " ")
			x := analysis.Expected{Key: "k", Type: typ, FQDN: "shop.acme.lab", Value: "token.edge.lab", Purpose: purpose, Requirement: "REQUIRED"}
			switch purpose {
			case "SPF":
				x.Value = "include:spf.edge.lab"
			case "ACME_DELEGATION":
				x.FQDN = "_acme-challenge.shop.acme.lab"
			}
			k.Question.Expected = []analysis.Expected{x}
			c := &tree.Column{Verdict: analysis.ServerOK, Got: map[tree.Key]tree.Answer{}}
			for _, key := range k.Needs(x) {
				c.Got[key] = a
			}
			m := &tree.Matrix{Zone: "acme.lab.", Names: 1, Columns: []*tree.Column{c}}
			k.Answer = analysis.Answer{Records: []analysis.RecordResult{k.Judge(x, m)}}
			k.Conflicts(m)
			k.Existing(m)
			if k.Verdict(m) == analysis.Correct && !Right(k.Answer.Records[0].Status) {
				t.Fatalf("%s is %s, and all is well", what, k.Answer.Records[0].Status)
			}
			if record := k.Sending(x, m); record != nil {
				k.Measured(0, mailpolicy.Measure(x.FQDN, record, func(string, string) ([]string, bool) { return nil, false }), m)
			}
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
