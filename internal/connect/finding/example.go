package finding

// examples stand in for details when a code is explained without a case at hand. All names are reserved for
// documentation (RFC 2606, RFC 5737, RFC 3849).
var examples = map[string]any{
	"length": 300, "limit": 253, "label": "a-very-long-word", "name": "shop.example.com", "character": "!", "address": "192.0.2.10", "tld": "test",
	"suffix": "co.uk", "zone": "example.com", "suggestion": "www.example.com", "ascii": "xn--shp-3na.example.com", "scripts": []string{"Cyrillic", "Latin"},
	"domain": "example.com", "service": "Sedo", "servers": []string{"ns1.example.net", "ns2.example.net"}, "rcode": "REFUSED", "k": 1, "n": 2,
	"parent": []string{"ns1.example.net", "ns2.example.net"}, "child": []string{"ns1.example.org", "ns2.example.org"}, "serials": []int64{41, 42},
	"providers": []string{"Gandi", "Hetzner"}, "provider": "Gandi", "other": "Hetzner", "at": "2030-01-01T12:00:00Z", "until": "2030-01-01T12:00:00Z",
	"type": "CNAME", "desiredType": "TXT", "types": []string{"A", "TXT"}, "have": 1, "of": 2, "observed": "old.example.net", "desired": "token.edge.example",
	"observedName": "shop.example.com.example.com", "host": "shop", "addresses": []string{"192.0.2.10"}, "chain": []string{"a.example.com", "b.example.com", "a.example.com"},
	"wildcard": "*.example.com", "values": []string{"a.example.net", "b.example.net"}, "before": "token.edge.example", "now": "old.example.net",
	"options": []string{"www.example.com", "A + AAAA"}, "used": 10, "record": `TXT _nameplate.example.com "np-verify=…"`, "location": "https://www.example.net/",
	"detail": "…", "status": 502, "allowed": []string{"ca.example.net"}, "addAt": "shop.example.com", "methods": []string{"dns-01"}, "tag": "future",
	"ca": "Let's Encrypt", "caDetail": "connection refused", "daysLeft": 9, "origin": "https://www.example.com", "count": 12, "selector": "np1",
}

// particular examples, where the general one would not show what the code is about.
var particular = map[string]map[string]any{
	HostnameTypo:             {"name": "shop.example.con", "suggestion": "shop.example.com"},
	HostnameConfusable:       {"name": "shоp.example.com"},
	HostnameSingleLabel:      {"name": "shop"},
	HostnameUnderscore:       {"name": "my_shop.example.com"},
	LabelEmpty:               {"name": "shop..example.com"},
	LabelTooLong:             {"length": 70, "limit": 63},
	WildcardPosition:         {"name": "shop.*.example.com"},
	HostnameOwnZone:          {"zone": "edge.example"},
	WrongNamePrefix:          {"observedName": "nameplate.example.com", "name": "_nameplate.example.com", "host": "_nameplate"},
	WrongNameWWW:             {"observedName": "www.example.com", "name": "example.com", "host": "@"},
	ValueWithScheme:          {"observed": "https://token.edge.example/"},
	ValueQuoted:              {"observed": `"token.edge.example"`},
	ValueTrailingText:        {"observed": "token.edge.example ttl 300"},
	TargetMissingDot:         {"observed": "token.edge.example.example.com"},
	TargetOfOtherConnection:  {"observed": "other.edge.example"},
	OwnershipTXTWrong:        {"observed": "np-verify=old"},
	IPv6Unreachable:          {"address": "2001:db8::10"},
	StaleAAAA:                {"addresses": []string{"2001:db8::10"}},
	IllegalApexCNAME:         {"name": "example.com"},
	ApexUnsupported:          {"name": "example.com"},
	MXLostIfCNAME:            {"name": "example.com"},
	PlanLimit:                {"limit": 10},
	CAAAccountMismatch:       {"observed": "https://ca.example.net/acct/1", "record": `0 issue "ca.example.net"`},
	CAAForbidden:             {"record": `0 issue "ca.example.org"`},
	CAAWildcardForbidden:     {"record": `0 issuewild "ca.example.org"`},
	CAAMethodMismatch:        {"record": `0 issue "ca.example.net"`},
	ACMEChallengeTXTAndCNAME: {"name": "_acme-challenge.shop.example.com"},
	CAALookupFailure:         {"rcode": "SERVFAIL"},
	SPFMissing:               {"name": "example.com", "record": `example.com TXT "v=spf1 mx include:spf.edge.example -all"`},
	SPFMultiple:              {"name": "example.com", "values": []string{"v=spf1 mx -all", "v=spf1 include:spf.edge.example ~all"}, "record": `example.com TXT "v=spf1 mx include:spf.edge.example -all"`},
	SPFLookupLimit:           {"name": "example.com", "limit": 10},
	SPFVoidLookups:           {"name": "example.com", "count": 3},
	SPFSyntax:                {"name": "example.com", "observed": "v=spf1 inclde:spf.edge.example -all", "detail": `"inclde:spf.edge.example" is no mechanism`},
	DKIMMissing:              {"name": "np1._domainkey.example.com", "record": `np1._domainkey.example.com TXT "v=DKIM1; p=MIIB…"`},
	DKIMMismatch:             {"name": "np1._domainkey.example.com", "record": `np1._domainkey.example.com TXT "v=DKIM1; p=MIIB…"`},
	DMARCMissing:             {"name": "_dmarc.example.com", "record": `_dmarc.example.com TXT "v=DMARC1; p=none"`},
	DMARCInvalid:             {"name": "_dmarc.example.com", "observed": "v=DMARC1; p=maybe", "detail": "p is none, quarantine or reject"},
	MXForeign:                {"name": "example.com", "values": []string{"10 mail.example.net"}, "desired": "10 in.edge.example"},
}

func example(s Spec) map[string]any {
	out := map[string]any{}
	for _, name := range s.Names() {
		out[name] = examples[name]
		if own, ok := particular[s.Code][name]; ok {
			out[name] = own
		}
	}
	return out
}
