package zoo

import (
	"github.com/miekg/dns"
)

// liars are servers that lie, by fault or on purpose. Nothing of it may be believed, and one honest server is enough.
var liars = []Shape{
	{"WrongID", lying(WrongID), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"WrongIDOverUDP", lying(OverUDP(WrongID)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 52, ""},
	{"WrongIDOfOne", lying(WrongID, N2), shop, "CORRECT", "cname:OK lame_delegation", "acme.lab", "plain", 31, ""},
	{"QuestionInsteadOfAnswer", lying(NoResponse), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"WrongQuestion", lying(WrongQuestion), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"WrongQuestionOverUDP", lying(OverUDP(WrongQuestion)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 52, ""},
	{"WrongType", lying(WrongType), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"WrongClass", lying(WrongClass), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"NoQuestion", lying(NoQuestion), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 20, ""},
	{"LowerCase", lying(LowerCase), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 32, ""},
	{"WrongOwner", lying(For(WrongOwner, dns.TypeCNAME, dns.TypeA, dns.TypeAAAA)), shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 35, ""},
	{"RecordsOfAnotherClass", lying(For(RecordsOfClass, dns.TypeCNAME, dns.TypeA, dns.TypeAAAA)), shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 35, ""},
	{"ForeignRecordsBeside", func(w *World) {
		acme("")(w)
		w.tell(For(Says("www.acme.lab. 300 CNAME token.edge.lab.\ntoken.edge.lab. 300 A "+Foreign, "", ""), dns.TypeCNAME), nil)
	}, shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 33, ""},
	{"AddressesOfAnotherZone", lying(For(Says("@ 300 CNAME token.edge.lab.\ntoken.edge.lab. 300 A "+Foreign, "", ""), dns.TypeA)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"GlueOfStrangers", func(w *World) {
		acme(ours)(w)
		w.Zone("evil.lab", "", "ns1.evil.lab")
		w.Lie(About("shop.acme.lab", Refers("acme.lab. 3600 NS ns1.evil.lab.", "ns1.evil.lab. 3600 A "+w.Server("ns1.evil.lab").Addr().String())), N2)
	}, shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 35, ""},
	{"ReferralSideways", func(w *World) {
		acme(ours)(w)
		w.Lie(About("shop.acme.lab", Refers("other.lab. 3600 NS ns1.evil.lab.", "ns1.evil.lab. 3600 A 9.9.9.9")), N2)
	}, shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 35, ""},
	{"TruncatedWithTCP", lying(OverUDP(Truncated)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"TruncatedWithoutTCP", lying(All(OverUDP(Truncated), OverTCP(Silent))), shop, "COULD_NOT_ASK", "cname:UNVERIFIABLE all_ns_unreachable", "acme.lab", "plain", 23, ""},
	{"TCPOnly", lying(OverUDP(Silent)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 52, ""},
	{"UDPOnly", lying(OverTCP(Silent)), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"FormErrOnEDNS", lying(NoEDNS), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"BadVersOnEDNS", lying(BadVersion), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, ""},
	{"TooManyRecords", lying(For(Stuffed(500), dns.TypeA)), shop, "CORRECT", "cname:OK ns_failing", "acme.lab", "plain", 35, ""},
	{"NothingButRecords", lying(Stuffed(500)), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 20, ""},
	{"CutShort", noisy(CutShort), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"TooShort", noisy(TooShort), shop, "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", "plain", 22, ""},
	{"OneSaysForeign", func(w *World) {
		acme(ours)(w)
		w.Lie(For(Says("@ 300 CNAME www.elsewhere.lab.", "", ""), dns.TypeCNAME), N2)
	}, shop, "PARTIAL", "cname:PARTIAL record_partial", "acme.lab", "plain", 33, "have=1/2"},
}

// noisy is the zone acme, as it should be, from servers whose packets arrive changed.
func noisy(change func([]byte) []byte) func(*World) {
	return func(w *World) {
		acme(ours)(w)
		w.Server(N1).Noise(change)
		w.Server(N2).Noise(change)
	}
}
