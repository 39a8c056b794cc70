package caa

import (
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

var (
	first  = CA{Name: "first", Identities: []string{"ca.one.example", "alt.one.example"}, AccountURI: "https://ca.one.example/acct/7"}
	second = CA{Name: "second", Identities: []string{"ca.two.example"}}
)

func records(lines ...string) []Record {
	var out []Record
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		flags := uint8(0)
		if f[0] != "0" {
			flags = critical
		}
		out = append(out, Record{flags, f[1], f[2]})
	}
	return out
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		situation string
		set       []Record
		wildcard  bool
		allowed   string // CAs with the methods left, "" for none
		reason    string
	}{
		{"no set", nil, false, "first:http-01,tls-alpn-01 second:http-01,tls-alpn-01", ""},
		{"only iodef", records("0 iodef mailto:a@acme.com"), false, "first:http-01,tls-alpn-01 second:http-01,tls-alpn-01", ""},
		{"names the first", records("0 issue ca.one.example"), false, "first:http-01,tls-alpn-01", ""},
		{"names its other identity", records("0 issue alt.one.example"), false, "first:http-01,tls-alpn-01", ""},
		{"names the second only", records("0 issue ca.two.example"), false, "second:http-01,tls-alpn-01", ""},
		{"case and blanks", records("0 ISSUE   Ca.One.Example. ;  "), false, "first:http-01,tls-alpn-01", ""},
		{"names another", records("0 issue other.example"), false, "", finding.CAAForbidden},
		{"one of several", records("0 issue other.example", "0 issue ca.one.example"), false, "first:http-01,tls-alpn-01", ""},
		{"nobody", records("0 issue ;"), false, "", finding.CAAForbidden},
		{"nobody, empty", []Record{{0, "issue", ""}}, false, "", finding.CAAForbidden},
		{"nobody beside somebody", records("0 issue ;", "0 issue ca.two.example"), false, "second:http-01,tls-alpn-01", ""},
		{"value that cannot be read", records("0 issue ca_one.example"), false, "", finding.CAAForbidden},
		{"parameter that cannot be read", records("0 issue ca.one.example; accounturi"), false, "", finding.CAAForbidden},
		{"parameter with a blank inside", records("0 issue ca.one.example; a=b c"), false, "", finding.CAAForbidden},
		{"unknown parameter", records("0 issue ca.one.example; policy=ev"), false, "first:http-01,tls-alpn-01", ""},
		{"semicolon too many", records("0 issue ca.one.example;;"), false, "first:http-01,tls-alpn-01", ""},
		{"ends like ours", records("0 issue evilca.one.example"), false, "", finding.CAAForbidden},

		{"issuewild does not concern a plain name", records("0 issuewild ;"), false, "first:http-01,tls-alpn-01 second:http-01,tls-alpn-01", ""},
		{"wildcard falls back to issue", records("0 issue ca.two.example"), true, "second:http-01,tls-alpn-01", ""},
		{"wildcard obeys issuewild alone", records("0 issue ca.one.example", "0 issuewild ca.two.example"), true, "second:http-01,tls-alpn-01", ""},
		{"wildcard forbidden", records("0 issue ca.one.example", "0 issuewild ;"), true, "", finding.CAAWildcardForbidden},
		{"wildcard, issue of another", records("0 issue other.example"), true, "", finding.CAAWildcardForbidden},

		{"critical and unknown", records("1 future x", "0 issue ca.one.example"), false, "", finding.CAACriticalUnknown},
		{"critical and unknown alone", records("1 future x"), false, "", finding.CAACriticalUnknown},
		{"critical and known", records("1 issue ca.one.example", "1 iodef mailto:a@acme.com"), false, "first:http-01,tls-alpn-01", ""},
		{"unknown, not critical", records("0 future x"), false, "first:http-01,tls-alpn-01 second:http-01,tls-alpn-01", ""},

		{"our account", records("0 issue ca.one.example; accounturi=https://ca.one.example/acct/7"), false, "first:http-01,tls-alpn-01", ""},
		{"another account", records("0 issue ca.one.example; accounturi=https://ca.one.example/acct/8"), false, "", finding.CAAAccountMismatch},
		{"account, and we have none yet", records("0 issue ca.two.example; accounturi=https://ca.two.example/acct/1"), false, "", finding.CAAAccountMismatch},
		{"empty account", records("0 issue ca.two.example; accounturi="), false, "", finding.CAAAccountMismatch},
		{"two accounts in one can never be met", records("0 issue ca.one.example; accounturi=https://ca.one.example/acct/7; accounturi=https://ca.one.example/acct/7"), false, "", finding.CAAAccountMismatch},
		{"another account here, ours there", records("0 issue ca.one.example; accounturi=x", "0 issue ca.one.example; accounturi=https://ca.one.example/acct/7"), false, "first:http-01,tls-alpn-01", ""},
		{"a method of ours", records("0 issue ca.one.example; validationmethods=dns-01,tls-alpn-01"), false, "first:tls-alpn-01", ""},
		{"methods of several properties add up", records("0 issue ca.one.example; validationmethods=tls-alpn-01", "0 issue ca.one.example; validationmethods=http-01"), false, "first:tls-alpn-01,http-01", ""},
		{"only others' methods", records("0 issue ca.one.example; validationmethods=dns-01"), false, "", finding.CAAMethodMismatch},
		{"no method at all", records("0 issue ca.one.example; validationmethods="), false, "", finding.CAAMethodMismatch},
		{"methods twice can never be met", records("0 issue ca.one.example; validationmethods=http-01; validationmethods=http-01"), false, "", finding.CAAMethodMismatch},
		{"account right, method wrong", records("0 issue ca.one.example; accounturi=https://ca.one.example/acct/7; validationmethods=dns-01"), false, "", finding.CAAMethodMismatch},
	} {
		q := Question{Host: "shop.acme.com", Wildcard: c.wildcard, Found: "acme.com", Set: c.set, CAs: []CA{first, second}, Methods: []string{"http-01", "tls-alpn-01"}}
		r := Evaluate(q)
		var got []string
		for _, v := range r.Allowed() {
			got = append(got, v.CA+":"+strings.Join(v.Methods, ","))
		}
		f, refused := r.Finding()
		if strings.Join(got, " ") != c.allowed || f.Code != c.reason || refused != (c.reason != "") || len(r.Verdicts) != 2 {
			t.Errorf("%s: allowed %q (%q), want %q (%q)", c.situation, got, f.Code, c.allowed, c.reason)
		}
		if !refused {
			continue
		}
		spec, _ := finding.Lookup(f.Code)
		for name := range f.Params {
			if !slices.Contains(spec.Names(), name) {
				t.Errorf("%s: detail %q is not declared", c.situation, name)
			}
		}
		if len(f.Params) != len(spec.Names()) {
			t.Errorf("%s: details %v, want %v", c.situation, f.Params, spec.Names())
		}
		if f.Code == finding.CAACriticalUnknown {
			continue
		}
		if f.Params["addAt"] != "shop.acme.com" {
			t.Errorf("%s: add it at %v", c.situation, f.Params["addAt"])
		}
		if after := Evaluate(withAdvice(t, q, f)); len(after.Allowed()) == 0 {
			t.Errorf("%s: the advice %v does not help", c.situation, f.Params["record"])
		}
	}
}

