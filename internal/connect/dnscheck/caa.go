package dnscheck

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// relevant is the CAA set that a CA will find for a name.
type relevant struct {
	name   string // where it stands; "" when there is none up to the root
	set    []caa.Record
	ids    []ident.ObservationID
	failed string // the name whose servers failed
	rcode  string
	err    error
}

// climb looks for the relevant set (RFC 8659 section 3): at the name, then at each of its parents, following CNAMEs at each. first takes
// the place of the host: our target, where the CNAME that is asked for is not there yet.
func (r *run) climb(ctx context.Context, first string) relevant {
	var out relevant
	for i, name := range caa.Climb(tree.Plain(r.host)) {
		at := tree.Full(name)
		if i == 0 {
			at = first
		}
		got, err := r.Resolve(ctx, tree.Walking, at, dns.TypeCAA)
		out.ids = append(out.ids, got.IDs...)
		if err != nil {
			out.failed, out.rcode, out.err = tree.Plain(at), dns.RcodeToString[got.Rcode], err
			if errors.Is(err, tree.ErrSilent) {
				out.rcode = "TIMEOUT"
			}
			return out
		}
		if len(got.Set) == 0 {
			continue
		}
		out.name = tree.Plain(got.Chain[len(got.Chain)-1])
		for _, rr := range got.Set {
			c := rr.(*dns.CAA)
			out.set = append(out.set, caa.Record{Flags: c.Flag, Tag: c.Tag, Value: tree.Unescape(c.Value)})
		}
		return out
	}
	return out
}

// aliased is the target that a certificate's name will lead to once the expected CNAME stands; "" when the host answers for itself.
func (r *run) aliased() string {
	for _, x := range r.q.Expected {
		if x.Type == "CNAME" && tree.Full(x.FQDN) == r.owner && r.counts(x) {
			return x.Value
		}
	}
	return ""
}

// readCAA climbs from where the name leads now and from where it will lead; which of the two counts is known when the records are.
func (r *run) readCAA(ctx context.Context) {
	if r.e.CAs == nil {
		return
	}
	now := r.climb(ctx, r.host)
	r.mu.Lock()
	r.caaNow = now
	r.mu.Unlock()
}

func (r *run) readTargetCAA(ctx context.Context) {
	if r.e.CAs == nil || r.q.Target == "" || r.aliased() == "" {
		return
	}
	then := r.climb(ctx, tree.Full(r.q.Target))
	r.mu.Lock()
	r.caaThen = &then
	r.mu.Unlock()
}

// certificate says whether one of our CAs may issue.
func (r *run) certificate() {
	state, text := "DONE", "certificate_allowed"
	warn := func(f finding.Finding) {
		r.find(f)
		if f.Severity == finding.Blocking {
			state, text = "WARNING", f.Code
		}
	}
	if r.trust.Finding != nil {
		warn(*r.trust.Finding)
	}
	if r.e.CAs != nil {
		if f := r.evaluateCAA(); f != nil {
			warn(*f)
		}
	}
	r.step("certificate", state, text, nil)
}

func (r *run) evaluateCAA() *finding.Finding {
	rel, hidden := r.caaNow, false
	if r.aliased() != "" && !slices.ContainsFunc(r.q.Expected, func(x analysis.Expected) bool {
		return x.Type == "CNAME" && tree.Full(x.FQDN) == r.owner && r.satisfied(x)
	}) {
		// The CNAME will bring the set of our target with it, which allows our CAs: what stands above the name does not count.
		hidden = r.caaThen == nil || r.caaThen.err != nil
		if !hidden {
			rel = *r.caaThen
		}
	}
	switch {
	case rel.err != nil && (errors.Is(rel.err, tree.ErrLame) || errors.Is(rel.err, tree.ErrSilent)) && !hidden:
		return new(caa.LookupFailure(rel.failed, rel.rcode, rel.ids...))
	case rel.err != nil:
		return nil
	}
	methods := r.q.Modes
	if len(methods) == 0 {
		methods = []string{"http-01", "tls-alpn-01"}
	}
	cas := r.e.CAs()
	result := caa.Evaluate(caa.Question{Host: tree.Plain(r.host), Wildcard: r.q.Wildcard, Found: rel.name, Set: rel.set, CAs: cas, Methods: methods})
	view := &analysis.CaaView{Set: []string{}, Allowed: []string{}, Refused: []string{}, Methods: []string{}, AccountOk: true, CAs: []analysis.CaaVerdict{}}
	if rel.name != "" {
		view.RelevantName = &rel.name
	}
	for _, record := range rel.set {
		view.Set = append(view.Set, record.String())
	}
	for i, v := range result.Verdicts {
		identity := v.CA
		if len(cas[i].Identities) > 0 {
			identity = cas[i].Identities[0]
		}
		if v.Allowed {
			view.Allowed = append(view.Allowed, identity)
		} else {
			view.Refused = append(view.Refused, identity)
		}
		view.AccountOk = view.AccountOk && v.Reason != finding.CAAAccountMismatch
		for _, m := range v.Methods {
			if !slices.Contains(view.Methods, m) {
				view.Methods = append(view.Methods, m)
			}
		}
		view.CAs = append(view.CAs, analysis.CaaVerdict{CA: v.CA, Allowed: v.Allowed, Methods: v.Methods, Reason: v.Reason})
	}
	r.ans.Caa = view
	f, refused := result.Finding(rel.ids...)
	if !refused || hidden {
		return nil
	}
	return &f
}
