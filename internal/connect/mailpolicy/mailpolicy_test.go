package mailpolicy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func terms(t *testing.T, s string) []Term {
	t.Helper()
	list, err := ParseTerms(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return list
}

// TestCN39_Merge keeps what stands in a record, in its order and with its qualifiers.
func TestCN39_Merge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ record, ours, want string }{
		"None":            {"", "include:_spf.ours.example", "v=spf1 include:_spf.ours.example ~all"},
		"BeforeTheEnd":    {"v=spf1 mx -all", "include:_spf.ours.example", "v=spf1 mx include:_spf.ours.example -all"},
		"QualifierKept":   {"v=spf1 ?all", "include:a.example -all", "v=spf1 include:a.example ?all"},
		"OrderKept":       {"v=spf1 ip4:192.0.2.0/24 +a ~mx:mail.example.net include:b.example ~all", "include:c.example", "v=spf1 ip4:192.0.2.0/24 +a ~mx:mail.example.net include:b.example include:c.example ~all"},
		"ThereAlready":    {"v=spf1 include:A.Example -all", "include:a.example", "v=spf1 include:A.Example -all"},
		"SofterWordKept":  {"v=spf1 ?include:a.example -all", "include:a.example", "v=spf1 ?include:a.example -all"},
		"BehindTheEnd":    {"v=spf1 -all include:a.example", "include:a.example", "v=spf1 include:a.example -all"},
		"ShutOut":         {"v=spf1 -include:a.example -all", "include:a.example", "v=spf1 include:a.example -all"},
		"BeforeRedirect":  {"v=spf1 mx redirect=_spf.example.net", "include:a.example", "v=spf1 mx include:a.example redirect=_spf.example.net"},
		"WithoutEnd":      {"v=spf1 mx", "include:a.example", "v=spf1 mx include:a.example"},
		"SeveralOfOurs":   {"v=spf1 include:b.example -all", "include:a.example include:b.example ip6:2001:db8::/32", "v=spf1 include:b.example include:a.example ip6:2001:db8::/32 -all"},
		"UnknownModifier": {"v=spf1 mx moo=cow -all", "include:a.example", "v=spf1 mx include:a.example moo=cow -all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var record []Term
			if c.record != "" {
				var err error
				if record, err = ParseSPF(c.record); err != nil {
					t.Fatal(err)
				}
			}
			ours := terms(t, c.ours)
			got := Merge(record, ours)
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			again, err := ParseSPF(got)
			if err != nil || !Allows(again, ours) || Merge(again, ours) != got {
				t.Errorf("%q is not at rest: %v", got, err)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	got := Records([]string{"v=spf1 -all", "V=SPF1", "v=spf10 -all", "v=spf1; -all", "spf2.0/pra -all", "np-verify=abc", "v=spf1\tmx"})
	if !slices.Equal(got, []string{"v=spf1 -all", "V=SPF1", "v=spf1\tmx"}) {
		t.Errorf("%q", got)
	}
}

func TestParseSPFRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "v=spf2 -all", "v=spf1 -al", "v=spf1 include", "v=spf1 include:", "v=spf1 ip4:192.0.2.300", "v=spf1 ip4:2001:db8::1", "v=spf1 ip6:192.0.2.1", "v=spf1 ip4:192.0.2.0/33", "v=spf1 a:/24",
		"v=spf1 a/99", "v=spf1 mx//129", "v=spf1 all:x", "v=spf1 redirect=", "v=spf1 redirect=a.example redirect=b.example", "v=spf1 -redirect=a.example", "v=spf1 1x=y", "v=spf1 +", "v=spf1 include:a.example,b.example/24",
		"v=spf1 " + strings.Repeat("a ", 4000),
	} {
		if got, err := ParseSPF(bad); err == nil {
			t.Errorf("%q is %v", bad[:min(60, len(bad))], got)
		}
	}
	for _, fine := range []string{"v=spf1", "v=spf1 a/24//64 mx:m.example/24 a//64 ptr ptr:x.example exists:%{i}._spf.example -all", "v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 exp=why.example redirect=b.example"} {
		if _, err := ParseSPF(fine); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

// TestMeasure counts through what is included, and ends whatever is written there.
func TestMeasure(t *testing.T) {
	t.Parallel()
	zone := map[string][]string{
		"TXT ten.example":  {"v=spf1 " + many(9)},
		"TXT wide.example": {"v=spf1 " + many(30)},
		"TXT loop.example": {"v=spf1 include:loop.example -all"},
		"TXT two.example":  {"v=spf1 -all", "v=spf1 +all"},
		"A here.example":   {"192.0.2.1"},
		"MX here.example":  {"10 mail.here.example"},
	}
	for i := range 30 {
		zone[fmt.Sprintf("TXT i%d.example", i)] = []string{"v=spf1 ip4:192.0.2.1 -all"}
		zone[fmt.Sprintf("TXT deep%d.example", i)] = []string{fmt.Sprintf("v=spf1 include:deep%d.example -all", i+1)}
	}
	for name, c := range map[string]struct {
		record string
		want   Cost
	}{
		"Nothing":        {"v=spf1 ip4:192.0.2.1 -all", Cost{}},
		"Ten":            {"v=spf1 include:ten.example -all", Cost{Lookups: 10}},
		"Eleven":         {"v=spf1 include:ten.example mx:here.example -all", Cost{Lookups: 11}},
		"Itself":         {"v=spf1 a mx -all", Cost{Lookups: 2}},
		"Void":           {"v=spf1 a:gone.example mx:gone.example include:gone.example -all", Cost{Lookups: 3, Void: 3}},
		"Wide":           {"v=spf1 include:wide.example -all", Cost{Lookups: 20}},
		"Deep":           {"v=spf1 include:deep0.example -all", Cost{Lookups: 20}},
		"Loop":           {"v=spf1 include:loop.example -all", Cost{Lookups: 2, Loop: true}},
		"Macro":          {"v=spf1 exists:%{i}._spf.example -all", Cost{Lookups: 1}},
		"Unreachable":    {"v=spf1 include:silent.example -all", Cost{Lookups: 1, Unknown: true}},
		"RedirectUnused": {"v=spf1 redirect=ten.example -all", Cost{}},
		"Redirect":       {"v=spf1 redirect=ten.example", Cost{Lookups: 10}},
		"Ptr":            {"v=spf1 ptr -all", Cost{Lookups: 1}},
		"TwoIncluded":    {"v=spf1 include:two.example -all", Cost{Lookups: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := ParseSPF(c.record)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			got := Measure("here.example", record, func(name, typ string) ([]string, bool) {
				asked++
				return zone[typ+" "+name], name != "silent.example"
			})
			if got != c.want || asked > stop {
				t.Errorf("%+v with %d questions, want %+v", got, asked, c.want)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "include:i%d.example ", i)
	}
	return b.String() + "-all"
}

func TestSameKey(t *testing.T) {
	t.Parallel()
	key := "v=DKIM1; k=rsa; p=MIGfMA0GCSqG" + strings.Repeat("A", 300)
	for name, other := range map[string]string{
		"Itself": key, "Spaces": strings.ReplaceAll(key, "AAAA", "AA AA"), "NoVersion": strings.TrimPrefix(key, "v=DKIM1; "), "Order": "p=MIGfMA0GCSqG" + strings.Repeat("A", 300) + ";k=rsa;",
	} {
		if !SameKey(key, other) {
			t.Errorf("%s is another key", name)
		}
	}
	for name, other := range map[string]string{"Cut": key[:len(key)-1], "Revoked": "v=DKIM1; p=", "Ed25519": "v=DKIM1; k=ed25519; p=MIGf", "Flood": strings.Repeat(key, 100), "Empty": ""} {
		if SameKey(key, other) {
			t.Errorf("%s is the same key", name)
		}
	}
}

func TestParseDMARC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]DMARC{
		"v=DMARC1; p=none": {Policy: "none"}, "v=DMARC1;p=Reject;adkim=s;aspf=r;": {Policy: "reject", StrictDKIM: true}, "v=DMARC1; p=quarantine; aspf=S; rua=mailto:a@example.com; x=y": {Policy: "quarantine", StrictSPF: true},
	} {
		if got, err := ParseDMARC(text); err != nil || got != want {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
	for _, bad := range []string{"", "v=DMARC1", "v=DMARC1; p=maybe", "p=none; v=DMARC1", "v=DMARC2; p=none", "v=DMARC1; p=none; adkim=x", "v=DMARC1; p", "v=DMARC1;" + strings.Repeat("x=y;", 5000)} {
		if got, err := ParseDMARC(bad); err == nil {
			t.Errorf("%q is %+v", bad[:min(40, len(bad))], got)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for n, pieces := range map[int]int{0: 1, 1: 1, 255: 1, 256: 2, 600: 3} {
		got := Quote(strings.Repeat("x", n))
		if strings.Count(got, `"`) != 2*pieces || strings.Count(got, "x") != n {
			t.Errorf("%d octets are %q", n, got)
		}
	}
	if got := Quote(`a"b\`); got != `"a\"b\\"` {
		t.Error(got)
	}
}

// FuzzMail shows every reader a text of anybody's making. What is merged can be read, allows us, and stays as it is.
func FuzzMail(f *testing.F) {
	f.Add("v=spf1 mx -all", "include:a.example")
	f.Add("v=spf1 ip4:192.0.2.0/24 redirect=b.example", "ip6:2001:db8::1 ~all")
	f.Add("v=DMARC1; p=none; adkim=s", "v=DKIM1; p=AA")
	f.Fuzz(func(t *testing.T, text, own string) {
		_, _ = ParseDMARC(text)
		_ = SameKey(text, own)
		_ = Quote(text)
		record, err := ParseSPF(text)
		if err != nil {
			return
		}
		asked := 0
		Measure("x.example", record, func(string, string) ([]string, bool) { asked++; return []string{text}, true })
		if asked > stop {
			t.Errorf("%q makes %d questions", text, asked)
		}
		ours, err := ParseTerms(own)
		if err != nil || len(text)+len(own) > maxSPF-100 {
			return
		}
		got := Merge(record, ours)
		again, err := ParseSPF(got)
		if err != nil || !Allows(again, senders(ours)) && !slices.ContainsFunc(ours, func(t Term) bool { return t.Qualifier == "-" }) {
			t.Errorf("%q and %q make %q: %v", text, own, got, err)
		}
		if twice := Merge(again, ours); err == nil && twice != got && !slices.ContainsFunc(ours, func(t Term) bool { return t.Qualifier == "-" }) {
			t.Errorf("%q becomes %q", got, twice)
		}
	})
}
