package dnscheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

const n1, n2 = "ns1.plain.lab", "ns2.plain.lab"

// apexQuestion asks for the routing set of an apex: ALIAS or addresses, and the proof.
func apexQuestion(host string) analysis.Question {
	q := sub(host)
	q.Apex, q.Registrable, q.Verification = true, host, "np-verify=abc"
	q.Expected = []analysis.Expected{
		{Key: "alias", Type: "ALIAS", FQDN: host, Value: "token.edge.lab", Purpose: "ROUTING", Requirement: "ONE_OF", Group: "apex"},
		{Key: "a", Type: "A", FQDN: host, Value: edge4, Purpose: "ROUTING", Requirement: "ONE_OF", Group: "apex"},
		{Key: "aaaa", Type: "AAAA", FQDN: host, Value: edge6, Purpose: "ROUTING", Requirement: "ONE_OF", Group: "apex"},
		txt(host),
	}
	return q
}

func txt(host string) analysis.Expected {
	return analysis.Expected{Key: "proof", Type: "TXT", FQDN: "_nameplate." + host, Value: "np-verify=abc", Purpose: "OWNERSHIP", Requirement: "REQUIRED"}
}

func withTXT(q analysis.Question) analysis.Question {
	q.Verification = "np-verify=abc"
	q.Expected = append(q.Expected, txt(q.Hostname))
	return q
}

// silent, refused, servfail and lame are ways in which a server does not serve.
func silent(m, r *dns.Msg, tcp bool) *dns.Msg { return nil }
func lame(m, r *dns.Msg, tcp bool) *dns.Msg   { r.Authoritative = false; return r }
func code(rcode int) func(m, r *dns.Msg, tcp bool) *dns.Msg {
	return func(m, r *dns.Msg, tcp bool) *dns.Msg {
		c := new(dns.Msg)
		c.SetRcode(m, rcode)
		return c
	}
}

