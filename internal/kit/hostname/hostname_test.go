package hostname

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

var lab = Policy{Lab: true, Extra: []string{"co.lab", "private:pages.lab"}, OwnZones: []string{"edge.lab"}}

func TestParse_AcceptsWhatPeoplePaste(t *testing.T) {
	t.Parallel()
	cases := []struct{ in, ascii, label, registrable, suffix string }{
		{"shop.acme.com", "shop.acme.com", "shop", "acme.com", "com"},
		{"  Shop.ACME.Com.  ", "shop.acme.com", "shop", "acme.com", "com"},
		{"https://shop.acme.com/cart?x=1#top", "shop.acme.com", "shop", "acme.com", "com"},
		{"HTTPS://shop.acme.com:8443", "shop.acme.com", "shop", "acme.com", "com"},
		{"//shop.acme.com/", "shop.acme.com", "shop", "acme.com", "com"},
		{"shop.acme.com/path", "shop.acme.com", "shop", "acme.com", "com"},
		{`shop.acme.com\path`, "shop.acme.com", "shop", "acme.com", "com"},
		{"shop.acme.com:443", "shop.acme.com", "shop", "acme.com", "com"},
		{"shop.acme.com:", "shop.acme.com", "shop", "acme.com", "com"},
		{"shop.acme.com.:443", "shop.acme.com", "shop", "acme.com", "com"},
		{"https://bob:secret@shop.acme.com/", "shop.acme.com", "shop", "acme.com", "com"},
		{"bob@acme.com", "acme.com", "", "acme.com", "com"},
		{"mailto:bob@acme.com", "acme.com", "", "acme.com", "com"},
		{"Bob <bob@acme.com>", "acme.com", "", "acme.com", "com"},
		{"“shop.acme.com”,", "shop.acme.com", "shop", "acme.com", "com"},
		{"ftp+x://shop.acme.com", "shop.acme.com", "shop", "acme.com", "com"},
		{"shop。acme。com", "shop.acme.com", "shop", "acme.com", "com"},
		{"ｓｈｏｐ．ａｃｍｅ．ｃｏｍ", "shop.acme.com", "shop", "acme.com", "com"},
		{"bücher.example-shop.de", "xn--bcher-kva.example-shop.de", "xn--bcher-kva", "example-shop.de", "de"},
		{"BÜCHER.de", "xn--bcher-kva.de", "", "xn--bcher-kva.de", "de"},
		{"straße.de", "xn--strae-oqa.de", "", "xn--strae-oqa.de", "de"},
		{"xn--strae-oqa.de", "xn--strae-oqa.de", "", "xn--strae-oqa.de", "de"},
		{"例え.jp", "xn--r8jz45g.jp", "", "xn--r8jz45g.jp", "jp"},
		{"a.b.c.acme.co.uk", "a.b.c.acme.co.uk", "a.b.c", "acme.co.uk", "co.uk"},
		{"someone.github.io", "someone.github.io", "", "someone.github.io", "github.io"},
		{"www.acme.com", "www.acme.com", "www", "acme.com", "com"},
		{"*.acme.com", "*.acme.com", "*", "acme.com", "com"},
		{"https://*.shop.acme.com/", "*.shop.acme.com", "*.shop", "acme.com", "com"},
		{"1.acme.com", "1.acme.com", "1", "acme.com", "com"},
		{"123.com", "123.com", "", "123.com", "com"},
		{"shop.acme.con", "shop.acme.con", "shop", "acme.con", "con"},
		{strings.Repeat("a", 63) + ".acme.com", strings.Repeat("a", 63) + ".acme.com", strings.Repeat("a", 63), "acme.com", "com"},
	}
	for _, c := range cases {
		n, err := Parse(c.in, Policy{})
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		got := []string{n.ASCII, n.HostLabel, n.Registrable, n.PublicSuffix}
		if want := []string{c.ascii, c.label, c.registrable, c.suffix}; !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %q, want %q", c.in, got, want)
		}
		if n.Apex != (c.label == "") || n.Wildcard != strings.HasPrefix(c.ascii, "*.") {
			t.Errorf("Parse(%q): apex %v, wildcard %v", c.in, n.Apex, n.Wildcard)
		}
	}
}

