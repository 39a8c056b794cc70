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
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/dnssec"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// analyze goes from the delegation to the probes. Each part leaves what it found in r.Answer.
func (r *run) analyze(ctx context.Context) {
	r.Ours = slices.Concat(r.e.Settings.EdgeV4, r.e.Settings.EdgeV6)
	for _, x := range r.Question.Expected {
		if (x.Type == "A" || x.Type == "AAAA") && x.Requirement != "REMOVE" {
			r.Ours = append(r.Ours, tree.AddressList([]string{x.Value})...)
		}
	}
	r.step("delegation", "RUNNING", "walking", params{"name": r.Question.Hostname})
	f, ok := r.locate(ctx)
	if !ok {
		return
	}
	r.Delegation = f.Cut
	if f.Last.Authoritative && len(f.Last.Aliases(r.Host)) == 0 && !r.Delegates() {
		r.Found[tree.Key{Name: r.Host, Type: dns.TypeNS}] = f.Last // how the walk ended
	}
	m := r.gather(ctx, f.Cut)
	r.chain().Verify(&r.trust, m)
	r.Answer.Dnssec = cmp.Or(r.trust.State, analysis.DnssecUnknown)
	if r.Servers(m, func() bool { return r.anybody(ctx) }); r.Answer.Verdict != "" {
		if len(r.Answer.Findings) > 0 {
			r.step("delegation", "FAILED", r.Answer.Findings[0].Code, r.Answer.Findings[0].Params)
		}
		if r.Question.Depth == analysis.Full {
			r.detect(f.Cut, m) // whom to ask is known by the servers' names
		}
		return
	}
	r.step("delegation", "DONE", "delegated", params{"zone": tree.Plain(f.Cut.Apex), "servers": judge.Names(f.Cut)})
	if r.Question.Depth == analysis.Full {
		r.detect(f.Cut, m)
	}
	if r.records(ctx, f.Cut, m); r.Question.Depth == analysis.Full {
		r.certificate()
	}
	r.outside(ctx, m)
	r.Answer.Verdict = r.Verdict(m)
}

