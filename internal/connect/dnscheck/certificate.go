package dnscheck

import (
	"context"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/issuer"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// aliased is the target that a certificate's name will lead to once the expected CNAME stands; "" when the host answers for itself.
func (r *run) aliased() string {
	for _, x := range r.Question.Expected {
		if x.Type == "CNAME" && tree.Full(x.FQDN) == r.Owner && r.Counts(x) {
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
	now := issuer.Climb(ctx, r.Session, r.Host, r.Host)
	r.mu.Lock()
	r.caaNow = now
	r.mu.Unlock()
}

func (r *run) readTargetCAA(ctx context.Context) {
	if r.e.CAs == nil || r.Question.Target == "" || r.aliased() == "" {
		return
	}
	then := issuer.Climb(ctx, r.Session, r.Host, tree.Full(r.Question.Target))
	r.mu.Lock()
	r.caaThen = &then
	r.mu.Unlock()
}

// maxCommonName is what the oldest field of a certificate holds (RFC 5280, ub-common-name-length).
const maxCommonName = 64

// certificate says whether one of our CAs may issue.
func (r *run) certificate() {
	state, text := "DONE", "certificate_allowed"
	warn := func(f finding.Finding) {
		r.Find(f)
		if f.Severity == finding.Blocking {
			state, text = "WARNING", f.Code
		}
	}
	if r.trust.Finding != nil {
		warn(*r.trust.Finding)
	}
	if name := tree.Plain(r.Owner); len(name) > maxCommonName {
		r.Find(finding.New(finding.NameTooLongForCommonName, map[string]any{"name": name}))
	}
	if r.e.CAs != nil {
		if f := r.evaluateCAA(); f != nil {
			warn(*f)
		}
	}
	r.step("certificate", state, text, nil)
}

func (r *run) evaluateCAA() *finding.Finding {
	rel, hidden := r.caaNow, r.Delegates() && (!r.Delegated() || r.caaNow.Err != nil) // the zone will be ours, and so will its CAA
	if r.aliased() != "" && !slices.ContainsFunc(r.Question.Expected, func(x analysis.Expected) bool {
		return x.Type == "CNAME" && tree.Full(x.FQDN) == r.Owner && r.Satisfied(x)
	}) {
		// The CNAME will bring the set of our target with it, which allows our CAs: what stands above the name does not count.
		hidden = r.caaThen == nil || r.caaThen.Err != nil
		if !hidden {
			rel = *r.caaThen
		}
	}
	if rel.Err != nil {
		if f := rel.Failure(); f != nil && !hidden {
			return f
		}
		return nil
	}
	view, f := rel.Judge(r.Host, r.Question.Wildcard, r.Question.Modes, r.e.CAs())
	if r.Answer.Caa = view; hidden {
		return nil
	}
	return f
}