func TestParse_RefusesWithTheReason(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a23456789.", 25) + "acme.com"
	cases := []struct{ in, reason string }{
		{"", Empty}, {"   ", Empty}, {".", Empty}, {"https://", Empty}, {"https:///path", Empty}, {"bob@", Empty}, {"?q", Empty},
		{"​", Empty}, {"\"\"", Empty}, {":443", Empty},
		{long, TooLong}, {"*." + strings.Repeat("a23456789.", 24) + "bcd.acme.com", TooLong},
		{strings.Repeat("x", 5000), TooLong},
		{strings.Repeat("a", 64) + ".com", LabelTooLong}, {strings.Repeat("ü", 60) + "ñöäéèç" + ".com", LabelTooLong},
		{"a..b.com", LabelEmpty}, {".acme.com", LabelEmpty}, {"acme.com..", LabelEmpty}, {"a。。b.com", LabelEmpty},
		{"sho p.acme.com", Characters}, {"shop!.acme.com", Characters}, {"shop.acme.com:abc", Characters}, {"a%20b.com", Characters},
		{"-shop.acme.com", Characters}, {"shop-.acme.com", Characters}, {"a\x00b.com", Characters}, {"a\nb.com", Characters},
		{"acme.com\xff", Characters}, {"$(id).acme.com", Characters}, {"'; drop table--.com", Characters}, {"a|b.com", Characters},
		{"shop_eu.acme.com", Underscore}, {"_acme-challenge.acme.com", Underscore}, {"shop＿eu.acme.com", Underscore},
		{"ab--cd.acme.com", IDNA}, {"xn--.acme.com", IDNA}, {"xn--a.acme.com", IDNA}, {"xn--abc-.acme.com", IDNA}, {"xn--99999999.com", IDNA},
		{"a\u200db.com", IDNA}, {"ab\u0640\u0301.com", IDNA}, {"\u0301a.com", IDNA}, {"א1a.com", IDNA}, {"a\u2028b.com", IDNA},
		{"xn--strasse-.de", IDNA}, {"xn--BCHER-KVA-.de", IDNA}, {"a\ufffdb.com", IDNA}, {"\U000e0001.com", IDNA}, {"a\u202eb.com", IDNA},
		{"1.2.3.4", IPAddress}, {"http://1.2.3.4:80/", IPAddress}, {"[::1]", IPAddress}, {"https://[2001:db8::1]:443/", IPAddress},
		{"::1", IPAddress}, {"2001:db8::1", IPAddress}, {"2130706433", IPAddress}, {"0x7f000001", IPAddress}, {"0x7f.1", IPAddress},
		{"127.1", IPAddress}, {"0177.0.0.1", IPAddress}, {"１２７.０.０.１", IPAddress}, {"1.2.3.4.", IPAddress}, {"fe80::1%eth0", IPAddress},
		{"*.1.2.3.4", IPAddress}, {"①②⑦.0.0.①", IPAddress},
		{"intranet", SingleLabel}, {"localhost", SingleLabel}, {"lab", SingleLabel}, {"com", SingleLabel}, {"https://intranet/path", SingleLabel},
		{"shop.test", ReservedTLD}, {"a.invalid", ReservedTLD}, {"a.localhost", ReservedTLD}, {"a.example", ReservedTLD},
		{"abc.onion", ReservedTLD}, {"printer.local", ReservedTLD}, {"a.internal", ReservedTLD}, {"1.0.0.127.in-addr.arpa", ReservedTLD}, {"a.alt", ReservedTLD},
		{"co.uk", PublicSuffix}, {"github.io", PublicSuffix}, {"https://co.uk/", PublicSuffix}, {"blogspot.com.", PublicSuffix}, {"foo.ck", PublicSuffix},
		{"*.com", WildcardPosition}, {"*.co.uk", WildcardPosition}, {"*", WildcardPosition}, {"a.*.b.com", WildcardPosition}, {"*a.b.com", WildcardPosition},
		{"*.*.acme.com", WildcardPosition}, {"a*.acme.com", WildcardPosition}, {"*.github.io", WildcardPosition}, {"acme.*", WildcardPosition},
	}
	for _, c := range cases {
		n, err := Parse(c.in, Policy{})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.60q) = %q, want %s", c.in, n.ASCII, c.reason)
			continue
		}
		if e.Reason != c.reason {
			t.Errorf("Parse(%.60q): %v, want %s", c.in, e, c.reason)
		}
		if n != (Name{}) {
			t.Errorf("Parse(%.60q) returned a name beside its error", c.in)
		}
	}
}

