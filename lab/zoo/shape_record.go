package zoo

import "github.com/miekg/dns"

// hosts are shapes of one name that should be a CNAME.
var hosts = []Shape{
	{"Absent", acme(""), shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 33, ""},
	{"Doubled", acme("shop.acme.lab 300 CNAME token.edge.lab."), shop, "CONFLICTING", "cname:WRONG_NAME wrong_name_doubled", "acme.lab", "plain", 33, "wrong_name_doubled.observedName=shop.acme.lab.acme.lab"},
	{"MissingDot", acme("shop 300 CNAME token.edge.lab"), shop, "CONFLICTING", "cname:WRONG_VALUE target_missing_dot", "acme.lab", "plain", 37, "target_missing_dot.observed=token.edge.lab.acme.lab"},
	{"Scheme", acme("shop 300 CNAME https://token.edge.lab."), shop, "CONFLICTING", "cname:WRONG_VALUE value_with_scheme", "acme.lab", "plain", 38, "value_with_scheme.observed=https://token.edge.lab"},
	{"SchemeAndMissingDot", acme("shop 300 CNAME https://token.edge.lab"), shop, "CONFLICTING", "cname:WRONG_VALUE value_with_scheme", "acme.lab", "plain", 37, ""},
	{"SchemeAndPath", acme("shop 300 CNAME https://token.edge.lab/."), shop, "CONFLICTING", "cname:WRONG_VALUE value_with_scheme", "acme.lab", "plain", 37, ""},
	{"Quoted", acme(`shop 300 CNAME \"token.edge.lab\".`), shop, "CONFLICTING", "cname:WRONG_VALUE value_quoted", "acme.lab", "plain", 37, `value_quoted.observed="token.edge.lab"`},
	{"TrailingText", acme(`shop 300 CNAME token.edge.lab\032please.`), shop, "CONFLICTING", "cname:WRONG_VALUE value_trailing_text", "acme.lab", "plain", 37, "value_trailing_text.observed=token.edge.lab please"},
	{"OtherConnection", acme("shop 300 CNAME former.edge.lab."), shop, "CONFLICTING", "cname:WRONG_VALUE target_of_other_connection", "acme.lab", "plain", 38, ""},
	{"WrongValue", acme("shop 300 CNAME www.elsewhere.lab."), shop, "CONFLICTING", "cname:WRONG_VALUE wrong_value", "acme.lab", "plain", 37, "wrong_value.observed=www.elsewhere.lab"},
	{"OldValueLivesLong", acme("shop 86400 CNAME www.elsewhere.lab."), shop, "CONFLICTING", "cname:WRONG_VALUE wrong_value ttl_high", "acme.lab", "plain", 37, "ttl_high.until=2026-03-02T12:00:00Z"},
	{"AddressInstead", acme("shop 300 A " + Foreign), shop, "CONFLICTING", "cname:WRONG_TYPE wrong_type cname_collision", "acme.lab", "plain", 32, ""},
	{"OurAddressInstead", acme("shop 300 A " + Edge4), shop, "CONFLICTING", "cname:WRONG_TYPE target_as_address cname_collision", "acme.lab", "plain", 32, ""},
	{"TargetsAddressInstead", func(w *World) { w.Add("edge.lab", "token 60 A 9.8.0.11"); acme("shop 300 A 9.8.0.11")(w) }, shop, "CONFLICTING", "cname:WRONG_TYPE target_as_address cname_collision", "acme.lab", "plain", 38, ""},
	{"IPv6Instead", acme("shop 300 AAAA 2001:db8::7"), shop, "CONFLICTING", "cname:WRONG_TYPE wrong_type cname_collision", "acme.lab", "plain", 32, "wrong_type.type=AAAA"},
	{"MultipleCNAME", acme(ours + "\nshop 300 CNAME www.elsewhere.lab."), shop, "CONFLICTING", "cname:CONFLICT multiple_cname", "acme.lab", "plain", 32, ""},
	{"CNAMEAndAddress", acme(ours + "\nshop 300 A " + Foreign), shop, "CONFLICTING", "cname:CONFLICT cname_collision", "acme.lab", "plain", 33, ""},
	{"Mail", acme("shop 300 MX 10 mx.acme.lab."), shop, "CONFLICTING", "cname:PENDING record_absent mx_lost_if_cname", "acme.lab", "plain", 33, "mx_lost_if_cname.suggestion=www.shop.acme.lab"},
	{"TXTInTheWay", acme("shop 300 TXT v=other"), shop, "CONFLICTING", "cname:PENDING record_absent cname_collision", "acme.lab", "plain", 33, ""},
	{"SendersInTheWay", acme("shop 300 TXT \"v=spf1 mx -all\""), shop, "CONFLICTING", "cname:PENDING record_absent mx_lost_if_cname", "acme.lab", "plain", 33, "mx_lost_if_cname.suggestion=www.shop.acme.lab"},
	{"SendersAndMoreInTheWay", acme("shop 300 TXT \"v=spf1 mx -all\"\nshop 300 TXT other"), shop, "CONFLICTING", "cname:PENDING record_absent mx_lost_if_cname cname_collision", "acme.lab", "plain", 33, ""},
	{"HTTPSInTheWay", acme("shop 300 HTTPS 1 . alpn=h2"), shop, "CONFLICTING", "cname:PENDING record_absent cname_collision", "acme.lab", "plain", 33, ""},
	{"CNAMELoop", acme("shop 300 CNAME a\na 300 CNAME shop"), shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 33, ""},
	{"CNAMEToItself", acme("shop 300 CNAME shop"), shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 31, ""},
	{"ChainTooLong", acme("shop 300 CNAME c0\n" + chain(12)), shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 54, ""},
	{"LoopWithoutEnd", func(w *World) { acme("shop 300 CNAME a\na 300 CNAME shop")(w); w.tell(FailsAtTheEnd, nil) }, shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 33, ""},
	{"LoopNeverAnswered", func(w *World) { acme("shop 300 CNAME a\na 300 CNAME shop")(w); w.tell(FailsAltogether, nil) }, shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 56, ""},
	{"BehindAnotherName", acme("shop 300 CNAME a\na 300 CNAME token.edge.lab."), shop, "CONFLICTING", "cname:WRONG_VALUE wrong_value", "acme.lab", "plain", 38, ""},
	{"ChainThroughAStranger", func(w *World) {
		acme("shop 300 CNAME shop.cdn.lab.")(w)
		w.Zone("cdn.lab", "shop 300 CNAME token.edge.lab.", "ns1.cdn.lab")
	}, shop, "CONFLICTING", "cname:WRONG_VALUE wrong_value", "acme.lab", "plain", 40, ""},
	{"WWWInsteadOfBare", acme(ours), at("www.shop.acme.lab", "acme.lab", "cname"), "CONFLICTING", "cname:WRONG_NAME wrong_name_www", "acme.lab", "plain", 37, ""},

	{"Wildcard", acme("* 300 A " + Foreign), shop, "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard", "acme.lab", "plain", 33, "shadowed_by_wildcard.wildcard=*.acme.lab"},
	{"WildcardCNAME", acme("* 300 CNAME www.elsewhere.lab."), shop, "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard", "acme.lab", "plain", 35, ""},
	{"WildcardIPv6", acme("* 300 AAAA 2001:db8::7"), shop, "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard", "acme.lab", "plain", 33, ""},
	{"WildcardAndOwn", acme("* 300 A " + Foreign + "\n" + ours), shop, "CORRECT", "cname:OK", "acme.lab", "plain", 35, ""},
	{"WildcardCoversTheProof", acme("* 300 CNAME www.elsewhere.lab.\n" + addresses), apex, "PARTIAL", "alias:FLATTENED a:OK aaaa:OK proof:SHADOWED_BY_WILDCARD ownership_unproven record_flattened shadowed_by_wildcard", "acme.lab", "plain", 33, ""},
	{"EmptyNonTerminal", acme("a.shop 300 A " + Foreign), shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 33, ""},
	{"EmptyNonTerminalDenied", func(w *World) { acme("a.shop 300 A " + Foreign)(w); w.tell(Missing, nil) }, shop, "ABSENT", "cname:PENDING record_absent", "acme.lab", "plain", 33, ""},
}

