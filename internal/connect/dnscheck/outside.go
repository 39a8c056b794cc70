package dnscheck

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// outside looks at the name as the rest of the world does, once the authorities have its routing record: resolvers for the ETA, and
// whoever answers at its addresses. Before that nothing is asked, because a question would put the absence into caches.
func (r *run) outside(ctx context.Context, m *tree.Matrix) {
	x, ok := r.Routed()
	switch {
	case ok:
	case r.Question.Probe.Anyway && r.e.Nonce != nil && r.Question.Depth != analysis.Light:
		r.probe(ctx, r.Question.Probe)
		return
	default:
		r.behindProxy(ctx, m)
		return
	}
	var wg sync.WaitGroup
	if r.Question.AskResolvers {
		wg.Go(func() { r.askResolvers(ctx, x) })
	}
	if (r.Question.Probe.HTTP || r.Question.Probe.HTTPS) && r.e.Nonce != nil {
		wg.Go(func() { r.probe(ctx, r.Question.Probe) })
	}
	wg.Wait()
}

// askResolvers reads what each resolver of the settings keeps for the name, and for how long.
func (r *run) askResolvers(ctx context.Context, x analysis.Expected) {
	list := r.e.Settings.Resolvers
	views, etas := make([]analysis.ResolverView, len(list)), make([]analysis.ResolverEta, len(list))
	var wg sync.WaitGroup
	for i, res := range list {
		wg.Go(func() { views[i], etas[i] = r.askOneResolver(ctx, res, x) })
	}
	wg.Wait()
	eta := analysis.Eta{PerResolver: etas}
	for _, e := range etas {
		eta.Seconds = max(eta.Seconds, e.Seconds)
	}
	eta.Until = r.e.now().Add(time.Duration(eta.Seconds) * time.Second)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer.Resolvers = views
	if len(list) > 0 {
		r.Answer.Eta = &eta
	}
}

func (r *run) askOneResolver(ctx context.Context, res Resolver, x analysis.Expected) (analysis.ResolverView, analysis.ResolverEta) {
	v := analysis.ResolverView{Name: res.Name, Values: []string{}}
	e := analysis.ResolverEta{Resolver: res.Name, Reason: analysis.NotAsked}
	if res.Region != "" {
		v.Region, e.Region = &res.Region, &res.Region
	}
	qtype := dns.TypeA
	if x.Type == "AAAA" {
		qtype = dns.TypeAAAA
	}
	a, err := r.AskResolver(ctx, res.Name, res.Address, r.Owner, qtype)
	if err != nil {
		return v, e
	}
	v.Rcode = dns.RcodeToString[a.Rcode]
	v.Values, v.TTL = tree.Observed(a.Reply, r.Owner, qtype)
	switch soa := a.SOA(); {
	case x.Type == "CNAME" && len(v.Values) == 1 && v.Values[0] == tree.Canonical("CNAME", x.Value), x.Type == "NS" && len(v.Values) > 0 && len(r.Foreign(v.Values)) == 0,
		x.Type != "CNAME" && r.HasIn(x, r.Owner, qtype, a):
		e.Reason = analysis.UpToDate
	case len(v.Values) > 0 && v.TTL != nil:
		e.Reason, e.Seconds = analysis.OldAnswer, *v.TTL
	case soa != nil && (a.Rcode == dns.RcodeNameError || a.Rcode == dns.RcodeSuccess):
		// The remaining life of the absence is that of the SOA in this very answer (RFC 2308 section 5).
		e.Reason, e.Seconds = analysis.NegativeAnswer, int32(min(soa.Hdr.Ttl, 1<<31-1))
	}
	return v, e
}

// impatient bounds a probe when a person waits, so that silence is known as such before the budget of the analysis ends.
const impatient = 2 * time.Second

// probe asks every address of the host, each family by itself, on the ports that are wanted.
func (r *run) probe(ctx context.Context, wanted analysis.ProbeWanted) {
	host := r.visited()
	addrs, proof, err := r.ResolveAddresses(ctx, host)
	if err != nil && len(addrs) == 0 {
		return
	}
	addrs = addrs[:min(len(addrs), 8)]
	s := &r.e.Settings
	p := &probe.Prober{
		AllowPrivate: s.AllowPrivate, HTTPPort: s.ProbeHTTPPort, HTTPSPort: s.ProbeHTTPSPort, Roots: s.ProbeRoots,
		Edge: slices.Concat(s.EdgeV4, s.EdgeV6), Map: s.ProbeMap,
	}
	if r.Question.Interactive {
		p.Timeout = impatient
	}
	results := r.askAll(ctx, p, tree.Plain(host), addrs, wanted)
	alone := analysis.TLSAlone(results)
	noticed := alone || wanted.HTTPS && served(results)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer.Probes = results
	v4 := slices.ContainsFunc(results, func(res analysis.ProbeResult) bool { return res.Family == 4 && res.Result == analysis.ProbeOK })
	closed := slices.Clone(proof)
	for _, res := range results {
		if res.Result == analysis.ProbeTimeout && ctx.Err() != nil {
			r.Session.Cut() // our own budget ended, not their patience
			continue
		}
		seen := r.observe(res)
		switch f := r.probeFinding(res, v4); {
		case f == nil:
		case noticed && res.Over == analysis.OverHTTP && res.Closed():
			closed = append(closed, seen)
		case res.Over != analysis.OverTLS: // what a handshake meets where it does not help either is said of http already
			f.Evidence = append(slices.Clone(proof), seen)
			r.Find(*f)
		}
	}
	if len(closed) > len(proof) {
		r.Find(finding.New(finding.HTTPClosed, params{"name": r.Question.Hostname}, closed...))
	}
}

