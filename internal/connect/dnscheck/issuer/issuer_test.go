package issuer

import (
	"errors"
	"slices"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// TestFailure keeps apart whose servers had no answer: theirs make a CA refuse, ours say nothing about the domain.
func TestFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{{nil, false}, {tree.ErrLame, true}, {tree.ErrSilent, true}, {tree.ErrOurs, false}, {tree.ErrBudget, false}, {errors.Join(tree.ErrChain), false}} {
		f := Relevant{Failed: "shop.acme.lab", Rcode: "SERVFAIL", Err: c.err}.Failure()
		if (f != nil) != c.want || f != nil && f.Code != finding.CAALookupFailure {
			t.Errorf("%v is %+v", c.err, f)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	cas := []caa.CA{{Name: "main", Identities: []string{"ca.lab"}}, {Name: "second", Identities: []string{"ca2.lab"}}}
	view, f := Relevant{}.Judge("shop.acme.lab.", false, nil, cas)
	if f != nil || view.RelevantName != nil || !slices.Equal(view.Allowed, []string{"ca.lab", "ca2.lab"}) || !slices.Equal(view.Methods, []string{"http-01", "tls-alpn-01"}) {
		t.Errorf("without a set: %+v %+v", view, f)
	}
	set := []caa.Record{{Tag: "issue", Value: "ca2.lab"}}
	view, f = Relevant{Name: "acme.lab", Set: set}.Judge("shop.acme.lab.", false, nil, cas)
	if f != nil || *view.RelevantName != "acme.lab" || !slices.Equal(view.Allowed, []string{"ca2.lab"}) || !slices.Equal(view.Refused, []string{"ca.lab"}) {
		t.Errorf("with the second's: %+v %+v", view, f)
	}
	set = []caa.Record{{Tag: "issue", Value: "other.lab"}}
	if view, f = (Relevant{Name: "acme.lab", Set: set}).Judge("shop.acme.lab.", false, nil, cas); f == nil || f.Code != finding.CAAForbidden || len(view.Allowed) != 0 {
		t.Errorf("with another's: %+v %+v", view, f)
	}
}
