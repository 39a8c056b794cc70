package dnscheck

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// analyze goes from the delegation to the probes. Each part leaves what it found in r.ans.
func (r *run) analyze(ctx context.Context) {
	r.owner = r.host
	if r.q.Wildcard {
		r.owner = "*." + r.host
	}
	r.ours = slices.Concat(r.e.Settings.EdgeV4, r.e.Settings.EdgeV6)
	for _, x := range r.q.Expected {
		if (x.Type == "A" || x.Type == "AAAA") && x.Requirement != "REMOVE" {
			r.ours = append(r.ours, tree.AddressList([]string{x.Value})...)
		}
	}
	r.step("delegation", "RUNNING", "walking", params{"name": r.q.Hostname})
	f, ok := r.locate(ctx)
	if !ok {
		return
	}
	r.cut, r.zone = f.Cut, f.Cut.Apex
	m := r.gather(ctx, f.Cut)
	r.chain().Verify(&r.trust, m)
	r.ans.Dnssec = cmp.Or(r.trust.State, analysis.DnssecUnknown)
	r.reportServers(ctx, f.Cut, m)
	if r.ans.Verdict != "" {
		return
	}
	if r.q.Depth == analysis.Full {
		r.detect(f.Cut, m)
	}
	if r.records(ctx, f.Cut, m); r.q.Depth == analysis.Full {
		r.certificate()
	}
	r.outside(ctx, m)
	r.ans.Verdict = r.verdict(m)
}

// locate finds the zone. It answers false when the verdict is already known.
func (r *run) locate(ctx context.Context) (tree.Found, bool) {
	switch r.q.Depth {
	case analysis.Light:
		return tree.Found{Cut: known(r.q.Zone)}, true
	case analysis.Watch:
		// The delegation found last, while its parent's answer is still fresh: nothing is asked but what decides.
		if c := r.Closest(r.host); r.q.Zone != nil && c.Apex == tree.Full(r.q.Zone.Apex) {
			f := tree.Found{Cut: c}
			r.Know(f)
			return f, true
		}
	}
	f := r.Walk(ctx, r.host, r.q.Interactive)
	apex := tree.Plain(f.Cut.Apex)
	switch {
	case errors.Is(f.Err, tree.ErrBudget):
		r.ans.Verdict = analysis.CouldNotAsk
		return f, false
	case f.Err != nil && (r.registry(f.Cut.Apex) || errors.Is(f.Err, tree.ErrOurs)):
		r.couldNotAsk()
		return f, false
	case f.Err == nil && f.Rcode == dns.RcodeNameError && r.registry(f.Cut.Apex) && !r.registered(ctx, f):
		r.ans.Registered = false
		domain := r.registrable()
		r.stop(finding.NotRegistered, params{"domain": domain}, f.Last)
		return f, false
	case errors.Is(f.Err, tree.ErrLoop):
		r.ans.Zone = (&tree.Matrix{Zone: f.Cut.Apex}).View(f.Cut.Chain)
		r.stop(finding.DelegationLoop, params{"zone": apex, "servers": names(f.Cut)}, f.Last)
		return f, false
	case errors.Is(f.Err, tree.ErrNoAddress):
		r.ans.Zone = (&tree.Matrix{Zone: f.Cut.Apex}).View(f.Cut.Chain)
		r.stop(finding.NoNSAddress, params{"zone": apex, "servers": names(f.Cut)}, f.Last)
		return f, false
	}
	return f, true
}

// stop ends the analysis: as the delegation stands, no record of the customer can be seen by anybody.
func (r *run) stop(code string, p params, a tree.Answer) {
	f := finding.New(code, p, tree.Distinct(a.ID)...)
	if len(f.Evidence) == 0 {
		for _, o := range r.Account().Observations {
			f.Evidence = append(f.Evidence, o.ID)
		}
	}
	r.find(f)
	r.ans.Verdict = analysis.Absent
	r.unverifiable()
	r.step("delegation", "FAILED", code, p)
}

