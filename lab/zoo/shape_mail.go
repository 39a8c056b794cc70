package zoo

import (
	"fmt"
	"strings"
)

// What the shapes of mail want: our senders in the SPF record, our key at its selector, a DMARC record, our server in MX.
const (
	Senders = "include:spf.edge.lab"
	Key     = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
	Policy  = "v=DMARC1; p=none"
	Mailer  = "10 in.edge.lab"
)

var (
	spf   = at("acme.lab", "acme.lab", "spf")
	dkim  = at("acme.lab", "acme.lab", "dkim")
	dmarc = at("acme.lab", "acme.lab", "dmarc")
	mx    = at("acme.lab", "acme.lab", "mx")
)

// sending is acme with an SPF record, and with what it may lead to: ours, n servers that each cost one look-up, and one that never answers.
func sending(n int, lines ...string) func(*World) {
	return func(w *World) {
		w.Add("edge.lab", "spf 300 TXT \"v=spf1 ip4:9.8.0.10 -all\"")
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, "i%d 300 TXT \"v=spf1 ip4:9.8.0.%d -all\"\n", i, i+1)
		}
		for _, l := range lines {
			fmt.Fprintf(&all, "%s\n", l)
		}
		acme(all.String())(w)
	}
}

// includes is an SPF record with n includes and ours.
func includes(n int, end string) string {
	var b strings.Builder
	b.WriteString("@ 300 TXT \"v=spf1")
	for i := range n {
		fmt.Fprintf(&b, " include:i%d.acme.lab", i)
	}
	return b.String() + end + "\""
}

