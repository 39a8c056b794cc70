package zoo

import (
	"fmt"
	"slices"
	"strings"
)

// Shape is one zone of the wild: how to build it, what is asked about it, and the truth.
type Shape struct {
	Name      string
	Make      func(*World)
	Ask       Ask
	Verdict   string // of the analysis: ABSENT PARTIAL CONFLICTING CORRECT COULD_NOT_ASK
	Says      string // every finding, and of every record key:STATUS, in any order
	Zone      string // that answers for the name; "" when none was found
	Provider  string // slug of the lab's catalogue
	Questions int    // at most
	Facts     string // what else is true, separated by semicolons: a finding's detail as code.detail=value, see the engine's test for the others
}

// Ask is the question about a shape.
type Ask struct {
	Host        string
	Registrable string
	Records     string // wanted: cname alias a aaaa at the host, proof for the ownership TXT, challenge for the CNAME of a CA's challenges; spf dkim dmarc mx for mail
	Wildcard    bool
	Probe       bool   // ask who answers at the name
	Former      string // servers that answered for the zone before
}

// N1, N2 and N3 are the servers of the provider that most shapes are at.
const N1, N2, N3 = "ns1.plain-dns.lab", "ns2.plain-dns.lab", "ns3.plain-dns.lab"

// Shapes lists the zoo.
func Shapes() []Shape {
	return slices.Concat(healthy, hosts, records, apexes, servers, delegations, liars, security, issuers, sites, mails, endless)
}

var (
	shop      = Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname"}
	shopProof = Ask{Host: "shop.acme.lab", Registrable: "acme.lab", Records: "cname proof"}
	apex      = Ask{Host: "acme.lab", Registrable: "acme.lab", Records: "alias a aaaa proof"}
)

// What stands in a zone when all is well.
const (
	ours      = "shop 300 CNAME token.edge.lab."
	addresses = "@ 300 A " + Edge4 + "\n@ 300 AAAA " + Edge6
	proof     = "\n_nameplate 300 TXT np-verify=abc"
)

// acme is a zone on two servers of one provider.
func acme(lines string) func(*World) {
	return func(w *World) { w.Zone("acme.lab", lines, N1, N2) }
}

// lying is the zone acme, as it should be, with servers that lie.
func lying(l Lie, servers ...string) func(*World) {
	return func(w *World) {
		acme(ours)(w)
		w.tell(l, servers)
	}
}

// tell makes the servers named lie, or both of acme's.
func (w *World) tell(l Lie, servers []string) {
	if len(servers) == 0 {
		servers = []string{N1, N2}
	}
	w.Lie(l, servers...)
}

// chain is a row of n CNAMEs that ends at our target.
func chain(n int) string {
	var b strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&b, "c%d 300 CNAME c%d\n", i, i+1)
	}
	fmt.Fprintf(&b, "c%d 300 CNAME token.edge.lab.\n", n-1)
	return b.String()
}

// at asks about another host with the registrable domain it has.
func at(host, registrable, wanted string) Ask {
	return Ask{Host: host, Registrable: registrable, Records: wanted}
}