// served says that our edge answers over HTTPS at every address.
func served(all []analysis.ProbeResult) bool {
	return !slices.ContainsFunc(all, func(p analysis.ProbeResult) bool { return p.Over == analysis.OverHTTPS && !p.Reached() })
}

// headStart is what http has to itself, before somebody who may be behind a silent firewall is asked over TLS too.
const headStart = 500 * time.Millisecond

// askAll asks every address in the ways that are wanted, and over TLS what is silent over http, where a CA may be shown the name that way. What TLS says counts
// where http is closed; else it is left out.
func (r *run) askAll(ctx context.Context, p *probe.Prober, host string, addrs []netip.Addr, wanted analysis.ProbeWanted) []analysis.ProbeResult {
	nonces := r.e.Nonce(host)
	plain, secure, tls := make([]analysis.ProbeResult, len(addrs)), make([]analysis.ProbeResult, len(addrs)), make([]analysis.ProbeResult, len(addrs))
	settled, silent, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	fall := func() { once.Do(func() { close(silent) }) }
	var first, others sync.WaitGroup
	for i, a := range addrs {
		if wanted.HTTP {
			first.Go(func() {
				if plain[i] = p.Ask(ctx, host, a, false, nonces); plain[i].Closed() {
					fall()
				}
			})
		}
		if wanted.HTTPS {
			others.Go(func() { secure[i] = p.Ask(ctx, host, a, true, nonces) })
		}
	}
	if wanted.HTTP && !wanted.HTTPS && r.Answer.Caa.Lets("tls-alpn-01") {
		late := time.AfterFunc(headStart, fall)
		defer late.Stop()
		for i, a := range addrs {
			others.Go(func() {
				select {
				case <-silent:
				case <-settled:
					select {
					case <-silent:
					default:
						return
					}
				}
				tls[i] = p.Hello(ctx, host, a, r.e.Nonce)
			})
		}
	}
	first.Wait()
	close(settled)
	others.Wait()
	var all []analysis.ProbeResult
	for i := range addrs {
		if wanted.HTTP {
			all = append(all, plain[i])
		}
		if wanted.HTTPS {
			all = append(all, secure[i])
		}
	}
	if slices.ContainsFunc(plain, func(res analysis.ProbeResult) bool { return wanted.HTTP && res.Closed() }) && tls[0].Over != "" {
		all = append(all, tls...)
	}
	return all
}

// visited is the name that is visited: of a wildcard one below it that nobody has made.
func (r *run) visited() string {
	if !r.Question.Wildcard {
		return r.Host
	}
	var random [4]byte
	_, _ = rand.Read(random[:])
	return "np-" + hex.EncodeToString(random[:]) + "." + r.Host
}

// observe keeps a probe as evidence.
func (r *run) observe(res analysis.ProbeResult) ident.ObservationID {
	return r.Observe(analysis.Observation{
		SourceKind: analysis.Probe, Source: netip.AddrPortFrom(netip.MustParseAddr(res.Address), uint16(res.Port)).String(), Family: res.Family,
		Type: map[int32]string{4: "A", 6: "AAAA"}[res.Family], Name: tree.Plain(r.Host), Values: []string{string(res.Result)},
		ElapsedUs: int32(res.ElapsedMs * 1000), Error: res.Detail,
	})
}

func (r *run) probeFinding(res analysis.ProbeResult, v4 bool) *finding.Finding {
	p := params{"name": r.Question.Hostname, "address": res.Address}
	detail := ""
	if res.Detail != nil {
		detail = *res.Detail
	}
	code := ""
	switch res.Result {
	case analysis.ProbeTimeout, analysis.ProbeRefused:
		code = finding.HTTPUnreachable
		if res.Over == analysis.OverHTTPS {
			code = finding.HTTPSUnreachable
		}
		if res.Family == 6 && v4 {
			code = finding.IPv6Unreachable
		}
	case analysis.ProbeOtherServer:
		code = finding.OtherServer
	case analysis.ProbeRedirect:
		code, p = finding.RedirectElsewhere, params{"name": r.Question.Hostname, "location": detail}
	case analysis.ProbeTLSError:
		code, p = finding.ProbeTLSError, params{"name": r.Question.Hostname, "detail": detail}
	case analysis.ProbeViaProxy:
		code, p = finding.Proxied, r.proxy()
	case analysis.ProbeLoopRisk:
		code, p = finding.RedirectLoopRisk, r.proxy()
	default:
		return nil
	}
	return new(finding.New(code, p))
}

func (r *run) proxy() params {
	p := params{"name": r.Question.Hostname}
	if r.Answer.Provider.Provider != nil {
		p["provider"] = r.Answer.Provider.Provider.Name
	}
	return p
}
