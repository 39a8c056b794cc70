package provider

import (
	"slices"
	"strings"
)

// EvidenceKind is where a conclusion comes from.
type EvidenceKind string

const (
	EvidenceDomainConnect EvidenceKind = "DOMAIN_CONNECT"
	EvidenceNSSuffix      EvidenceKind = "NS_SUFFIX"
	EvidenceNSPartial     EvidenceKind = "NS_PARTIAL"
	EvidenceSOA           EvidenceKind = "SOA"
	EvidenceNSAddress     EvidenceKind = "NS_ADDRESS"
	EvidenceRegistrar     EvidenceKind = "REGISTRAR"
	EvidenceUser          EvidenceKind = "USER"
)

// How much each kind of evidence counts alone; together they count 1 − Π(1 − w).
const (
	weightOffer  = 0.95
	weightNSAll  = 0.9
	weightNSSome = 0.5
	weightSOA    = 0.4
)

// Evidence is what a zone says about who runs it.
type Evidence struct {
	NameServers        []string // names of the delegated servers
	SOAMName, SOARName string   // as in the zone: "ns1.x.com.", "hostmaster.x.com."
	Offer              *Offer   // nil: the zone names no service of Domain Connect that knows it
}

// Offer is what a provider's service of Domain Connect said of a zone just now.
type Offer struct {
	Provider *Provider
	Service  string // as the zone names it
	Support  DomainConnectSupport
}

// ProviderEvidence is one thing that speaks for a provider.
type ProviderEvidence struct {
	Kind   EvidenceKind `json:"kind"`
	Value  string       `json:"value"`
	Weight float64      `json:"weight"`
}

// ProviderMatch is what the evidence comes to. Provider is nil where nothing matched.
type ProviderMatch struct {
	Provider   *Provider
	Confidence float64
	Evidence   []ProviderEvidence
	// DomainConnect is what Provider offers for this zone; nil when it was not asked, or offers nothing.
	DomainConnect *DomainConnectSupport
	// Mixed: some of the name servers are not the provider's.
	Mixed bool
	// Others are the further providers whose servers answer for the domain, by share; of interest when Mixed.
	Others []*Provider
	// Alternatives share their name servers with Provider, and nothing told them apart.
	Alternatives []*Provider
}

// Detect concludes from the evidence. It never fails: an unknown provider is a match without one.
func (c *Catalogue) Detect(e Evidence) ProviderMatch {
	servers := make([]string, 0, len(e.NameServers))
	for _, s := range e.NameServers {
		if s = canonical(s); s != "" && !slices.Contains(servers, s) {
			servers = append(servers, s)
		}
	}
	owners := make([][]*Provider, len(servers))
	for i, s := range servers {
		owners[i] = c.ownersOf(s)
	}
	var found []ProviderMatch
	for _, p := range c.rows {
		if m := p.weigh(servers, owners, e); m.Provider != nil {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b ProviderMatch) int {
		switch {
		case a.Confidence > b.Confidence:
			return -1
		case a.Confidence < b.Confidence:
			return 1
		}
		return strings.Compare(a.Provider.Slug, b.Provider.Slug)
	})
	if len(found) == 0 {
		return ProviderMatch{Evidence: []ProviderEvidence{}}
	}
	best := found[0]
	for _, m := range found[1:] {
		shares := slices.Contains(c.shares[best.Provider.Slug], m.Provider.Slug)
		switch {
		case shares && m.Confidence == best.Confidence:
			best.Alternatives = append(best.Alternatives, m.Provider)
		case !shares && best.Mixed && hasServers(m):
			best.Others = append(best.Others, m.Provider)
		}
	}
	best.Confidence = min(best.Confidence, best.Provider.Confidence)
	if e.Offer != nil && e.Offer.Provider == best.Provider {
		best.DomainConnect = &e.Offer.Support
	}
	return best
}

func hasServers(m ProviderMatch) bool {
	return slices.ContainsFunc(m.Evidence, func(e ProviderEvidence) bool { return e.Kind == EvidenceNSPartial || e.Kind == EvidenceNSSuffix })
}

// weigh collects what speaks for p. The SOA alone is enough to be found by, at its own low weight: that is how
// name servers under a customer's own name are seen through.
func (p *Provider) weigh(servers []string, owners [][]*Provider, e Evidence) (m ProviderMatch) {
	var mine []string
	for i, s := range servers {
		if slices.Contains(owners[i], p) {
			mine = append(mine, s)
		}
	}
	m.Evidence = []ProviderEvidence{}
	if e.Offer != nil && e.Offer.Provider == p {
		m.Evidence = append(m.Evidence, ProviderEvidence{EvidenceDomainConnect, e.Offer.Service, weightOffer})
	}
	value := strings.Join(mine, " ")
	switch {
	case len(mine) == 0:
	case len(mine) == len(servers):
		m.Evidence = append(m.Evidence, ProviderEvidence{EvidenceNSSuffix, value, weightNSAll})
	default:
		m.Evidence = append(m.Evidence, ProviderEvidence{EvidenceNSPartial, value, weightNSSome})
		m.Mixed = true
	}
	rname, mname := canonical(e.SOARName), canonical(e.SOAMName)
	switch {
	case p.answersMail(rname):
		m.Evidence = append(m.Evidence, ProviderEvidence{EvidenceSOA, rname, weightSOA})
	case len(mine) == 0 && mname != "" && p.claim(mname) > 0: // else it repeats what the name servers said
		m.Evidence = append(m.Evidence, ProviderEvidence{EvidenceSOA, mname, weightSOA})
	}
	if len(m.Evidence) == 0 {
		return ProviderMatch{}
	}
	left := 1.0
	for _, one := range m.Evidence {
		left *= 1 - one.Weight
	}
	m.Provider, m.Confidence = p, 1-left
	return m
}

// ownersOf are the providers that claim a name server most particularly: several only where they share it.
func (c *Catalogue) ownersOf(server string) []*Provider {
	best, owners := 0, []*Provider(nil)
	for _, p := range c.rows {
		w := p.claim(server)
		shares := len(owners) > 0 && slices.Contains(c.shares[p.Slug], owners[0].Slug)
		switch {
		case w == 0:
		case shares:
			owners = append(owners, p)
		case w > best:
			best, owners = w, []*Provider{p}
		}
	}
	return owners
}

// claim is 0 where the server is not p's, else how particular the rule is that says so.
func (p *Provider) claim(server string) int {
	best := 0
	for _, s := range p.nsSuffixes {
		if server == s || strings.HasSuffix(server, "."+s) {
			best = max(best, len(s))
		}
	}
	for _, n := range p.nsPatterns {
		if n.re.MatchString(server) {
			best = max(best, n.weight)
		}
	}
	return best
}

// answersMail: the mailbox in the SOA (RFC 1035 section 3.3.13, as a name) is the provider's.
func (p *Provider) answersMail(rname string) bool {
	return slices.ContainsFunc(p.soa, func(s string) bool { return rname == s || strings.HasSuffix(rname, "."+s) })
}

// ByDomainConnect is the provider that a host of a Domain Connect service belongs to, or nil.
func (c *Catalogue) ByDomainConnect(host string) *Provider {
	for _, p := range c.rows {
		if slices.Contains(p.connectHosts, host) {
			return p
		}
	}
	return nil
}

func canonical(name string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
}