func TestParse_NamesTheCharacter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"sho p.acme.com": " ", "a\u202eb.com": "\u202e", "-a.com": "-", "a\ufffdb.com": "\ufffd"} {
		_, err := Parse(in, Policy{})
		var e *Error
		if !errors.As(err, &e) || e.Params["character"] != want {
			t.Errorf("Parse(%q): %v, want character %q", in, err, want)
		}
	}
}

func TestParse_LabProfile(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"shop.acme.lab": "acme.lab", "acme.lab": "acme.lab", "shop.co.lab": "shop.co.lab", "a.shop.co.lab": "shop.co.lab",
		"me.pages.lab": "me.pages.lab", "a.b.test": "b.test", "x.local": "x.local",
	}
	for in, registrable := range good {
		if n, err := Parse(in, lab); err != nil || n.Registrable != registrable {
			t.Errorf("Parse(%q) = %+v, %v, want registrable %s", in, n, err, registrable)
		}
	}
	bad := map[string]string{"co.lab": PublicSuffix, "pages.lab": PublicSuffix, "*.co.lab": WildcardPosition, "edge.lab": OwnZone, "x.edge.lab": OwnZone, "lab": SingleLabel, "127.0.0.1": IPAddress}
	for in, reason := range bad {
		var e *Error
		if _, err := Parse(in, lab); !errors.As(err, &e) || e.Reason != reason {
			t.Errorf("Parse(%q): %v, want %s", in, err, reason)
		}
	}
	if n, err := Parse("notedge.lab", lab); err != nil || !n.Apex {
		t.Errorf("a name that only ends like our zone was refused: %v", err)
	}
	if n, _ := Parse("me.pages.lab", lab); n.ICANN {
		t.Error("a private rule answered as ICANN")
	}
	if n, _ := Parse("a.co.lab", lab); !n.ICANN {
		t.Error("an extra rule without mark belongs to the ICANN section")
	}
}

func TestParse_KeepsWhatWasTypedButNoPassword(t *testing.T) {
	t.Parallel()
	for in, typed := range map[string]string{
		" HTTPS://Shop.Acme.COM/x ":         "HTTPS://Shop.Acme.COM/x",
		"https://bob:secret@acme.com/login": "https://acme.com/login",
		"bob@acme.com":                      "acme.com",
	} {
		if n, err := Parse(in, Policy{}); err != nil || n.Typed != typed {
			t.Errorf("Parse(%q).Typed = %q, %v, want %q", in, n.Typed, err, typed)
		}
	}
}