// TestZones shows the engine the shapes that zones have in the wild. want lists the findings; a record's status stands as key:STATUS.
func TestZones(t *testing.T) {
	t.Parallel()
	const ours = "shop 300 CNAME token.edge.lab."
	const addresses = "@ 300 A " + edge4 + "\n@ 300 AAAA " + edge6
	const proof = "\n_nameplate 300 TXT np-verify=abc"
	for _, c := range []struct {
		name    string
		world   func(w *world)
		q       analysis.Question
		verdict analysis.CheckVerdict
		want    string
		zone    string
		check   func(t *testing.T, a analysis.Answer)
	}{
		{"Stands", acme(ours), sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", func(t *testing.T, a analysis.Answer) {
			if !a.Ownership.Target || a.Ownership.TXT {
				t.Errorf("ownership %+v", a.Ownership)
			}
		}},
		{"Absent", acme(""), sub("shop.acme.lab"), "ABSENT", "cname:PENDING record_absent", "acme.lab", nil},
		{"MixedCase", acme("ShOp 300 CNAME TOKEN.Edge.lab."), sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", nil},
		{"Doubled", acme("shop.acme.lab 300 CNAME token.edge.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_NAME wrong_name_doubled", "acme.lab",
			param("wrong_name_doubled", "observedName", "shop.acme.lab.acme.lab")},
		{"MissingDot", acme("shop 300 CNAME token.edge.lab"), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE target_missing_dot", "acme.lab",
			param("target_missing_dot", "observed", "token.edge.lab.acme.lab")},
		{"Scheme", acme("shop 300 CNAME https://token.edge.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE value_with_scheme", "acme.lab",
			param("value_with_scheme", "observed", "https://token.edge.lab")},
		{"SchemeAndMissingDot", acme("shop 300 CNAME https://token.edge.lab"), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE value_with_scheme", "acme.lab", nil},
		{"Quoted", acme(`shop 300 CNAME \"token.edge.lab\".`), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE value_quoted", "acme.lab",
			param("value_quoted", "observed", `"token.edge.lab"`)},
		{"TrailingText", acme(`shop 300 CNAME token.edge.lab\032please.`), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE value_trailing_text", "acme.lab", nil},
		{"OtherConnection", acme("shop 300 CNAME former.edge.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE target_of_other_connection", "acme.lab", nil},
		{"WrongValue", acme("shop 300 CNAME www.elsewhere.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE wrong_value", "acme.lab", nil},
		{"OldValueLivesLong", acme("shop 86400 CNAME www.elsewhere.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE wrong_value ttl_high", "acme.lab",
			param("ttl_high", "until", "2026-03-02T12:00:00Z")},
		{"ZeroTTL", acme("shop 0 CNAME token.edge.lab."), sub("shop.acme.lab"), "CORRECT", "cname:OK ttl_zero", "acme.lab", nil},
		{"AddressInstead", acme("shop 300 A 198.51.100.7"), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_TYPE wrong_type cname_collision", "acme.lab", nil},
		{"OurAddressInstead", acme("shop 300 A " + edge4), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_TYPE target_as_address cname_collision", "acme.lab", nil},
		{"MultipleCNAME", acme(ours + "\nshop 300 CNAME www.elsewhere.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:CONFLICT multiple_cname", "acme.lab", nil},
		{"CNAMEAndAddress", acme(ours + "\nshop 300 A 198.51.100.7"), sub("shop.acme.lab"), "CONFLICTING", "cname:CONFLICT cname_collision", "acme.lab", nil},
		{"Mail", acme("shop 300 MX 10 mx.acme.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:PENDING record_absent mx_lost_if_cname", "acme.lab", nil},
		{"TXTInTheWay", acme("shop 300 TXT v=spf1"), sub("shop.acme.lab"), "CONFLICTING", "cname:PENDING record_absent cname_collision", "acme.lab", nil},
		{"CNAMELoop", acme("shop 300 CNAME a\na 300 CNAME shop"), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", nil},
		{"LongCNAMEChain", acme("shop 300 CNAME c0\n" + chainOf(12)), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", nil},
		{"BehindAnotherName", acme("shop 300 CNAME a\na 300 CNAME token.edge.lab."), sub("shop.acme.lab"), "CONFLICTING", "cname:WRONG_VALUE wrong_value", "acme.lab", nil},
		{"WWWInsteadOfBare", acme("shop 300 CNAME token.edge.lab."), sub("www.shop.acme.lab"), "CONFLICTING", "cname:WRONG_NAME wrong_name_www", "acme.lab", nil},

		{"Wildcard", acme("* 300 A 198.51.100.7"), sub("shop.acme.lab"), "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard", "acme.lab", param("shadowed_by_wildcard", "wildcard", "*.acme.lab")},
		{"WildcardCNAME", acme("* 300 CNAME www.elsewhere.lab."), sub("shop.acme.lab"), "ABSENT", "cname:SHADOWED_BY_WILDCARD shadowed_by_wildcard", "acme.lab", nil},
		{"WildcardIsOurs", acme("* 300 CNAME token.edge.lab."), sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", nil},
		{"WildcardAndOwn", acme("* 300 A 198.51.100.7\n" + ours), sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", nil},
		{"WildcardCoversTheProof", acme("* 300 CNAME www.elsewhere.lab.\n" + addresses), apexQuestion("acme.lab"), "PARTIAL", "alias:FLATTENED a:OK aaaa:OK proof:SHADOWED_BY_WILDCARD ownership_unproven record_flattened shadowed_by_wildcard", "acme.lab", nil},
		{"EmptyNonTerminal", acme("a.shop 300 A 198.51.100.7"), sub("shop.acme.lab"), "ABSENT", "cname:PENDING record_absent", "acme.lab", nil},

		{"OneOfTwoHasIt", func(w *world) { acme("")(w); w.add("acme.lab", ours, n1) }, sub("shop.acme.lab"), "PARTIAL", "cname:PARTIAL record_partial", "acme.lab", func(t *testing.T, a analysis.Answer) {
			if r := a.Records[0]; r.Have != 1 || r.Of != 2 || a.Ownership.Target {
				t.Errorf("have %d of %d, ownership %v", r.Have, r.Of, a.Ownership)
			}
		}},
		{"OldValueOnOne", func(w *world) {
			acme("")(w)
			w.add("acme.lab", ours, n1)
			w.add("acme.lab", "shop 300 A 198.51.100.7", n2)
		}, sub("shop.acme.lab"), "CONFLICTING", "cname:PARTIAL record_partial cname_collision", "acme.lab", nil},
		{"OneOfTwoSilent", func(w *world) { acme(ours)(w); w.server(n2).fault = silent }, sub("shop.acme.lab"), "CORRECT", "cname:OK ns_unreachable", "acme.lab",
			func(t *testing.T, a analysis.Answer) {
				if v := a.Zone.NameServers[1]; v.Verdict != analysis.ServerTimeout || v.Serial != nil {
					t.Errorf("ns2 is %+v", v)
				}
			}},
		{"TwoOfThreeSilent", func(w *world) {
			w.zone("acme.lab", ours, n1, n2, "ns3.plain.lab")
			w.server(n2).fault, w.server("ns3.plain.lab").fault = silent, silent
		}, sub("shop.acme.lab"), "PARTIAL", "cname:PARTIAL record_partial ns_unreachable", "acme.lab", nil},
		{"AllSilent", func(w *world) { acme(ours)(w); w.server(n1).fault, w.server(n2).fault = silent, silent }, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE all_ns_unreachable", "acme.lab", nil},
		{"LameChild", func(w *world) { acme(ours)(w); w.server(n1).fault, w.server(n2).fault = lame, lame }, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", nil},
		{"OneLame", func(w *world) { acme(ours)(w); w.server(n2).fault = lame }, sub("shop.acme.lab"), "CORRECT", "cname:OK lame_delegation", "acme.lab", func(t *testing.T, a analysis.Answer) {
			if a.Findings[0].Severity != finding.Warning {
				t.Errorf("severity %s", a.Findings[0].Severity)
			}
		}},
		{"Refused", func(w *world) {
			acme(ours)(w)
			w.server(n1).fault, w.server(n2).fault = code(dns.RcodeRefused), code(dns.RcodeServerFailure)
		}, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE lame_delegation", "acme.lab", nil},
		{"ZoneNotLoaded", func(w *world) { acme(ours)(w); delete(w.server(n2).zones, "acme.lab.") }, sub("shop.acme.lab"), "CORRECT", "cname:OK lame_delegation", "acme.lab", nil},
		{"Serials", func(w *world) {
			acme(ours)(w)
			for _, rr := range pick(w.server(n2).zones["acme.lab."], "acme.lab.", dns.TypeSOA) {
				rr.(*dns.SOA).Serial = 2
			}
		}, sub("shop.acme.lab"), "CORRECT", "cname:OK serial_mismatch", "acme.lab", nil},
		{"ParentAndChildDisagree", func(w *world) { acme(ours + "\n@ 300 NS ns9.plain.lab.")(w) }, sub("shop.acme.lab"), "CORRECT", "cname:OK parent_child_ns_mismatch", "acme.lab", nil},
		{"NoAddressOfOne", func(w *world) { acme(ours)(w); w.add("lab", "acme 3600 NS gone.plain.lab.") }, sub("shop.acme.lab"), "CORRECT", "cname:OK no_ns_address parent_child_ns_mismatch", "acme.lab", nil},
		{"NoAddressAtAll", func(w *world) { w.add("lab", "acme 3600 NS gone.lab.") }, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", nil},
		{"ServersOfServersSilent", func(w *world) {
			w.zone("deep.lab", "ns1 300 A 9.9.9.9", "ns9.plain.lab")
			w.add("lab", "acme 3600 NS ns1.deep.lab.")
			w.server("ns9.plain.lab").fault = silent
		}, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE all_ns_unreachable", "acme.lab", nil},
		{"GluelessServers", func(w *world) {
			s := w.server("ns1.deep.lab")
			w.zone("deep.lab", "ns1 300 A "+s.addr.String(), "ns9.plain.lab")
			s.zones["acme.lab."] = parse(w.t, "acme.lab.", "@ 300 SOA ns1.deep.lab. h.deep.lab. 1 2 3 4 5\n@ 300 NS ns1.deep.lab.\n"+ours)
			w.add("lab", "acme 3600 NS ns1.deep.lab.")
		}, sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", nil},
		{"Loop", func(w *world) { w.add("lab", "acme 3600 NS ns.other.lab.\nother 3600 NS ns.acme.lab.") }, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE delegation_loop", "acme.lab", nil},
		{"NotRegistered", func(w *world) {}, sub("shop.acme.lab"), "ABSENT", "cname:UNVERIFIABLE not_registered", "", func(t *testing.T, a analysis.Answer) {
			if a.Registered || a.Findings[0].Params["domain"] != "acme.lab" {
				t.Errorf("registered %v, %v", a.Registered, a.Findings[0].Params)
			}
		}},
		{"RegistryKnowsItWithoutAZone", func(w *world) { w.add("lab", "acme 300 A 198.51.100.7") }, sub("shop.acme.lab"), "ABSENT", "cname:PENDING record_absent", "lab", nil},

		{"TwoLabelSuffix", func(w *world) { w.zone("shop.co.lab", "www 300 CNAME token.edge.lab.", n1, n2) },
			with(sub("www.shop.co.lab"), func(q *analysis.Question) { q.Registrable = "shop.co.lab" }), "CORRECT", "cname:OK", "shop.co.lab", nil},
		{"PrivateSuffix", func(w *world) {
			w.zone("pages.lab", "", n1)
			w.zone("me.pages.lab", "www 300 CNAME token.edge.lab.", n2)
		},
			with(sub("www.me.pages.lab"), func(q *analysis.Question) { q.Registrable = "me.pages.lab" }), "CORRECT", "cname:OK", "me.pages.lab", nil},
		{"DeepSubzone", func(w *world) { acme("")(w); w.zone("eu.acme.lab", "a.b 300 CNAME token.edge.lab.", "ns1.eu.acme.lab") }, sub("a.b.eu.acme.lab"), "CORRECT", "cname:OK subzone", "eu.acme.lab", nil},
		{"SubzoneOnTheSameServers", func(w *world) { acme("")(w); w.zone("eu.acme.lab", "shop 300 CNAME token.edge.lab.", n1, n2) }, sub("shop.eu.acme.lab"), "CORRECT", "cname:OK subzone", "eu.acme.lab", nil},
		{"OneServerForRegistryAndZone", func(w *world) { w.zone("acme.lab", ours, "ns1.nic.lab", "ns2.nic.lab") }, sub("shop.acme.lab"), "CORRECT", "cname:OK", "acme.lab", nil},
		{"NSBelow", func(w *world) { acme("")(w); w.zone("shop.acme.lab", "", "ns1.elsewhere.lab") }, sub("shop.acme.lab"), "CONFLICTING", "cname:PENDING record_absent subzone ns_below", "shop.acme.lab", nil},
		{"NSBelowTheHost", func(w *world) { acme(addresses)(w); w.zone("_nameplate.acme.lab", "", "ns1.elsewhere.lab") }, apexQuestion("acme.lab"), "CONFLICTING", "alias:FLATTENED a:OK aaaa:OK proof:CONFLICT ns_below ownership_unproven record_flattened", "acme.lab", nil},

		{"Apex", acme(addresses + proof), apexQuestion("acme.lab"), "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened", "acme.lab", func(t *testing.T, a analysis.Answer) {
			if !a.Ownership.TXT || !a.Apex.Flattened {
				t.Errorf("ownership %+v, apex %+v", a.Ownership, a.Apex)
			}
		}},
		{"ApexFlattenedToASubset", acme("@ 300 A " + edge4 + proof), apexQuestion("acme.lab"), "CORRECT", "alias:FLATTENED a:OK aaaa:PENDING proof:OK record_flattened", "acme.lab", nil},
		{"ApexWithoutProof", acme(addresses), apexQuestion("acme.lab"), "PARTIAL", "alias:FLATTENED a:OK aaaa:OK proof:PENDING record_absent record_flattened ownership_unproven", "acme.lab", nil},
		{"ApexEmpty", acme(""), apexQuestion("acme.lab"), "ABSENT", "alias:PENDING a:PENDING aaaa:PENDING proof:PENDING record_absent record_absent", "acme.lab", nil},
		{"ApexForeign", acme("@ 300 A 198.51.100.7" + proof), apexQuestion("acme.lab"), "CONFLICTING", "alias:CONFLICT a:WRONG_VALUE aaaa:PENDING proof:OK foreign_address wrong_value record_absent", "acme.lab", nil},
		{"ApexOursAndForeign", acme(addresses + "\n@ 300 A 198.51.100.7" + proof), apexQuestion("acme.lab"), "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:OK proof:OK foreign_address", "acme.lab", nil},
		{"StaleAAAA", acme("@ 300 A " + edge4 + "\n@ 300 AAAA 2001:db8::7" + proof), apexQuestion("acme.lab"), "CONFLICTING", "alias:CONFLICT a:OK aaaa:CONFLICT proof:OK stale_aaaa", "acme.lab", nil},
		{"ApexCNAME", acme("@ 300 CNAME token.edge.lab." + proof), apexQuestion("acme.lab"), "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:CONFLICT proof:OK illegal_apex_cname", "acme.lab", func(t *testing.T, a analysis.Answer) {
			if c := a.Conflicts[0]; c.Kind != finding.IllegalApexCNAME || c.Severity != finding.Blocking {
				t.Errorf("conflict %+v", c)
			}
		}},
		{"ApexAtWWW", acme("www 300 A " + edge4 + proof), apexQuestion("acme.lab"), "CONFLICTING", "alias:WRONG_NAME a:WRONG_NAME aaaa:PENDING proof:OK wrong_name_www record_absent", "acme.lab", nil},
		{"ApexHTTPSRecord", acme(addresses + proof + "\n@ 300 HTTPS 1 cdn.elsewhere.lab."), apexQuestion("acme.lab"), "CORRECT", "alias:FLATTENED a:OK aaaa:OK proof:OK record_flattened https_rr_conflict", "acme.lab", nil},

		{"TXTStands", acme(ours + "\n_nameplate.shop 300 TXT \"v=other\"\n_nameplate.shop 300 TXT np-ver ify=abc"), withTXT(sub("shop.acme.lab")), "CORRECT", "cname:OK proof:OK", "acme.lab", nil},
		{"TXTWrong", acme(ours + "\n_nameplate.shop 300 TXT np-verify=other"), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_VALUE ownership_txt_wrong", "acme.lab", nil},
		{"TXTQuoted", acme(ours + `` + "\n_nameplate.shop 300 TXT \"\\\"np-verify=abc\\\"\""), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_VALUE value_quoted", "acme.lab", nil},
		{"TXTTrailing", acme(ours + "\n_nameplate.shop 300 TXT \"np-verify=abc 300\""), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_VALUE value_trailing_text", "acme.lab", nil},
		{"TXTWithoutUnderscore", acme(ours + "\nnameplate.shop 300 TXT np-verify=abc"), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_NAME wrong_name_prefix", "acme.lab",
			param("wrong_name_prefix", "observedName", "nameplate.shop.acme.lab")},
		{"TXTDoubled", acme(ours + "\n_nameplate.shop.acme.lab 300 TXT np-verify=abc"), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_NAME wrong_name_doubled", "acme.lab", nil},
		{"CNAMEInsteadOfTXT", acme(ours + "\n_nameplate.shop 300 CNAME token.edge.lab."), withTXT(sub("shop.acme.lab")), "CONFLICTING", "cname:OK proof:WRONG_TYPE wrong_type", "acme.lab", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.world(w)
			a := w.analyze(c.q)
			var got []string
			for _, r := range a.Records {
				got = append(got, r.Key+":"+r.Status)
			}
			got = append(got, codes(a)...)
			want := strings.Fields(c.want)
			if slices.Sort(want); !slices.Equal(want, sorted(got)) || a.Verdict != c.verdict {
				t.Errorf("verdict %s, want %s\n got %v\nwant %v", a.Verdict, c.verdict, sorted(got), want)
			}
			if zone := zoneOf(a); zone != c.zone {
				t.Errorf("zone %q, want %q", zone, c.zone)
			}
			if a.Questions > 60 {
				t.Errorf("%d questions", a.Questions)
			}
			for _, f := range a.Findings {
				spec, _ := finding.Lookup(f.Code)
				for name := range f.Params {
					if !slices.Contains(spec.Names(), name) {
						t.Errorf("%s has a detail %s that its sentence does not know (%s)", f.Code, name, spec.Params)
					}
				}
			}
			if c.check != nil && !t.Failed() {
				c.check(t, a)
			}
		})
	}
}

func acme(lines string) func(w *world) {
	return func(w *world) { w.zone("acme.lab", lines, n1, n2) }
}

func with(q analysis.Question, change func(*analysis.Question)) analysis.Question {
	change(&q)
	return q
}

func chainOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "c%d 300 CNAME c%d\n", i, i+1)
	}
	return b.String()
}

func param(code, name, want string) func(t *testing.T, a analysis.Answer) {
	return func(t *testing.T, a analysis.Answer) {
		for _, f := range a.Findings {
			if f.Code == code && f.Params[name] == want {
				return
			}
		}
		t.Errorf("no %s with %s = %s in %+v", code, name, want, a.Findings)
	}
}

func zoneOf(a analysis.Answer) string {
	if a.Zone == nil {
		return ""
	}
	return a.Zone.Apex
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