// withAdvice does as the finding says: a set of its own at the host, or one more record where the set stands there.
func withAdvice(t *testing.T, q Question, f finding.Finding) Question {
	t.Helper()
	var flags uint8
	line := strings.SplitN(f.Params["record"].(string), " ", 4)
	add := Record{flags, line[2], strings.Trim(line[3], `"`)}
	if q.Found != q.Host {
		q.Set = nil
	}
	q.Found, q.Set = q.Host, append(slices.Clone(q.Set), add)
	return q
}

func TestEvaluate_TheAdviceHelpsBesideASetAtTheHostToo(t *testing.T) {
	t.Parallel()
	for _, set := range [][]Record{records("0 issue other.example"), records("0 issuewild other.example"), records("0 issue ca.one.example; validationmethods=dns-01"), records("0 issue ca.one.example; accounturi=x")} {
		for _, wildcard := range []bool{false, true} {
			q := Question{Host: "acme.com", Wildcard: wildcard, Found: "acme.com", Set: set, CAs: []CA{first}, Methods: []string{"http-01"}}
			f, refused := Evaluate(q).Finding()
			if !refused {
				continue
			}
			if after := Evaluate(withAdvice(t, q, f)); len(after.Allowed()) == 0 {
				t.Errorf("%v wildcard %v: %v does not help", set, wildcard, f.Params["record"])
			}
		}
	}
}

func TestEvaluate_WithoutCAsNothingIsRefused(t *testing.T) {
	t.Parallel()
	if _, refused := Evaluate(Question{Host: "a.com", Set: records("0 issue ;")}).Finding(); refused {
		t.Error("a finding about nobody")
	}
}

func TestClimb(t *testing.T) {
	t.Parallel()
	if got := Climb("a.shop.acme.com."); !slices.Equal(got, []string{"a.shop.acme.com", "shop.acme.com", "acme.com", "com"}) {
		t.Error(got)
	}
	if got := Climb(""); got != nil {
		t.Error(got)
	}
}

func TestRecord_String(t *testing.T) {
	t.Parallel()
	if s := (Record{128, "issue", `a"b\c`}).String(); s != `128 issue "a\"b\\c"` {
		t.Error(s)
	}
}

func TestLookupFailure(t *testing.T) {
	t.Parallel()
	if f := LookupFailure("acme.com", "SERVFAIL"); f.Code != finding.CAALookupFailure || !f.NeedsPerson() || !strings.Contains(f.Explain("en").Body, "SERVFAIL") {
		t.Errorf("%+v", f)
	}
}

func FuzzEvaluate(f *testing.F) {
	f.Add(uint8(0), "issue", "ca.one.example; accounturi=x; validationmethods=http-01", true)
	f.Fuzz(func(t *testing.T, flags uint8, tag, value string, wildcard bool) {
		r := Evaluate(Question{Host: "a.acme.com", Wildcard: wildcard, Found: "acme.com", Set: []Record{{flags, tag, value}}, CAs: []CA{first, second}, Methods: []string{"http-01"}})
		if _, refused := r.Finding(); refused != (len(r.Allowed()) == 0) {
			t.Fatal("a finding and a CA that may issue")
		}
	})
}
