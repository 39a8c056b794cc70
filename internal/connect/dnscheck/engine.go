// Package dnscheck finds out what the DNS of a name says: which zone answers for it, which servers, what every one of them has of the
// records that should stand there, what is in the way, who runs the zone, whether a certificate may be issued, and when the rest of the
// world will see it.
//
// It asks the authoritative servers, from the root down, and judges by their answers alone. Recursive resolvers are asked last, only for
// the ETA, and never about a name that the authorities do not have yet: such a question would put the absence into their caches and hide
// the record for as long as the zone's negative TTL says. That our side could not ask is never reported as the customer's failure.
//
// The engine is pure: no database, no ledger. An analysis is bounded in time and questions; what it could not find out in its budget it
// says, with the finding analysis_incomplete.
package dnscheck

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/dnssec"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// Engine analyses names. One serves a whole process: its limits per server address hold over everything it does, and it remembers
// delegations. Analyze may be called at the same time.
type Engine struct {
	Settings  Settings
	Catalogue *provider.Catalogue
	Now       func() time.Time           // the product's clock; nil: time.Now
	Nonce     func(host string) []string // what our edge may answer to the probe of a host; the first is asked for. nil: no probes
	// Offer asks a zone's Domain Connect service (the text of its TXT at _domainconnect) what it offers; nil when nothing is asked.
	Offer func(ctx context.Context, domain, service string) *provider.Offer
	CAs   func() []caa.CA // who we can order certificates from, in order, with our accounts as they are now. nil: CAA is not read

	once sync.Once
	tree tree.Tree
	ring dnssec.Ring
}

// Settings says where the DNS begins and how we behave in it. The zero value is the public internet.
type Settings struct {
	RootHints          []Hint    // default: the root servers of IANA
	TrustAnchors       []*dns.DS // of the root, see TrustAnchor; default IANA's. A root of RootHints without anchors is trusted as it answers
	Port               int       // of every authoritative server; default 53
	Resolvers          []Resolver
	AllowPrivate       bool                              // the lab: also ask loopback and private addresses
	AddressMap         map[netip.Addr]netip.AddrPort     // the lab: where a name server's address really is
	Timeout            time.Duration                     // for one question; default 1.5 s
	InteractiveTimeout time.Duration                     // when a person waits; default 0.8 s
	PerServerQPS       int                               // questions a second to one server address; default 20
	Burst              int                               // default 50
	PerZoneQPS         int                               // questions a second to all servers of a customer's zone; default 100
	ZoneBurst          int                               // default 300, more than one analysis may ask
	ProbeHTTPPort      int                               // default 80
	ProbeHTTPSPort     int                               // default 443
	ProbeMap           map[netip.AddrPort]netip.AddrPort // tests: where a web server really is; when it is not nil there are no others
	ProbeRoots         *x509.CertPool                    // whom the HTTPS probe trusts; nil: the system's
	EdgeV4, EdgeV6     []netip.Addr                      // addresses of our edge
	EdgeZone           string                            // zone of the connections' targets
}

// Hint is one root server.
type Hint = tree.Hint

// Resolver is a recursive resolver whose view is shown, and from which the ETA is taken.
type Resolver struct {
	Name    string
	Address netip.AddrPort
	Region  string // "" when it has none
}

// TrustAnchor reads a key of the root from text: key tag, algorithm, digest type and digest.
func TrustAnchor(text string) (*dns.DS, error) { return dnssec.ParseAnchor(text) }

func (s *Settings) timeout(urgent bool) time.Duration {
	if urgent {
		return cmp.Or(s.InteractiveTimeout, 800*time.Millisecond)
	}
	return cmp.Or(s.Timeout, 1500*time.Millisecond)
}

// anchors are what the root's keys have to fit; nil when the root is not IANA's and nobody vouches for it.
func (s *Settings) anchors() []*dns.DS {
	if len(s.TrustAnchors) > 0 || len(s.RootHints) > 0 {
		return s.TrustAnchors
	}
	return dnssec.IANA
}

func (e *Engine) begin(host string, q *analysis.Question) *tree.Session {
	e.once.Do(func() {
		s := &e.Settings
		e.tree.Hints, e.tree.Port, e.tree.Now = s.RootHints, cmp.Or(s.Port, 53), e.now
		e.tree.Client = &wire.Client{
			AllowPrivate: s.AllowPrivate, AddressMap: s.AddressMap,
			Limit:     wire.Limiter[netip.Addr]{PerSecond: cmp.Or(s.PerServerQPS, 20), Burst: cmp.Or(s.Burst, 50)},
			ZoneLimit: wire.Limiter[string]{PerSecond: cmp.Or(s.PerZoneQPS, 100), Burst: cmp.Or(s.ZoneBurst, 300)},
		}
	})
	return e.tree.Begin(host, rank(q), e.Settings.timeout(q.Interactive))
}

// rank is who goes first at a server that is asked by many.
func rank(q *analysis.Question) wire.Rank {
	switch {
	case q.Interactive && (q.First || q.Depth == analysis.Light):
		return wire.First
	case q.Interactive || q.First:
		return wire.Again
	}
	return wire.Routine
}

func (e *Engine) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// Analyze answers the question within 3 s when a person waits and 10 s else. What the DNS says, and also that it says nothing, is an
// answer; the error is for a question that is none, and for a context that ended.
func (e *Engine) Analyze(ctx context.Context, q analysis.Question) (analysis.Answer, error) {
	if _, ok := dns.IsDomainName(q.Hostname); !ok || q.Hostname == "" || tree.Full(q.Hostname) == "." {
		return analysis.Answer{}, fmt.Errorf("analyze %q: not a host name", q.Hostname)
	}
	if q.Depth == analysis.Light && q.Zone == nil {
		return analysis.Answer{}, fmt.Errorf("analyze %s lightly: the zone found last is missing", q.Hostname)
	}
	limit := background
	if q.Interactive {
		limit = interactive
	}
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	host := tree.Full(q.Hostname)
	r := &run{Session: e.begin(host, &q), e: e, Case: &judge.Case{
		Question: q, Host: host, Owner: host, EdgeZone: cmp.Or(q.EdgeZone, e.Settings.EdgeZone), Found: map[tree.Key]tree.Answer{}, Now: e.now,
		Answer: analysis.Answer{
			Hostname: q.Hostname, Registered: true, Dnssec: analysis.DnssecUnknown, StartedAt: e.now(), Records: []analysis.RecordResult{},
			Conflicts: []analysis.ConflictSeen{}, Resolvers: []analysis.ResolverView{}, Probes: []analysis.ProbeResult{}, Existing: []analysis.RRset{},
		},
	}}
	if q.Wildcard {
		r.Owner = "*." + host
	}
	r.analyze(inner)
	if err := ctx.Err(); err != nil {
		return analysis.Answer{}, fmt.Errorf("analyze %s: %w", q.Hostname, err)
	}
	if len(r.Answer.Records) != len(q.Expected) { // the budget ended before there was anything to judge
		r.Unverifiable()
	}
	return r.finish(), nil
}