func (r *run) couldNotAsk() {
	r.find(finding.New(finding.CouldNotAsk, nil))
	r.ans.Verdict = analysis.CouldNotAsk
	r.unverifiable()
	r.step("delegation", "FAILED", finding.CouldNotAsk, nil)
}

func (r *run) unverifiable() {
	r.ans.Records = r.ans.Records[:0]
	for _, x := range r.q.Expected {
		r.ans.Records = append(r.ans.Records, analysis.RecordResult{Key: x.Key, Status: statusUnverifiable, Observed: []analysis.ServerRRset{}, Seen: []string{}})
	}
}

// registry says that a zone is no customer's: the root, or above the registrable domain.
func (r *run) registry(apex string) bool {
	if reg := r.q.Registrable; reg != "" {
		return tree.Below(apex, tree.Full(reg))
	}
	return dns.CountLabel(apex) < 2
}

func (r *run) registrable() string {
	if r.q.Registrable != "" {
		return r.q.Registrable
	}
	labels := dns.SplitDomainName(r.host)
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// registered asks for the domain itself, when the host below it does not exist in the registry's zone.
func (r *run) registered(ctx context.Context, f tree.Found) bool {
	domain := tree.Full(r.registrable())
	if domain == r.host {
		return false
	}
	a, err := r.AskZone(ctx, tree.Walking, f.Cut, domain, dns.TypeNS)
	return err != nil || a.Rcode != dns.RcodeNameError
}

func (r *run) isApex(name string) bool { return name == r.zone }

func (r *run) edgeZone() string {
	if r.q.EdgeZone != "" {
		return r.q.EdgeZone
	}
	return r.e.Settings.EdgeZone
}

func names(z tree.Cut) []string {
	out := []string{}
	for _, s := range z.Servers {
		out = append(out, tree.Plain(s.Name))
	}
	return out
}

func (r *run) servers() []string { return names(r.cut) }

// known is the zone that an earlier analysis found.
func known(v *analysis.ZoneView) tree.Cut {
	c := tree.Cut{Apex: tree.Full(v.Apex)}
	for _, n := range v.Chain {
		c.Chain = append(c.Chain, tree.Full(n))
	}
	for _, ns := range v.NameServers {
		name := tree.Full(ns.Name)
		i := slices.IndexFunc(c.Servers, func(s tree.NameServer) bool { return s.Name == name })
		if i < 0 {
			i = len(c.Servers)
			c.Servers = append(c.Servers, tree.NameServer{Name: name})
		}
		c.Servers[i].Addrs = append(c.Servers[i].Addrs, tree.AddressList([]string{ns.Address})...)
	}
	return c
}

// gather asks everything that does not depend on an answer, all at once: every server for what decides, one for the rest.
func (r *run) gather(ctx context.Context, z tree.Cut) *tree.Matrix {
	var asks []tree.Key
	for _, x := range r.q.Expected {
		for _, k := range r.needs(x) {
			if !slices.Contains(asks, k) && tree.Within(z.Apex, k.Name) {
				asks = append(asks, k)
			}
		}
	}
	if k := r.proof(); r.q.Verification != "" && r.q.Depth != analysis.Light && !slices.Contains(asks, k) && tree.Within(z.Apex, k.Name) {
		asks = append(asks, k)
	}
	var m *tree.Matrix
	var wg sync.WaitGroup
	wg.Go(func() { m = r.AskAll(ctx, z, asks, r.q.Depth == analysis.Light) })
	if r.q.Depth == analysis.Full {
		r.step("provider", "RUNNING", "reading", nil)
		r.step("records", "RUNNING", "reading", nil)
		r.step("certificate", "RUNNING", "reading", nil)
		wg.Go(func() { r.discover(ctx, z, asks) })
		wg.Go(func() {
			t := r.chain().Follow(ctx, z)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.trust = t
		})
		wg.Go(func() { r.readCAA(ctx) })
		wg.Go(func() { r.readTargetCAA(ctx) })
	}
	wg.Wait()
	r.resolveTarget(ctx, m)
	return m
}

// proof is where the ownership TXT stands.
func (r *run) proof() tree.Key { return tree.Key{Name: "_nameplate." + r.host, Type: dns.TypeTXT} }

// resolveTarget learns the addresses of our target where addresses stand in its place that the settings do not know: a provider that
// flattens shows the target's own, and so does who typed them by hand.
func (r *run) resolveTarget(ctx context.Context, m *tree.Matrix) {
	i := slices.IndexFunc(r.q.Expected, func(x analysis.Expected) bool {
		if (x.Type != "ALIAS" && x.Type != "CNAME") || x.Value == "" || x.Requirement == "REMOVE" {
			return false
		}
		v := tree.Look(tree.Full(x.FQDN), m.Responsive(), nil)
		return len(v.Sets[dns.TypeCNAME]) == 0 && len(r.foreign(slices.Concat(v.Sets[dns.TypeA], v.Sets[dns.TypeAAAA]))) > 0
	})
	if i < 0 || r.q.Depth == analysis.Light {
		return
	}
	list, _, err := r.ResolveAddresses(ctx, tree.Full(r.q.Expected[i].Value))
	if err != nil {
		return // the settings' addresses have to do
	}
	r.ours = append(r.ours, list...)
}

// reportServers turns the servers' verdicts into the zone view and its findings.
func (r *run) reportServers(ctx context.Context, z tree.Cut, m *tree.Matrix) {
	r.ans.Zone = m.View(z.Chain)
	r.ans.Zone.Dnssec = r.ans.Dnssec
	silent, lame, slow := []string{}, []string{}, []string{}
	var silentIDs, lameIDs, slowIDs []tree.Answer
	answered := map[string]bool{}
	rcode := ""
	for _, c := range m.Columns {
		one := tree.Answer{ID: c.ID}
		switch c.Verdict {
		case analysis.ServerTimeout:
			silent, silentIDs = append(silent, c.String()), append(silentIDs, one)
		case analysis.ServerRefused, analysis.ServerServfail, analysis.ServerLame:
			lame, lameIDs, rcode = append(lame, c.String()), append(lameIDs, one), c.Rcode
		case analysis.ServerSlow:
			slow, slowIDs = append(slow, c.String()), append(slowIDs, one)
		}
		answered[c.Name] = answered[c.Name] || c.Responsive()
	}
	apex := tree.Plain(z.Apex)
	working := len(m.Responsive()) > 0
	note := func(code string, p params, seen []tree.Answer) {
		f := finding.New(code, p)
		for _, a := range seen {
			f.Evidence = append(f.Evidence, a.ID)
		}
		if working && f.Severity == finding.Blocking {
			f = f.As(finding.Warning) // the others answer, and so does the domain
		}
		r.find(f)
	}
	switch {
	case working && len(silent) > 0:
		gone := 0
		for _, ok := range answered {
			if !ok {
				gone++
			}
		}
		note(finding.NSUnreachable, params{"k": max(gone, 1), "n": len(z.Servers), "servers": silent}, silentIDs)
	case m.Short && !working:
		r.ans.Verdict = analysis.CouldNotAsk
		r.unverifiable()
		return
	case len(lame) == 0 && !working && (m.Ours > 0 && len(silent) == 0 || !r.anybody(ctx)):
		r.couldNotAsk()
		return
	case len(lame) == 0 && !working && len(m.NoAddress) < len(z.Servers):
		if len(silent) == 0 {
			silent = names(z) // not even their names' own servers answered
		}
		note(finding.AllNSUnreachable, params{"zone": apex, "servers": silent}, silentIDs)
	}
	if len(lame) > 0 {
		note(finding.LameDelegation, params{"zone": apex, "servers": lame, "rcode": rcode}, lameIDs)
	}
	if len(m.NoAddress) > 0 {
		note(finding.NoNSAddress, params{"zone": apex, "servers": m.NoAddress}, nil)
	}
	if len(slow) > 0 {
		note(finding.NSSlow, params{"servers": slow}, slowIDs)
	}
	if len(r.ans.Zone.Serials) > 1 {
		var ids []tree.Answer
		for _, c := range m.Responsive() {
			ids = append(ids, tree.Answer{ID: c.ID})
		}
		note(finding.SerialMismatch, params{"zone": apex, "serials": r.ans.Zone.Serials}, ids)
	}
	if !working {
		r.ans.Verdict = analysis.Absent
		r.unverifiable()
		r.step("delegation", "FAILED", r.ans.Findings[0].Code, r.ans.Findings[0].Params)
		return
	}
	r.compareParent(z)
	if reg := r.q.Registrable; reg != "" && tree.Below(tree.Full(reg), z.Apex) {
		r.find(finding.New(finding.Subzone, params{"zone": apex, "name": r.q.Hostname}))
	}
	r.step("delegation", "DONE", "delegated", params{"zone": apex, "servers": names(z)})
}

// anybody says whether our own side works: when no server of a zone answers, somebody else is asked.
func (r *run) anybody(ctx context.Context) bool {
	_, err := r.AskZone(ctx, tree.Deciding, r.Root(), ".", dns.TypeNS)
	return err == nil || errors.Is(err, tree.ErrLame) // even a wrong answer came over the network
}

// compareParent tells when the zone names other servers than its parent does: resolvers use both.
func (r *run) compareParent(z tree.Cut) {
	a, ok := r.found[tree.Key{Name: z.Apex, Type: dns.TypeNS}]
	if !ok {
		return
	}
	child, above := tree.Values(a.At(z.Apex, dns.TypeNS)), names(z)
	slices.Sort(above)
	if len(child) > 0 && !slices.Equal(child, above) {
		r.find(finding.New(finding.ParentChildNSMismatch, params{"zone": tree.Plain(z.Apex), "parent": above, "child": child}, a.ID))
	}
}

// detect says who runs the zone.
func (r *run) detect(z tree.Cut, m *tree.Matrix) {
	e := provider.Evidence{NameServers: names(z)}
	for _, c := range m.Responsive() {
		if c.SOA != nil {
			e.SOAMName, e.SOARName = c.SOA.Ns, c.SOA.Mbox
		}
	}
	if r.e.Catalogue == nil {
		r.ans.Provider = provider.ProviderMatch{Evidence: []provider.ProviderEvidence{}}
	} else {
		r.ans.Provider = r.e.Catalogue.Detect(e)
	}
	p := r.ans.Provider
	if p.Provider == nil {
		r.step("provider", "DONE", "provider_unknown", nil)
		return
	}
	if p.Mixed {
		list := []string{p.Provider.Name}
		for _, other := range p.Others {
			list = append(list, other.Name)
		}
		r.find(finding.New(finding.MixedDNS, params{"domain": tree.Plain(z.Apex), "providers": list}))
	}
	if p.Provider.Parking {
		r.find(finding.New(finding.ParkedDomain, params{"domain": tree.Plain(z.Apex), "service": p.Provider.Name}))
	}
	r.step("provider", "DONE", "provider_found", params{"provider": p.Provider.Name, "slug": p.Provider.Slug})
}

// finish closes the answer.
func (r *run) finish() analysis.Answer {
	account := r.Account()
	if account.Incomplete {
		at := r.e.now().Add(30 * time.Second).UTC().Format(time.RFC3339)
		r.find(finding.New(finding.AnalysisIncomplete, params{"at": at}))
	}
	if r.ans.Verdict == "" {
		r.ans.Verdict = analysis.CouldNotAsk
	}
	if r.ans.Findings == nil {
		r.ans.Findings = []finding.Finding{}
	}
	if r.ans.Provider.Evidence == nil {
		r.ans.Provider.Evidence = []provider.ProviderEvidence{}
	}
	r.ans.Observations, r.ans.Questions, r.ans.Errors = account.Observations, account.Questions, account.Unanswered
	r.ans.FinishedAt = r.e.now()
	return r.ans
}