func TestName_BaseAndCompanion(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"acme.com": {"acme.com", "www.acme.com"}, "www.acme.com": {"www.acme.com", "acme.com"},
		"shop.acme.com": {"shop.acme.com", ""}, "*.acme.com": {"acme.com", ""}, "www.shop.acme.com": {"www.shop.acme.com", ""},
	} {
		n, err := Parse(in, Policy{})
		if got := [2]string{n.Base(), n.Companion()}; err != nil || got != want {
			t.Errorf("%q: base and companion %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	suggestion := map[string]string{
		"shop.acme.con": "shop.acme.com", "acme.cmo": "acme.com", "acme.ocm": "acme.com", "acme.comm": "acme.com", "acme.vom": "acme.com",
		"acme.nte": "acme.net", "acme.ogr": "acme.org", "acme.inof": "acme.info",
		"acme.co": "", "acme.cm": "", "acme.lab": "", "acme.com": "", "acme.de": "", "acme.museum": "", "shop.co.uk": "", "acme.xyzzy": "",
	}
	for in, want := range suggestion {
		n, err := Parse(in, lab)
		if err != nil {
			t.Fatalf("Parse(%q): %v", in, err)
		}
		got := ""
		for _, w := range n.Warnings() {
			if w.Code == Typo {
				got = w.Params["suggestion"].(string)
			}
		}
		if got != want {
			t.Errorf("suggestion for %q = %q, want %q", in, got, want)
		}
	}
	alike := map[string]bool{
		"аррӏе.com": true, "pаypal.com": true, "αcme.com": true, "bücher.de": false, "例え.jp": false, "日本語カタカナひらがなabc.jp": false,
		"москва.ru": false, "shop.acme.com": false, "ελλάδα.gr": false, "한국abc.kr": false, "12.acme.com": false,
	}
	for in, want := range alike {
		n, err := Parse(in, Policy{})
		if err != nil {
			t.Fatalf("Parse(%q): %v", in, err)
		}
		got := false
		for _, w := range n.Warnings() {
			got = got || w.Code == Confusable
		}
		if got != want {
			t.Errorf("confusable %q = %v, want %v", in, got, want)
		}
	}
}

func TestReadRules(t *testing.T) {
	t.Parallel()
	list, err := ReadRules(strings.NewReader("// ===BEGIN ICANN DOMAINS===\ncom\n*.ck\n!www.ck\n公司.cn\n\n// ===BEGIN PRIVATE DOMAINS===\ngithub.io  trailing words\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{PSL: list}
	for in, want := range map[string]string{
		"a.b.com": "com true", "a.b.ck": "b.ck true", "www.ck": "ck true", "a.xn--55qx5d.cn": "xn--55qx5d.cn true", "a.github.io": "github.io false", "a.b.nowhere": "nowhere false",
	} {
		n, err := Parse(in, p)
		got := n.PublicSuffix + map[bool]string{true: " true", false: " false"}[n.ICANN]
		if err != nil || got != want {
			t.Errorf("suffix of %q = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, broken := range []string{"com\na b c!\n..", "!com", "ok\n*.\n", "a/b"} {
		if _, err := ReadRules(strings.NewReader(broken)); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("ReadRules(%q): %v, want an error with its line", broken, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"shop.acme.com", "https://a:b@ü.de:1/x", "*.a.b", "xn--bcher-kva.de", "[::1]", "a..b", "١.com", "ß.ﬁ", "*.xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		n, err := Parse(in, lab)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Reason == "" {
				t.Fatalf("%q: untyped error %v", in, err)
			}
			return
		}
		if len(n.ASCII) > 253 || n.ASCII != strings.ToLower(n.ASCII) || strings.Trim(n.Base(), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Fatalf("%q: %q is not lower-case LDH", in, n.ASCII)
		}
		again, err := Parse(n.ASCII, lab)
		if again.Typed = n.Typed; err != nil || again != n {
			t.Fatalf("%q: normalising twice gave %+v, then %+v, %v", in, n, again, err)
		}
		fromUnicode, err := Parse(n.Unicode, lab)
		if err != nil || fromUnicode.ASCII != n.ASCII {
			t.Fatalf("%q: the Unicode form %q leads to %q, %v", in, n.Unicode, fromUnicode.ASCII, err)
		}
		n.Warnings()
	})
}
