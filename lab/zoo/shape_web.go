package zoo

import "net/http"

var (
	shopWeb      = Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname", Probe: true}
	shopProofWeb = Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname proof", Probe: true}
	apexWeb      = Ask{Host: "acme.lab", Registrable: "acme.lab", Records: "alias a aaaa proof", Probe: true}
)

// served is acme with lines, our edge, and somebody at another address.
func served(lines, addr string, h http.Handler) func(*World) {
	return func(w *World) {
		acme(lines)(w)
		w.Web(Edge4, edge(false, false), "shop.acme.lab", "acme.lab")
		w.Web(Edge6, edge(false, false), "shop.acme.lab", "acme.lab")
		if h != nil {
			w.Web(addr, h, "shop.acme.lab", "acme.lab")
		}
	}
}

const shopTXT = "\n_nameplate.shop 300 TXT np-verify=abc"

// sites are shapes of who answers at a name, over http and https.
var sites = []Shape{
	{"EdgeAnswers", served(ours, "", nil), shopWeb, "CORRECT", "cname:OK", "acme.lab", "plain", 45, "probes=OK OK OK OK"},
	{"ProxiedFully", served("shop 300 A "+Proxy+shopTXT, Proxy, edge(true, false)), shopProofWeb, "CORRECT", "cname:FLATTENED proof:OK proxied", "acme.lab", "plain", 37, "probes=VIA_PROXY VIA_PROXY"},
	{"ProxiedFlexibly", served("shop 300 A "+Proxy+shopTXT, Proxy, edge(true, true)), shopProofWeb, "CORRECT", "cname:FLATTENED proof:OK proxied redirect_loop_risk", "acme.lab", "plain", 37, "probes=VIA_PROXY LOOP_RISK"},
	{"ProxiedWithoutProof", served("shop 300 A "+Proxy, Proxy, edge(true, false)), shopProofWeb, "PARTIAL", "cname:FLATTENED proof:PENDING proxied record_absent ownership_unproven", "acme.lab", "plain", 39, "ownership="},
	{"ProxiedBeforeAnybodyAsks", served("shop 300 A "+Proxy+shopTXT, Proxy, edge(true, false)), shopProof, "CORRECT", "cname:FLATTENED proof:OK proxied", "acme.lab", "plain", 37, "probes=VIA_PROXY"},
	{"ProxiedApexBeforeAnybodyAsks", served("@ 300 A "+Proxy+proof, Proxy, edge(true, false)), apex, "CORRECT", "alias:FLATTENED a:WRONG_VALUE aaaa:PENDING proof:OK proxied", "acme.lab", "plain", 38, "probes=VIA_PROXY"},
	{"StrangerBeforeAnybodyAsks", served("shop 300 A "+Foreign+shopTXT, Foreign, http.HandlerFunc(stranger)), shopProof, "CONFLICTING", "cname:WRONG_TYPE proof:OK wrong_type cname_collision", "acme.lab", "plain", 37, "ownership=txt"},
	{"ProxiedApex", served("@ 300 A "+Proxy+proof, Proxy, edge(true, false)), apexWeb, "CORRECT", "alias:FLATTENED a:WRONG_VALUE aaaa:PENDING proof:OK proxied", "acme.lab", "plain", 38, ""},
	{"ProxyToSomebodyElse", served("shop 300 A "+Proxy, Proxy, http.HandlerFunc(stranger)), shopWeb, "CONFLICTING", "cname:WRONG_TYPE wrong_type cname_collision", "acme.lab", "plain", 35, ""},
	{"RedirectService", served("shop 300 A "+Foreign, Foreign, http.HandlerFunc(elsewhere)), shopWeb, "CONFLICTING", "cname:WRONG_TYPE wrong_type cname_collision redirect_service", "acme.lab", "plain", 35, "redirect_service.location=https://www.elsewhere.lab/"},
	{"ForeignAddressAnswersToo", served(addresses+"\n@ 300 A "+Foreign+proof, Foreign, http.HandlerFunc(stranger)), apexWeb, "CONFLICTING", "alias:CONFLICT a:CONFLICT aaaa:OK proof:OK foreign_address", "acme.lab", "plain", 36, ""},
}