// records are shapes of the ownership proof.
var records = []Shape{
	{"TXTStands", acme(ours + "\n_nameplate.shop 300 TXT \"v=other\"\n_nameplate.shop 300 TXT np-ver ify=abc"), shopProof, "CORRECT", "cname:OK proof:OK", "acme.lab", "plain", 35, "ownership=target txt"},
	{"TXTWrong", acme(ours + "\n_nameplate.shop 300 TXT np-verify=other"), shopProof, "CONFLICTING", "cname:OK proof:WRONG_VALUE ownership_txt_wrong", "acme.lab", "plain", 36, "ownership=target"},
	{"TXTQuoted", acme(ours + "\n_nameplate.shop 300 TXT \"\\\"np-verify=abc\\\"\""), shopProof, "CONFLICTING", "cname:OK proof:WRONG_VALUE value_quoted", "acme.lab", "plain", 36, ""},
	{"TXTTrailing", acme(ours + "\n_nameplate.shop 300 TXT \"np-verify=abc 300\""), shopProof, "CONFLICTING", "cname:OK proof:WRONG_VALUE value_trailing_text", "acme.lab", "plain", 36, ""},
	{"TXTWithoutUnderscore", acme(ours + "\nnameplate.shop 300 TXT np-verify=abc"), shopProof, "CONFLICTING", "cname:OK proof:WRONG_NAME wrong_name_prefix", "acme.lab", "plain", 38, "wrong_name_prefix.observedName=nameplate.shop.acme.lab"},
	{"TXTDoubled", acme(ours + "\n_nameplate.shop.acme.lab 300 TXT np-verify=abc"), shopProof, "CONFLICTING", "cname:OK proof:WRONG_NAME wrong_name_doubled", "acme.lab", "plain", 37, ""},
	{"ProofNotAnswered", func(w *World) {
		acme(addresses + proof)(w)
		w.tell(About("_nameplate.acme.lab", Code(dns.RcodeServerFailure)), nil)
	}, apex, "COULD_NOT_ASK", "alias:FLATTENED a:OK aaaa:OK proof:UNVERIFIABLE record_flattened ns_failing", "acme.lab", "plain", 45, "ownership="},
	{"OptionalNotAnswered", func(w *World) {
		acme("")(w)
		w.tell(About("_nameplate.shop.acme.lab", Code(dns.RcodeServerFailure)), nil)
	}, at("shop.acme.lab", "acme.lab", "cname proof?"), "ABSENT", "cname:PENDING proof:UNVERIFIABLE record_absent ns_failing", "acme.lab", "plain", 45, ""},
	{"Challenge", acme(ours + "\n_acme-challenge.shop 300 CNAME token.acme.edge.lab."), at("shop.acme.lab", "acme.lab", "cname challenge"), "CORRECT", "cname:OK challenge:OK", "acme.lab", "plain", 38, ""},
	{"ChallengeAndFormerTXT", acme(ours + "\n_acme-challenge.shop 300 TXT former\n_acme-challenge.shop 300 CNAME token.acme.edge.lab."), at("shop.acme.lab", "acme.lab", "cname challenge"), "CONFLICTING", "cname:OK challenge:CONFLICT acme_challenge_txt_and_cname", "acme.lab", "plain", 38, ""},
	{"FormerChallenge", acme(ours + "\n_acme-challenge.shop 300 TXT former"), at("shop.acme.lab", "acme.lab", "cname challenge"), "CONFLICTING", "cname:OK challenge:CONFLICT acme_challenge_txt_and_cname", "acme.lab", "plain", 38, ""},
	{"CNAMEInsteadOfTXT", acme(ours + "\n_nameplate.shop 300 CNAME token.edge.lab."), shopProof, "CONFLICTING", "cname:OK proof:WRONG_TYPE wrong_type", "acme.lab", "plain", 36, ""},
}
