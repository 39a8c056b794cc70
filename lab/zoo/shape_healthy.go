package zoo

import (
	"strings"

	"github.com/miekg/dns"
)

// healthy are zones with which nothing is wrong.
var healthy = []Shape{
	{"Stands", acme(ours), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, "ownership=target; dnssec=UNSIGNED"},
	{"MixedCase", acme("ShOp 300 CNAME TOKEN.Edge.lab."), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"ZeroTTL", acme("shop 0 CNAME token.edge.lab."), shop, "CORRECT", "cname:OK ttl_zero", "acme.lab", "plain", 33, ""},
	{"WildcardIsOurs", acme("* 300 CNAME token.edge.lab."), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 32, ""},
	{"WholeWildcard", acme("*.shop 300 CNAME token.edge.lab."), Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname", Wildcard: true}, "CORRECT", "cname:OK", "acme.lab", "plain", 31, ""},
	{"OneServer", func(w *World) { w.Zone("acme.lab", ours, N1) }, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 29, ""},
	{"ThirteenServers", func(w *World) {
		w.Zone("acme.lab", ours, "a.acme.lab", "b.acme.lab", "c.acme.lab", "d.acme.lab", "e.acme.lab", "f.acme.lab", "g.acme.lab", "h.acme.lab", "i.acme.lab", "j.acme.lab", "k.acme.lab", "l.acme.lab", "m.acme.lab")
	}, shop, "CORRECT", "cname:OK", "acme.lab", "", 84, "servers=13"},
	{"ServersInTheZone", func(w *World) { w.Zone("acme.lab", ours, "ns1.acme.lab", "ns2.acme.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "", 32, ""},
	{"Glueless", func(w *World) {
		s := w.Server("ns1.deep.lab")
		w.Zone("deep.lab", "ns1 300 A "+s.Addr().String(), "ns9.far.lab")
		w.Zone("acme.lab", ours, "ns1.deep.lab")
		for _, nic := range w.Hosts("lab") { // whose glue is not the registry's
			nic.Remove("lab", func(rr dns.RR) bool { return rr.Header().Name == "ns1.deep.lab." })
		}
	}, shop, "CORRECT", "cname:OK", "acme.lab", "", 32, ""},
	{"BothFamilies", func(w *World) {
		w.Server46(N1)
		w.Server46(N2)
		acme(ours)(w)
	}, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 43, "servers=4"},
	{"IPv6Only", func(w *World) {
		w.Server6(N1)
		w.Server6(N2)
		acme(ours)(w)
	}, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"TwoLabelSuffix", func(w *World) { w.Zone("shop.co.lab", "www 300 CNAME token.edge.lab.", N1, N2) }, at("www.shop.co.lab", "shop.co.lab", "cname"), "CORRECT", "cname:OK", "shop.co.lab", "plain", 40, ""},
	{"PrivateSuffix", func(w *World) {
		w.Zone("pages.lab", "", N1)
		w.Zone("me.pages.lab", "www 300 CNAME token.edge.lab.", N2)
	}, at("www.me.pages.lab", "me.pages.lab", "cname"), "CORRECT", "cname:OK", "me.pages.lab", "plain", 36, ""},
	{"DeepSubzone", func(w *World) {
		acme("")(w)
		w.Zone("eu.acme.lab", "a.b 300 CNAME token.edge.lab.", "ns1.eu.acme.lab")
	}, at("a.b.eu.acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK subzone", "eu.acme.lab", "", 33, ""},
	{"SubzoneOnTheSameServers", func(w *World) {
		acme("")(w)
		w.Zone("eu.acme.lab", "shop 300 CNAME token.edge.lab.", N1, N2)
	}, at("shop.eu.acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK subzone", "eu.acme.lab", "plain", 45, ""},
	{"OneServerForRegistryAndZone", func(w *World) { w.Zone("acme.lab", ours, "ns1.nic.lab", "ns2.nic.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "", 42, ""},
	{"IDN", func(w *World) { w.Zone("xn--bcher-kva.lab", "laden 300 CNAME token.edge.lab.", N1, N2) }, at("laden.xn--bcher-kva.lab", "xn--bcher-kva.lab", "cname"), "CORRECT", "cname:OK", "xn--bcher-kva.lab", "plain", 33, ""},
	{"LongName", acme(long + " 300 CNAME token.edge.lab."), at(long+".acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK name_too_long_for_common_name", "acme.lab", "plain", 35, ""},
	{"DeepName", acme("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p 300 CNAME token.edge.lab."), at("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK", "acme.lab", "plain", 35, ""},
	{"BigTXT", acme(ours + bigText + "\n_nameplate.shop 300 TXT np-verify=abc"), shopProof, "CORRECT", "cname:OK proof:OK", "acme.lab", "plain", 36, ""},
	{"UnknownTypes", acme(ours + "\nshop2 300 TYPE65280 \\# 4 0a000001\n@ 300 TYPE65281 \\# 0"), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"DNAMEAbove", acme("old 300 DNAME edge.lab."), at("token.old.acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK", "acme.lab", "plain", 35, ""},
	{"HTTPSOfOurs", acme(addresses + proof + "\n@ 300 HTTPS 1 . alpn=h2,h3"), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened", "acme.lab", "plain", 33, ""},
	{"Signed", func(w *World) { acme(ours)(w); w.Sign("acme.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 35, "dnssec=SIGNED_OK"},
	{"SignedWildcard", func(w *World) { acme("* 300 CNAME token.edge.lab.")(w); w.Sign("acme.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 35, "dnssec=SIGNED_OK"},
	{"SignedEmpty", func(w *World) { acme("")(w); w.Sign("acme.lab") }, shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 35, "dnssec=SIGNED_OK"},
	{"SignedSubzone", func(w *World) {
		acme("")(w)
		w.Sign("acme.lab")
		w.Zone("eu.acme.lab", "shop 300 CNAME token.edge.lab.", N1, N2)
		w.Sign("eu.acme.lab")
	}, at("shop.eu.acme.lab", "acme.lab", "cname"), "CORRECT", "cname:OK subzone", "eu.acme.lab", "plain", 46, "dnssec=SIGNED_OK"},
}

var long = strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 60)+".", 4), ".")

// bigText is more text than fits into one answer over UDP.
var bigText = func() string {
	var b strings.Builder
	for i := range 20 {
		b.WriteString("\n_nameplate.shop 300 TXT v" + strings.Repeat(string(rune('a'+i)), 250))
	}
	return b.String()
}()

// apexes are shapes of the name of the zone itself.
var apexes = []Shape{
	{"Apex", acme(addresses + proof), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened", "acme.lab", "plain", 33, "ownership=txt; flattened=true"},
	{"ApexWithoutTTL", acme("@ 0 A " + Edge4 + "\n@ 0 AAAA " + Edge6 + proof), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened ttl_zero", "acme.lab", "plain", 33, ""},
	{"ApexForeignForAMinute", acme("@ 60 A " + Foreign + proof + "\n@ 86400 MX 10 mail"), apex, "CONFLICTING", "alias:CONFLICT a:WRONG_VALUE aaaa:PENDING proof:OK foreign_address record_absent", "acme.lab", "plain", 40, ""},
	{"ApexFlattenedToASubset", acme("@ 300 A " + Edge4 + proof), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:PENDING proof:OK record_flattened", "acme.lab", "plain", 36, ""},
	{"ApexFlattenedToTheTargetAlone", func(w *World) {
		w.Add("edge.lab", "token 60 A 9.8.0.11")
		acme("@ 300 A 9.8.0.11" + proof)(w)
	}, apex, "CORRECT", "alias:FLATTENED a:WRONG_VALUE aaaa:PENDING proof:OK record_flattened", "acme.lab", "plain", 40, "ownership=txt"},
	{"ApexWithoutProof", acme(addresses), apex, "PARTIAL", "alias:FLATTENED a:OK aaaa:OK proof:PENDING record_absent record_flattened ownership_unproven", "acme.lab", "plain", 36, ""},
	{"ApexEmpty", acme(""), apex, "ABSENT", "alias:PENDING a:PENDING aaaa:PENDING proof:PENDING record_absent record_absent", "acme.lab", "plain", 43, ""},
	{"ApexForeign", acme("@ 300 A " + Foreign + proof), apex, "CONFLICTING", "alias:CONFLICT a:WRONG_VALUE aaaa:PENDING proof:OK foreign_address record_absent", "acme.lab", "plain", 36, ""},
	{"ApexOursAndForeign", acme(addresses + "\n@ 300 A " + Foreign + proof), apex, "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:OK proof:OK foreign_address", "acme.lab", "plain", 33, ""},
	{"StaleAAAA", acme("@ 300 A " + Edge4 + "\n@ 300 AAAA 2001:db8::7" + proof), apex, "CONFLICTING", "alias:CONFLICT a:OK aaaa:CONFLICT proof:OK stale_aaaa", "acme.lab", "plain", 33, ""},
	{"ApexCNAME", acme("@ 300 CNAME token.edge.lab." + proof), apex, "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:CONFLICT proof:OK illegal_apex_cname", "acme.lab", "plain", 36, "illegal_apex_cname.severity=BLOCKING"},
	{"ApexCNAMEHidesTheRest", func(w *World) { acme("@ 300 CNAME token.edge.lab." + proof)(w); w.tell(AliasFirst, nil) }, apex, "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:CONFLICT proof:OK illegal_apex_cname", "acme.lab", "plain", 36, "illegal_apex_cname.severity=BLOCKING"},
	{"ApexAtWWW", acme("www 300 A " + Edge4 + proof), apex, "CONFLICTING", "alias:WRONG_NAME a:WRONG_NAME aaaa:PENDING proof:OK wrong_name_www record_absent", "acme.lab", "plain", 40, ""},
	{"ApexHTTPSElsewhere", acme(addresses + proof + "\n@ 300 HTTPS 1 cdn.elsewhere.lab."), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened https_rr_conflict", "acme.lab", "plain", 33, ""},
	{"ApexWithMail", acme(addresses + proof + "\n@ 300 MX 10 mail\nmail 300 A " + Foreign), apex, "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened", "acme.lab", "plain", 33, ""},
	{"HostAddress", acme("shop 300 A " + Edge4), at("shop.acme.lab", "acme.lab", "a"), "CORRECT", "a:OK", "acme.lab", "plain", 26, ""},
	{"HostAddressAndStaleAAAA", acme("shop 300 A " + Edge4 + "\nshop 300 AAAA 2001:db8::7"), at("shop.acme.lab", "acme.lab", "a aaaa"), "CONFLICTING", "a:OK aaaa:CONFLICT stale_aaaa", "acme.lab", "plain", 29, ""},
}
