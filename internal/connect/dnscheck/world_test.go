package dnscheck

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// world is the zoo's small DNS, with the engine that looks at it.
type world struct {
	*zoo.World
	t *testing.T
}

func newWorld(t *testing.T) *world { return &world{zoo.Open(t), t} }

// acme is a zone on two servers of one provider.
func (w *world) acme(lines string) { w.Zone("acme.lab", lines, zoo.N1, zoo.N2) }

func (w *world) engine() *Engine {
	return &Engine{
		Settings: Settings{
			RootHints: []Hint{{Name: "a.root.lab", Addresses: w.Root().Addrs}}, TrustAnchors: []*dns.DS{w.Anchor()}, AddressMap: w.Places(), EdgeZone: "edge.lab",
			Timeout: 300 * time.Millisecond, InteractiveTimeout: 300 * time.Millisecond, PerServerQPS: 10_000, Burst: 10_000,
			EdgeV4: []netip.Addr{netip.MustParseAddr(zoo.Edge4)}, EdgeV6: []netip.Addr{netip.MustParseAddr(zoo.Edge6)},
			ProbeMap: w.WebPlaces(), ProbeRoots: w.Roots(),
		},
		Now: w.Now, Nonce: func(string) []string { return []string{zoo.Nonce} },
	}
}

func (w *world) analyze(q analysis.Question) analysis.Answer {
	w.t.Helper()
	a, err := w.engine().Analyze(w.t.Context(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// wanted is the record that a shape asks for under a word.
func wanted(word, host, owner string) analysis.Expected {
	x := analysis.Expected{Key: word, FQDN: owner, Purpose: "ROUTING", Requirement: "REQUIRED"}
	switch word {
	case "cname":
		x.Type, x.Value = "CNAME", zoo.Target
	case "alias":
		x.Type, x.Value = "ALIAS", zoo.Target
	case "a":
		x.Type, x.Value = "A", zoo.Edge4
	case "aaaa":
		x.Type, x.Value = "AAAA", zoo.Edge6
	case "spf":
		x.Type, x.Value, x.Purpose = "SPF_MERGE", zoo.Senders, "SPF"
	case "dkim":
		x.Type, x.FQDN, x.Value, x.Purpose = "TXT", "np1._domainkey."+host, zoo.Key, "DKIM"
	case "dmarc":
		x.Type, x.FQDN, x.Value, x.Purpose = "TXT", "_dmarc."+host, zoo.Policy, "DMARC"
	case "mx":
		x.Type, x.Value, x.Purpose = "MX", zoo.Mailer, "MX"
	case "challenge":
		x.Type, x.FQDN, x.Value, x.Purpose = "CNAME", "_acme-challenge."+host, "token.acme.edge.lab", "ACME_DELEGATION"
	case "proof":
		x.Type, x.FQDN, x.Value, x.Purpose = "TXT", "_nameplate."+host, "np-verify=abc", "OWNERSHIP"
	}
	return x
}

// question puts what a shape asks into the engine's words.
func question(ask zoo.Ask) analysis.Question {
	q := analysis.Question{
		Hostname: ask.Host, Registrable: ask.Registrable, Wildcard: ask.Wildcard, Apex: strings.Contains(ask.Records, "alias"),
		Target: zoo.Target, EdgeZone: "edge.lab", Interactive: true,
	}
	for _, name := range strings.Fields(ask.Former) {
		if q.Zone == nil {
			q.Zone = &analysis.ZoneView{Apex: ask.Registrable}
		}
		q.Zone.NameServers = append(q.Zone.NameServers, analysis.NameServer{Name: name})
	}
	q.Probe = analysis.ProbeWanted{HTTP: ask.Probe, HTTPS: ask.Probe}
	owner := ask.Host
	if ask.Wildcard {
		owner = "*." + owner
	}
	for _, word := range strings.Fields(ask.Records) {
		word, optional := strings.CutSuffix(word, "?")
		x := wanted(word, ask.Host, owner)
		if optional {
			x.Requirement = "OPTIONAL"
		}
		if q.Apex && word != "proof" {
			x.Requirement, x.Group = "ONE_OF", "apex"
		}
		if word == "proof" {
			q.Verification = x.Value
		}
		q.Expected = append(q.Expected, x)
	}
	return q
}

func sub(host string) analysis.Question {
	return question(zoo.Ask{Host: host, Registrable: "acme.lab", Records: "cname"})
}

func withTXT(q analysis.Question) analysis.Question {
	q.Verification = "np-verify=abc"
	q.Expected = append(q.Expected, wanted("proof", q.Hostname, ""))
	return q
}

func apexQuestion(host string) analysis.Question {
	return question(zoo.Ask{Host: host, Registrable: host, Records: "alias a aaaa proof"})
}

func codes(a analysis.Answer) []string {
	out := []string{}
	for _, f := range a.Findings {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return out
}

func zoneOf(a analysis.Answer) string {
	if a.Zone == nil {
		return ""
	}
	return a.Zone.Apex
}

var mainCA, secondCA = caa.CA{Name: "main", Identities: []string{"ca.lab"}, AccountURI: "https://ca.lab/acct/1"}, caa.CA{Name: "second", Identities: []string{"ca2.lab"}}
