package authority

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestOwnerNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for typed, want := range map[string]string{
		"@": "acme.lab.", "": "acme.lab.", "Shop": "shop.acme.lab.", "shop.acme.lab": "shop.acme.lab.acme.lab.",
		"shop.acme.lab.": "shop.acme.lab.", "acme.lab.": "acme.lab.", "*": "*.acme.lab.", "_nameplate.shop": "_nameplate.shop.acme.lab.",
		"a..b": "", ".": "", "shop.other.lab.": "", "notacme.lab.": "", "x.*": "", "*x": "", "a b": "", "ü": "", "a\x00b": "", "a\\.b": "",
		long: long + ".acme.lab.", long + "a": "", strings.Repeat(long+".", 3) + long: "",
	} {
		got, err := Owner("acme.lab.", typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Owner(%.80q) = %q, %v; want %q", typed, got, err, want)
		}
	}
}

func TestHostileValuesAreRefused(t *testing.T) {
	t.Parallel()
	z := NewZone(Options{Apex: "acme.lab", NS: []string{"ns1.plain-dns.lab"}, Now: time.Now})
	before := len(z.All())
	for name, set := range map[string]RRset{
		"NewLine":      {Type: "TXT", Values: []string{"a\n@ IN A 1.2.3.4"}},
		"Directive":    {Type: "CNAME", Values: []string{"$INCLUDE /etc/passwd"}},
		"NotAnAddress": {Type: "A", Values: []string{"256.1.1.1"}},
		"WrongFamily":  {Type: "A", Values: []string{"::1"}},
		"Zoned":        {Type: "AAAA", Values: []string{"fe80::1%lo"}},
		"LongLabel":    {Type: "CNAME", Values: []string{strings.Repeat("a", 64) + ".lab"}},
		"Escape":       {Type: "CNAME", Values: []string{`a\000b.lab`}},
		"TwoCNAMEs":    {Type: "CNAME", Values: []string{"a.lab", "b.lab"}},
		"NoValues":     {Type: "A"},
		"ManyValues":   {Type: "A", Values: make([]string, 51)},
		"LongValue":    {Type: "TXT", Values: []string{strings.Repeat("x", 4097)}},
		"LargeSet":     {Type: "TXT", Values: []string{strings.Repeat("a", 4096), strings.Repeat("b", 4096), strings.Repeat("c", 4096), strings.Repeat("d", 4096), strings.Repeat("e", 4096)}},
		"UnknownType":  {Type: "NULL", Values: []string{"x"}},
		"SOA":          {Type: "SOA", Values: []string{"x"}},
		"ALIASNowhere": {Type: "ALIAS", Values: []string{"x.lab"}},
		"TTL":          {Type: "A", TTL: 604801, Values: []string{"1.2.3.4"}},
		"MX":           {Type: "MX", Values: []string{"mail.acme.lab"}},
		"CAA":          {Type: "CAA", Values: []string{`999 issue "x"`}},
		"Name":         {Name: "a..b", Type: "A", Values: []string{"1.2.3.4"}},
	} {
		err := z.Put(set)
		if _, ok := errors.AsType[*InputError](err); !ok {
			t.Errorf("%s: %v, want an error that names the field", name, err)
		}
	}
	if len(z.All()) != before {
		t.Errorf("something was stored: %v", z.All())
	}
}

// Whatever is accepted fits into a packet and comes out of it as it went in.
func FuzzPut(f *testing.F) {
	for _, s := range []RRset{{"@", "A", 60, []string{"1.2.3.4"}}, {"shop", "CNAME", 60, []string{"https://x.edge.lab/path"}}, {"x", "TXT", 1, []string{`"a" \ ü`}},
		{"@", "MX", 1, []string{"10 ."}}, {"@", "CAA", 1, []string{`0 issue "a; b=c"`}}, {"_a._b", "SRV", 1, []string{"1 2 3 x.lab."}}, {"s", "DS", 1, []string{"1 13 2 abcd"}}} {
		f.Add(s.Name, s.Type, s.Values[0])
	}
	f.Fuzz(func(t *testing.T, name, typ, value string) {
		z := NewZone(Options{Apex: "acme.lab", NS: []string{"ns1.plain-dns.lab"}, Now: time.Now})
		if z.Put(RRset{Name: name, Type: typ, TTL: 60, Values: []string{value}}) != nil {
			return
		}
		owner, err := Owner(z.apex, name)
		if err != nil {
			t.Fatalf("stored although the name is refused: %v", err)
		}
		q := dns.Question{Name: owner, Qtype: dns.StringToType[strings.ToUpper(strings.TrimSpace(typ))], Qclass: dns.ClassINET}
		m := new(dns.Msg)
		for _, rr := range z.view("ns1.plain-dns.lab.").nodes[owner].sets[q.Qtype] {
			m.Answer = append(m.Answer, rr)
		}
		wire, err := m.Pack()
		if err != nil {
			t.Fatalf("%q %q %q does not fit into a packet: %v", name, typ, value, err)
		}
		var back dns.Msg
		if err := back.Unpack(wire); err != nil || len(back.Answer) != len(m.Answer) {
			t.Fatalf("came back as %v, %v", back.Answer, err)
		}
	})
}
