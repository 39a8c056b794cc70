package zoo

import (
	"github.com/miekg/dns"
)

// servers are shapes of servers that disagree, fail or fall silent.
var servers = []Shape{
	{"OneOfTwoHasIt", func(w *World) { acme("")(w); w.Add("acme.lab", ours, N1) }, shop, "PARTIAL", "cname:PARTIAL record_partial", "acme.lab", "plain", 33, "have=1/2; ownership="},
	{"OldValueOnOne", func(w *World) {
		acme("")(w)
		w.Add("acme.lab", ours, N1)
		w.Add("acme.lab", "shop 300 A "+Foreign, N2)
	}, shop, "CONFLICTING", "cname:PARTIAL record_partial cname_collision", "acme.lab", "plain", 33, ""},
	{"HalfOfTheServersStale", func(w *World) {
		w.Zone("acme.lab", "", N1, N2, N3, "ns4.plain-dns.lab")
		w.Add("acme.lab", ours, N1, N2)
	}, shop, "PARTIAL", "cname:PARTIAL record_partial", "acme.lab", "plain", 43, "have=2/4"},
	{"OneOfTwoSilent", lying(Silent, N2), shop, "CORRECT", "cname:OK ns_unreachable", "acme.lab", "plain", 31, "server.ns2.plain-dns.lab=TIMEOUT"},
	{"TwoOfThreeSilent", func(w *World) {
		w.Zone("acme.lab", ours, N1, N2, N3)
		w.Lie(Silent, N2, N3)
	}, shop, "PARTIAL", "cname:PARTIAL record_partial ns_unreachable", "acme.lab", "plain", 32, ""},
	{"AllSilent", lying(Silent), shop, "COULD_NOT_ASK", "cname:UNVERIFIABLE all_ns_unreachable", "acme.lab", "plain", 23, ""},
	{"LameChild", lying(Lame), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 20, ""},
	{"OneLame", lying(Lame, N2), shop, "CORRECT", "cname:OK lame_delegation", "acme.lab", "plain", 31, "lame_delegation.severity=WARNING; server.ns2.plain-dns.lab=LAME"},
	{"OneRefuses", lying(Code(dns.RcodeRefused), N2), shop, "CORRECT", "cname:OK lame_delegation", "acme.lab", "plain", 30, "server.ns2.plain-dns.lab=REFUSED"},
	{"RefusedAndServfail", func(w *World) {
		acme(ours)(w)
		w.Lie(Code(dns.RcodeRefused), N1)
		w.Lie(Code(dns.RcodeServerFailure), N2)
	}, shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 42, ""},
	{"NotImplemented", lying(Code(dns.RcodeNotImplemented)), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 38, ""},
	{"ZoneNotLoaded", func(w *World) { acme(ours)(w); w.Server(N2).Drop("acme.lab") }, shop, "CORRECT", "cname:OK lame_delegation", "acme.lab", "plain", 31, ""},
	{"UpwardReferral", lying(Refers(". 3600 NS a.root.lab.", "")), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 20, ""},
	{"SerialDiffers", func(w *World) {
		acme(ours)(w)
		s := w.Server(N2)
		s.Remove("acme.lab", func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
		s.Set("acme.lab", append(s.Records("acme.lab"), w.Parse("acme.lab.", "@ 300 SOA ns1.plain-dns.lab. hostmaster 2 7200 900 1209600 900")...))
	}, shop, "CORRECT", "cname:OK serial_mismatch", "acme.lab", "plain", 33, ""},
	{"RefusedByOneFamily", func(w *World) {
		w.Server46(N1)
		w.Server46(N2)
		lying(ToIPv6(Code(dns.RcodeRefused)))(w)
	}, shop, "CORRECT", "cname:OK lame_delegation", "acme.lab", "plain", 37, "lame_delegation.severity=WARNING"},
	{"SilentInOneFamily", func(w *World) {
		w.Server46(N1)
		w.Server46(N2)
		lying(ToIPv6(Silent))(w)
	}, shop, "CORRECT", "cname:OK ns_unreachable", "acme.lab", "plain", 37, ""},
	{"ServfailForOneType", lying(For(Code(dns.RcodeServerFailure), dns.TypeHTTPS)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 35, ""},
	{"ServfailForAAAA", lying(For(Code(dns.RcodeServerFailure), dns.TypeAAAA)), shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 36, ""},
	{"SilentForAAAA", lying(For(Silent, dns.TypeAAAA)), shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 33, ""},
	{"ServfailForTheRecord", lying(For(Code(dns.RcodeServerFailure), dns.TypeCNAME)), shop, "COULD_NOT_ASK", "cname:UNVERIFIABLE ns_failing", "acme.lab", "plain", 36, "ns_failing.types=[CNAME]"},
	{"ServfailForTheRecordOfOne", lying(For(Code(dns.RcodeServerFailure), dns.TypeCNAME), N2), shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 35, ""},
	{"BalancerWithoutCNAMEQuestions", lying(For(Without(dns.TypeCNAME), dns.TypeCNAME)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"Flapping", lying(Once(Code(dns.RcodeServerFailure)), N2), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 39, ""},
}

// delegations are shapes of what stands above the zone.
var delegations = []Shape{
	{"NotRegistered", func(w *World) {}, shop, "ABSENT", "cname:UNVERIFIABLE not_registered", "", "", 6, "not_registered.domain=acme.lab; registered=false"},
	{"ApexNotRegistered", func(w *World) {}, apex, "ABSENT", "alias:UNVERIFIABLE a:UNVERIFIABLE aaaa:UNVERIFIABLE proof:UNVERIFIABLE not_registered", "", "", 5, "registered=false"},
	{"RegistryKnowsItWithoutAZone", func(w *World) { w.Add("lab", "acme 300 A "+Foreign) }, shop, "ABSENT", "cname:PENDING record_absent", "lab", "", 33, ""},
	{"ParentAndChildDisagree", acme(ours + "\n@ 300 NS ns9.plain-dns.lab."), shop, "CORRECT", "cname:OK parent_child_ns_mismatch", "acme.lab", "plain", 33, ""},
	{"NoAddressOfOne", func(w *World) { acme(ours)(w); w.Add("lab", "acme 3600 NS gone.plain-dns.lab.") }, shop, "CORRECT", "cname:OK no_ns_address parent_child_ns_mismatch", "acme.lab", "plain", 37, ""},
	{"NoAddressAtAll", func(w *World) { w.Add("lab", "acme 3600 NS gone.lab.") }, shop, "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", "", 8, ""},
	{"MissingGlue", func(w *World) { w.Add("lab", "acme 3600 NS ns1.acme.lab.") }, shop, "ABSENT", "cname:UNVERIFIABLE delegation_loop", "acme.lab", "", 5, ""},
	{"ServerIsACNAME", func(w *World) { w.Add("lab", "acme 3600 NS ns.alias.lab.\nns.alias 300 CNAME a.root") }, shop, "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", "", 9, ""},
	{"ServerIsAnAddress", func(w *World) { w.Add("lab", "acme 3600 NS 9.9.0.1.") }, shop, "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", "", 8, ""},
	{"PrivateGlue", func(w *World) {
		w.Add("lab", "acme 3600 NS ns.acme.lab.\nns.acme 3600 A 127.0.0.1\nns.acme 3600 A 10.0.0.1\nns.acme 3600 A 169.254.169.254\nns.acme 3600 AAAA ::1")
	}, shop, "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", "", 9, ""},
	{"ServersOfServersSilent", func(w *World) {
		w.Zone("deep.lab", "ns1 300 A 9.9.9.9", "ns9.far.lab")
		w.Add("lab", "acme 3600 NS ns1.deep.lab.")
		w.Lie(Silent, "ns9.far.lab")
	}, shop, "COULD_NOT_ASK", "cname:UNVERIFIABLE all_ns_unreachable", "acme.lab", "", 19, ""},
	{"Loop", func(w *World) { w.Add("lab", "acme 3600 NS ns.other.lab.\nother 3600 NS ns.acme.lab.") }, shop, "ABSENT", "cname:UNVERIFIABLE delegation_loop", "acme.lab", "", 6, ""},
	{"LoopOfThree", func(w *World) {
		w.Add("lab", "acme 3600 NS ns.b.lab.\nb 3600 NS ns.c.lab.\nc 3600 NS ns.acme.lab.")
	}, shop, "ABSENT", "cname:UNVERIFIABLE delegation_loop", "acme.lab", "", 7, ""},
	{"CutWhereverOneAsks", func(w *World) {
		acme("")(w)
		w.tell(About("x.acme.lab", Refers("@ 3600 NS "+N1+".", "")), nil)
	}, at("a.b.c.d.x.acme.lab", "acme.lab", "cname"), "ABSENT", "cname:UNVERIFIABLE lame_delegation", "a.b.c.d.x.acme.lab", "plain", 26, ""},
	{"NSBelow", func(w *World) { acme("")(w); w.Zone("shop.acme.lab", "", "ns1.elsewhere.lab") }, shop, "CONFLICTING", "cname:PENDING record_absent subzone ns_below", "shop.acme.lab", "", 36, ""},
	{"NSBelowTheHost", func(w *World) {
		acme(addresses)(w)
		w.Zone("_nameplate.acme.lab", "", "ns1.elsewhere.lab")
	}, apex, "CONFLICTING", "alias:FLATTENED a:OK aaaa:OK proof:CONFLICT ns_below ownership_unproven record_flattened", "acme.lab", "plain", 33, ""},
	{"RecordsAtTheFormerProvider", moved("", "ns1.flat-dns.lab"), former, "ABSENT", "cname:PENDING record_absent wrong_zone", "acme.lab", "flat", 33, "wrong_zone.provider=Plain DNS; wrong_zone.other=Flat DNS"},
	{"RecordsBehindTheParkingLot", moved("* 300 A "+Foreign, "ns1.parking.lab", "ns2.parking.lab"), former, "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard parked_domain wrong_zone", "acme.lab", "parking-lot", 38, "wrong_zone.provider=Plain DNS"},
	{"RecordsAtServersUnknownToTheRegistry", moved("@ 300 NS "+N1+".", "ns1.flat-dns.lab"), shop, "ABSENT", "cname:PENDING record_absent wrong_zone parent_child_ns_mismatch", "acme.lab", "flat", 33, "wrong_zone.provider=Plain DNS"},
	{"NothingAtTheFormerProvider", func(w *World) {
		moved("", "ns1.flat-dns.lab")(w)
		w.Server(N1).Drop("acme.lab")
		w.Server(N2).Drop("acme.lab")
	}, former, "ABSENT", "cname:PENDING record_absent", "acme.lab", "flat", 38, ""},
	{"MixedProviders", func(w *World) { w.Zone("acme.lab", ours, N1, "ns1.flat-dns.lab") }, shop, "CORRECT", "cname:OK mixed_dns", "acme.lab", "", 33, ""},
	{"Parked", func(w *World) { w.Zone("acme.lab", "* 300 A "+Foreign, "ns1.parking.lab", "ns2.parking.lab") }, shop, "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard parked_domain", "acme.lab", "parking-lot", 33, ""},
}

// former asks about shop of a domain that was at the plain provider before.
var former = Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname", Former: N1 + " " + N2}

// moved is the zone at new servers, with our record at the old ones alone, which still have it.
func moved(lines string, servers ...string) func(*World) {
	return func(w *World) {
		w.Zone("acme.lab", lines, servers...)
		for _, name := range []string{N1, N2} {
			w.Server(name).Set("acme.lab", w.Parse("acme.lab.", "@ 300 SOA "+N1+". hostmaster 1 7200 900 1209600 900\n@ 300 NS "+N1+".\n"+ours))
		}
	}
}