// mails are shapes of the records for mail.
var mails = []Shape{
	{"SPFMissing", sending(0), spf, "ABSENT", "spf:PENDING spf_missing", "acme.lab", "plain", 40, `spf_missing.record=acme.lab TXT "v=spf1 include:spf.edge.lab ~all"`},
	{"SPFStands", sending(0, includes(0, " "+Senders+" -all")), spf, "CORRECT", "spf:OK", "acme.lab", "plain", 40, ""},
	{"SPFOfOthers", sending(2, includes(2, " ?all")), spf, "ABSENT", "spf:WRONG_VALUE spf_missing", "acme.lab", "plain", 40, `spf_missing.record=acme.lab TXT "v=spf1 include:i0.acme.lab include:i1.acme.lab include:spf.edge.lab ?all"`},
	{"SPFBesideOtherText", sending(0, "@ 300 TXT hello", includes(0, " "+Senders+" -all")), spf, "CORRECT", "spf:OK", "acme.lab", "plain", 40, ""},
	{"SPFTwice", sending(0, "@ 300 TXT \"v=spf1 mx -all\"", "@ 300 TXT \"v=spf1 "+Senders+" ~all\""), spf, "CONFLICTING", "spf:CONFLICT spf_multiple", "acme.lab", "plain", 40, ""},
	{"SPFMisspelt", sending(0, "@ 300 TXT \"v=spf1 inclde:spf.edge.lab -all\""), spf, "CONFLICTING", "spf:WRONG_VALUE spf_syntax", "acme.lab", "plain", 40, ""},
	{"SPFTenLookups", sending(9, includes(9, " "+Senders+" -all")), spf, "CORRECT", "spf:OK", "acme.lab", "plain", 50, ""},
	{"SPFElevenLookups", sending(10, includes(10, " "+Senders+" -all")), spf, "CONFLICTING", "spf:CONFLICT spf_lookup_limit", "acme.lab", "plain", 50, "spf_lookup_limit.count=11"},
	{"SPFElevenWithOurs", sending(10, includes(10, " -all")), spf, "CONFLICTING", "spf:CONFLICT spf_lookup_limit", "acme.lab", "plain", 50, "spf_lookup_limit.count=11"},
	{"SPFWithoutEnd", sending(0, "@ 300 TXT \"v=spf1 "+Senders+" include:l0.acme.lab -all\"", "l0 300 TXT \"v=spf1 include:l1.acme.lab -all\"", "l1 300 TXT \"v=spf1 include:l0.acme.lab -all\""), spf, "CONFLICTING", "spf:CONFLICT spf_lookup_limit", "acme.lab", "plain", 45, ""},
	{"SPFOfDeadServers", sending(0, "@ 300 TXT \"v=spf1 a:x1.acme.lab a:x2.acme.lab mx:x3.acme.lab "+Senders+" -all\""), spf, "CORRECT", "spf:OK spf_void_lookups", "acme.lab", "plain", 45, "spf_void_lookups.count=3"},
	{"SPFOnOneServer", func(w *World) {
		sending(0)(w)
		w.Add("acme.lab", includes(0, " "+Senders+" -all"), N1)
	}, spf, "PARTIAL", "spf:PARTIAL record_partial", "acme.lab", "plain", 40, "have=1/2"},
	{"SPFNotAnswered", func(w *World) {
		sending(0, includes(0, " "+Senders+" -all"))(w)
		w.tell(For(Code(2), 16), nil)
	}, spf, "COULD_NOT_ASK", "spf:UNVERIFIABLE ns_failing", "acme.lab", "plain", 45, ""},
	{"SPFLong", sending(0, "@ 300 TXT \"v=spf1 "+strings.Repeat("ip4:9.8.0.1 ", 18)+"\" \""+strings.Repeat("ip4:9.8.0.2 ", 18)+Senders+" -all\""), spf, "CORRECT", "spf:OK", "acme.lab", "plain", 40, ""},

	{"DKIMStands", acme("np1._domainkey 300 TXT \"" + Key + "\""), dkim, "CORRECT", "dkim:OK", "acme.lab", "plain", 40, ""},
	{"DKIMInPieces", acme("np1._domainkey 300 TXT \"v=DKIM1;k=rsa; p=MIGfMA0GCSq \" \"GSIb3DQEBAQUAA4GNADCBiQ;\""), dkim, "CORRECT", "dkim:OK", "acme.lab", "plain", 40, ""},
	{"DKIMCutOff", acme("np1._domainkey 300 TXT \"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3\""), dkim, "CONFLICTING", "dkim:WRONG_VALUE dkim_mismatch", "acme.lab", "plain", 40, "dkim_mismatch.selector=np1"},
	{"DKIMMissing", acme(""), dkim, "CONFLICTING", "dkim:PENDING dkim_missing", "acme.lab", "plain", 40, "dkim_missing.selector=np1"},
	{"DKIMDoubled", acme("np1._domainkey.acme.lab 300 TXT \"" + Key + "\""), dkim, "CONFLICTING", "dkim:WRONG_NAME wrong_name_doubled", "acme.lab", "plain", 40, ""},

	{"DMARCStands", acme("_dmarc 300 TXT \"v=DMARC1; p=reject; adkim=s\""), dmarc, "CORRECT", "dmarc:OK", "acme.lab", "plain", 40, ""},
	{"DMARCMissing", acme(""), dmarc, "ABSENT", "dmarc:PENDING dmarc_missing", "acme.lab", "plain", 40, ""},
	{"DMARCInvalid", acme("_dmarc 300 TXT \"v=DMARC1; p=maybe\""), dmarc, "ABSENT", "dmarc:WRONG_VALUE dmarc_invalid", "acme.lab", "plain", 40, ""},
	{"DMARCTwice", acme("_dmarc 300 TXT \"v=DMARC1; p=none\"\n_dmarc 300 TXT \"v=DMARC1; p=reject\""), dmarc, "ABSENT", "dmarc:WRONG_VALUE dmarc_invalid", "acme.lab", "plain", 40, ""},

	{"MXStands", acme("@ 300 MX 10 in.edge.lab."), mx, "CORRECT", "mx:OK", "acme.lab", "plain", 40, ""},
	{"MXElsewhere", acme("@ 300 MX 10 mail\nmail 300 A " + Foreign), mx, "ABSENT", "mx:WRONG_VALUE mx_foreign", "acme.lab", "plain", 40, ""},
	{"MXHereAndElsewhere", acme("@ 300 MX 10 in.edge.lab.\n@ 300 MX 20 mail\nmail 300 A " + Foreign), mx, "CORRECT", "mx:OK mx_foreign", "acme.lab", "plain", 40, ""},
	{"MXMissing", acme(""), mx, "ABSENT", "mx:PENDING record_absent", "acme.lab", "plain", 40, ""},
}
