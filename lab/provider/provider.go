// Package provider plays the companies that run people's DNS: each has name servers, zones of its
// customers, an HTTP API for programs and a page for people. The API takes values as absolute names; the
// page appends the zone to a target without a final dot, as such pages do.
package provider

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/querylog"
)

// Provider is one such company.
type Provider struct {
	Name    string // "plain"
	Title   string // "Plain DNS"
	About   string // one sentence for the page
	Domain  string // "plain-dns.lab.", below which its servers have their names
	Servers []*authority.Server
	Flatten authority.Flattener // not nil: it offers ALIAS
	Append  bool                // its page appends the zone to what is typed
	Now     func() time.Time

	mu     sync.Mutex
	zones  map[string]*authority.Zone
	lags   map[string]time.Duration
	faults []authority.Fault // of the API
	edits  int               // changes by the API since the last RejectN
}

// NameServers are the names that its customers' zones are delegated to.
func (p *Provider) NameServers() []string {
	out := make([]string, 0, len(p.Servers))
	for _, s := range p.Servers {
		out = append(out, s.Name)
	}
	return out
}

// Create makes an empty zone on all servers of the provider. Unset options are filled in.
func (p *Provider) Create(o authority.Options) *authority.Zone {
	if o.NS == nil {
		o.NS = p.NameServers()
	}
	o.Now, o.Flatten = p.Now, p.Flatten
	if o.Rname == "" {
		o.Rname = "hostmaster." + strings.TrimSuffix(p.Domain, ".")
	}
	z := authority.NewZone(o)
	p.Adopt(z)
	return z
}

// Adopt hosts a zone that exists already.
func (p *Provider) Adopt(z *authority.Zone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zones == nil {
		p.zones = map[string]*authority.Zone{}
	}
	p.zones[z.Apex()] = z
	for _, s := range p.Servers {
		z.Lag(s.Name, p.lags[s.Name])
		s.Host(z)
	}
}

// Zone finds a zone of the provider, or nil.
func (p *Provider) Zone(name string) *authority.Zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.zones[dns.CanonicalName(name)]
}

// Zones lists them by name.
func (p *Provider) Zones() []*authority.Zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*authority.Zone, 0, len(p.zones))
	for _, z := range p.zones {
		out = append(out, z)
	}
	slices.SortFunc(out, func(a, b *authority.Zone) int { return strings.Compare(a.Apex(), b.Apex()) })
	return out
}

// Server finds one of its servers by name or first label. A name that it does not have is a mistake in the
// test: it panics.
func (p *Provider) Server(name string) *authority.Server {
	for _, s := range p.Servers {
		if authority.Names(s.Name, name) {
			return s
		}
	}
	panic(fmt.Sprintf("lab: provider %s has no server %q, only %v", p.Name, name, p.NameServers()))
}

// Lag makes later edits of every zone reach one server d after the others; 0 lets it catch up.
func (p *Provider) Lag(server string, d time.Duration) {
	name := p.Server(server).Name
	p.mu.Lock()
	if p.lags == nil {
		p.lags = map[string]time.Duration{}
	}
	p.lags[name] = d
	p.mu.Unlock()
	for _, z := range p.Zones() {
		z.Lag(name, d)
	}
}

// Lags says by how much a server lags.
func (p *Provider) Lags(server string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lags[server]
}

// Fail adds faults to the servers and the API.
func (p *Provider) Fail(faults ...authority.Fault) {
	for _, s := range p.Servers {
		s.Fail(faults...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range faults {
		if f.Kind == authority.APIStatus || f.Kind == authority.RejectN {
			p.faults, p.edits = append(p.faults, f), 0
		}
	}
}

// Heal ends all faults of the provider, those of single zones excepted.
func (p *Provider) Heal() {
	for _, s := range p.Servers {
		s.Heal()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// Log lists what the provider's servers were asked for a name, by time.
func (p *Provider) Log(name string) []querylog.Query {
	var out []querylog.Query
	for _, s := range p.Servers {
		out = append(out, s.Log(name)...)
	}
	slices.SortStableFunc(out, func(a, b querylog.Query) int { return a.At.Compare(b.At) })
	return out
}

// refuse says with which status the API refuses a change now, or 0.
func (p *Provider) refuse(change bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if change {
		p.edits++
	}
	for _, f := range p.faults {
		switch {
		case f.Kind == authority.APIStatus:
			return f.Status
		case f.Kind == authority.RejectN && change && f.N == p.edits:
			return 422
		}
	}
	return 0
}