// locate finds the zone. It answers false when the verdict is already known.
func (r *run) locate(ctx context.Context) (tree.Found, bool) {
	switch r.Question.Depth {
	case analysis.Light:
		return tree.Found{Cut: known(r.Question.Zone)}, true
	case analysis.Watch:
		// The delegation found last, while its parent's answer is still fresh: nothing is asked but what decides.
		if c := r.Closest(r.Above()); r.Question.Zone != nil && c.Apex == tree.Full(r.Question.Zone.Apex) {
			f := tree.Found{Cut: c}
			if !r.Delegates() { // whose own zone is ours, and found when the name is resolved
				r.Know(f)
			}
			return f, true
		}
	}
	f := r.Walk(ctx, r.Above(), r.Question.Interactive)
	apex := tree.Plain(f.Cut.Apex)
	switch {
	case errors.Is(f.Err, tree.ErrBudget):
		r.Answer.Verdict = analysis.CouldNotAsk
		r.Unverifiable()
		return f, false
	case f.Err != nil && (r.registry(f.Cut.Apex) || errors.Is(f.Err, tree.ErrOurs)):
		r.couldNotAsk()
		return f, false
	case f.Err == nil && f.Rcode == dns.RcodeNameError && r.registry(f.Cut.Apex) && !r.registered(ctx, f):
		r.Answer.Registered = false
		domain := r.registrable()
		r.stop(finding.NotRegistered, params{"domain": domain}, f.Last)
		return f, false
	case errors.Is(f.Err, tree.ErrLoop):
		r.Answer.Zone = (&tree.Matrix{Zone: f.Cut.Apex}).View(f.Cut.Chain)
		r.stop(finding.DelegationLoop, params{"zone": apex, "servers": judge.Names(f.Cut)}, f.Last)
		return f, false
	case errors.Is(f.Err, tree.ErrNoAddress):
		r.Answer.Zone = (&tree.Matrix{Zone: f.Cut.Apex}).View(f.Cut.Chain)
		r.stop(finding.NoNSAddress, params{"zone": apex, "servers": judge.Names(f.Cut)}, f.Last)
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
	r.Find(f)
	r.Answer.Verdict = analysis.Absent
	r.Unverifiable()
	r.step("delegation", "FAILED", code, p)
}

func (r *run) couldNotAsk() {
	r.CouldNotAsk()
	r.step("delegation", "FAILED", finding.CouldNotAsk, nil)
}

// registry says that a zone is no customer's: the root, or above the registrable domain.
func (r *run) registry(apex string) bool {
	if reg := r.Question.Registrable; reg != "" {
		return tree.Below(apex, tree.Full(reg))
	}
	return dns.CountLabel(apex) < 2
}

func (r *run) registrable() string {
	if r.Question.Registrable != "" {
		return r.Question.Registrable
	}
	labels := dns.SplitDomainName(r.Host)
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// registered asks for the domain itself, when the host below it does not exist in the registry's zone.
func (r *run) registered(ctx context.Context, f tree.Found) bool {
	domain := tree.Full(r.registrable())
	if domain == r.Host {
		return false
	}
	a, err := r.AskZone(ctx, tree.Walking, f.Cut, domain, dns.TypeNS)
	return err != nil || a.Rcode != dns.RcodeNameError
}

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
	for _, x := range r.Question.Expected {
		for _, k := range r.Needs(x) {
			if !slices.Contains(asks, k) && tree.Within(z.Apex, k.Name) {
				asks = append(asks, k)
			}
		}
	}
	if k := r.Proof(); r.Question.Verification != "" && r.Question.Depth != analysis.Light && !slices.Contains(asks, k) && tree.Within(z.Apex, k.Name) {
		asks = append(asks, k)
	}
	var m *tree.Matrix
	var wg sync.WaitGroup
	wg.Go(func() { m = r.AskAll(ctx, z, asks, r.Question.Depth == analysis.Light) })
	if r.Question.Depth == analysis.Full {
		r.step("provider", "RUNNING", "reading", nil)
		r.step("records", "RUNNING", "reading", nil)
		r.step("certificate", "RUNNING", "reading", nil)
		wg.Go(func() { r.discover(ctx, z, asks) })
		wg.Go(func() { r.askOffer(ctx, z) })
		if r.Question.Eager {
			wg.Go(func() { r.foresee(ctx, z) })
		}
		wg.Go(func() {
			t := r.chain().Follow(ctx, z)
			if f := r.leftDS(ctx, z, t); f != nil {
				t.Finding = f
			}
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

// leftDS says why validators refuse a name that is delegated to us: a DS record is left above it, and we have no keys that it speaks of. nil where there is
// none, where nothing is delegated, and where nobody validates.
func (r *run) leftDS(ctx context.Context, z tree.Cut, above dnssec.Trust) *finding.Finding {
	if !r.Delegates() || above.State != analysis.DnssecSignedOK || above.Finding != nil {
		return nil
	}
	a, err := r.AskZone(ctx, tree.Walking, z, r.Host, dns.TypeDS)
	if err != nil || len(a.At(r.Host, dns.TypeDS)) == 0 {
		return nil
	}
	return new(finding.New(finding.DNSSECBogus, params{"zone": tree.Plain(r.Host)}, a.ID))
}

// resolveTarget learns the addresses of our target where addresses stand in its place that the settings do not know: a provider that
// flattens shows the target's own, and so does who typed them by hand.
func (r *run) resolveTarget(ctx context.Context, m *tree.Matrix) {
	i := slices.IndexFunc(r.Question.Expected, func(x analysis.Expected) bool {
		if (x.Type != "ALIAS" && x.Type != "CNAME") || x.Value == "" || x.Requirement == "REMOVE" {
			return false
		}
		v := tree.Look(tree.Full(x.FQDN), m.Responsive(), nil)
		return len(v.Sets[dns.TypeCNAME]) == 0 && len(r.Foreign(slices.Concat(v.Sets[dns.TypeA], v.Sets[dns.TypeAAAA]))) > 0
	})
	if i < 0 || r.Question.Depth == analysis.Light {
		return
	}
	list, _, err := r.ResolveAddresses(ctx, tree.Full(r.Question.Expected[i].Value))
	if err != nil {
		return // the settings' addresses have to do
	}
	r.Ours = append(r.Ours, list...)
}

// anybody says whether our own side works: when no server of a zone answers, somebody else is asked.
func (r *run) anybody(ctx context.Context) bool {
	_, err := r.AskZone(ctx, tree.Deciding, r.Root(), ".", dns.TypeNS)
	return err == nil || errors.Is(err, tree.ErrLame) // even a wrong answer came over the network
}

// detect says who runs the zone.
func (r *run) detect(z tree.Cut, m *tree.Matrix) {
	e := provider.Evidence{NameServers: judge.Names(z), Offer: r.offer}
	for _, c := range m.Responsive() {
		if c.SOA != nil {
			e.SOAMName, e.SOARName = c.SOA.Ns, c.SOA.Mbox
		}
	}
	if r.e.Catalogue == nil {
		r.Answer.Provider = provider.ProviderMatch{Evidence: []provider.ProviderEvidence{}}
	} else {
		r.Answer.Provider = r.e.Catalogue.Detect(e)
	}
	p := r.Answer.Provider
	if p.Provider == nil {
		r.step("provider", "DONE", "provider_unknown", nil)
		return
	}
	if p.Mixed {
		list := []string{p.Provider.Name}
		for _, other := range p.Others {
			list = append(list, other.Name)
		}
		r.Find(finding.New(finding.MixedDNS, params{"domain": tree.Plain(z.Apex), "providers": list}))
	}
	if p.Provider.Parking {
		r.Find(finding.New(finding.ParkedDomain, params{"domain": tree.Plain(z.Apex), "service": p.Provider.Name}))
	}
	r.step("provider", "DONE", "provider_found", params{"provider": p.Provider.Name, "slug": p.Provider.Slug})
}

// finish closes the answer.
func (r *run) finish() analysis.Answer {
	account := r.Account()
	if account.Incomplete {
		at := r.e.now().Add(30 * time.Second).UTC().Format(time.RFC3339)
		r.Find(finding.New(finding.AnalysisIncomplete, params{"at": at}))
	}
	if r.Answer.Verdict == "" {
		r.Answer.Verdict = analysis.CouldNotAsk
	}
	if r.Answer.Findings == nil {
		r.Answer.Findings = []finding.Finding{}
	}
	if r.Answer.Provider.Evidence == nil {
		r.Answer.Provider.Evidence = []provider.ProviderEvidence{}
	}
	r.prove(account.Observations)
	r.Answer.Observations, r.Answer.Questions, r.Answer.Errors = account.Observations, account.Questions, account.Unanswered
	r.Answer.FinishedAt = r.e.now()
	return r.Answer
}
