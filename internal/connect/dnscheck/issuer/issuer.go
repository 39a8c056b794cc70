// Package issuer reads the CAA records that a certification authority will find for a name, and says which of ours may issue.
package issuer

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

// Relevant is the CAA set that a CA will find for a name.
type Relevant struct {
	Name   string // where it stands; "" when there is none up to the root
	Set    []caa.Record
	IDs    []ident.ObservationID
	Failed string // the name whose servers failed
	Rcode  string
	Err    error
}

// Climb looks for the relevant set (RFC 8659 section 3): at the host, then at each of its parents, following CNAMEs at each. first takes
// the place of the host: our target, where the CNAME that is asked for is not there yet.
func Climb(ctx context.Context, s *tree.Session, host, first string) Relevant {
	var out Relevant
	for i, name := range caa.Climb(tree.Plain(host)) {
		at := tree.Full(name)
		if i == 0 {
			at = first
		}
		got, err := s.Resolve(ctx, tree.Walking, at, dns.TypeCAA)
		out.IDs = append(out.IDs, got.IDs...)
		if err != nil {
			out.Failed, out.Rcode, out.Err = tree.Plain(at), dns.RcodeToString[got.Rcode], err
			if errors.Is(err, tree.ErrSilent) {
				out.Rcode = "TIMEOUT"
			}
			return out
		}
		if len(got.Set) == 0 {
			continue
		}
		out.Name = tree.Plain(got.Chain[len(got.Chain)-1])
		for _, rr := range got.Set {
			c := rr.(*dns.CAA)
			out.Set = append(out.Set, caa.Record{Flags: c.Flag, Tag: c.Tag, Value: tree.Unescape(c.Value)})
		}
		return out
	}
	return out
}

// Failure is what to say when the name's own servers have no answer to CAA questions; nil when they have, and when it was our side that
// could not ask.
func (r Relevant) Failure() *finding.Finding {
	if errors.Is(r.Err, tree.ErrLame) || errors.Is(r.Err, tree.ErrSilent) {
		return new(caa.LookupFailure(r.Failed, r.Rcode, r.IDs...))
	}
	return nil
}

// standard are the challenges of a question that names none.
var standard = []string{"http-01", "tls-alpn-01"}

// Judge says what the set means for each of our CAs, and what is in the way when none of them may issue; nil when one may.
func (r Relevant) Judge(host string, wildcard bool, modes []string, cas []caa.CA) (*analysis.CaaView, *finding.Finding) {
	if len(modes) == 0 {
		modes = standard
	}
	result := caa.Evaluate(caa.Question{Host: tree.Plain(host), Wildcard: wildcard, Found: r.Name, Set: r.Set, CAs: cas, Methods: modes})
	view := &analysis.CaaView{Set: []string{}, Allowed: []string{}, Refused: []string{}, Methods: []string{}, AccountOk: true, CAs: []analysis.CaaVerdict{}}
	if r.Name != "" {
		view.RelevantName = &r.Name
	}
	for _, record := range r.Set {
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
	f, refused := result.Finding(r.IDs...)
	if !refused {
		return view, nil
	}
	return view, &f
}
