package zoo

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

var alien = "1 13 2 " + strings.Repeat("ab", 32)

// signed is acme with our record, signed, its DS at the registry.
func signed(change func(*World)) func(*World) {
	return func(w *World) {
		acme(ours)(w)
		w.Sign("acme.lab")
		change(w)
	}
}

// security are zones whose DNSSEC is broken.
var security = []Shape{
	{"DSWithoutKeys", func(w *World) { acme(ours)(w); w.Add("lab", "acme 3600 DS "+alien) }, shop, "CORRECT", "cname:OK dnssec_bogus", "acme.lab", "plain", 35, "dnssec=DS_WITHOUT_DNSKEY; dnssec_bogus.zone=acme.lab"},
	{"DSOfFormerKeys", func(w *World) { acme(ours)(w); w.Keys("acme.lab"); w.Add("lab", "acme 3600 DS "+alien) }, shop, "CORRECT", "cname:OK dnssec_bogus", "acme.lab", "plain", 35, "dnssec=DS_MISMATCH"},
	{"DSOfTwoOneFits", signed(func(w *World) { w.Add("lab", "acme 3600 DS "+alien) }), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 35, "dnssec=SIGNED_OK"},
	{"KeysWithoutDS", func(w *World) { acme(ours)(w); w.Keys("acme.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, "dnssec=UNSIGNED"},
	{"DSOfUnknownDigest", func(w *World) { acme(ours)(w); w.Keys("acme.lab"); w.Add("lab", "acme 3600 DS 1 13 99 abcd") }, shop, "CORRECT", "cname:OK dnssec_algorithm", "acme.lab", "plain", 35, "dnssec=UNSUPPORTED_ALGORITHM"},
	{"DSOfUnknownAlgorithm", func(w *World) {
		acme(ours)(w)
		w.Keys("acme.lab")
		w.Add("lab", "acme 3600 DS 1 99 2 "+strings.Repeat("ab", 32))
	}, shop, "CORRECT", "cname:OK dnssec_algorithm", "acme.lab", "plain", 35, "dnssec=UNSUPPORTED_ALGORITHM"},
	{"SignaturesExpired", func(w *World) { acme(ours)(w); valid(w, -60*24*time.Hour, -24*time.Hour) }, shop, "CORRECT", "cname:OK dnssec_signature_expired", "acme.lab", "plain", 35, "dnssec=RRSIG_EXPIRED"},
	{"SignaturesNotYetValid", func(w *World) { acme(ours)(w); valid(w, 24*time.Hour, 60*24*time.Hour) }, shop, "CORRECT", "cname:OK dnssec_signature_expired", "acme.lab", "plain", 35, "dnssec=RRSIG_EXPIRED; dnssec_signature_expired.at=2026-03-02T12:00:00Z"},
	{"SignaturesExpiring", func(w *World) { acme(ours)(w); valid(w, -60*24*time.Hour, 24*time.Hour) }, shop, "CORRECT", "cname:OK dnssec_signature_expiring", "acme.lab", "plain", 35, "dnssec=RRSIG_EXPIRING; dnssec_signature_expiring.severity=WARNING"},
	{"SignaturesOfADay", func(w *World) { acme(ours)(w); valid(w, -24*time.Hour, 24*time.Hour) }, shop, "CORRECT", "cname:OK dnssec_signature_expiring", "acme.lab", "plain", 35, "dnssec=RRSIG_EXPIRING; dnssec_signature_expiring.severity=INFO"},
	{"SignaturesMissing", signed(func(w *World) { w.tell(Without(dns.TypeRRSIG), nil) }), shop, "CORRECT", "cname:OK dnssec_bogus", "acme.lab", "plain", 35, ""},
	{"SignatureOfTheAnswerMissing", signed(func(w *World) { w.tell(For(Without(dns.TypeRRSIG), dns.TypeCNAME, dns.TypeA, dns.TypeAAAA), nil) }), shop, "CORRECT", "cname:OK dnssec_bogus", "acme.lab", "plain", 35, ""},
	{"AnswerChangedOnTheWay", signed(func(w *World) {
		w.tell(For(func(_ Query, r *dns.Msg) *dns.Msg {
			for _, rr := range r.Answer {
				if c, ok := rr.(*dns.CNAME); ok {
					c.Target = "www.elsewhere.lab."
				}
			}
			return r
		}, dns.TypeCNAME, dns.TypeA, dns.TypeAAAA), nil)
	}), shop, "CONFLICTING", "cname:WRONG_VALUE wrong_value dnssec_bogus", "acme.lab", "plain", 38, ""},
	{"NSECMissing", func(w *World) {
		acme("")(w)
		w.Sign("acme.lab")
		w.tell(Without(dns.TypeNSEC), nil)
	}, shop, "ABSENT", "cname:PENDING record_absent dnssec_denial_missing", "acme.lab", "plain", 35, "dnssec=MISSING_NSEC"},
	{"NSECMissingAtTheRegistry", func(w *World) { acme(ours)(w); w.Lie(Without(dns.TypeNSEC), "ns1.nic.lab", "ns2.nic.lab") }, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, "dnssec=UNKNOWN"},
}

// valid signs acme with signatures of another time.
func valid(w *World, from, until time.Duration) {
	s := w.Sign("acme.lab")
	s.From, s.Until = from, until
}

// noCAA makes servers fail for CAA.
var noCAA = For(Code(dns.RcodeServerFailure), dns.TypeCAA)

const flat = "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened"

// issuers are shapes of CAA. The CAs in question are ca.lab, with an account, and ca2.lab.
var issuers = []Shape{
	{"CAANone", acme(addresses + proof), apex, "CORRECT", flat, "acme.lab", "plain", 33, "caa.allowed=ca.lab ca2.lab; caa.at="},
	{"CN15_CAAForbidden", acme(addresses + proof + "\n@ 300 CAA 0 issue \"other.lab\""), apex, "CORRECT", flat + " caa_forbidden", "acme.lab", "plain", 32, "caa.allowed=; caa.at=acme.lab"},
	{"CN53_CAASecondAllowed", acme(addresses + proof + "\n@ 300 CAA 0 issue \"ca2.lab\""), apex, "CORRECT", flat, "acme.lab", "plain", 32, "caa.allowed=ca2.lab; caa.at=acme.lab"},
	{"CN16_CAAOfTheTarget", acme(ours + "\n@ 300 CAA 0 issue \"other.lab\""), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 33, "caa.allowed=ca.lab; caa.at=token.edge.lab"},
	{"CN16_CAABeforeTheRecordStands", acme("@ 300 CAA 0 issue \"other.lab\""), shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 32, "caa.allowed=ca.lab; caa.at=token.edge.lab"},
	{"CAAForAnAddress", acme("shop 300 A " + Edge4 + "\n@ 300 CAA 0 issue \"other.lab\""), at("shop.acme.lab", "acme.lab", "a"), "CORRECT", "a:OK caa_forbidden", "acme.lab", "plain", 25, "caa.at=acme.lab"},
	{"CAAAtTheRegistry", func(w *World) { acme(addresses + proof)(w); w.Add("lab", "@ 300 CAA 0 issue \"other.lab\"") }, apex, "CORRECT", flat + " caa_forbidden", "acme.lab", "plain", 33, "caa.at=lab"},
	{"CN17_CAAAccount", acme(addresses + proof + "\n@ 300 CAA 0 issue \"ca.lab; accounturi=https://ca.lab/acct/2\""), apex, "CORRECT", flat + " caa_account_mismatch", "acme.lab", "plain", 32, "caa.allowed="},
	{"CN17_CAAOurAccount", acme(addresses + proof + "\n@ 300 CAA 0 issue \"ca.lab; accounturi=https://ca.lab/acct/1\""), apex, "CORRECT", flat, "acme.lab", "plain", 32, "caa.allowed=ca.lab"},
	{"CN17_CAAMethod", acme(addresses + proof + "\n@ 300 CAA 0 issue \"ca.lab; validationmethods=dns-01\""), apex, "CORRECT", flat + " caa_method_mismatch", "acme.lab", "plain", 32, "caa.allowed="},
	{"CAAIssueWild", acme(addresses + proof + "\n@ 300 CAA 0 issue \"ca.lab\"\n@ 300 CAA 0 issuewild \";\""), apex, "CORRECT", flat, "acme.lab", "plain", 32, "caa.allowed=ca.lab"},
	{"CAAIssueWildForbids", acme("*.shop 300 A " + Edge4 + "\nshop 300 CAA 0 issue \"ca.lab\"\nshop 300 CAA 0 issuewild \";\""), Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "a", Wildcard: true}, "CORRECT", "a:OK caa_wildcard_forbidden", "acme.lab", "plain", 24, "caa.allowed="},
	{"CAACriticalUnknown", acme(addresses + proof + "\n@ 300 CAA 128 future \"x\""), apex, "CORRECT", flat + " caa_critical_unknown", "acme.lab", "plain", 32, ""},
	{"CAAUnknownNotCritical", acme(addresses + proof + "\n@ 300 CAA 0 future \"x\""), apex, "CORRECT", flat, "acme.lab", "plain", 32, "caa.allowed=ca.lab ca2.lab"},
	{"CAAIodefAlone", acme(addresses + proof + "\n@ 300 CAA 0 iodef \"mailto:a@acme.lab\""), apex, "CORRECT", flat, "acme.lab", "plain", 32, "caa.allowed=ca.lab ca2.lab"},
	{"CAANobody", acme(addresses + proof + "\n@ 300 CAA 0 issue \";\""), apex, "CORRECT", flat + " caa_forbidden", "acme.lab", "plain", 32, "caa.allowed="},
	{"CAAServfail", func(w *World) { acme(addresses + proof)(w); w.tell(noCAA, nil) }, apex, "CORRECT", flat + " caa_lookup_failure", "acme.lab", "plain", 35, "caa_lookup_failure.rcode=SERVFAIL"},
	{"CAASilent", func(w *World) { acme(addresses + proof)(w); w.tell(For(Silent, dns.TypeCAA), nil) }, apex, "CORRECT", flat + " caa_lookup_failure", "acme.lab", "plain", 39, "caa_lookup_failure.rcode=TIMEOUT"},
	{"CAAServfailButTheTargetCounts", func(w *World) { acme("")(w); w.tell(noCAA, nil) }, shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 35, "caa.at=token.edge.lab"},
}
